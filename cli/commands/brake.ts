// `sluice brake release` and `sluice recovery end`: the end of what holds the scheduler back, on a person's word.
import { plural } from '../../common/units.js';
import type { DefineCommand, Invocation } from '../invocation.js';

interface Options {
  readonly dryRun?: boolean;
}

export const define: DefineCommand = (command, invocation) => {
  if (command.name() === 'brake') {
    command
      .description('The brake that closes when many nodes fall silent at once. See: sluice status')
      .usage('release [FLAGS]');
    command
      .command('release')
      .usage('[FLAGS]')
      .description(
        'Gives up what the silent nodes ran, once their fence times have passed: their work starts elsewhere.\n' +
          'For administrators.',
      )
      .option('--dry-run', 'only says which nodes hold it')
      .action((options: Options) => release(invocation, options));
  } else {
    command
      .description('What follows a loss of history: agents are asked what they run. See: sluice status')
      .usage('end [FLAGS]');
    command
      .command('end')
      .usage('[FLAGS]')
      .description(
        'Lets work start although not every node was heard. What such a node runs may then run a second time.\n' +
          'For administrators.',
      )
      .option('--dry-run', 'only says which nodes were not heard')
      .action((options: Options) => end(invocation, options));
  }
};

async function release(invocation: Invocation, { dryRun = false }: Options): Promise<void> {
  const api = await invocation.client();
  const { nodes } = await api.releaseBrake({ validateOnly: dryRun });
  const silent = `${plural(nodes.length, 'silent node')}: ${nodes.join(', ')}`;
  invocation.out(dryRun ? `the brake is held by ${silent}` : `brake released, it was held by ${silent}`);
}

async function end(invocation: Invocation, { dryRun = false }: Options): Promise<void> {
  const api = await invocation.client();
  const { nodes } = await api.endRecovery({ validateOnly: dryRun });
  const unheard = nodes.length === 0 ? 'every known node was heard' : `not heard: ${nodes.join(', ')}`;
  invocation.out(dryRun ? unheard : `recovery ended; ${unheard}`);
}
