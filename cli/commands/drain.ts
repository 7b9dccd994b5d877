// `sluice drain`: empties nodes. New work is kept off at once; what runs may go on until the deadline, is then stopped with its grace
// and put back into its queue. Made of what the scheduler keeps anyway, a cordon and an announcement, so that it goes on when this
// command or the scheduler ends.
import { DRAIN_PREFIX } from '../../common/drain.js';
import { toDuration, toTimestamp } from '../../common/units.js';
import type { Node__Output } from '../../proto/gen/sluice/v1/Node.js';
import type { SluiceClient } from '../client.js';
import { EXIT, isApiError, usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { nodeList, stateWord, utcMinute } from '../presentation.js';
import { selectorOf } from '../resources.js';
import { spanMs } from '../spans.js';
import { workloadGpus, workloadName } from '../workload-requests.js';

interface Options {
  readonly deadline?: string;
  readonly reason?: string;
  readonly wait: boolean;
  readonly timeout?: string;
}

/** The announcement ends by itself after so long: by then the node is mended, or gone. */
const LASTS_MS = 30 * 86_400_000;
/** The longest deadline and wait: beyond that it is a slip. */
const MAX_SPAN_MS = 365 * 86_400_000;
const POLL_MS = 1_000;
/** How spans may be written. */
const EXAMPLES = '30m, 2h or 1h30m';
/** gRPC's code for a peer that is away. */
const UNAVAILABLE = 14;
/** Workloads that one line of progress names. */
const NAMED = 5;

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Empties nodes: keeps new work off, lets what runs there end, and says when nothing is left. With a deadline what still\n' +
        'runs then is stopped, with its grace, and put back into its queue. To take it back: sluice uncordon NODE',
    )
    .usage('NODE… [FLAGS]')
    .argument('<node...>', 'names of nodes')
    .option('--deadline <span>', 'how long work may go on: 2h, 30m, or now; without it until it ends by itself')
    .option('--reason <text>', 'told to whoever asks later', 'drained')
    .option('--no-wait', 'do not wait until nothing is left')
    .option('--timeout <span>', 'wait no longer than that; the drain goes on')
    .addHelpText(
      'after',
      `
Examples:
  sluice drain node-3 --reason "new fans"
  sluice drain node-3 node-4 --deadline 2h --reason "move to rack 7"
  sluice drain node-3 --deadline now --no-wait`,
    )
    .action((words: readonly string[], options: Options) => drain(invocation, words, options));
};

async function drain(invocation: Invocation, words: readonly string[], options: Options): Promise<void> {
  const { deadline, reason = '', wait, timeout } = options;
  const deadlineMs =
    deadline === undefined ? null : deadline === 'now' ? 0 : boundedMs('--deadline', deadline, `${EXAMPLES}, or now`);
  const timeoutMs = timeout === undefined ? Infinity : boundedMs('--timeout', timeout, EXAMPLES);
  const api = await invocation.client();
  const names = words.map((word) => selectorOf('node', word));
  // Whether they are there is known before anything is done to the first.
  for (const name of names) await api.getNode(name);
  for (const name of names) {
    await api.cordonNode({ name, reason });
    invocation.out(`node/${name} cordoned`);
  }
  if (deadlineMs !== null) {
    // The last word counts: a later deadline is a later one.
    for (const name of names) await endAnnouncements(api, name);
    const { startTime } = await api.createMaintenance({
      nodes: names,
      startTime: toTimestamp(invocation.nowMs + deadlineMs),
      duration: toDuration(LASTS_MS),
      every: null,
      reason: DRAIN_PREFIX + reason,
    });
    invocation.out(`what runs on ${nodeList(names)} at ${utcMinute(startTime)} is stopped then, and requeued`);
  }
  if (wait) invocation.exitCode = await untilEmpty(invocation, api, names, timeoutMs);
}

/** Tells what is left each time that changes. @returns the exit code */
async function untilEmpty(
  invocation: Invocation,
  api: SluiceClient,
  names: readonly string[],
  timeoutMs: number,
): Promise<number> {
  const { clock } = invocation.host;
  const endMs = clock.monotonicMs() + timeoutMs;
  let isInterrupted = false;
  let wake: () => void = () => undefined;
  const stopListening = invocation.host.onInterrupt(() => {
    isInterrupted = true;
    wake();
  });
  const told = new Map<string, string>();
  const left = new Set(names);
  let exitCode = 0;
  let isAway = false;
  const look = async (name: string): Promise<void> => {
    const node = await api.getNode(name);
    const line = await whatIsLeft(api, node);
    if (!node.cordoned) {
      // Work comes again, so it may never be empty.
      left.delete(name);
      exitCode = EXIT.failed;
      invocation.note(`node/${name} was uncordoned by somebody, which ended its drain.`);
    } else if (line === null) {
      await endAnnouncements(api, name);
      left.delete(name);
      invocation.out(`node/${name} drained: nothing is left there`);
    } else if (told.get(name) !== line) {
      told.set(name, line);
      invocation.out(`node/${name}: ${line}`);
    }
  };
  try {
    for (;;) {
      try {
        for (const name of left) await look(name);
        isAway = false;
      } catch (error) {
        // The scheduler keeps the drain: while it is away there is only nothing to tell.
        if (!isApiError(error) || error.code !== UNAVAILABLE) throw error;
        if (!isAway) invocation.note(`${error.message.split('\n')[0]}; the drain goes on, trying again`);
        isAway = true;
      }
      if (left.size === 0) return exitCode;
      if (isInterrupted || clock.monotonicMs() >= endMs) {
        invocation.note(`${nodeList([...left])} still holds work; the drain goes on without this command.`);
        return isInterrupted ? EXIT.interrupted : EXIT.failed;
      }
      await new Promise<void>((resolve) => {
        const timer = clock.after(Math.min(POLL_MS, Math.max(0, endMs - clock.monotonicMs())), resolve);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  } finally {
    stopListening();
  }
}

/** @returns null = nothing */
async function whatIsLeft(api: SluiceClient, { workloads, state }: Node__Output): Promise<string | null> {
  if (workloads.length === 0) return null;
  const shown = await Promise.all(
    workloads.slice(0, NAMED).map(async (number) => {
      const workload = await api.getWorkload(String(number));
      return `${number} (${workloadName(workload)}, ${workloadGpus(workload)}, ${stateWord(workload.state)})`;
    }),
  );
  const more = workloads.length > NAMED ? `, and ${workloads.length - NAMED} more` : '';
  const silent = state === 'NODE_STATE_READY' ? '' : '; its agent is not heard';
  return `${workloads.length} left: ${shown.join(', ')}${more}${silent}`;
}

/** Takes back what was announced for a drain of the node: it is empty, or is used again. */
export async function endAnnouncements(api: SluiceClient, node: string): Promise<void> {
  for (const { id, reason } of await api.allMaintenances(node)) {
    if (reason.startsWith(DRAIN_PREFIX)) await api.cancelMaintenance({ id, nodes: [node] });
  }
}

function boundedMs(flag: string, text: string, examples: string): number {
  const ms = spanMs(flag, text, examples);
  // Found out before the first node is cordoned.
  if (ms > MAX_SPAN_MS) throw usageError(`${flag} ${text} is more than ${MAX_SPAN_MS / 86_400_000} days`);
  return ms;
}
