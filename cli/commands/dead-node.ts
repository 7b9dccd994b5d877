// `sluice node fence|remove|remove-gpu`: what is done about machines and GPUs that are no more.
import { plural } from '../../common/units.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { selectorOf } from '../resources.js';

interface FenceOptions {
  readonly iCertifyItIsOff?: boolean;
  readonly reason?: string;
}

const EXAMPLES = `
Examples:
  sluice node fence node-7 --i-certify-it-is-off --reason "power supply burnt"
  sluice node remove node-7
  sluice node remove-gpu node-3 GPU-5a1c6d0e-0000-0000-0000-000000000003`;

export const define: DefineCommand = (command, invocation) => {
  command
    .description('What is done about machines and GPUs that are no more. For administrators.')
    .usage('VERB NODE [FLAGS]')
    .addHelpText('after', EXAMPLES);
  command
    .command('fence')
    .usage('NODE --i-certify-it-is-off [FLAGS]')
    .description(
      'Gives up at once all that a silent node holds, so that its work starts elsewhere. Whoever says so vouches that the\n' +
        'machine is off, or that nothing of ours runs there any more: a wrong word gives work two owners.',
    )
    .argument('<node>', 'name of a node')
    .option('--i-certify-it-is-off', 'the word itself')
    .option('--reason <text>', 'told to whoever asks later')
    .action((word: string, options: FenceOptions) => fence(invocation, word, options));
  command
    .command('remove')
    .usage('NODE')
    .description('Forgets a node. Refused while its agent is connected, or anything of it is held.')
    .argument('<node>', 'name of a node')
    .action((word: string) => remove(invocation, word));
  command
    .command('remove-gpu')
    .usage('NODE UUID')
    .description('Takes away the entry of a GPU that is lost. A GPU that replaces it is taken in by itself.')
    .argument('<node>', 'name of a node')
    .argument('<uuid>', 'of the GPU, as "sluice get gpus -o json" tells')
    .action((word: string, uuid: string) => removeGpu(invocation, word, uuid));
};

async function fence(invocation: Invocation, word: string, options: FenceOptions): Promise<void> {
  const name = selectorOf('node', word);
  if (options.iCertifyItIsOff !== true) {
    throw usageError(
      'fencing a node needs --i-certify-it-is-off',
      'Make sure that the machine is off, or that nothing of ours runs there any more. Nobody can check that word.',
    );
  }
  const api = await invocation.client();
  const { allocations } = await api.fenceNode({ name, certifiedOff: true, reason: options.reason ?? '' });
  invocation.out(`node/${name} fenced, ${plural(allocations.length, 'allocation')} given up`);
}

async function remove(invocation: Invocation, word: string): Promise<void> {
  const name = selectorOf('node', word);
  const api = await invocation.client();
  await api.removeNode({ name });
  invocation.out(`node/${name} removed`);
}

async function removeGpu(invocation: Invocation, word: string, uuid: string): Promise<void> {
  const node = selectorOf('node', word);
  const api = await invocation.client();
  await api.removeGpu({ node, uuid });
  invocation.out(`gpu/${uuid} of node/${node} removed`);
}
