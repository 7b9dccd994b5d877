// Reads the MIG instances that `nvidia-smi -L` lists. Pure. The report of `-q -x` tells their memory and numbers but neither identity
// nor profile, so the two are joined by the device number, which both give.
import { isGpuUuid } from './smi-report.js';
import type { MigInstance, MigPlace } from './provider.js';

/** Arguments of nvidia-smi for `readMigDevices`. */
export const LIST_ARGUMENTS = ['-L'] as const;

/** More instances than any GPU has (7 at present); what comes after is ignored. */
export const MAX_MIG_INSTANCES = 16;

/** One line of the list. */
export interface ListedMigDevice {
  /** As CUDA_VISIBLE_DEVICES takes it: `MIG-` and a UUID, with drivers before 470 `MIG-GPU-<uuid>/<number>/<number>`. */
  readonly uuid: string;
  /** `3g.20gb`, `1g.10gb+me`, `1c.3g.40gb`. */
  readonly profile: string;
  /** Its number on its GPU. */
  readonly device: number;
}

const GPU_LINE = /^GPU\s+\d+:.*\(UUID:\s*([^)\s]+)\)/;
const MIG_LINE = /^\s+MIG\s+(\S+)\s+Device\s+(\d+):\s*\(UUID:\s*(MIG-[0-9A-Za-z/-]{1,120})\)/;

/** The MIG devices of each GPU that the list names, by the GPU's UUID. A GPU without any has an empty list. */
export function readMigDevices(list: string): ReadonlyMap<string, readonly ListedMigDevice[]> {
  const found = new Map<string, ListedMigDevice[]>();
  let current: ListedMigDevice[] | null = null;
  for (const line of list.split('\n')) {
    const gpu = GPU_LINE.exec(line)?.[1];
    const [, profile, device, uuid] = MIG_LINE.exec(line) ?? [];
    if (gpu !== undefined) {
      // Instances below a GPU that does not tell who it is belong to nobody.
      current = isGpuUuid(gpu) ? [] : null;
      if (current !== null) found.set(gpu, current);
    } else if (profile !== undefined && uuid !== undefined && current !== null) {
      if (current.length < MAX_MIG_INSTANCES) current.push({ uuid, profile, device: Number(device) });
    }
  }
  return found;
}

/**
 * The instances of one GPU, in the order of their numbers.
 * @param memoryMib by device number, as the report tells it
 * @param places the same
 */
export function migInstances(
  listed: readonly ListedMigDevice[],
  memoryMib: ReadonlyMap<number, number>,
  places: ReadonlyMap<number, MigPlace> = new Map(),
): readonly MigInstance[] {
  return listed
    .toSorted((a, b) => a.device - b.device)
    .map(({ uuid, profile, device }) => {
      const place = places.get(device);
      return {
        uuid,
        profile,
        memoryMib: memoryMib.get(device) ?? memoryOfProfile(profile),
        ...(place === undefined ? {} : { place }),
      };
    });
}

/** The memory that a profile names, in MiB; 0 when it names none. The report, where there is one, is more exact. */
export function memoryOfProfile(profile: string): number {
  return Number(/(?:^|\.)(\d+)gb/i.exec(profile)?.[1] ?? 0) * 1024;
}
