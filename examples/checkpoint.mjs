// Counts, saves its count every few steps and when it is told to stop, and goes on from there in the next attempt. Plain Node:
// the file COMPLETE in a folder of SLUICE_CHECKPOINT_DIR is all that makes a checkpoint count. (Node itself starts its debugger on
// USR1, so for Node the signal ahead of the stop signal is USR2.)
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const {
  COUNT_TO = '600',
  COUNT_PAUSE = '1',
  COUNT_EVERY = '10',
  SLUICE_ATTEMPT = '0',
  SLUICE_CHECKPOINT_DIR = 'checkpoints',
  SLUICE_RESUME_FROM,
  SLUICE_STOP_FILE,
} = process.env;

let count = SLUICE_RESUME_FROM === undefined ? 0 : Number(readFileSync(path.join(SLUICE_RESUME_FROM, 'count'), 'utf8'));
console.log(`attempt ${SLUICE_ATTEMPT} begins at ${count}`);

/** A folder of its own for each checkpoint. First the content, on the disk, then the mark, which appears whole by its renaming. */
function save() {
  const folder = path.join(SLUICE_CHECKPOINT_DIR, `step-${count}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'count'), String(count), { flush: true });
  const mark = JSON.stringify({ step: count, attempt: Number(SLUICE_ATTEMPT) });
  writeFileSync(path.join(folder, '.complete'), mark, { flush: true });
  renameSync(path.join(folder, '.complete'), path.join(folder, 'COMPLETE'));
  console.log(`saved ${count}`);
}

let noticed = false;
for (const signal of ['SIGUSR2', 'SIGTERM']) process.on(signal, () => (noticed = true));

while (count < Number(COUNT_TO)) {
  await sleep(Number(COUNT_PAUSE) * 1_000);
  count += 1;
  console.log(`count ${count}`);
  if (noticed) {
    save();
    console.log(`stopped at ${count}: ${SLUICE_STOP_FILE === undefined ? '' : readFileSync(SLUICE_STOP_FILE, 'utf8')}`);
    process.exit(75);
  }
  if (count % Number(COUNT_EVERY) === 0) save();
}
console.log(`counted to ${count}`);
