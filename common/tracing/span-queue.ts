// Finished spans on their way to a collector: a bounded queue, sent in batches by one request at a time. Whoever records a span
// never waits; when the collector is slow or gone spans are dropped and counted, and the daemon goes on.
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { Logger } from '../log.js';

/** Its limits: those of the standard, with its names for them in the environment. */
export interface SpanQueueLimits {
  /** OTEL_BSP_MAX_QUEUE_SIZE */
  readonly maxSpans: number;
  /** OTEL_BSP_MAX_EXPORT_BATCH_SIZE */
  readonly maxBatch: number;
  /** OTEL_BSP_SCHEDULE_DELAY */
  readonly delayMs: number;
}

/** What became of spans. `failed`: they were sent and not taken; `dropped`: there was no room for them. */
export interface SpanCounts {
  readonly exported: number;
  readonly failed: number;
  readonly dropped: number;
}

/** How long the end of the process waits for what is left. */
const LAST_FLUSH_MS = 2_000;
/** What an exporter answers when spans were taken. */
const TAKEN = 0;

/** The span processor of both daemons. */
export class SpanQueue implements SpanProcessor {
  readonly #exporter: SpanExporter;
  readonly #limits: SpanQueueLimits;
  readonly #log: Logger;
  #waiting: ReadableSpan[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #isFailing = false;
  readonly counts = { exported: 0, failed: 0, dropped: 0 };

  constructor(exporter: SpanExporter, limits: SpanQueueLimits, log: Logger) {
    this.#exporter = exporter;
    this.#limits = limits;
    this.#log = log;
  }

  onStart(): void {
    // Only what has ended is sent.
  }

  onEnd(span: ReadableSpan): void {
    const { maxSpans, maxBatch, delayMs } = this.#limits;
    if (this.#waiting.length >= maxSpans) {
      this.counts.dropped += 1;
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= maxBatch) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), delayMs).unref();
  }

  async forceFlush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#sending !== null) await this.#send();
  }

  /** Sends what is left, for a moment. */
  async shutdown(): Promise<void> {
    let timer: NodeJS.Timeout | null = null;
    const tooLate = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_FLUSH_MS);
    });
    await Promise.race([this.forceFlush(), tooLate]);
    if (timer !== null) clearTimeout(timer);
    this.counts.dropped += this.#waiting.length;
    this.#waiting = [];
  }

  #send(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // While one request is under way the others wait for it: what a slow collector does not take fills the queue, not the memory.
    this.#sending ??= this.#sendBatch().finally(() => {
      this.#sending = null;
      if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => void this.#send(), this.#pauseMs()).unref();
    });
    return this.#sending;
  }

  #pauseMs(): number {
    return this.#waiting.length >= this.#limits.maxBatch && !this.#isFailing ? 0 : this.#limits.delayMs;
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#waiting.splice(0, this.#limits.maxBatch);
    if (batch.length === 0) return;
    const problem = await new Promise<string | null>((resolve) => {
      try {
        this.#exporter.export(batch, ({ code, error }) => {
          resolve(Number(code) === TAKEN ? null : (error?.message ?? 'the collector did not take them'));
        });
      } catch (error) {
        resolve(error instanceof Error ? error.message : String(error));
      }
    });
    this.counts[problem === null ? 'exported' : 'failed'] += batch.length;
    // Once when it begins and once when it is over, not at every batch.
    if (problem !== null && !this.#isFailing)
      this.#log.warn({ problem }, 'traces cannot be sent; work goes on without');
    if (problem === null && this.#isFailing) this.#log.info({ ...this.counts }, 'traces are sent again');
    this.#isFailing = problem !== null;
  }
}
