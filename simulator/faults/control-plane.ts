// The scheduler as everybody else in a world meets it: one process on a disk, or two on a Redis of which one leads.
import type { Control } from '../../scheduler/wire-control.js';
import type { Gate } from './agent-stream.js';
import type { SimMachine, SimProcess } from './machine.js';
import type { StoredImage } from './store.js';

/** Where one daemon is reached. */
export interface Door {
  readonly name: string;
  readonly machine: SimMachine;
  /** Null = it does not run. */
  readonly process: SimProcess | null;
  /** What answers; null = it does not serve. */
  readonly control: Control | null;
  /** Whether it leads for certain: what the API asks before and after each call. */
  readonly isFresh: () => boolean;
  /** Which history its answers belong to, as users would count them. */
  readonly history: number;
  /** What is durable where it writes. */
  readonly where: StoredImage;
  /** The way in for agents, as it is now. */
  gate(): Gate;
  /** Its process dies; a service manager starts another one. */
  crash(lostPower?: boolean): void;
}

/** All schedulers of a world with what they write on. */
export interface ControlPlane {
  /** In the order in which others try them. */
  readonly doors: readonly Door[];
  /** Which one leads, or led last. */
  readonly leader: Door;
  /** Of the one that leads and serves; null = none does. */
  readonly control: Control | null;
  /** What is durable of the history that goes on. */
  readonly stored: StoredImage;
  /** Whether nothing is being written. */
  readonly isSettled: boolean;
  /** How often daemons were started. */
  readonly starts: number;
  start(): void;
}
