// What a placement becomes for its agent: from the records through the bytes of the protocol into the agent's words.
import { describe, expect, test } from 'vitest';
import { sluice } from '../../common/proto.js';
import { parseDesired } from '../../node-agent/messages.js';
import type { DesiredAllocation } from '../../node-agent/session/allocation.js';
import { whyImpossible } from '../../node-agent/session/slots.js';
import type { DesiredAllocations__Output } from '../../proto/gen/sluice/v1/DesiredAllocations.js';
import type { NodeId, WorkloadNumber } from '../../common/ids.js';
import { registerNode } from '../../scheduler/control/commands/nodes.js';
import { desiredOf, type OrderExtras } from '../../scheduler/fleet/desired.js';
import { markStarted, place } from '../../scheduler/model/lifecycle.js';
import type { Placement, Role } from '../../scheduler/model/records.js';
import { ANYWHERE, wholeGpus } from '../../scheduler/model/requests.js';
import { nodeReport, Workshop, type SpecFields } from '../control/workshop.js';

const NODE = 'node-n1' as NodeId;
const INSTANCES = [
  { uuid: 'MIG-a', profile: '3g.40gb', memoryMib: 40_448 },
  { uuid: 'MIG-b', profile: '3g.40gb', memoryMib: 40_448 },
];

/** A node of three GPUs, the last one in MIG mode. */
function shop(): Workshop {
  const workshop = new Workshop();
  workshop.queue('research', { guaranteeGpus: 8 });
  const report = nodeReport(NODE, 'n1', 3);
  const gpus = report.inventory.gpus.map((gpu, index) => (index === 2 ? { ...gpu, mig: INSTANCES } : gpu));
  workshop.change((draft) => registerNode(draft, { ...report, inventory: { ...report.inventory, gpus } }, 1_000));
  return workshop;
}

type Place = Omit<Placement, 'node' | 'task'>;

/** Submits a workload and gives its tasks these places. */
function placed(workshop: Workshop, spec: SpecFields, ...places: readonly Place[]): WorkloadNumber {
  const number = workshop.submit(spec);
  const placements = places.map((one, task) => ({ ...one, task, node: NODE }));
  workshop.change((draft, { nowMs, newUlid }) => place(draft, number, placements, nowMs, newUlid));
  return number;
}

/** What the agent of the node reads. */
function read(workshop: Workshop, extras: OrderExtras = {}): readonly DesiredAllocation[] {
  const { responseSerialize, responseDeserialize } = sluice.AgentService.service.Connect;
  const desired = desiredOf(workshop.state, NODE, { epoch: 1, revision: 1, leaderId: 'leader' }, extras);
  const bytes = responseSerialize({ desired });
  return (responseDeserialize(bytes).desired as DesiredAllocations__Output).allocations.map(parseDesired);
}

describe('an order', () => {
  test('of whole GPUs names each with all its parts', () => {
    const workshop = shop();
    placed(workshop, { gpusPerTask: 2 }, { gpus: [0, 1], parts: 7_000, instances: [] });
    expect(read(workshop)[0]?.gpus).toMatchObject([
      { uuid: 'GPU-n1-0', parts: 7_000, instance: '', generation: 1 },
      { uuid: 'GPU-n1-1', parts: 7_000, instance: '', generation: 1 },
    ]);
  });

  test('of shares of one GPU: each has a generation of its own', () => {
    const workshop = shop();
    const half = { gpus: [0], parts: 3_500, instances: [] };
    placed(workshop, { tasks: 2, request: { gpuMilli: 500 } }, half, half);
    expect(read(workshop).map(({ gpus }) => gpus)).toMatchObject([
      [{ uuid: 'GPU-n1-0', parts: 3_500, generation: 1 }],
      [{ uuid: 'GPU-n1-0', parts: 3_500, generation: 2 }],
    ]);
  });

  test('has the token of its task until that has started', () => {
    const workshop = shop();
    const number = placed(workshop, {}, { gpus: [0], parts: 7_000, instances: [] });
    const [id] = workshop.workload(number).allocations;
    const extras = { taskTokenOf: (allocation: string) => `token of ${allocation}` };
    expect(read(workshop, extras)[0]?.token).toBe(`token of ${id}`);
    expect(read(workshop)[0]).not.toHaveProperty('token');
    workshop.change((draft) => id !== undefined && markStarted(draft, id, workshop.nowMs, workshop.nowMs));
    expect(read(workshop, extras)[0]).not.toHaveProperty('token');
  });

  test('of MIG instances names the instance', () => {
    const workshop = shop();
    placed(workshop, { request: { migProfile: '3g.40gb' } }, { gpus: [2], parts: 3_000, instances: ['MIG-a'] });
    expect(read(workshop)[0]?.gpus).toMatchObject([{ uuid: 'GPU-n1-2', parts: 3_000, instance: 'MIG-a' }]);
  });

  test('is one that an agent can carry out', () => {
    const workshop = shop();
    placed(workshop, { gpusPerTask: 2 }, { gpus: [0, 1], parts: 7_000, instances: [] });
    const both = { gpus: [2, 2], parts: 3_000, instances: ['MIG-a', 'MIG-b'] };
    placed(workshop, { gpusPerTask: 2, request: { migProfile: '3g.40gb' } }, both);
    const layout = new Map([
      ['GPU-n1-0', null],
      ['GPU-n1-1', null],
      ['GPU-n1-2', ['MIG-a', 'MIG-b']],
    ]);
    expect(read(workshop).map(({ gpus }) => whyImpossible(gpus, layout))).toEqual([null, null]);
  });

  test('has the CPU and the memory that are set aside', () => {
    const workshop = shop();
    const nothing = { gpus: [], parts: 7_000, instances: [] };
    placed(workshop, { gpusPerTask: 0, request: { cpuMilli: 2_500, memoryMib: 512 } }, nothing);
    expect(read(workshop)[0]).toMatchObject({ cpuMilli: 2_500, memoryMib: 512, gpus: [] });
  });

  test('has the role, the place in it, and the program of the role', () => {
    const role = (name: string, tasks: number, program: Role['program']): Role => ({
      name,
      minTasks: tasks,
      maxTasks: tasks,
      request: wholeGpus(0),
      rules: ANYWHERE,
      topology: null,
      program,
    });
    const workshop = shop();
    const nothing = { gpus: [], parts: 7_000, instances: [] };
    const roles = [role('launcher', 1, { type: 'command', argv: ['launch'] }), role('worker', 2, null)];
    placed(workshop, { roles, program: { type: 'command', argv: ['work'] } }, nothing, nothing, nothing);
    const seen = read(workshop).map(({ task, tasks, role: name, roleRank, roleTasks, program }) => ({
      of: `${task}/${tasks}`,
      role: `${name} ${roleRank}/${roleTasks}`,
      program,
    }));
    const work = { type: 'command', argv: ['work'] };
    expect(seen).toEqual([
      { of: '0/3', role: 'launcher 0/1', program: { type: 'command', argv: ['launch'] } },
      { of: '1/3', role: 'worker 0/2', program: work },
      { of: '2/3', role: 'worker 1/2', program: work },
    ]);
  });

  test('has the place in an array, and none without', () => {
    const workshop = shop();
    const nothing = { gpus: [], parts: 7_000, instances: [] };
    const array = { of: 1 as WorkloadNumber, index: 0, size: 4, concurrency: 0 };
    placed(workshop, { gpusPerTask: 0, array }, nothing);
    placed(workshop, { gpusPerTask: 0 }, nothing);
    expect(read(workshop).map((one) => one.array)).toEqual([{ index: 0, size: 4, first: 1 }, null]);
  });
});
