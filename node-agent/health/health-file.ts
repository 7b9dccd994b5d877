// The file of what the agent saw of its GPUs: written beside, flushed and renamed, so that there is always a whole one.
import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import { parseHealthRecord } from './health-record.js';
import type { HealthFile } from './health-watch.js';

/** The file of a state folder. */
export function healthFile(stateDir: string): HealthFile {
  const file = path.join(stateDir, 'health.json');
  return {
    read: () => {
      try {
        return parseHealthRecord(readFileSync(file, 'utf8'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    write: async (record) => {
      const beside = `${file}.new`;
      const handle = await open(beside, 'w', 0o600);
      try {
        await handle.writeFile(`${JSON.stringify(record)}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(beside, file);
    },
  };
}
