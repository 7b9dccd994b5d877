// What becomes of all GPUs. A pass over all of them is about 1 us a GPU and holds the one writer up, so what was counted of a node
// is kept until something of it changes.
import { shownHealth } from '../model/gpu-health.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { ClusterNode } from '../model/records.js';
import { GPU_PARTS } from '../model/requests.js';
import { Tally } from './tally.js';

export interface GpuCounts {
  /** By pool, model, simulated and state: allocated (in part or whole), idle, unavailable. */
  readonly byState: Tally;
  /** By pool, model and health, as people are told it. */
  readonly byHealth: Tally;
  /** In parts of a GPU, by pool and model: whole numbers add up and take off exactly. */
  readonly heldParts: Tally;
  /** Held in parts, by pool, model and kind: share, mig. */
  readonly shared: Tally;
}

/** What was counted of one node, and as what it was then. */
interface KnownNode {
  readonly record: ClusterNode;
  readonly heldStamp: number;
  readonly isOpen: boolean;
  readonly counts: GpuCounts;
}

/** The counts of all nodes, kept from look to look. */
export class KeptGpuCounts {
  readonly #known = new Map<string, KnownNode>();
  readonly #all = noCounts();

  /**
   * The counts as of now. Cost: a comparison a node, and a count of the GPUs of those that changed.
   * @param isOpen whether a node takes new work
   */
  follow(state: ReadableState, isOpen: (node: ClusterNode) => boolean): GpuCounts {
    for (const node of state.nodes.values()) {
      const known = this.#known.get(node.id);
      const [heldStamp, open] = [state.heldStampOf(node.id), isOpen(node)];
      if (known?.record === node && known.heldStamp === heldStamp && known.isOpen === open) continue;
      if (known !== undefined) this.#count(known.counts, -1);
      const counts = countNode(state, node, open);
      this.#count(counts, 1);
      this.#known.set(node.id, { record: node, heldStamp, isOpen: open, counts });
    }
    if (this.#known.size > state.nodes.size) this.#forgetGone(state);
    return this.#all;
  }

  #forgetGone(state: ReadableState): void {
    for (const [id, { counts }] of this.#known) {
      if (state.nodes.has(id)) continue;
      this.#count(counts, -1);
      this.#known.delete(id);
    }
  }

  #count(counts: GpuCounts, sign: 1 | -1): void {
    for (const name of COUNTS) this.#all[name].addAll(counts[name], sign);
  }
}

const COUNTS = ['byState', 'byHealth', 'heldParts', 'shared'] as const satisfies readonly (keyof GpuCounts)[];

function noCounts(): GpuCounts {
  return { byState: new Tally(), byHealth: new Tally(), heldParts: new Tally(), shared: new Tally() };
}

function countNode(state: ReadableState, node: ClusterNode, isOpen: boolean): GpuCounts {
  const counts = noCounts();
  const { pool } = node;
  const held = heldGpus(state, node);
  for (const gpu of node.gpus) {
    const { uuid, model, simulated, health, retired } = gpu;
    if (retired === true) continue;
    counts.byHealth.add({ pool, model, state: shownHealth(gpu, held.has(uuid)) });
    const use = held.has(uuid) ? 'allocated' : isOpen && health === 'healthy' ? 'idle' : 'unavailable';
    counts.byState.add({ pool, model, simulated: String(simulated), state: use });
  }
  for (const { model, kind, parts } of held.values()) {
    counts.heldParts.add({ pool, model }, parts);
    if (kind !== 'whole') counts.shared.add({ pool, model, kind });
  }
  return counts;
}

/** What is held of one GPU, and how. */
interface HeldGpu {
  readonly model: string;
  readonly kind: 'whole' | 'share' | 'mig';
  parts: number;
}

/** By UUID. */
function heldGpus(state: ReadableState, node: ClusterNode): ReadonlyMap<string, HeldGpu> {
  const held = new Map<string, HeldGpu>();
  for (const { gpus } of state.heldOn(node.id)) {
    for (const { uuid, model, parts, instance } of gpus) {
      const known = held.get(uuid);
      const kind = instance !== '' ? 'mig' : parts < GPU_PARTS ? 'share' : 'whole';
      if (known === undefined) held.set(uuid, { model, kind, parts });
      else known.parts += parts;
    }
  }
  return held;
}
