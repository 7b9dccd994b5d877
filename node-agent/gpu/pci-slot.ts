// Where a GPU sits in its machine, from what the kernel says of PCI devices: nvidia-smi tells neither in its report.
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** What is next to a slot. */
export interface PciSlot {
  /** Null = not known, or the machine has one NUMA node only. */
  readonly numaNode: number | null;
  /** The CPUs next to it: `0-31,64-95`; empty = not known. */
  readonly cpuList: string;
}

export const PCI_DEVICES = '/sys/bus/pci/devices';

/** Reads the slot of a bus id such as `00000000:53:00.0`. Missing files mean that nothing is known. */
export function readPciSlot(pciBusId: string, folder: string = PCI_DEVICES): PciSlot {
  const [, domain = '', rest = ''] = /^([0-9a-f]{4,8}):([0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])$/i.exec(pciBusId) ?? [];
  if (rest === '') return { numaNode: null, cpuList: '' };
  // The kernel writes domains with four digits as long as they fit.
  const device = `${domain.replace(/^0+(?=[0-9a-f]{4})/i, '')}:${rest}`.toLowerCase();
  const read = (name: string): string => {
    try {
      return readFileSync(path.join(folder, device, name), 'utf8').trim();
    } catch {
      // Not Linux, another bus, or no such device.
      return '';
    }
  };
  const node = read('numa_node');
  const cpuList = read('local_cpulist');
  // -1 = the firmware does not say.
  return { numaNode: /^\d+$/.test(node) ? Number(node) : null, cpuList: /^[0-9,-]+$/.test(cpuList) ? cpuList : '' };
}
