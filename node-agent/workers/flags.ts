// Command-line flags of the built-in programs, declared once: type, limits, default and help live in one place.
// Assumes argv without the program's and the command's name. `--name=value` and `--name value` are the same.
import { parseArgs } from 'node:util';
import { BadInput } from './bad-input.js';

/** One flag: how its text becomes a value. */
export interface Flag<T> {
  /** Throws an Error that says what is expected. */
  readonly parse: (text: string) => T;
  /** Whether the flag must be given; otherwise `fallback` is its value. */
  readonly required: boolean;
  readonly fallback: T | undefined;
  /** What stands for the value in the help, for example `DIR`. */
  readonly placeholder: string;
  readonly help: string;
}

/** The flags of one command by their camelCase names; on the command line they are kebab-case. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The values of a set of flags. */
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** A flag with text as its value that must be given. */
export function requiredText(placeholder: string, help: string): Flag<string> {
  return { parse: nonEmpty, required: true, fallback: undefined, placeholder, help };
}

/** A flag with text as its value; undefined when it is not given. */
export function optionalText(placeholder: string, help: string): Flag<string | undefined> {
  return { parse: nonEmpty, required: false, fallback: undefined, placeholder, help };
}

/** A flag with text as its value, checked by a pattern that `expected` puts into words. */
export function patternText(
  pattern: RegExp,
  expected: string,
  fallback: string,
  placeholder: string,
  help: string,
): Flag<string> {
  const parse = (text: string): string => {
    if (!pattern.test(text)) throw new Error(`expected ${expected}`);
    return text;
  };
  return { parse, required: false, fallback, placeholder, help };
}

/** A flag with one of a few words as its value. */
export function oneOf<const W extends string>(words: readonly W[], fallback: W, help: string): Flag<W> {
  const parse = (text: string): W => {
    const found = words.find((word) => word === text);
    if (found === undefined) throw new Error(`expected ${words.join(' or ')}`);
    return found;
  };
  return { parse, required: false, fallback, placeholder: words.join('|'), help };
}

/** The bounds of a number, both included. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** A flag with a whole number as its value. */
export function integer<T extends number | undefined>(bounds: Bounds, fallback: T, help: string): Flag<number | T> {
  return { parse: (text) => parseInteger(text, bounds), required: false, fallback, placeholder: 'N', help };
}

/** A flag with a number as its value. */
export function decimal(bounds: Bounds, fallback: number, help: string): Flag<number> {
  const parse = (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= bounds.min && value <= bounds.max)) {
      throw new Error(`expected a number from ${bounds.min} to ${bounds.max}`);
    }
    return value;
  };
  return { parse, required: false, fallback, placeholder: 'X', help };
}

/** A flag with whole numbers separated by commas as its value; the empty text is no number at all. */
export function integerList(
  bounds: Bounds,
  maxItems: number,
  fallback: readonly number[],
  help: string,
): Flag<readonly number[]> {
  const parse = (text: string): readonly number[] => {
    const numbers = text === '' ? [] : text.split(',').map((part) => parseInteger(part, bounds));
    if (numbers.length > maxItems) throw new Error(`expected at most ${maxItems} numbers`);
    return numbers;
  };
  return { parse, required: false, fallback, placeholder: 'N,N', help };
}

/**
 * Reads flags.
 * @param command name of the command, for messages.
 * @throws BadInput for an unknown, repeated, missing or badly formed flag.
 */
export function parseFlags<F extends Flags>(command: string, flags: F, argv: readonly string[]): FlagValues<F> {
  const given = readGiven(command, flags, argv);
  const values = Object.entries(flags).map(([name, flag]) => {
    const text = given.get(kebab(name));
    if (text === undefined && flag.required) {
      throw new BadInput(`${command} needs --${kebab(name)}=${flag.placeholder} (${flag.help})\n${seeHelp(command)}`);
    }
    return [name, text === undefined ? flag.fallback : parseValue(name, flag, text)] as const;
  });
  return Object.fromEntries(values) as FlagValues<F>;
}

/** The help of one command: a line a flag. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, flag]) => {
    return [`--${kebab(name)}=${flag.placeholder}`, `${flag.help}${describeFallback(flag)}`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function describeFallback({ required, fallback }: Flag<unknown>): string {
  if (required) return ' (required)';
  if (Array.isArray(fallback)) return ` (default ${fallback.join(',') || 'none'})`;
  return typeof fallback === 'string' || typeof fallback === 'number' ? ` (default ${fallback})` : '';
}

function readGiven(command: string, flags: Flags, argv: readonly string[]): ReadonlyMap<string, string> {
  const options = Object.fromEntries(Object.keys(flags).map((name) => [kebab(name), { type: 'string' as const }]));
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const given = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional')
      throw new BadInput(`${command}: unexpected argument "${token.value}"\n${seeHelp(command)}`);
    if (!(token.name in options)) throw new BadInput(`${command}: unknown flag ${token.rawName}\n${seeHelp(command)}`);
    if (given.has(token.name)) throw new BadInput(`${command}: --${token.name} is given twice`);
    if (token.value === undefined) throw new BadInput(`${command}: --${token.name} needs a value: --${token.name}=…`);
    given.set(token.name, token.value);
  }
  return given;
}

function parseValue(name: string, flag: Flag<unknown>, text: string): unknown {
  try {
    return flag.parse(text);
  } catch (error) {
    throw new BadInput(`--${kebab(name)}=${text}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseInteger(text: string, bounds: Bounds): number {
  const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (!(value >= bounds.min && value <= bounds.max)) {
    throw new Error(`expected a whole number from ${bounds.min} to ${bounds.max}`);
  }
  return value;
}

function nonEmpty(text: string): string {
  if (text === '') throw new Error('expected a value, it is empty');
  return text;
}

function seeHelp(command: string): string {
  return `"${command} --help" lists the flags.`;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
