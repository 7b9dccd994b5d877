// What becomes of all GPUs, counted in one pass over the nodes: about 1 us a GPU, since a scrape holds the one writer up.
import { shownHealth } from '../model/gpu-health.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { ClusterNode } from '../model/records.js';
import { GPU_PARTS, toGpus } from '../model/requests.js';
import { Tally } from './tally.js';

export interface GpuCounts {
  /** By pool, model, simulated and state: allocated (in part or whole), idle, unavailable. */
  readonly byState: Tally;
  /** By pool, model and health, as people are told it. */
  readonly byHealth: Tally;
  /** In GPUs, parts added up, by pool and model. */
  readonly held: Tally;
  /** Held in parts, by pool, model and kind: share, mig. */
  readonly shared: Tally;
}

/** @param isOpen whether a node takes new work */
export function countGpus(state: ReadableState, isOpen: (node: ClusterNode) => boolean): GpuCounts {
  const counts = { byState: new Tally(), byHealth: new Tally(), held: new Tally(), shared: new Tally() };
  for (const node of state.nodes.values()) {
    const { pool } = node;
    const held = heldGpus(state, node);
    const open = isOpen(node);
    for (const gpu of node.gpus) {
      const { uuid, model, simulated, health, retired } = gpu;
      if (retired === true) continue;
      counts.byHealth.add({ pool, model, state: shownHealth(gpu, held.has(uuid)) });
      const use = held.has(uuid) ? 'allocated' : open && health === 'healthy' ? 'idle' : 'unavailable';
      counts.byState.add({ pool, model, simulated: String(simulated), state: use });
    }
    for (const { model, kind, parts } of held.values()) {
      counts.held.add({ pool, model }, toGpus(parts));
      if (kind !== 'whole') counts.shared.add({ pool, model, kind });
    }
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
