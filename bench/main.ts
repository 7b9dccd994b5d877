// `npm run bench [-- NAME…]`: measures every figure whose name begins with one of the names (all without one) and prints one
// line of JSON a figure. Nothing here passes or fails by speed; whoever reads the figures judges.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { invariant } from '../common/assert.js';
import { endWithRun } from './end-of-run.js';
import type { Figure } from './figure.js';
import { BENCHES, MACHINE_BENCH, type RegisteredBench } from './registry.js';

const names = process.argv.slice(2);
const wants = (figure: string) => names.length === 0 || names.some((name) => figure.startsWith(name));
const chosen = BENCHES.filter((bench) => bench.figures.some(wants));

if (chosen.length === 0) {
  const known = BENCHES.flatMap((bench) => bench.figures);
  process.stderr.write(`error: no figure begins with ${names.join(' or ')}\nThere are: ${known.join(', ')}.\n`);
  process.exitCode = 2;
} else {
  // SLUICE_BENCH_DIR names the disk to measure on; the usual folder for temporary files may be memory.
  const scratchFolder = mkdtempSync(path.join(process.env['SLUICE_BENCH_DIR'] ?? tmpdir(), 'sluice-bench-'));
  endWithRun(scratchFolder);
  try {
    for (const bench of new Set([MACHINE_BENCH, ...chosen])) await measure(bench, scratchFolder);
  } finally {
    rmSync(scratchFolder, { recursive: true, force: true });
  }
}

async function measure(bench: RegisteredBench, scratchFolder: string): Promise<void> {
  const run = await bench.load();
  const figures = await run({ scratchFolder, wants: (figure) => bench === MACHINE_BENCH || wants(figure) });
  for (const figure of figures) print(figure);
  const missing = bench.figures.filter((name) => wants(name) && !figures.some((figure) => figure.name === name));
  invariant(missing.length === 0, 'a benchmark gives what it is registered for', `missing: ${missing.join(', ')}`);
}

function print(figure: Figure): void {
  process.stdout.write(`${JSON.stringify(figure)}\n`);
}
