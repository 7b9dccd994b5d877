// `sluice why X`: the binding constraint of a pending workload with its numbers, or in a line what else it does.
import type { Timestamp__Output } from '../../proto/gen/google/protobuf/Timestamp.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import {
  age,
  attemptStart,
  hasEnded,
  holdsGpus,
  isUnreachable,
  nodeList,
  pascalCase,
  stateWithExit,
  stateWord,
  workloadNodes,
} from '../presentation.js';

import { workloadSelector } from '../resources.js';
import { formatColumns, printable } from '../table.js';
import { growthText } from '../workload-requests.js';

interface Options {
  readonly output?: string;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Says why a workload is pending: what holds it back, with numbers.')
    .usage('WORKLOAD [FLAGS]')
    .argument('<workload>', 'a number, a name, or "last"')
    .option('-o, --output <format>', 'json or yaml')
    .action((name: string, options: Options) => why(invocation, name, options));
};

async function why(invocation: Invocation, name: string, options: Options): Promise<void> {
  const format = invocation.format(options.output, ['json', 'yaml']);
  const api = await invocation.client();
  const selector = await workloadSelector(api, name);
  const explanation = await api.explainWorkload(selector);
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('ExplainWorkloadResponse', explanation));
    return;
  }
  // By number: the name may mean a newer workload by now.
  const workload = await api.getWorkload(String(explanation.number));
  invocation.out(headline(workload, explanation.reason, invocation.nowMs));
  // Of what runs the headline says it all, unless it could have more tasks.
  const isSilent = isUnreachable(workload);
  const ofRunning = explanation.reason === '' && !isSilent ? growthText(workload) : explanation.summary;
  const sentence = hasEnded(workload.state) ? workload.message : ofRunning;
  if (sentence !== '') invocation.out(`  ${printable(sentence)}`);
  const facts = explanation.lines.map(({ title, text }) => [title, text] as const);
  invocation.host.stdout.write(formatColumns(facts, '  '));
}

/** `Workload 1046 (pretrain, queue nlp) is Pending for 31m: QueueLimit` */
function headline(workload: Workload__Output, reason: string, nowMs: number): string {
  const { number, spec, state } = workload;
  const subject = `Workload ${number} (${spec?.name}, queue ${spec?.queue})`;
  const head = `${subject} is ${stateWord(state)}`;
  if (hasEnded(state)) return `${subject} ended ${age(workload.endTime, nowMs)} ago: ${stateWithExit(workload)}`;
  const since = state === 'WORKLOAD_STATE_PENDING' ? pendingSince(workload) : attemptStart(workload);
  const span = since === null ? '' : ` for ${age(since, nowMs)}`;
  if (reason !== '') return `${head}${span}: ${pascalCase(reason)}`;
  const nodes = holdsGpus(state) ? workloadNodes(workload) : [];
  return `${head}${span}${nodes.length === 0 ? '' : ` on ${nodeList(nodes)}`}`;
}

/** When it last began to wait: after its last requeue, or when it was submitted. */
function pendingSince({ events, submitTime }: Workload__Output): Timestamp__Output | null {
  return events.findLast((event) => event.type === 'requeued')?.time ?? submitTime;
}
