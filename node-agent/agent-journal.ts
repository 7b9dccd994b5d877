// What the agent must not forget: who it is, the highest orders it obeyed, the generations it accepted, the allocations
// it has. Durable before any start that depends on it, so a write is on the path of every start.
//
// Two slots are overwritten in turn, each with a number and a checksum: a torn write spoils the older one. One flush of
// data in place, 0.1 to 0.3 ms; a temporary file, a rename and two flushes took 0.8 ms, and 5 ms on a busy disk.
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { GPU_PARTS } from '../common/gpu-parts.js';
import type { Logger } from '../common/log.js';
import type { Grant, GrantedGpu } from './session/allocation.js';
import type { JournalContent } from './session/session.js';

/** How often a write that failed is tried again, in ms. Starts wait for it, nothing else does. */
const RETRY_MS = 1_000;
/** Slots are padded to a multiple of this, so that few writes change a file's length, which costs a flush more. */
const PADDING_BYTES = 4_096;
const SLOTS = ['agent.0.json', 'agent.1.json'] as const;
const HEADER = /^sluice-agent-journal 1 ([0-9]+) ([0-9]+) ([0-9a-f]{64})\n/;

/** The journal's content. */
export interface AgentRecord extends JournalContent {
  /** A UUID made at the first start, kept for ever. */
  readonly nodeId: string;
  /** The boot in which it was written: what was running in another one is gone. */
  readonly bootId: string;
}

interface Slot {
  readonly sequence: number;
  readonly record: AgentRecord;
}

/** The journal of one state folder. */
export class AgentJournal {
  readonly #stateDir: string;
  readonly #log: Logger;
  #sequence = 0;
  #handles: readonly FileHandle[] | null = null;
  /** The content to be written next, with everyone who waits for it. */
  #next: { readonly record: AgentRecord; readonly saved: Promise<void> } | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(stateDir: string, log: Logger) {
    this.#stateDir = stateDir;
    this.#log = log;
  }

  /** Reads the newest content; null when this agent never ran. @throws Error in words when there is only damage */
  read(): AgentRecord | null {
    const texts = SLOTS.map((name) => readIfThere(path.join(this.#stateDir, name)));
    const slots = texts.map((text) => (text === null ? null : parseSlot(text))).filter((slot) => slot !== null);
    const newest = slots.sort((a, b) => b.sequence - a.sequence)[0];
    if (newest !== undefined) {
      this.#sequence = newest.sequence;
      return newest.record;
    }
    // A power cut during the very first write leaves nothing that was ever relied on.
    if (texts.every((text) => text === null || /^[\s\0]*$/.test(text))) return null;
    // Going on with an empty one could start things a second time.
    throw new Error(
      `both copies of the agent's journal in ${this.#stateDir} are damaged\n` +
        'Restore one, or remove the state folder once no task of this node runs any more: it then becomes a new node.',
    );
  }

  /**
   * Saves the content, or a later one. Resolves when it is durable; a failing disk delays that until it works again.
   * Many calls during one write become one further write.
   */
  save(record: AgentRecord): Promise<void> {
    const waiting = this.#next;
    if (waiting !== null) {
      this.#next = { record, saved: waiting.saved };
      return waiting.saved;
    }
    const saved = this.#writing.then(() => this.#writeNext());
    this.#next = { record, saved };
    this.#writing = saved;
    return saved;
  }

  /** Closes the files, after the last write. */
  async close(): Promise<void> {
    await this.#writing;
    for (const handle of this.#handles ?? []) await handle.close();
  }

  async #writeNext(): Promise<void> {
    for (;;) {
      const next = this.#next;
      if (next === null) return;
      this.#next = null;
      try {
        await this.#write(next.record);
        return;
      } catch (error) {
        // A newer content may have come meanwhile; it holds all of this one.
        this.#next ??= next;
        this.#log.error({ err: error }, 'the journal cannot be written; nothing new starts until it can');
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #write(record: AgentRecord): Promise<void> {
    this.#handles ??= await this.#open();
    // A number is used for one content only: after a failed write nobody knows what its slot holds.
    this.#sequence += 1;
    const handle = this.#handles[this.#sequence % SLOTS.length];
    const bytes = formatSlot({ sequence: this.#sequence, record });
    await handle?.write(bytes, 0, bytes.length, 0);
    await handle?.datasync();
  }

  async #open(): Promise<readonly FileHandle[]> {
    const files = SLOTS.map((name) => path.join(this.#stateDir, name));
    for (const file of files) closeSync(openSync(file, 'a', 0o600));
    syncFolder(this.#stateDir);
    return Promise.all(files.map((file) => open(file, 'r+')));
  }
}

/** The journal of an agent that never ran. @param nodeId a new UUID */
export function newAgentRecord(nodeId: string, bootId: string): AgentRecord {
  return {
    nodeId,
    bootId,
    clusterId: '',
    lineage: '',
    maxEpoch: 0,
    leaderId: '',
    collidedEpoch: 0,
    pastLineages: [],
    maxRevision: 0,
    generations: {},
    wholeGenerations: {},
    allocations: [],
  };
}

/** One slot as bytes: a line with number, length and checksum, the content, and padding. */
export function formatSlot({ sequence, record }: Slot): Buffer {
  const content = Buffer.from(JSON.stringify(record));
  const header = Buffer.from(`sluice-agent-journal 1 ${sequence} ${content.length} ${checksum(sequence, content)}\n`);
  const length = Math.ceil((header.length + content.length) / PADDING_BYTES) * PADDING_BYTES;
  return Buffer.concat([header, content], length).fill('\n', header.length + content.length);
}

/** Reads a slot; null when it is not whole. */
export function parseSlot(text: string): Slot | null {
  const [header = '', sequence, length, sum] = HEADER.exec(text) ?? [];
  if (sequence === undefined) return null;
  const content = Buffer.from(text).subarray(header.length, header.length + Number(length));
  if (checksum(Number(sequence), content) !== sum) return null;
  return { sequence: Number(sequence), record: completed(JSON.parse(content.toString('utf8')) as StoredRecord) };
}

/** A record as an agent may have written it that knew of whole GPUs only, so that its grants are of such, or of no leaders. */
type StoredRecord = Omit<AgentRecord, 'wholeGenerations' | 'allocations' | keyof LeaderMemory> &
  Partial<LeaderMemory> & {
    readonly wholeGenerations?: AgentRecord['wholeGenerations'];
    readonly allocations: readonly {
      readonly grant: Omit<Grant, 'gpus'> & {
        readonly gpus: readonly (Omit<GrantedGpu, 'parts' | 'instance'> & Partial<GrantedGpu>)[];
      };
      readonly refusal: string | null;
    }[];
  };

type LeaderMemory = Pick<AgentRecord, 'leaderId' | 'collidedEpoch' | 'pastLineages'>;

function completed(stored: StoredRecord): AgentRecord {
  return {
    leaderId: '',
    collidedEpoch: 0,
    pastLineages: [],
    ...stored,
    wholeGenerations: stored.wholeGenerations ?? stored.generations,
    allocations: stored.allocations.map(({ grant, refusal }) => ({
      grant: { ...grant, gpus: grant.gpus.map((gpu) => ({ parts: GPU_PARTS, instance: '', ...gpu })) },
      refusal,
    })),
  };
}

function checksum(sequence: number, content: Buffer): string {
  return createHash('sha256').update(`${sequence}\n`).update(content).digest('hex');
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Makes new files durable. Once in an agent's life, so that it may block. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
