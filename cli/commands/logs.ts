// `sluice logs X`: what one task of a workload printed, or prints.
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { printLog } from '../log-printing.js';

import { workloadSelector } from '../resources.js';

interface Options {
  readonly follow?: boolean;
  readonly task: string;
  readonly tail?: string;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Prints the log of one task: standard output and standard error, of the present attempt or the last one.',
    )
    .usage('WORKLOAD [FLAGS]')
    .argument('<workload>', 'a number, a name, or "last"')
    .option('-f, --follow', 'go on until the workload ends, over restarts')
    .option('--task <n>', 'which task, from 0', '0')
    .option('--tail <lines>', 'only the last so many lines')
    .action((name: string, options: Options) => logs(invocation, name, options));
};

async function logs(invocation: Invocation, name: string, options: Options): Promise<void> {
  const task = wholeNumber('--task', options.task);
  const tailLines = options.tail === undefined ? 0 : wholeNumber('--tail', options.tail);
  const api = await invocation.client();
  // By number: the name may mean a newer workload after a reconnect.
  const { number } = await api.getWorkload(await workloadSelector(api, name));
  await printLog(invocation, api, { workload: String(number), task, follow: options.follow === true, tailLines });
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usageError(`${flag} ${text} is no whole number`);
  return Number(text);
}
