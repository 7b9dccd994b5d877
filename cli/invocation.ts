// One run of the command: what it may touch (streams, environment, clock), what it was told (settings), and the client it
// opens when a command first asks for it. Commands get it as their first argument and use nothing else of the process.
import { readFile } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { Clock } from '../common/clock.js';
import type { Command } from 'commander';
import type { SluiceClient } from './client.js';
import {
  DEFAULT_SERVER,
  configPath,
  readConfig,
  resolveSettings,
  type ConfigFile,
  type GlobalFlags,
  type Setting,
  type Settings,
} from './config.js';
import { whyNoToken } from '../common/token.js';
import { whyUnusable } from '../common/why-unusable.js';
import { usageError } from './failure.js';
import { Table, paint, type Cell, type Tone } from './table.js';
import { working } from './working.js';

/** A stream that people or programs read. */
export type Output = Pick<Writable, 'write'> & {
  readonly isTTY?: boolean;
  /** Of the terminal, in characters. */
  readonly columns?: number;
  readonly rows?: number;
};

/** The terminal that a person sits at. */
export interface HostTerminal {
  size(): { readonly columns: number; readonly rows: number };
  /** Calls back at each change of size, until the returned function is called. */
  onResize(handler: () => void): () => void;
  /** Hands on every key as it is typed, Ctrl-C too, until the returned function is called. */
  raw(): () => void;
}

/** What a run may touch of the machine; tests hand in their own. */
export interface Host {
  readonly stdin: AsyncIterable<Buffer | string> & { readonly isTTY?: boolean; destroy?(): unknown };
  /** Absent = input or output is none. */
  readonly terminal?: HostTerminal;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly homeDirectory: string;
  /** Calls back at each Ctrl-C (or SIGTERM) instead of ending the process, until the returned function is called. */
  onInterrupt(handler: () => void): () => void;
  /** Calls back at each key, Ctrl-C included, until the returned function is called; absent = there is no keyboard. */
  readonly onKey?: (handler: (key: string) => void) => () => void;
}

/**
 * Adds a command's arguments, options and action; every file of cli/commands/ exports one as `define`.
 * `load` does the same for another command by its name.
 */
export type DefineCommand = (command: Command, invocation: Invocation, load: (name: string) => Promise<void>) => void;

/** How to print: tables for people, or the API's objects for programs. */
export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** A token longer than this is none. */
const MAX_TOKEN_BYTES = 64 * 1024;

export class Invocation {
  readonly host: Host;
  readonly #flags: () => GlobalFlags;
  #config: Promise<ConfigFile> | null = null;
  #client: SluiceClient | null = null;
  /** What the process exits with unless something fails. */
  exitCode = 0;

  constructor(host: Host, flags: () => GlobalFlags) {
    this.host = host;
    this.#flags = flags;
  }

  /** Milliseconds since 1970, for ages. */
  get nowMs(): number {
    return this.host.clock.wallMs();
  }

  /** Whether a person watches the results, so that hints are welcome. */
  get interactive(): boolean {
    return this.host.stdout.isTTY === true;
  }

  /** Bytes beside the results; resolves when they were taken. */
  writeError(data: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.host.stderr.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** A line of results. */
  out(line: string): void {
    this.host.stdout.write(`${line}\n`);
  }

  /** Results as they are; resolves when the stream has taken them, so that a slow reader slows us down. */
  write(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.host.stdout.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** A line beside the results: progress, warnings, "nothing found". */
  note(line: string): void {
    this.host.stderr.write(`${line}\n`);
  }

  /** Tells a person at a terminal of a wait that takes longer than a second. @param now what is to be seen at this moment */
  working<T>(now: () => string, wait: Promise<T>): Promise<T> {
    return working(this.host.stderr, this.host.clock, now, wait);
  }

  /** A line that only a person at a terminal gets. */
  hint(line: string): void {
    if (this.interactive) this.out(this.#paint(line, 'dim', this.host.stdout));
  }

  /** An empty table for results. */
  table(titles: readonly string[]): Table {
    return new Table(titles, this.#colours(this.host.stdout));
  }

  /** Prints a whole table. */
  printTable(titles: readonly string[], rows: readonly (readonly Cell[])[]): void {
    this.host.stdout.write(this.table(titles).withTitles(rows));
  }

  /** Whether results may have colours. */
  get colours(): boolean {
    return this.#colours(this.host.stdout);
  }

  /** Text for results in a tone. */
  paint(text: string, tone: Tone): string {
    return this.#paint(text, tone, this.host.stdout);
  }

  /** Prints API objects for programs. */
  async printData(format: 'json' | 'yaml', value: object): Promise<void> {
    if (format === 'json') {
      this.out(JSON.stringify(value, null, 2));
      return;
    }
    const { stringify } = await import('yaml');
    this.host.stdout.write(stringify(value, { lineWidth: 0 }));
  }

  /** The format asked for: the flag, else SLUICE_OUTPUT, else a table. */
  format(flag: string | undefined, allowed: readonly OutputFormat[]): OutputFormat {
    const variable = this.host.env['SLUICE_OUTPUT'];
    const asked = flag ?? (variable === '' ? undefined : variable);
    if (asked === undefined) return 'table';
    const found = allowed.find((format) => format === asked);
    // The variable speaks to all commands; one that has no such form keeps its own.
    if (found !== undefined) return found;
    if (flag === undefined && OUTPUT_FORMATS.some((format) => format === asked)) return 'table';
    const source = flag === undefined ? 'SLUICE_OUTPUT' : '-o';
    throw usageError(`unknown output format "${asked}" in ${source}`, `Choose one of: ${allowed.join(', ')}.`);
  }

  get configPath(): string {
    return configPath(this.host.env, this.host.homeDirectory);
  }

  /** The global flags as given. */
  get flags(): GlobalFlags {
    return this.#flags();
  }

  config(): Promise<ConfigFile> {
    this.#config ??= readConfig(this.configPath);
    return this.#config;
  }

  async settings(): Promise<Settings> {
    return resolveSettings(this.#flags(), this.host.env, await this.config());
  }

  /**
   * The client for the scheduler that flags, environment and context name; one for the whole run.
   * @param deadlineMs for each call, when not the usual
   */
  async client(deadlineMs?: number): Promise<SluiceClient> {
    if (this.#client !== null) return this.#client;
    const settings = await this.settings();
    const readPem = ({ value }: Setting) => (value === null ? null : readSmallFile(value, 'certificate or key'));
    const [token, tlsCa, certificate, key, { connect }] = await Promise.all([
      settings.tokenFile.value === null
        ? settings.token.value
        : readSmallFile(settings.tokenFile.value, 'token').then((text) => text.trim()),
      readPem(settings.tlsCa),
      readPem(settings.tlsCert),
      readPem(settings.tlsKey),
      import('./client.js'),
    ]);
    const server = settings.server.value ?? DEFAULT_SERVER;
    const tokenProblem = token === null ? null : whyNoToken(token);
    if (tokenProblem !== null) {
      throw usageError(
        `the token ${settings.tokenFile.value === null ? 'that is set' : `in ${settings.tokenFile.value}`} is none: ${tokenProblem}`,
        'A token is one line, as "sluice token" prints it.',
      );
    }
    if ((certificate === null) !== (key === null) || (certificate !== null && tlsCa === null)) {
      throw usageError('a client certificate needs --tls-ca, --tls-cert and --tls-key together');
    }
    const tlsClient = certificate === null || key === null ? null : { certificate, key };
    const limit = deadlineMs === undefined ? {} : { deadlineMs };
    const traceParent = this.host.env['TRACEPARENT'] ?? null;
    this.#client = connect({ server, token, tlsCa, tlsClient, clock: this.host.clock, traceParent, ...limit });
    return this.#client;
  }

  close(): void {
    this.#client?.close();
  }

  #colours(stream: Output): boolean {
    const { NO_COLOR: noColour, TERM: term } = this.host.env;
    return stream.isTTY === true && (noColour === undefined || noColour === '') && term !== 'dumb';
  }

  #paint(text: string, tone: Tone, stream: Output): string {
    return paint(text, tone, this.#colours(stream));
  }
}

export const OUTPUT_FORMATS: readonly OutputFormat[] = ['table', 'wide', 'json', 'yaml', 'name'];

async function readSmallFile(file: string, what: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw usageError(`cannot read the ${what} file ${file}: ${whyUnusable(error)}`);
  }
  if (text.length > MAX_TOKEN_BYTES)
    throw usageError(`the ${what} file ${file} is larger than ${MAX_TOKEN_BYTES} bytes`);
  return text;
}
