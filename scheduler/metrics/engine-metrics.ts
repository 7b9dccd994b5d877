// What the engine does, in counters and histograms: its steps and searches, what it decided, what became of claims, who was
// told to stop and why. Labels are bounded: queues and fixed words, never workloads.
import { Counter, Histogram, type Registry } from 'prom-client';
import type { WorkloadNumber } from '../../common/ids.js';
import type { Committed, ControlLoop, TurnFigures } from '../control/loop.js';
import type { Decision } from '../engine/decisions.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { RecordChange, Workload } from '../model/records.js';

/** A step is meant to last milliseconds; a search that cannot be left may make it longer. */
const STEP_SECONDS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The counters of one daemon's engine, on its registry. */
export class EngineMetrics {
  readonly #state: ReadableState;
  readonly #steps: Histogram;
  readonly #cutSteps: Counter;
  readonly #workUnits: Counter;
  readonly #searches: Counter<'outcome'>;
  readonly #wakeups: Counter;
  readonly #decisions: Counter<'action'>;
  readonly #preemptions: Counter<'victim_queue' | 'by_queue' | 'reason'>;
  readonly #moves: Counter<'queue'>;
  readonly #claims: Counter<'queue' | 'event'>;
  readonly #stops: Counter<'queue' | 'reason'>;

  /** @param state what a commit has just made durable */
  constructor(registry: Registry, loop: ControlLoop, state: ReadableState) {
    this.#state = state;
    const registers = [registry];
    this.#steps = new Histogram({
      name: 'sluice_scheduler_step_duration_seconds',
      help: 'Time of one step of the engine, without carrying its decisions out.',
      buckets: STEP_SECONDS,
      registers,
    });
    this.#cutSteps = new Counter({
      name: 'sluice_scheduler_steps_cut_total',
      help: 'Steps of the engine that ended by their budget and were taken up again.',
      registers,
    });
    this.#workUnits = new Counter({
      name: 'sluice_scheduler_work_units_total',
      help: 'Work of the engine: nodes scored, shapes tried, victims taken.',
      registers,
    });
    this.#searches = new Counter({
      name: 'sluice_scheduler_searches_total',
      help: 'Searches for GPUs to take back: found, none (there are none to take), cut_short (not found within budget).',
      labelNames: ['outcome'],
      registers,
    });
    this.#wakeups = new Counter({
      name: 'sluice_scheduler_timed_wakeups_total',
      help: 'Times the engine looked again because a time had come that it had named.',
      registers,
    });
    this.#decisions = new Counter({
      name: 'sluice_scheduler_decisions_total',
      help: 'Decisions of the engine that were carried out: bind, evict, claim, drop_claim.',
      labelNames: ['action'],
      registers,
    });
    this.#preemptions = new Counter({
      name: 'sluice_preemptions_total',
      help: 'Decisions to take GPUs from running work: reclaimed, preempted, moved, gang_ended.',
      labelNames: ['victim_queue', 'by_queue', 'reason'],
      registers,
    });
    this.#moves = new Counter({
      name: 'sluice_moves_total',
      help: 'Running workloads that were told to stop with a promise of other GPUs to go on with.',
      labelNames: ['queue'],
      registers,
    });
    this.#claims = new Counter({
      name: 'sluice_claims_total',
      help: 'Promises of GPUs: made, kept (the GPUs were given), dropped.',
      labelNames: ['queue', 'event'],
      registers,
    });
    this.#stops = new Counter({
      name: 'sluice_tasks_stopped_total',
      help: 'Tasks that were told to stop, by reason.',
      labelNames: ['queue', 'reason'],
      registers,
    });
    loop.onTurn((figures) => this.#countTurn(figures));
    loop.onCommitted((committed) => this.#countCommit(committed));
  }

  #countTurn({ steps, isWokenByTime }: TurnFigures): void {
    if (isWokenByTime) this.#wakeups.inc();
    for (const { ms, workUnits, isCut, searches } of steps) {
      this.#steps.observe(ms / 1000);
      this.#workUnits.inc(workUnits);
      if (isCut) this.#cutSteps.inc();
      const { tried, found, cutShort } = searches;
      if (tried === 0) continue;
      this.#searches.inc({ outcome: 'found' }, found);
      this.#searches.inc({ outcome: 'cut_short' }, cutShort);
      this.#searches.inc({ outcome: 'none' }, tried - found - cutShort);
    }
  }

  #countCommit({ changes, decisions }: Committed): void {
    const bound = new Set<WorkloadNumber>();
    for (const decision of decisions) {
      this.#countDecision(decision);
      if (decision.type === 'bind') bound.add(decision.workload);
    }
    for (const change of changes) this.#countChange(change, bound);
  }

  #countDecision(decision: Decision): void {
    this.#decisions.inc({ action: decision.type });
    if (decision.type !== 'evict') return;
    this.#preemptions.inc({
      victim_queue: this.#queueOf(decision.workload),
      by_queue: decision.forWorkload === null ? '' : this.#queueOf(decision.forWorkload),
      reason: decision.reason,
    });
  }

  #countChange(change: RecordChange, bound: ReadonlySet<WorkloadNumber>): void {
    if (change.collection === 'workloads') {
      const { before, after } = change;
      if (before !== null && after !== null) this.#countClaim(before, after, bound.has(after.number));
    } else if (change.collection === 'allocations') {
      const { before, after } = change;
      const stop = after?.stop ?? null;
      if (after === null || stop === null || (before?.stop ?? null) !== null) return;
      this.#stops.inc({ queue: this.#queueOf(after.workload), reason: stop.reason });
    }
  }

  #countClaim(before: Workload, after: Workload, isBound: boolean): void {
    const { queue } = after.spec;
    if (before.claim === null && after.claim !== null) {
      this.#claims.inc({ queue, event: 'made' });
      if (after.state === 'stopping') this.#moves.inc({ queue });
    } else if (before.claim !== null && after.claim === null) {
      this.#claims.inc({ queue, event: isBound ? 'kept' : 'dropped' });
    }
  }

  #queueOf(number: WorkloadNumber): string {
    return this.#state.workload(number)?.spec.queue ?? '';
  }
}
