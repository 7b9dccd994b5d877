// Which scheduler, which token, which queue: flags, environment, contexts of the configuration file, defaults, in this
// order. Deciding is pure; reading and writing the file is at the end.
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { failure, usageError } from './failure.js';
import { makeFolder } from '../common/make-folder.js';
import { whyUnusable } from '../common/why-unusable.js';
import { nearest } from '../common/nearest.js';

/** Where a scheduler listens unless told otherwise. */
export const DEFAULT_SERVER = '127.0.0.1:7443';

/** A configuration file beyond this size is none of ours. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** One named scheduler in the configuration file. */
export interface Context {
  readonly server?: string;
  readonly token?: string;
  readonly token_file?: string;
  readonly tls_ca?: string;
  readonly tls_cert?: string;
  readonly tls_key?: string;
  readonly queue?: string;
}

const CONTEXT_KEYS = ['server', 'token', 'token_file', 'tls_ca', 'tls_cert', 'tls_key', 'queue'] as const;

/** The configuration file as it stands. */
export interface ConfigFile {
  readonly currentContext: string | null;
  readonly contexts: Readonly<Record<string, Context>>;
}

/** What the global flags say; absent = not given. */
export interface GlobalFlags {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly context?: string;
}

/** Where a value came from, for `config view --origin`. */
export type Origin = 'flag' | 'environment' | 'context' | 'default';

/** One value and its origin; null = not set anywhere. */
export interface Setting {
  readonly value: string | null;
  readonly origin: Origin;
}

/** All that the CLI needs to reach a scheduler and to act for somebody. */
export interface Settings {
  /** The context in use; null = none. */
  readonly context: Setting;
  readonly server: Setting;
  readonly token: Setting;
  readonly tokenFile: Setting;
  readonly tlsCa: Setting;
  readonly tlsCert: Setting;
  readonly tlsKey: Setting;
  readonly queue: Setting;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** An empty configuration, as before anything was saved. */
export const NO_CONFIG: ConfigFile = { currentContext: null, contexts: {} };

/**
 * Settles every value: flag, then environment, then context, then what an agent gave to the task that this runs in, then default. An
 * empty variable counts as unset.
 * @throws CliError (exit 2) when a context is named that does not exist
 */
export function resolveSettings(flags: GlobalFlags, env: Environment, file: ConfigFile): Settings {
  const context = pick(flags.context, env['SLUICE_CONTEXT'], file.currentContext, null);
  const values = context.value === null ? {} : contextNamed(file, context.value);
  const token = pick(undefined, env['SLUICE_TOKEN'], values.token, null);
  const server = pick(flags.server, env['SLUICE_SERVER'], values.server, null);
  // A task's token is for its own scheduler, and only for who has nothing better: it opens one workload.
  const hasToken = token.value !== null || values.token_file !== undefined;
  const task = server.value === null ? givenToTask(env, !hasToken) : NO_TASK;
  const tokenFile = pick(flags.tokenFile, task.tokenFile, values.token_file, null);
  return {
    context,
    server: server.value === null ? pick(undefined, task.server, null, DEFAULT_SERVER) : server,
    // A token and a file of one are two ways to say the same thing: the one that was said closer to the command wins.
    token: RANK[tokenFile.origin] < RANK[token.origin] && tokenFile.value !== null ? UNSET : token,
    tokenFile: RANK[token.origin] <= RANK[tokenFile.origin] && token.value !== null ? UNSET : tokenFile,
    tlsCa: pick(flags.tlsCa, task.tlsCa, values.tls_ca, null),
    tlsCert: pick(flags.tlsCert, undefined, values.tls_cert, null),
    tlsKey: pick(flags.tlsKey, undefined, values.tls_key, null),
    queue: pick(undefined, env['SLUICE_QUEUE'], values.queue, null),
  };
}

interface GivenToTask {
  readonly server: string | undefined;
  readonly tokenFile: string | undefined;
  readonly tlsCa: string | undefined;
}

const NO_TASK: GivenToTask = { server: undefined, tokenFile: undefined, tlsCa: undefined };

/** How a program inside a task reaches its scheduler. @param needsToken whether the caller has no token of its own */
function givenToTask(env: Environment, needsToken: boolean): GivenToTask {
  const server = env['SLUICE_TASK_SERVER'];
  if (server === undefined || server === '') return NO_TASK;
  return { server, tokenFile: needsToken ? env['SLUICE_TOKEN_FILE'] : undefined, tlsCa: env['SLUICE_TASK_CA'] };
}

const RANK: Readonly<Record<Origin, number>> = { flag: 0, environment: 1, context: 2, default: 3 };
const UNSET: Setting = { value: null, origin: 'default' };

function pick(
  flag: string | undefined,
  variable: string | undefined,
  context: string | null | undefined,
  fallback: string | null,
): Setting {
  if (flag !== undefined) return { value: flag, origin: 'flag' };
  if (variable !== undefined && variable !== '') return { value: variable, origin: 'environment' };
  if (context !== undefined && context !== null && context !== '') return { value: context, origin: 'context' };
  return { value: fallback, origin: 'default' };
}

/** A context by its name. @throws CliError (exit 2) naming the ones that exist */
export function contextNamed(file: ConfigFile, name: string): Context {
  const context = Object.hasOwn(file.contexts, name) ? file.contexts[name] : undefined;
  if (context !== undefined) return context;
  const known = Object.keys(file.contexts);
  const close = nearest(name, known);
  const hint =
    known.length === 0
      ? 'There are none yet; make one: sluice config set-context NAME --server HOST:PORT'
      : close === null
        ? `Known: ${known.join(', ')}.`
        : `Did you mean "${close}"? Known: ${known.join(', ')}.`;
  throw usageError(`context "${name}" does not exist`, hint);
}

/** Where the file is: `SLUICE_CONFIG`, else under `XDG_CONFIG_HOME`, else `~/.config/sluice/config.yaml`. */
export function configPath(env: Environment, home: string): string {
  const named = env['SLUICE_CONFIG'];
  if (named !== undefined && named !== '') return path.resolve(named);
  const base = env['XDG_CONFIG_HOME'];
  return path.join(
    base !== undefined && path.isAbsolute(base) ? base : path.join(home, '.config'),
    'sluice/config.yaml',
  );
}

/** Reads the file; a missing one is an empty configuration. @throws CliError (exit 2) naming what is wrong in it */
export async function readConfig(file: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return NO_CONFIG;
    throw usageError(`cannot read ${file}: ${whyUnusable(error)}`);
  }
  if (text.length > MAX_CONFIG_BYTES) throw usageError(`${file} is larger than ${MAX_CONFIG_BYTES} bytes`);
  const { parse } = await import('yaml');
  try {
    return checkConfig(parse(text), file);
  } catch (error) {
    if (error instanceof Error && error.name === 'YAMLParseError') throw usageError(`${file}: ${error.message}`);
    throw error;
  }
}

/** Writes the file so that a reader sees the old or the new one, never half; only its owner may read it. */
export async function writeConfig(file: string, config: ConfigFile): Promise<void> {
  const { stringify } = await import('yaml');
  const text = stringify({
    ...(config.currentContext === null ? {} : { current_context: config.currentContext }),
    contexts: config.contexts,
  });
  const draft = `${file}.${process.pid}.tmp`;
  try {
    await makeFolder(path.dirname(file), 0o700);
    await writeFile(draft, text, { mode: 0o600 });
    await chmod(draft, 0o600);
    await rename(draft, file);
  } catch (error) {
    throw failure('CONFIG_NOT_WRITTEN', `cannot write ${file}: ${whyUnusable(error)}`);
  }
}

/** The configuration with one context added or changed; a value of null removes it. */
export function withContext(
  file: ConfigFile,
  name: string,
  change: { readonly [K in keyof Context]?: string | null },
): ConfigFile {
  const merged: Record<string, string | null | undefined> = { ...file.contexts[name], ...change };
  const kept = Object.entries(merged).filter(([, value]) => value !== null && value !== undefined);
  return { ...file, contexts: { ...file.contexts, [name]: Object.fromEntries(kept) as Context } };
}

function checkConfig(value: unknown, file: string): ConfigFile {
  if (value === null || value === undefined) return NO_CONFIG;
  const top = expectMapping(value, file, 'the file', ['current_context', 'contexts']);
  const contexts: Record<string, Context> = {};
  const listed = top['contexts'] ?? {};
  for (const [name, context] of Object.entries(expectMapping(listed, file, 'contexts', null))) {
    const keys = expectMapping(context ?? {}, file, `contexts.${name}`, CONTEXT_KEYS);
    for (const [key, text] of Object.entries(keys)) {
      if (typeof text !== 'string') throw usageError(`${file}: contexts.${name}.${key} must be a text`);
    }
    contexts[name] = keys as Context;
  }
  const current = top['current_context'] ?? null;
  if (current !== null && typeof current !== 'string') throw usageError(`${file}: current_context must be a text`);
  return { currentContext: current, contexts };
}

function expectMapping(
  value: unknown,
  file: string,
  where: string,
  allowed: readonly string[] | null,
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError(`${file}: ${where} must be a mapping`);
  }
  for (const key of Object.keys(value)) {
    if (allowed !== null && !allowed.includes(key)) {
      throw usageError(`${file}: unknown key "${key}" in ${where}; known: ${allowed.join(', ')}`);
    }
  }
  return value as Readonly<Record<string, unknown>>;
}
