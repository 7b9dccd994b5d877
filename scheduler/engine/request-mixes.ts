// What is asked for lately, for each bank class: each task counts once, when its workload came, in every class: as what it
// is where it may go, as of no use elsewhere. Soft: a view made anew learns it from the workloads it is told of.
import { type Ask, partsIn, settleAsk } from './asks.js';
import { BankScores } from './bank-scores.js';
import { ELSEWHERE, type RequestKind, REQUESTS_PER_HALF_LIFE } from './fragmentation.js';
import type { BankClass, NodeTable } from './nodes.js';
import type { WorkloadEntry } from './workloads.js';

/** What came is counted when it is so large a part of what was counted before: each time all banks are scored anew. */
const NEW_SHARE = 1 / 4;

/** Keeps the mixes of all bank classes. */
export class RequestMixes {
  /** Came since the last look, and may still be taken back: a supposition. */
  readonly #came = new Set<WorkloadEntry>();
  /** Tasks that came and are not counted yet. */
  readonly #waiting = new Map<Ask, number>();
  #waitingTasks = 0;
  #countedTasks = 0;
  #classesStamp = -1;

  /** A workload's record came to be known. */
  arrived(workload: WorkloadEntry): void {
    this.#came.add(workload);
  }

  /** It is gone. What was counted stays counted, and fades. */
  gone(workload: WorkloadEntry): void {
    this.#came.delete(workload);
  }

  /**
   * Counts what came, once it is enough. A class that is new starts with all that is known.
   * Cost: nothing while nothing came; when it is counted, one observation for each class and each different request.
   */
  learn(nodes: NodeTable, known: Iterable<WorkloadEntry>): void {
    this.#waitingTasks += addTasks(this.#waiting, this.#came);
    this.#came.clear();
    const hasNewClass = this.#classesStamp !== nodes.classesStamp;
    if (!hasNewClass && this.#waitingTasks <= this.#countedTasks * NEW_SHARE) return;
    for (const bankClass of nodes.classes)
      if (bankClass.scores) observe(bankClass, bankClass.scores, this.#waiting, nodes);
    this.#countedTasks = Math.min(this.#countedTasks + this.#waitingTasks, 2 * REQUESTS_PER_HALF_LIFE);
    this.#waiting.clear();
    this.#waitingTasks = 0;
    if (!hasNewClass) return;
    this.#classesStamp = nodes.classesStamp;
    const all = new Map<Ask, number>();
    addTasks(all, known);
    for (const bankClass of nodes.classes) {
      if (bankClass.scores !== null) continue;
      bankClass.scores = new BankScores(bankClass);
      observe(bankClass, bankClass.scores, all, nodes);
    }
  }
}

/** @returns how many tasks were added */
function addTasks(tasks: Map<Ask, number>, workloads: Iterable<WorkloadEntry>): number {
  let added = 0;
  for (const { core } of workloads) {
    for (const { ask, count } of core?.parts ?? []) {
      tasks.set(ask, (tasks.get(ask) ?? 0) + count);
      added += count;
    }
  }
  return added;
}

function observe(bankClass: BankClass, { mix }: BankScores, tasks: ReadonlyMap<Ask, number>, nodes: NodeTable): void {
  for (const [ask, count] of tasks) {
    settleAsk(ask, nodes);
    const isHere =
      ask.unit === 'none' ? ask.tiers.some(({ pool }) => pool === bankClass.pool) : ask.classes.includes(bankClass);
    mix.observe(isHere ? kindOf(ask, bankClass) : ELSEWHERE, count);
  }
}

/** What a task is to the GPUs of a class. */
export function kindOf(ask: Ask, bankClass: BankClass): RequestKind {
  const { gpus, cpuMilli, memoryMib } = ask;
  return { gpus, parts: gpus === 0 ? 0 : partsIn(ask, bankClass), cpuMilli, memoryMib };
}
