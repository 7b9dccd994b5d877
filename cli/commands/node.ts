// `sluice cordon` and `sluice uncordon`: keep new work off nodes, or let it on again. What runs there goes on.
import type { DefineCommand, Invocation } from '../invocation.js';
import { selectorOf } from '../resources.js';
import { endAnnouncements } from './drain.js';

export const define: DefineCommand = (command, invocation) => {
  if (command.name() === 'cordon') {
    command
      .description('Keeps new work off nodes. What runs there goes on.')
      .usage('NODE… [FLAGS]')
      .argument('<node...>', 'names of nodes')
      .option('--reason <text>', 'told to whoever asks later')
      .action((words: readonly string[], { reason }: { readonly reason?: string }) =>
        cordon(invocation, words, reason),
      );
  } else {
    command
      .description('Lets new work onto nodes again, and onto GPUs of theirs that were quarantined. Ends a drain.')
      .usage('NODE…')
      .argument('<node...>', 'names of nodes')
      .action((words: readonly string[]) => uncordon(invocation, words));
  }
};

async function cordon(invocation: Invocation, words: readonly string[], reason = ''): Promise<void> {
  const api = await invocation.client();
  for (const name of words.map((word) => selectorOf('node', word))) {
    await api.cordonNode({ name, reason });
    invocation.out(`node/${name} cordoned`);
  }
}

async function uncordon(invocation: Invocation, words: readonly string[]): Promise<void> {
  const api = await invocation.client();
  for (const name of words.map((word) => selectorOf('node', word))) {
    await api.uncordonNode(name);
    // A drain that nobody waited for is over, too.
    await endAnnouncements(api, name);
    invocation.out(`node/${name} uncordoned`);
  }
}
