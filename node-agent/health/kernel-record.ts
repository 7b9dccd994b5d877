// What the NVIDIA driver says of GPUs and of the switches between them in the kernel log. Pure: from the text of records to
// Xids and SXids. Lines of others are passed over; what follows, the scheduler decides.

/** One record of /dev/kmsg. */
export interface KernelRecord {
  /** Rises by 1 with each record of this boot. */
  readonly sequence: number;
  /** Since boot, in ms, on a clock that does not count suspend. */
  readonly sinceBootMs: number;
  readonly text: string;
}

/** An error of a GPU, or of an NVSwitch, that the driver told of. */
export interface DriverError {
  readonly kind: 'xid' | 'sxid';
  /** Of the GPU or of the switch, as the driver wrote it: `0000:05:00`, `00000000:9b:00.0`. */
  readonly pciBusId: string;
  /** The number after "Xid" or "SXid"; both count from 1 for themselves. */
  readonly xid: number;
  /** What follows the number. */
  readonly detail: string;
}

/** A GPU that left the bus is told of in several lines, sometimes without an Xid; the number that it stands for. */
const OFF_THE_BUS = 79;
/** More of a line nobody reads. */
const MAX_DETAIL_CHARACTERS = 1_000;

const BUS = String.raw`([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}(?:\.[0-9a-f])?)`;
const XID = new RegExp(String.raw`NVRM: Xid \((?:PCI:)?${BUS}\): (\d{1,4})(?:[,:]\s*(.*))?$`, 'i');
/**
 * Only the line that says how bad it is tells an error; those after it with the same number dump registers. The form:
 * Fabric Manager User Guide, appendix on NVSwitch SXid errors (docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide).
 */
const SXID = new RegExp(
  String.raw`nvidia-nvswitch\d+: SXid \((?:PCI:)?${BUS}\): (\d{1,6}), ((?:Non-)?Fatal\b.*)$`,
  'i',
);
const LOST_GPU = new RegExp(String.raw`NVRM: The NVIDIA GPU ${BUS}`, 'i');
const LOST_WORDS = /fallen off the bus and is not responding/i;

/** Parses what one read of /dev/kmsg gives: `level,sequence,microseconds,flags;text`; null = it is none. */
export function parseKernelRecord(raw: string): KernelRecord | null {
  const [, sequence, micros, text] = /^\d+,(\d+),(\d+),[^;]*;([^\n]*)/.exec(raw) ?? [];
  if (sequence === undefined || micros === undefined || text === undefined) return null;
  // The kernel writes line breaks and other odd bytes as \x0a.
  const plain = text.replaceAll(/\\x([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return { sequence: Number(sequence), sinceBootMs: Number(micros) / 1_000, text: plain };
}

/** Whether a record can be of interest: what is not is not looked at closer. */
export function isOfDriver(text: string): boolean {
  return text.includes('NVRM:') || text.includes('nvidia-nvswitch') || text.includes('fallen off the bus');
}

/** The Xid of a line; null = it has none. */
export function parseXid(line: string): DriverError | null {
  return parseAs('xid', XID, line);
}

/** The SXid of a line, with its severity in front of the detail; null = it has none. */
export function parseSxid(line: string): DriverError | null {
  return parseAs('sxid', SXID, line);
}

function parseAs(kind: DriverError['kind'], pattern: RegExp, line: string): DriverError | null {
  const [, pciBusId, xid, detail = ''] = pattern.exec(line.trimEnd()) ?? [];
  if (pciBusId === undefined) return null;
  return { kind, pciBusId, xid: Number(xid), detail: detail.trim().slice(0, MAX_DETAIL_CHARACTERS) };
}

/** Reads lines one after the other: what belongs together may come in several. */
export class DriverErrorReader {
  /** The GPU that a line began to tell the loss of. */
  #leaving: string | null = null;
  /** The last GPU that left the bus with an Xid: the words that follow tell of the same. */
  #left: string | null = null;

  /** What the text of one record tells. */
  read(text: string): readonly DriverError[] {
    return text.split('\n').flatMap((line) => this.#readLine(line) ?? []);
  }

  #readLine(line: string): DriverError | null {
    const xid = parseXid(line);
    if (xid !== null) {
      if (xid.xid === OFF_THE_BUS) this.#left = busKey(xid.pciBusId);
      return xid;
    }
    const sxid = parseSxid(line);
    if (sxid !== null) return sxid;
    this.#leaving = LOST_GPU.exec(line)?.[1] ?? this.#leaving;
    if (!LOST_WORDS.test(line) || this.#leaving === null) return null;
    const pciBusId = this.#leaving;
    this.#leaving = null;
    if (busKey(pciBusId) === this.#left) return null;
    this.#left = busKey(pciBusId);
    return {
      kind: 'xid',
      pciBusId,
      xid: OFF_THE_BUS,
      detail: 'it has fallen off the bus and is not responding to commands',
    };
  }
}

/** A bus id as it can be compared: the domain has four or eight digits, the function may be left out. */
export function busKey(pciBusId: string): string {
  const [, domain = '', slot = ''] = /^0*([0-9a-f]+):([0-9a-f]{2}:[0-9a-f]{2})/i.exec(pciBusId) ?? [];
  return `${domain.toLowerCase()}:${slot.toLowerCase()}`;
}
