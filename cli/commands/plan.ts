// `sluice plan FILE…`, `sluice plan [FLAGS] -- COMMAND…`, `sluice plan queue NAME FLAGS`: what would follow, without doing it.
import type { Command, Option } from 'commander';
import { formatDuration, fromDuration, fromTimestamp, plural } from '../../common/units.js';
import type { DisplacedWorkload__Output } from '../../proto/gen/sluice/v1/DisplacedWorkload.js';
import type { PlannedPlacement__Output } from '../../proto/gen/sluice/v1/PlannedPlacement.js';
import type { PlannedQueueShare__Output } from '../../proto/gen/sluice/v1/PlannedQueueShare.js';
import type { PlannedScopeShare__Output } from '../../proto/gen/sluice/v1/PlannedScopeShare.js';
import type { PlannedWorkload__Output } from '../../proto/gen/sluice/v1/PlannedWorkload.js';
import type { PlanQueueChangeRequest } from '../../proto/gen/sluice/v1/PlanQueueChangeRequest.js';
import type { PlanQueueChangeResponse__Output } from '../../proto/gen/sluice/v1/PlanQueueChangeResponse.js';
import type { PlanWorkloadResponse__Output } from '../../proto/gen/sluice/v1/PlanWorkloadResponse.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { CliError, describeFailure, EXIT, isApiError, usageError } from '../failure.js';
import type { DefineCommand, Invocation, OutputFormat } from '../invocation.js';
import { clockTime, nodeList, pascalCase } from '../presentation.js';
import { selectorOf } from '../resources.js';
import { acceptOtherNames } from '../submission.js';
import { formatColumns, printable } from '../table.js';
import { type Figures, figuresOf, pathsOf, withFigures } from './queue.js';
import { mappedToFlags, type SpecOptions, toSpec, withSpecFlags } from '../spec/flags.js';
import { mappedToFiles, readDocuments } from './submit.js';

/** Refusals of a submission that no waiting would mend; exit code 2, as for what could never be placed. */
const HOPELESS = ['UNSATISFIABLE', 'QUOTA_LIMIT_EXCEEDED'];
/** Flags of `plan` itself; the others say what to run. */
const OWN_FLAGS = ['queue', 'file', 'output', 'json'];
/** Flags that `plan` and `plan queue` both have. */
const SHARED_FLAGS = ['priority', 'output', 'json'];

interface Printing {
  readonly output?: string;
  readonly json?: boolean;
}

interface Options extends SpecOptions, Printing {
  readonly file?: readonly string[];
}

interface QueueOptions extends Figures, Printing {
  readonly create?: boolean;
  readonly parent?: string;
  readonly delete?: boolean;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Says where and when work would start if it were submitted now, and who would be displaced; ' +
        'or what a change of a queue would move. Nothing is changed. Exit code 2: it could never start.',
    )
    .usage('FILE… | [FLAGS] -- COMMAND [ARGUMENTS…] | queue NAME FLAGS')
    .argument('[words...]', 'YAML files as for "sluice submit", or after "--" a command as for "sluice run"')
    .option('-f, --file <file...>', 'YAML files, for hands used to kubectl');
  withPrinting(withSpecFlags(command))
    .addHelpText(
      'after',
      `
Examples:
  sluice plan train.yaml
  sluice plan -G h100:4 -A research -- python train.py
  sluice plan queue vision --guarantee 8
  sluice plan queue vision --delete`,
    )
    .action((words: readonly string[], options: Options) => planWork(invocation, command, words, options));
  acceptOtherNames(command);
  withPrinting(withFigures(command.command('queue').usage('NAME FLAGS')))
    .description('Says what a change of a queue would move.')
    .argument('<name>', 'the queue')
    .option('--create', 'as if it were created')
    .option('--parent <queue>', 'with --create: the queue it would lie under; default top level')
    .option('--delete', 'as if it were deleted')
    .action((name: string, options: QueueOptions) =>
      planQueue(invocation, name, { ...sharedFlags(command), ...options }),
    );
};

/** Flags that both forms have: commander hands those to the outer one. */
function sharedFlags(command: Command): QueueOptions {
  const given = strayFlag(command, SHARED_FLAGS);
  if (given !== undefined) throw usageError(`${given.long} says what to run; it goes with no change of a queue`);
  const { output, json, priority } = command.opts<Options>();
  return {
    ...(output === undefined ? {} : { output }),
    ...(json === undefined ? {} : { json }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** A flag that was given and is none of those. */
function strayFlag(command: Command, allowed: readonly string[]): Option | undefined {
  return command.options.find((option) => {
    const name = option.attributeName();
    return !allowed.includes(name) && command.getOptionValueSource(name) === 'cli';
  });
}

function withPrinting(command: Command): Command {
  return command
    .option('-o, --output <format>', 'json, yaml, or wide for the reasons')
    .option('--json', 'the same as -o json');
}

function formatOf(invocation: Invocation, { output, json }: Printing): OutputFormat {
  return invocation.format(json === true ? 'json' : output, ['json', 'yaml', 'wide']);
}

// --- a submission ---

async function planWork(
  invocation: Invocation,
  command: Command,
  words: readonly string[],
  options: Options,
): Promise<void> {
  const format = formatOf(invocation, options);
  const { specs, explain } = await readWork(invocation, command, words, options);
  const api = await invocation.client();
  const planned = invocation.working(() => 'trying it out on the scheduler', api.planWorkload({ specs }));
  const plan = await planned.catch((error: unknown) => {
    throw isApiError(error) && HOPELESS.includes(error.reason)
      ? new CliError(EXIT.usage, describeFailure(error).report)
      : explain(error);
  });
  invocation.exitCode = exitCodeOf(plan);
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('PlanWorkloadResponse', plan));
    return;
  }
  for (const workload of plan.workloads) {
    const head = headline(workload, plan.displaced, invocation.nowMs);
    const named = plan.workloads.length > 1 ? `${workload.name} ${head}` : `${head[0]?.toUpperCase()}${head.slice(1)}`;
    invocation.out(printable(named));
    tellWhy(invocation, workload);
  }
  tellDisplaced(invocation, plan.displaced, plan.displacedWorkloads, format);
}

/** The specs of the files, or that of the command line, and how to tell what is wrong with them. */
async function readWork(
  invocation: Invocation,
  command: Command,
  words: readonly string[],
  options: Options,
): Promise<{ readonly specs: WorkloadSpec[]; readonly explain: (error: unknown) => unknown }> {
  const argv = wordsAfterDashes(command);
  const files = [...words.slice(0, words.length - argv.length), ...(options.file ?? [])];
  if (argv.length > 0) {
    if (files.length > 0) throw usageError(`a plan is for files or for a command, not both: ${files[0]}`);
    const { queue } = await invocation.settings();
    return { specs: [toSpec(argv, options, queue.value)], explain: mappedToFlags };
  }
  if (files.length === 0) {
    throw usageError('nothing to plan', 'Usage: sluice plan FILE…   or: sluice plan -G 1 -- COMMAND');
  }
  const given = strayFlag(command, OWN_FLAGS);
  if (given !== undefined) {
    throw usageError(
      `${given.long} goes with a command, not with a file`,
      `A command stands after "--": sluice plan ${given.short ?? given.long} … -- COMMAND`,
    );
  }
  const documents = await readDocuments(invocation, files, options);
  return { specs: documents.map(({ spec }) => spec), explain: (error) => mappedToFiles(error, documents) };
}

/** What stands after the "--" of the command line. */
function wordsAfterDashes(command: Command): readonly string[] {
  const words = command.parent === null ? [] : rawWords(command.parent);
  const dashes = words.indexOf('--');
  return dashes < 0 ? [] : words.slice(dashes + 1);
}

/** Commander keeps the whole command line with the program and does not declare it. */
function rawWords(program: Command): readonly string[] {
  const { rawArgs } = program as Command & { readonly rawArgs?: readonly string[] };
  return rawArgs ?? [];
}

function exitCodeOf({ workloads }: PlanWorkloadResponse__Output): number {
  if (workloads.some(({ start }) => start === 'PLANNED_START_NEVER')) return EXIT.usage;
  const unanswered = workloads.some(({ start, reason }) => start === 'PLANNED_START_NOT_FOUND' && reason === '');
  return unanswered ? EXIT.failed : EXIT.ok;
}

/** `would start now on n1`. */
function headline(
  workload: PlannedWorkload__Output,
  displaced: readonly DisplacedWorkload__Output[],
  nowMs: number,
): string {
  const where = workload.placements.length === 0 ? '' : ` on ${nodesOf(workload.placements)}`;
  const inMs = Math.max(0, (fromTimestamp(workload.startTime) ?? nowMs) - nowMs);
  switch (workload.start) {
    case 'PLANNED_START_NOW':
      return `would start now${where}`;
    case 'PLANNED_START_AFTER_VICTIMS': {
      const own = displaced.filter(({ forWorkload, later }) => forWorkload === workload.number && !later);
      const gpus = own.reduce((sum, victim) => sum + victim.gpus, 0);
      const by = own.length === 0 ? 'once others have left' : `by taking back ${plural(rounded(gpus), 'GPU')}`;
      return `would start within ${formatDuration(inMs)}${where}, ${by}`;
    }
    case 'PLANNED_START_LATER':
      return `would wait, and start within ${formatDuration(inMs)}${where} (${workload.estimate})`;
    case 'PLANNED_START_NEVER':
      return 'could never start with the nodes that are known';
    case 'PLANNED_START_NOT_FOUND':
      return workload.reason === ''
        ? 'not found within the budget of a plan; try again when the scheduler is less busy'
        : 'would wait; until when was not found within the budget of a plan';
    case 'PLANNED_START_UNSPECIFIED':
    case 'PLANNED_START_UNKNOWN':
      return `would wait; until when is ${workload.estimate || 'unknown'}`;
  }
}

/** Why it would not start at once, as `why` tells it. */
function tellWhy(invocation: Invocation, { start, reason, summary, lines }: PlannedWorkload__Output): void {
  if (reason === '' || start === 'PLANNED_START_NOW' || start === 'PLANNED_START_AFTER_VICTIMS') return;
  invocation.out(`  ${pascalCase(reason)}: ${printable(summary)}`);
  const facts = lines.map(({ title, text }) => [title, text] as const);
  invocation.host.stdout.write(formatColumns(facts, '  '));
}

function tellDisplaced(
  invocation: Invocation,
  displaced: readonly DisplacedWorkload__Output[],
  total: number,
  format: OutputFormat,
): void {
  if (displaced.length === 0) return;
  const titles = ['VICTIM', 'NAME', 'QUEUE', 'GPUS', 'RAN', 'LOSES-AT-MOST', 'GRACE', 'THEN'];
  invocation.printTable(
    format === 'wide' ? [...titles, 'WHY'] : titles,
    displaced.map((victim) => [
      String(victim.number),
      victim.name,
      victim.queue,
      String(rounded(victim.gpus)),
      clockTime(fromDuration(victim.runTime) ?? 0),
      clockTime(fromDuration(victim.lostTime) ?? 0) + (victim.hasCheckpoint ? '' : ' (no checkpoint)'),
      formatDuration(fromDuration(victim.grace) ?? 0),
      thenOf(victim),
      ...(format === 'wide' ? [victim.message] : []),
    ]),
  );
  if (total > displaced.length) invocation.note(`${total - displaced.length} more are not shown`);
}

function thenOf({ goesOn, later, restarts }: DisplacedWorkload__Output): string {
  const then = goesOn ? 'goes on with fewer tasks' : 'requeued';
  const where = restarts.length === 0 ? '' : `, restarts on ${nodesOf(restarts)}`;
  return `${then}${where}${later ? ' (later, once others have left)' : ''}`;
}

function nodesOf(placements: readonly PlannedPlacement__Output[]): string {
  return nodeList([...new Set(placements.map(({ node }) => node))]);
}

/** GPUs to the thousandth. */
function rounded(gpus: number): number {
  return Math.round(gpus * 1_000) / 1_000;
}

// --- a change of a queue ---

async function planQueue(invocation: Invocation, word: string, options: QueueOptions): Promise<void> {
  const format = formatOf(invocation, options);
  const request = changeOf(selectorOf('queue', word), options);
  const api = await invocation.client();
  const plan = await invocation.working(() => 'trying it out on the scheduler', api.planQueueChange(request));
  for (const warning of plan.warnings) invocation.note(`warning: ${warning}`);
  invocation.exitCode = plan.complete ? EXIT.ok : EXIT.failed;
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('PlanQueueChangeResponse', plan));
    return;
  }
  tellQueuePlan(invocation, plan, format);
  if (!plan.complete) {
    invocation.note(
      'There may be more: the search was longer than a plan may take. Try again when the scheduler is less busy.',
    );
  }
}

function changeOf(name: string, options: QueueOptions): PlanQueueChangeRequest {
  const paths = pathsOf(options);
  if (options.delete === true) {
    if (paths.length > 0 || options.create === true)
      throw usageError('--delete goes with no other change of the queue');
    return { delete: name };
  }
  if (options.create === true) return { create: { name, parent: options.parent ?? '', ...figuresOf(options) } };
  if (options.parent !== undefined) throw usageError('--parent goes with --create: a queue cannot be moved');
  if (paths.length === 0) {
    throw usageError('no change to plan', 'Give --guarantee, --limit, --weight, --priority, --create or --delete.');
  }
  return { update: { queue: { name, ...figuresOf(options) }, updateMask: { paths } } };
}

function tellQueuePlan(invocation: Invocation, plan: PlanQueueChangeResponse__Output, format: OutputFormat): void {
  const { queues, displaced, started, pending } = plan;
  invocation.printTable(['QUEUE', 'FAIR-SHARE', 'ALLOCATED', 'UNMET'], queues.map(shareRow));
  const ofParts = queues.flatMap(({ queue, scopes }) => scopes.map((scope) => scopeRow(queue, scope)));
  if (ofParts.length > 0) {
    invocation.out('\nOf them by part of the cluster:');
    invocation.printTable(['QUEUE', 'POOL', 'GPU', 'FAIR-SHARE', 'ALLOCATED', 'UNMET'], ofParts);
  }
  if (displaced.length + started.length + pending.length === 0 && plan.complete) {
    invocation.out('No workload would start, move or stop.');
  }
  if (displaced.length > 0) {
    invocation.out(`\n${plural(plan.displacedWorkloads, 'workload')} would give back GPUs:`);
    tellDisplaced(invocation, displaced, plan.displacedWorkloads, format);
  }
  if (started.length > 0) {
    invocation.out(`\n${plural(plan.startedWorkloads, 'workload')} would start:`);
    invocation.printTable(
      ['NUMBER', 'NAME', 'QUEUE', 'GPUS', 'NODES', 'WHEN'],
      started.map(({ number, name, queue, gpus, placements, afterVictims }) => [
        String(number),
        name,
        queue,
        String(rounded(gpus)),
        nodesOf(placements),
        afterVictims ? 'once others have left' : 'now',
      ]),
    );
  }
  if (pending.length > 0) {
    invocation.out(`\n${plural(pending.length, 'workload')} would be pending for another reason:`);
    invocation.printTable(
      ['NUMBER', 'NAME', 'QUEUE', 'REASON-NOW', 'REASON-THEN', ...(format === 'wide' ? ['WHY'] : [])],
      pending.map(({ number, name, queue, reasonBefore, reasonAfter, summary }) => [
        String(number),
        name,
        queue,
        reasonBefore === '' ? '-' : pascalCase(reasonBefore),
        pascalCase(reasonAfter),
        ...(format === 'wide' ? [summary] : []),
      ]),
    );
  }
}

function shareRow(share: PlannedQueueShare__Output): readonly string[] {
  return [share.queue, ...figureCells(share)];
}

function scopeRow(queue: string, scope: PlannedScopeShare__Output): readonly string[] {
  return [queue, scope.pool || 'any', scope.gpuModel || 'any', ...figureCells(scope)];
}

/** `7 to 6`; one figure where nothing changes, `-` where there is none. */
function figureCells(share: Omit<PlannedScopeShare__Output, 'pool' | 'gpuModel'>): readonly string[] {
  const said = (figure: number | undefined): string => (figure === undefined ? '-' : String(rounded(figure)));
  const change = (before: number | undefined, after: number | undefined): string =>
    said(before) === said(after) ? said(after) : `${said(before)} to ${said(after)}`;
  return [
    change(share.fairShareGpusBefore, share.fairShareGpusAfter),
    change(share.allocatedGpusBefore, share.allocatedGpusAfter),
    change(share.unmetGuaranteeGpusBefore, share.unmetGuaranteeGpusAfter),
  ];
}
