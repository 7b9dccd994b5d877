// `sluice dev`: a whole cluster on this machine for trying things out: the real scheduler, real agents and real
// processes, on GPUs that are simulated and said to be. Ctrl-C ends all of it.
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeFolder } from '../../common/make-folder.js';
import { plural } from '../../common/units.js';
import { DEFAULT_SERVER, readConfig, withContext, writeConfig } from '../config.js';
import type { SluiceClient } from '../client.js';
import { DevProcess, endTogether, killLeftovers } from '../dev-processes.js';
import { failure, isApiError, usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { SIMULATED } from '../presentation.js';

const HOST = '127.0.0.1';
const DEFAULT_HTTP_PORT = 9465;
/** How long the scheduler may take to serve, and then the agents to join. */
const START_LIMIT_MS = 30_000;
/** How long agents may take to end with their tasks. */
const AGENT_STOP_LIMIT_MS = 20_000;
const SCHEDULER_STOP_LIMIT_MS = 10_000;
const POLL_MS = 50;
/** More agents than these do not fit on the machine of somebody who tries things out. */
const MAX_NODES = 32;
const MAX_GPUS_A_NODE = 64;
const CONTEXT = 'dev';
const QUEUE = 'default';

interface Options {
  readonly nodes: string;
  readonly dataDir?: string;
  readonly context: boolean;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Runs a scheduler and agents with simulated GPUs on this machine until Ctrl-C.\n' +
        'Everything but the GPUs is real: work you submit runs as processes here.',
    )
    .usage('[FLAGS]')
    .option('--nodes <list>', 'nodes x GPUs x model, several joined by commas: 2x4xh100,1x8xl4', '2x4xh100')
    .option(
      '--data-dir <folder>',
      'keep everything there and go on from it; default a temporary folder, removed at the end',
    )
    .option('--no-context', `do not save the context "${CONTEXT}" in the configuration`)
    .action((options: Options) => dev(invocation, options));
};

/** Nodes that are alike. */
interface NodeGroup {
  readonly count: number;
  /** As an agent's `--simulate` takes it. */
  readonly gpus: string;
  readonly gpuCount: number;
}

async function dev(invocation: Invocation, options: Options): Promise<void> {
  const groups = parseNodes(options.nodes);
  const { dataDir } = options;
  const folder = dataDir === undefined ? await mkdtemp(path.join(tmpdir(), 'sluice-dev-')) : path.resolve(dataDir);
  await makeFolder(folder, 0o700);
  const cluster = new DevCluster(invocation, folder);
  const interrupted = new Promise<null>((resolve) => {
    cluster.onInterrupt(() => resolve(null));
  });
  let context: SavedContext | null = null;
  try {
    const started = await Promise.race([cluster.start(groups), interrupted]);
    if (started !== null) {
      if (options.context) context = await saveContext(invocation, started.grpc);
      tell(invocation, started, { folder, isKept: dataDir !== undefined, context });
      await Promise.race([cluster.brokenDown(), interrupted]);
    }
  } finally {
    await cluster.stop();
    await context?.putBack();
    if (dataDir === undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** A node that was started, and its GPUs as `--simulate` takes them. */
interface DevNode {
  readonly name: string;
  readonly gpus: string;
}

/** Where a started cluster answers, and what it has. */
interface Started {
  readonly grpc: string;
  readonly http: string;
  readonly nodes: readonly DevNode[];
  readonly gpus: number;
}

class DevCluster {
  readonly #invocation: Invocation;
  readonly #folder: string;
  readonly #agents: DevProcess[] = [];
  readonly #stateDirs: string[] = [];
  readonly #hurry = new AbortController();
  #scheduler: DevProcess | null = null;
  #interrupts = 0;
  #dispose: () => void = () => undefined;

  constructor(invocation: Invocation, folder: string) {
    this.#invocation = invocation;
    this.#folder = folder;
  }

  /** Calls back at the first Ctrl-C; a second one while stopping kills. */
  onInterrupt(handler: () => void): void {
    this.#dispose = this.#invocation.host.onInterrupt(() => {
      this.#interrupts += 1;
      if (this.#interrupts === 1) handler();
      else this.#hurry.abort();
    });
  }

  async start(groups: readonly NodeGroup[]): Promise<Started> {
    const { grpc, http } = await this.#startScheduler();
    const { connect } = await import('../client.js');
    const api = connect({ server: grpc, clock: this.#invocation.host.clock });
    try {
      const nodes = this.#startAgents(groups, grpc);
      const names = nodes.map(({ name }) => name);
      await this.#until(`${plural(nodes.length, 'agent')} joined`, async () => {
        const known = await api.allNodes();
        const ready = known.filter(({ name, state }) => names.includes(name) && state === 'NODE_STATE_READY');
        return ready.length === nodes.length ? ready : null;
      });
      await ensureQueue(api);
      return { grpc, http, nodes, gpus: groups.reduce((sum, { count, gpuCount }) => sum + count * gpuCount, 0) };
    } finally {
      api.close();
    }
  }

  /** Rejects when one of the processes ends without being told to. */
  async brokenDown(): Promise<never> {
    const all = [...this.#agents, ...(this.#scheduler === null ? [] : [this.#scheduler])];
    const [broken, how] = await Promise.race(all.map(async (each) => [each, await each.ended] as const));
    throw endedEarly(broken, how);
  }

  /** Ends everything; with nothing started it does nothing. */
  async stop(): Promise<void> {
    const { clock } = this.#invocation.host;
    const hurry = this.#hurry.signal;
    if (this.#interrupts > 0) this.#invocation.note('Stopping; Ctrl-C again kills at once.');
    try {
      await endTogether(this.#agents, { limitMs: AGENT_STOP_LIMIT_MS, hurry, clock });
      if (this.#scheduler !== null) {
        await endTogether([this.#scheduler], { limitMs: SCHEDULER_STOP_LIMIT_MS, hurry, clock });
      }
      const left = await killLeftovers(this.#stateDirs, clock);
      if (left.length > 0) throw failure('PROCESSES_LEFT', `these processes would not end: ${left.join(', ')}`);
    } finally {
      this.#dispose();
    }
  }

  async #startScheduler(): Promise<{ readonly grpc: string; readonly http: string }> {
    const readyFile = path.join(this.#folder, 'scheduler.json');
    await rm(readyFile, { force: true });
    const argv = ['server', '--data-dir', path.join(this.#folder, 'server'), '--ready-file', readyFile];
    const [grpcPort, httpPort] = [
      await freePort(Number(DEFAULT_SERVER.split(':')[1])),
      await freePort(DEFAULT_HTTP_PORT),
    ];
    const ports = ['--listen', `${HOST}:${grpcPort}`, '--http', `${HOST}:${httpPort}`];
    const scheduler = new DevProcess('scheduler', [...argv, ...ports], this.#folder);
    this.#scheduler = scheduler;
    await this.#until('the scheduler serves', () => (existsSync(readyFile) ? true : null));
    return JSON.parse(readFileSync(readyFile, 'utf8')) as { grpc: string; http: string };
  }

  #startAgents(groups: readonly NodeGroup[], server: string): readonly DevNode[] {
    const gpusOfNodes = groups.flatMap(({ count, gpus }) => Array.from({ length: count }, () => gpus));
    return gpusOfNodes.map((gpus, index) => {
      const name = `node-${index + 1}`;
      const stateDir = path.join(this.#folder, name);
      this.#stateDirs.push(stateDir);
      const argv = ['agent', '--server', server, '--name', name, '--state-dir', stateDir, '--simulate', gpus];
      const shared = ['--shared-dir', path.join(this.#folder, 'shared'), '--stop-tasks-on-exit'];
      this.#agents.push(new DevProcess(name, [...argv, ...shared], this.#folder));
      return { name, gpus };
    });
  }

  /** Asks again and again; an end of a process, or too long a wait, is a failure with the end of its log. */
  async #until<T>(what: string, ask: () => T | null | Promise<T | null>): Promise<T> {
    const { clock } = this.#invocation.host;
    const endMs = clock.monotonicMs() + START_LIMIT_MS;
    for (;;) {
      const answer = await ask();
      if (answer !== null) return answer;
      const all = [...this.#agents, ...(this.#scheduler === null ? [] : [this.#scheduler])];
      const gone = all.find((each) => !each.isRunning);
      if (gone !== undefined) throw endedEarly(gone, await gone.ended);
      if (this.#interrupts > 0) throw failure('INTERRUPTED', 'interrupted while starting');
      if (clock.monotonicMs() > endMs) {
        throw failure('NOT_STARTED', `gave up after ${START_LIMIT_MS / 1000}s until ${what}`, `Logs: ${this.#folder}`);
      }
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
    }
  }
}

function endedEarly(broken: DevProcess, how: string): Error {
  return failure('PROCESS_ENDED', `${broken.name} ended by itself (${how}); the end of its log:`, broken.lastWords());
}

/** A queue to try things in: without guarantee, it borrows what is idle and gives it back. */
async function ensureQueue(api: SluiceClient): Promise<void> {
  if ((await api.allQueues()).length > 0) return;
  await api.createQueue({ queue: { name: QUEUE } }).catch((error: unknown) => {
    if (!isApiError(error) || error.reason !== 'QUEUE_EXISTS') throw error;
  });
}

function tell(
  invocation: Invocation,
  { grpc, http, nodes, gpus }: Started,
  options: { readonly folder: string; readonly isKept: boolean; readonly context: SavedContext | null },
): void {
  const { context } = options;
  const reach = context === null ? ` --server ${grpc}` : context.isCurrent ? '' : ` --context ${CONTEXT}`;
  invocation.out(
    `Sluice dev cluster: ${plural(nodes.length, 'node')}, ${plural(gpus, 'GPU')} (${SIMULATED}: no hardware behind them)`,
  );
  invocation.out(`  scheduler  ${grpc}   metrics http://${http}/metrics`);
  invocation.out(`  nodes      ${nodes.map(({ name, gpus: some }) => `${name} (${some})`).join(', ')}`);
  invocation.out(
    `  folder     ${options.folder}${options.isKept ? '' : ' (removed at the end; --data-dir keeps one)'}`,
  );
  if (context !== null) {
    const use = context.isCurrent ? 'in use' : `use it with --context ${CONTEXT}`;
    invocation.out(`  context    ${CONTEXT} in ${invocation.configPath} (${use})`);
  }
  invocation.out('In another terminal:');
  invocation.out(`  sluice${reach} run -G 1${context === null ? ` -A ${QUEUE}` : ''} -- env`);
  invocation.out(`  sluice${reach} get nodes`);
  invocation.out('Ctrl-C stops all of it.');
}

/** The context of this cluster, in the configuration. */
interface SavedContext {
  readonly isCurrent: boolean;
  /** Gives the name back to the cluster that had it before, which may still run; a newer one keeps it. */
  putBack(): Promise<void>;
}

/** Saves the context; makes it the one in use unless another is. */
async function saveContext(invocation: Invocation, server: string): Promise<SavedContext> {
  const config = await readConfig(invocation.configPath);
  const before = config.contexts[CONTEXT];
  const currentContext = config.currentContext ?? CONTEXT;
  const changed = withContext(config, CONTEXT, {
    server,
    queue: QUEUE,
    token: null,
    token_file: null,
    tls_ca: null,
    tls_cert: null,
    tls_key: null,
  });
  await writeConfig(invocation.configPath, { ...changed, currentContext });
  return {
    isCurrent: currentContext === CONTEXT,
    putBack: async () => {
      if (before === undefined || before.server === server) return;
      const now = await readConfig(invocation.configPath);
      if (now.contexts[CONTEXT]?.server !== server) return;
      await writeConfig(invocation.configPath, { ...now, contexts: { ...now.contexts, [CONTEXT]: before } });
    },
  };
}

/** Reads `2x4xh100,1x8xl4`. @throws CliError (exit 2) */
function parseNodes(text: string): readonly NodeGroup[] {
  const groups = text.split(',').map((part): NodeGroup => {
    const match = /^\s*(\d{1,3})x(\d{1,3})(?:x([a-z][a-z0-9]*))?\s*$/i.exec(part);
    const [count, gpuCount] = [Number(match?.[1]), Number(match?.[2])];
    if (match === null || count < 1 || gpuCount < 1 || gpuCount > MAX_GPUS_A_NODE) {
      throw usageError(
        `--nodes ${text}: "${part}" is none of nodes x GPUs x model`,
        `Write 2x4xh100 for 2 nodes with 4 H100 each; at most ${MAX_GPUS_A_NODE} GPUs a node.`,
      );
    }
    return { count, gpuCount, gpus: `${gpuCount}x${match[3] ?? 'h100'}` };
  });
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  if (total > MAX_NODES) throw usageError(`--nodes ${text}: ${total} nodes are too many; at most ${MAX_NODES}`);
  return groups;
}

/** The port itself when nobody listens on it, else 0: the daemon then takes any. */
function freePort(wished: number): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(wished, HOST, () => probe.close(() => resolve(wished)));
  });
}
