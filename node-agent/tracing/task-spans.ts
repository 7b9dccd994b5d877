// The spans that only an agent can time: from the order to the process, the process itself, from its end to clean GPUs. Made from
// what the session knows, as it changes; ids follow from the allocation, so that an agent that begins anew goes on with the trace.
import { parseTraceParent, spanIdOf } from '../../common/tracing/trace-context.js';
import type { FinishedSpan, Tracer } from '../../common/tracing/tracer.js';
import type { AllocationId } from '../../common/ids.js';
import type { LocalAllocation } from '../session/allocation.js';

type Allocations = ReadonlyMap<AllocationId, LocalAllocation>;

/** When this agent saw what no record of it holds. */
interface Seen {
  readonly phase: LocalAllocation['phase'];
  readonly orderedMs: number | null;
}

/** Follows the allocations of one node. */
export class TaskSpans {
  readonly #tracer: Pick<Tracer, 'record'>;
  readonly #node: string;
  readonly #seen = new Map<AllocationId, Seen>();

  constructor(tracer: Pick<Tracer, 'record'>, node: string) {
    this.#tracer = tracer;
    this.#node = node;
  }

  /** What is there now. @param nowMs since 1970 */
  follow(allocations: Allocations, nowMs: number): void {
    for (const [id, one] of allocations) {
      const before = this.#seen.get(id);
      if (before?.phase === one.phase) continue;
      // What was here before this agent began was ordered at a time that nobody kept.
      const orderedMs = before?.orderedMs ?? (one.phase === 'starting' ? nowMs : null);
      this.#seen.set(id, { phase: one.phase, orderedMs });
      if (before !== undefined) for (const span of this.#ended(one, before, nowMs)) this.#tracer.record(span);
    }
    for (const id of this.#seen.keys()) if (!allocations.has(id)) this.#seen.delete(id);
  }

  #ended(one: LocalAllocation, before: Seen, nowMs: number): readonly FinishedSpan[] {
    const { grant, phase, startedMs, endedMs, exit } = one;
    const above = parseTraceParent(grant.traceParent ?? '');
    if (above === null || !above.isSampled) return [];
    const span = (name: string, startMs: number, endMs: number, error?: string): FinishedSpan => ({
      name,
      traceId: above.traceId,
      spanId: spanIdOf(grant.id, name),
      parent: above,
      startMs,
      endMs,
      attributes: {
        'sluice.workload': grant.workload,
        'sluice.attempt': grant.attempt,
        'sluice.task': grant.task,
        'sluice.allocation': grant.id,
        'sluice.node': this.#node,
        ...(name === 'run' && exit?.code != null ? { 'process.exit.code': exit.code } : {}),
      },
      ...(error === undefined ? {} : { error }),
    });
    const spans: FinishedSpan[] = [];
    if (before.phase === 'starting' && startedMs !== null) {
      spans.push(span('start', before.orderedMs ?? startedMs, startedMs));
    }
    const wasLive = before.phase === 'starting' || before.phase === 'running';
    const isOver = phase === 'exited' || phase === 'released';
    if (wasLive && isOver && startedMs !== null) {
      const isBad = exit !== null && exit.code !== 0;
      const why = isBad ? exit.message || exit.signal || `exit code ${exit.code}` : undefined;
      spans.push(span('run', startedMs, endedMs ?? nowMs, why));
    }
    if (phase === 'released' && endedMs !== null) spans.push(span('clean', endedMs, nowMs));
    return spans;
  }
}
