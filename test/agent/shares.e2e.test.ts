// The built agent on a scenario with shares, MIG, NVLink, CPU and memory: what it reports, and what its tasks see.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GrantedGpu } from '../../proto/gen/sluice/v1/GrantedGpu.js';
import type { NodeInventory__Output } from '../../proto/gen/sluice/v1/NodeInventory.js';
import { needs } from '../real-part.js';
import { AgentProcess } from './agent-process.js';
import { eventually } from './eventually.js';
import { FakeScheduler } from './fake-scheduler.js';
import { orderOf, sh } from './orders.js';

const SCENARIO = `
gpus:
  - { model: h100, count: 2 }
  - { model: a100, mig: [3g.40gb, 2g.20gb] }
nvlink: [[0, 1]]
cpus: 96
memory: 1T
`;

let scheduler: FakeScheduler;
let agent: AgentProcess;
let inventory: NodeInventory__Output;

beforeEach(async () => {
  scheduler = await FakeScheduler.start();
  agent = new AgentProcess();
  const scenario = path.join(agent.stateDir, 'scenario.yaml');
  writeFileSync(scenario, SCENARIO);
  agent.start(scheduler.address, ['--simulate', scenario, '--label', 'rack=r7', '--label', 'block=b2']);
  const hello = await eventually('it joined', () => scheduler.hellos[0] ?? null);
  if (hello.inventory === null) throw new Error('the hello tells no inventory');
  inventory = hello.inventory;
});

afterEach(async () => {
  scheduler.stop();
  await agent.dispose();
});

/** A grant of a GPU of the inventory. */
function granted(index: number, generation: number, rest: Partial<GrantedGpu> = {}): GrantedGpu {
  const gpu = inventory.gpus[index];
  return { uuid: gpu?.uuid, index, model: gpu?.model, simulated: true, generation, ...rest };
}

/** The variables of a program that was `env`. */
async function variablesOf(id: string): Promise<Readonly<Record<string, string>>> {
  await scheduler.until(id, 'RELEASED');
  const lines = (await scheduler.wholeLog(id)).trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

describe.runIf(needs('build'))('a node of a scenario', () => {
  test('reports instances, NVLink groups, CPUs, memory and where it stands', () => {
    expect(scheduler.hellos[0]?.labels).toEqual({ rack: 'r7', block: 'b2' });
    expect(inventory).toMatchObject({ cpuCount: 96, memoryMib: 1_048_576 });
    const nvlink = inventory.gpus.map((gpu) => (gpu._nvlinkGroup === 'nvlinkGroup' ? gpu.nvlinkGroup : 'none'));
    expect(nvlink).toEqual([0, 0, 'none']);
    expect(inventory.gpus.map(({ migEnabled }) => migEnabled)).toEqual([false, false, true]);
    expect(inventory.gpus[2]?.migInstances).toMatchObject([
      { profile: '3g.40gb', memoryMib: 40_960 },
      { profile: '2g.20gb', memoryMib: 20_480 },
    ]);
  });

  test('two halves of one GPU run at once, each told what it has', async () => {
    // Each ends only when it saw the other: so both ran at once.
    const meet = (own: string, other: string) =>
      sh(
        `touch "$SLUICE_CHECKPOINT_DIR/${own}"; while [ ! -e "$SLUICE_CHECKPOINT_DIR/${other}" ]; do sleep 0.02; done; env`,
        {
          checkpointDirectory: path.join(agent.stateDir, 'meeting'),
        },
      );
    const a = { ...meet('a', 'b'), gpus: [granted(0, 1, { parts: 3_500 })] };
    const b = { ...meet('b', 'a'), gpus: [granted(0, 2, { parts: 3_500 })] };
    scheduler.order([a, b]);
    for (const order of [a, b]) {
      expect(await variablesOf(order.id)).toMatchObject({
        CUDA_VISIBLE_DEVICES: inventory.gpus[0]?.uuid,
        SLUICE_GPU_SHARE: '500',
        SLUICE_GPU_MEMORY_MIB: String(Math.floor(81_559 / 2)),
      });
      expect(scheduler.observed(order.id)).toMatchObject({ dirtyGpus: [], neverStarted: false });
      expect(scheduler.observed(order.id)?.gpus).toMatchObject([{ parts: 3_500 }]);
    }
  });

  test('a third half, and the whole GPU, are refused while two run', async () => {
    const sleeping = (generation: number) => sh('exec sleep 600', { gpus: [granted(0, generation, { parts: 3_500 })] });
    const [a, b, c] = [sleeping(1), sleeping(2), sleeping(3)];
    scheduler.order([a, b]);
    await scheduler.until(a.id, 'RUNNING');
    await scheduler.until(b.id, 'RUNNING');
    const whole = sh('exit 0', { gpus: [granted(0, 4)] });
    scheduler.order([a, b, c, whole]);
    for (const refused of [c, whole]) {
      const seen = await scheduler.until(refused.id, 'RELEASED');
      expect(seen).toMatchObject({ neverStarted: true });
      expect(seen.exit?.message).toMatch(/which is to go on$/);
    }
    scheduler.order([a]);
    await eventually('b is forgotten', () => (scheduler.observed(b.id) === undefined ? true : null));
    const next = orderOf(['/usr/bin/env'], { gpus: [granted(0, 5, { parts: 700 })] });
    scheduler.order([a, next]);
    expect(await variablesOf(next.id)).toMatchObject({ SLUICE_GPU_SHARE: '100' });
  });

  test('a MIG instance is what its task sees; the GPU around it cannot be had', async () => {
    const instance = inventory.gpus[2]?.migInstances[1]?.uuid ?? '';
    const order = orderOf(['/usr/bin/env'], { gpus: [granted(2, 1, { parts: 2_000, instance })] });
    const whole = sh('exit 0', { gpus: [granted(2, 2)] });
    const other = sh('exit 0', { gpus: [granted(2, 3, { parts: 1_000, instance: 'MIG-of-nobody' })] });
    scheduler.order([order, whole, other]);
    const variables = await variablesOf(order.id);
    expect(variables).toMatchObject({ CUDA_VISIBLE_DEVICES: instance, SLUICE_GPU_MEMORY_MIB: '20480' });
    expect(variables).not.toHaveProperty('SLUICE_GPU_SHARE');
    expect((await scheduler.until(whole.id, 'RELEASED')).exit?.message).toContain('is in MIG mode');
    expect((await scheduler.until(other.id, 'RELEASED')).exit?.message).toContain('has no MIG instance MIG-of-nobody');
  });

  test('CPU, memory, role and array place reach the task', async () => {
    const order = orderOf(['/usr/bin/env'], {
      cpuMilli: 2_500,
      memoryMib: 512,
      role: 'worker',
      roleRank: 0,
      roleTasks: 3,
      array: { index: 0, size: 4, first: 1047 },
    });
    scheduler.order([order]);
    expect(await variablesOf(order.id)).toMatchObject({
      SLUICE_CPUS: '2.5',
      OMP_NUM_THREADS: '2',
      SLUICE_MEMORY_MIB: '512',
      SLUICE_ROLE: 'worker',
      SLUICE_ROLE_RANK: '0',
      SLUICE_ROLE_TASKS: '3',
      SLUICE_ARRAY_ID: '1047',
      SLUICE_ARRAY_INDEX: '0',
      SLUICE_ARRAY_SIZE: '4',
    });
  });

  test('shares that run are adopted by the next agent, with what they hold', async () => {
    const half = sh('exec sleep 600', { gpus: [granted(0, 1, { parts: 3_500 })] });
    scheduler.order([half]);
    await scheduler.until(half.id, 'RUNNING');
    await agent.end('SIGKILL');
    agent.start(scheduler.address, ['--simulate', path.join(agent.stateDir, 'scenario.yaml')]);
    await eventually('it came back', () => (scheduler.hellos.length === 2 ? true : null));
    expect(scheduler.hellos[1]?.allocations[0]?.gpus).toMatchObject([{ parts: 3_500, generation: 1 }]);
    const tooMuch = sh('exit 0', { gpus: [granted(0, 2, { parts: 3_501 })] });
    scheduler.order([half, tooMuch]);
    expect(await scheduler.until(tooMuch.id, 'RELEASED')).toMatchObject({ neverStarted: true });
  });
});
