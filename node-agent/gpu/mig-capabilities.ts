// The capability devices of MIG: /dev/nvidia-caps/nvidia-capN, one for each GPU instance and compute instance. Whoever may open those
// of an instance may use it; the device file of the GPU itself is the same for all of its instances. Which N is whose stands below
// /proc/driver/nvidia/capabilities (NVIDIA's MIG User Guide, "/proc-based nvidia-capabilities").
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { MigPlace } from './provider.js';

/** The capability devices of a machine. */
export interface Capabilities {
  /** The major number of their files; the kernel chooses it when the driver is loaded. */
  readonly major: number;
  /** The minor number of each, by its path: `gpu0/mig/gi3/access`, `gpu0/mig/gi3/ci0/access`, `mig/config`. */
  readonly minors: ReadonlyMap<string, number>;
}

/** Which of them a task may open: the others are shut. */
export interface CapabilityGrant {
  readonly major: number;
  /** Minor numbers. */
  readonly granted: readonly number[];
  readonly shut: readonly number[];
}

/** Deeper than any of them. */
const MAX_DEPTH = 6;

/** What this machine has; null = its driver knows no capability devices. @param proc where proc(5) is mounted */
export function readCapabilities(proc = '/proc'): Capabilities | null {
  const major = /^\s*(\d+) nvidia-caps$/m.exec(readOrNothing(path.join(proc, 'devices')))?.[1];
  if (major === undefined) return null;
  const root = path.join(proc, 'driver/nvidia/capabilities');
  const minors = new Map<string, number>();
  const walk = (folder: string, depth: number): void => {
    for (const entry of entriesOf(path.join(root, folder))) {
      const below = path.join(folder, entry.name);
      if (entry.isDirectory() && depth < MAX_DEPTH) walk(below, depth + 1);
      const minor = entry.isDirectory() ? undefined : minorIn(readOrNothing(path.join(root, below)));
      if (minor !== undefined) minors.set(below, Number(minor));
    }
  };
  walk('', 0);
  return { major: Number(major), minors };
}

/**
 * What a task may open with these instances.
 * @param instances the GPU of each by the minor number of its device file, and where the instance is on it
 * @returns null = the device of one is not known, so it cannot be let through alone
 */
export function capabilityGrant(
  { major, minors }: Capabilities,
  instances: readonly { readonly gpuMinor: number; readonly place: MigPlace | undefined }[],
): CapabilityGrant | null {
  const granted = new Set<number>();
  for (const { gpuMinor, place } of instances) {
    if (place === undefined) return null;
    const gpuInstance = `gpu${gpuMinor}/mig/gi${place.gpuInstance}`;
    for (const name of [`${gpuInstance}/access`, `${gpuInstance}/ci${place.computeInstance}/access`]) {
      const minor = minors.get(name);
      if (minor === undefined) return null;
      granted.add(minor);
    }
  }
  const shut = [...new Set(minors.values())].filter((minor) => !granted.has(minor));
  return { major, granted: [...granted], shut };
}

function minorIn(text: string): string | undefined {
  return /^DeviceFileMinor:\s*(\d+)$/m.exec(text)?.[1];
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    return ignoreMissing(error, []);
  }
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return ignoreMissing(error, '');
  }
}

/** Instances come and go while they are read. */
function ignoreMissing<T>(error: unknown, instead: T): T {
  if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  return instead;
}
