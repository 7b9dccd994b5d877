// The process that holds a simulated node's tasks: starts them once, keeps how they ended, stops those whose lease is over. It does what the
// real one does (node-agent/runtime/supervisor.ts) and decides with the same code.
import type { EndRecord } from '../../node-agent/runtime/allocation-folder.js';
import { graceWithoutLease, isOverdue, killTime, noticeMs, WATCH_MS } from '../../node-agent/runtime/supervision.js';
import type { DesiredAllocation, StopReason } from '../../node-agent/session/allocation.js';
import type { Timer } from '../../common/clock.js';
import { SimProcess } from './machine.js';
import type { SimNode } from './node.js';
import { behaviourOf, type MainExit, type SimTask } from './task.js';

/** How long killing a task is tried before it is reported with what is left of it, in ms. */
export const KILL_LIMIT_MS = 10_000;
/** Pauses between looks at what is left, in ms; the last one repeats. */
const LOOK_PAUSES_MS = [2, 10, 50, 200];

export type SupervisorNews =
  | { readonly type: 'started'; readonly id: string; readonly startedMs: number }
  | { readonly type: 'ended'; readonly id: string; readonly end: EndRecord }
  | { readonly type: 'refused'; readonly id: string };

interface Held {
  readonly task: SimTask;
  readonly startedMs: number;
  ended: boolean;
  stop: { readonly killAtMs: number; readonly timers: readonly Timer[] } | null;
}

/** One supervisor; there is one of a node at a time. */
export class SimSupervisor {
  /** No two are the same, as with pid, start time and boot. */
  readonly number: number;
  readonly process: SimProcess;
  readonly #node: SimNode;
  readonly #tasks = new Map<string, Held>();
  readonly #recording = new Set<string>();
  readonly #agents = new Set<(news: SupervisorNews) => void>();
  /** The last lease that could be read; before the first one, tasks have what they were started with. */
  #leaseMs: number;
  #watching = false;

  constructor(node: SimNode, number: number) {
    this.#node = node;
    this.number = number;
    this.process = new SimProcess(node.machine, 'supervisor');
    this.#leaseMs = node.machine.bootMs();
  }

  /** What it has. */
  get tasks(): ReadonlySet<string> {
    return new Set([...this.#tasks.keys(), ...this.#recording]);
  }

  /** An agent connects. @returns ends it */
  join(agent: (news: SupervisorNews) => void): () => void {
    this.#agents.add(agent);
    return () => this.#agents.delete(agent);
  }

  /** @param notAfterMs see `lastStartMs` */
  start(order: DesiredAllocation, notAfterMs: number): void {
    const { folders, machine } = this.#node;
    const { nowMs } = machine.timeline;
    const claim = { by: 'supervisor', supervisor: this.number, bootId: machine.bootId } as const;
    // An order may come late: its agent, or this process, was frozen after the decision. By then the node may have been given up.
    const leaseMs = this.#node.lease.read();
    const nowBootMs = machine.bootMs();
    const isLate = nowBootMs > notAfterMs || (leaseMs !== null && isOverdue(order, leaseMs, nowBootMs));
    if (isLate || !folders.claim(order.id, claim, nowMs)) {
      this.#tell({ type: 'refused', id: order.id });
      return;
    }
    const argv = order.program?.type === 'command' ? order.program.argv : [];
    const startedMs = machine.wallMs();
    const task = this.#node.execute(order, behaviourOf(argv), (exit) => {
      this.process.take(() => void this.#end(order.id, exit));
    });
    this.#tasks.set(order.id, { task, startedMs, ended: false, stop: null });
    this.#tell({ type: 'started', id: order.id, startedMs });
    folders.writeStarted(order.id, startedMs, nowMs);
    this.#watchSoon();
  }

  stop(id: string, reason: StopReason, graceMs: number): void {
    const held = this.#tasks.get(id);
    if (held === undefined || held.ended) return;
    const before = held.stop;
    const killAtMs = killTime(before?.killAtMs ?? null, graceMs, this.#node.machine.bootMs());
    if (killAtMs === null) return;
    for (const timer of before?.timers ?? []) timer.cancel();
    if (before === null) this.#node.stopping(held.task, reason, graceMs);
    const aheadMs = noticeMs(held.task, graceMs);
    const timers = [this.process.clock.after(graceMs, () => void endTree(this.process, held.task, KILL_LIMIT_MS))];
    if (aheadMs > 0) timers.push(this.process.clock.after(aheadMs, () => held.task.terminate()));
    held.stop = { killAtMs, timers };
    if (aheadMs === 0) held.task.terminate();
    else if (before === null) held.task.giveNotice();
  }

  async #end(id: string, { code, signal }: MainExit): Promise<void> {
    const held = this.#tasks.get(id);
    if (held === undefined) return;
    const endedMs = this.#node.machine.wallMs();
    held.ended = true;
    const stopSignalled = held.stop !== null;
    for (const timer of held.stop?.timers ?? []) timer.cancel();
    const isClear = await endTree(this.process, held.task, KILL_LIMIT_MS);
    const end: EndRecord = {
      neverStarted: false,
      code,
      signal,
      message: isClear ? '' : 'processes could not be killed in 10 s',
      startedMs: held.startedMs,
      endedMs,
      stopSignalled,
      left: isClear ? [] : [{ pid: this.number, startTime: id, bootId: this.#node.machine.bootId }],
    };
    this.#recording.add(id);
    const { folders, machine } = this.#node;
    folders.writeEnd(id, end, machine.timeline.nowMs);
    this.#tasks.delete(id);
    this.#recording.delete(id);
    this.#tell({ type: 'ended', id, end });
    this.process.after(this.#node.nextFlushMs(), 'end flushed', () => folders.flushEnd(id));
  }

  #watchSoon(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.process.after(WATCH_MS, 'supervisor watches', () => this.#watch());
  }

  #watch(): void {
    this.#watching = false;
    this.#leaseMs = this.#node.lease.read() ?? this.#leaseMs;
    const nowMs = this.#node.machine.bootMs();
    for (const [id, { task }] of this.#tasks) {
      // Also when a stop is under way: it may allow more time than a node without a lease has.
      if (isOverdue(task, this.#leaseMs, nowMs))
        this.stop(id, 'NODE_LOST', graceWithoutLease(task, this.#leaseMs, nowMs));
    }
    if (this.#tasks.size > 0) this.#watchSoon();
  }

  #tell(news: SupervisorNews): void {
    for (const agent of this.#agents) agent(news);
  }
}

/** Kills until nothing of a task is left, or until the time is over. @returns whether all of it is gone */
export async function endTree(process: SimProcess, task: SimTask, limitMs: number): Promise<boolean> {
  const endMs = process.clock.monotonicMs() + limitMs;
  for (let round = 0; task.isAlive; round += 1) {
    if (process.clock.monotonicMs() > endMs) return false;
    task.kill();
    await process.delay(LOOK_PAUSES_MS[Math.min(round, LOOK_PAUSES_MS.length - 1)] ?? 0, 'looks at what is left');
  }
  return true;
}
