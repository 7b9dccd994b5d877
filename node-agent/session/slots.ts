// Who holds how much of which GPU of this node, and what else fits beside it. Pure. The scheduler decides who gets what;
// here nothing is believed that would give a GPU, a share or a MIG instance two owners.
import { GPU_PARTS } from '../../common/gpu-parts.js';
import type { AllocationId } from '../../common/ids.js';
import type { GrantedGpu, LocalAllocation } from './allocation.js';

/** The MIG instances of each GPU of the inventory, by UUID; null = it is not in MIG mode. */
export type MigLayout = ReadonlyMap<string, readonly string[] | null>;

/** What was accepted here so far, by slot. A slot is a whole GPU, a share of one, or a MIG instance. */
export interface Generations {
  /** The highest generation accepted, by the UUID of the GPU and by that of the instance. */
  readonly generations: Readonly<Record<string, number>>;
  /** The highest generation accepted for the whole GPU. */
  readonly wholeGenerations: Readonly<Record<string, number>>;
}

/** Why a grant can never be carried out on this machine, in words; null = it can. */
export function whyImpossible(gpus: readonly GrantedGpu[], layout: MigLayout | null): string | null {
  for (const [place, gpu] of gpus.entries()) {
    const before = gpus.slice(0, place).filter(({ uuid }) => uuid === gpu.uuid);
    const why = whyUnfit(gpu, layout?.get(gpu.uuid)) ?? (before.length === 0 ? null : whyTwice(gpu, before));
    if (why !== null) return why;
  }
  return null;
}

function whyUnfit(
  { uuid, parts, instance }: GrantedGpu,
  instances: readonly string[] | null | undefined,
): string | null {
  if (!Number.isInteger(parts) || parts < 1 || parts > GPU_PARTS) {
    return `${parts} parts of GPU ${uuid} were granted; it has ${GPU_PARTS}`;
  }
  // What is not in the inventory is not judged by it.
  if (instances === undefined) return null;
  if (instances === null) {
    return instance === '' ? null : `MIG instance ${instance} was granted, but GPU ${uuid} is not in MIG mode`;
  }
  if (instance === '') return `GPU ${uuid} is in MIG mode: only its instances can be granted`;
  return instances.includes(instance) ? null : `GPU ${uuid} has no MIG instance ${instance}`;
}

/** A task may have several instances of one GPU, nothing else twice. */
function whyTwice(gpu: GrantedGpu, before: readonly GrantedGpu[]): string | null {
  const distinct = gpu.instance !== '' && before.every(({ instance }) => instance !== '' && instance !== gpu.instance);
  if (!distinct) return `GPU ${gpu.uuid} was granted twice in one grant`;
  const sum = before.reduce((all, { parts }) => all + parts, gpu.parts);
  return sum <= GPU_PARTS ? null : `${sum} parts of GPU ${gpu.uuid} were granted; it has ${GPU_PARTS}`;
}

/** One holder that leaves no room for a grant. */
export interface InTheWay {
  readonly holder: AllocationId;
  /** In words. */
  readonly why: string;
}

/** Who of the holders stands in the way of a grant; empty = it fits beside all of them. */
export function inTheWay(gpus: readonly GrantedGpu[], holders: readonly LocalAllocation[]): readonly InTheWay[] {
  return [...new Set(gpus.map(({ uuid }) => uuid))].flatMap((uuid) => {
    const wanted = gpus.filter((gpu) => gpu.uuid === uuid);
    const held = holders.flatMap(({ grant }) =>
      grant.gpus.filter((gpu) => gpu.uuid === uuid).map((gpu) => ({ holder: grant.id, gpu })),
    );
    const clashing = held.filter(({ gpu }) => wanted.some((one) => clash(one, gpu)));
    if (clashing.length > 0) {
      return clashing.map(({ holder, gpu }) => ({
        holder,
        why: `${gpu.instance === '' ? `GPU ${uuid}` : `MIG instance ${gpu.instance}`} is held by allocation ${holder}`,
      }));
    }
    const heldParts = held.reduce((sum, { gpu }) => sum + gpu.parts, 0);
    const sum = wanted.reduce((all, { parts }) => all + parts, heldParts);
    if (sum <= GPU_PARTS) return [];
    const why = `GPU ${uuid} would be granted ${sum} parts of ${GPU_PARTS}, with those of allocation`;
    return held.map(({ holder }) => ({ holder, why: `${why} ${holder}` }));
  });
}

/** Whether two grants of one GPU exclude each other whatever their sizes. */
function clash(one: GrantedGpu, other: GrantedGpu): boolean {
  // In MIG mode nothing but instances can be used; and of those each by one task.
  return one.instance === '' && other.instance === ''
    ? isWhole(one) || isWhole(other)
    : one.instance === other.instance || one.instance === '' || other.instance === '';
}

function isWhole({ parts, instance }: GrantedGpu): boolean {
  return instance === '' && parts === GPU_PARTS;
}

/**
 * Which generation of a grant was overtaken, in words; null = none.
 *
 * Every grant raises the generation of its GPU. A whole GPU and a MIG instance have one owner after the other, so their
 * grants come in the order of their generations, and whatever is not above all before is late. Shares live beside each
 * other: orders for them may be carried out in another order than they were granted in (one of them waited for room), and
 * the older of two is as good as the younger. So a share is late only when the whole GPU was granted to somebody after it; that it
 * cannot be one share too many is seen to by the sum of parts, and that it is carried out once by its allocation's id.
 */
export function whyStale(gpus: readonly GrantedGpu[], { generations, wholeGenerations }: Generations): string | null {
  for (const gpu of gpus) {
    const { uuid, instance, generation } = gpu;
    const whole = wholeGenerations[uuid] ?? 0;
    const seen = isWhole(gpu) ? (generations[uuid] ?? 0) : Math.max(whole, generations[instance] ?? 0);
    const what = instance === '' ? `GPU ${uuid}` : `MIG instance ${instance}`;
    if (generation <= seen) return `generation ${generation} of ${what} is not above ${seen}, which was accepted here`;
  }
  return null;
}

/** What was accepted, with one more grant. */
export function withAccepted(before: Generations, gpus: readonly GrantedGpu[]): Generations {
  const generations = { ...before.generations };
  const wholeGenerations = { ...before.wholeGenerations };
  const raise = (of: Record<string, number>, key: string, generation: number) => {
    of[key] = Math.max(of[key] ?? 0, generation);
  };
  for (const gpu of gpus) {
    raise(generations, gpu.uuid, gpu.generation);
    if (gpu.instance !== '') raise(generations, gpu.instance, gpu.generation);
    if (isWhole(gpu)) raise(wholeGenerations, gpu.uuid, gpu.generation);
  }
  return { generations, wholeGenerations };
}

/**
 * The GPUs of an ended allocation whose memory has to be back at its baseline: those that nobody else holds a part of.
 * What a share leaves behind cannot be told from what the others use, so that is looked at when the last one leaves.
 */
export function baselineDue(ended: LocalAllocation, holders: readonly LocalAllocation[]): readonly string[] {
  const others = holders.filter(({ grant }) => grant.id !== ended.grant.id);
  const shared = new Set(others.flatMap(({ grant }) => grant.gpus.map(({ uuid }) => uuid)));
  return [...new Set(ended.grant.gpus.map(({ uuid }) => uuid))].filter((uuid) => !shared.has(uuid));
}
