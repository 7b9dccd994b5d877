// `sluice queue create|update|delete`: the tree of tenants. To look at it: `get queues`, `describe queue`.
import type { Command } from 'commander';
import type { QueueSpec } from '../../proto/gen/sluice/v1/QueueSpec.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';

import { selectorOf } from '../resources.js';

/** The flags of a queue's figures. */
export interface Figures {
  readonly guarantee?: string;
  readonly limit?: string;
  readonly weight?: string;
  readonly priority?: string;
}

interface CreateOptions extends Figures {
  readonly parent?: string;
  readonly validateOnly?: boolean;
}

const EXAMPLES = `
Examples:
  sluice queue create research --guarantee 8
  sluice queue create vision --parent research --guarantee 4 --weight 2
  sluice queue update vision --limit 6
  sluice queue update vision --limit none
  sluice queue delete vision`;

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Creates, updates and deletes queues. To look at them: sluice get queues')
    .usage('VERB NAME [FLAGS]')
    .addHelpText('after', EXAMPLES);
  withFigures(command.command('create').usage('NAME [FLAGS]').description('Creates a queue.'))
    .argument('<name>', 'of a-z, 0-9 and "-"')
    .option('--parent <queue>', 'the queue it lies under; default top level')
    .option('--validate-only', 'only check; nothing is created')
    .action((name: string, options: CreateOptions) => create(invocation, name, options));
  withFigures(
    command.command('update').usage('NAME FLAGS').description('Changes the figures that are given, and no others.'),
  )
    .argument('<name>', 'an existing queue')
    .option('--validate-only', 'only check; nothing is changed')
    .action((name: string, options: CreateOptions) => update(invocation, name, options));
  command
    .command('delete')
    .usage('NAME…')
    .description('Deletes queues that have no children and no unfinished workloads.')
    .argument('<name...>', 'existing queues')
    .action((names: readonly string[]) => remove(invocation, names));
};

/** Gives a command the flags of a queue's figures. */
export function withFigures(command: Command): Command {
  return command
    .option('--guarantee <gpus>', 'GPUs it gets back on demand; default 0')
    .option('--limit <gpus>', 'the most GPUs it may hold, or "none"; default none')
    .option('--weight <number>', 'its share of what is left over; default 1, 0 = only its guarantee')
    .option('--priority <number>', 'higher is served first from what is left over; default 100');
}

async function create(invocation: Invocation, word: string, options: CreateOptions): Promise<void> {
  const name = selectorOf('queue', word);
  const spec: QueueSpec = { name, parent: options.parent ?? '', ...figuresOf(options) };
  const validateOnly = options.validateOnly === true;
  const { warnings } = await (await invocation.client()).createQueue({ queue: spec, validateOnly });
  warn(invocation, warnings);
  invocation.out(validateOnly ? `queue/${name} valid, nothing created` : `queue/${name} created`);
}

async function update(invocation: Invocation, word: string, options: CreateOptions): Promise<void> {
  const name = selectorOf('queue', word);
  const paths = pathsOf(options);
  if (paths.length === 0) throw usageError('nothing to change', 'Give --guarantee, --limit, --weight or --priority.');
  const validateOnly = options.validateOnly === true;
  const queue: QueueSpec = { name, ...figuresOf(options) };
  const { warnings } = await (await invocation.client()).updateQueue({ queue, updateMask: { paths }, validateOnly });
  warn(invocation, warnings);
  invocation.out(validateOnly ? `queue/${name} valid, nothing updated` : `queue/${name} updated`);
}

async function remove(invocation: Invocation, words: readonly string[]): Promise<void> {
  const api = await invocation.client();
  // One after the other, so that children named before their parent are gone when it is its turn.
  for (const word of words) {
    const name = selectorOf('queue', word);
    await api.deleteQueue(name);
    invocation.out(`queue/${name} deleted`);
  }
}

/** The fields of a queue that the flags given are about. */
export function pathsOf(options: Figures): string[] {
  return [
    ...(options.guarantee === undefined ? [] : ['guarantee_gpus']),
    ...(options.limit === undefined ? [] : ['limit_gpus']),
    ...(options.weight === undefined ? [] : ['weight']),
    ...(options.priority === undefined ? [] : ['priority']),
  ];
}

/** The figures given. @throws CliError (exit 2) */
export function figuresOf({ guarantee, limit, weight, priority }: Figures): Partial<QueueSpec> {
  return {
    ...(guarantee === undefined ? {} : { guaranteeGpus: wholeNumber('--guarantee', guarantee) }),
    // A mask that names the limit and no value lifts it.
    ...(limit === undefined || limit === 'none' ? {} : { limitGpus: wholeNumber('--limit', limit, ' or "none"') }),
    ...(weight === undefined ? {} : { weight: positiveNumber('--weight', weight) }),
    ...(priority === undefined ? {} : { priority: wholeNumber('--priority', priority) }),
  };
}

function wholeNumber(flag: string, text: string, also = ''): number {
  if (!/^\d{1,9}$/.test(text)) throw usageError(`${flag} ${text} is no whole number from 0 to 999999999${also}`);
  return Number(text);
}

function positiveNumber(flag: string, text: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) throw usageError(`${flag} ${text} is no number such as 2 or 0.5`);
  return Number(text);
}

function warn(invocation: Invocation, warnings: readonly string[]): void {
  for (const warning of warnings) invocation.note(`warning: ${warning}`);
}
