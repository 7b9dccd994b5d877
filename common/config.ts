// Settings of a program from flags, environment, a YAML file and defaults, in this order, by one zod schema that also makes
// the help text and the listing of what is in force. Deciding is pure; the file is read by the caller.
import { isMap, isScalar, LineCounter, parseDocument, stringify, type YAMLMap } from 'yaml';
import { z } from 'zod';
import { nearest } from './nearest.js';

/** What a setting is, for people. */
export interface SettingDescription {
  /** One sentence, with the unit where there is one. */
  readonly description: string;
  /** The form of a value, for example `HOST:PORT`. */
  readonly value: string;
  /** As one would write it; null = not set. */
  readonly default: string | null;
  /** A path in a file is meant from the file's folder, elsewhere from the current one. */
  readonly isPath?: boolean;
  /** Written `NAME=VALUE,NAME=VALUE`; in a file also as a section of `NAME: VALUE` lines. */
  readonly isMap?: boolean;
}

/** Every setting is a schema that takes text. */
type SettingSchema = z.ZodType<unknown, string | null>;
/** A section of settings, or a setting. */
type SectionShape = Readonly<Record<string, SettingSchema | z.ZodObject>>;

const descriptions = z.registry<SettingDescription>();

/** Declares a setting: how its text becomes a value, and what it is. */
export function setting<T extends SettingSchema>(schema: T, description: SettingDescription): T {
  descriptions.add(schema, description);
  return schema;
}

/** One setting of a schema, with its names. */
export interface Setting extends SettingDescription {
  /** In the file: `tls.client_ca`. */
  readonly path: string;
  /** `tls-client-ca` */
  readonly flag: string;
  /** `SLUICE_SERVER__TLS__CLIENT_CA` */
  readonly variable: string;
}

export type Origin = 'flag' | 'environment' | 'file' | 'default';

/** The text of one setting, where it is from, and that place in words for messages. */
export interface Given {
  readonly text: string | null;
  readonly origin: Origin;
  /** `--listen`, `SLUICE_SERVER__LISTEN`, `/etc/sluice.yaml:3` */
  readonly where: string;
}

/** A configuration that cannot be used. One problem a line, each with its place. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Problems told at once; more are only counted. */
const MAX_PROBLEMS = 3;

/** All settings of a schema, in its order. `prefix` begins the environment's variables: `SLUICE_SERVER`. */
export function settingsOf(schema: z.ZodObject, prefix: string): readonly Setting[] {
  const walk = (shape: SectionShape, section: readonly string[]): readonly Setting[] =>
    Object.entries(shape).flatMap(([key, member]) => {
      const words = [...section, key];
      if (member instanceof z.ZodObject) return walk(member.shape as SectionShape, words);
      const description = descriptions.get(member);
      if (description === undefined) throw new Error(`setting ${words.join('.')} has no description`);
      const flag = words.join('-').replaceAll('_', '-');
      const variable = [prefix, ...words].join('__').toUpperCase();
      return [{ ...description, path: words.join('.'), flag, variable }];
    });
  return walk(schema.shape as SectionShape, []);
}

/** What the arguments of a program say. */
export interface ParsedFlags {
  /** By flag name, without the dashes. */
  readonly values: ReadonlyMap<string, string>;
  readonly switches: ReadonlySet<string>;
}

/**
 * Reads `--name value` and `--name=value`, and switches without a value.
 * @throws {@link ConfigError} for what is unknown, given twice, or lacks its value
 */
export function parseFlags(
  argv: readonly string[],
  names: readonly string[],
  switchNames: readonly string[],
): ParsedFlags {
  const values = new Map<string, string>();
  const switches = new Set<string>();
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name === undefined) throw new ConfigError(`unexpected argument "${word}": everything is a flag, see --help`);
    if (switchNames.includes(name)) {
      if (inline !== undefined) throw new ConfigError(`--${name} takes no value`);
      switches.add(name);
    } else if (names.includes(name)) {
      const next = inline ?? (rest[0]?.startsWith('--') ? undefined : rest.shift());
      if (next === undefined) throw new ConfigError(`--${name} needs a value: --${name}=…`);
      if (values.has(name)) throw new ConfigError(`--${name} is given twice`);
      values.set(name, next);
    } else {
      throw new ConfigError(`unknown flag --${name}${hint(name, [...names, ...switchNames], '--')}`);
    }
  }
  return { values, switches };
}

/**
 * What the environment says about `settings`; an empty variable counts as unset.
 * @param others variables under the same prefix that mean something else
 * @throws {@link ConfigError} for a variable under the prefix that is no setting
 */
export function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  settings: readonly Setting[],
  prefix: string,
  others: readonly string[],
): ReadonlyMap<string, Given> {
  const byVariable = new Map(settings.map((one) => [one.variable, one]));
  const given = new Map<string, Given>();
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(`${prefix}__`) || others.includes(name)) continue;
    const known = byVariable.get(name);
    if (known === undefined) throw new ConfigError(`${name}: no such setting${hint(name, byVariable.keys())}`);
    if (text !== undefined && text !== '') given.set(known.path, { text, origin: 'environment', where: name });
  }
  return given;
}

/**
 * What a YAML file says about `settings`.
 * @param name the file, for messages
 * @throws {@link ConfigError} with file and line, for bad YAML and for keys that are no setting
 */
export function fromYaml(text: string, name: string, settings: readonly Setting[]): ReadonlyMap<string, Given> {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const lineAt = (offset: number | undefined): string => `${name}:${lineCounter.linePos(offset ?? 0).line}`;
  const [broken] = document.errors;
  if (broken !== undefined) throw new ConfigError(`${lineAt(broken.pos[0])}: ${broken.message}`);
  if (document.contents === null) return new Map();
  if (!isMap(document.contents))
    throw new ConfigError(`${lineAt(0)}: the file must be settings, as "name: value" lines`);

  const given = new Map<string, Given>();
  const problems: string[] = [];
  const walk = (map: YAMLMap, section: string): void => {
    for (const { key, value } of map.items) {
      const word = isScalar(key) ? String(key.value) : '?';
      const path = section + word;
      const where = lineAt(isScalar(key) ? key.range?.[0] : undefined);
      const inside = settings.some((one) => one.path.startsWith(`${path}.`));
      const found = settings.find((one) => one.path === path);
      if (found !== undefined) {
        const pairs = found.isMap === true && isMap(value) ? pairsOf(value) : null;
        if (isScalar(value)) given.set(path, { text: textOf(value.value), origin: 'file', where });
        else if (pairs !== null) given.set(path, { text: pairs, origin: 'file', where });
        else if (found.isMap === true)
          problems.push(`${where}: ${path} takes NAME: VALUE lines below it, with names without a comma`);
        else problems.push(`${where}: ${path} takes one value, not a list or a section`);
      } else if (inside && isMap(value)) {
        walk(value, `${path}.`);
      } else if (inside && isScalar(value) && value.value === null) {
        // An empty section says nothing.
      } else if (inside) {
        problems.push(`${where}: ${path} is a section: write its settings below it, indented`);
      } else {
        problems.push(`${where}: no such setting "${path}"${hint(path, namesAt(settings, section))}`);
      }
    }
  };
  walk(document.contents, '');
  if (problems.length > 0) refuse(problems);
  return given;
}

/** Settings that were parsed, and where the text of each is from. */
export interface Settled<T> {
  readonly values: T;
  readonly given: ReadonlyMap<string, Given>;
}

/**
 * Settles every setting and parses it.
 * @param sources the strongest first
 * @param resolvePath makes a path absolute, by where it was given
 * @throws {@link ConfigError} with the place of every value that does not parse
 */
export function settle<S extends z.ZodObject>(
  schema: S,
  settings: readonly Setting[],
  sources: readonly ReadonlyMap<string, Given>[],
  resolvePath: (text: string, origin: Origin) => string,
): Settled<z.output<S>> {
  const given = new Map(
    settings.map((one) => {
      const found = sources.map((source) => source.get(one.path)).find((value) => value !== undefined);
      const chosen = found ?? { text: one.default, origin: 'default' as const, where: `the default of ${one.path}` };
      const isPath = one.isPath === true && chosen.text !== null && chosen.text !== '';
      const text = isPath ? resolvePath(String(chosen.text), chosen.origin) : chosen.text;
      return [one.path, { ...chosen, text }] as const;
    }),
  );
  const parsed = schema.safeParse(nested(given));
  if (parsed.success) return { values: parsed.data, given };
  const problems = parsed.error.issues.map(({ path, message }) => {
    const name = path.join('.');
    return `${given.get(name)?.where ?? name}: ${name}: ${message}`;
  });
  return refuse(problems);
}

/** What is in force as YAML that can be read back, each line with where its value is from. */
export function formatSettings(given: ReadonlyMap<string, Given>): string {
  const rows = [...given].map(([path, { text, origin, where }]) => {
    const words = path.split('.');
    const indent = '  '.repeat(words.length - 1);
    const value = stringify(text).trim();
    return {
      section: words.slice(0, -1).join('.'),
      line: `${indent}${words.at(-1) ?? ''}: ${value}`,
      origin: origin === 'default' ? 'default' : `${origin}: ${where}`,
    };
  });
  const width = Math.max(...rows.map(({ line }) => line.length)) + 2;
  return rows
    .map(({ section, line, origin }, index) => {
      const opens = section !== '' && section !== rows[index - 1]?.section ? `${section}:\n` : '';
      return `${opens}${line.padEnd(width)}# ${origin}\n`;
    })
    .join('');
}

/** A rule between settings that does not hold is told like any other problem. */
export function refuse(problems: readonly string[]): never {
  const more = problems.length - MAX_PROBLEMS;
  const shown = more > 0 ? [...problems.slice(0, MAX_PROBLEMS - 1), `and ${more + 1} more problems`] : problems;
  throw new ConfigError(shown.join('\n'));
}

/** The lines of `--help` for all settings: flag, form, description, default, variable. */
export function formatHelp(settings: readonly Setting[]): string {
  return settings
    .map(({ flag, value, description, default: text, variable }) => {
      const byDefault = text === null ? '' : ` Default: ${text}.`;
      return `  --${flag} ${value}\n      ${description}${byDefault}\n      ${variable}\n`;
    })
    .join('');
}

/** `; did you mean "--listen"?`, or nothing. */
function hint(word: string, known: Iterable<string>, before = ''): string {
  const close = nearest(word, known);
  return close === null ? '' : `; did you mean "${before}${close}"?`;
}

/** The names that may stand in a section, sections among them. */
function namesAt(settings: readonly Setting[], section: string): readonly string[] {
  const inSection = settings.map(({ path }) => path).filter((path) => path.startsWith(section));
  return [...new Set(inSection.map((path) => section + (path.slice(section.length).split('.')[0] ?? '')))];
}

function textOf(value: unknown): string | null {
  if (value === null) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A section of single values as `NAME=VALUE,NAME=VALUE`; null when it is more than that, or cannot be written so. */
function pairsOf(map: YAMLMap): string | null {
  const pairs: string[] = [];
  for (const { key, value } of map.items) {
    if (!isScalar(key) || !isScalar(value)) return null;
    const name = String(key.value);
    if (name.includes(',')) return null;
    pairs.push(`${name}=${textOf(value.value) ?? ''}`);
  }
  return pairs.join(',');
}

/** `{'tls.cert': …}` as `{tls: {cert: …}}`. */
function nested(given: ReadonlyMap<string, Given>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [path, { text }] of given) {
    const words = path.split('.');
    const last = words.pop() ?? path;
    let section = root;
    for (const word of words) section = section[word] = (section[word] ?? {}) as Record<string, unknown>;
    section[last] = text;
  }
  return root;
}
