// `sluice alloc [FLAGS] [-- COMMAND…]`: a shell on granted GPUs, as salloc gives one. And `sluice attach X`: join it again.
import type { DefineCommand, Invocation } from '../invocation.js';
import { workloadSelector } from '../resources.js';
import { toSpec, withSpecFlags, type SpecOptions } from '../spec/flags.js';
import { acceptOtherNames } from '../submission.js';
import { attachTerminal, runOnTerminal, SHELL, terminalOf } from '../terminal-session.js';

interface Options extends SpecOptions {
  readonly detach?: boolean;
}

export const define: DefineCommand = (command, invocation) => {
  if (command.name() === 'attach') {
    command
      .description(
        'Joins the terminal of interactive work, which goes on whether somebody is there or not. One looks at a time:\n' +
          'who joins takes it over.',
      )
      .usage('WORKLOAD')
      .argument('<workload>', 'a number, a name, or "last"')
      .action((name: string) => attach(invocation, name));
    return;
  }
  command
    .description(
      'Waits for GPUs and gives a shell on them, on the node where they are. The shell survives a lost connection:\n' +
        '"sluice attach" joins it again. The GPUs are given back when it ends, or when it is idle for too long.',
    )
    .usage('[FLAGS] [-- COMMAND [ARGUMENTS…]]')
    .argument('[command...]', 'instead of a shell');
  withSpecFlags(command)
    .option('-d, --detach', 'submit only; join later')
    .addHelpText(
      'after',
      `
Examples:
  sluice alloc -G 2 -A research               a shell on two GPUs
  sluice alloc -G h100:1 -t 2h -- ipython`,
    )
    .action((argv: readonly string[], options: Options) => alloc(invocation, argv, options));
  acceptOtherNames(command);
};

async function alloc(invocation: Invocation, argv: readonly string[], options: Options): Promise<void> {
  // Before anything is submitted.
  if (options.detach !== true) terminalOf(invocation);
  const settings = await invocation.settings();
  const program = argv.length === 0 ? SHELL : argv;
  const named = { name: 'alloc', ...options, kind: 'interactive' };
  const spec = toSpec(program, named, settings.queue.value);
  invocation.exitCode = await runOnTerminal(invocation, spec, { joins: options.detach !== true });
}

async function attach(invocation: Invocation, name: string): Promise<void> {
  const api = await invocation.client();
  const { number } = await api.getWorkload(await workloadSelector(api, name));
  invocation.exitCode = await attachTerminal(invocation, api, number, { onInterrupt: 'leave' });
}
