// The configuration of `sluice server`: every setting with its meaning and default, the rules between settings, and how
// flags, environment and file become one. Secrets are named by the files they lie in, never given as values.
import { readFileSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import {
  ConfigError,
  formatHelp,
  formatSettings,
  fromEnvironment,
  fromYaml,
  type Given,
  type Origin,
  parseFlags,
  refuse,
  setting,
  settingsOf,
  settle,
} from '../common/config.js';
import { LOG_LEVELS, type LogLevel } from '../common/log.js';
import { PACKAGE_VERSION } from '../common/package-root.js';
import { formatDuration, parseDurationMs } from '../common/units.js';
import type { TlsFiles } from './auth/credentials.js';
import { MIN_REQUEST_COUNT, MIN_REQUEST_MS, type Retention } from './control/commands/retention.js';
import { DEFAULT_POLICY, type EnginePolicy, type PlacementPolicy } from './engine/policy.js';
import { FAULT_ACTIONS, type FaultAction, type GpuPolicy } from './model/gpu-policy.js';
import type { Prices } from './model/prices.js';

/** Where to listen. Port 0 = a free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What the daemon runs by. Paths are absolute. */
export interface ServerConfig {
  /** gRPC. */
  readonly listen: Address;
  /** Metrics and health over HTTP; null = off. */
  readonly http: Address | null;
  readonly dataDir: string;
  /** Both files of tokens, or neither. */
  readonly tokensFile: string | null;
  readonly agentTokensFile: string | null;
  /** Null = no encryption. */
  readonly tls: TlsFiles | null;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly maxGraceMs: number;
  readonly fencing: FencingConfig;
  /** What follows from faults of GPUs. */
  readonly gpuHealth: GpuPolicy;
  readonly logLevel: LogLevel;
  readonly readyFile: string | null;
  readonly retention: Retention;
  readonly prices: Prices;
  /** How the engine schedules. */
  readonly policy: EnginePolicy;
}

/** When silent nodes are given up, and what becomes of tasks that nobody asked for. */
export interface FencingConfig {
  readonly failoverMs: number;
  readonly orphanTtlMs: number;
  /** When so many fall silent at once, nothing of theirs is given up. */
  readonly brake: { readonly nodes: number; readonly ratio: number; readonly windowMs: number };
  /** The cluster that a new store goes on with, because its data is gone; null = a new store begins a cluster of its own. */
  readonly lostClusterId: string | null;
}

/** What the arguments ask for: to serve, or to print something and leave. */
export type LoadedServerConfig =
  | { readonly type: 'serve'; readonly config: ServerConfig }
  | { readonly type: 'print'; readonly text: string; readonly stream: 'stdout' | 'stderr'; readonly exitCode: number };

const PREFIX = 'SLUICE_SERVER';
const CONFIG_VARIABLE = `${PREFIX}__CONFIG`;
const SWITCHES = ['help', 'version', 'print-config'];
const EXIT_USAGE = 2;
const MAX_CONFIG_BYTES = 1024 * 1024;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A lease must outlive a few lost heartbeats, or nodes come and go with every hiccup of the network. */
const LEAST_HEARTBEATS_A_LEASE = 2;
/** Pools whose placement may be named one by one. */
const MAX_PLACEMENT_POOLS = 1_000;
/** The most a GPU hour may cost, in any currency. */
const MAX_PRICE = 1_000_000_000;
const PLACEMENTS: readonly PlacementPolicy[] = ['fragmentation', 'pack', 'spread'];

const schema = z.strictObject({
  listen: setting(address(), {
    description: 'Where gRPC answers. Beyond this machine it needs tokens and TLS. Port 0 takes a free one.',
    value: 'HOST:PORT',
    default: '127.0.0.1:7443',
  }),
  http: setting(addressOrOff(), {
    description: 'Where /metrics, /healthz and /readyz answer, without tokens or TLS; "off" for nowhere.',
    value: 'HOST:PORT|off',
    default: '127.0.0.1:9465',
  }),
  data_dir: setting(text(), {
    description: 'The folder that holds the state of the cluster, on a local disk. One daemon a folder.',
    value: 'FOLDER',
    default: '~/.local/share/sluice/server',
    isPath: true,
  }),
  tokens_file: setting(file(), {
    description: 'Tokens of users, one "sha256:HEX NAME [user|admin]" a line. Read anew when it changes.',
    value: 'FILE',
    default: null,
    isPath: true,
  }),
  agent_tokens_file: setting(file(), {
    description: 'Tokens of node-agents, one "sha256:HEX NODE" a line; NODE is * for any. Read anew when it changes.',
    value: 'FILE',
    default: null,
    isPath: true,
  }),
  tls: z.strictObject({
    cert: setting(file(), {
      description: 'The certificate of this server and those between it and its authority, as PEM. Turns TLS on.',
      value: 'FILE',
      default: null,
      isPath: true,
    }),
    key: setting(file(), {
      description: 'The private key of that certificate, as PEM without a password.',
      value: 'FILE',
      default: null,
      isPath: true,
    }),
    client_ca: setting(file(), {
      description: 'The authority of clients, as PEM. Then users and agents need certificates as well as tokens.',
      value: 'FILE',
      default: null,
      isPath: true,
    }),
  }),
  heartbeat: setting(duration(100, MINUTE_MS), {
    description: 'How often an agent says that it is there.',
    value: 'DURATION',
    default: '5s',
  }),
  lease: setting(duration(200, HOUR_MS), {
    description: 'How long a node counts as there after a heartbeat; then its work is given up.',
    value: 'DURATION',
    default: '20s',
  }),
  max_grace: setting(duration(0, 7 * DAY_MS), {
    description: 'The longest a workload may ask for between its stop signal and the kill.',
    value: 'DURATION',
    default: '1h',
  }),
  log_level: setting(z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`), {
    description: `The least severe lines that are logged: ${LOG_LEVELS.join(', ')}.`,
    value: 'LEVEL',
    default: 'info',
  }),
  ready_file: setting(file(), {
    description: 'A file written when the daemon serves: {"grpc":"HOST:PORT","http":"HOST:PORT","pid":N}.',
    value: 'FILE',
    default: null,
    isPath: true,
  }),
  fencing: z.strictObject({
    failover: setting(duration(0, DAY_MS), {
      description: 'How long after its start the scheduler waits for silent nodes, whatever their leases.',
      value: 'DURATION',
      default: '60s',
    }),
    orphans: setting(duration(0, 7 * DAY_MS), {
      description:
        'How long a task that nobody asked for is left alone, so that a person can look at it; 0s = not at all.',
      value: 'DURATION',
      default: '5m',
    }),
    brake_nodes: setting(count(1, 20_000), {
      description:
        'When more nodes than this, and more than brake_ratio, fall silent within brake_window, nothing is given up.',
      value: 'COUNT',
      default: '3',
    }),
    brake_ratio: setting(numberFrom(0, 1), {
      description: 'The part of all nodes that goes with brake_nodes.',
      value: 'RATIO',
      default: '0.3',
    }),
    brake_window: setting(duration(1_000, DAY_MS), {
      description: 'The time in which they fall silent.',
      value: 'DURATION',
      default: '2m',
    }),
    lost_cluster: setting(clusterId(), {
      description:
        'The id of a cluster whose data is gone without a backup, for an empty data_dir: its agents are obeyed, and what they ' +
        'run is taken over. Their logs and "sluice version" tell it.',
      value: 'UUID',
      default: null,
    }),
  }),
  gpu_health: z.strictObject({
    xid: setting(xidActions(), {
      description:
        'What follows from an Xid of the NVIDIA driver, where it is to differ from the table in the administration guide: ' +
        '109=drain,63=ignore. Actions: ignore, count, suspect, drain, quarantine.',
      value: 'XID=ACTION,…',
      default: null,
      isMap: true,
    }),
    suspect_for: setting(duration(MINUTE_MS, 30 * DAY_MS), {
      description: 'How long a suspect GPU takes nothing new.',
      value: 'DURATION',
      default: '30m',
    }),
    repeat_workloads: setting(count(1, 32), {
      description: 'A GPU with faults under so many different workloads within repeat_window is kept for a person.',
      value: 'COUNT',
      default: '3',
    }),
    repeat_users: setting(count(1, 32), {
      description:
        'Of so many users at least, where a program can cause such a fault by itself: one with a broken program condemns nothing.',
      value: 'COUNT',
      default: '2',
    }),
    repeat_window: setting(duration(MINUTE_MS, 365 * DAY_MS), {
      description: 'The time that goes with them.',
      value: 'DURATION',
      default: '7d',
    }),
    node_gpus: setting(count(0, 256), {
      description: 'A node with so many GPUs quarantined for faults is cordoned; 0 = never.',
      value: 'COUNT',
      default: '2',
    }),
    brake_nodes: setting(count(1, 20_000), {
      description: 'When GPUs of more nodes than this are condemned within brake_window, no more are.',
      value: 'COUNT',
      default: '3',
    }),
    brake_ratio: setting(numberFrom(0, 1), {
      description: 'The same for this part of all GPUs, if they are more than 8 and of several nodes.',
      value: 'RATIO',
      default: '0.2',
    }),
    brake_window: setting(duration(1_000, DAY_MS), {
      description: 'The time that goes with them.',
      value: 'DURATION',
      default: '10m',
    }),
  }),
  retention: z.strictObject({
    finished_age: setting(duration(0, 3650 * DAY_MS), {
      description: 'How long a finished workload is kept.',
      value: 'DURATION',
      default: '7d',
    }),
    finished_count: setting(count(0, 1_000_000), {
      description: 'How many finished workloads are kept at most; the oldest go first.',
      value: 'COUNT',
      default: '100000',
    }),
    request_age: setting(duration(MIN_REQUEST_MS, 3650 * DAY_MS), {
      description:
        'How long a request id is remembered, so that a repeated request is not done twice; at least 7d, and never shorter ' +
        'than the workloads that it made are kept.',
      value: 'DURATION',
      default: '7d',
    }),
    request_count: setting(count(MIN_REQUEST_COUNT, 50_000_000), {
      description:
        'How many request ids are remembered at most. When that many are younger than 7d, new ones are refused rather than ' +
        'old ones forgotten.',
      value: 'COUNT',
      default: String(MIN_REQUEST_COUNT),
    }),
  }),
  usage: z.strictObject({
    prices: setting(gpuPrices(), {
      description:
        'What an hour of a GPU costs, by words of its model, the first that occurs; "*" for all others: h100=2.50,a100=1.60,*=1.',
      value: 'MODEL=PRICE,…',
      default: null,
      isMap: true,
    }),
    currency: setting(text(), {
      description: 'What prices are in, as reports show it.',
      value: 'WORD',
      default: 'USD',
    }),
  }),
  scheduling: z.strictObject({
    placement: setting(placement(), {
      description:
        'How nodes are chosen for work that fits on several: fragmentation (what stays free suits the most of what is ' +
        'asked for), pack (the fullest node that fits) or spread (the emptiest).',
      value: 'POLICY',
      default: 'fragmentation',
    }),
    placement_of: setting(placementOf(), {
      description: 'The same for single pools, where it is to differ: inference=pack,training=spread.',
      value: 'POOL=POLICY,…',
      default: null,
      isMap: true,
    }),
    consolidation: setting(z.enum(['on', 'off'], 'must be on or off'), {
      description: 'Whether running work is moved to make room where enough GPUs are free, but not together.',
      value: 'on|off',
      default: 'on',
    }),
    max_moves: setting(count(1, 1_000), {
      description: 'Workloads that are moved at most to make room for one.',
      value: 'COUNT',
      default: '16',
    }),
    max_disturbance: setting(numberOr('unlimited', Infinity, 0, 1_000), {
      description: 'GPUs that moves may disturb for each GPU asked for; "unlimited" for any number.',
      value: 'NUMBER|unlimited',
      default: '2',
    }),
    reserve_after: setting(durationOrOff(1_000, 365 * DAY_MS), {
      description: 'After so long for want of GPUs a workload reserves its place and ages; "off" for never.',
      value: 'DURATION|off',
      default: '15m',
    }),
    max_reservations_per_pool: setting(count(0, 1_000), {
      description: 'Reservations at the same time in one pool.',
      value: 'COUNT',
      default: '16',
    }),
    saturation_multiplier: setting(numberFrom(1, 1_000), {
      description:
        'A queue above its fair share takes from another only while, with its own use of its share multiplied by this, ' +
        'it stays below the use of the other. More makes for fewer, larger takings.',
      value: 'NUMBER',
      default: '1',
    }),
    broken_gang_grace: setting(duration(0, 7 * DAY_MS), {
      description: 'How long a gang may run with fewer tasks than it needs before it is stopped and requeued.',
      value: 'DURATION',
      default: '1m',
    }),
    max_min_runtime: setting(duration(0, 30 * DAY_MS), {
      description: 'The longest min-runtime of a queue that counts; a longer one counts as this.',
      value: 'DURATION',
      default: '1h',
    }),
    usage_half_life: setting(durationOrOff(MINUTE_MS, 3650 * DAY_MS), {
      description:
        'Past use counts against a queue when surplus is divided, by half after this time; "off" for not at all.',
      value: 'DURATION|off',
      default: 'off',
    }),
    usage_weight: setting(numberFrom(0, 1_000), {
      description: 'How strongly past use counts; 0 = not at all.',
      value: 'NUMBER',
      default: '1',
    }),
  }),
});

/** All settings, for help and documentation. */
export const serverSettings = settingsOf(schema, PREFIX);

/**
 * Makes the configuration of `sluice server` from its arguments and environment, reading the file they name.
 * Everything wrong with them comes back as text to print, with exit code 2.
 */
export function loadServerConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): LoadedServerConfig {
  try {
    return load(argv, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { type: 'print', text: `error: ${error.message}\n`, stream: 'stderr', exitCode: EXIT_USAGE };
  }
}

function load(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): LoadedServerConfig {
  const names = ['config', ...serverSettings.map(({ flag }) => flag)];
  const words = argv.map((word) => (word === '-h' ? '--help' : word));
  const { values: flags, switches } = parseFlags(words, names, SWITCHES);
  if (switches.has('help')) return print(helpText());
  if (switches.has('version')) return print(`${PACKAGE_VERSION}\n`);

  const home = env['HOME'] ?? os.homedir();
  const named = flags.get('config') ?? env[CONFIG_VARIABLE] ?? '';
  const configFile = named === '' ? null : path.resolve(expandHome(named, home));
  const { values, given } = settle(
    schema,
    serverSettings,
    [
      fromFlags(flags),
      fromEnvironment(env, serverSettings, PREFIX, [CONFIG_VARIABLE]),
      configFile === null ? new Map() : fromYaml(readConfigFile(configFile), configFile, serverSettings),
    ],
    (text: string, origin: Origin) => {
      const from = origin === 'file' && configFile !== null ? path.dirname(configFile) : process.cwd();
      return path.resolve(from, expandHome(text, home));
    },
  );
  const config = toServerConfig(values);
  checkRules(config, values, given);
  return switches.has('print-config') ? print(formatSettings(given)) : { type: 'serve', config };
}

function print(text: string): LoadedServerConfig {
  return { type: 'print', text, stream: 'stdout', exitCode: 0 };
}

function fromFlags(flags: ReadonlyMap<string, string>): ReadonlyMap<string, Given> {
  return new Map(
    serverSettings.flatMap(({ path, flag }) => {
      const text = flags.get(flag);
      return text === undefined ? [] : [[path, { text, origin: 'flag', where: `--${flag}` }]];
    }),
  );
}

function toServerConfig(values: z.output<typeof schema>): ServerConfig {
  const { cert, key, client_ca: clientCa } = values.tls;
  return {
    listen: values.listen,
    http: values.http,
    dataDir: values.data_dir,
    tokensFile: values.tokens_file,
    agentTokensFile: values.agent_tokens_file,
    tls: cert !== null && key !== null ? { cert, key, clientCa } : null,
    heartbeatMs: values.heartbeat,
    leaseMs: values.lease,
    maxGraceMs: values.max_grace,
    fencing: {
      failoverMs: values.fencing.failover,
      orphanTtlMs: values.fencing.orphans,
      brake: {
        nodes: values.fencing.brake_nodes,
        ratio: values.fencing.brake_ratio,
        windowMs: values.fencing.brake_window,
      },
      lostClusterId: values.fencing.lost_cluster,
    },
    gpuHealth: {
      xid: values.gpu_health.xid,
      suspectMs: values.gpu_health.suspect_for,
      repeatWorkloads: values.gpu_health.repeat_workloads,
      repeatUsers: values.gpu_health.repeat_users,
      repeatWithinMs: values.gpu_health.repeat_window,
      nodeGpus: values.gpu_health.node_gpus,
      brakeNodes: values.gpu_health.brake_nodes,
      brakeRatio: values.gpu_health.brake_ratio,
      brakeWindowMs: values.gpu_health.brake_window,
    },
    prices: { currency: values.usage.currency, ofModels: values.usage.prices },
    logLevel: values.log_level,
    readyFile: values.ready_file,
    retention: {
      finishedMs: values.retention.finished_age,
      finishedCount: values.retention.finished_count,
      requestMs: values.retention.request_age,
      requestCount: values.retention.request_count,
    },
    policy: toPolicy(values.scheduling),
  };
}

function toPolicy(values: z.output<typeof schema>['scheduling']): EnginePolicy {
  const { actions } = DEFAULT_POLICY;
  return {
    actions: values.consolidation === 'on' ? actions : actions.filter((action) => action !== 'consolidate'),
    placement: values.placement,
    placementOf: values.placement_of,
    reserveAfterMs: values.reserve_after,
    maxReservationsPerPool: values.max_reservations_per_pool,
    maxMoves: values.max_moves,
    maxDisturbance: values.max_disturbance,
    saturationMultiplier: values.saturation_multiplier,
    brokenGangGraceMs: values.broken_gang_grace,
    maxMinRuntimeMs: values.max_min_runtime,
    usageHalfLifeMs: values.usage_half_life,
    usageWeight: values.usage_weight,
  };
}

/** What no setting can know by itself. */
function checkRules(config: ServerConfig, { tls }: z.output<typeof schema>, given: ReadonlyMap<string, Given>): void {
  const where = (name: string): string => given.get(name)?.where ?? name;
  const { leaseMs, heartbeatMs, tokensFile, agentTokensFile } = config;
  const problems: string[] = [];
  if (leaseMs < LEAST_HEARTBEATS_A_LEASE * heartbeatMs) {
    problems.push(
      `${where('lease')}: lease: ${formatDuration(leaseMs)} must be at least ` +
        `${LEAST_HEARTBEATS_A_LEASE} heartbeats of ${formatDuration(heartbeatMs)}`,
    );
  }
  if ((tokensFile === null) !== (agentTokensFile === null)) {
    const [set, unset] =
      tokensFile === null ? ['agent_tokens_file', 'tokens_file'] : ['tokens_file', 'agent_tokens_file'];
    problems.push(
      `${where(set)}: ${set} is set and ${unset} is not: tokens are asked of users and agents, or of nobody`,
    );
  }
  if ((tls.cert === null) !== (tls.key === null)) {
    const [set, unset] = tls.cert === null ? ['tls.key', 'tls.cert'] : ['tls.cert', 'tls.key'];
    problems.push(`${where(set)}: ${set} is set and ${unset} is not: TLS needs both`);
  }
  if (tls.client_ca !== null && tls.cert === null) {
    problems.push(
      `${where('tls.client_ca')}: tls.client_ca is set and tls.cert is not: clients' certificates need TLS`,
    );
  }
  if (problems.length > 0) refuse(problems);

  const missing = [
    ...(tokensFile === null ? ['tokens_file', 'agent_tokens_file'] : []),
    ...(config.tls === null ? ['tls.cert', 'tls.key'] : []),
  ];
  if (missing.length > 0 && !isLoopback(config.listen.host)) {
    throw new ConfigError(
      `${where('listen')}: listen: ${config.listen.host} reaches beyond this machine, so tokens and TLS are needed\n` +
        `Not set: ${missing.join(', ')}. Without them anybody who can connect runs programs on every node.\n` +
        'Set them (see --help), or listen on 127.0.0.1.',
    );
  }
}

/** Whether only this machine can connect. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function readConfigFile(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > MAX_CONFIG_BYTES) throw new Error(`${size} bytes are more than the ${MAX_CONFIG_BYTES} it may have`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `cannot read the configuration ${file}: ${error instanceof Error ? error.message : 'unknown'}`,
    );
  }
}

function expandHome(text: string, home: string): string {
  return text === '~' || text.startsWith('~/') ? path.join(home, text.slice(1)) : text;
}

function helpText(): string {
  return (
    'Runs the scheduler: one daemon that owns the state of the cluster.\n\n' +
    'Usage: sluice server [FLAGS]\n\n' +
    '  --config FILE\n      Settings as YAML: "listen: …", and "tls:" with "cert: …" indented below it.\n' +
    `      ${CONFIG_VARIABLE}\n` +
    formatHelp(serverSettings) +
    '  --print-config\n      Prints the settings in force, each with where it is from, and leaves.\n' +
    '  --version\n  --help\n\n' +
    'A flag wins over the environment, the environment over the file, the file over the default.\n' +
    'Durations are written like 90s, 15m, 1h30m, 7d.\n'
  );
}

function text() {
  return z.string('needs a value').min(1, 'needs a value');
}

/** Null and nothing both mean: none. */
function file() {
  return z
    .string()
    .nullable()
    .transform((given) => (given === null || given === '' ? null : given));
}

function clusterId() {
  return z
    .string()
    .nullable()
    .transform((given, context): string | null => {
      if (given === null || given === '') return null;
      if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(given)) return given;
      context.addIssue({ code: 'custom', message: `"${given}" is not the id of a cluster, a UUID` });
      return z.NEVER;
    });
}

function address() {
  return text().transform((given, context): Address => {
    const parsed = parseAddress(given);
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: `"${given}" is not HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443` });
    return z.NEVER;
  });
}

function addressOrOff() {
  return text().transform((given, context): Address | null => {
    const parsed = given === 'off' ? null : parseAddress(given);
    if (parsed !== null || given === 'off') return parsed;
    context.addIssue({ code: 'custom', message: `"${given}" is neither HOST:PORT, such as 127.0.0.1:9465, nor "off"` });
    return z.NEVER;
  });
}

function parseAddress(given: string): Address | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(given) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) > 65_535 ? null : { host, port: Number(port) };
}

function duration(leastMs: number, mostMs: number) {
  return text().transform((given, context): number => {
    const ms = parseDurationMs(given);
    if (ms !== null && ms >= leastMs && ms <= mostMs) return ms;
    const range = `${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
    const why = ms === null ? 'is no duration, such as 90s, 15m or 1h30m' : `is out of range: ${range}`;
    context.addIssue({ code: 'custom', message: `"${given}" ${why}` });
    return z.NEVER;
  });
}

function count(least: number, most: number) {
  return text().transform((given, context): number => {
    const number = Number(given);
    if (/^\d+$/.test(given) && number >= least && number <= most) return number;
    context.addIssue({ code: 'custom', message: `"${given}" is not a whole number from ${least} to ${most}` });
    return z.NEVER;
  });
}

function durationOrOff(leastMs: number, mostMs: number) {
  const some = duration(leastMs, mostMs);
  return text().transform((given, context): number | null => {
    if (given === 'off') return null;
    const parsed = some.safeParse(given);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    context.addIssue({ code: 'custom', message: `${issue?.message ?? 'is no duration'}, or "off"` });
    return z.NEVER;
  });
}

/** A number that need not be whole. */
function numberFrom(least: number, most: number) {
  return text().transform((given, context): number => {
    const number = parseNumber(given, least, most);
    if (number !== null) return number;
    context.addIssue({ code: 'custom', message: `"${given}" is not a number from ${least} to ${most}` });
    return z.NEVER;
  });
}

function numberOr(word: string, meaning: number, least: number, most: number) {
  return text().transform((given, context): number => {
    const number = given === word ? meaning : parseNumber(given, least, most);
    if (number !== null) return number;
    context.addIssue({
      code: 'custom',
      message: `"${given}" is neither a number from ${least} to ${most} nor "${word}"`,
    });
    return z.NEVER;
  });
}

function parseNumber(given: string, least: number, most: number): number | null {
  const number = Number(given);
  return /^\d+(\.\d+)?$/.test(given) && number >= least && number <= most ? number : null;
}

function placement() {
  return z.enum(PLACEMENTS, `must be one of ${PLACEMENTS.join(', ')}`);
}

/** `XID=ACTION,XID=ACTION`. */
function xidActions() {
  return z
    .string()
    .nullable()
    .transform((given, context): Readonly<Record<number, FaultAction>> => {
      const byXid: Record<number, FaultAction> = {};
      const complain = (message: string): never => {
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      };
      for (const pair of given === null || given.trim() === '' ? [] : given.split(',')) {
        const [number = '', word = '', ...rest] = pair.split('=').map((part) => part.trim());
        const xid = Number(number);
        const action = FAULT_ACTIONS.find((one) => one === word);
        if (!/^\d{1,4}$/.test(number) || rest.length > 0)
          return complain(`"${pair}" is not XID=ACTION, such as 109=drain`);
        if (action === undefined) return complain(`"${pair}": the action must be one of ${FAULT_ACTIONS.join(', ')}`);
        if (byXid[xid] !== undefined) return complain(`Xid ${xid} is named twice`);
        byXid[xid] = action;
      }
      return byXid;
    });
}

/** `MODEL=PRICE,MODEL=PRICE`. */
function gpuPrices() {
  return z
    .string()
    .nullable()
    .transform((given, context): Prices['ofModels'] => {
      const ofModels: { word: string; perGpuHour: number }[] = [];
      for (const pair of given === null || given.trim() === '' ? [] : given.split(',')) {
        const [word = '', price = '', ...rest] = pair.split('=').map((part) => part.trim());
        const perGpuHour = Number(price);
        if (word === '' || price === '' || rest.length > 0 || !(perGpuHour >= 0 && perGpuHour <= MAX_PRICE)) {
          const message = `"${pair}" is not MODEL=PRICE, such as h100=2.50, with a price from 0 to ${MAX_PRICE}`;
          context.addIssue({ code: 'custom', message });
          return z.NEVER;
        }
        ofModels.push({ word, perGpuHour });
      }
      return ofModels;
    });
}

/** `POOL=POLICY,POOL=POLICY`. Pools need not exist: nodes bring theirs with them. */
function placementOf() {
  return z
    .string()
    .nullable()
    .transform((given, context): Readonly<Record<string, PlacementPolicy>> => {
      // Without a prototype, so that a pool called "constructor" is not found unless it is named.
      const byPool = Object.create(null) as Record<string, PlacementPolicy>;
      const complain = (message: string): never => {
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      };
      const pairs = given === null || given.trim() === '' ? [] : given.split(',');
      if (pairs.length > MAX_PLACEMENT_POOLS) {
        return complain(`${pairs.length} pools are too many; at most ${MAX_PLACEMENT_POOLS}`);
      }
      for (const pair of pairs) {
        const split = pair.lastIndexOf('=');
        const pool = pair.slice(0, Math.max(0, split)).trim();
        const policy = PLACEMENTS.find((one) => one === pair.slice(split + 1).trim());
        if (pool === '') return complain(`"${pair}" is not POOL=POLICY, such as inference=pack`);
        if (policy === undefined) return complain(`"${pair}": the policy must be one of ${PLACEMENTS.join(', ')}`);
        if (byPool[pool] !== undefined) return complain(`pool "${pool}" is named twice`);
        byPool[pool] = policy;
      }
      return byPool;
    });
}
