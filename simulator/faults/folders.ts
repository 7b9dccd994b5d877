// What a simulated node keeps on its disk beside the agent's journal: the folder of each allocation with its claim and its end. Written at
// once for all processes of the machine; a power cut may take what was not flushed and is younger than the kernel's own flush.
import type { EndRecord } from '../../node-agent/runtime/allocation-folder.js';
import type { Random } from '../random.js';

/** After this the kernel has written by itself what nobody flushed, in ms. */
const WRITEBACK_MS = 5_000;

/** Who has the right to run an allocation: a supervisor, or nobody any more, since the agent has claimed it. */
export type FolderClaim =
  { readonly by: 'supervisor'; readonly supervisor: number; readonly bootId: string } | { readonly by: 'agent' };

interface Written<T> {
  readonly value: T;
  readonly writtenMs: number;
  flushed: boolean;
}

/** One allocation's folder. */
class Folder {
  origin = '';
  /** Written by one boot, read by none but it. */
  isReady = false;
  claim: Written<FolderClaim> | null = null;
  startedMs: Written<number> | null = null;
  end: Written<EndRecord> | null = null;
}

/** The folders of one node. Times are true ones. */
export class Folders {
  readonly #folders = new Map<string, Folder>();

  /** All that were ever made. */
  get ids(): readonly string[] {
    return [...this.#folders.keys()];
  }

  /** @returns whether it is new */
  create(id: string): boolean {
    if (this.#folders.has(id)) return false;
    this.#folders.set(id, new Folder());
    return true;
  }

  originOf(id: string): string {
    return this.#folders.get(id)?.origin ?? '';
  }

  /** What came with the order for the scheduler's own use. */
  writeOrigin(id: string, origin: string): void {
    this.#get(id).origin = origin;
  }

  isReady(id: string): boolean {
    return this.#folders.get(id)?.isReady === true;
  }

  writeReady(id: string): void {
    this.#get(id).isReady = true;
  }

  claimOf(id: string): FolderClaim | null {
    return this.#folders.get(id)?.claim?.value ?? null;
  }

  /** Of any number of callers at most one ever gets true, as long as the power stays on. */
  claim(id: string, claim: FolderClaim, nowMs: number): boolean {
    const folder = this.#get(id);
    if (folder.claim !== null) return false;
    folder.claim = { value: claim, writtenMs: nowMs, flushed: false };
    return true;
  }

  startedMsOf(id: string): number | null {
    return this.#folders.get(id)?.startedMs?.value ?? null;
  }

  /** @param wallMs when it was started, as the records have it */
  writeStarted(id: string, wallMs: number, nowMs: number): void {
    this.#get(id).startedMs = { value: wallMs, writtenMs: nowMs, flushed: false };
  }

  endOf(id: string): EndRecord | null {
    return this.#folders.get(id)?.end?.value ?? null;
  }

  writeEnd(id: string, end: EndRecord, nowMs: number): void {
    this.#get(id).end = { value: end, writtenMs: nowMs, flushed: false };
  }

  flushEnd(id: string): void {
    const end = this.#folders.get(id)?.end;
    if (end !== null && end !== undefined) end.flushed = true;
  }

  losePower(random: Random, nowMs: number): void {
    const keep = <T>(written: Written<T> | null): Written<T> | null => {
      if (written === null) return null;
      const isSafe = written.flushed || nowMs - written.writtenMs > WRITEBACK_MS;
      return isSafe || random.chance(0.5) ? { ...written, flushed: true } : null;
    };
    for (const folder of this.#folders.values()) {
      folder.claim = keep(folder.claim);
      folder.startedMs = keep(folder.startedMs);
      folder.end = keep(folder.end);
    }
  }

  #get(id: string): Folder {
    this.create(id);
    const folder = this.#folders.get(id);
    if (folder === undefined) throw new Error(`no folder of ${id}`);
    return folder;
  }
}
