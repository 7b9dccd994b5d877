// How the GPUs of nodes of one build form cells: which levels there are, and which nodes are in one rack or block together.
import type { TopologyLevel } from '../model/records.js';
import type { CellNode } from './cell-words.js';

/** One level of a chain. */
export interface Level {
  readonly gpus: number;
  /** How close the GPUs of such a cell are. */
  readonly closeness: TopologyLevel;
  /** How many cells of the level below make one; 1 at the lowest. */
  readonly fanOut: number;
}

/** Nodes of one build have the same kind of GPUs, as many, in NVLink groups of the same size. */
export function buildOf(node: CellNode): string {
  return `${node.gpus.length}/${groupSize(node)}/${node.kind}`;
}

/** The GPUs of a node's NVLink groups if all are alike, else 0. */
export function groupSize({ gpus }: CellNode): number {
  const sizes = new Map<number, number>();
  for (const { nvlinkGroup } of gpus) {
    if (nvlinkGroup === null) return 0;
    sizes.set(nvlinkGroup, (sizes.get(nvlinkGroup) ?? 0) + 1);
  }
  const [first = 0, ...others] = sizes.values();
  return others.every((size) => size === first) ? first : 0;
}

/**
 * The levels of a chain: single GPUs, 2, 4... of an NVLink group, the group, 2, 4... groups, the node, 2, 4... nodes of a
 * rack, 2, 4... of the largest such cells in a block. An odd factor comes last: six GPUs are three pairs.
 */
export function levelsOf(gpusPerNode: number, gpusPerGroup: number, mostNodes: number, mostRacks: number): Level[] {
  const levels: Level[] = [{ gpus: 1, closeness: 'nvlink', fanOut: 1 }];
  const climb = (factor: number, closeness: TopologyLevel) => {
    const base = levels.at(-1)?.gpus ?? 1;
    let reached = 1;
    while (factor % (reached * 2) === 0) {
      reached *= 2;
      levels.push({ gpus: base * reached, closeness, fanOut: 2 });
    }
    if (reached < factor) levels.push({ gpus: base * factor, closeness, fanOut: factor / reached });
  };
  if (gpusPerGroup > 0) climb(gpusPerGroup, 'nvlink');
  climb(gpusPerGroup > 0 ? gpusPerNode / gpusPerGroup : gpusPerNode, 'node');
  climb(mostNodes, 'rack');
  climb(mostRacks, 'block');
  return levels;
}

/** Cuts a list into runs of the largest power of two that fits, at most `most`. */
export function inPowersOfTwo<T>(list: readonly T[], most: number): T[][] {
  const runs: T[][] = [];
  for (let from = 0; from < list.length;) {
    const count = Math.min(most, largestPowerOfTwo(list.length - from));
    runs.push(list.slice(from, from + count));
    from += count;
  }
  return runs;
}

export function largestPowerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most));
}

/** A node that stands in no known rack is a rack of its own. */
export function rackOf({ name, rack, block }: CellNode): string {
  return rack === '' ? `node/${name}` : `rack/${block}/${rack}`;
}

export function blockOf(node: CellNode): string {
  return node.block === '' ? rackOf(node) : `block/${node.block}`;
}

export function groupBy<T, K>(list: readonly T[], keyOf: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of list) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return groups;
}

export function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
