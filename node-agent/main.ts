// The agent as a program: reads its flags, wires it to the machine's clock, GPUs and network, and runs it until a signal.
import { readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../common/clock.js';
import { exitAtOnce } from '../common/exit-at-once.js';
import { createLogger, type LogLevel } from '../common/log.js';
import { makeFolderSync } from '../common/make-folder.js';
import { formatDuration, parseDurationMs } from '../common/units.js';
import { PACKAGE_VERSION } from '../common/package-root.js';
import { openTracer, type Tracer } from '../common/tracing/tracer.js';
import { whyNoToken } from '../common/token.js';
import { whyUnusable } from '../common/why-unusable.js';
import { Agent } from './agent.js';
import { exitCodeOf, formatFindings } from './check/finding.js';
import { checkMachine } from './check/machine-check.js';
import { createGpuProvider, loadScenario } from './gpu/create.js';
import { NVML_LIBRARY } from './gpu/nvidia-smi.js';
import type { GpuProvider } from './gpu/provider.js';
import { MAX_EPILOG_MS } from './health/hooks.js';
import { machineHealth, type MachineHealthOptions } from './health/machine-health.js';
import { machineHost, type MachineHostOptions } from './machine-host.js';
import type { Machine } from './messages.js';
import { TaskSpans } from './tracing/task-spans.js';
import { type HttpAddress, showAgent, type Showing } from './metrics/serve.js';
import { interfaceOf } from './runtime/addresses.js';
import { canRunAs } from './runtime/as-user.js';
import { checkUser, readUserMap, TaskUsers } from './runtime/run-as.js';
import type { TaskHolding } from './runtime/task-holding.js';

const DEFAULT_SERVER = '127.0.0.1:7443';
/** As the scheduler takes them. */
const NODE_NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const DEFAULT_TASK_PROCESSES = 16_384;
const MIN_TASK_PROCESSES = 16;
const DEFAULT_TASK_DISK_BYTES = 100 * 2 ** 30;
const BYTES_OF: Readonly<Record<string, number>> = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
/** Exit codes: wrong usage, and what the machine refuses. */
const EXIT_USAGE = 2;
const EXIT_FAILED = 1;
/** The longest limits of hooks. */
const MAX_HOOK_MS = 3_600_000;
/** The longest limit for making a task ready, in ms: the scheduler gives a gang up after 10 minutes, and is to hear of it before. */
const MAX_PREPARE_MS = 540_000;
const MAX_INTERVAL_MS = 86_400_000;

/** What the command line says. "off" is a word of its own here: commander makes an empty text of a null. */
interface Flags {
  readonly server: readonly string[];
  readonly name: string;
  readonly pool: string;
  readonly label: Readonly<Record<string, string>>;
  readonly stateDir: string;
  readonly sharedDir?: string;
  readonly simulate?: string;
  readonly real?: boolean;
  readonly gpus: boolean;
  readonly http: HttpAddress | 'off';
  readonly dcgmNames: 'auto' | 'on' | 'off';
  readonly hpcJobMappingDir?: string;
  readonly tokenFile?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly runAs?: string;
  readonly userMap?: string;
  readonly taskProcesses: number;
  readonly taskDisk: number | 'off' | 'default';
  readonly cpus: 'near' | 'any';
  readonly isolation: 'possible' | 'required';
  readonly logLevel: LogLevel;
  readonly advertiseAddress?: string;
  readonly stopTasksOnExit?: boolean;
  readonly prolog?: string;
  readonly prologLimit: number;
  readonly epilog?: string;
  readonly epilogLimit: number;
  readonly healthCheck?: string;
  readonly healthCheckLimit: number;
  readonly healthCheckInterval: number;
  readonly prepareLimit: number;
}

/**
 * Runs the agent until SIGTERM or SIGINT. Sets `process.exitCode` when it could not run.
 * @param argv the arguments after `sluice agent`
 */
export async function runAgent(argv: readonly string[]): Promise<void> {
  const [first, ...rest] = argv;
  const flags = parseFlags(first === 'check' ? rest : argv);
  if (flags === null) return;
  if (first === 'check') return check(flags);
  const log = createLogger({ level: flags.logLevel, name: 'agent' });
  // Asked for before anything is started, so that no signal finds nobody.
  const signal = nextSignal();
  let agent: Agent;
  let showing: Showing;
  let tracer: Tracer | null = null;
  try {
    const clock = systemClock;
    const options = await hostOptions(flags);
    const { name, pool, label: labels } = flags;
    tracer = await openTracer('sluice-agent', process.env, log.child({ component: 'traces' }));
    const spans = tracer === null ? {} : { spans: new TaskSpans(tracer, name) };
    agent = await Agent.start(
      {
        name,
        pool,
        labels,
        machine: machineOf(flags),
        ...(flags.advertiseAddress === undefined ? {} : { advertiseAddress: flags.advertiseAddress }),
      },
      {
        clock,
        log,
        host: machineHost(options, { clock, random: Math.random, log }),
        gpus: (nodeId) => gpuProvider(flags, nodeId, log),
        health: machineHealth(healthOptions(flags), { clock, log }),
        ...spans,
      },
    );
    const { http, dcgmNames, hpcJobMappingDir = null } = flags;
    const shown = { http: http === 'off' ? null : http, dcgmNames, jobMappingDir: hpcJobMappingDir };
    showing = await showAgent(shown, () => agent.view(), { clock, log, spanCounts: tracer?.counts ?? null });
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    // Something half made may still hold the process.
    exitAtOnce(EXIT_FAILED);
  }
  const name = await signal;
  if (flags.stopTasksOnExit) {
    log.info({ signal: name }, 'stopping the tasks of this node, then leaving');
    await agent.stopTasks();
  } else {
    log.info({ signal: name }, 'leaving; tasks go on and are adopted by the next agent of this state folder');
  }
  await showing.end();
  await agent.stop();
  await tracer?.close();
  // Whatever a library still keeps open must not keep it here.
  exitAtOnce(0);
}

/** `sluice agent check`: looks, starts nothing, and leaves with 1 when an agent with these flags could not do its work. */
async function check(flags: Flags): Promise<void> {
  try {
    const { servers, token, tls, holding } = await hostOptions(flags);
    const findings = await checkMachine({
      connection: { servers, token, tls },
      stateDir: flags.stateDir,
      sharedDir: flags.sharedDir ?? null,
      demands: holding.demands,
      isolationRequired: holding.isRequired,
      canSwitchUser: canRunAs(),
      http: flags.http === 'off' ? null : flags.http,
      gpus: gpuProvider(flags, 'check', createLogger({ level: 'silent', name: 'agent' })),
      wallMs: () => systemClock.wallMs(),
    });
    process.stdout.write(formatFindings(findings));
    exitAtOnce(exitCodeOf(findings));
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    exitAtOnce(EXIT_FAILED);
  }
}

/** The flags of a command line; null = it was wrong, or asked for help, and that was said. */
export function parseFlags(argv: readonly string[]): Flags | null {
  const command = defineFlags();
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
    return null;
  }
  return command.opts<Flags>();
}

function defineFlags(): Command {
  const state = path.join(os.homedir(), '.local/share/sluice/agent');
  return new Command('sluice agent')
    .description('Runs the agent of one GPU machine: it starts, stops and watches what the scheduler places here.')
    .version(PACKAGE_VERSION)
    .usage('[check] [FLAGS]')
    .addHelpText(
      'after',
      '\nsluice agent check [FLAGS] starts nothing: it says what an agent with these flags finds here, and what is missing.',
    )
    .exitOverride()
    .addOption(
      new Option('--server <host:port,...>', 'where the scheduler answers; of several the one that leads is found')
        .env('SLUICE_SERVER')
        .default([DEFAULT_SERVER], DEFAULT_SERVER)
        .argParser(parseServers),
    )
    .addOption(
      new Option('--name <name>', 'name of this node').default(os.hostname().toLowerCase()).argParser(parseName),
    )
    .option('--pool <pool>', 'pool of this node', 'default')
    .option('--label <key=value>', 'a label of this node, such as rack=r7 or block=b2; may be repeated', parseLabel, {})
    .addOption(
      new Option(
        '--advertise-address <address>',
        'where tasks on other nodes reach tasks here: an address of the fast network; default: where the agent connects from',
      ).argParser(parseAddress),
    )
    .option('--state-dir <folder>', 'where the agent keeps its state and the logs of tasks', toPath, state)
    .option('--shared-dir <folder>', 'where checkpoints go by default, best seen by all nodes', toPath)
    .addOption(
      new Option('--simulate <spec>', 'simulated GPUs: 8xH100, or a scenario file').conflicts(['real', 'gpus']),
    )
    .addOption(new Option('--real', "this machine's NVIDIA GPUs (the default)").conflicts(['simulate', 'gpus']))
    .addOption(new Option('--no-gpus', 'no GPUs: only tasks that need none'))
    .addOption(
      new Option('--http <host:port>', 'where /metrics answers to Prometheus, such as 0.0.0.0:9466; off = nowhere')
        .default('off')
        .argParser(parseHttp),
    )
    .addOption(
      new Option('--dcgm-names <when>', 'metrics also under the names of dcgm-exporter; auto = where none runs')
        .choices(['auto', 'on', 'off'])
        .default('auto'),
    )
    .option(
      '--hpc-job-mapping-dir <folder>',
      'tell a dcgm-exporter of this machine whose work is on which GPU: its flag of the same name',
      toPath,
    )
    .option('--token-file <file>', 'file with the token that the scheduler wants of this node')
    .option('--tls-ca <file>', "PEM of the authority that signed the scheduler's certificate; turns TLS on")
    .option('--tls-cert <file>', "PEM of this agent's certificate, where the scheduler wants one; needs --tls-key")
    .option('--tls-key <file>', 'PEM of the key of that certificate')
    .option('--run-as <user>', 'the user of this machine that tasks run as; needs root. Default: the user of the agent')
    .option(
      '--user-map <file>',
      'who runs the tasks of whom: lines of "submitter: user of this machine"; others are --run-as, or refused',
      toPath,
    )
    .addOption(
      new Option('--task-processes <count>', 'the most processes and threads of a task at once; off = no limit')
        .default(DEFAULT_TASK_PROCESSES, String(DEFAULT_TASK_PROCESSES))
        .argParser(parseProcesses),
    )
    .addOption(
      new Option(
        '--task-disk <size>',
        'the most that a task may have in its own folder, such as 200GiB; off = no limit. Above it, it is ended',
      )
        .default('default', '100GiB, or half of the disk if that is less')
        .argParser(parseTaskDisk),
    )
    .addOption(
      new Option('--cpus <which>', 'near = tasks run on the processors near their GPUs; any = on all of them')
        .choices(['near', 'any'])
        .default('near'),
    )
    .addOption(
      new Option(
        '--isolation <how>',
        'required = refuse to run where a task cannot be held to what it was granted; possible = say what is missing',
      )
        .choices(['possible', 'required'])
        .default('possible'),
    )
    .addOption(new Option('--log-level <level>', 'least severe level that is logged').choices(LEVELS).default('info'))
    .option(
      '--prolog <file>',
      'a program that runs before each task; when it fails, the node takes no new work',
      toPath,
    )
    .addOption(limit('--prolog-limit <duration>', 'how long it may take', '60s', MAX_HOOK_MS))
    .option('--epilog <file>', 'a program that runs after each task; when it fails, the node takes no new work', toPath)
    .addOption(limit('--epilog-limit <duration>', 'how long it may take, at most 50s', '30s', MAX_EPILOG_MS))
    .option(
      '--health-check <file>',
      'a program that runs now and then; while it fails, the node takes no new work',
      toPath,
    )
    .addOption(limit('--health-check-limit <duration>', 'how long it may take', '60s', MAX_HOOK_MS))
    .addOption(limit('--health-check-interval <duration>', 'how often it runs', '5m', MAX_INTERVAL_MS))
    .addOption(
      limit('--prepare-limit <duration>', 'how long the folders of a task may take to answer', '2m', MAX_PREPARE_MS),
    )
    .option('--stop-tasks-on-exit', 'on SIGTERM stop all tasks first; otherwise they go on without the agent');
}

/** An option that takes a duration, from a second on. */
function limit(flag: string, description: string, usual: string, mostMs: number): Option {
  return new Option(flag, description).default(parseDurationMs(usual), usual).argParser((text) => {
    const ms = parseDurationMs(text);
    if (ms !== null && ms >= 1_000 && ms <= mostMs) return ms;
    throw new InvalidArgumentError(`"${text}" is no duration from 1s to ${formatDuration(mostMs)}.`);
  });
}

function healthOptions(flags: Flags): MachineHealthOptions {
  const hook = (file: string | undefined, limitMs: number) => (file === undefined ? undefined : { file, limitMs });
  return {
    node: flags.name,
    stateDir: flags.stateDir,
    readsKernelLog: flags.simulate === undefined && flags.gpus,
    hooks: {
      prolog: hook(flags.prolog, flags.prologLimit),
      epilog: hook(flags.epilog, flags.epilogLimit),
      healthCheck: hook(flags.healthCheck, flags.healthCheckLimit),
      everyMs: flags.healthCheckInterval,
    },
  };
}

/** How the agent meets the machine, by the flags. @throws Error in words when a file that they name is none */
export async function hostOptions(flags: Flags): Promise<MachineHostOptions> {
  return {
    servers: flags.server,
    token: flags.tokenFile === undefined ? null : readToken(flags.tokenFile),
    tls: tlsOf(flags),
    name: flags.name,
    stateDir: flags.stateDir,
    sharedDir: flags.sharedDir ?? path.join(flags.stateDir, 'shared'),
    environment: process.env,
    peerInterface: () =>
      flags.advertiseAddress === undefined ? null : interfaceOf(os.networkInterfaces(), flags.advertiseAddress),
    holding: await holdingOf(flags),
    prepareLimitMs: flags.prepareLimit,
  };
}

/** How tasks are held, by the flags. @throws Error in words when this machine cannot hold them so */
export async function holdingOf(flags: Flags): Promise<TaskHolding> {
  const users = new TaskUsers({ user: flags.runAs ?? null, mapFile: flags.userMap ?? null });
  const able = canRunAs();
  if (users.areOthers && able !== true) {
    throw new Error(`tasks cannot run as other users: ${able}\nLeave --run-as and --user-map out, or change that.`);
  }
  if (flags.userMap !== undefined) readUserMap(flags.userMap);
  if (flags.runAs !== undefined) await checkUser(flags.runAs);
  const hasGpus = flags.simulate === undefined && flags.gpus;
  return {
    users,
    maxProcesses: flags.taskProcesses,
    workLimitBytes: workLimitOf(flags),
    bindsCpus: flags.cpus === 'near',
    demands: { isRoot: process.geteuid?.() === 0, hasOwnUsers: users.areOthers, hasGpus },
    isRequired: flags.isolation === 'required',
  };
}

/** @returns null = none */
function workLimitOf({ taskDisk, stateDir }: Flags): number | null {
  if (taskDisk === 'off') return null;
  return taskDisk === 'default' ? defaultTaskDisk(stateDir) : taskDisk;
}

/** Many small tasks fill a disk too, but one alone shall not. */
function defaultTaskDisk(stateDir: string): number {
  makeFolderSync(stateDir, 0o700);
  const { blocks, bsize } = statfsSync(stateDir);
  return Math.min(DEFAULT_TASK_DISK_BYTES, Math.floor((blocks * bsize) / 2));
}

/** What the machine has beside GPUs; a scenario may say otherwise, so that large nodes can be shown on small ones. */
function machineOf({ simulate }: Flags): Machine {
  const scenario = simulate === undefined ? null : loadScenario(simulate);
  return {
    cpuCount: scenario?.cpuCount ?? os.availableParallelism(),
    memoryMib: scenario?.memoryMib ?? Math.floor(os.totalmem() / 2 ** 20),
  };
}

function tlsOf({ tlsCa, tlsCert, tlsKey }: Flags): MachineHostOptions['tls'] {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw new Error('--tls-cert and --tls-key go together');
  if (tlsCa === undefined) {
    if (tlsCert !== undefined) throw new Error('--tls-cert needs --tls-ca: without it there is no TLS');
    return null;
  }
  const client =
    tlsCert === undefined || tlsKey === undefined
      ? null
      : { certificate: readGiven('--tls-cert', tlsCert), key: readGiven('--tls-key', tlsKey) };
  return { ca: readGiven('--tls-ca', tlsCa), client };
}

/** @throws Error in words, none of which is of the token */
function readToken(file: string): string {
  const token = readGiven('--token-file', file).toString('utf8').trim();
  const problem = whyNoToken(token);
  if (problem === null) return token;
  throw new Error(`--token-file ${file} holds no token: ${problem}\nA token is one line, as "sluice token" prints it.`);
}

/** @throws Error in words that name the flag */
function readGiven(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${flag} ${file} cannot be read: ${whyUnusable(error)}`, { cause: error });
  }
}

function gpuProvider(flags: Flags, nodeId: string, logger: ReturnType<typeof createLogger>): GpuProvider {
  const deps = { clock: systemClock, logger };
  if (flags.simulate !== undefined) {
    return createGpuProvider({ source: 'simulated', scenario: flags.simulate, nodeId }, deps);
  }
  if (!flags.gpus) return createGpuProvider({ source: 'none' }, deps);
  return createGpuProvider({ source: 'real', nvmlLibrary: NVML_LIBRARY }, deps);
}

function parseServers(text: string): string[] {
  const servers = text.split(',').map((one) => one.trim());
  const wrong = servers.find((one) => !/^(\[[0-9a-fA-F:]+\]|[^\s:,]+):\d{1,5}$/.test(one));
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is not HOST:PORT.`);
  return servers;
}

/** It goes to programs as MASTER_ADDR. */
function parseAddress(text: string): string {
  if (/^[0-9A-Za-z.:_-]{1,253}$/.test(text) && !/^[^:]*:\d+$/.test(text)) return text;
  throw new InvalidArgumentError(`"${text}" is no address: a name or an IP address, without a port.`);
}

function parseHttp(text: string): HttpAddress | 'off' {
  if (text === 'off') return text;
  const [, host, port] = /^(\[[0-9a-fA-F:]+\]|[^\s:]+):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65_535) {
    throw new InvalidArgumentError(`"${text}" is not HOST:PORT, nor off.`);
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function parseProcesses(text: string): number {
  if (text === 'off') return 0;
  // Below that not even a shell with a pipe runs.
  if (!/^\d{1,7}$/.test(text) || Number(text) < MIN_TASK_PROCESSES) {
    throw new InvalidArgumentError(`"${text}" is no number from ${MIN_TASK_PROCESSES} on, nor off.`);
  }
  return Number(text);
}

function parseTaskDisk(text: string): number | 'off' {
  if (text === 'off') return text;
  const [, digits, unit = ''] = /^(\d{1,9})(MiB|GiB|TiB)$/.exec(text) ?? [];
  const bytes = Number(digits) * (BYTES_OF[unit] ?? Number.NaN);
  if (!(bytes > 0)) throw new InvalidArgumentError(`"${text}" is no size such as 500MiB, 200GiB or 1TiB, nor off.`);
  return bytes;
}

/** Commander hands on the former value too, which path.resolve would take for a second part. */
function toPath(text: string): string {
  // An empty variable in a unit file would mean the folder the agent happens to be in.
  if (text === '') throw new InvalidArgumentError('An empty path is none.');
  return path.resolve(text);
}

function parseName(text: string): string {
  if (!NODE_NAME.test(text)) throw new InvalidArgumentError('A node name has a-z, 0-9, "-" and "."; at most 63.');
  return text;
}

function parseLabel(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('A label is KEY=VALUE.');
  return { ...before, [key]: value };
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.on('SIGTERM', resolve);
    process.on('SIGINT', resolve);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runAgent(process.argv.slice(2));
