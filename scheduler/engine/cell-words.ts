// The words of guaranteed shapes: nodes as cells see them, what is promised, what is asked for, and how that stands.
import type { TopologyLevel } from '../model/records.js';

/** The GPUs of one kind on one node. */
export interface CellNode {
  readonly name: string;
  /** GPUs that are alike for every request: pool and model. */
  readonly kind: string;
  /** Empty = not known: it is in no cell with another node. */
  readonly rack: string;
  readonly block: string;
  readonly gpus: readonly CellGpu[];
}

export interface CellGpu {
  /** The caller's number of it, unlike all others in the cluster. */
  readonly gpu: number;
  readonly nvlinkGroup: number | null;
}

/** `count` cells of at least so many GPUs within one domain of a level. */
export interface PromisedCells {
  readonly queue: string;
  readonly count: number;
  readonly gpus: number;
  readonly level: TopologyLevel;
  /** Kinds of GPUs that will do. */
  readonly kinds: readonly string[];
}

/** What one task of guaranteed work asks for. */
export interface CellRequest {
  readonly queue: string;
  /** At least 1. */
  readonly gpus: number;
  /** All of them in one domain of this level. */
  readonly level: TopologyLevel;
  /** Kinds of GPUs that will do, the best first. */
  readonly kinds: readonly string[];
}

/** The cell by which a queue holds a GPU: so large, and promised or of the surplus. */
export interface CellUse {
  readonly gpus: number;
  readonly owed: boolean;
}

/** Room for a request in a cell. */
export interface CellRoom {
  /** All idle GPUs there, in order: at least as many as asked for. */
  readonly gpus: readonly number[];
  /** The cell to be bound for it; null = it is the queue's already. For {@link Cells.take}. */
  readonly opens: CellUse | null;
}

/** Where a request may go. */
export interface CellChoice {
  readonly gpus: readonly number[];
  /** The cell to be bound for it; null = it is in one that is bound already. For {@link Cells.take}. */
  readonly opens: CellUse | null;
}

/** How a queue's promise of one size stands. */
export interface CellDebt {
  readonly queue: string;
  readonly gpus: number;
  readonly level: TopologyLevel;
  readonly promised: number;
  /** In use by the queue. */
  readonly bound: number;
  /** Cells that cannot be had now because hardware is bad or was never there, bound ones with a bad GPU among them. */
  readonly impossible: number;
}

/** Guaranteed work beyond the promised cells holds its GPUs one by one. */
export const SURPLUS: CellUse = { gpus: 1, owed: false };

/**
 * A promised cell, of whatever size fits best: one for all the GPUs of a task, as on a machine of its own. Else a task larger
 * than a cell, that only borrowed, would use up several that its queue is owed for others.
 */
export const ANY_OWED: CellUse = { gpus: 0, owed: true };

/** How far apart GPUs may be, the closest first. */
export const CLOSENESS: readonly TopologyLevel[] = ['nvlink', 'node', 'rack', 'block'];

export function isWithin(level: TopologyLevel, asked: TopologyLevel): boolean {
  return CLOSENESS.indexOf(level) <= CLOSENESS.indexOf(asked);
}
