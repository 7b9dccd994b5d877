// GPU time that queues hold, guaranteed and borrowed, as a counter. It goes by the division that accounting keeps, adds up between
// the changes of it, and begins at nothing with the daemon, as counters do; what was used over restarts is in `report usage`.
import { Counter, type Registry } from 'prom-client';
import type { Clock } from '../../common/clock.js';
import type { QueueName } from '../../common/ids.js';
import type { ControlLoop } from '../control/loop.js';
import type { ReadableState } from '../model/cluster-state.js';
import { touchesQuota } from '../model/quota-split.js';
import type { RecordChange } from '../model/records.js';
import { toGpus } from '../model/requests.js';

/** What a queue holds since a time. */
interface Held {
  guaranteedParts: number;
  borrowedParts: number;
  sinceMs: number;
}

/** Follows what queues hold. A commit costs a look at its changes, and nothing more where nobody's share changes. */
export class QueueTime {
  readonly #state: ReadableState;
  readonly #add: (queue: QueueName, guaranteedGpuMs: number, borrowedGpuMs: number) => void;
  readonly #held = new Map<QueueName, Held>();

  /** @param add gets what was held since it was last told */
  constructor(
    state: ReadableState,
    nowMs: number,
    add: (queue: QueueName, guaranteedGpuMs: number, borrowedGpuMs: number) => void,
  ) {
    this.#state = state;
    this.#add = add;
    for (const { name } of state.queues.values()) this.#follow(name, nowMs);
  }

  /** Follows what was committed. @param nowMs monotonic */
  note(changes: readonly RecordChange[], nowMs: number): void {
    for (const change of changes) {
      if (change.collection === 'queues' && change.after === null) {
        this.settle(nowMs);
        this.#held.delete(change.key as QueueName);
      } else if (change.collection === 'queues' && (change.before === null || touchesQuota(change))) {
        this.#follow(change.key as QueueName, nowMs);
      } else if (change.collection === 'allocations') {
        const { before, after } = change;
        const queue = after?.queue ?? before?.queue;
        const isSame = before?.lent === after?.lent && (before?.state === 'released') === (after?.state === 'released');
        if (queue !== undefined && (before === null || after === null || !isSame)) this.#follow(queue, nowMs);
      }
    }
  }

  /** Tells all that was held until now. */
  settle(nowMs: number): void {
    for (const [queue, held] of this.#held) this.#settle(queue, held, nowMs);
  }

  #follow(queue: QueueName, nowMs: number): void {
    const { guaranteedParts, borrowedParts } = this.#state.quotaOf(queue);
    const known = this.#held.get(queue);
    if (known === undefined) {
      if (this.#state.queue(queue) !== undefined)
        this.#held.set(queue, { guaranteedParts, borrowedParts, sinceMs: nowMs });
      return;
    }
    this.#settle(queue, known, nowMs);
    Object.assign(known, { guaranteedParts, borrowedParts });
  }

  #settle(queue: QueueName, held: Held, nowMs: number): void {
    const ms = nowMs - held.sinceMs;
    // What is above others holds nothing itself, and would show as nothing.
    const isAbove = held.guaranteedParts + held.borrowedParts === 0 && this.#state.childrenOf(queue).length > 0;
    if (ms > 0 && !isAbove) this.#add(queue, toGpus(held.guaranteedParts) * ms, toGpus(held.borrowedParts) * ms);
    held.sinceMs = nowMs;
  }
}

/** Registers the counter. Queues that may hold work have it from their creation on, so that their first use is an increase. */
export function registerQueueTime(
  registry: Registry,
  sources: {
    readonly loop: Pick<ControlLoop, 'onCommitted' | 'read'>;
    readonly state: ReadableState;
    readonly clock: Pick<Clock, 'monotonicMs'>;
  },
): void {
  const { loop, state, clock } = sources;
  const time = new QueueTime(state, clock.monotonicMs(), (queue, guaranteedGpuMs, borrowedGpuMs) => {
    counter.inc({ queue, kind: 'guaranteed' }, guaranteedGpuMs / 1_000);
    counter.inc({ queue, kind: 'borrowed' }, borrowedGpuMs / 1_000);
  });
  const counter = new Counter({
    name: 'sluice_queue_gpu_seconds_total',
    help: 'GPU time that the work of a queue held, within its guarantee and borrowed.',
    labelNames: ['queue', 'kind'],
    registers: [registry],
    collect: () => loop.read(() => time.settle(clock.monotonicMs())),
  });
  loop.onCommitted(({ changes }) => time.note(changes, clock.monotonicMs()));
}
