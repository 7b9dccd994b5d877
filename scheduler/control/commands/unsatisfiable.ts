// Whether some known node could ever run a task, whatever runs there now. Nodes come and go, so only what no known node
// could hold is refused, and nothing while no node is known. The refusal names the constraint that leaves no node, with
// the node that comes nearest. Nodes that are alike answer for each other: the cost is that of the kinds of nodes there are.
import type { FieldViolation } from '../../../common/errors.js';
import { nearest } from '../../../common/nearest.js';
import { plural } from '../../../common/units.js';
import type { ReadableState } from '../../model/cluster-state.js';
import { matchesModel } from '../../model/gpu-model.js';
import type { ClusterNode, Gpu, PlacementRules, Role, WorkloadSpec } from '../../model/records.js';
import { GPU_PARTS, memoryShareParts, partsPerTask } from '../../model/requests.js';

/** The nodes by kinds, and all of them. */
export type KnownNodes = Pick<ReadableState, 'nodes' | 'kindsOfNodes'>;

/** What nobody can hold, by the fields that ask for it; empty = some node can, or none is known. */
export function whyUnsatisfiable(known: KnownNodes, spec: WorkloadSpec, path: string): readonly FieldViolation[] {
  if (known.nodes.size === 0) return [];
  const single = spec.roles.length === 1 && spec.roles[0]?.name === '';
  const perRole = spec.roles.flatMap((role, index) => {
    const at = single ? path : `${path}.roles[${index}]`;
    const found =
      whyNowhere(nodesFor(known, role), role, `${at}.resources`) ?? whyNotTogether(known, role, `${at}.topology`);
    return found === null ? [] : [found];
  });
  if (perRole.length > 0) return perRole;
  const together = whyGangNotTogether(known, spec, `${path}.topology`);
  return together === null ? [] : [together];
}

/** One node of each kind, as far as the rules tell nodes apart: all of them when they are named. */
function nodesFor(known: KnownNodes, { rules }: Role): readonly ClusterNode[] {
  return rules.nodes.length > 0 ? [...known.nodes.values()] : known.kindsOfNodes(Object.keys(rules.labels).length > 0);
}

/** One constraint: which nodes meet it, and what to say when none of those that met all before does. */
interface Constraint {
  readonly field: string;
  readonly meets: (node: ClusterNode) => boolean;
  readonly complain: (candidates: readonly ClusterNode[]) => string;
}

/** Applies one constraint after the other, those that name nodes before those that measure them. */
function whyNowhere(nodes: readonly ClusterNode[], role: Role, path: string): FieldViolation | null {
  let candidates = nodes;
  for (const { field, meets, complain } of constraintsOf(role, nodes)) {
    const left = candidates.filter(meets);
    if (left.length === 0) return { field: `${path}.${field}`, description: complain(candidates) };
    candidates = left;
  }
  return null;
}

function constraintsOf(wants: Wants, nodes: readonly ClusterNode[]): readonly Constraint[] {
  const { request, rules } = wants;
  const { gpus, migProfile, cpuMilli, memoryMib } = request;
  const constraints: Constraint[] = [...namingConstraints(rules, nodes)];
  if (gpus > 0) {
    constraints.push({
      field: 'gpu_model',
      meets: (node) => node.gpus.some(({ model }) => isModel(model, rules)),
      complain: (candidates) => {
        const asked = rules.models.map((model) => `"${model}"`).join(' or ');
        return `no known node has a GPU${asked === '' ? '' : ` of model ${asked}`} (there are: ${modelsOf(candidates)})`;
      },
    });
    if (rules.minGpuMemoryMib > 0 && migProfile === '') {
      constraints.push({
        field: 'min_gpu_memory_mib',
        meets: (node) => node.gpus.some((gpu) => isModel(gpu.model, rules) && gpu.memoryMib >= rules.minGpuMemoryMib),
        complain: (candidates) => {
          const { node, figure } = largest(candidates, (each) => largestMemory(each, rules));
          return `GPUs with at least ${rules.minGpuMemoryMib} MiB of memory, but the largest that fits (on ${node.name}) has ${figure} MiB`;
        },
      });
    }
    constraints.push(migProfile === '' ? gpuCount(wants) : migCount(wants));
  }
  if (cpuMilli > 0) {
    constraints.push({
      field: 'cpu_milli',
      meets: (node) => unknownAsEndless(node.cpuCount) * 1_000 >= cpuMilli,
      complain: (candidates) => {
        const { node, figure } = largest(candidates, ({ cpuCount }) => cpuCount);
        return `${cpuMilli / 1_000} CPUs per task, but the largest node that fits (${node.name}) has ${figure}; use more tasks with fewer each`;
      },
    });
  }
  if (memoryMib > 0) {
    constraints.push({
      field: 'memory_mib',
      meets: (node) => unknownAsEndless(node.memoryMib) >= memoryMib,
      complain: (candidates) => {
        const { node, figure } = largest(candidates, (each) => each.memoryMib);
        return `${memoryMib} MiB of memory per task, but the largest node that fits (${node.name}) has ${figure} MiB; use more tasks with less each`;
      },
    });
  }
  return constraints;
}

/** A machine that does not say how much it has is not held to it. */
function unknownAsEndless(figure: number): number {
  return figure === 0 ? Infinity : figure;
}

type Wants = Pick<Role, 'request' | 'rules'>;

/** The constraints that a node meets or not by what it is called and runs. */
function namingConstraints(rules: PlacementRules, nodes: readonly ClusterNode[]): readonly Constraint[] {
  const { pool, labels, minDriver } = rules;
  const constraints: Constraint[] = [];
  if (pool !== '') {
    constraints.push({
      field: 'pool',
      meets: (node) => node.pool === pool,
      complain: () => {
        const pools = [...new Set(nodes.map((node) => node.pool))].toSorted().join(', ');
        return `no pool is called "${pool}" (there are: ${pools})`;
      },
    });
  }
  if (rules.nodes.length > 0) {
    constraints.push({
      field: 'nodes',
      meets: ({ name }) => rules.nodes.includes(name),
      complain: (candidates) => noneOfThese(rules, candidates),
    });
  }
  for (const [key, value] of Object.entries(labels)) {
    constraints.push({
      field: 'node_labels',
      meets: (node) => node.labels[key] === value,
      complain: (candidates) => {
        const values = [...new Set(candidates.map((node) => node.labels[key]))].filter((each) => each !== undefined);
        const found = values.length === 0 ? 'none has that label' : `there are: ${values.toSorted().join(', ')}`;
        return `no known node that fits has the label ${key}=${value} (${found})`;
      },
    });
  }
  if (minDriver !== '') {
    constraints.push({
      field: 'min_driver',
      meets: ({ driverVersion }) => compareVersions(driverVersion, minDriver) >= 0,
      complain: (candidates) => {
        const newest = candidates.reduce((best, node) =>
          compareVersions(node.driverVersion, best.driverVersion) > 0 ? node : best,
        );
        const has = newest.driverVersion === '' ? 'reports none' : `has ${newest.driverVersion}`;
        return `driver ${minDriver} or newer, but the newest that fits (on ${newest.name}) ${has}`;
      },
    });
  }
  return constraints;
}

function noneOfThese(rules: PlacementRules, candidates: readonly ClusterNode[]): string {
  const [first = ''] = rules.nodes;
  const names = candidates.map(({ name }) => name);
  const close = nearest(first, names);
  const hint = close === null ? 'see "sluice get nodes"' : `did you mean "${close}"?`;
  const where = rules.pool === '' ? '' : ` in pool "${rules.pool}"`;
  return `none of ${rules.nodes.map((name) => `"${name}"`).join(', ')} is a known node${where}; ${hint}`;
}

/** So many GPUs of one node, whole or a share of each. A GPU in MIG mode is granted by instances only. */
function gpuCount({ request, rules }: Wants): Constraint {
  const fits = (gpu: Gpu): boolean =>
    gpu.mig === null &&
    isModel(gpu.model, rules) &&
    gpu.memoryMib >= rules.minGpuMemoryMib &&
    (request.gpuMemoryMib === 0 || memoryShareParts(request.gpuMemoryMib, gpu.memoryMib) !== null);
  // A task's GPUs are all of one kind.
  const count = (node: ClusterNode): number => mostAlike(node.gpus.filter(fits));
  return {
    field: 'gpus',
    meets: (node) => count(node) >= request.gpus,
    complain: (candidates) => {
      const { node, figure } = largest(candidates, count);
      const memory = largest(candidates, (each) => largestMemory(each, rules));
      if (request.gpuMemoryMib > memory.figure) {
        return (
          `${request.gpuMemoryMib} MiB of one GPU, but the largest that fits (on ${memory.node.name}) has ` +
          `${memory.figure} MiB; ask for more GPUs with less of each`
        );
      }
      const inMigMode = node.gpus.filter((gpu) => gpu.mig !== null && isModel(gpu.model, rules)).length;
      const besides =
        inMigMode === 0 ? '' : ` beside ${inMigMode} in MIG mode, of which instances are asked for by profile`;
      return (
        `${plural(request.gpus, 'GPU')} per task, but the largest node (${node.name}) has ${figure}${besides}; ` +
        'use more tasks with fewer GPUs each'
      );
    },
  };
}

/** Slots of one kind are alike for the engine: a task never gets two kinds. */
type Kind = Pick<Gpu, 'model' | 'memoryMib'>;

/** How many of the most frequent kind there are. */
function mostAlike(slots: readonly Kind[]): number {
  const counts = new Map<string, number>();
  for (const { model, memoryMib } of slots) {
    const kind = `${memoryMib} ${model}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

/** So many instances of one profile on one node. */
function migCount({ request, rules }: Wants): Constraint {
  const { migProfile } = request;
  const instances = (node: ClusterNode): readonly (Kind & { readonly profile: string })[] =>
    node.gpus
      .filter(({ model }) => isModel(model, rules))
      .flatMap(({ model, mig }) => (mig ?? []).map(({ profile, memoryMib }) => ({ model, profile, memoryMib })))
      .filter(({ memoryMib }) => memoryMib >= rules.minGpuMemoryMib);
  const count = (node: ClusterNode): number =>
    mostAlike(instances(node).filter(({ profile }) => profile === migProfile));
  return {
    field: 'mig_profile',
    meets: (node) => count(node) >= request.gpus,
    complain: (candidates) => {
      const { node, figure } = largest(candidates, count);
      if (figure > 0) {
        return `${request.gpus} instances of ${migProfile} per task, but the largest node (${node.name}) has ${figure}; use more tasks`;
      }
      const profiles = [...new Set(candidates.flatMap(instances).map(({ profile }) => profile))].toSorted().join(', ');
      return `no known node that fits has an instance of ${migProfile} (there are: ${profiles || 'none, no GPU is in MIG mode'})`;
    },
  };
}

/** A role whose tasks must share one node or one group of NVLink. Racks and blocks grow, so those are left to time. */
function whyNotTogether(known: KnownNodes, one: Role, field: string): FieldViolation | null {
  const { topology } = one;
  if (topology === null || !topology.required) return null;
  return whyNoDomain(known, [one], topology.level, field);
}

function whyGangNotTogether(known: KnownNodes, spec: WorkloadSpec, field: string): FieldViolation | null {
  const { topology } = spec;
  if (topology === null || !topology.required) return null;
  return whyNoDomain(known, spec.roles, topology.level, field);
}

function whyNoDomain(
  known: KnownNodes,
  roles: readonly Role[],
  level: 'nvlink' | 'node' | 'rack' | 'block',
  field: string,
): FieldViolation | null {
  const isByLabel = level === 'rack' || level === 'block';
  const nodes = known.kindsOfNodes(isByLabel);
  if (isByLabel) {
    if (nodes.some((node) => node.labels[level] !== undefined)) return null;
    const description = `no known node has the label "${level}", which says where it stands; ask for another level, or have agents started with it`;
    return { field, description };
  }
  const needed = roles.reduce((sum, each) => sum + each.minTasks * partsPerTask(each.request, largestOf(nodes)), 0);
  // One GPU is together with itself.
  if (needed <= GPU_PARTS) return null;
  const best = largest(nodes, (node) => Math.max(0, ...domainsOf(node, level).map((domain) => domain.length)));
  if (best.figure * GPU_PARTS >= needed) return null;
  const gpus = plural(needed / GPU_PARTS, 'GPU');
  const what = level === 'node' ? 'on one node' : 'in one NVLink group';
  const has =
    best.figure === 0 && level === 'nvlink'
      ? 'no known node has any'
      : `the largest (${best.node.name}) has ${best.figure}`;
  return { field, description: `${gpus} together ${what}, but ${has}; ask for a wider level, or prefer it instead` };
}

/** GPUs of a node that lie together. */
function domainsOf(node: ClusterNode, level: 'nvlink' | 'node'): readonly (readonly Gpu[])[] {
  if (level === 'node') return [node.gpus];
  const groups = new Map<number, Gpu[]>();
  for (const gpu of node.gpus) {
    if (gpu.nvlinkGroup === null) continue;
    groups.set(gpu.nvlinkGroup, [...(groups.get(gpu.nvlinkGroup) ?? []), gpu]);
  }
  return [...groups.values()];
}

function isModel(model: string, { models }: PlacementRules): boolean {
  return models.length === 0 || models.some((one) => matchesModel(model, one));
}

function modelsOf(nodes: readonly ClusterNode[]): string {
  return [...new Set(nodes.flatMap(({ gpus }) => gpus.map(({ model }) => model)))].toSorted().join(', ') || 'none';
}

function largestMemory(node: ClusterNode, rules: PlacementRules): number {
  return Math.max(0, ...node.gpus.filter(({ model }) => isModel(model, rules)).map(({ memoryMib }) => memoryMib));
}

/** The memory of the largest GPU known, in MiB, by which a share given as memory is smallest. */
export function largestOf(nodes: Iterable<ClusterNode>): number {
  let found = 0;
  for (const node of nodes) for (const { memoryMib } of node.gpus) found = Math.max(found, memoryMib);
  return found;
}

function largest(
  nodes: readonly ClusterNode[],
  measure: (node: ClusterNode) => number,
): { readonly node: ClusterNode; readonly figure: number } {
  return nodes
    .map((node) => ({ node, figure: measure(node) }))
    .reduce((best, each) => (each.figure > best.figure ? each : best));
}

/** Compares versions number by number: 535.9 is older than 535.104. What is no number counts as 0. */
function compareVersions(a: string, b: string): number {
  const numbers = (text: string): readonly number[] => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [left, right] = [numbers(a), numbers(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
