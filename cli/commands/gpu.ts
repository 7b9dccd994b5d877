// `sluice gpu list|quarantine|release|reset`: which GPUs are not healthy and why, and a person's word about one of them.
import { plural } from '../../common/units.js';
import type { Gpu__Output } from '../../proto/gen/sluice/v1/Gpu.js';
import type { Node__Output } from '../../proto/gen/sluice/v1/Node.js';
import { usageError } from '../failure.js';
import { gpuHolders, gpuName } from '../gpu-slots.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { age, enumWord } from '../presentation.js';
import { selectorOf } from '../resources.js';
import type { Cell } from '../table.js';

interface ListOptions {
  readonly all?: boolean;
  readonly output?: string;
}

interface SayOptions {
  readonly reason?: string;
  readonly stop?: boolean;
}

const EXAMPLES = `
Examples:
  sluice gpu list                                        GPUs that are not healthy, each with its reasons
  sluice gpu list node-3 --all                           every GPU of a node
  sluice gpu quarantine node-3 5 --reason "coil whine"   by index or UUID
  sluice gpu release node-3 5 --reason "board replaced"
  sluice gpu reset node-3 5                              once nothing runs there; with it those that share its NVLink`;

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Which GPUs are not healthy, and a word about one of them.')
    .usage('VERB [FLAGS]')
    .addHelpText('after', EXAMPLES);
  command
    .command('list')
    .usage('[NODE…] [FLAGS]')
    .description('Lists GPUs that are not healthy: their state, since when, why, and what ends it.')
    .argument('[node...]', 'only of these nodes')
    .option('-a, --all', 'healthy ones, too')
    .option('-o, --output <format>', 'json or yaml')
    .action((words: readonly string[], options: ListOptions) => list(invocation, words, options));
  command
    .command('quarantine')
    .usage('NODE GPU [FLAGS]')
    .description('Keeps new work off one GPU until it is released. What runs there goes on. For administrators.')
    .argument('<node>', 'name of a node')
    .argument('<gpu>', 'index or UUID of one of its GPUs')
    .option('--reason <text>', 'told to whoever asks later')
    .option('--stop', 'stop and requeue what runs there; no retry is charged for it')
    .action((node: string, gpu: string, options: SayOptions) => quarantine(invocation, node, gpu, options));
  command
    .command('release')
    .usage('NODE GPU [FLAGS]')
    .description('Takes back all that is held against one GPU, faults too. For administrators.')
    .argument('<node>', 'name of a node')
    .argument('<gpu>', 'index or UUID of one of its GPUs')
    .option('--reason <text>', 'kept in the book of incidents')
    .action((node: string, gpu: string, options: SayOptions) => release(invocation, node, gpu, options));
  command
    .command('reset')
    .usage('NODE GPU [FLAGS]')
    .description(
      'Has one GPU, and those that share NVLink with it, reset once nothing runs there; until then they take no new work. For administrators.',
    )
    .argument('<node>', 'name of a node')
    .argument('<gpu>', 'index or UUID of one of its GPUs')
    .option('--reason <text>', 'told to whoever asks later')
    .option('--stop', 'stop and requeue what runs there, so that it need not be waited for; no retry is charged for it')
    .action((node: string, gpu: string, options: SayOptions) => reset(invocation, node, gpu, options));
};

async function list(invocation: Invocation, words: readonly string[], options: ListOptions): Promise<void> {
  const format = invocation.format(options.output, ['json', 'yaml']);
  const api = await invocation.client();
  const names = words.map((word) => selectorOf('node', word));
  const nodes = names.length === 0 ? await api.allNodes() : await Promise.all(names.map((name) => api.getNode(name)));
  const all = nodes.flatMap((node) => (node.inventory?.gpus ?? []).map((gpu) => ({ node, gpu })));
  const shown = options.all === true ? all : all.filter(({ gpu }) => !isWell(gpu));
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    const items = shown.map(({ node, gpu }) => ({ node: node.name, ...toProtoJson('Gpu', gpu) }));
    await invocation.printData(format, { kind: 'GpuList', items });
    return;
  }
  if (shown.length === 0) {
    invocation.note(all.length === 0 ? 'No GPUs found.' : `${countText(all.length)} healthy.`);
    return;
  }
  invocation.printTable(
    ['NODE', 'IDX', 'GPU', 'STATE', 'SINCE', 'WORKLOAD', 'ENDS WITH', 'WHY'],
    shown.flatMap(({ node, gpu }) => rowsOf(node, gpu, invocation.nowMs)),
  );
}

function countText(count: number): string {
  return count === 1 ? 'The one GPU is' : `All ${plural(count, 'GPU')} are`;
}

/** Healthy, with nothing that was read or said of it. */
function isWell({ health, marks, symptoms }: Gpu__Output): boolean {
  return health === 'GPU_HEALTH_HEALTHY' && marks.length === 0 && symptoms.length === 0;
}

/** A row for each reason. */
function rowsOf({ name }: Node__Output, gpu: Gpu__Output, nowMs: number): readonly (readonly Cell[])[] {
  const { health, healthMessage, marks, symptoms } = gpu;
  const state: Cell = { text: enumWord(health, 'GPU_HEALTH_'), tone: health === 'GPU_HEALTH_HEALTHY' ? 'good' : 'bad' };
  const told = marks.map(({ message }) => message);
  const reasons: (readonly [since: string, ends: string, why: string])[] = marks.map((mark) => [
    age(mark.time, nowMs),
    mark.untilTime === null ? (ENDS[mark.endsWith] ?? mark.endsWith) : `in ${untilText(mark.untilTime, nowMs)}`,
    mark.message,
  ]);
  // What the agent itself says, and what is not clean, has no mark.
  const own = healthMessage.split('; ').filter((words) => words !== '' && !told.includes(words));
  if (own.length > 0 && !told.includes(healthMessage)) reasons.push(['-', 'its cause', own.join('; ')]);
  for (const { kind, detail } of symptoms) {
    if (marks.every(({ code }) => code !== kind)) reasons.push(['-', 'its cause', `${kind}: ${detail}`]);
  }
  if (reasons.length === 0) reasons.push(['-', '-', '-']);
  return reasons.map(([since, ends, why], at) =>
    at === 0
      ? [name, String(gpu.index), gpuName(gpu), state, since, gpuHolders(gpu), ends, why]
      : ['', '', '', '', since, '', ends, why],
  );
}

const ENDS: Readonly<Record<string, string>> = {
  person: 'release',
  reboot: 'reboot, release',
  report: 'its cause',
  time: 'time',
};

function untilText(until: Parameters<typeof age>[0], nowMs: number): string {
  // The age of now, seen from then.
  return age({ seconds: Math.floor(nowMs / 1_000), nanos: 0 }, Number(until?.seconds ?? 0) * 1_000);
}

async function quarantine(invocation: Invocation, word: string, gpu: string, options: SayOptions): Promise<void> {
  const node = selectorOf('node', word);
  const { reason = '', stop = false } = options;
  const api = await invocation.client();
  const { uuid, workloads } = await api.quarantineGpu({ node, gpu: gpuOf(gpu), reason, stopWork: stop });
  const stopped = stop ? `, ${plural(workloads.length, 'workload')} stopped` : '';
  invocation.out(`gpu/${uuid} of node/${node} quarantined${stopped}`);
}

async function release(invocation: Invocation, word: string, gpu: string, { reason = '' }: SayOptions): Promise<void> {
  const node = selectorOf('node', word);
  const api = await invocation.client();
  const { uuid, node: after } = await api.releaseGpu({ node, gpu: gpuOf(gpu), reason });
  const left = after?.inventory?.gpus.find((one) => one.uuid === uuid);
  invocation.out(`gpu/${uuid} of node/${node} released`);
  if (left !== undefined && left.health !== 'GPU_HEALTH_HEALTHY') {
    invocation.note(
      `It is ${enumWord(left.health, 'GPU_HEALTH_').toLowerCase()} still, as its agent says: ${left.healthMessage}`,
    );
  }
}

async function reset(invocation: Invocation, word: string, gpu: string, options: SayOptions): Promise<void> {
  const node = selectorOf('node', word);
  const { reason = '', stop = false } = options;
  const api = await invocation.client();
  const { uuids, workloads } = await api.resetGpu({ node, gpu: gpuOf(gpu), reason, stopWork: stop });
  const [uuid = '', ...peers] = uuids;
  const others = peers.length === 0 ? '' : `, and with it ${peers.join(', ')}`;
  const stopped = stop ? `, ${plural(workloads.length, 'workload')} stopped` : '';
  invocation.out(`gpu/${uuid} of node/${node} is reset once nothing runs there${others}${stopped}`);
}

/** `5`, `gpu/5`, or a UUID. */
function gpuOf(word: string): string {
  const gpu = word.replace(/^gpus?\//, '');
  if (gpu === '')
    throw usageError('which GPU?', 'Name it by its index on the node, or by its UUID: sluice gpu list --all');
  return gpu;
}
