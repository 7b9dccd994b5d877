// `sluice top`: queues, nodes, GPUs and workloads, live. On a terminal it redraws until q or Ctrl-C; else it prints one look.
import type { WorkloadState__Output } from '../../proto/gen/sluice/v1/WorkloadState.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { hasEnded } from '../presentation.js';
import type { Look, Screen } from '../top-screen.js';

interface Options {
  readonly interval: string;
  readonly once?: boolean;
}

const DEFAULT_WIDTH = 100;
const DEFAULT_HEIGHT = 24;
const LEAST_SECONDS = 0.5;
const MOST_SECONDS = 3_600;
/** As many workloads as a screen can show, and some; there may be a million. Queues tell how many there are. */
const HOLDING_SHOWN = 200;
const PENDING_SHOWN = 50;
const HOLDING: readonly WorkloadState__Output[] = [
  'WORKLOAD_STATE_RUNNING',
  'WORKLOAD_STATE_STARTING',
  'WORKLOAD_STATE_STOPPING',
];

/** The other screen of a terminal, so that what was there comes back; no cursor. */
const ENTER = '\u001B[?1049h\u001B[?25l';
const LEAVE = '\u001B[?25h\u001B[?1049l';
const HOME = '\u001B[H';
/** To the end of the line; to the end of the screen. */
const CLEAR_LINE = '\u001B[K';
const CLEAR_BELOW = '\u001B[J';

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Shows queues, nodes, GPUs and workloads, live; q or Ctrl-C ends it. Piped, it prints one look.')
    .usage('[FLAGS]')
    .option('-d, --interval <seconds>', 'how often to look', '2')
    .option('-1, --once', 'one look, without taking over the screen')
    .action((options: Options) => top(invocation, options));
};

async function top(invocation: Invocation, { interval, once }: Options): Promise<void> {
  const seconds = Number(interval);
  if (!(seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS)) {
    throw usageError(`--interval ${interval} is not a number of seconds from ${LEAST_SECONDS} to ${MOST_SECONDS}`);
  }
  const { renderTop } = await import('../top-screen.js');
  const draw = async (screen: Screen): Promise<string> => renderTop(await look(invocation), screen);
  if (once === true || !invocation.interactive) {
    const width = invocation.interactive ? (invocation.host.stdout.columns ?? DEFAULT_WIDTH) : Infinity;
    invocation.out(await draw({ width, height: null, colours: invocation.colours }));
    return;
  }
  await live(invocation, seconds * 1_000, draw);
}

/** Redraws until the reader has enough. A look that fails stays on the screen beside the last one that did not. */
async function live(
  invocation: Invocation,
  periodMs: number,
  draw: (screen: Screen) => Promise<string>,
): Promise<void> {
  const { stdout, clock } = invocation.host;
  let isOver = false;
  let wake: () => void = () => undefined;
  const end = (): void => {
    isOver = true;
    wake();
  };
  const stopListening = [
    invocation.host.onInterrupt(end),
    invocation.host.onKey?.((key) => (key === 'q' || key === 'Q' || key === '\u0003' ? end() : wake())),
  ];
  stdout.write(ENTER);
  let last = '';
  let problem = '';
  try {
    while (!isOver) {
      const screen = {
        width: stdout.columns ?? DEFAULT_WIDTH,
        height: (stdout.rows ?? DEFAULT_HEIGHT) - 1,
        colours: invocation.colours,
      };
      try {
        last = await draw(screen);
        problem = '';
      } catch (error) {
        problem = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
      }
      if (isOver) break;
      const foot = problem === '' ? 'q ends, any key looks again' : `${problem}; trying again`;
      const lines = [...last.split('\n'), foot.slice(0, screen.width)];
      stdout.write(HOME + lines.map((line) => `${line}${CLEAR_LINE}`).join('\r\n') + CLEAR_BELOW);
      await new Promise<void>((resolve) => {
        const timer = clock.after(periodMs, resolve);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  } finally {
    stdout.write(LEAVE);
    for (const stop of stopListening) stop?.();
  }
}

async function look(invocation: Invocation): Promise<Look> {
  const api = await invocation.client();
  const [queues, nodes, holding, pending, { server }] = await Promise.all([
    api.allQueues(),
    api.allNodes(),
    api.listWorkloads({ states: [...HOLDING], pageSize: HOLDING_SHOWN }),
    api.listWorkloads({ states: ['WORKLOAD_STATE_PENDING'], pageSize: PENDING_SHOWN }),
    invocation.settings(),
  ]);
  const shown = new Set(holding.workloads.map(({ number }) => number));
  const waiting = pending.workloads.filter(({ number, state }) => !shown.has(number) && !hasEnded(state));
  return {
    timeMs: invocation.nowMs,
    server: server.value ?? '',
    queues,
    nodes: nodes.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true })),
    areMore: holding.nextPageToken !== '' || pending.nextPageToken !== '',
    workloads: [...holding.workloads.toSorted((a, b) => a.number - b.number), ...waiting],
  };
}
