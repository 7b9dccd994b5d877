// Remembers what users were promised and holds the scheduler to it: what was acknowledged is there for ever, what a request made it made
// once, what was said to be cancelled does not run on.
import type { WorkloadNumber } from '../../common/ids.js';
import { isTerminal, type ReadableState } from '../../scheduler/model/cluster-state.js';
import { workloadKey, type Workload } from '../../scheduler/model/records.js';
import type { Acknowledged } from './client.js';
import type { StoredImage } from './store.js';
import type { LawName } from './violation.js';

/** The history of what no other one knows of. */
const CUT_OFF = 0;

export class PromiseChecker {
  /** What the scheduler goes on with. */
  readonly #stored: () => StoredImage;
  readonly #report: (law: LawName, message: string) => void;
  readonly #acknowledged = new Map<string, Acknowledged>();
  readonly #cancelled = new Set<WorkloadNumber>();
  /** The requests that a number was given for, and in which history. */
  readonly #given = new Map<WorkloadNumber, { readonly requestKey: string; readonly history: number }[]>();
  /** Of each history, those whose numbers its scheduler can know. */
  readonly #knows = new Map<number, ReadonlySet<number>>([[1, new Set([1])]]);
  /** Which history it is. */
  #history = 1;
  /** Those that another server went on from while their own still took commits. */
  readonly #left = new Set<number>();

  constructor(stored: () => StoredImage, report: (law: LawName, message: string) => void) {
    this.#stored = stored;
    this.#report = report;
  }

  /** How many submissions were acknowledged. */
  get count(): number {
    return this.#acknowledged.size;
  }

  /** An answer leaves a daemon: everything that it tells must be durable where it writes, as it is told. */
  answering(workloads: readonly Workload[], where: StoredImage): void {
    for (const told of workloads) {
      const stored = where.record<Workload>('workloads', workloadKey(told.number));
      if (stored === told) continue;
      // Later commits may be durable by now; what was told must not be ahead of them.
      if (stored !== undefined && stored.uid === told.uid && stored.attempt >= told.attempt) continue;
      const has = stored === undefined ? 'nothing of it' : `attempt ${stored.attempt}, ${stored.state}`;
      const said = `workload ${told.number} was told as ${told.state}, attempt ${told.attempt}`;
      this.#report('I16 durable before visible', `${said}; the disk holds ${has}`);
    }
  }

  /**
   * An older copy of the disk was put back. What is not on it nobody can be held to, unless agents bring it back. That its
   * numbers do not come to mean others is promised all the same, if the scheduler can know of the loss, and if the copy
   * was taken in the history that is lost: of one between the two it knows nothing.
   */
  lostHistory(copy: { readonly history: number; readonly isTold: boolean }): void {
    this.#history += 1;
    const before = copy.isTold ? (this.#knows.get(copy.history) ?? []) : [];
    this.#knows.set(this.#history, new Set([...before, this.#history]));
    for (const [requestKey, { workloads }] of this.#acknowledged) {
      if (!workloads.every(({ number, uid }) => this.#isStored(number, uid))) this.#acknowledged.delete(requestKey);
    }
    this.#cancelled.clear();
  }

  /** Another server of the store leads, with all that was acknowledged. What the one before still takes is of no worth. */
  forked(): void {
    const before = this.#knows.get(this.#history) ?? [];
    this.#left.add(this.#history);
    this.#history += 1;
    this.#knows.set(this.#history, new Set([...before, this.#history]));
  }

  #isStored(number: WorkloadNumber, uid: string): boolean {
    return this.#stored().record<Workload>('workloads', workloadKey(number))?.uid === uid;
  }

  submitted(promise: Acknowledged): void {
    for (const { number, uid } of promise.workloads) this.#checkNumber(number, uid, promise);
    // It was said before the loss, and is heard only now.
    if (promise.history < this.#history && !promise.workloads.every(({ number, uid }) => this.#isStored(number, uid))) {
      return;
    }
    const before = this.#acknowledged.get(promise.requestKey);
    if (before === undefined) {
      this.#acknowledged.set(promise.requestKey, promise);
      return;
    }
    if (before.history !== promise.history) return;
    // What an agent still runs of a lost history becomes what a repetition made, which keeps its number and gets the identity of the first.
    // Either may have been told last.
    const isOne = (number: WorkloadNumber, uids: readonly string[]): boolean =>
      this.#history > 1 && uids.some((uid) => this.#isStored(number, uid));
    const same =
      before.workloads.length === promise.workloads.length &&
      promise.workloads.every(({ uid, number }, at) => {
        const first = before.workloads[at];
        return uid === first?.uid || (number === first?.number && isOne(number, [uid, first.uid]));
      });
    const numbers = ({ workloads }: Acknowledged): string => workloads.map(({ number }) => number).join(', ');
    if (same) return;
    const both = `${numbers(before)} and ${numbers(promise)}`;
    this.#report('I2 a request makes one set of workloads', `${promise.requestKey} made ${both}`);
  }

  /** A number that was given never means another workload, as far as the scheduler can know of it. */
  #checkNumber(number: WorkloadNumber, uid: string, { requestKey, history }: Acknowledged): void {
    const given = this.#given.get(number) ?? [];
    // A server that was left took it after the one that leads had gone on: of that nobody there knows.
    const isCutOff = this.#left.has(history) && !this.#isStored(number, uid);
    this.#given.set(number, [...given, { requestKey, history: isCutOff ? CUT_OFF : history }]);
    const other = given.find(
      (one) =>
        one.requestKey !== requestKey &&
        (this.#knows.get(history)?.has(one.history) === true || this.#knows.get(one.history)?.has(history) === true),
    );
    if (other === undefined) return;
    const both = `for ${other.requestKey} and for ${requestKey}`;
    this.#report('I1 acknowledged is kept', `number ${number} was given twice: ${both}`);
  }

  cancelled(number: WorkloadNumber, history: number): void {
    if (history === this.#history) this.#cancelled.add(number);
  }

  wasCancelled(number: WorkloadNumber): boolean {
    return this.#cancelled.has(number);
  }

  /** To be called whenever a daemon begins, and at the end. */
  checkKept(state: ReadableState): void {
    for (const { requestKey, workloads } of this.#acknowledged.values()) {
      for (const { number, uid } of workloads) {
        const kept = state.workload(number);
        // Repeated after a loss of history, it is found to be the one that an agent still runs.
        if (kept?.uid === uid || kept?.requestKey === requestKey) continue;
        const what = `workload ${number} of request ${requestKey}`;
        this.#report('I1 acknowledged is kept', `${what} was acknowledged and is ${kept ? 'another one' : 'gone'}`);
      }
    }
    const names = new Map<string, number>();
    for (const { spec } of state.workloads.values()) {
      const places = spec.array?.size ?? 1;
      const seen = (names.get(spec.name) ?? 0) + 1;
      names.set(spec.name, seen);
      if (seen === places + 1) {
        this.#report('I2 a request makes one set of workloads', `${spec.name} was made more than ${places} times`);
      }
    }
  }

  /** To be called once time enough has passed for what was cancelled to end. */
  checkCancelled(state: ReadableState): void {
    for (const number of this.#cancelled) {
      const workload = state.workload(number);
      if (workload === undefined || isTerminal(workload.state)) continue;
      this.#report('I1 acknowledged is kept', `workload ${number} was cancelled and is ${workload.state}`);
    }
  }
}
