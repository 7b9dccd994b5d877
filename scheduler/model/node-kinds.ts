// Nodes that are alike, known by one of them: whether a machine could run something hangs on what it is, and ten thousand
// machines are of few kinds. Follows the nodes by their changes, so that asking costs the number of kinds.
import { present } from '../../common/assert.js';
import type { NodeId } from '../../common/ids.js';
import type { ClusterNode, Gpu } from './records.js';

/** One kind: the nodes that are of it, by the place at which they came. */
interface Kind {
  readonly members: Set<NodeId>;
  /** The one that came first speaks for all; null = to be found again. */
  first: NodeId | null;
}

/** What a node is kept with. */
interface Entry {
  node: ClusterNode;
  /** Nodes that came later have higher ones. */
  readonly place: number;
  kind: string;
}

/**
 * Kinds of nodes: equal pool, driver, CPUs, memory and GPUs (model, memory, MIG instances, NVLink groups), with labels or
 * without. What passes (health, cordons, maintenance, generations) makes no kind, nor do names.
 */
export class NodeKinds {
  readonly #withLabels: boolean;
  readonly #entries = new Map<NodeId, Entry>();
  readonly #kinds = new Map<string, Kind>();
  #places = 0;
  /** The answer, until a node becomes or stops being the first of its kind. */
  #firsts: readonly ClusterNode[] | null = null;

  /** @param withLabels whether nodes with other labels are of another kind */
  constructor(withLabels: boolean) {
    this.#withLabels = withLabels;
  }

  /** Follows a change of a node; null = it was or is not there. */
  note(before: ClusterNode | null, after: ClusterNode | null): void {
    if (before !== null && after !== null) this.#change(after);
    else if (after !== null) this.#add(after);
    else if (before !== null) this.#remove(before.id);
  }

  /** One node of each kind, each the one of its kind that came first, in the order in which they came. */
  firsts(): readonly ClusterNode[] {
    this.#firsts ??= [...this.#kinds.values()]
      .map((kind) => this.#entry(this.#firstOf(kind)))
      .toSorted((a, b) => a.place - b.place)
      .map(({ node }) => node);
    return this.#firsts;
  }

  #add(node: ClusterNode): void {
    const entry = { node, place: this.#places, kind: this.#kindOf(node) };
    this.#places += 1;
    this.#entries.set(node.id, entry);
    this.#join(entry);
  }

  #change(node: ClusterNode): void {
    const entry = this.#entry(node.id);
    const before = entry.node;
    entry.node = node;
    // Most changes of a node only raise generations.
    const isAlike = isSameMachine(before, node) && (!this.#withLabels || before.labels === node.labels);
    if (isAlike && before.name === node.name) return;
    const kind = this.#kindOf(node);
    if (kind === entry.kind) {
      this.#firsts = null;
      return;
    }
    this.#leave(entry);
    entry.kind = kind;
    this.#join(entry);
  }

  #remove(id: NodeId): void {
    this.#leave(this.#entry(id));
    this.#entries.delete(id);
  }

  #join({ node, place, kind: name }: Entry): void {
    const kind = this.#kinds.get(name);
    if (kind === undefined) {
      this.#kinds.set(name, { members: new Set([node.id]), first: node.id });
      this.#firsts = null;
      return;
    }
    kind.members.add(node.id);
    if (kind.first === null || place > this.#entry(kind.first).place) return;
    kind.first = node.id;
    this.#firsts = null;
  }

  #leave({ node, kind: name }: Entry): void {
    const kind = present(this.#kinds.get(name), 'a node has a kind', node.id);
    kind.members.delete(node.id);
    if (kind.members.size === 0) this.#kinds.delete(name);
    if (kind.first !== node.id) return;
    kind.first = null;
    this.#firsts = null;
  }

  #firstOf(kind: Kind): NodeId {
    if (kind.first !== null) return kind.first;
    const members = [...kind.members].map((id) => this.#entry(id));
    kind.first = members.reduce((first, each) => (each.place < first.place ? each : first)).node.id;
    return kind.first;
  }

  #entry(id: NodeId): Entry {
    return present(this.#entries.get(id), 'a node of a kind is known', id);
  }

  #kindOf({ pool, labels, driverVersion, cpuCount, memoryMib, gpus }: ClusterNode): string {
    const labelled = this.#withLabels ? Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)) : [];
    const machine = gpus.map(({ model, memoryMib: gpuMemoryMib, nvlinkGroup, mig }) => [
      model,
      gpuMemoryMib,
      nvlinkGroup,
      mig?.map((instance) => [instance.profile, instance.memoryMib]) ?? null,
    ]);
    return JSON.stringify([pool, driverVersion, cpuCount, memoryMib, machine, labelled]);
  }
}

/** Whether two records of one node are of one machine as far as is seen at little cost; false = perhaps not. */
function isSameMachine(before: ClusterNode, after: ClusterNode): boolean {
  return (
    before.pool === after.pool &&
    before.driverVersion === after.driverVersion &&
    before.cpuCount === after.cpuCount &&
    before.memoryMib === after.memoryMib &&
    before.gpus.length === after.gpus.length &&
    before.gpus.every((gpu, at) => isSameGpu(gpu, after.gpus[at]))
  );
}

function isSameGpu(before: Gpu, after: Gpu | undefined): boolean {
  return (
    before === after ||
    (before.model === after?.model &&
      before.memoryMib === after.memoryMib &&
      before.nvlinkGroup === after.nvlinkGroup &&
      before.mig === after.mig)
  );
}
