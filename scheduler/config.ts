// The configuration of `sluice server`: its settings (those of sections are in config/), the rules between them, and how flags,
// environment and file become one. Secrets are named by the files they lie in, never given as values.
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
import { formatDuration } from '../common/units.js';
import type { TlsFiles } from './auth/credentials.js';
import { type FencingConfig, fencingSettings, toFencing } from './config/fencing.js';
import { gpuHealthSettings, toGpuPolicy } from './config/gpu-health.js';
import { notifyProblems, notifySettings, toNotify } from './config/notify.js';
import { retentionSettings, toRetention } from './config/retention.js';
import { schedulingSettings, toPolicy } from './config/scheduling.js';
import { advertiseSetting, type RedisConfig, redisSettings, storeSetting, toRedis } from './config/store.js';
import { toPrices, toUsageRetention, usageSettings } from './config/usage.js';
import {
  type Address,
  address,
  addressOrOff,
  DAY_MS,
  duration,
  file,
  HOUR_MS,
  MINUTE_MS,
  text,
} from './config/values.js';
import type { Retention } from './control/commands/retention.js';
import type { EnginePolicy } from './engine/policy.js';
import type { GpuPolicy } from './model/gpu-policy.js';
import type { Prices } from './model/prices.js';
import type { UsageRetention } from './model/usage-history.js';
import type { NotifyConfig } from './notify/notify-config.js';

/** What the daemon runs by. Paths are absolute. */
export interface ServerConfig {
  /** gRPC. */
  readonly listen: Address;
  /** Metrics and health over HTTP; null = off. */
  readonly http: Address | null;
  readonly dataDir: string;
  /** Where the state lies instead of in `dataDir`; null = there. */
  readonly redis: RedisConfig | null;
  /** Where others reach this daemon; null = where it listens. */
  readonly advertise: Address | null;
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
  /** Where notices of workloads may go. */
  readonly notify: NotifyConfig;
  readonly prices: Prices;
  readonly usageRetention: UsageRetention;
  /** A held GPU that did nothing for so long counts as idle. */
  readonly idleAfterMs: number;
  /** How the engine schedules. */
  readonly policy: EnginePolicy;
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

/** A lease must outlive a few lost heartbeats, or nodes come and go with every hiccup of the network. */
const LEAST_HEARTBEATS_A_LEASE = 2;

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
  store: storeSetting,
  advertise: advertiseSetting,
  redis: redisSettings,
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
  fencing: fencingSettings,
  gpu_health: gpuHealthSettings,
  retention: retentionSettings,
  notify: notifySettings,
  usage: usageSettings,
  scheduling: schedulingSettings,
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
    redis: toRedis(values.store, values.redis),
    advertise: values.advertise,
    tokensFile: values.tokens_file,
    agentTokensFile: values.agent_tokens_file,
    tls: cert !== null && key !== null ? { cert, key, clientCa } : null,
    heartbeatMs: values.heartbeat,
    leaseMs: values.lease,
    maxGraceMs: values.max_grace,
    fencing: toFencing(values.fencing),
    gpuHealth: toGpuPolicy(values.gpu_health),
    prices: toPrices(values.usage),
    usageRetention: toUsageRetention(values.usage),
    idleAfterMs: values.usage.idle_after,
    logLevel: values.log_level,
    readyFile: values.ready_file,
    retention: toRetention(values.retention),
    notify: toNotify(values.notify),
    policy: toPolicy(values.scheduling),
  };
}

/** What no setting can know by itself. */
function checkRules(
  config: ServerConfig,
  { tls, notify }: z.output<typeof schema>,
  given: ReadonlyMap<string, Given>,
): void {
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
  problems.push(...notifyProblems(notify, where));
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
