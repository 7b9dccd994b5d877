// What a scrape shows of nodes, of idle GPUs and of how workloads fare.
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../common/ids.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { createMaintenance } from '../../scheduler/control/commands/maintenance.js';
import { cordonNode, updateInventory } from '../../scheduler/control/commands/nodes.js';
import type { Fleet } from '../../scheduler/fleet/fleet.js';
import { fenceNode, takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import type { AgentSession } from '../../scheduler/fleet/session.js';
import { IDLE_AFTER_MS } from '../../scheduler/control/usage-upkeep.js';
import { MAX_ODD_NODES } from '../../scheduler/metrics/node-metrics.js';
import { nodeReport } from '../control/workshop.js';
import { NODE, observed } from './observed.js';

const BUSY = { utilizationRatio: 0.97, memoryUsedMib: 60_000, temperatureCelsius: 61, powerWatts: 640, time: null };
const IDLE = { ...BUSY, utilizationRatio: 0.02, powerWatts: 90 };
const SILENT = { utilizationRatio: 0, memoryUsedMib: 0, temperatureCelsius: 0, powerWatts: 0, time: null };

describe('nodes', () => {
  test('are up while they are heard, and schedulable until they are cordoned', async () => {
    const { loop, samples } = await observed(1);
    expect(await samples('sluice_node_schedulable')).toEqual(['{node="n1",pool="default"} 1']);
    await loop.execute(cordonNode('n1', true, 'new fans'));
    expect(await samples('sluice_node_schedulable')).toEqual(['{node="n1",pool="default"} 0']);
    expect(await samples('sluice_node_up')).toEqual(['{node="n1",pool="default"} 0']);
  });

  test('are not called ready where no work is given to them', async () => {
    const { clock, loop, fleet, samples } = await observed(1);
    join(fleet);
    const shown = async (): Promise<readonly string[]> => [
      ...(await samples('sluice_nodes')),
      ...(await samples('sluice_node_schedulable')),
    ];
    const node = '{node="n1",pool="default"}';
    expect(await shown()).toEqual(['{pool="default",state="ready"} 1', `${node} 1`]);
    const announced = { nodes: ['n1'], startMs: null, durationMs: 60_000, everyMs: null, reason: 'new fans' };
    await loop.execute(createMaintenance(announced));
    expect(await shown()).toEqual(['{pool="default",state="maintenance"} 1', `${node} 0`]);
    await loop.execute(cordonNode('n1', true, 'and a person'));
    expect(await shown()).toEqual(['{pool="default",state="cordoned"} 1', `${node} 0`]);
    await loop.execute(cordonNode('n1', false, ''));
    await clock.advance(60_000);
    const { inventory } = nodeReport(NODE, 'n1', 1);
    await loop.execute(updateInventory(NODE, { ...inventory, nodeProblem: 'its disk is full' }));
    expect((await shown())[1]).toBe(`${node} 0`);
  });

  test('tell how far their clocks are off, and that their agents are of another version, only when that is so', async () => {
    const { clock, fleet, loop, samples } = await observed(1);
    const node = '{node="n1",pool="default"}';
    join(fleet);
    await loop.execute(welcomeNode({ ...nodeReport(NODE, 'n1', 1), agentVersion: PACKAGE_VERSION }, []));
    fleet.noteClock(NODE, clock.wallMs() - 1_500);
    expect(fleet.softState(NODE).clockAheadMs).toBe(-1_500);
    expect([await samples('sluice_node_clock_ahead_seconds'), await samples('sluice_node_version_skew')]).toEqual([
      [],
      [],
    ]);
    // The least delayed of the last ones counts.
    for (const aheadMs of [-9_000, -61_000, -60_000, -62_000, -63_000]) fleet.noteClock(NODE, clock.wallMs() + aheadMs);
    await loop.execute(welcomeNode({ ...nodeReport(NODE, 'n1', 1), agentVersion: '0.0.9' }, []));
    expect(await samples('sluice_node_clock_ahead_seconds')).toEqual([`${node} -60`]);
    expect(await samples('sluice_node_version_skew')).toEqual([`${node} 1`]);
  });

  test('have no series each for what is odd of all of them: then it is the scheduler that is', async () => {
    const { loop, samples } = await observed(1);
    for (let at = 0; at <= MAX_ODD_NODES; at += 1) {
      const report = nodeReport(`odd-${at}` as NodeId, `odd-${at}`, 0);
      await loop.execute(welcomeNode({ ...report, agentVersion: '0.0.9' }, []));
    }
    expect(await samples('sluice_node_version_skew')).toHaveLength(MAX_ODD_NODES);
    expect((await samples('sluice_node_up')).length).toBeGreaterThan(MAX_ODD_NODES);
  });

  test('tell when they were last heard, and how often that changed', async () => {
    const { clock, fleet, samples } = await observed(1);
    expect(await samples('sluice_node_last_heartbeat_timestamp_seconds')).toEqual([]);
    join(fleet);
    expect(await samples('sluice_node_up')).toEqual(['{node="n1",pool="default"} 1']);
    expect(await samples('sluice_node_last_heartbeat_timestamp_seconds')).toEqual([
      `{node="n1",pool="default"} ${clock.wallMs() / 1_000}`,
    ]);
    expect(await samples('sluice_node_state_changes_total')).toEqual([]);
    const session = { end: () => undefined } as unknown as AgentSession;
    fleet.join(NODE, session);
    fleet.leave(NODE, session);
    join(fleet);
    expect(await samples('sluice_node_state_changes_total')).toEqual(['{node="n1"} 2']);
  });

  test('leave no series behind under a name that nobody bears any more', async () => {
    const { loop, fleet, samples } = await observed(1);
    const session = { end: () => undefined } as unknown as AgentSession;
    fleet.join(NODE, session);
    fleet.leave(NODE, session);
    expect(await samples('sluice_node_state_changes_total')).toEqual(['{node="n1"} 1']);
    await loop.execute(welcomeNode(nodeReport(NODE, 'n2', 1), []));
    expect(await samples('sluice_node_state_changes_total')).toEqual([]);
  });
});

describe('GPUs', () => {
  test('are idle only where the engine would place work', async () => {
    const { loop, queue, samples } = await observed(2);
    await queue('research');
    const stateOf = async (): Promise<readonly string[]> =>
      (await samples('sluice_gpus')).map((line) => line.replace(/.*state="(.*)"\}/, '$1'));
    expect(await stateOf()).toEqual(['idle 2']);
    const { inventory } = nodeReport(NODE, 'n1', 2);
    await loop.execute(updateInventory(NODE, { ...inventory, nodeProblem: 'its disk is full' }));
    expect(await stateOf()).toEqual(['unavailable 2']);
    await loop.execute(updateInventory(NODE, inventory));
    expect(await stateOf()).toEqual(['idle 2']);
    await loop.execute(cordonNode('n1', true, 'new fans'));
    expect(await stateOf()).toEqual(['unavailable 2']);
  });
});

describe('GPUs that are held and idle', () => {
  test('count after a while, and no longer once they work', async () => {
    const { clock, fleet, queue, submit, obey, samples, state } = await observed(4);
    await queue('research', { guaranteeGpus: 4 });
    await submit('research', { gpusPerTask: 2 }, {});
    await obey();
    join(fleet);
    const held = state.heldOn(NODE).flatMap(({ gpus }) => gpus.map(({ uuid }) => uuid));
    expect(held).toHaveLength(3);
    const tell = (telemetry: typeof BUSY): void => held.forEach((uuid) => fleet.noteTelemetry(uuid, telemetry));
    tell(IDLE);
    await clock.advance(IDLE_AFTER_MS - 1);
    expect(await samples('sluice_gpu_idle_allocated')).toEqual([]);
    await clock.advance(1);
    tell(IDLE);
    expect(await samples('sluice_gpu_idle_allocated')).toEqual(['{queue="research",pool="default"} 3']);
    fleet.noteTelemetry(held[0] ?? '', BUSY);
    expect(await samples('sluice_gpu_idle_allocated')).toEqual(['{queue="research",pool="default"} 2']);
    tell(SILENT);
    expect(await samples('sluice_gpu_idle_allocated')).toEqual([]);
  });

  test('count with the part that is held', async () => {
    const { clock, fleet, queue, submit, obey, samples, state } = await observed(1);
    await queue('research', { guaranteeGpus: 1 });
    await submit('research', { request: { gpuMilli: 250, gpus: 1 } });
    await obey();
    join(fleet);
    for (const { gpus } of state.heldOn(NODE)) for (const { uuid } of gpus) fleet.noteTelemetry(uuid, IDLE);
    await clock.advance(IDLE_AFTER_MS);
    expect(await samples('sluice_gpu_idle_allocated')).toEqual(['{queue="research",pool="default"} 0.25']);
  });
});

describe('how workloads fare', () => {
  test('the oldest pending one of each queue', async () => {
    const { clock, queue, submit, samples } = await observed(1);
    await queue('research', { guaranteeGpus: 1 });
    await queue('idle');
    await submit('research', {}, {});
    await clock.advance(90_000);
    expect(await samples('sluice_workloads_oldest_pending_seconds')).toEqual(['{queue="research"} 90']);
  });

  test('starts, stops and ends are measured', async () => {
    const cluster = await observed(1);
    const { clock, loop, queue, submit, obey, samples, state } = cluster;
    await queue('research', { guaranteeGpus: 1 });
    const [one] = await submit('research', {});
    await clock.advance(2_000);
    await obey();
    expect(await samples('sluice_workload_start_latency_seconds')).toContain('_sum{pool="default"} 2');
    await clock.advance(30_000);
    await loop.execute(cancel([String(one?.number)], '', 'alice'));
    await clock.advance(4_000);
    await leave(cluster, 'SIGTERM', 34_000);
    expect(await samples('sluice_preemption_grace_seconds')).toContain('_sum{outcome="clean"} 4');
    expect(await samples('sluice_workload_run_seconds')).toContain(
      '_sum{queue="research",type="batch",outcome="cancelled"} 34',
    );
    expect(state.heldOn(NODE)).toEqual([]);
  });

  test('what had to be killed is told apart', async () => {
    const cluster = await observed(1);
    const { clock, loop, queue, submit, obey, samples } = cluster;
    await queue('research', { guaranteeGpus: 1 });
    const [one] = await submit('research', {});
    await obey();
    await loop.execute(cancel([String(one?.number)], '', 'alice'));
    await clock.advance(31_000);
    await leave(cluster, 'SIGKILL', 31_000);
    expect(await samples('sluice_preemption_grace_seconds')).toContain('_sum{outcome="killed"} 31');
  });

  test('what nobody saw stop is not called clean', async () => {
    const cluster = await observed(1);
    const { clock, loop, queue, submit, obey, samples, state } = cluster;
    await queue('research', { guaranteeGpus: 1 });
    const [one] = await submit('research', {});
    await obey();
    await loop.execute(cancel([String(one?.number)], '', 'alice'));
    await clock.advance(300_000);
    const held = state.heldOn(NODE).map(({ id }) => id);
    await loop.execute(fenceNode(NODE, held));
    expect(await samples('sluice_workload_run_seconds')).toContain(
      '_count{queue="research",type="batch",outcome="cancelled"} 1',
    );
    expect((await samples('sluice_preemption_grace_seconds')).filter((line) => line.startsWith('_count'))).toEqual([]);
  });

  /** The agent tells that everything there has ended, after it ran for so long. */
  async function leave({ loop, state, clock }: Cluster, signal: string, ranMs: number): Promise<void> {
    const endedMs = clock.wallMs();
    const ended = state.heldOn(NODE).map(({ id }) => ({
      id,
      state: 'released' as const,
      startedMs: endedMs - ranMs,
      endedMs,
      exit: { code: null, signal, message: '' },
      checkpoint: null,
      endpoints: [],
      neverStarted: false,
      stopSignalled: true,
      dirtyGpus: [],
    }));
    await loop.execute(takeObservation(NODE, ended));
  }
});

type Cluster = Awaited<ReturnType<typeof observed>>;

/** The node's agent is heard. */
function join(fleet: Fleet): void {
  fleet.join(NODE, { end: () => undefined } as unknown as AgentSession);
}
