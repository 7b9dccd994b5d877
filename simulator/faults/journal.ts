// The journal of a simulated agent: what is written is durable after a flush; a crash before it leaves either the old content or the
// new one.
import type { Journal } from '../../node-agent/agent-host.js';
import type { AgentRecord } from '../../node-agent/agent-journal.js';
import type { Random } from '../random.js';
import type { SimProcess } from './machine.js';

/** What of a journal is on a node's disk. */
export class JournalDisk {
  durable: AgentRecord | null = null;
  /** What was durable before that: the other one of its two slots. */
  #before: AgentRecord | null = null;
  readonly #watch: (record: AgentRecord) => void;
  /** Written, not flushed. */
  written: AgentRecord | null = null;
  /** How often content became durable. */
  flushes = 0;

  constructor(watch: (record: AgentRecord) => void) {
    this.#watch = watch;
  }

  crash(random: Random): void {
    if (this.written !== null && random.chance(0.5)) this.flush(this.written);
    this.written = null;
  }

  flush(record: AgentRecord): void {
    this.#before = this.durable;
    this.durable = record;
    this.flushes += 1;
    this.#watch(record);
  }

  /** The slot with the newest content is lost. */
  damage(): void {
    if (this.#before === null) return;
    this.durable = this.#before;
    this.#before = null;
  }
}

/** The journal as one agent process has it open. */
export class SimJournal implements Journal {
  readonly #disk: JournalDisk;
  readonly #process: SimProcess;
  readonly #nextFlushMs: () => number;
  #next: { record: AgentRecord; readonly saved: Promise<void> } | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(disk: JournalDisk, process: SimProcess, nextFlushMs: () => number) {
    this.#disk = disk;
    this.#process = process;
    this.#nextFlushMs = nextFlushMs;
  }

  read(): AgentRecord | null {
    return this.#disk.durable;
  }

  save(record: AgentRecord): Promise<void> {
    if (this.#next !== null) {
      this.#next.record = record;
      return this.#next.saved;
    }
    const saved = this.#writing.then(() => this.#writeNext());
    this.#next = { record, saved };
    this.#writing = saved;
    return saved;
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #writeNext(): Promise<void> {
    const next = this.#next;
    if (next === null) return;
    this.#next = null;
    this.#disk.written = next.record;
    await this.#process.delay(this.#nextFlushMs(), 'journal flushed');
    this.#disk.written = null;
    this.#disk.flush(next.record);
  }
}
