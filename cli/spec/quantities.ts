// How people write amounts, times and rules, in flags and in files. Each reader gives null for what it cannot read; whoever
// calls it says what was expected. Loads nothing but units.
import { parseDurationMs } from '../../common/units.js';
import type { DependencyCondition } from '../../proto/gen/sluice/v1/DependencyCondition.js';
import type { TopologyLevel } from '../../proto/gen/sluice/v1/TopologyLevel.js';

const MIB_PER_UNIT: Readonly<Record<string, number>> = { M: 1, G: 1_024, T: 1_048_576 };

/** `512M`, `32G`, `1.5GiB`, `20GB`: units of 1,024, as Slurm and drivers count; a bare number is MiB. Rounded up to MiB. */
export function parseMemoryMib(text: string): number | null {
  const match = /^(\d{1,12}(?:\.\d{1,6})?) ?(?:([MGT])(?:i?B)?)?$/i.exec(text.trim());
  if (match === null) return null;
  const [, amount, unit = 'M'] = match;
  return Math.ceil(Number(amount) * (MIB_PER_UNIT[unit.toUpperCase()] ?? 1));
}

/** `4`, `0.5`, `500m`: CPU cores, in thousandths. */
export function parseCpuMilli(text: string): number | null {
  const match = /^(?:(\d{1,7}(?:\.\d{1,3})?)|(\d{1,10})m)$/.exec(text.trim());
  if (match === null) return null;
  return match[2] === undefined ? Math.round(Number(match[1]) * 1_000) : Number(match[2]);
}

/**
 * A time limit as Slurm writes it (`90` = minutes, `90:30`, `2:00:00`, `1-12`, `1-12:30`, `1-12:30:00`), or with units (`90s`,
 * `2h`). 0 = no limit.
 * @returns milliseconds
 */
export function parseTimeLimitMs(text: string): number | null {
  const trimmed = text.trim();
  const clock = /^(?:(?<days>\d{1,4})-)?(?<first>\d{1,7})(?::(?<second>\d{1,2}))?(?::(?<third>\d{1,2}))?$/.exec(
    trimmed,
  );
  if (clock === null) return parseDurationMs(trimmed);
  const { days, first = '0', second = '0', third } = clock.groups ?? {};
  // With days the first figure is hours; without, two figures are minutes and seconds, and one is minutes.
  const [hours, minutes, seconds] =
    days !== undefined
      ? [first, second, third ?? '0']
      : third !== undefined
        ? [first, second, third]
        : ['0', first, second];
  return (((Number(days ?? 0) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
}

/** A notice ahead of the stop signal. */
export interface SignalAhead {
  /** As the API has it: `SIGUSR1`. */
  readonly signal: string;
  readonly aheadMs: number;
}

/** Those of Slurm users' scripts, of which none stops a process for good or cannot be caught. */
const SIGNALS: readonly string[] = ['HUP', 'INT', 'QUIT', 'USR1', 'USR2'];
/** What Slurm takes when its `--signal` says no time. */
const USUAL_AHEAD_MS = 60_000;

/** `USR1@120` as Slurm writes it (seconds), `USR1@2m`, `SIGUSR2@90s`, `USR1` = a minute ahead. */
export function parseSignal(text: string): SignalAhead | null {
  const match = /^(?:SIG)?([A-Z0-9]+)(?:@(\S+))?$/i.exec(text.trim());
  const name = match?.[1]?.toUpperCase() ?? '';
  if (!SIGNALS.includes(name)) return null;
  const time = match?.[2];
  const aheadMs =
    time === undefined ? USUAL_AHEAD_MS : /^\d{1,7}$/.test(time) ? Number(time) * 1_000 : parseDurationMs(time);
  return aheadMs === null || aheadMs <= 0 ? null : { signal: `SIG${name}`, aheadMs };
}

/** So many tasks, or at least and at most so many. */
export interface TaskCounts {
  readonly least: number;
  readonly most: number;
}

/** `4`, `2-8`, `2..8`. */
export function parseTasks(text: string): TaskCounts | null {
  const match = /^(\d{1,9})(?:(?:-|\.\.)(\d{1,9}))?$/.exec(text.trim());
  return match === null ? null : { least: Number(match[1]), most: Number(match[2] ?? match[1]) };
}

/** Instances of a MIG profile; a count of null = not said. */
export interface MigRequest {
  readonly profile: string;
  readonly count: number | null;
}

/** `3g.20gb`, `3g.20gb:2`. */
export function parseMig(text: string): MigRequest | null {
  const match = /^(\d{1,2}g\.\d{1,4}gb(?:\+[a-z.]+)*)(?::(\d{1,4}))?$/.exec(text.trim().toLowerCase());
  return match === null ? null : { profile: match[1] ?? '', count: match[2] === undefined ? null : Number(match[2]) };
}

export interface ArrayWords {
  readonly size: number;
  readonly concurrency: number;
  readonly firstIndex: number;
}

/** `0-99`, `0-99%10` = at most ten at once, `1-100`. */
export function parseArray(text: string): ArrayWords | null {
  const match = /^(\d{1,9})-(\d{1,9})(?:%(\d{1,9}))?$/.exec(text.trim());
  if (match === null) return null;
  const [first, last] = [Number(match[1]), Number(match[2])];
  return last < first ? null : { size: last - first + 1, concurrency: Number(match[3] ?? 0), firstIndex: first };
}

const LEVELS: Readonly<Record<string, TopologyLevel>> = {
  nvlink: 'TOPOLOGY_LEVEL_NVLINK',
  node: 'TOPOLOGY_LEVEL_NODE',
  rack: 'TOPOLOGY_LEVEL_RACK',
  block: 'TOPOLOGY_LEVEL_BLOCK',
};

/** The levels as people write them, the closest first. */
export const TOPOLOGY_WORDS: readonly string[] = Object.keys(LEVELS);

export function parseLevel(text: string): TopologyLevel | null {
  const word = text.trim().toLowerCase();
  return Object.hasOwn(LEVELS, word) ? (LEVELS[word] ?? null) : null;
}

/** `TOPOLOGY_LEVEL_RACK` → `rack`. */
export function levelWord(level: string): string {
  return TOPOLOGY_WORDS.find((word) => LEVELS[word] === level) ?? level;
}

export interface TopologyWords {
  readonly level: TopologyLevel;
  readonly required: boolean;
}

/** `required=rack`, `preferred=nvlink`. */
export function parseTopology(text: string): TopologyWords | null {
  const match = /^(required|preferred)=(\w+)$/.exec(text.trim());
  const level = parseLevel(match?.[2] ?? '');
  return match === null || level === null ? null : { level, required: match[1] === 'required' };
}

/** Our words, the short ones of workload files, and sbatch's. */
const CONDITIONS: Readonly<Record<string, DependencyCondition>> = {
  succeeded: 'DEPENDENCY_CONDITION_SUCCEEDED',
  ended: 'DEPENDENCY_CONDITION_ENDED',
  failed: 'DEPENDENCY_CONDITION_FAILED',
  started: 'DEPENDENCY_CONDITION_STARTED',
  ok: 'DEPENDENCY_CONDITION_SUCCEEDED',
  any: 'DEPENDENCY_CONDITION_ENDED',
  notok: 'DEPENDENCY_CONDITION_FAILED',
  afterok: 'DEPENDENCY_CONDITION_SUCCEEDED',
  afterany: 'DEPENDENCY_CONDITION_ENDED',
  afternotok: 'DEPENDENCY_CONDITION_FAILED',
  after: 'DEPENDENCY_CONDITION_STARTED',
};

export interface DependencyWords {
  readonly workload: number;
  readonly condition: DependencyCondition;
}

/** `1047` = it succeeded; `ended:1047`, `started:1047`; `afterok:20:21` = both. */
export function parseDependencies(text: string): readonly DependencyWords[] | null {
  const found: DependencyWords[] = [];
  for (const part of text.split(',')) {
    const words = part.trim().split(':');
    const condition = /^\d+$/.test(words[0] ?? '') ? 'succeeded' : (words.shift() ?? '').toLowerCase();
    const wanted = Object.hasOwn(CONDITIONS, condition) ? CONDITIONS[condition] : undefined;
    if (wanted === undefined || words.length === 0 || !words.every((word) => /^[1-9]\d{0,14}$/.test(word))) return null;
    found.push(...words.map((word) => ({ workload: Number(word), condition: wanted })));
  }
  return found;
}

/** The first pause before a retry, and the longest; null = not said. */
export interface BackoffWords {
  readonly firstMs: number;
  readonly longestMs: number | null;
}

/** `30s`, `30s..10m`. */
export function parseBackoff(text: string): BackoffWords | null {
  const [first = '', longest, ...more] = text.split('..').map((part) => parseDurationMs(part.trim()));
  if (first === '' || first === null || longest === null || more.length > 0) return null;
  return { firstMs: first, longestMs: longest ?? null };
}

/** `75,76`. */
export function parseNumbers(text: string): readonly number[] | null {
  const words = text.split(',').map((word) => word.trim());
  return words.every((word) => /^\d{1,9}$/.test(word)) ? words.map(Number) : null;
}

/** `net=ib,zone=a`. Later ones win. */
export function parseLabels(text: string): Readonly<Record<string, string>> | null {
  const pairs = text.split(',').map((pair) => /^\s*([^=\s]+)=(.*)$/.exec(pair));
  if (pairs.some((pair) => pair === null)) return null;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', (pair?.[2] ?? '').trim()]));
}
