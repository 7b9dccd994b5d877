// `sluice hold`, `release`, `requeue` and `priority`: steer workloads that were submitted before.
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { SluiceClient } from '../client.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { hasEnded, stateWord } from '../presentation.js';

import { workloadSelector } from '../resources.js';

interface Options {
  readonly reason?: string;
  readonly hold?: boolean;
  readonly ownerMayRelease?: boolean;
  readonly to?: string;
  readonly output?: string;
}

/** One of the verbs: what it says of itself, what it asks for, and what came of it for one workload. */
interface Verb {
  readonly description: string;
  readonly usage: string;
  readonly flags: readonly (readonly [flags: string, description: string])[];
  readonly ask: (api: SluiceClient, workloads: string[], options: Options) => Promise<readonly Workload__Output[]>;
  readonly outcome: (workload: Workload__Output, options: Options) => string;
}

const OWNER_MAY_RELEASE = [
  '--owner-may-release',
  'for administrators: the owner may release it too, which only administrators may otherwise',
] as const;
const REASON = ['--reason <text>', 'told to whoever asks later'] as const;

const VERBS: Readonly<Record<string, Verb>> = {
  hold: {
    description: 'Holds workloads back: they do not start until they are released. What runs goes on.',
    usage: 'WORKLOAD… [FLAGS]',
    flags: [REASON, OWNER_MAY_RELEASE],
    ask: (api, workloads, { reason = '', ownerMayRelease = false }) =>
      api.holdWorkloads({ workloads, reason, ownerMayRelease }),
    outcome: ({ state, adminHold }) => {
      const held = state === 'WORKLOAD_STATE_PENDING' ? 'held' : `held once it waits again (now ${stateWord(state)})`;
      return adminHold ? `${held}; only administrators release it` : held;
    },
  },
  release: {
    description: 'Ends a hold.',
    usage: 'WORKLOAD… [FLAGS]',
    flags: [],
    ask: (api, workloads) => api.releaseWorkloads({ workloads }),
    outcome: () => 'released',
  },
  requeue: {
    description: 'Stops running workloads, with their grace, and lets them wait for GPUs again.',
    usage: 'WORKLOAD… [FLAGS]',
    flags: [REASON, ['--hold', 'also hold them, until they are released'], OWNER_MAY_RELEASE],
    ask: (api, workloads, { reason = '', hold = false, ownerMayRelease = false }) => {
      if (ownerMayRelease && !hold) throw usageError('--owner-may-release says how it is held: give --hold with it');
      return api.requeueWorkloads({ workloads, reason, hold, ownerMayRelease });
    },
    outcome: ({ state }, { hold = false }) => {
      if (state === 'WORKLOAD_STATE_PENDING') return hold ? 'pending and held' : 'unchanged: it is pending';
      return hold ? 'stopping; it is held then' : 'stopping; it goes back to pending';
    },
  },
  priority: {
    description: 'Changes the priority of workloads that have not ended. Higher goes first inside the queue.',
    usage: 'WORKLOAD… --to NUMBER [FLAGS]',
    flags: [['--to <number>', 'the new priority']],
    ask: (api, workloads, { to }) => api.prioritizeWorkloads({ workloads, priority: priorityOf(to) }),
    outcome: ({ spec }) => `has priority ${spec?.priority}`,
  },
};

export const define: DefineCommand = (command, invocation) => {
  const verb = VERBS[command.name()];
  if (verb === undefined) throw new Error(`no verb ${command.name()}`);
  command.description(verb.description).usage(verb.usage).argument('<workload...>', 'numbers, names, or "last"');
  for (const [flags, description] of verb.flags) command.option(flags, description);
  command
    .option('-o, --output <format>', 'json, yaml or name')
    .action((names: readonly string[], options: Options) => steer(invocation, verb, names, options));
};

async function steer(invocation: Invocation, verb: Verb, names: readonly string[], options: Options): Promise<void> {
  const format = invocation.format(options.output, ['json', 'yaml', 'name']);
  const api = await invocation.client();
  const selectors = await Promise.all(names.map((name) => workloadSelector(api, name)));
  const workloads = await verb.ask(api, selectors, options);
  if (format === 'json' || format === 'yaml') {
    const { toListJson } = await import('../proto-json.js');
    await invocation.printData(format, toListJson('Workload', workloads));
    return;
  }
  for (const workload of workloads) {
    const subject = `workload/${workload.number}`;
    const ended = hasEnded(workload.state) ? `unchanged: it has ended (${stateWord(workload.state)})` : null;
    invocation.out(format === 'name' ? subject : `${subject} ${ended ?? verb.outcome(workload, options)}`);
  }
}

function priorityOf(text: string | undefined): number {
  if (text === undefined) throw usageError('which priority?', 'Usage: sluice priority WORKLOAD… --to NUMBER');
  if (!/^-?\d{1,7}$/.test(text)) throw usageError(`--to ${text} is no whole number such as 80`);
  return Number(text);
}
