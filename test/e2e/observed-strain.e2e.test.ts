// What goes wrong slowly, as a real Prometheus sees it: a disk that is slow, hangs or is full, a process that is late, GPUs that do nothing,
// work that waits or is taken back again and again. Each alert is silent until its cause is there.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { freePort } from '../../common/free-port.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { ObservingPrometheus } from './observing-prometheus.js';
import { RealCluster, until } from './real-cluster.js';

const LIMIT_MS = 240_000;
const GPUS = 48;

const hasParts = needs('build') && needs('prometheus') && needs('cc') && needs('mounts');

describe.runIf(hasParts)('strain that Prometheus sees', () => {
  const environment: Record<string, string> = {};
  const serverFlags = ['--usage-idle-after=3s', '--fencing-failover=1s'];
  const cluster = new RealCluster({ serverFlags, environment });
  let client: SluiceClient;
  let prometheus: ObservingPrometheus;
  let agent = '';

  const flushesTake = (ms: number): void => writeFileSync(cluster.at('flush-ms'), String(ms));
  const run = (queue: string, count: number, more: object = {}): Promise<unknown> =>
    client.submitWorkloads({
      specs: Array.from({ length: count }, () => ({
        queue,
        preemptible: true,
        resources: { gpus: 1 },
        command: { argv: ['sleep', '600'] },
        ...more,
      })),
    });
  const held = (queue: string, gpus: number): Promise<unknown> =>
    until(`${queue} holds ${gpus}`, async () =>
      (await client.getQueue(queue)).use?.allocatedGpus === gpus ? true : null,
    );

  beforeAll(async () => {
    const made = spawnSync(
      'cc',
      ['-shared', '-fPIC', '-o', cluster.at('slow-flush.so'), 'test/e2e/slow-flush.c', '-ldl'],
      {
        encoding: 'utf8',
        cwd: PACKAGE_ROOT,
      },
    );
    if (made.status !== 0) throw new Error(made.stderr);
    flushesTake(0);
    environment['SLOW_FLUSH_FILE'] = cluster.at('flush-ms');
    environment['LD_PRELOAD'] = cluster.at('slow-flush.so');
    // A disk of its own, so that it can be filled.
    mkdirSync(cluster.at('server'), { mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2g,mode=0700', 'tmpfs', cluster.at('server')]);
    await cluster.startScheduler();
    delete environment['LD_PRELOAD'];
    const port = await freePort();
    agent = `127.0.0.1:${port}`;
    prometheus = await ObservingPrometheus.start(cluster, cluster.http, [agent], {
      '> 86400': '> 5',
      'last_cycle_timestamp_seconds > 60': 'last_cycle_timestamp_seconds > 4',
      'p99 > 1': 'p99 > 0.5',
      'rate(sluice_scheduler_cycle_duration_seconds_bucket[5m])':
        'rate(sluice_scheduler_cycle_duration_seconds_bucket[10s])',
    });
    const scenario = cluster.at('scenario.yaml');
    writeFileSync(scenario, `gpus: [{ model: h100, count: ${GPUS} }]\nutilization: { busy: 1, idle: 0 }\n`);
    await cluster.startAgent('n1', ['--simulate', scenario, '--http', agent]);
    client = cluster.client();
    await client.createQueue({ queue: { name: 'owner', guaranteeGpus: GPUS } });
    await client.createQueue({ queue: { name: 'lent' } });
    await prometheus.sees(`sum(sluice_gpus{state="idle"}) == ${GPUS}`);
  }, LIMIT_MS);
  afterAll(async () => {
    await prometheus.stop();
    flushesTake(0);
    await cluster.endScheduler('SIGKILL');
    execFileSync('umount', ['--lazy', cluster.at('server')]);
    await cluster.stop();
  }, LIMIT_MS);

  test('nothing fires while nothing is wrong', async () => {
    expect(await prometheus.firing()).toEqual([]);
  });

  test(
    'GPUs that do nothing, work that waits, and borrowers that are sent away',
    async () => {
      // A counter that has just come to be has not grown yet: one is taken back before the many.
      await run('lent', GPUS);
      await held('lent', GPUS);
      await prometheus.fires('SluiceAllocatedButIdle');
      expect(await prometheus.firing()).not.toContain('SluiceWorkloadPendingTooLong');
      await run('lent', 1);
      await prometheus.fires('SluiceWorkloadPendingTooLong');
      await run('owner', 1);
      await held('owner', 1);
      await prometheus.sees('sum(sluice_preemptions_total{victim_queue="lent"}) == 1');
      expect(await prometheus.firing()).not.toContain('SluicePreemptionStorm');
      await run('owner', GPUS - 1);
      await held('owner', GPUS);
      await prometheus.fires('SluicePreemptionStorm');
    },
    LIMIT_MS,
  );

  test(
    'a process that is late, a disk that is slow, and one that hangs: the page answers, with what is stuck',
    async () => {
      const pid = Number(JSON.parse(execFileSync('cat', [cluster.at('ready.json')], { encoding: 'utf8' })).pid);
      let isLate = true;
      const stutter = (async () => {
        while (isLate) {
          process.kill(pid, 'SIGSTOP');
          await sleep(400);
          process.kill(pid, 'SIGCONT');
          await sleep(300);
        }
      })();
      try {
        await prometheus.fires('SluiceEventLoopLag');
      } finally {
        isLate = false;
        await stutter;
      }
      await prometheus.sees('absent(ALERTS{alertname="SluiceEventLoopLag",alertstate="firing"})');

      expect(await prometheus.firing()).not.toContain('SluiceSchedulerSlow');
      flushesTake(800);
      let isSlow = true;
      const commands = (async () => {
        while (isSlow)
          await client
            .updateQueue({ queue: { name: 'lent', weight: 1 }, updateMask: { paths: ['weight'] } })
            .catch(() => null);
      })();
      await prometheus.fires('SluiceSchedulerSlow');
      expect(await prometheus.firing()).not.toContain('SluiceSchedulerStalled');
      flushesTake(1_000_000);
      // They are given up by then: nobody is told of what is not on the disk.
      const waits = [1, 2].map((weight) =>
        client.updateQueue({ queue: { name: 'lent', weight }, updateMask: { paths: ['weight'] } }).catch(() => null),
      );
      await prometheus.fires('SluiceSchedulerStalled');
      expect(await prometheus.firing()).not.toContain('SluiceSchedulerDown');
      isSlow = false;
      flushesTake(0);
      await Promise.all([commands, ...waits]);
      await prometheus.sees('absent(ALERTS{alertname="SluiceSchedulerStalled",alertstate="firing"})');
    },
    LIMIT_MS,
  );

  test(
    'a disk that fills up',
    async () => {
      const fill = (name: string, mib: number): void => {
        execFileSync('dd', [
          'if=/dev/zero',
          `of=${cluster.at('server', name)}`,
          'bs=1M',
          `count=${mib}`,
          'status=none',
        ]);
      };
      expect(await prometheus.firing()).not.toContain('SluiceStoreRoomLow');
      fill('first', 1_200);
      await prometheus.fires('SluiceStoreRoomLow');
      expect(await prometheus.firing()).not.toContain('SluiceStoreRoomCritical');
      fill('second', 600);
      await prometheus.fires('SluiceStoreRoomCritical');
      for (const name of ['first', 'second']) rmSync(cluster.at('server', name));
      await prometheus.sees('absent(ALERTS{alertname=~"SluiceStoreRoom.*",alertstate="firing"})');
    },
    LIMIT_MS,
  );
});
