// What the daemon waits for until all is as usual, in words: for /readyz and for `sluice status`. Pure.
import { formatDuration, plural } from '../../common/units.js';
import type { FleetWaiting } from './fleet.js';
import type { NodeId } from '../../common/ids.js';
import type { LossOfHistory } from '../model/records.js';

export type WaitingKind = 'store' | 'server' | 'engine' | 'nodes' | 'leases' | 'witnesses' | 'brake' | 'disk';

/** One thing that is waited for. */
export interface Waiting {
  readonly what: WaitingKind;
  readonly message: string;
  /** Names of nodes, at most {@link MAX_NAMES}; `nodeCount` = how many there are. */
  readonly nodes: readonly string[];
  readonly nodeCount: number;
  /** At most so long; null = not by time. */
  readonly atMostMs: number | null;
  /** Whether the daemon counts as not ready because of it. */
  readonly blocksReadiness: boolean;
}

/** Room on the disk that holds the daemon's data, and the limits it is judged by. */
export interface Room {
  readonly state: 'ample' | 'low' | 'critical';
  readonly freeBytes: number;
  readonly lowBelowBytes: number;
  readonly criticalBelowBytes: number;
}

/** How many nodes are named. */
export const MAX_NAMES = 100;
/** How many of them stand in a message. */
const MAX_NAMES_IN_WORDS = 5;

const LOST: Readonly<Record<LossOfHistory, string>> = {
  lost: 'a part of the history was lost',
  restored: 'a backup was restored',
};

/** While there is no state yet. */
export const STORE_FIRST: Waiting = thing('store', 'the store to be opened and read', { blocksReadiness: true });

const ENGINE_FIRST =
  'the engine to be told of all workloads; what is submitted meanwhile is taken, and placed after that';

/** What a daemon that has its state waits for, in the order in which it comes about. */
export function waitingFor(
  fleet: FleetWaiting,
  isServing: boolean,
  nameOf: (node: NodeId) => string,
  room: Room | null = null,
  isFeeding = false,
): readonly Waiting[] {
  const waiting: Waiting[] = [];
  if (room !== null && room.state !== 'ample') waiting.push(forRoom(room));
  if (!isServing) waiting.push(thing('server', 'its own gRPC server to listen', { blocksReadiness: true }));
  if (isFeeding) waiting.push(thing('engine', ENGINE_FIRST, { blocksReadiness: true }));
  const unheard = fleet.unheard.map(nameOf);
  const { recovery, suspendedMs, brakeSilent } = fleet;
  if (recovery !== null) {
    const nodes = unheard.length === 0 ? 'nodes that may have joined since' : namesText(unheard);
    const asked = 'agents are asked what they run';
    const so =
      recovery.why === 'copy_changed'
        ? `another copy of the store took over and may lack the last commits: ${asked}`
        : `${LOST[recovery.why]}: ${asked} (${plural(recovery.adopted, 'allocation')} taken over so far)`;
    const way = unheard.length === 0 ? '' : ', or "sluice recovery end" says that they are lost';
    const message = `${so}; nothing is placed until ${nodes} could answer${way}`;
    waiting.push(thing('witnesses', message, { names: unheard, atMostMs: recovery.leftMs, blocksReadiness: true }));
  }
  if (unheard.length > 0) {
    const message = `${namesText(unheard)} to come back; what they ran is left to them, and their GPUs are not given away`;
    waiting.push(thing('nodes', message, { names: unheard, atMostMs: suspendedMs || null, blocksReadiness: true }));
  }
  if (suspendedMs > 0 && unheard.length > 0) {
    const message = 'the time after a start or a stall in which no lease expires';
    waiting.push(thing('leases', message, { atMostMs: suspendedMs, blocksReadiness: false }));
  }
  if (brakeSilent !== null) {
    const names = brakeSilent.map(nameOf);
    const message =
      `${namesText(names)} that fell silent at once; nothing of silent nodes is given up. ` +
      'If they are lost for certain: sluice brake release';
    waiting.push(thing('brake', message, { names, blocksReadiness: false }));
  }
  return waiting;
}

/** One line, as /readyz prints it. */
export function waitingText({ message, atMostMs }: Waiting): string {
  return atMostMs === null ? message : `${message} (at most ${formatDuration(atMostMs)})`;
}

/** With little room what frees some is still taken; without any the daemon is of no use. */
function forRoom({ state, freeBytes, lowBelowBytes, criticalBelowBytes }: Room): Waiting {
  const has = `it has ${mib(freeBytes)} MiB free`;
  const message =
    state === 'low'
      ? `room on the disk of its data: ${has}; below ${mib(lowBelowBytes)} MiB only completions and cancels are taken`
      : `room on the disk of its data: ${has}; below ${mib(criticalBelowBytes)} MiB nothing is placed either`;
  return thing('disk', message, { blocksReadiness: state === 'critical' });
}

function mib(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}

function namesText(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES_IN_WORDS).join(', ');
  const more = names.length > MAX_NAMES_IN_WORDS ? ` and ${names.length - MAX_NAMES_IN_WORDS} more` : '';
  return `${plural(names.length, 'node')} (${shown}${more})`;
}

function thing(
  what: WaitingKind,
  message: string,
  rest: { readonly names?: readonly string[]; readonly atMostMs?: number | null; readonly blocksReadiness: boolean },
): Waiting {
  const { names = [], atMostMs = null, blocksReadiness } = rest;
  return { what, message, nodes: names.slice(0, MAX_NAMES), nodeCount: names.length, atMostMs, blocksReadiness };
}
