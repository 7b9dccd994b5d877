// What a queue asks of GPUs that do nothing, in a real cluster on what a driver says: the owner is warned and told, then the GPUs are taken
// back; work that uses its own is left alone. The shortest times that a queue may ask for are a minute and two, so this takes minutes.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { toNotifyRule } from '../../cli/spec/notify.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import { FakeMachine, fakeGpu } from '../gpu/fake-machine.js';
import { needs } from '../real-part.js';
import { HookServer } from './notice-receivers.js';
import { RealCluster, until } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const run = promisify(execFile);
const LIMIT_MS = 480_000;
/** An agent tells once a minute, the scheduler looks once a minute: after a minute's patience, three minutes at most. */
const STEP_LIMIT_MS = 210_000;
const MINUTE_MS = 60_000;

describe.runIf(needs('build'))('GPUs that do nothing', () => {
  const flags = ['--notify-private-networks=127.0.0.1/32'];
  const cluster = new RealCluster({ serverFlags: flags });
  const machine = new FakeMachine(fakeGpu(0), fakeGpu(1));
  const searchPath = process.env['PATH'] ?? '';
  let hooks: HookServer;
  let client: SluiceClient;

  beforeAll(async () => {
    hooks = await new HookServer().start();
    writeFileSync(cluster.at('webhooks'), `${hooks.origin} a-secret-of-the-test-0123456789\n`);
    flags.push(`--notify-webhooks-file=${cluster.at('webhooks')}`);
    await cluster.startScheduler();
    process.env['PATH'] = `${machine.searchPath}:${searchPath}`;
    await cluster.startAgent('real', ['--real']);
    process.env['PATH'] = searchPath;
    client = cluster.client();
  }, LIMIT_MS);
  afterAll(async () => {
    process.env['PATH'] = searchPath;
    await cluster.stop();
    await hooks.stop();
    machine.remove();
  }, LIMIT_MS);

  const sluice = async (...argv: readonly string[]): Promise<string> => {
    const env = { ...process.env, SLUICE_SERVER: cluster.grpc };
    const { stdout, stderr } = await run(process.execPath, [SLUICE, ...argv], { env });
    return stdout + stderr;
  };
  const submit = async (name: string): Promise<Workload__Output> => {
    // What it is told when it has to stop is kept.
    const script = `trap 'cat "$SLUICE_STOP_FILE" > ${cluster.at(name)}; exit 0' TERM; while :; do sleep 0.2; done`;
    const notify = [toNotifyRule(['idle', 'end'], `${hooks.origin}/${name}`)];
    const command = { argv: ['/bin/sh', '-c', script] };
    await client.submitWorkloads({ specs: [{ name, queue: 'vision', resources: { gpus: 1 }, command, notify }] });
    return cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
  };
  const warningsOf = ({ events }: Workload__Output): readonly string[] =>
    events.filter(({ type }) => type === 'warning').map(({ message }) => message);

  test(
    'are warned of, and taken back; those that work are not',
    async () => {
      await sluice('queue', 'create', 'research', '--idle-gpus', 'warn=1m,reclaim=2m');
      await sluice('queue', 'create', 'vision', '--parent', 'research');
      const busy = await submit('busy');
      const uuid = busy.allocations[0]?.gpus[0]?.uuid ?? '';
      machine.change(
        [0, 1].findIndex((index) => machine.uuid(index) === uuid),
        { utilization: 95 },
      );
      const beganMs = Date.now();
      await submit('idle');
      const warned = await until(
        'it is warned',
        async () => {
          const workload = await client.getWorkload('idle');
          return warningsOf(workload).length > 0 ? workload : null;
        },
        undefined,
        STEP_LIMIT_MS,
      );
      const warnedMs = Date.now();
      expect(warnedMs - beganMs).toBeGreaterThanOrEqual(MINUTE_MS);
      expect(warned.state).toBe('WORKLOAD_STATE_RUNNING');
      expect(warningsOf(warned)[0]).toMatch(
        /^1 GPU idle for \S+; queue research ends work after 2m of that. It ends in \S+ unless they are used$/,
      );
      await until(
        'its owner is told',
        () => hooks.events('/idle').find(({ type }) => type === 'workload.idle') ?? null,
      );
      expect(await sluice('describe', 'workload', 'idle')).toContain('queue research ends work after 2m of that');

      const ended = await until(
        'it is ended',
        async () => {
          const workload = await client.getWorkload('idle');
          return workload.state === 'WORKLOAD_STATE_CANCELLED' ? workload : null;
        },
        undefined,
        STEP_LIMIT_MS,
      );
      // Never without the time that the warning said.
      expect(Date.now() - warnedMs).toBeGreaterThanOrEqual(MINUTE_MS - 1_000);
      expect(ended.message).toMatch(/^1 GPU idle for \S+; queue research ends work after 2m of that/);
      expect(warningsOf(ended)).toHaveLength(1);
      expect(readFileSync(cluster.at('idle'), 'utf8')).toContain('IDLE');
      await until(
        'its end is told',
        () => hooks.events('/idle').find(({ type }) => type === 'workload.cancelled') ?? null,
      );

      // As long as that, and longer, the other worked.
      const other = await client.getWorkload('busy');
      expect(other.state).toBe('WORKLOAD_STATE_RUNNING');
      expect(warningsOf(other)).toEqual([]);
      expect(hooks.events('/busy')).toEqual([]);
    },
    LIMIT_MS,
  );
});
