// `npm run chaos -- [--redis] --minutes N [--life-minutes L] [--seed S] [--keep]`: real processes under fire. Clusters live one after the other,
// each on another kind of disk, or with `--redis` on a Redis that two schedulers share, until they were under fire for so long. Exit code: 0 nothing was found, 1 something was, 2 it was not understood.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../random.js';
import { audit, type Audit } from './audit.js';
import { hasFaketime } from './clock-steps.js';
import { whyNoDisk, type DiskKind } from './disk.js';
import { breakThings } from './faults.js';
import { Life } from './life.js';
import { runRedisCampaign } from './redis/campaign.js';
import { hasStrace } from './strace.js';

const USAGE = 'usage: npm run chaos -- [--redis] --minutes N [--life-minutes L] [--clusters C] [--seed S] [--keep]\n';
const MINUTE_MS = 60_000;
/** One life is under fire for so long unless the command says otherwise; then it is healed and judged. */
const LIFE_MINUTES = 1;
/** With Redis a life begins more slowly, and its faults take longer. */
const REDIS_LIFE_MINUTES = 4;
/** Each is fourteen processes. */
const MOST_CLUSTERS = 8;
const DISKS: readonly DiskKind[] = ['folder', 'tmpfs', 'image'];

interface Options {
  readonly redis: boolean;
  readonly minutes: number;
  /** A long life has more faults upon a cluster that has already met some, and spends less of the time on being healed and judged. */
  readonly lifeMinutes: number;
  readonly seed: number;
  /** With Redis: so many at the same time. */
  readonly clusters: number;
  readonly keep: boolean;
}

/** Figures of all lives together. */
interface Total {
  lives: number;
  faults: number;
  readonly kinds: Map<string, number>;
  readonly figures: Map<keyof Audit, number>;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const options = read(process.argv.slice(2));
  if (typeof options === 'string') {
    process.stderr.write(`error: ${options}\n${USAGE}`);
    return 2;
  }
  const scratch = mkdtempSync(path.join(process.env['SLUICE_CHAOS_DIR'] ?? tmpdir(), 'sluice-chaos-'));
  const findings = options.redis ? await runRedisCampaign({ ...options, scratch }) : await runDisks(options, scratch);
  if (findings === 0 && !options.keep) rmSync(scratch, { recursive: true, force: true });
  else process.stdout.write(`logs: ${scratch}\n`);
  return findings === 0 ? 0 : 1;
}

/** Clusters of one scheduler, each on another kind of disk. @returns how much was found */
async function runDisks(options: Options, scratch: string): Promise<number> {
  const obstacles = new Map(DISKS.map((kind) => [kind, whyNoDisk(kind, scratch)]));
  const missing = [...obstacles.values()].filter((why) => why !== null);
  if (!hasStrace()) missing.push('strace is not installed: no flush will fail');
  if (!hasFaketime()) missing.push('faketime is not installed: no clock will jump');
  for (const why of missing) process.stdout.write(`not here: ${why}\n`);
  if (missing.length > 0 && process.env['CI'] === 'true') {
    process.stderr.write('error: in CI every fault must be possible\n');
    return 1;
  }
  const disks = DISKS.filter((kind) => obstacles.get(kind) === null);
  const total: Total = { lives: 0, faults: 0, kinds: new Map(), figures: new Map() };
  let leftMs = options.minutes * MINUTE_MS;
  let findings = 0;
  while (leftMs > 0) {
    const kind = disks[total.lives % disks.length] ?? 'folder';
    const lifeMs = Math.min(leftMs, options.lifeMinutes * MINUTE_MS);
    findings += await live(kind, { ...options, seed: options.seed + total.lives }, scratch, total, lifeMs);
    leftMs -= lifeMs;
  }
  for (const [name, count] of total.kinds) process.stdout.write(`${String(count).padStart(6)}  ${name}\n`);
  process.stdout.write(`${closingLine(options.minutes, total)}\n`);
  return findings;
}

/** One cluster from its start to its audit. @returns how much was found */
async function live(kind: DiskKind, options: Options, scratch: string, total: Total, lifeMs: number): Promise<number> {
  const folder = path.join(scratch, `life-${total.lives + 1}`);
  mkdirSync(folder);
  const life = await Life.begin(folder, kind, new Random(options.seed));
  try {
    const work = life.work();
    const counts = await breakThings(life, performance.now() + lifeMs);
    life.leave();
    life.heal();
    await life.answerEverybody(work);
    const figures = await audit(life);
    const faults = [...counts.values()].reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `${JSON.stringify({ life: total.lives + 1, disk: kind, seed: options.seed, faults, ...figures })}\n`,
    );
    for (const finding of life.findings) process.stdout.write(`FOUND: ${finding}\n`);
    total.lives += 1;
    total.faults += faults;
    for (const [name, count] of counts) total.kinds.set(name, (total.kinds.get(name) ?? 0) + count);
    for (const name of Object.keys(figures) as (keyof Audit)[]) {
      total.figures.set(name, (total.figures.get(name) ?? 0) + figures[name]);
    }
    return life.findings.length;
  } finally {
    await life.end();
    if (life.findings.length === 0 && !options.keep) rmSync(folder, { recursive: true, force: true });
  }
}

function closingLine(minutes: number, { lives, faults, figures }: Total): string {
  const of = (name: keyof Audit): number => figures.get(name) ?? 0;
  return (
    `${minutes} minutes under fire, ${lives} clusters, ${faults} faults, ` +
    `${of('acknowledged')} workloads acknowledged, ${of('executions')} executions: ` +
    `${of('lost')} lost, ${of('submittedTwice')} submitted twice, ${of('executedTwice')} executed twice, ` +
    `${of('overlaps')} GPU overlaps, ${of('orphans')} orphans, ${of('stuck')} stuck, ${of('other')} other findings; ` +
    `${of('histories')} histories of at least 300 calls (${of('historyCalls')} in all): ` +
    `${of('notLinearizable')} not linearizable, ${of('undecided')} undecided`
  );
}

/** @returns what is wrong, in words, when it cannot be understood */
function read(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        redis: { type: 'boolean' },
        minutes: { type: 'string' },
        'life-minutes': { type: 'string' },
        seed: { type: 'string' },
        clusters: { type: 'string' },
        keep: { type: 'boolean' },
      },
    });
    const minutes = Number(values.minutes ?? '3');
    const lifeMinutes = Number(values['life-minutes'] ?? (values.redis === true ? REDIS_LIFE_MINUTES : LIFE_MINUTES));
    const seed = Number(values.seed ?? Math.floor(Date.now() / 1_000) % 1_000_000);
    if (!(minutes > 0 && minutes <= 10_000)) return `--minutes ${values.minutes} is not a number from 0 to 10,000`;
    if (!(lifeMinutes > 0 && lifeMinutes <= 10_000)) {
      return `--life-minutes ${values['life-minutes']} is not a number from 0 to 10,000`;
    }
    const clusters = Number(values.clusters ?? '1');
    if (!(Number.isSafeInteger(clusters) && clusters >= 1 && clusters <= MOST_CLUSTERS)) {
      return `--clusters ${values.clusters} is not a number from 1 to ${MOST_CLUSTERS}`;
    }
    if (clusters > 1 && values.redis !== true) return '--clusters goes with --redis';
    if (!Number.isSafeInteger(seed) || seed < 0) return `--seed ${values.seed} is not a whole number`;
    return { redis: values.redis ?? false, minutes, lifeMinutes, seed, clusters, keep: values.keep ?? false };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
