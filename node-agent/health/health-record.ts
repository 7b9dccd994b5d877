// What the agent must not forget of the health of its GPUs: events that no scheduler has acknowledged, how far the kernel log
// was read, and error counters as they were. Pure; the file is somebody else's.

/** Something that happened to a GPU, or to a hook. */
export interface HealthEvent {
  readonly sequence: number;
  /** Wall clock, ms since 1970. */
  readonly timeMs: number;
  readonly kind:
    'xid' | 'sxid' | 'ecc_uncorrected' | 'prolog_failed' | 'epilog_failed' | 'gpu_reset' | 'gpu_reset_failed';
  /** The UUID of the GPU; empty = of the node, of an NVSwitch, or a GPU that is not known. */
  readonly gpu: string;
  /** The number of the Xid or SXid; 0 = none. */
  readonly xid: number;
  readonly detail: string;
  readonly allocation: string;
}

export interface HealthRecord {
  readonly bootId: string;
  /** The number of the last event ever. */
  readonly lastSequence: number;
  /** The number of the last kernel record that was looked at, in this boot; -1 = none. */
  readonly kernelSequence: number;
  /** Uncorrectable memory errors since the driver began, by the UUID of the GPU. */
  readonly uncorrected: Readonly<Record<string, number>>;
  /** Not acknowledged, oldest first. */
  readonly events: readonly HealthEvent[];
}

/** Events kept for a scheduler that does not answer; the oldest go. */
export const MAX_EVENTS = 256;

/** Nothing was seen yet. */
export function newHealthRecord(bootId: string): HealthRecord {
  return { bootId, lastSequence: 0, kernelSequence: -1, uncorrected: {}, events: [] };
}

/** The record as it counts in this boot: kernel log and counters begin anew with the machine. */
export function inBoot(record: HealthRecord, bootId: string): HealthRecord {
  return record.bootId === bootId ? record : { ...record, bootId, kernelSequence: -1, uncorrected: {} };
}

/** The record with more events. */
export function withEvents(record: HealthRecord, events: readonly Omit<HealthEvent, 'sequence'>[]): HealthRecord {
  const numbered = events.map((event, at) => ({ ...event, sequence: record.lastSequence + 1 + at }));
  return {
    ...record,
    lastSequence: record.lastSequence + events.length,
    events: [...record.events, ...numbered].slice(-MAX_EVENTS),
  };
}

/**
 * The record without what a scheduler has. A scheduler that has more than there ever was knows this node from before its record
 * was damaged: then numbers go on above its own, else it would take new events for old ones.
 */
export function acknowledged(record: HealthRecord, through: number): HealthRecord {
  if (through > record.lastSequence) {
    const events = record.events.map((event, at) => ({ ...event, sequence: through + 1 + at }));
    return { ...record, lastSequence: through + events.length, events };
  }
  const events = record.events.filter(({ sequence }) => sequence > through);
  return events.length === record.events.length ? record : { ...record, events };
}

/** Reads what was written; null when it is no such record. */
export function parseHealthRecord(text: string): HealthRecord | null {
  try {
    const record = JSON.parse(text) as Partial<HealthRecord> | null;
    const isWhole =
      typeof record?.bootId === 'string' &&
      Number.isSafeInteger(record.lastSequence) &&
      Number.isSafeInteger(record.kernelSequence) &&
      Array.isArray(record.events) &&
      typeof record.uncorrected === 'object';
    return isWhole ? (record as HealthRecord) : null;
  } catch {
    // Half a file is none: the kernel log is read again from its oldest record.
    return null;
  }
}
