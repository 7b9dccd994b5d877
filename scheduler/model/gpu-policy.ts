// What follows from a fault of a GPU: a table by Xid, one by symptom, and the figures that go with them. Plain data, so that
// it can be configured, and pure functions that read it.
//
// The Xid buckets are NVIDIA's ("Analyzing Xid Errors with the Xid Catalog", docs.nvidia.com/deploy/xid-errors, October 2025).
// Where authorities disagree the table takes the milder side for what a program can cause by itself: 109 is RESET_GPU in
// the catalog, while NVIDIA's device plugin ignores it as an application's error; so one of them ends the program, and a second
// one from another workload within a day drains the GPU.
import type { ResetPolicy } from './gpu-reset.js';
import type { GpuMark } from './records.js';

/**
 * What is done with a GPU:
 *   ignore      nothing, not even counted
 *   count       remembered: faults under several workloads condemn it
 *   suspect     it takes nothing new for a while
 *   drain       it takes nothing new; what runs there goes on to its end
 *   quarantine  what runs there is stopped and requeued, and it takes nothing until something is done
 */
export type FaultAction = 'ignore' | 'count' | 'suspect' | 'drain' | 'quarantine';
export const FAULT_ACTIONS: readonly FaultAction[] = ['ignore', 'count', 'suspect', 'drain', 'quarantine'];

/** One row of the table. */
export interface XidRule {
  readonly action: FaultAction;
  /** Who is to blame for the end of a program that it hit. */
  readonly blame: 'hardware' | 'program';
  /** Whether the GPUs that reach it over NVLink follow. */
  readonly peers: boolean;
  /** What ends what is done. */
  readonly endsWith: 'person' | 'reboot';
  /** Drain it when so many different workloads met it within the time, whoever owns them; null = the general rule. */
  readonly drainAfter: { readonly workloads: number; readonly withinMs: number } | null;
  /** What it means, in a few words. */
  readonly says: string;
}

/** Everything that can be configured about faults of GPUs. */
export interface GpuPolicy {
  /** Overrides of the table, by number. */
  readonly xid: Readonly<Record<number, FaultAction>>;
  /** Overrides of what an SXid's severity says, by number. */
  readonly sxid: Readonly<Record<number, FaultAction>>;
  /** Who may have GPUs reset. */
  readonly reset: ResetPolicy;
  /** How long a suspect GPU takes nothing new. */
  readonly suspectMs: number;
  /** A GPU with faults under so many different workloads, of so many users, within the time is kept for a person to look at. */
  readonly repeatWorkloads: number;
  readonly repeatUsers: number;
  readonly repeatWithinMs: number;
  /** A node with so many GPUs quarantined for faults takes no new work at all; 0 = never. */
  readonly nodeGpus: number;
  /** When GPUs of more nodes than this are condemned within the window, no more are until a person looks. */
  readonly brakeNodes: number;
  /** The same for the part of all GPUs, but not for fewer than {@link BRAKE_LEAST_GPUS}. */
  readonly brakeRatio: number;
  readonly brakeWindowMs: number;
}

/** Fewer GPUs than this never close the brake by their part of all. */
export const BRAKE_LEAST_GPUS = 8;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export const DEFAULT_GPU_POLICY: GpuPolicy = {
  xid: {},
  sxid: {},
  reset: 'never',
  suspectMs: 30 * MINUTE_MS,
  repeatWorkloads: 3,
  repeatUsers: 2,
  repeatWithinMs: 7 * DAY_MS,
  nodeGpus: 2,
  brakeNodes: 3,
  brakeRatio: 0.2,
  brakeWindowMs: 10 * MINUTE_MS,
};

const PROGRAM: XidRule = {
  action: 'count',
  blame: 'program',
  peers: false,
  endsWith: 'reboot',
  drainAfter: null,
  says: 'an error that a program can cause by itself',
};
const NOTHING: XidRule = { ...PROGRAM, action: 'ignore', says: 'a note of the driver, or the end of another fault' };
const RESET: XidRule = {
  ...PROGRAM,
  action: 'drain',
  blame: 'hardware',
  says: 'the GPU has to be reset',
};
const NVLINK: XidRule = { ...RESET, peers: true, says: 'an error of NVLink' };
const HOLD: XidRule = { ...RESET, endsWith: 'person' };

const TABLE: ReadonlyMap<number, XidRule> = new Map([
  // RESTART_APP
  ...rows(
    PROGRAM,
    [8, 11, 13, 25, 31, 32, 39, 40, 41, 60, 68, 69, 70, 71, 72, 75, 76, 77, 80, 82, 83, 84, 85, 86, 88, 89],
  ),
  ...rows(
    PROGRAM,
    [96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 139],
  ),
  ...rows({ ...PROGRAM, action: 'suspect', blame: 'hardware', says: 'a memory error that was contained' }, [94]),
  // RESET_GPU
  ...rows(RESET, [46, 62, 64, 95, 110, 119, 120, 136, 140, 143, 155, 156, 158]),
  ...rows({ ...PROGRAM, drainAfter: { workloads: 2, withinMs: DAY_MS }, says: 'a context switch timed out' }, [109]),
  ...rows({ ...RESET, says: 'an uncorrectable memory error' }, [48]),
  // NVLink
  ...rows(NVLINK, [74, 144, 145, 146, 147, 148, 149, 150]),
  // RESTART_BM, RESTART_VM
  ...rows({ ...RESET, action: 'quarantine', says: 'the GPU has fallen off the bus' }, [79]),
  ...rows({ ...RESET, action: 'quarantine', says: 'the machine has to be started again' }, [151]),
  // CHECK_MECHANICALS, UPDATE_SWFW, CONTACT_SUPPORT
  ...rows({ ...HOLD, says: 'power is not connected rightly' }, [54]),
  ...rows({ ...HOLD, says: 'driver and hardware do not suit each other' }, [78]),
  ...rows({ ...HOLD, says: 'the maker has to be asked' }, [142]),
  // A row will be remapped at the next reset: what runs goes on.
  ...rows({ ...RESET, says: 'a row of its memory waits to be remapped' }, [63]),
  // IGNORE
  ...rows(NOTHING, [37, 38, 43, 44, 45, 66, 67, 93, 106, 107, 121, 137, 141, 152, 153, 157, 160, 161]),
  ...rows({ ...PROGRAM, action: 'suspect', blame: 'hardware', says: 'many corrected memory errors' }, [92]),
  // No bucket yet: the careful side.
  ...rows(RESET, [165, 167, 168, 169, 171, 172]),
]);

function rows(rule: XidRule, numbers: readonly number[]): readonly (readonly [number, XidRule])[] {
  return numbers.map((number) => [number, rule]);
}

/** The numbers that the table knows, in order. */
export const KNOWN_XIDS: readonly number[] = [...TABLE.keys(), 154].toSorted((a, b) => a - b);

/**
 * What follows from an Xid. One that nobody knows is counted.
 * @param detail what the kernel said after the number: some Xids tell their severity only there
 */
export function xidRule(policy: GpuPolicy, xid: number, detail: string): XidRule {
  return withAction(plainRule(xid, detail), policy.xid[xid]);
}

/** A row as the configuration changes it. */
function withAction(rule: XidRule, action: FaultAction | undefined): XidRule {
  if (action === undefined || action === rule.action) return rule;
  const isHard = action === 'drain' || action === 'quarantine';
  return { ...rule, action, blame: isHard ? 'hardware' : rule.blame, drainAfter: null };
}

function plainRule(xid: number, detail: string): XidRule {
  if (xid === 154) return recoveryRule(/to 0x[0-9a-f]+ \(([^)]*)\)/i.exec(detail)?.[1] ?? detail);
  // Those of NVLink 5 say themselves whether the link went down.
  if (xid >= 144 && xid <= 150 && /\bnonfatal\b/i.test(detail)) {
    return { ...PROGRAM, blame: 'hardware', says: 'an error of NVLink that was recovered' };
  }
  return TABLE.get(xid) ?? { ...PROGRAM, says: 'an error that the table of Xids does not know' };
}

/**
 * What follows from an error of an NVSwitch. Its severity is in the line: a fatal one ends what talks over NVLink, and takes a
 * reset of the GPUs and the switches together, or a reboot; one that is not fatal was dealt with by the driver. Source: the
 * Fabric Manager User Guide, appendix on NVSwitch SXid errors.
 * @param detail `0000:c1:00.0: Fatal, Link 30 LTSSM Fault Up`; the address of the switch may be left out
 */
export function sxidRule(policy: GpuPolicy, sxid: number, detail: string): XidRule {
  const rule: XidRule = /^(?:\S+: )?fatal\b/i.test(detail)
    ? { ...RESET, says: 'a fatal error of an NVSwitch' }
    : { ...NOTHING, says: 'an error of an NVSwitch that was recovered' };
  return withAction(rule, policy.sxid[sxid]);
}

/** What a recovery action asks for, as NVML names it (nvmlDeviceGpuRecoveryAction_t) and nvidia-smi writes it. */
export function recoveryRule(action: string): XidRule {
  const says = `the driver asks for: ${action}`;
  if (/^none$/i.test(action.trim())) return { ...NOTHING, says: 'the driver asks for nothing any more' };
  if (/reboot/i.test(action)) return { ...RESET, action: 'quarantine', says };
  if (/p2p/i.test(action)) return { ...NVLINK, says };
  if (/drain/i.test(action)) return { ...RESET, says };
  return { ...RESET, action: /reset/i.test(action) ? 'quarantine' : 'drain', says };
}

/** What follows from what an agent reads of a GPU, for as long as it does; null = it is only shown. */
export function symptomRule(kind: string, detail: string): { readonly rule: XidRule; readonly message: string } | null {
  switch (kind) {
    case 'recovery_action': {
      const rule = recoveryRule(detail);
      return rule.action === 'ignore' ? null : { rule, message: `the driver asks for a recovery action: ${detail}` };
    }
    case 'row_remap_pending':
    case 'page_retirement_pending':
    case 'row_remap_failure':
    case 'thermal_persistent':
      return { rule: RESET, message: detail };
    case 'thermal':
    case 'ecc_corrected_burst':
      return { rule: { ...RESET, action: 'suspect' }, message: detail };
    default:
      return null;
  }
}

/** The state that an action puts a GPU into; null = none. */
export function healthAfter(action: FaultAction): GpuMark['health'] | null {
  switch (action) {
    case 'ignore':
    case 'count':
      return null;
    case 'suspect':
      return 'suspect';
    case 'drain':
      return 'draining';
    case 'quarantine':
      return 'quarantined';
  }
}
