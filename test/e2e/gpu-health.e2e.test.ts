// Broken GPUs from the kernel log and nvidia-smi to the workload that met them: real processes, a fake nvidia-smi on PATH, real
// lines in /dev/kmsg.
import { appendFileSync, chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import type { Gpu__Output } from '../../proto/gen/sluice/v1/Gpu.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import { FakeMachine, fakeGpu } from '../gpu/fake-machine.js';
import { needs } from '../real-part.js';
import { cli as runCli } from '../cli/run-cli.js';
import { RealCluster, until } from './real-cluster.js';

/** The kernel keeps lines of earlier runs: each run has PCI addresses of its own. */
const DOMAIN = (Date.now() & 0xffff).toString(16).padStart(4, '0');
const busOf = (index: number): string => `${DOMAIN}:${(0x20 + index).toString(16)}:00`;
const uuidOf = (index: number): string => `GPU-5a1e${DOMAIN}-0000-4000-8000-00000000000${index}`;
const canWriteLog = process.getuid?.() === 0 && existsSync('/dev/kmsg');

function kernelSays(index: number, text: string): void {
  appendFileSync('/dev/kmsg', `<3>NVRM: Xid (PCI:${busOf(index)}): ${text}\n`);
}

describe.runIf(needs('build') && canWriteLog)('a broken GPU', () => {
  const cluster = new RealCluster();
  const machine = new FakeMachine(
    ...Array.from({ length: 4 }, (_, index) => fakeGpu(index, { uuid: uuidOf(index), bus: `0000${busOf(index)}.0` })),
  );
  const path = process.env['PATH'] ?? '';
  let client: SluiceClient;

  beforeAll(async () => {
    machine.set({ nvlink: [[2, 3]] });
    await cluster.startScheduler();
    process.env['PATH'] = `${machine.searchPath}:${path}`;
    await cluster.startAgent('n1', ['--real']);
    process.env['PATH'] = path;
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(async () => {
    process.env['PATH'] = path;
    await cluster.stop();
    machine.remove();
  });

  async function submit(name: string, script: string): Promise<Workload__Output> {
    const command = { argv: ['/bin/sh', '-c', script] };
    const retry = { max: 1, backoff: { seconds: 0, nanos: 0 } };
    await client.submitWorkloads({ specs: [{ name, queue: 'research', resources: { gpus: 1 }, command, retry }] });
    return cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
  }

  async function gpu(index: number, wanted: (gpu: Gpu__Output) => boolean): Promise<Gpu__Output> {
    let last: Gpu__Output | undefined;
    return until(
      `GPU ${index}`,
      async () => {
        last = (await client.getNode('n1')).inventory?.gpus[index];
        return last !== undefined && wanted(last) ? last : null;
      },
      () => JSON.stringify(last),
    );
  }

  test('is what ended the program that the kernel names first: it runs elsewhere, no retry is charged', async () => {
    const fault = cluster.at('fault');
    const script = `test -e ${fault} && exec sleep 600; while ! test -e ${fault}; do sleep 0.05; done; exit 139`;
    const first = await submit('victim', script);
    expect(first.allocations[0]?.gpus[0]?.uuid).toBe(uuidOf(0));
    kernelSays(0, '48, pid=1, name=victim, DBE (double bit error)');
    writeFileSync(fault, '');
    const again = await cluster.untilWorkload(
      client,
      'victim',
      ({ attempt, state }) => attempt === 2 && state === 'WORKLOAD_STATE_RUNNING',
    );
    expect(again).toMatchObject({ requeues: 1, retries: 0 });
    expect(again.allocations[0]?.gpus[0]?.uuid).not.toBe(uuidOf(0));
    expect(again.events.map(({ message }) => message).join('\n')).toContain('GPU 0 of n1 failed: Xid 48');
    const broken = await gpu(0, ({ health }) => health === 'GPU_HEALTH_QUARANTINED');
    expect(broken.marks).toMatchObject([{ code: 'xid_48', health: 'GPU_HEALTH_DRAINING', endsWith: 'reboot' }]);
    await client.cancelWorkloads({ workloads: ['victim'] });
    await cluster.untilWorkload(client, 'victim', ({ state }) => state === 'WORKLOAD_STATE_CANCELLED');
  });

  test('is left alone when a program crashes by itself', async () => {
    await submit('crash', 'sleep 0.2; exit 1');
    const ended = await cluster.untilWorkload(client, 'crash', ({ state }) => state === 'WORKLOAD_STATE_FAILED');
    expect(ended).toMatchObject({ retries: 1, requeues: 0 });
    await gpu(1, ({ health }) => health === 'GPU_HEALTH_HEALTHY');
  });

  test('takes those with it that share its NVLink, and the driver has the word', async () => {
    machine.change(2, { recovery: 'Drain P2P' });
    // Any word of the kernel makes the agent look at once.
    kernelSays(2, '43, Ch 00000010');
    await gpu(2, ({ health }) => health === 'GPU_HEALTH_QUARANTINED');
    const peer = await gpu(3, ({ health }) => health === 'GPU_HEALTH_QUARANTINED');
    expect(peer.marks).toMatchObject([{ code: 'nvlink_peer' }]);
    machine.change(2, { recovery: 'None' });
    kernelSays(2, '43, Ch 00000010');
    await gpu(2, ({ health }) => health === 'GPU_HEALTH_HEALTHY');
    await gpu(3, ({ health }) => health === 'GPU_HEALTH_HEALTHY');
  });

  test('that is lost under a task gives it back', async () => {
    const running = await submit('lost', 'trap "exit 0" TERM; while :; do sleep 0.05; done');
    const uuid = running.allocations[0]?.gpus[0]?.uuid ?? '';
    const index = [0, 1, 2, 3].find((each) => uuidOf(each) === uuid) ?? -1;
    machine.change(index, { lost: true });
    kernelSays(index, '43, Ch 00000010');
    const moved = await cluster.untilWorkload(
      client,
      'lost',
      ({ attempt, state }) => attempt === 2 && state === 'WORKLOAD_STATE_RUNNING',
    );
    expect(moved).toMatchObject({ requeues: 1, retries: 0 });
    expect(moved.allocations[0]?.gpus[0]?.uuid).not.toBe(uuid);
    const words = moved.events.map(({ message }) => message).join('\n');
    expect(words).toContain(`GPU ${index} of n1 is lost: The driver answers: GPU is lost.`);
    machine.change(index, { lost: false });
    kernelSays(index, '43, Ch 00000010');
    await gpu(index, ({ health }) => health === 'GPU_HEALTH_HEALTHY');
    await client.cancelWorkloads({ workloads: ['lost'] });
    await cluster.untilWorkload(client, 'lost', ({ state }) => state === 'WORKLOAD_STATE_CANCELLED');
  });

  test('stays what it is over restarts, says so to whoever waits, and is released by a person', async () => {
    await cluster.endAgent('n1', 'SIGKILL');
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    process.env['PATH'] = `${machine.searchPath}:${path}`;
    await cluster.startAgent('n1', ['--real']);
    process.env['PATH'] = path;
    await gpu(0, ({ health }) => health === 'GPU_HEALTH_QUARANTINED');
    const large = { name: 'large', queue: 'research', resources: { gpus: 4 }, command: { argv: ['true'] } };
    await client.submitWorkloads({ specs: [large] });
    const waiting = await cluster.untilWorkload(client, 'large', ({ message }) => message.includes('quarantined'));
    expect(waiting.message).toContain('1 quarantined');
    const cli = (...words: string[]) => runCli(['--server', cluster.grpc, ...words]);
    expect((await cli('gpu', 'list')).stdout).toMatch(/n1 +0 .*Quarantined .*reboot, release +Xid 48/);
    expect((await cli('gpu', 'release', 'n1', '0', '--reason', 'replaced')).code).toBe(0);
    await cluster.untilWorkload(client, 'large', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    expect((await cli('status')).stdout).toMatch(/gpu_released by \S+: GPU 0 of n1 \(xid_48\): replaced/);
    const metrics = await (await fetch(`http://${cluster.http}/metrics`)).text();
    expect(metrics).toMatch(/sluice_gpu_state\{.*state="healthy".*\} 4/);
  });
});

describe.runIf(needs('build'))('a GPU that has to be reset', () => {
  const cluster = new RealCluster({ serverFlags: ['--gpu-health-reset', 'auto'] });
  const machine = new FakeMachine(fakeGpu(0), fakeGpu(1), fakeGpu(2));
  let client: SluiceClient;
  const cli = (...words: string[]) => runCli(['--server', cluster.grpc, ...words]);

  beforeAll(async () => {
    machine.set({ nvlink: [[0, 1]] });
    await cluster.startScheduler();
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 3 } });
  });
  afterAll(async () => {
    await cluster.stop();
    machine.remove();
  });

  /** Starts the agent anew: it looks at its GPUs at once. */
  async function startAgent(): Promise<void> {
    await cluster.endAgent('n1', 'SIGTERM');
    const path = process.env['PATH'] ?? '';
    process.env['PATH'] = `${machine.searchPath}:${path}`;
    try {
      await cluster.startAgent('n1', ['--real']);
    } finally {
      process.env['PATH'] = path;
    }
  }

  const resets = () =>
    machine.calls().flatMap(({ args }) => (args[0] === '--gpu-reset' ? [args.slice(1).join(' ')] : []));
  const states = async () => ((await client.getNode('n1')).inventory?.gpus ?? []).map(({ health }) => health);
  const untilStates = (...wanted: readonly string[]) =>
    until(
      wanted.join(),
      async () => ((await states()).join() === wanted.map((one) => `GPU_HEALTH_${one}`).join() ? true : null),
      () => cluster.log('n1'),
    );

  test('is, with those that share its NVLink, once nothing runs there, and takes work again', async () => {
    await startAgent();
    const command = { argv: ['/bin/sh', '-c', `while ! test -e ${cluster.at('done')}; do sleep 0.05; done`] };
    await client.submitWorkloads({ specs: [{ name: 'on', queue: 'research', resources: { gpus: 2 }, command }] });
    await cluster.untilWorkload(client, 'on', ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
    machine.change(1, { recovery: 'Drain and Reset' });
    await startAgent();
    await untilStates('HEALTHY', 'DRAINING', 'HEALTHY');
    expect(resets()).toEqual([]);
    writeFileSync(cluster.at('done'), '');
    await cluster.untilWorkload(client, 'on', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    await untilStates('HEALTHY', 'HEALTHY', 'HEALTHY');
    expect(resets()).toEqual([`-i ${machine.uuid(0)},${machine.uuid(1)}`]);
    const three = { name: 'three', queue: 'research', resources: { gpus: 3 }, command: { argv: ['true'] } };
    await client.submitWorkloads({ specs: [three] });
    await cluster.untilWorkload(client, 'three', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    expect((await cli('status')).stdout).toContain('GPU 1 of n1 was reset and is clean');
  });

  test('and stays as it was after it, is kept for a person with the reason, who may have it reset again', async () => {
    machine.change(1, { recovery: 'None' });
    machine.change(2, { holdsOpen: true });
    expect((await cli('gpu', 'reset', 'n1', '2', '--reason', 'hangs')).stdout).toBe(
      `gpu/${machine.uuid(2)} of node/n1 is reset once nothing runs there\n`,
    );
    const said = await until('it failed', async () => {
      const { stdout } = await cli('gpu', 'list');
      return stdout.includes('a reset was of no use') ? stdout : null;
    });
    expect(said).toMatch(/^n1 +2 .*Quarantined .* release +a reset was of no use: .*In use by another client/m);
    // Over a restart of both.
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    client = cluster.client();
    machine.change(2, { holdsOpen: false });
    await startAgent();
    await untilStates('HEALTHY', 'HEALTHY', 'QUARANTINED');
    await cli('gpu', 'reset', 'n1', '2');
    await untilStates('HEALTHY', 'HEALTHY', 'HEALTHY');
    expect(resets()).toHaveLength(3);
  });
});

describe.runIf(needs('build'))('hooks', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;
  beforeAll(async () => {
    await cluster.startScheduler();
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  function hook(name: string, text: string): string {
    const file = cluster.at(name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  test('a failing prolog blames the node: the work runs elsewhere, no retry is charged', async () => {
    const prolog = hook('prolog', `echo "$SLUICE_WORKLOAD on $SLUICE_GPU_INDEXES"; echo no scratch; exit 3`);
    await cluster.startAgent('bad', ['--simulate', '1xh100', '--prolog', prolog]);
    const epilog = hook('epilog', `echo "$SLUICE_ALLOCATION_ID" >> ${cluster.at('epilogs')}`);
    const job = { name: 'job', queue: 'research', resources: { gpus: 1 }, command: { argv: ['true'] } };
    await client.submitWorkloads({ specs: [job] });
    await until('the node is cordoned', async () => ((await client.getNode('bad')).cordoned ? true : null));
    expect((await client.getNode('bad')).cordonReason).toBe('the prolog failed: exit code 3: no scratch');
    await cluster.startAgent('good', ['--simulate', '1xh100', '--epilog', epilog]);
    const done = await cluster.untilWorkload(client, 'job', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    expect(done).toMatchObject({ attempt: 2, retries: 0, requeues: 1 });
    const id = done.allocations[0]?.id ?? '';
    // The shell makes the file before it writes into it.
    const epilogs = await until('the epilog ran', () => {
      const text = existsSync(cluster.at('epilogs')) ? readFileSync(cluster.at('epilogs'), 'utf8') : '';
      return text.endsWith('\n') ? text : null;
    });
    expect(epilogs).toBe(`${id}\n`);
  });

  test('a failing health check keeps new work off for as long as it fails', async () => {
    const sick = cluster.at('sick');
    writeFileSync(sick, '');
    const check = hook('check', `test ! -e ${sick} || { echo disk full; exit 1; }`);
    const flags = ['--simulate', '1xl40s', '--health-check', check, '--health-check-interval', '1s'];
    await cluster.startAgent('ill', flags);
    expect((await client.getNode('ill')).inventory?.nodeProblem).toBe('the health check fails: exit code 1: disk full');
    const resources = { gpus: 1, gpuModels: ['L40S'] };
    await client.submitWorkloads({
      specs: [{ name: 'ill', queue: 'research', resources, command: { argv: ['true'] } }],
    });
    // Until the engine has looked at it, it says no more than that it waits.
    const isCounted = ({ message }: Workload__Output) => message.includes('1 on nodes whose health check fails');
    await cluster.untilWorkload(client, 'ill', isCounted);
    rmSync(sick);
    await cluster.untilWorkload(client, 'ill', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
  });
});
