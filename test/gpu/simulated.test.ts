// Simulated GPUs under a clock that the test moves.
import { describe, expect, it } from 'vitest';
import { createGpuProvider } from '../../node-agent/gpu/create.js';
import { parseScenario } from '../../node-agent/gpu/scenario.js';
import { simulatedMigUuid, SimulatedProvider, simulatedUuid } from '../../node-agent/gpu/simulated.js';
import { ManualClock } from './manual-clock.js';

function nodeWith(yaml: string, nodeId = 'node-1') {
  const clock = new ManualClock();
  const scenario = parseScenario(yaml, 'test.yaml');
  const provider = new SimulatedProvider({ scenario, nodeId, limitMs: 10_000 }, { clock });
  const uuids = scenario.gpus.map((_, index) => simulatedUuid(nodeId, index));
  return { clock, provider, uuids };
}

const TWO = 'seed: 7\ngpus: [{model: h100, count: 2}]\n';

describe('inventory', () => {
  it('is marked as simulated everywhere', async () => {
    const { provider } = nodeWith(TWO);
    const inventory = await provider.inventory();
    expect(inventory).toMatchObject({ driverVersion: 'SIMULATED', cudaVersion: 'SIMULATED', problem: '' });
    expect(inventory.gpus).toMatchObject([
      { index: 0, model: 'NVIDIA H100 80GB HBM3', memoryMib: 81_559, simulated: true, health: 'healthy' },
      { index: 1, simulated: true, pciBusId: '00000000:11:00.0' },
    ]);
  });

  it('has UUIDs that depend on node and index and nothing else', async () => {
    const uuidsOf = async (nodeId: string) => {
      const { gpus } = await nodeWith(TWO, nodeId).provider.inventory();
      return gpus.map(({ uuid }) => uuid);
    };
    expect(await uuidsOf('a')).toEqual(await uuidsOf('a'));
    expect(new Set([...(await uuidsOf('a')), ...(await uuidsOf('b'))]).size).toBe(4);
    for (const uuid of await uuidsOf('a'))
      expect(uuid).toMatch(/^GPU-[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-a[\da-f]{3}-[\da-f]{12}$/);
    // Pinned: another value would make every simulated node a stranger after an upgrade.
    expect(simulatedUuid('a', 0)).toBe('GPU-a32092a7-ab61-8839-a151-a69e5ae37cc9');
  });
});

describe('the layout', () => {
  it('is as the scenario says, with instances that keep their names', async () => {
    const yaml = 'gpus: [{model: h100, count: 2}, {model: a100, mig: [3g.40gb, 4g.40gb]}]\nnvlink: [[0, 1]]\n';
    const { gpus } = await nodeWith(yaml).provider.inventory();
    expect(gpus.map(({ nvlinkGroup }) => nvlinkGroup)).toEqual([0, 0, null]);
    expect(gpus.map(({ mig }) => mig?.map(({ profile, memoryMib }) => [profile, memoryMib]))).toEqual([
      undefined,
      undefined,
      [
        ['3g.40gb', 40_960],
        ['4g.40gb', 40_960],
      ],
    ]);
    expect(gpus[2]?.mig?.[1]?.uuid).toBe(simulatedMigUuid('node-1', 2, 1));
    // Pinned, as those of GPUs are.
    expect(simulatedMigUuid('a', 0, 0)).toBe('MIG-0eb300c0-2863-8628-abfa-770258644c45');
  });
});

describe('telemetry', () => {
  it('follows what is busy', async () => {
    const { provider, uuids, clock } = nodeWith(`${TWO}utilization: { busy: 60-80, idle: 1-2 }`);
    provider.setBusy(new Set(uuids.slice(1)));
    for (let step = 0; step < 50; step += 1) {
      await clock.advance(1_700);
      const [idle, busy] = await provider.telemetry();
      expect(idle?.utilizationRatio).toBeGreaterThanOrEqual(0.01);
      expect(idle?.utilizationRatio).toBeLessThanOrEqual(0.02);
      expect(idle?.memoryUsedMib).toBe(4);
      expect(idle?.powerWatts).toBeLessThan(90);
      expect(busy?.utilizationRatio).toBeGreaterThanOrEqual(0.6);
      expect(busy?.utilizationRatio).toBeLessThanOrEqual(0.8);
      expect(busy?.memoryUsedMib).toBeGreaterThan(40_000);
      expect(busy?.memoryUsedMib).toBeLessThan(81_559);
      expect(busy?.powerWatts).toBeGreaterThan(400);
      expect(busy?.temperatureCelsius).toBeGreaterThan(idle?.temperatureCelsius ?? Number.NaN);
    }
    provider.setBusy(new Set());
    expect((await provider.telemetry())[1]).toMatchObject({ memoryUsedMib: 4 });
  });

  it('is the same again for the same seed and time, however often it was asked before', async () => {
    const courseOf = async (yaml: string, looksBetween: number) => {
      const { provider, uuids, clock } = nodeWith(yaml);
      provider.setBusy(new Set(uuids));
      const course = [];
      for (let step = 0; step < 10; step += 1) {
        await clock.advance(3_000);
        for (let look = 0; look < looksBetween; look += 1) await provider.telemetry();
        course.push(await provider.telemetry());
      }
      return course;
    };
    const course = await courseOf(TWO, 0);
    expect(await courseOf(TWO, 3)).toEqual(course);
    expect(await courseOf(TWO.replace('seed: 7', 'seed: 8'), 0)).not.toEqual(course);
    expect(new Set(course.map((rows) => rows[0]?.powerWatts)).size).toBeGreaterThan(5);
  });
});

describe('events', () => {
  it('loses a GPU and gets it back', async () => {
    const { provider, uuids, clock } = nodeWith(`${TWO}events: [{ at: 60s, gpu: 1, lost: true, for: 30s }]`);
    const healths = async () => (await provider.inventory()).gpus.map(({ health }) => health);
    expect(await healths()).toEqual(['healthy', 'healthy']);
    await clock.advance(60_000);
    expect(await healths()).toEqual(['healthy', 'lost']);
    expect((await provider.telemetry())[1]).toEqual({
      uuid: uuids[1],
      utilizationRatio: null,
      memoryUsedMib: null,
      temperatureCelsius: null,
      powerWatts: null,
    });
    expect(await provider.checkClean(uuids)).toMatchObject({ state: 'unknown' });
    expect(await provider.checkClean(uuids.slice(0, 1))).toEqual({ state: 'clean' });
    await clock.advance(30_000);
    expect(await healths()).toEqual(['healthy', 'healthy']);
  });

  it('leaves a GPU dirty', async () => {
    const { provider, uuids, clock } = nodeWith(`${TWO}events: [{ at: 5s, gpu: 0, dirty: true, for: 10s }]`);
    expect(await provider.checkClean(uuids)).toEqual({ state: 'clean' });
    await clock.advance(5_000);
    expect(await provider.checkClean(uuids)).toMatchObject({ state: 'dirty', gpus: [uuids[0]] });
    expect(await provider.checkClean(uuids.slice(1))).toEqual({ state: 'clean' });
    expect((await provider.inventory()).gpus[0]).toMatchObject({ health: 'quarantined' });
    expect((await provider.telemetry())[0]?.memoryUsedMib).toBe(2052);
    await clock.advance(10_000);
    expect(await provider.checkClean(uuids)).toEqual({ state: 'clean' });
    expect((await provider.inventory()).gpus[0]).toMatchObject({ health: 'healthy' });
  });

  it('lets the driver hang: a short hang delays the answer, a long one is told', async () => {
    const { provider, uuids, clock } = nodeWith(`${TWO}events: [{ at: 1s, hang: 5s }, { at: 100s, hang: 1h }]`);
    await clock.advance(2_000);
    const delayed = provider.inventory();
    expect(clock.waiting).toBe(1);
    await clock.advance(4_000);
    expect(await delayed).toMatchObject({ problem: '', gpus: [{ health: 'healthy' }, { health: 'healthy' }] });

    await clock.advance(100_000);
    const asked = Promise.all([provider.inventory(), provider.telemetry(), provider.checkClean(uuids)]);
    await clock.advance(9_999);
    expect(clock.waiting).toBe(3);
    await clock.advance(1);
    const [inventory, telemetry, clean] = await asked;
    expect(inventory.problem).toContain('did not answer within 10 s');
    expect(inventory.gpus.map(({ health }) => health)).toEqual(['quarantined', 'quarantined']);
    expect(telemetry).toEqual([]);
    expect(clean).toMatchObject({ state: 'unknown' });
    expect(clock.waiting).toBe(0);
  });

  it('ends its waits when it is closed', async () => {
    const { provider, clock } = nodeWith(`${TWO}events: [{ at: 0s, hang: 1h }]`);
    const asked = provider.inventory();
    await provider.close();
    expect((await asked).problem).not.toBe('');
    expect(clock.waiting).toBe(0);
  });

  it('does not know a GPU of another node', async () => {
    const { provider } = nodeWith(TWO);
    expect(await provider.checkClean([simulatedUuid('node-2', 0)])).toMatchObject({ state: 'unknown' });
    expect(await provider.checkClean([])).toEqual({ state: 'clean' });
  });
});

describe('the choice of a provider', () => {
  it('follows the source', async () => {
    const clock = new ManualClock();
    const simulated = createGpuProvider({ source: 'simulated', scenario: '2xl4', nodeId: 'n' }, { clock });
    expect(simulated.kind).toBe('simulated');
    expect((await simulated.inventory()).gpus).toMatchObject([{ uuid: simulatedUuid('n', 0) }, { model: 'NVIDIA L4' }]);
    expect(createGpuProvider({ source: 'real' }, { clock }).kind).toBe('nvidia-smi');
    const none = createGpuProvider({ source: 'none' }, { clock });
    expect(none.kind).toBe('none');
    expect(await none.inventory()).toEqual({ gpus: [], driverVersion: '', cudaVersion: '', problem: '' });
    expect(await none.telemetry()).toEqual([]);
    expect(await none.checkClean([])).toEqual({ state: 'clean' });
    expect(await none.checkClean(['GPU-x'])).toMatchObject({ state: 'unknown' });
    expect(() => createGpuProvider({ source: 'simulated', scenario: '2xl5', nodeId: 'n' }, { clock })).toThrow(/l5/);
  });
});
