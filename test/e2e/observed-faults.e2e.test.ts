// What breaks, as a real Prometheus sees it: each alert of hardware, nodes and notices is silent until its cause is there, and fires
// then. Real processes; a fake nvidia-smi on PATH, real lines in /dev/kmsg.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { toNotifyRule } from '../../cli/spec/notify.js';
import { freePort } from '../../common/free-port.js';
import { FakeMachine, fakeGpu } from '../gpu/fake-machine.js';
import { needs } from '../real-part.js';
import { HookServer } from './notice-receivers.js';
import { ObservingPrometheus } from './observing-prometheus.js';
import { RealCluster } from './real-cluster.js';

const LIMIT_MS = 240_000;
/** The kernel keeps lines of earlier runs: each run has PCI addresses of its own. */
const DOMAIN = (Date.now() & 0xffff).toString(16).padStart(4, '0');
const busOf = (index: number): string => `${DOMAIN}:${(0x20 + index).toString(16)}:00`;
const canWriteLog = process.getuid?.() === 0 && existsSync('/dev/kmsg');
/** How often a node comes and goes, at least, until that is flapping. */
const RETURNS = 4;

function kernelSays(index: number, text: string): void {
  appendFileSync('/dev/kmsg', `<3>NVRM: Xid (PCI:${busOf(index)}): ${text}\n`);
}

describe.runIf(needs('build') && needs('prometheus') && canWriteLog)('faults that Prometheus sees', () => {
  const serverFlags = ['--heartbeat=500ms', '--lease=4s', '--fencing-brake-nodes=1', '--fencing-failover=1s'];
  const cluster = new RealCluster({ serverFlags });
  const machine = new FakeMachine(
    ...Array.from({ length: 4 }, (_, index) =>
      fakeGpu(index, { uuid: `GPU-5a1e${DOMAIN}-0000-4000-8000-00000000010${index}`, bus: `0000${busOf(index)}.0` }),
    ),
  );
  const path = process.env['PATH'] ?? '';
  const ports = new Map<string, number>();
  let hooks: HookServer;
  let client: SluiceClient;
  let prometheus: ObservingPrometheus;

  const startSimulated = (name: string): Promise<void> =>
    cluster.startAgent(name, ['--simulate', '2xh100', '--pool', 'sim', '--http', `127.0.0.1:${ports.get(name)}`]);

  beforeAll(async () => {
    hooks = await new HookServer().start();
    hooks.answers['/gone'] = { code: 410 };
    writeFileSync(cluster.at('webhooks'), `${hooks.origin} a-secret-of-the-test-0123456789\n`);
    serverFlags.push(`--notify-webhooks-file=${cluster.at('webhooks')}`, '--notify-private-networks=127.0.0.0/8');
    await cluster.startScheduler();
    for (const name of ['real', 'n2', 'n3']) ports.set(name, await freePort());
    const agents = [...ports.values()].map((port) => `127.0.0.1:${port}`);
    prometheus = await ObservingPrometheus.start(cluster, cluster.http, agents);
    client = cluster.client();
    process.env['PATH'] = `${machine.searchPath}:${path}`;
    await cluster.startAgent('real', ['--real', '--http', `127.0.0.1:${ports.get('real')}`]);
    process.env['PATH'] = path;
    for (const name of ['n2', 'n3']) await startSimulated(name);
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
    await prometheus.sees('count(sluice_gpu_temperature_celsius) == 8');
    await prometheus.sees('sum(sluice_gpus{state="idle"}) == 8');
  }, LIMIT_MS);
  afterAll(async () => {
    process.env['PATH'] = path;
    await prometheus.stop();
    await cluster.stop();
    await hooks.stop();
    machine.remove();
  }, LIMIT_MS);

  test('nothing fires while nothing is wrong', async () => {
    expect(await prometheus.firing()).toEqual([]);
  });

  test(
    'GPUs: an Xid of hardware, one that is lost, one in quarantine, two that are hot, a driver that does not answer',
    async () => {
      // A counter that has just come to be has not grown yet: the kernel says it twice.
      kernelSays(0, '48, pid=1, name=x, DBE (double bit error)');
      await prometheus.sees('sluice_gpu_xid_total{xid="48"} > 0');
      kernelSays(0, '48, pid=1, name=x, DBE (double bit error)');
      await prometheus.fires('SluiceGpuXidHardware');
      await prometheus.fires('SluiceGpuQuarantined');
      machine.change(1, { lost: true });
      kernelSays(1, '43, Ch 00000010');
      await prometheus.fires('SluiceGpuLost');
      machine.change(2, { celsius: 83 });
      machine.change(3, { celsius: 91 });
      await prometheus.fires('SluiceGpuHot');
      await prometheus.fires('SluiceGpuVeryHot');
      expect(await prometheus.firing()).not.toContain('SluiceDriverHangs');
      machine.set({
        stdout: '',
        stderr: 'NVIDIA-SMI has failed because it could not communicate with the driver.',
        exitCode: 9,
      });
      kernelSays(2, '43, Ch 00000010');
      await prometheus.fires('SluiceDriverHangs');
    },
    LIMIT_MS,
  );

  test(
    'work that waits beside idle GPUs, and notices that nobody takes',
    async () => {
      // What is not to be moved.
      const one = {
        queue: 'research',
        preemptible: false,
        resources: { gpus: 1, pool: 'sim' },
        command: { argv: ['sleep', '600'] },
      };
      const notify = [toNotifyRule(['start'], `${hooks.origin}/gone`)];
      const names = ['one', 'two', 'three', 'four'];
      await client.submitWorkloads({
        specs: names.map((name) => ({ ...one, name, ...(name === 'one' ? { notify } : {}) })),
      });
      const placed = new Map<string, string>();
      for (const name of names) {
        const running = await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
        placed.set(running.allocations[0]?.node ?? '', name);
      }
      await prometheus.fires('SluiceNoticesNotDelivered');
      const pair = { ...one, name: 'pair', preemptible: true, resources: { gpus: 2, pool: 'sim' } };
      await client.submitWorkloads({ specs: [pair] });
      const [first = '', second = ''] = placed.values();
      await client.cancelWorkloads({ workloads: [first] });
      // A GPU is idle, and it asks for two: so it waits for one that is in use.
      await prometheus.sees(
        'sum(sluice_gpus{state="idle"} offset 4s) > 0 and sum(sluice_workloads_pending{reason="RESOURCES"} offset 4s) > 0',
      );
      expect(await prometheus.firing()).not.toContain('SluiceIdleGpusWithPending');
      // Now two are, on two nodes.
      await client.cancelWorkloads({ workloads: [second] });
      await prometheus.fires('SluiceIdleGpusWithPending');
      expect(await prometheus.firing()).toContain('SluiceNoticesNotDelivered');
    },
    LIMIT_MS,
  );

  test(
    'a node that comes and goes, and many that fall silent at once',
    async () => {
      for (let count = 0; count < RETURNS; count += 1) {
        await cluster.endAgent('n2', 'SIGKILL');
        await prometheus.sees('sluice_node_up{node="n2"} == 0');
        await startSimulated('n2');
        await prometheus.sees('sluice_node_up{node="n2"} == 1');
      }
      await prometheus.fires('SluiceNodeFlapping');
      expect(await prometheus.firing()).not.toContain('SluiceBrakeClosed');
      await Promise.all(['n2', 'n3'].map((name) => cluster.endAgent(name, 'SIGKILL')));
      await prometheus.fires('SluiceBrakeClosed');
    },
    LIMIT_MS,
  );
});
