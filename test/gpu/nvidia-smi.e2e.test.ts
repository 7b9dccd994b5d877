// The provider of real GPUs against a fake nvidia-smi: real processes, a real clock with short limits.
// The reader runs from dist/, so `npm run build` comes first (npm test does it).
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { NvidiaSmiProvider, type NvidiaSmiOptions } from '../../node-agent/gpu/nvidia-smi.js';
import type { GpuLogger } from '../../node-agent/gpu/provider.js';
import { needs, SHARED_FOLDER } from '../real-part.js';
import { eventually, FakeMachine, fakeGpu, processLives } from './fake-machine.js';

/** Long enough for a healthy fake on a busy machine. */
const PATIENT_MS = 20_000;
/** Long enough for the reader to have started a fake that hangs. */
const IMPATIENT_MS = 2_000;

const machines: FakeMachine[] = [];
const providers: NvidiaSmiProvider[] = [];

beforeAll(() => {
  const reader = path.join(PACKAGE_ROOT, 'dist/node-agent/gpu/smi-reader.js');
  if (!existsSync(reader)) throw new Error(`${reader} is missing: run \`npm run build\` first`);
});

afterEach(async () => {
  for (const provider of providers.splice(0)) await provider.close();
  for (const machine of machines.splice(0)) machine.remove();
});

function machineOf(...gpus: Parameters<typeof fakeGpu>[1][]): FakeMachine {
  const machine = new FakeMachine(...gpus.map((change, index) => fakeGpu(index, change)));
  machines.push(machine);
  return machine;
}

function agentOn(machine: FakeMachine, options: NvidiaSmiOptions = {}, logger?: GpuLogger): NvidiaSmiProvider {
  const provider = new NvidiaSmiProvider(
    { limitMs: PATIENT_MS, searchPath: machine.searchPath, lockFolders: [machine.lockFolder], ...options },
    { clock: systemClock, logger },
  );
  providers.push(provider);
  return provider;
}

function collectingLogger() {
  const messages: string[] = [];
  return { messages, warn: (_: object, message: string) => void messages.push(message) };
}

describe('inventory', () => {
  it('lists one GPU', async () => {
    const machine = machineOf({});
    expect(await agentOn(machine).inventory()).toEqual({
      gpus: [
        {
          uuid: machine.uuid(0),
          index: 0,
          model: 'NVIDIA H100 80GB HBM3',
          memoryMib: 81_559,
          simulated: false,
          pciBusId: '00000000:20:00.0',
          minor: 0,
          health: 'healthy',
          healthMessage: '',
          nvlinkGroup: null,
          mig: null,
        },
      ],
      driverVersion: '575.57.08',
      cudaVersion: '12.9',
      problem: '',
    });
    expect(machine.calls().map(({ args }) => args)).toEqual([['-q', '-x']]);
  });

  it('lists eight', async () => {
    const machine = machineOf({}, {}, {}, {}, {}, {}, {}, {});
    const { gpus } = await agentOn(machine).inventory();
    expect(gpus.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(gpus.map(({ uuid }) => uuid)).size).toBe(8);
    expect(gpus.every(({ health }) => health === 'healthy')).toBe(true);
  });

  it('keeps a good report that comes with a warning on stderr, and passes the warning on once', async () => {
    const machine = machineOf({}, {});
    machine.set({ stderr: 'WARNING: infoROM is corrupted at gpu 0000:21:00.0\n' });
    const logger = collectingLogger();
    const agent = agentOn(machine, {}, logger);
    expect(await agent.inventory()).toMatchObject({ gpus: [{ index: 0 }, { index: 1 }], problem: '' });
    await agent.inventory();
    expect(logger.messages).toEqual(['WARNING: infoROM is corrupted at gpu 0000:21:00.0']);
  });

  it('reads a report that is larger than node-nvidia-smi can take', async () => {
    const machine = machineOf({});
    const padding = `<!-- ${'x'.repeat(1024 * 1024)} -->`;
    const file = path.join(machine.folder, 'large.xml');
    const xml = `<?xml version="1.0" ?>\n<nvidia_smi_log><driver_version>1.2</driver_version>${padding}<gpu><uuid>${machine.uuid(0)}</uuid>
      <fb_memory_usage><total>100 MiB</total></fb_memory_usage></gpu></nvidia_smi_log>`;
    writeFileSync(file, xml);
    machine.set({ stdoutFile: file });
    expect(await agentOn(machine).inventory()).toMatchObject({ driverVersion: '1.2', gpus: [{ memoryMib: 100 }] });
  });

  it('shows a lost GPU among healthy ones, with the size it had', async () => {
    const machine = machineOf({}, {}, {});
    const agent = agentOn(machine);
    await agent.inventory();
    machine.change(1, { lost: true });
    expect(await agent.inventory()).toMatchObject({
      problem: '',
      gpus: [
        { health: 'healthy' },
        { health: 'lost', healthMessage: 'The driver answers: GPU is lost.', memoryMib: 81_559 },
        { health: 'healthy' },
      ],
    });
  });

  it.each(['GPU1:', 'GPU'])('keeps a GPU that cannot be opened any more (%s), at its place', async (noHandle) => {
    const machine = machineOf({}, {}, {});
    const agent = agentOn(machine);
    await agent.inventory();
    machine.change(1, { noHandle });
    const { gpus, problem } = await agent.inventory();
    expect(problem).toBe('');
    expect(gpus.map(({ index, health }) => [index, health])).toEqual([
      [0, 'healthy'],
      [1, 'lost'],
      [2, 'healthy'],
    ]);
    expect(gpus[1]?.healthMessage).toContain('Unable to determine the device handle');
    machine.change(1, { noHandle: undefined });
    expect((await agent.inventory()).gpus.map(({ health }) => health)).toEqual(['healthy', 'healthy', 'healthy']);
  });

  it('tells of a GPU that could never be opened, beside the others', async () => {
    const machine = machineOf({}, { noHandle: 'GPU' });
    const { gpus, problem } = await agentOn(machine).inventory();
    expect(gpus).toMatchObject([{ health: 'healthy' }]);
    expect(problem).toContain('00000000:21:00.0');
    expect(problem).toContain('Unknown Error');
  });

  it('knows a GPU by its bus when the driver no longer tells its UUID', async () => {
    const machine = machineOf({}, {});
    const agent = agentOn(machine);
    await agent.inventory();
    machine.change(0, { hidesUuid: true });
    const { gpus, problem } = await agent.inventory();
    expect(problem).toBe('');
    expect(gpus).toMatchObject([{ uuid: machine.uuid(0), health: 'lost' }, { health: 'healthy' }]);
    expect(gpus[0]?.healthMessage).toContain('Unknown Error');
  });

  const HALVES = [
    { uuid: 'MIG-5a1e0000-0000-4000-8000-000000000001', profile: '3g.40gb', memoryMib: 40_448 },
    { uuid: 'MIG-5a1e0000-0000-4000-8000-000000000002', profile: '4g.40gb', memoryMib: 40_320 },
  ];

  it('lists the instances of a GPU in MIG mode, as they are at each look', async () => {
    const machine = machineOf({ mig: HALVES }, {});
    const agent = agentOn(machine);
    expect((await agent.inventory()).gpus).toMatchObject([
      { health: 'healthy', mig: HALVES },
      { health: 'healthy', mig: null },
    ]);
    machine.change(0, { mig: HALVES.slice(1) });
    expect((await agent.inventory()).gpus[0]).toMatchObject({ health: 'healthy', mig: HALVES.slice(1) });
    machine.change(0, { mig: undefined });
    expect((await agent.inventory()).gpus[0]).toMatchObject({ health: 'healthy', mig: null });
  });

  it('says what to do about a GPU in MIG mode without instances', async () => {
    const { gpus } = await agentOn(machineOf({ mig: [] }, {})).inventory();
    expect(gpus.map(({ health, mig }) => [health, mig])).toEqual([
      ['quarantined', []],
      ['healthy', null],
    ]);
    expect(gpus[0]?.healthMessage).toMatch(/MIG is on and no instance was made\..*nvidia-smi -mig 0/);
  });

  it('keeps the instances of a GPU that is lost', async () => {
    const machine = machineOf({ mig: HALVES });
    const agent = agentOn(machine);
    await agent.inventory();
    machine.change(0, { lost: true });
    expect((await agent.inventory()).gpus[0]).toMatchObject({ health: 'lost', mig: HALVES });
  });

  it('tells who reaches whom over NVLink, and asks once for the same GPUs', async () => {
    const machine = machineOf({}, {}, {}, { mig: HALVES });
    machine.set({ nvlink: [[0, 2, 3]] });
    const agent = agentOn(machine);
    await agent.inventory();
    const { gpus } = await agent.inventory();
    // MIG mode turns NVLink off, whatever the table says.
    expect(gpus.map(({ nvlinkGroup }) => nvlinkGroup)).toEqual([0, null, 0, null]);
    expect(machine.calls().filter(({ args }) => args[0] === 'topo')).toHaveLength(1);
    machine.change(3, { mig: undefined });
    expect((await agent.inventory()).gpus.map(({ nvlinkGroup }) => nvlinkGroup)).toEqual([0, null, 0, 0]);
  });

  it('goes without NVLink when it cannot be told, and stops asking', async () => {
    const machine = machineOf({}, {});
    const agent = agentOn(machine);
    for (let look = 0; look < 5; look += 1) {
      const { gpus, problem } = await agent.inventory();
      expect(problem).toBe('');
      expect(gpus.map(({ health, nvlinkGroup }) => [health, nvlinkGroup])).toEqual([
        ['healthy', null],
        ['healthy', null],
      ]);
    }
    expect(machine.calls().filter(({ args }) => args[0] === 'topo')).toHaveLength(3);
  });

  it('goes without NVLink when the question hangs: killed, and the GPUs are as good as before', async () => {
    const machine = machineOf({}, {});
    machine.set({ hang: 'topo' });
    const { gpus, problem } = await agentOn(machine, { limitMs: IMPATIENT_MS }).inventory();
    expect(problem).toBe('');
    expect(gpus).toMatchObject([{ health: 'healthy', nvlinkGroup: null }, { health: 'healthy' }]);
    expect(machine.living()).toEqual([]);
  });
});

describe('nvidia-smi that does not do its work', () => {
  it('is missing', async () => {
    const machine = machineOf({});
    machine.removeProgram();
    const agent = agentOn(machine);
    const { gpus, problem } = await agent.inventory();
    expect(gpus).toEqual([]);
    expect(problem).toBe(
      `nvidia-smi was not found on PATH (${machine.searchPath}). ` +
        'Install the NVIDIA driver, or start the agent with --no-gpus or --simulate.',
    );
    expect(await agent.telemetry()).toEqual([]);
    expect(await agent.checkClean([machine.uuid(0)])).toEqual({ state: 'unknown', message: problem });
  });

  it('may not be executed', async () => {
    const machine = machineOf({});
    chmodSync(path.join(machine.searchPath, 'nvidia-smi'), 0o644);
    const agent = agentOn(machine);
    expect((await agent.inventory()).problem).toMatch(/could not be started: .*EACCES/);
    expect(await agent.checkClean([machine.uuid(0)])).toMatchObject({ message: expect.stringContaining('EACCES') });
  });

  it.each([
    ['hangs', IMPATIENT_MS],
    ['hangs for an agent that ends', PATIENT_MS],
  ])('%s: killed with all it started', async (_, limitMs) => {
    const machine = machineOf({}, {});
    machine.set({ hang: 'all' });
    const agent = agentOn(machine, { limitMs });
    const asked = Promise.all([agent.inventory(), agent.telemetry(), agent.checkClean([machine.uuid(0)])]);
    // Each hanging run has a grandchild that would live on by itself.
    await eventually(
      'three runs hang',
      () => machine.calls().filter(({ args }) => args[0] === 'grandchild').length >= 3,
    );
    if (limitMs === PATIENT_MS) await agent.close();
    const [inventory, telemetry, clean] = await asked;
    const message = limitMs === PATIENT_MS ? 'The agent is ending.' : 'did not answer within 2 s and was killed';
    expect(inventory.problem).toContain(message);
    expect(telemetry).toEqual([]);
    expect(clean).toMatchObject({ state: 'unknown', message: expect.stringContaining(message) });
    expect(machine.living()).toEqual([]);
  });

  it('hangs while the agent is killed with -9: nobody is left', async () => {
    const machine = machineOf({});
    machine.set({ hang: 'all' });
    const built = path.join(PACKAGE_ROOT, 'dist');
    const program = `
      const { NvidiaSmiProvider } = await import('${built}/node-agent/gpu/nvidia-smi.js');
      const { systemClock } = await import('${built}/common/clock.js');
      const options = { limitMs: 600_000, searchPath: ${JSON.stringify(machine.searchPath)}, lockFolders: [${JSON.stringify(machine.lockFolder)}] };
      await new NvidiaSmiProvider(options, { clock: systemClock }).inventory();`;
    const agent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await eventually('nvidia-smi hangs', () => machine.calls().length >= 2);
    expect(machine.living().length).toBe(2);
    agent.kill('SIGKILL');
    await eventually('all are gone', () => machine.living().length === 0);
  });

  it('hangs after it had worked: GPUs stay listed, nothing may be placed on them, until it works again', async () => {
    const machine = machineOf({}, { lost: true });
    const agent = agentOn(machine, { limitMs: IMPATIENT_MS });
    await agent.inventory();
    machine.set({ hang: 'xml' });
    const { gpus, problem, driverVersion } = await agent.inventory();
    expect(problem).toContain('did not answer within 2 s');
    expect(driverVersion).toBe('575.57.08');
    expect(gpus.map(({ health }) => health)).toEqual(['quarantined', 'lost']);
    expect(gpus[0]?.healthMessage).toContain('It cannot be read.');
    machine.set({ hang: 'none' });
    expect((await agent.inventory()).gpus[0]).toMatchObject({ health: 'healthy', healthMessage: '' });
  });

  it.each([
    ['prints nothing', '', 0, /printed something that is no report: it printed nothing/],
    ['prints garbage', '\u0000\u0001 ~~~ not xml at all', 0, /no report: ~~~ not xml at all/],
    ['prints half a report', '<?xml version="1.0" ?><nvidia_smi_log><gpu><uuid>GPU', 0, /no report: <\?xml/],
    ['prints another document', '<?xml version="1.0" ?><html/>', 0, /no report/],
    ['lists no GPU', '<?xml version="1.0" ?><nvidia_smi_log></nvidia_smi_log>', 0, /no report/],
    [
      'lists no GPU, with a driver',
      '<nvidia_smi_log><driver_version>1</driver_version></nvidia_smi_log>',
      0,
      /lists no GPU/,
    ],
  ])('%s', async (_, stdout, exitCode, problem) => {
    const machine = machineOf({});
    machine.set({ stdout, exitCode });
    const inventory = await agentOn(machine).inventory();
    expect(inventory.gpus).toEqual([]);
    expect(inventory.problem).toMatch(problem);
  });

  it('writes without end: killed', async () => {
    const machine = machineOf({});
    machine.writeProgram('#!/bin/sh\nwhile :; do echo "no row of ours, again and again and again"; done\n');
    expect(await agentOn(machine).checkClean([machine.uuid(0)])).toEqual({
      state: 'unknown',
      message: 'nvidia-smi wrote more than 4 MiB and was killed.',
    });
  });

  it('is told of once, not at every look', async () => {
    const machine = machineOf({});
    machine.set({ stdout: 'broken', exitCode: 255 });
    const logger = collectingLogger();
    const agent = agentOn(machine, {}, logger);
    await agent.telemetry();
    await agent.telemetry();
    expect(logger.messages).toEqual(['nvidia-smi failed (exit code 255): broken.']);
  });
});

interface RecordedFailure {
  readonly id: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

describe.runIf(needs('shared'))('recorded failures', () => {
  const file = path.join(SHARED_FOLDER, 'gpu-samples/failures/failures.json');
  const failures = needs('shared') ? (JSON.parse(readFileSync(file, 'utf8')) as RecordedFailure[]) : [];

  it.each(failures.map((failure) => [failure.id, failure] as const))('%s', async (_, { stdout, stderr, exitCode }) => {
    const machine = machineOf({});
    const agent = agentOn(machine);
    // Where nobody recorded the code the manual's "other error" stands in.
    machine.set({ stdout, stderr, exitCode: exitCode ?? 255 });
    const { gpus, problem } = await agent.inventory();
    expect(gpus).toEqual([]);
    expect(problem).toContain(`exit code ${exitCode ?? 255}`);
    expect(problem).toContain(stdout.split('\n')[0]?.replaceAll(/\s+/g, ' ').trim());
    expect(problem.length).toBeLessThan(600);
    expect(await agent.telemetry()).toEqual([]);
    expect(await agent.checkClean([machine.uuid(0)])).toMatchObject({ state: 'unknown' });
  });
});

describe('telemetry', () => {
  it('reports every GPU, odd values as null', async () => {
    const machine = machineOf(
      { utilization: 97, usedMib: 60_000, celsius: 71, watts: 655.25 },
      { mig: [] },
      { lost: true },
      { csv: { 'power.draw': '[Unknown Error]' } },
    );
    const odd = { utilizationRatio: null, memoryUsedMib: null, temperatureCelsius: null, powerWatts: null };
    expect(await agentOn(machine).telemetry()).toEqual([
      {
        uuid: machine.uuid(0),
        utilizationRatio: 0.97,
        memoryUsedMib: 60_000,
        temperatureCelsius: 71,
        powerWatts: 655.25,
      },
      { uuid: machine.uuid(1), utilizationRatio: null, memoryUsedMib: 4, temperatureCelsius: 33, powerWatts: 71.5 },
      { uuid: machine.uuid(2), ...odd },
      { uuid: machine.uuid(3), utilizationRatio: 0, memoryUsedMib: 4, temperatureCelsius: 33, powerWatts: null },
    ]);
  });

  it('goes on for the others when one GPU cannot be opened', async () => {
    const machine = machineOf({}, { noHandle: 'GPU1:' });
    expect((await agentOn(machine).telemetry()).map(({ uuid }) => uuid)).toEqual([machine.uuid(0)]);
  });

  it('does not pile up processes, however often it is asked', async () => {
    const machine = machineOf({});
    machine.set({ hang: 'csv' });
    const agent = agentOn(machine, { limitMs: IMPATIENT_MS });
    await Promise.all(Array.from({ length: 50 }, () => agent.telemetry()));
    // The first caller's run, and one that the 49 others share.
    expect(machine.calls().filter(({ args }) => args[0] !== 'grandchild')).toHaveLength(2);
    expect(machine.living()).toEqual([]);
  });
});

describe('clean or not', () => {
  const trainer = { pid: 4711, name: 'python, train.py', usedMib: 60_000 };

  async function readyAgent(machine: FakeMachine) {
    const agent = agentOn(machine);
    agent.setBusy(new Set());
    await agent.inventory();
    return agent;
  }

  it('is clean at its baseline and up to 64 MiB above, dirty beyond', async () => {
    const machine = machineOf({ usedMib: 500 }, {});
    const agent = await readyAgent(machine);
    const verdictAt = async (usedMib: number) => {
      machine.change(0, { usedMib });
      return agent.checkClean([machine.uuid(0)]);
    };
    expect(await verdictAt(500)).toEqual({ state: 'clean' });
    expect(await verdictAt(564)).toEqual({ state: 'clean' });
    expect(await verdictAt(565)).toEqual({
      state: 'dirty',
      gpus: [machine.uuid(0)],
      message: 'GPU 0: 565 MiB in use without a process (500 MiB before, 64 MiB more allowed)',
    });
    expect(await agent.checkClean([machine.uuid(1)])).toEqual({ state: 'clean' });
    expect(await agent.checkClean([])).toEqual({ state: 'clean' });
  });

  it('is dirty while a process is there, and names it', async () => {
    const machine = machineOf({}, {});
    const agent = await readyAgent(machine);
    machine.change(1, { usedMib: 60_004, processes: [trainer] });
    expect(await agent.checkClean([machine.uuid(0), machine.uuid(1)])).toEqual({
      state: 'dirty',
      gpus: [machine.uuid(1)],
      message: 'GPU 1: process 4711 (python, train.py, 60,000 MiB) still there',
    });
    machine.change(1, { usedMib: 4, processes: [] });
    expect(await agent.checkClean([machine.uuid(0), machine.uuid(1)])).toEqual({ state: 'clean' });
  });

  it('does not mind a desktop that was there first', async () => {
    const machine = machineOf({ usedMib: 300, processes: [{ pid: 800, name: 'Xwayland', usedMib: 25 }] });
    const agent = await readyAgent(machine);
    expect(await agent.checkClean([machine.uuid(0)])).toEqual({ state: 'clean' });
  });

  it('takes no baseline while one of our allocations is on the GPU', async () => {
    const machine = machineOf({ usedMib: 900, processes: [{ ...trainer, usedMib: 890 }] });
    const agent = agentOn(machine);
    agent.setBusy(new Set([machine.uuid(0)]));
    await agent.inventory();
    expect(await agent.checkClean([machine.uuid(0)])).toMatchObject({ state: 'dirty' });
    machine.change(0, { usedMib: 10, processes: [] });
    expect(await agent.checkClean([machine.uuid(0)])).toEqual({ state: 'clean' });
    machine.change(0, { usedMib: 100 });
    expect(await agent.checkClean([machine.uuid(0)])).toMatchObject({ state: 'dirty' });
  });

  it('does not know of a lost GPU, nor of one it never heard of', async () => {
    const machine = machineOf({ lost: true });
    const agent = await readyAgent(machine);
    expect(await agent.checkClean([machine.uuid(0)])).toMatchObject({ state: 'unknown' });
    const stranger = 'GPU-99999999-0000-4000-8000-000000000000';
    expect(await agent.checkClean([stranger])).toEqual({
      state: 'unknown',
      message: `nvidia-smi gives no memory use of ${stranger}`,
    });
  });

  it.each([false, true])(
    'is not kept from knowing by another GPU that cannot be opened (ends there: %s)',
    async (ends) => {
      const machine = machineOf({ noHandle: 'GPU' }, {});
      machine.set({ stopsAtFirstError: ends });
      const agent = await readyAgent(machine);
      expect(await agent.checkClean([machine.uuid(1)])).toEqual({ state: 'clean' });
      expect(await agent.checkClean([machine.uuid(0)])).toMatchObject({ state: 'unknown' });
    },
  );

  it('looks anew for each question, also while it looks', async () => {
    const machine = machineOf({});
    const agent = await readyAgent(machine);
    machine.change(0, { usedMib: 5000 });
    const first = agent.checkClean([machine.uuid(0)]);
    const asked = machine.calls().length;
    await eventually('the first look is over', () => machine.calls().length >= asked + 2);
    machine.change(0, { usedMib: 4 });
    const second = agent.checkClean([machine.uuid(0)]);
    expect(await second).toEqual({ state: 'clean' });
    expect((await first).state).toBeOneOf(['dirty', 'clean']);
  });
});

describe('a GPU that somebody else uses', () => {
  const stranger = { usedMib: 40_000, processes: [{ pid: 99, name: 'miner', usedMib: 39_990 }] };

  it('is quarantined until it is free again, unless it is ours', async () => {
    const machine = machineOf({}, {});
    const agent = agentOn(machine);
    agent.setBusy(new Set([machine.uuid(1)]));
    await agent.inventory();
    machine.change(0, stranger);
    machine.change(1, stranger);
    const { gpus } = await agent.inventory();
    expect(gpus.map(({ health }) => health)).toEqual(['quarantined', 'healthy']);
    expect(gpus[0]?.healthMessage).toBe(
      "In use by process 99 (miner, 39,990 MiB), which is not Sluice's: 40,000 MiB used.",
    );
    machine.change(0, { usedMib: 4, processes: [] });
    expect((await agent.inventory()).gpus[0]?.health).toBe('healthy');
  });

  it('is not judged before the agent said what is its own', async () => {
    const machine = machineOf(stranger);
    const agent = agentOn(machine);
    expect((await agent.inventory()).gpus[0]?.health).toBe('healthy');
    agent.setBusy(new Set());
    expect((await agent.inventory()).gpus[0]?.health).toBe('quarantined');
  });
});

describe('two agents on one host', () => {
  it('do not share a GPU; the second gets it when the first has ended', async () => {
    const machine = machineOf({}, {});
    const first = agentOn(machine);
    const second = agentOn(machine);
    expect((await first.inventory()).gpus.map(({ health }) => health)).toEqual(['healthy', 'healthy']);
    const refused = (await second.inventory()).gpus;
    expect(refused.map(({ health }) => health)).toEqual(['quarantined', 'quarantined']);
    expect(refused[0]?.healthMessage).toBe(`Another Sluice agent of this host has it (process ${process.pid}).`);
    await first.close();
    expect((await second.inventory()).gpus.map(({ health }) => health)).toEqual(['healthy', 'healthy']);
  });

  it('hands out nothing that it cannot lock', async () => {
    const machine = machineOf({});
    const nowhere = path.join(machine.searchPath, 'nvidia-smi/locks');
    const { gpus } = await agentOn(machine, { lockFolders: [nowhere] }).inventory();
    expect(gpus[0]).toMatchObject({
      health: 'quarantined',
      healthMessage: expect.stringContaining('cannot be locked'),
    });
  });
});

describe.runIf(needs('nvidia-smi'))('the real nvidia-smi of this machine', () => {
  it('gives an inventory, telemetry and a verdict', async () => {
    const machine = machineOf();
    const agent = agentOn(machine, { searchPath: process.env['PATH'] ?? '' });
    const { gpus, problem, driverVersion } = await agent.inventory();
    expect(problem).toBe('');
    expect(driverVersion).toMatch(/^\d+\.\d+/);
    expect(gpus.length).toBeGreaterThan(0);
    expect(gpus.every(({ memoryMib }) => memoryMib > 0)).toBe(true);
    expect((await agent.telemetry()).map(({ uuid }) => uuid)).toEqual(gpus.map(({ uuid }) => uuid));
    expect((await agent.checkClean(gpus.map(({ uuid }) => uuid))).state).toBeOneOf(['clean', 'dirty']);
  });
});

it('the fake knows the living from the dead', () => {
  expect(processLives(process.pid)).toBe(true);
  expect(processLives(2 ** 22 + 1)).toBe(false);
});

describe('reset', () => {
  it('resets GPUs together, alone on the machine, and shows what the driver says of them after it', async () => {
    const machine = machineOf({ recovery: 'Drain and Reset' }, {}, {});
    const provider = agentOn(machine);
    provider.setBusy(new Set());
    const before = await provider.inventory();
    expect(before.gpus[0]?.symptoms).toMatchObject([{ kind: 'recovery_action' }]);
    // Asked in the same breath: answered after it.
    const [answer, after] = await Promise.all([
      provider.reset([machine.uuid(0), machine.uuid(1)]),
      provider.inventory(),
    ]);
    expect(answer).toEqual({ state: 'done' });
    expect(after.gpus[0]).not.toHaveProperty('symptoms');
    const calls = machine.calls().map(({ args }) => args.join(' '));
    const at = calls.indexOf(`--gpu-reset -i ${machine.uuid(0)},${machine.uuid(1)}`);
    expect(at).toBeGreaterThan(0);
    expect(calls[at + 1]).toBe('-q -x');
    expect(machine.living()).toEqual([]);
  });

  it('that the driver refuses is told in its words', async () => {
    const machine = machineOf({ holdsOpen: true });
    const answer = await agentOn(machine).reset([machine.uuid(0)]);
    expect(answer).toMatchObject({ state: 'failed', message: expect.stringContaining('In use by another client') });
  });

  it('that hangs is killed at its limit, and the driver is asked again after it', async () => {
    const machine = machineOf({});
    machine.set({ hang: 'reset' });
    const provider = agentOn(machine, { resetLimitMs: IMPATIENT_MS });
    const answer = await provider.reset([machine.uuid(0)]);
    expect(answer).toMatchObject({ state: 'failed', message: expect.stringContaining('did not answer within 2 s') });
    expect(machine.living()).toEqual([]);
    expect((await provider.inventory()).problem).toBe('');
  });
});
