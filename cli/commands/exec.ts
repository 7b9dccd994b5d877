// `sluice exec X -- COMMAND…`: runs a program, or a shell, inside a running task.
import { usageError } from '../failure.js';
import { execCode, InputPump, runExec } from '../exec-session.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { SHELL } from '../terminal-session.js';
import { taskSelector, workloadSelector } from '../resources.js';

interface Options {
  readonly tty?: boolean;
  readonly stdin: boolean;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Runs a program inside a running task: with its GPUs and environment, as its user, from its working folder, under its\n' +
        'limits. Without a program, a shell. Exits with its code; it ends with the task, and with this command.',
    )
    .usage('WORKLOAD[/TASK] [FLAGS] [-- COMMAND [ARGUMENTS…]]')
    .argument('<workload>', 'a number, a name, or "last"; of several tasks the first, or 1041/3')
    .argument('[command...]', 'program and arguments, passed on as they are')
    .option('-t, --tty', 'give it a terminal; the default for a shell at a terminal')
    .option('-T', 'give it no terminal')
    .option('--no-stdin', 'leave standard input alone')
    .addHelpText(
      'after',
      `
Examples:
  sluice exec llm-sft                         a shell in task 0
  sluice exec llm-sft/3 -- nvidia-smi
  sluice exec 1041 -- tar -c . > work.tar`,
    )
    .action((name: string, argv: readonly string[], options: Options & { readonly T?: boolean }) =>
      exec(invocation, name, argv, options),
    );
};

async function exec(
  invocation: Invocation,
  name: string,
  argv: readonly string[],
  { tty, T: without, stdin }: Options & { readonly T?: boolean },
): Promise<void> {
  const { terminal = null } = invocation.host;
  if (tty === true && terminal === null) {
    throw usageError('-t needs a terminal, and input or output of this command is none');
  }
  const isShell = argv.length === 0;
  const wantsTerminal = tty === true || (isShell && terminal !== null && without !== true);
  const { workload, task } = taskSelector(name);
  const api = await invocation.client();
  const what = {
    workload: await workloadSelector(api, workload),
    task,
    command: { argv: isShell ? [...SHELL] : [...argv] },
  };
  const interrupted = new AbortController();
  const dispose = invocation.host.onInterrupt(() => interrupted.abort());
  const input = stdin ? new InputPump(invocation) : null;
  try {
    const end = await runExec(invocation, api, what, {
      terminal: wantsTerminal ? terminal : null,
      input,
      signal: interrupted.signal,
    });
    invocation.exitCode = end === null ? 130 : execCode(end);
    if (end !== null && end.error !== '') invocation.note(`sluice: ${end.error}`);
  } finally {
    input?.close();
    dispose();
  }
}
