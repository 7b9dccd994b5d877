// `sluice cancel X…`: asks workloads to end.
import { fromDuration, formatDuration } from '../../common/units.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { stateWord } from '../presentation.js';

import { workloadSelector } from '../resources.js';

interface Options {
  readonly reason?: string;
  readonly output?: string;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Asks workloads to end: pending ones end at once, running ones after their stop signal and grace.')
    .usage('WORKLOAD… [FLAGS]')
    .argument('<workload...>', 'numbers, names, or "last"')
    .option('--reason <text>', 'told to whoever asks later')
    .option('-o, --output <format>', 'json, yaml or name')
    .action((names: readonly string[], options: Options) => cancel(invocation, names, options));
};

async function cancel(invocation: Invocation, names: readonly string[], options: Options): Promise<void> {
  const format = invocation.format(options.output, ['json', 'yaml', 'name']);
  const api = await invocation.client();
  const selectors = await Promise.all(names.map((name) => workloadSelector(api, name)));
  const { workloads } = await api.cancelWorkloads({ workloads: selectors, reason: options.reason ?? '' });
  if (format === 'json' || format === 'yaml') {
    const { toListJson } = await import('../proto-json.js');
    await invocation.printData(format, toListJson('Workload', workloads));
    return;
  }
  for (const workload of workloads) {
    const subject = `workload/${workload.number}`;
    invocation.out(format === 'name' ? subject : `${subject} ${outcome(workload)}`);
  }
}

/** What the request came to. A workload that had ended before stays as it was. */
function outcome({ state, spec }: Workload__Output): string {
  switch (state) {
    case 'WORKLOAD_STATE_CANCELLED':
      return 'cancelled';
    case 'WORKLOAD_STATE_SUCCEEDED':
    case 'WORKLOAD_STATE_FAILED':
      return `unchanged: it had ended (${stateWord(state)})`;
    case 'WORKLOAD_STATE_UNSPECIFIED':
    case 'WORKLOAD_STATE_PENDING':
    case 'WORKLOAD_STATE_STARTING':
    case 'WORKLOAD_STATE_RUNNING':
    case 'WORKLOAD_STATE_STOPPING': {
      const graceMs = fromDuration(spec?.checkpoint?.grace);
      return graceMs === null ? 'stopping' : `stopping (grace ${formatDuration(graceMs)})`;
    }
  }
}
