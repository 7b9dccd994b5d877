// The files by which a dcgm-exporter that already runs learns whose work is on which GPU: one file a GPU, named by its index
// (MIG instances by that of their GPU), one workload number a line; no file = nobody's. Start it with --hpc-job-mapping-dir.
// Source: dcgm-exporter, README, "How to include HPC jobs in metric labels".
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AgentView } from './agent-metrics.js';

/** Only what looks like ours is ever removed. */
const OURS = /^\d{1,3}$/;

/** Brings the folder in line with what runs. Files appear whole: they are written beside and renamed. */
export function writeJobMapping(folder: string, { inventory, tasks }: Pick<AgentView, 'inventory' | 'tasks'>): void {
  mkdirSync(folder, { recursive: true });
  const wanted = new Map<string, string>();
  for (const { uuid, index } of inventory.gpus) {
    const workloads = tasks.filter(({ gpus }) => gpus.some((gpu) => gpu.uuid === uuid)).map(({ workload }) => workload);
    if (workloads.length > 0) wanted.set(String(index), [...new Set(workloads)].map((one) => `${one}\n`).join(''));
  }
  const present = readdirSync(folder).filter((name) => OURS.test(name));
  for (const name of present) if (!wanted.has(name)) rmSync(path.join(folder, name), { force: true });
  for (const [name, text] of wanted) {
    const file = path.join(folder, name);
    if (present.includes(name) && readFileSync(file, 'utf8') === text) continue;
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
}
