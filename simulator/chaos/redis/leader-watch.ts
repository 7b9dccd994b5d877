// Looks on, from outside, at who leads: asks every daemon again and again, notes each term and each announced loss of the
// past, and when changes were acknowledged, so that the time without a leader can be told afterwards.
import * as grpc from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { sluice } from '../../../common/proto.js';
import type { GetStatusResponse__Output } from '../../../proto/gen/sluice/v1/GetStatusResponse.js';
import type { Entrance } from '../recorded-client.js';
import type { Cause } from './redis-faults.js';

const POLL_MS = 100;
const DEADLINE_MS = 1_000;

/** A term, as it was first seen. */
export interface Term {
  readonly epoch: number;
  readonly leaderId: string;
  readonly lineage: string;
  /** By `performance.now()`. */
  readonly firstSeenMs: number;
  lastSeenMs: number;
  /** Place of its daemon among the addresses. */
  readonly at: number;
  /** What was being taken away when it was first seen. */
  readonly cause: Cause | null;
}

/** A change of leaders. */
export interface TakeOver {
  readonly cause: Cause | null;
  /** How long no change was acknowledged to anybody around it. */
  readonly gapMs: number;
}

/** Watches until it is ended. */
export class LeaderWatch {
  /** Two leaders of one term, and a deposed one that still answers. */
  readonly findings: string[] = [];
  readonly #stubs: readonly InstanceType<typeof sluice.ClusterService>[];
  readonly #metadata = new grpc.Metadata();
  readonly #terms: Term[] = [];
  readonly #announced = new Set<string>();
  readonly #acknowledgedMs: number[] = [];
  readonly #loops: readonly Promise<void>[];
  /** What is being taken away just now; kept with the terms that begin meanwhile. */
  cause: Cause | null = null;
  #isOver = false;

  constructor({ addresses, token, tlsCa }: Entrance) {
    const credentials =
      tlsCa === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(Buffer.from(tlsCa));
    const options: grpc.ClientOptions = {
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.initial_reconnect_backoff_ms': POLL_MS,
      'grpc.max_reconnect_backoff_ms': POLL_MS * 4,
      'grpc.use_local_subchannel_pool': 1,
    };
    if (token !== undefined) this.#metadata.set('authorization', `Bearer ${token}`);
    this.#stubs = addresses.map((address) => new sluice.ClusterService(address, credentials, options));
    this.#loops = this.#stubs.map((stub, at) => this.#look(stub, at));
  }

  /** The latest term that was seen; null = nobody has led yet. */
  get latest(): Term | null {
    return this.#terms.at(-1) ?? null;
  }

  get terms(): readonly Term[] {
    return this.#terms;
  }

  /** Incidents that say that history was lost. */
  get announcedLosses(): number {
    return this.#announced.size;
  }

  /** A change was acknowledged to somebody just now. */
  readonly acknowledged = (): void => {
    this.#acknowledgedMs.push(performance.now());
  };

  /** When a change was acknowledged last, by `performance.now()`. */
  get lastAcknowledgedMs(): number {
    return this.#acknowledgedMs.at(-1) ?? 0;
  }

  /** Every change of leaders. */
  takeOvers(): readonly TakeOver[] {
    const acknowledged = this.#acknowledgedMs;
    return this.#terms.slice(1).map((term, at) => {
      const before = this.#terms[at];
      const fromMs = before?.lastSeenMs ?? 0;
      const toMs = term.firstSeenMs;
      let longest = 0;
      for (let one = 1; one < acknowledged.length; one += 1) {
        const [begin = 0, end = 0] = [acknowledged[one - 1], acknowledged[one]];
        if (end >= fromMs && begin <= toMs) longest = Math.max(longest, end - begin);
      }
      return { cause: term.cause, gapMs: longest };
    });
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    for (const stub of this.#stubs) stub.close();
  }

  async #look(stub: InstanceType<typeof sluice.ClusterService>, at: number): Promise<void> {
    while (!this.#isOver) {
      const sentMs = performance.now();
      const status = await this.#ask(stub);
      if (status !== null) this.#note(status, at, sentMs);
      await sleep(POLL_MS);
    }
  }

  #ask(stub: InstanceType<typeof sluice.ClusterService>): Promise<GetStatusResponse__Output | null> {
    return new Promise((resolve) => {
      stub.GetStatus({}, this.#metadata, { deadline: Date.now() + DEADLINE_MS }, (error, response) => {
        resolve(error ? null : (response ?? null));
      });
    });
  }

  #note(status: GetStatusResponse__Output, at: number, sentMs: number): void {
    const { epoch, leaderId, lineage, incidents } = status;
    for (const { id, kind } of incidents) if (kind === 'history_lost') this.#announced.add(id);
    const nowMs = performance.now();
    const later = this.#terms.find((term) => term.epoch > epoch && term.lineage === lineage);
    if (later !== undefined && later.firstSeenMs < sentMs) {
      this.findings.push(
        `the leader of epoch ${epoch} answered ${Math.round(sentMs - later.firstSeenMs)} ms after epoch ${later.epoch} had begun`,
      );
      return;
    }
    const known = this.#terms.find((term) => term.epoch === epoch && term.lineage === lineage);
    if (known === undefined) {
      this.#terms.push({ epoch, leaderId, lineage, firstSeenMs: nowMs, lastSeenMs: nowMs, at, cause: this.cause });
      return;
    }
    known.lastSeenMs = nowMs;
    if (known.leaderId !== leaderId) {
      this.findings.push(`epoch ${epoch} has two leaders: ${known.leaderId} and ${leaderId}`);
    }
  }
}
