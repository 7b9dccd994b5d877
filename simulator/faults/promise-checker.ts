// Remembers what users were promised and holds the scheduler to it: what was acknowledged is there for ever, what a request made it made
// once, what was said to be cancelled does not run on.
import type { WorkloadNumber } from '../../common/ids.js';
import { isTerminal, type ReadableState } from '../../scheduler/model/cluster-state.js';
import { workloadKey, type Workload } from '../../scheduler/model/records.js';
import type { Acknowledged } from './client.js';
import type { SimDisk } from './store.js';
import type { LawName } from './violation.js';

export class PromiseChecker {
  readonly #disk: SimDisk;
  readonly #report: (law: LawName, message: string) => void;
  readonly #acknowledged = new Map<string, Acknowledged>();
  readonly #cancelled = new Set<WorkloadNumber>();

  constructor(disk: SimDisk, report: (law: LawName, message: string) => void) {
    this.#disk = disk;
    this.#report = report;
  }

  /** How many submissions were acknowledged. */
  get count(): number {
    return this.#acknowledged.size;
  }

  /** An answer leaves the daemon: everything that it tells must be durable, as it is told. */
  answering(workloads: readonly Workload[]): void {
    for (const told of workloads) {
      const stored = this.#disk.record<Workload>('workloads', workloadKey(told.number));
      if (stored === told) continue;
      // Later commits may be durable by now; what was told must not be ahead of them.
      if (stored !== undefined && stored.uid === told.uid && stored.attempt >= told.attempt) continue;
      const has = stored === undefined ? 'nothing of it' : `attempt ${stored.attempt}, ${stored.state}`;
      const said = `workload ${told.number} was told as ${told.state}, attempt ${told.attempt}`;
      this.#report('I16 durable before visible', `${said}; the disk holds ${has}`);
    }
  }

  submitted(promise: Acknowledged): void {
    const before = this.#acknowledged.get(promise.requestKey);
    if (before === undefined) {
      this.#acknowledged.set(promise.requestKey, promise);
      return;
    }
    if (before.lineage !== promise.lineage) return;
    const same =
      before.workloads.length === promise.workloads.length &&
      before.workloads.every(({ uid }, at) => uid === promise.workloads[at]?.uid);
    const numbers = ({ workloads }: Acknowledged): string => workloads.map(({ number }) => number).join(', ');
    if (same) return;
    const both = `${numbers(before)} and ${numbers(promise)}`;
    this.#report('I2 a request makes one set of workloads', `${promise.requestKey} made ${both}`);
  }

  cancelled(number: WorkloadNumber): void {
    this.#cancelled.add(number);
  }

  /** To be called whenever a daemon begins, and at the end. */
  checkKept(state: ReadableState): void {
    for (const { requestKey, workloads } of this.#acknowledged.values()) {
      for (const { number, uid } of workloads) {
        const kept = state.workload(number);
        if (kept?.uid === uid) continue;
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
