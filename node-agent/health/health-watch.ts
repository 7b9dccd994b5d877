// Watches what happens to GPUs and tells the scheduler, at least once and before the ends that it explains: an event is on
// disk before it is sent, kept until it is acknowledged, and sent again with every hello.
import type { Clock } from '../../common/clock.js';
import type { Logger } from '../../common/log.js';
import type { HealthEvent as HealthEventMessage } from '../../proto/gen/sluice/v1/HealthEvent.js';
import { toTimestamp } from '../../common/units.js';
import type { Inventory } from '../gpu/provider.js';
import {
  acknowledged,
  type HealthEvent,
  type HealthRecord,
  inBoot,
  newHealthRecord,
  withEvents,
} from './health-record.js';
import type { KernelLog } from './kernel-log.js';
import { busKey, DriverErrorReader, isOfDriver } from './kernel-record.js';

/** Where the record lies. */
export interface HealthFile {
  /** Null = there is none, or only damage. */
  read(): HealthRecord | null;
  /** Resolves once it is durable. */
  write(record: HealthRecord): Promise<void>;
}

export interface HealthDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bootId: string;
  /** Time since boot on the clock of the kernel log, in ms. */
  readonly kernelMs: () => number;
  readonly file: HealthFile;
  /** Null = it cannot be read. */
  readonly kernelLog: KernelLog | null;
}

/** The health of one node's GPUs. */
export class HealthWatch {
  readonly #deps: HealthDependencies;
  readonly #errors = new DriverErrorReader();
  readonly #gpuAtBus = new Map<string, string>();
  #record: HealthRecord;
  /** The number of the last event that is on disk. */
  #durableThrough: number;
  #writing: Promise<void> = Promise.resolve();
  #isDirty = false;
  #send: (events: readonly HealthEventMessage[]) => void = () => undefined;
  #isBroken = false;

  constructor(deps: HealthDependencies) {
    this.#deps = deps;
    this.#record = inBoot(deps.file.read() ?? newHealthRecord(deps.bootId), deps.bootId);
    this.#durableThrough = this.#record.lastSequence;
  }

  /** Who sends; called with events that are on disk and were not sent in this life. */
  onEvents(send: (events: readonly HealthEventMessage[]) => void): void {
    this.#send = send;
  }

  /** What no scheduler has acknowledged: for a hello. */
  unacknowledged(): readonly HealthEventMessage[] {
    return this.#record.events.filter(({ sequence }) => sequence <= this.#durableThrough).map(messageOf);
  }

  acknowledge(through: number): void {
    const record = acknowledged(this.#record, through);
    if (record === this.#record) return;
    // Events that got numbers that were given before are sent again under their new ones.
    if (through > this.#record.lastSequence) this.#durableThrough = through;
    this.#record = record;
    this.#save();
  }

  /** Learns where GPUs sit, and what their error counters say. */
  noteInventory({ gpus }: Inventory): void {
    for (const { uuid, pciBusId } of gpus) if (pciBusId !== '') this.#gpuAtBus.set(busKey(pciBusId), uuid);
    const events: Omit<HealthEvent, 'sequence'>[] = [];
    const uncorrected: Record<string, number> = { ...this.#record.uncorrected };
    for (const { uuid, uncorrectedErrors } of gpus) {
      if (uncorrectedErrors === undefined || uncorrectedErrors === null) continue;
      const before = uncorrected[uuid];
      uncorrected[uuid] = uncorrectedErrors;
      // The first figure is where counting begins; one that went down began anew with its driver.
      if (before === undefined || uncorrectedErrors <= before) continue;
      const detail = `${uncorrectedErrors - before} more since the last look, ${uncorrectedErrors} since the driver began`;
      events.push({ ...NOTHING, timeMs: this.#deps.clock.wallMs(), kind: 'ecc_uncorrected', gpu: uuid, detail });
    }
    if (events.length === 0 && JSON.stringify(uncorrected) === JSON.stringify(this.#record.uncorrected)) return;
    this.#record = withEvents({ ...this.#record, uncorrected }, events);
    this.#save();
  }

  /** Notes what a hook did. */
  noteHook(kind: 'prolog_failed' | 'epilog_failed', allocation: string, detail: string): void {
    const event = { ...NOTHING, timeMs: this.#deps.clock.wallMs(), kind, allocation, detail };
    this.#record = withEvents(this.#record, [event]);
    this.#save();
  }

  /** Notes how the reset of GPUs went. @param why in words, why they are not to be used; null = they are clean */
  noteReset(gpus: readonly string[], why: string | null): void {
    const kind = why === null ? 'gpu_reset' : 'gpu_reset_failed';
    const timeMs = this.#deps.clock.wallMs();
    const detail = (why ?? '').slice(0, MAX_DETAIL_CHARACTERS);
    this.#record = withEvents(
      this.#record,
      gpus.map((gpu) => ({ ...NOTHING, timeMs, kind, gpu, detail })),
    );
    this.#save();
  }

  /** Reads what the kernel wrote since the last look. @returns whether a GPU was in it */
  look(): boolean {
    const { kernelLog, kernelMs, clock, log } = this.#deps;
    if (kernelLog === null || this.#isBroken) return false;
    let records;
    try {
      records = kernelLog.take();
    } catch (error) {
      this.#isBroken = true;
      log.warn({ err: error }, 'the kernel log cannot be read any more: Xids are not seen');
      return false;
    }
    const events: Omit<HealthEvent, 'sequence'>[] = [];
    let { kernelSequence } = this.#record;
    for (const { sequence, sinceBootMs, text } of records) {
      if (sequence <= kernelSequence) continue;
      kernelSequence = sequence;
      if (!isOfDriver(text)) continue;
      for (const { kind, pciBusId, xid, detail } of this.#errors.read(text)) {
        // A switch is no GPU, and what it breaks is not one GPU's.
        const gpu = kind === 'xid' ? (this.#gpuAtBus.get(busKey(pciBusId)) ?? '') : '';
        const timeMs = clock.wallMs() - Math.max(0, kernelMs() - sinceBootMs);
        log.warn({ gpu, pciBusId, [kind]: xid }, `${kind === 'xid' ? 'Xid' : 'SXid'} ${xid}: ${detail}`);
        events.push({
          ...NOTHING,
          timeMs,
          kind,
          gpu,
          xid,
          detail: gpu === '' ? `${pciBusId}: ${detail}` : detail,
        });
      }
    }
    if (kernelSequence === this.#record.kernelSequence) return false;
    // How far it was read is written with the next event: what is read twice without one does no harm.
    this.#record = withEvents({ ...this.#record, kernelSequence }, events);
    if (events.length > 0) this.#save();
    return events.length > 0;
  }

  /** Resolves at once, or when what was noted is on disk and handed to the sender. */
  settled(): Promise<void> | null {
    return this.#isDirty ? this.#writing : null;
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#deps.kernelLog?.close();
  }

  /** One write at a time; what comes meanwhile goes with the next one. */
  #save(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const { file, log } = this.#deps;
    for (let written: HealthRecord | null = null; written !== this.#record;) {
      written = this.#record;
      try {
        await file.write(written);
      } catch (error) {
        log.error({ err: error }, 'what was seen of GPUs cannot be written; it is told all the same');
      }
      const fresh = written.events.filter(({ sequence }) => sequence > this.#durableThrough);
      this.#durableThrough = written.lastSequence;
      if (fresh.length > 0) this.#send(fresh.map(messageOf));
    }
    this.#isDirty = false;
  }
}

/** More of a reason nobody reads. */
const MAX_DETAIL_CHARACTERS = 1_000;

const NOTHING = { gpu: '', xid: 0, detail: '', allocation: '' } as const;

function messageOf({ timeMs, ...event }: HealthEvent): HealthEventMessage {
  return { ...event, time: toTimestamp(timeMs) };
}
