// Checks every commit before it is written, at the cost of what it changes: so no broken state is ever stored. The rules
// stand in the files beside this one; here is which change is held against which. Pure.
import type { ReadableState } from '../../model/cluster-state.js';
import type { AllocationId } from '../../../common/ids.js';
import type { RecordChange, Workload } from '../../model/records.js';
import { workloadKey } from '../../model/records.js';
import { auditRecords } from './audit.js';
import {
  checkAllocationDropped,
  checkAllocationStep,
  checkGrant,
  checkOwner,
  checkRelease,
  checkTimes,
} from './allocation-rules.js';
import { INVARIANT_NAMES, INVARIANTS, type InvariantName } from './catalog.js';
import { Holdings } from './holdings.js';
import {
  checkMeta,
  checkNode,
  checkNodeDropped,
  checkNodeStep,
  checkQueueDropped,
  checkRequest,
} from './other-rules.js';
import { BrokenInvariant, type Complain, type Violation } from './violation.js';
import { checkUsage } from './usage-rules.js';
import {
  checkFields,
  checkGranted,
  checkNewWorkload,
  checkTasks,
  checkTasksLeft,
  checkWorkloadDropped,
  checkWorkloadStep,
} from './workload-rules.js';

/** Findings of one commit beyond this many say nothing new. */
const MAX_FINDINGS = 100;

/** How often what was checked, and what was found, since the daemon began. */
export interface InvariantFigures {
  readonly commits: number;
  readonly changes: number;
  /** Records that audits have looked at. */
  readonly audited: number;
  readonly violations: Readonly<Record<InvariantName, number>>;
}

/** Keeps watch over the commits of one daemon. */
export class InvariantGuard {
  readonly #state: ReadableState;
  readonly #holdings: Holdings;
  readonly #violations = Object.fromEntries(INVARIANT_NAMES.map((name) => [name, 0])) as Record<InvariantName, number>;
  #commits = 0;
  #changes = 0;
  #audited = 0;
  #findings: Violation[] = [];
  readonly #complain: Complain = (name, where, expected, found) => {
    this.#violations[name] += 1;
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push({ name, where, expected, found });
  };

  /**
   * @param state what the store holds
   * @throws BrokenInvariant when two hold one GPU in it
   */
  constructor(state: ReadableState) {
    this.#state = state;
    this.#holdings = Holdings.of(state, this.#complain);
    this.#take(true);
  }

  /** What was checked so far. */
  get figures(): InvariantFigures {
    return { commits: this.#commits, changes: this.#changes, audited: this.#audited, violations: this.#violations };
  }

  /** Counts what somebody else found in the same state. */
  count(violations: readonly Violation[]): void {
    for (const { name } of violations) this.#violations[name] += 1;
  }

  /**
   * Looks at the changes of a commit, in their order, which the state has taken and the store has not.
   * @returns what does not hold and is no reason to stop
   * @throws BrokenInvariant for the first that is one: the commit must not be written
   */
  check(changes: readonly RecordChange[]): readonly Violation[] {
    this.#commits += 1;
    this.#changes += changes.length;
    const frame = frameOf(this.#state, changes);
    for (const change of changes) this.#checkChange(change, frame);
    checkUsage(changes, this.#complain);
    for (const [key, { before, granted }] of frame.touched) {
      const after = this.#state.workloads.get(key);
      if (after === undefined) continue;
      checkTasks(this.#state, after, this.#complain);
      if (granted.length > 0) checkGranted(this.#state, after, granted, this.#complain);
      if (before !== null && before.allocations.length > 0) {
        checkTasksLeft(this.#state, before, after, this.#complain);
      }
    }
    return this.#take(false);
  }

  /**
   * Looks at every record, whether or not anything changes it, a slice at a time. Yields what a slice shows that is no
   * reason to stop.
   * @throws BrokenInvariant for what is one
   */
  *audit(): Generator<readonly Violation[], void> {
    for (const records of auditRecords(this.#state, this.#complain)) {
      this.#audited += records;
      yield this.#take(true);
    }
  }

  #take(written: boolean): readonly Violation[] {
    if (this.#findings.length === 0) return NOTHING;
    const findings = this.#findings;
    this.#findings = [];
    const fatal = findings.find(({ name }) => INVARIANTS[name].isFatal);
    if (fatal !== undefined) throw new BrokenInvariant(fatal, written);
    return findings;
  }

  #checkChange(change: RecordChange, frame: Frame): void {
    const state = this.#state;
    const complain = this.#complain;
    switch (change.collection) {
      case 'workloads':
        this.#checkWorkload(change, frame);
        return;
      case 'allocations':
        this.#checkAllocation(change, frame);
        return;
      case 'nodes': {
        const { before, after } = change;
        if (before !== null) this.#holdings.follow(before, after);
        if (after === null) {
          if (before !== null) checkNodeDropped(state, before, complain);
          return;
        }
        if (before === null) checkNode(state, after, complain);
        else checkNodeStep(state, before, after, complain);
        return;
      }
      case 'requests':
        checkRequest(state, change.before, change.after, complain);
        return;
      case 'queues':
        if (change.after === null && change.before !== null) checkQueueDropped(state, change.before, complain);
        return;
      case 'meta':
        checkMeta(change.before, change.after, complain);
        return;
      case 'incidents':
      case 'notices':
      case 'usage':
      // Nothing rests on what is only told; the sums of usage are looked at with the allocations they come from.
    }
  }

  #checkWorkload(
    { key, before, after }: Extract<RecordChange, { readonly collection: 'workloads' }>,
    { lastNumber, touched, adopting }: Frame,
  ): void {
    if (after === null) {
      if (before !== null) checkWorkloadDropped(this.#state, before, this.#complain);
      return;
    }
    const adopts = adopting.has(key);
    if (before !== null) checkWorkloadStep(before, after, adopts, this.#complain);
    else if (!adopts) checkNewWorkload(this.#state, after, lastNumber, this.#complain);
    checkFields(after, this.#complain);
    const changesTasks = before !== null && (before.allocations !== after.allocations || before.state !== after.state);
    if (!changesTasks) return;
    const known = touched.get(key);
    if (known === undefined) touched.set(key, { before, granted: [] });
    else known.before ??= before;
  }

  #checkAllocation(
    { before, after }: Extract<RecordChange, { readonly collection: 'allocations' }>,
    { rebooted, touched, changes }: Frame,
  ): void {
    const state = this.#state;
    const complain = this.#complain;
    if (after === null) {
      if (before !== null) checkAllocationDropped(before, complain);
      return;
    }
    if (before === null) {
      checkGrant(state, after, complain);
      checkTimes(after, complain);
      this.#holdings.grant(state, after, complain);
      // Who has a task later on is looked at with the changes of its workload.
      const now = state.allocations.get(after.id) ?? after;
      const key = workloadKey(after.workload);
      checkOwner(state.workloads.get(key), now, complain);
      // Its workload must list it: looked at once for all tasks granted together.
      const known = touched.get(key);
      if (known === undefined) touched.set(key, { before: null, granted: [after.id] });
      else known.granted.push(after.id);
    } else {
      checkAllocationStep(before, after, complain);
      if (after.state === 'released' && before.state !== 'released') {
        checkRelease(state, after, { rebooted, wasKept: (uuid) => wasKept(changes, uuid) }, complain);
        this.#holdings.give(state, after);
      }
    }
  }
}

/** What is known of a commit as a whole. */
interface Frame {
  /** The last number given before it. */
  readonly lastNumber: number;
  readonly changes: readonly RecordChange[];
  /** Nodes that came back with another boot id. */
  readonly rebooted: ReadonlySet<string>;
  /** Workloads of which tasks are taken over from agents. */
  readonly adopting: ReadonlySet<string>;
  /** Workloads whose tasks changed: as they were, and what they were granted. */
  readonly touched: Map<string, { before: Workload | null; readonly granted: AllocationId[] }>;
}

function frameOf(state: ReadableState, changes: readonly RecordChange[]): Frame {
  let lastNumber = state.meta.lastWorkload;
  const rebooted = new Set<string>();
  const adopting = new Set<string>();
  for (const change of changes) {
    if (change.collection === 'meta') {
      lastNumber = Math.min(lastNumber, change.before?.lastWorkload ?? 0);
    } else if (
      change.collection === 'nodes' &&
      change.before !== null &&
      change.before.bootId !== change.after?.bootId
    ) {
      rebooted.add(change.before.id);
    } else if (change.collection === 'allocations' && change.before === null && change.after?.adopted === true) {
      adopting.add(workloadKey(change.after.workload));
    }
  }
  return { changes, lastNumber, rebooted, adopting, touched: new Map() };
}

/** Whether a commit kept a GPU from new work, also if a person let it come free again in the same turn. */
function wasKept(changes: readonly RecordChange[], uuid: string): boolean {
  return changes.some(
    (change) =>
      change.collection === 'nodes' &&
      change.after?.gpus.some((gpu) => gpu.uuid === uuid && gpu.quarantine !== undefined) === true,
  );
}

const NOTHING: readonly Violation[] = [];
