// The embedded store by itself, on the disk that is measured: commits one by one and many in flight, records written and read,
// and a snapshot of a million records with what it costs those who wait for the event loop meanwhile.
import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../common/clock.js';
import type { WorkloadNumber } from '../common/ids.js';
import { workloadKey } from '../scheduler/model/records.js';
import { type EmbeddedStore, openEmbeddedStore } from '../scheduler/store/embedded.js';
import { snapshotBytes } from '../scheduler/store/snapshot/write.js';
import type { StateStore, StoredRecord, StorePosition } from '../scheduler/store/state-store.js';
import { workloadRecord } from './engine-records.js';
import { type Figure, figure, LEAST_RUNS, quantile, repeat } from './figure.js';
import type { BenchContext } from './registry.js';

const COMMITS_A_RUN = 500;
const IN_FLIGHT = 64;
const COMMITS_IN_FLIGHT_A_RUN = 10_000;
const RECORDS_A_COMMIT = 1_000;
const LARGE_COMMITS_A_RUN = 20;
const MILLION = 1_000_000;
/** How often the event loop is asked for a turn while a snapshot is made. */
const TURN_MS = 5;

/** The `store.*` figures. */
export async function benchStore({ scratchFolder, wants }: BenchContext): Promise<readonly Figure[]> {
  const store = await openEmbeddedStore({ dataDir: mkdtempSync(path.join(scratchFolder, 'store-')) });
  const writer = new Writer(store, await store.beginEpoch());
  try {
    const figures: Figure[] = [];
    const spans: (readonly number[])[] = [];
    while (spans.length < LEAST_RUNS) spans.push(await oneByOne(writer));
    figures.push(
      figure(
        'store.commit_p50_ms',
        'ms',
        spans.map((run) => quantile(run, 0.5)),
      ),
    );
    figures.push(
      figure(
        'store.commit_p99_ms',
        'ms',
        spans.map((run) => quantile(run, 0.99)),
      ),
    );
    figures.push(figure('store.commits_in_flight_per_s', '1/s', await repeat(LEAST_RUNS, () => inFlight(writer))));
    figures.push(figure('store.records_per_s', '1/s', await repeat(LEAST_RUNS, () => large(writer))));
    const isForMillion = ['store.load_records_per_s', 'store.snapshot_million_s', 'store.snapshot_stall_p99_ms'].some(
      wants,
    );
    if (!isForMillion) return figures;
    await writer.fillUpTo(MILLION);
    figures.push(figure('store.load_records_per_s', '1/s', await repeat(LEAST_RUNS, () => load(store))));
    const snapshots: Snapshot[] = [];
    while (snapshots.length < LEAST_RUNS) snapshots.push(await snapshot(store, writer.position));
    figures.push(
      figure(
        'store.snapshot_million_s',
        's',
        snapshots.map(({ tookS }) => tookS),
      ),
    );
    figures.push(
      figure(
        'store.snapshot_stall_p99_ms',
        'ms',
        snapshots.map(({ stallP99Ms }) => stallP99Ms),
      ),
    );
    return figures;
  } finally {
    await store.close();
  }
}

/** Commits records of its own, one revision after the other. */
export class Writer {
  readonly #store: StateStore;
  position: StorePosition;
  records = 0;

  constructor(store: StateStore, position: StorePosition) {
    this.#store = store;
    this.position = position;
  }

  commit(records: number): Promise<void> {
    const puts = Array.from({ length: records }, () => this.#next());
    this.position = { ...this.position, revision: this.position.revision + 1 };
    return this.#store.commit({ ...this.position, puts, deletes: [] });
  }

  async fillUpTo(records: number): Promise<void> {
    while (this.records < records) await this.commit(Math.min(RECORDS_A_COMMIT, records - this.records));
  }

  #next(): StoredRecord {
    this.records += 1;
    const number = this.records as WorkloadNumber;
    const uid = `01J${String(number).padStart(23, '0')}`;
    const value = workloadRecord(number, uid, 'research', { gpus: 1 }, systemClock.wallMs());
    return { collection: 'workloads', key: workloadKey(number), value };
  }
}

/** Commits of one record, each after the one before. @returns how long each took, in ms */
export async function oneByOne(writer: Writer): Promise<readonly number[]> {
  const spansMs: number[] = [];
  for (let count = 0; count < COMMITS_A_RUN; count += 1) {
    const beganMs = performance.now();
    await writer.commit(1);
    spansMs.push(performance.now() - beganMs);
  }
  return spansMs;
}

/** Commits of one record, many at once. @returns commits a second */
export async function inFlight(writer: Writer): Promise<number> {
  let left = COMMITS_IN_FLIGHT_A_RUN;
  const beganMs = performance.now();
  const worker = async (): Promise<void> => {
    while (left-- > 0) await writer.commit(1);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return perSecond(COMMITS_IN_FLIGHT_A_RUN, beganMs);
}

async function large(writer: Writer): Promise<number> {
  const beganMs = performance.now();
  for (let count = 0; count < LARGE_COMMITS_A_RUN; count += 1) await writer.commit(RECORDS_A_COMMIT);
  return perSecond(LARGE_COMMITS_A_RUN * RECORDS_A_COMMIT, beganMs);
}

async function load(store: EmbeddedStore): Promise<number> {
  const beganMs = performance.now();
  let records = 0;
  for await (const _ of store.load()) records += 1;
  return perSecond(records, beganMs);
}

interface Snapshot {
  readonly tookS: number;
  /** How much later than it asked for somebody got his turn. */
  readonly stallP99Ms: number;
}

async function snapshot(store: EmbeddedStore, position: StorePosition): Promise<Snapshot> {
  const stallsMs: number[] = [];
  let askedMs = performance.now();
  const turns = setInterval(() => {
    const nowMs = performance.now();
    stallsMs.push(Math.max(0, nowMs - askedMs - TURN_MS));
    askedMs = nowMs;
  }, TURN_MS);
  const beganMs = performance.now();
  const { records, release } = store.snapshot();
  const header = { schema: 1, writtenBy: 'bench', clusterId: 'bench', savedMs: 0, ...position };
  for await (const chunk of snapshotBytes(header, records, systemClock)) void chunk;
  release();
  clearInterval(turns);
  return { tookS: (performance.now() - beganMs) / 1_000, stallP99Ms: quantile(stallsMs, 0.99) };
}

function perSecond(count: number, beganMs: number): number {
  return (count * 1_000) / (performance.now() - beganMs);
}
