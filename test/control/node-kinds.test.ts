// Nodes that are alike answer for each other: asking one node of each kind must say what asking all of them says.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../common/ids.js';
import { whyUnsatisfiable } from '../../scheduler/control/commands/unsatisfiable.js';
import { ClusterState } from '../../scheduler/model/cluster-state.js';
import type { ClusterNode, Gpu, WorkloadSpec } from '../../scheduler/model/records.js';
import { ANYWHERE, oneRole, wholeGpus } from '../../scheduler/model/requests.js';
import { nodeReport, spec, Workshop } from './workshop.js';

type Labels = Readonly<Record<string, string>>;

const MODELS = ['NVIDIA H100 80GB HBM3', 'NVIDIA A100-SXM4-40GB'];

/** Few values of each, so that nodes of one kind come about and go. */
const machine = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  pool: fc.constantFrom('default', 'old'),
  labels: fc.constantFrom<Labels>({}, { rack: 'r1' }, { rack: 'r2', zone: 'x' }),
  driverVersion: fc.constantFrom('', '535.9', '535.104'),
  cpuCount: fc.constantFrom(0, 32, 64),
  memoryMib: fc.constantFrom(0, 65_536),
  gpus: fc.array(
    fc.record({
      model: fc.constantFrom(...MODELS),
      memoryMib: fc.constantFrom(40_960, 81_920),
      nvlinkGroup: fc.constantFrom(null, 0, 1),
      mig: fc.constantFrom(null, [{ uuid: 'MIG-1', profile: '3g.40gb', memoryMib: 40_960 }]),
      generation: fc.nat(3),
    }),
    { maxLength: 4 },
  ),
});
type Machine = typeof machine extends fc.Arbitrary<infer T> ? T : never;

const happening = fc.oneof(
  { weight: 6, arbitrary: machine.map((of) => ({ type: 'reported' as const, of })) },
  { weight: 1, arbitrary: fc.nat(5).map((at) => ({ type: 'deleted' as const, at })) },
  { weight: 1, arbitrary: fc.nat(5).map((at) => ({ type: 'granted' as const, at })) },
);

const wanted: fc.Arbitrary<WorkloadSpec> = fc
  .record({
    gpus: fc.constantFrom(0, 1, 2, 4, 5),
    gpuMemoryMib: fc.constantFrom(0, 0, 20_000, 90_000),
    migProfile: fc.constantFrom('', '', '', '3g.40gb', '1g.10gb'),
    cpuMilli: fc.constantFrom(0, 32_000, 65_000),
    memoryMib: fc.constantFrom(0, 65_536, 70_000),
    pool: fc.constantFrom('', '', 'old', 'new'),
    models: fc.constantFrom([], [], ['H100'], ['B200']),
    minGpuMemoryMib: fc.constantFrom(0, 0, 80_000, 90_000),
    minDriver: fc.constantFrom('', '', '535.50', '600'),
    labels: fc.constantFrom<Labels>({}, {}, { rack: 'r1' }, { zone: 'y' }),
    nodes: fc.constantFrom([], [], ['b'], ['c', 'x'], ['x']),
    level: fc.constantFrom(null, null, 'nvlink' as const, 'node' as const, 'rack' as const, 'block' as const),
    tasks: fc.constantFrom(1, 2),
  })
  .map(({ level, tasks, gpus, gpuMemoryMib, migProfile, cpuMilli, memoryMib, ...rules }) => {
    const request = { ...wholeGpus(gpus), gpuMemoryMib, migProfile, cpuMilli, memoryMib };
    const topology = level === null ? null : { level, required: true };
    return spec({ roles: oneRole(tasks, request, { ...ANYWHERE, ...rules }), topology });
  });

function nodeOf({ gpus, ...machineOf }: Machine): ClusterNode {
  const report = nodeReport(`node-${machineOf.name}` as NodeId, machineOf.name, 1);
  return {
    ...report,
    ...report.inventory,
    ...machineOf,
    gpus: gpus.map((gpu, index): Gpu => ({
      ...gpu,
      uuid: `GPU-${machineOf.name}-${index}`,
      index,
      simulated: true,
      health: 'healthy',
      healthMessage: '',
      pciBusId: '',
    })),
    cordoned: false,
    cordonReason: '',
    maintenance: [],
    registeredMs: 0,
  };
}

function put(state: ClusterState, key: string, after: ClusterNode | null): void {
  const before = state.get('nodes', key) ?? null;
  if (before !== null || after !== null) state.apply({ collection: 'nodes', key, before, after });
}

describe('one node of each kind', () => {
  test('gives the answers, word for word, that all nodes give', () => {
    let refusals = 0;
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 20 }),
        fc.array(wanted, { minLength: 8, maxLength: 8 }),
        (happened, specs) => {
          const state = new ClusterState();
          for (const one of happened) {
            if (one.type === 'reported') {
              put(state, `node-${one.of.name}`, nodeOf(one.of));
            } else {
              const node = [...state.nodes.values()][one.at];
              if (node === undefined) continue;
              const granted = { ...node, gpus: node.gpus.map((gpu) => ({ ...gpu, generation: gpu.generation + 1 })) };
              put(state, node.id, one.type === 'deleted' ? null : granted);
            }
            for (const each of specs) {
              const all = { nodes: state.nodes, kindsOfNodes: () => [...state.nodes.values()] };
              const said = whyUnsatisfiable(all, each, 'specs[0]');
              refusals += said.length;
              expect(whyUnsatisfiable(state, each, 'specs[0]')).toEqual(said);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
    expect(refusals).toBeGreaterThan(1_000);
  });

  test('is enough for any number of equal machines, whatever runs on them', () => {
    const shop = new Workshop();
    shop.queue('research');
    const nodes = Array.from({ length: 20 }, (_, at) => shop.node(`n${at}`, 8));
    shop.node('small', 2);
    shop.place(shop.submit({ gpusPerTask: 3 }), nodes[4] ?? ('' as NodeId));
    expect(shop.state.kindsOfNodes(false).map(({ name }) => name)).toEqual(['n0', 'small']);
    expect(shop.state.kindsOfNodes(true).map(({ name }) => name)).toEqual(['n0', 'small']);
  });
});
