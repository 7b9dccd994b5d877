// When the GPUs of a node are to be reset, and which of them together. Pure. Nothing is remembered for it: a reset is asked for by
// the marks that it would end, and by nothing holding the GPUs, so it can neither be lost nor be left over.
import type { ClusterNode, Gpu, GpuMark } from './records.js';

/** Who may have GPUs reset: nobody, a person, or the faults that ask for it, too. */
export type ResetPolicy = 'never' | 'operator' | 'auto';
export const RESET_POLICIES: readonly ResetPolicy[] = ['never', 'operator', 'auto'];

/** Codes of marks: a person asked for a reset; its NVLink peers go with it; it was of no use. */
export const RESET_ASKED = 'reset';
export const RESET_PEER = 'reset_peer';
export const RESET_FAILED = 'reset_failed';
/** So many resets for faults within the time, and a person has to look at the GPU. */
export const RESETS_UNTIL_HELD = 2;
/** The fault that a reset is remembered by. */
export const RESET_FAULT = 'gpu_reset';

/** What an agent is asked to reset. */
export interface GpuReset {
  /** The same for as long as it is the same reset: an agent carries it out once. */
  readonly id: string;
  /** UUIDs of all GPUs that are reset together, in the order of their places. */
  readonly gpus: readonly string[];
}

/**
 * What is to be reset on a node now: one group of GPUs at a time, and only one that nobody holds a part of.
 * @param held UUIDs of GPUs that allocations hold
 */
export function resetOf(
  node: Pick<ClusterNode, 'gpus'>,
  held: ReadonlySet<string>,
  policy: ResetPolicy,
): GpuReset | null {
  if (policy === 'never') return null;
  for (const gpu of node.gpus) {
    // Looked at with every order to a node: GPUs without marks, nearly all, cost nothing.
    if (gpu.marks === undefined || gpu.retired === true) continue;
    const id = asksFor(gpu, policy);
    if (id === null) continue;
    const group = resetGroup(node, gpu);
    const isFree = group.every((one) => whyNotReset(one) === null && !held.has(one.uuid));
    if (isFree) return { id, gpus: group.map(({ uuid }) => uuid) };
  }
  return null;
}

/** A GPU and those that reach it over NVLink: the driver resets them together. */
export function resetGroup({ gpus }: Pick<ClusterNode, 'gpus'>, gpu: Gpu): readonly Gpu[] {
  if (gpu.nvlinkGroup === null) return [gpu];
  return gpus.filter((one) => one.retired !== true && one.nvlinkGroup === gpu.nvlinkGroup);
}

/** In words, why a reset of it could not end well; null = it may be tried. */
export function whyNotReset({ health, mig, simulated }: Gpu): string | null {
  if (simulated) return 'it is simulated';
  if (health === 'lost') return 'its driver does not answer for it, so only a reboot of the machine helps';
  if (mig !== null) return 'it is in MIG mode, and a reset takes its instances away';
  return null;
}

/** Whether a reset ends what this mark stands for. */
export function isEndedByReset({ code, endsWith, health, message }: GpuMark): boolean {
  if (code === RESET_ASKED || code === RESET_PEER || code === RESET_FAILED) return true;
  // What the driver asks for is said in its own word.
  if (code === 'recovery_action' || code === 'xid_154') {
    const [, action = ''] = /asks for(?: a recovery action)?: ([^)]*)/.exec(message) ?? [];
    return /reset/i.test(action) && !/reboot/i.test(action);
  }
  if (code === 'row_remap_pending' || code === 'page_retirement_pending') return true;
  // Those of the table that call for a reset are drained; who left the bus has to be started again.
  return (endsWith === 'reboot' && health === 'draining') || endsWith === 'time';
}

/** The id of the reset that its marks ask for; null = they ask for none. */
function asksFor({ marks = [] }: Gpu, policy: ResetPolicy): string | null {
  const asked = marks.find(({ code }) => code === RESET_ASKED);
  if (asked !== undefined) return String(asked.sinceMs);
  if (policy !== 'auto') return null;
  const isHeld = marks.some((mark) => mark.code === RESET_FAILED || !isEndedByReset(mark));
  return !isHeld && marks.some((mark) => mark.health !== 'suspect' && mark.code !== RESET_PEER) ? 'fault' : null;
}
