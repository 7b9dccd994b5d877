// Brings the two ends of an exec together: the client's call, which asked for it, and the stream that the node's agent
// opens for it. Who may ask is decided before, what runs is the agent's business.
import { status } from '@grpc/grpc-js';
import type { Clock } from '../../common/clock.js';
import { ApiError } from '../../common/errors.js';
import type { NodeId } from '../../common/ids.js';

/** How many may be open or asked for at once, in the whole cluster: each may hold a few hundred KiB for a slow reader. */
export const MAX_OPEN_EXECS = 256;
/** How long an agent may take to open its end, in ms. */
const OPEN_LIMIT_MS = 15_000;

interface Waiting<Stream> {
  readonly node: NodeId;
  readonly take: (stream: Stream) => void;
}

/** Execs that wait for their agent, and a count of those that are open. `Stream` is the agent's end. */
export class ExecRelays<Stream> {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting<Stream>>();
  #open = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get open(): number {
    return this.#open;
  }

  /** Takes a place for one more. @returns gives it back, once @throws ApiError RESOURCE_EXHAUSTED */
  takePlace(): () => void {
    if (this.#open >= MAX_OPEN_EXECS) throw tooMany();
    this.#open += 1;
    let isTaken = true;
    return () => {
      if (isTaken) this.#open -= 1;
      isTaken = false;
    };
  }

  /**
   * Waits for the stream that an agent opens with this id.
   * @param ask tells the agent to
   * @throws ApiError UNAVAILABLE when it does not, in time
   */
  async expect(id: string, node: NodeId, ask: () => void, left: AbortSignal): Promise<Stream | null> {
    const stream = new Promise<Stream | null>((resolve, reject) => {
      const timer = this.#clock.after(OPEN_LIMIT_MS, () => reject(noAnswer()));
      const settle = (answer: Stream | null): void => {
        timer.cancel();
        resolve(answer);
      };
      this.#waiting.set(id, { node, take: settle });
      if (left.aborted) settle(null);
      else left.addEventListener('abort', () => settle(null), { once: true });
    });
    try {
      ask();
      return await stream;
    } finally {
      this.#waiting.delete(id);
    }
  }

  /** An agent opened its end. @param mayBe whether it speaks for a node @returns false = nobody waits for it */
  arrived(id: string, stream: Stream, mayBe: (node: NodeId) => boolean): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || !mayBe(waiting.node)) return false;
    this.#waiting.delete(id);
    waiting.take(stream);
    return true;
  }
}

function tooMany(): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'TOO_MANY_EXECS',
    message: `${MAX_OPEN_EXECS} terminals and copies are open in this cluster already\nTry again in a moment.`,
  });
}

function noAnswer(): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'NODE_NOT_READY',
    message: `the node's agent did not answer within ${OPEN_LIMIT_MS / 1_000} s\nTry again; "sluice get nodes" tells how it is.`,
  });
}
