// The kernel log of this machine, read record by record from /dev/kmsg without ever waiting. It needs root, CAP_SYSLOG, or
// kernel.dmesg_restrict=0; without them there is no log, which the agent says once.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { type KernelRecord, parseKernelRecord } from './kernel-record.js';

/** A source of kernel records. */
export interface KernelLog {
  /** What came since the last look; never waits. */
  take(): readonly KernelRecord[];
  close(): void;
}

/** The largest record that the kernel gives (CONSOLE_EXT_LOG_MAX is 8 KiB). */
const MAX_RECORD_BYTES = 8_192;
/** Records of one look, so that a flood holds nobody up; the rest is there at the next one. */
const MAX_RECORDS_A_LOOK = 10_000;

/** Opens it, at the oldest record of this boot that the kernel still has. @throws Error when it cannot be read */
export function openKernelLog(file = '/dev/kmsg'): KernelLog {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(MAX_RECORD_BYTES);
  const next = (): KernelRecord | 'none' | 'odd' => {
    try {
      const length = readSync(fd, buffer, 0, buffer.length, null);
      return length === 0 ? 'none' : (parseKernelRecord(buffer.toString('utf8', 0, length)) ?? 'odd');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return 'none';
      // EPIPE: the kernel overwrote what was next, the read after it gives the oldest that is left. EINVAL: too long a record.
      if (code === 'EPIPE' || code === 'EINVAL') return 'odd';
      throw error;
    }
  };
  return {
    take: () => {
      const records: KernelRecord[] = [];
      for (let count = 0; count < MAX_RECORDS_A_LOOK; count += 1) {
        const record = next();
        if (record === 'none') break;
        if (record !== 'odd') records.push(record);
      }
      return records;
    },
    close: () => closeSync(fd),
  };
}
