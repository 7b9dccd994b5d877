// What becomes of all that a run of the bench started when the run itself is told to end, by `timeout` or Ctrl-C: nothing of it stays.
// Agents leave their supervisors and tasks alone on purpose, and daemons outlive who started them, so nothing ends by itself.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { constants } from 'node:os';

/** Every process of the run has it in its environment; tasks, whose environment is made anew, name the folder there. */
const MARK = 'SLUICE_BENCH_RUN';
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** How long they may take to leave in good order before they are killed, in ms; how long that is tried. */
const POLITE_MS = 3_000;
const KILL_MS = 10_000;
const PAUSE_MS = 50;

/** @param folder of this run alone: what names it was started by the run */
export function endWithRun(folder: string): void {
  process.env[MARK] = folder;
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      endAll(folder);
      rmSync(folder, { recursive: true, force: true });
      process.exit(128 + constants.signals[signal]);
    });
  }
}

/** In one piece, so that nothing of the bench goes on meanwhile and starts more. */
function endAll(folder: string): void {
  const startMs = performance.now();
  const rest = new Int32Array(new SharedArrayBuffer(4));
  let told = new Set<number>();
  for (;;) {
    const left = processesOf(folder);
    const spentMs = performance.now() - startMs;
    if (left.length === 0 || spentMs > POLITE_MS + KILL_MS) return;
    if (spentMs > POLITE_MS) for (const { pid } of left) send(pid, 'SIGKILL');
    // A supervisor ends once its tasks have, and their groups with it.
    else for (const { pid, isHolder } of left) if (!told.has(pid) && !isHolder) send(pid, 'SIGTERM');
    told = new Set(left.map(({ pid }) => pid));
    Atomics.wait(rest, 0, 0, PAUSE_MS);
  }
}

interface Found {
  readonly pid: number;
  readonly isHolder: boolean;
}

/** Live processes with the folder in their command line or environment, but for this one. */
function processesOf(folder: string): readonly Found[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name): Found[] => {
      const read = (file: string) => readIfThere(`/proc/${name}/${file}`);
      if (/^\d+ \(.*\) [ZX] /s.test(read('stat'))) return [];
      const command = read('cmdline');
      const isOurs = command.includes(folder) || read('environ').includes(folder);
      return isOurs ? [{ pid: Number(name), isHolder: command.includes('supervisor.js') }] : [];
    });
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It ended meanwhile, or is another user's: then it is none of ours.
    return '';
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
