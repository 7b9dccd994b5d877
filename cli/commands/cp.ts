// `sluice cp X:FROM TO` and `sluice cp FROM X:TO`: copies files and folders from and to the working folder of a running task.
import { stat } from 'node:fs/promises';
import { plural } from '../../common/units.js';
import { whyUnusable } from '../../common/why-unusable.js';
import { CopyError, type CopyEnd } from '../../common/copying/entries.js';
import { FileReceiver } from '../../common/copying/receive.js';
import { sendFiles, skippedText } from '../../common/copying/send.js';
import type { ExecCall, SluiceClient } from '../client.js';
import { failure, usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { taskSelector, workloadSelector } from '../resources.js';

/** One end of a copy. */
type Place =
  | { readonly type: 'here'; readonly path: string }
  | { readonly type: 'task'; readonly workload: string; readonly task: number; readonly path: string };

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Copies a file or a folder from the working folder of a running task, or into it. Links are not copied.\n' +
        'What is copied into an existing folder, or a path that ends in "/", keeps its name.',
    )
    .usage('WORKLOAD[/TASK]:PATH PATH | PATH WORKLOAD[/TASK]:PATH')
    .argument('<from>', 'what to copy')
    .argument('<to>', 'where to')
    .addHelpText(
      'after',
      `
Examples:
  sluice cp llm-sft:metrics.json .            a file from task 0
  sluice cp llm-sft/3:checkpoints ./ckpt      a folder from task 3
  sluice cp ./patch.py 1041:                  into the working folder; a name of yours with ":" as ./a:b`,
    )
    .action((from: string, to: string) => copy(invocation, from, to));
};

async function copy(invocation: Invocation, fromText: string, toText: string): Promise<void> {
  const from = placeOf(fromText);
  const to = placeOf(toText);
  if (fromText === '' || toText === '') throw usageError('an empty path is none', 'Write . for this folder.');
  if (from.type === to.type) {
    throw usageError(
      from.type === 'task' ? 'both ends are tasks' : 'neither end is a task',
      'One end is WORKLOAD:PATH, the other one a path of this machine.',
    );
  }
  const api = await invocation.client();
  const interrupted = new AbortController();
  const dispose = invocation.host.onInterrupt(() => interrupted.abort());
  try {
    const done =
      from.type === 'task'
        ? await fetchFiles(invocation, api, from, to.path, interrupted.signal)
        : await pushFiles(invocation, api, from.path, to as Extract<Place, { type: 'task' }>, interrupted.signal);
    invocation.note(
      `copied ${done.entries === 1 ? '1 file' : `${done.entries} files and folders`}, ${plural(done.bytes, 'byte')}`,
    );
  } catch (error) {
    if (error instanceof CopyError) throw failure('COPY_FAILED', error.message);
    throw error;
  } finally {
    dispose();
  }
}

function placeOf(text: string): Place {
  const [, before, after = ''] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  if (before === undefined || before === '' || before.startsWith('.') || before.startsWith('/')) {
    return { type: 'here', path: text };
  }
  return { type: 'task', ...taskSelector(before), path: after };
}

async function fetchFiles(
  invocation: Invocation,
  api: SluiceClient,
  { workload, task, path: from }: Extract<Place, { type: 'task' }>,
  to: string,
  signal: AbortSignal,
): Promise<CopyEnd> {
  const receiver = new FileReceiver(to, to.endsWith('/'));
  const call = await api.exec({ workload: await workloadSelector(api, workload), task, copyOut: { path: from } });
  signal.addEventListener('abort', () => call.cancel(), { once: true });
  try {
    await untilEnd(call, (data) => receiver.take(data), invocation);
    return await receiver.finish();
  } catch (error) {
    await receiver.abort();
    throw error;
  } finally {
    call.cancel();
  }
}

async function pushFiles(
  invocation: Invocation,
  api: SluiceClient,
  from: string,
  { workload, task, path: to }: Extract<Place, { type: 'task' }>,
  signal: AbortSignal,
): Promise<CopyEnd> {
  // Before anything is asked of the task.
  await stat(from).catch((error: NodeJS.ErrnoException) => {
    throw new CopyError(
      error.code === 'ENOENT' ? `${from} does not exist` : `${from} cannot be read: ${whyUnusable(error)}`,
    );
  });
  const call = await api.exec({ workload: await workloadSelector(api, workload), task, copyIn: { path: to } });
  signal.addEventListener('abort', () => call.cancel(), { once: true });
  let isOver = false;
  try {
    // The other side may have had enough before all is sent; it says why.
    const ended = untilEnd(call, () => Promise.resolve(), invocation).finally(() => (isOver = true));
    const sent = sendFiles(from, async (data) => {
      if (!isOver) await call.send({ input: data });
    }).then(async (result) => {
      await call.send({ inputEnd: {} });
      return result;
    });
    const [result] = await Promise.all([sent, ended]);
    if (result.skipped > 0) invocation.note(skippedText(result.skipped));
    return result;
  } finally {
    call.cancel();
  }
}

/** Reads to the end of the exec. @throws CliError with what the other side said when it failed */
async function untilEnd(call: ExecCall, take: (data: Buffer) => Promise<void>, invocation: Invocation): Promise<void> {
  let said = '';
  for await (const { output, errorOutput, end } of call.messages) {
    if (output) await take(output);
    if (errorOutput) said += errorOutput.toString('utf8');
    if (!end) continue;
    if (end.exit?.code === 0) {
      if (said !== '') invocation.note(said.trimEnd());
      return;
    }
    throw failure('COPY_FAILED', end.error || said.trimEnd() || 'the copy was ended on the node of the task');
  }
  throw failure('EXEC_LOST', 'the scheduler ended the copy');
}
