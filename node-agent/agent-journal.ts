// What the agent must not forget, in one small file that is replaced as a whole: who it is, the highest orders it obeyed,
// the generations it accepted, the allocations it has. Durable before any start that depends on it.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from '../common/log.js';
import { replaceDurably } from './runtime/allocation-folder.js';
import type { JournalContent } from './session/session.js';

/** How often a write that failed is tried again, in ms. Starts wait for it, nothing else does. */
const RETRY_MS = 1_000;

/** The file's content. */
export interface AgentRecord extends JournalContent {
  /** A UUID made at the first start, kept for ever. */
  readonly nodeId: string;
  /** The boot in which it was written: what was running in another one is gone. */
  readonly bootId: string;
}

/** The journal of one state folder. */
export class AgentJournal {
  readonly #file: string;
  readonly #log: Logger;
  /** The content to be written next, with everyone who waits for it. */
  #next: { readonly record: AgentRecord; readonly saved: Promise<void> } | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(stateDir: string, log: Logger) {
    this.#file = path.join(stateDir, 'agent.json');
    this.#log = log;
  }

  /** Reads it; null when this agent never ran. @throws Error in words when it is there and unreadable */
  read(): AgentRecord | null {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      return JSON.parse(text) as AgentRecord;
    } catch (error) {
      // Going on with an empty one could start things a second time.
      throw new Error(
        `${this.#file} is damaged: ${(error as Error).message}\n` +
          'Restore it, or remove the state folder once no task of this node runs any more: it then becomes a new node.',
        { cause: error },
      );
    }
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

  async #writeNext(): Promise<void> {
    for (;;) {
      const next = this.#next;
      if (next === null) return;
      try {
        this.#next = null;
        await replaceDurably(this.#file, JSON.stringify(next.record));
        return;
      } catch (error) {
        // A newer content may have come meanwhile; it holds all of this one.
        this.#next ??= next;
        this.#log.error(
          { err: error, file: this.#file },
          'the journal cannot be written; nothing new starts until it can',
        );
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

/** The journal of an agent that never ran. */
export function newAgentRecord(bootId: string): AgentRecord {
  return {
    nodeId: randomUUID(),
    bootId,
    clusterId: '',
    lineage: '',
    maxEpoch: 0,
    maxRevision: 0,
    generations: {},
    allocations: [],
  };
}
