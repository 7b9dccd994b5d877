// Sends files of a task's working folder, or takes some into it: a program of its own, run as the task's user, so that it can
// read and write what the task can and nothing else. `copy-program out|in PATH`, in the working folder; the stream of files
// goes over standard output, or comes over standard input. What goes wrong is said on standard error, and ends it with 1.
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { CopyError } from '../../common/copying/entries.js';
import { FileReceiver } from '../../common/copying/receive.js';
import { sendFiles, skippedText } from '../../common/copying/send.js';

const [direction = '', wanted = ''] = process.argv.slice(2);

try {
  if (direction === 'out') await out(wanted);
  else await into(wanted);
} catch (error) {
  if (!(error instanceof CopyError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function out(at: string): Promise<void> {
  const { skipped } = await sendFiles(inside(at), write);
  if (skipped > 0) process.stderr.write(`${skippedText(skipped)}\n`);
}

async function into(at: string): Promise<void> {
  const receiver = new FileReceiver(inside(at), at === '' || at.endsWith('/'));
  // The one who copies left: what is half done must not stay.
  process.once('SIGHUP', () => process.stdin.destroy(new CopyError('the one who copies left')));
  try {
    for await (const data of process.stdin as AsyncIterable<Buffer>) await receiver.take(data);
    await receiver.finish();
  } catch (error) {
    await receiver.abort();
    throw error;
  }
}

/** The real place of a path. @throws CopyError when it is not in the working folder */
function inside(at: string): string {
  const folder = realpathSync('.');
  const full = path.resolve(folder, at);
  // What is not there yet has a parent that is, or that cannot be reached either.
  let there = full;
  while (!existsSync(there) && there !== path.dirname(there)) there = path.dirname(there);
  const real = path.join(realpathSync(there), path.relative(there, full));
  if (real === folder || real.startsWith(folder === '/' ? folder : `${folder}/`)) return real;
  throw new CopyError(`${at} leads out of the working folder of the task, ${folder}`);
}

function write(data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()));
  });
}
