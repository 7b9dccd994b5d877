// Which processors are near GPUs: those of the NUMA node that a GPU's PCI slot hangs on, as the kernel tells it.
import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The processors near these GPUs, as the kernel writes them: `0-31,64-95`.
 * @param busIds as nvidia-smi writes them: `00000000:3B:00.0`
 * @param cpuMilli what the task asked for: it is never held to fewer processors than that
 * @returns null when there is nothing to hold it to: no GPU, not known, or all processors are near
 */
export function cpusNear(busIds: readonly string[], cpuMilli: number, sysFolder = '/sys'): string | null {
  if (busIds.length === 0) return null;
  const near = new Set<number>();
  for (const busId of busIds) {
    const list = readList(path.join(sysFolder, 'bus/pci/devices', linuxBusId(busId), 'local_cpulist'));
    if (list === null) return null;
    for (const cpu of list) near.add(cpu);
  }
  const all = readList(path.join(sysFolder, 'devices/system/cpu/online'));
  const isAll = all !== null && all.every((cpu) => near.has(cpu));
  return near.size === 0 || isAll || near.size * 1_000 < cpuMilli ? null : writeList(near);
}

/** nvidia-smi writes the PCI domain with eight digits, the kernel with four or as many as it needs. */
export function linuxBusId(busId: string): string {
  return busId.toLowerCase().replace(/^0{4}(?=[0-9a-f]{4}:)/, '');
}

/** @returns null when the file is not there or holds no list */
function readList(file: string): readonly number[] | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return null;
  }
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return null;
  return text.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

function writeList(cpus: ReadonlySet<number>): string {
  const sorted = [...cpus].toSorted((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const cpu of sorted) {
    const last = ranges.at(-1);
    if (last?.[1] === cpu - 1) last[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
