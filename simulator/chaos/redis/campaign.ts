// `npm run chaos -- --redis --minutes N`: one cluster of two schedulers on a Redis after the other, until they were under fire for so long.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Random } from '../../random.js';
import { audit, type Audit } from '../audit.js';
import { hasOpenssl } from './credentials.js';
import { whyNoNamespaces } from './network.js';
import type { TakeOver } from './leader-watch.js';
import { breakRedisThings, type Cause } from './redis-faults.js';
import { RedisLife } from './redis-life.js';
import { whyNoRedis } from './redis-servers.js';

const MINUTE_MS = 60_000;

export interface RedisCampaign {
  readonly minutes: number;
  readonly lifeMinutes: number;
  readonly seed: number;
  /** So many live at the same time, each on a network of its own; their minutes add up. */
  readonly clusters: number;
  readonly keep: boolean;
  /** Where everything is laid out. */
  readonly scratch: string;
}

/** So many clusters in a row that cannot be lived to their end are the end of the campaign. */
const MOST_BROKEN_OFF = 3;

/** Figures of one life beside those of the audit. */
interface RedisFigures extends Audit {
  readonly takeOvers: number;
  /** Losses of the past that were brought about, and announced. */
  readonly announcedLosses: number;
  /** Workloads that were acknowledged before such a loss. */
  readonly announcedLost: number;
}

/** Those that live at the moment, or begin to. */
interface UnderFire {
  readonly lives: Set<Promise<RedisLife>>;
  isInterrupted: boolean;
}

interface Total {
  isClosed: boolean;
  lives: number;
  /** For how long clusters were under fire, in ms. */
  underFireMs: number;
  faults: number;
  readonly kinds: Map<string, number>;
  readonly figures: Map<keyof RedisFigures, number>;
  readonly takeOvers: TakeOver[];
}

/** @returns how much was found */
export async function runRedisCampaign(campaign: RedisCampaign): Promise<number> {
  const whyNot = whyNoRedis();
  const hasNamespaces = whyNamespacesMissing() === null;
  if (whyNot !== null) {
    process.stderr.write(`error: ${whyNot}\nInstall the packages redis-server and redis-sentinel.\n`);
    return 1;
  }
  const total: Total = {
    isClosed: false,
    lives: 0,
    underFireMs: 0,
    faults: 0,
    kinds: new Map(),
    figures: new Map(),
    takeOvers: [],
  };
  let leftMs = campaign.minutes * MINUTE_MS;
  let findings = 0;
  let number = 0;
  let brokenOff = 0;
  const underFire: UnderFire = { lives: new Set(), isInterrupted: false };
  // Namespaces and processes would outlive whoever is impatient.
  const interrupt = (): void => {
    underFire.isInterrupted = true;
    close(total);
    process.stdout.write('interrupted: the clusters that were under fire are not among these figures\n');
    const ends = [...underFire.lives].map(async (begun) => (await begun).end());
    void Promise.allSettled(ends).then((ended) => {
      for (const one of ended) if (one.status === 'rejected') process.stdout.write(`${String(one.reason)}\n`);
      process.exit(1);
    });
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const one = async (): Promise<void> => {
    while (leftMs > 0 && brokenOff < MOST_BROKEN_OFF && !underFire.isInterrupted) {
      const lifeMs = Math.min(leftMs, campaign.lifeMinutes * MINUTE_MS);
      leftMs -= lifeMs;
      number += 1;
      const mine = number;
      try {
        findings += await live(campaign, hasNamespaces, total, mine, lifeMs, underFire);
        brokenOff = 0;
      } catch (error) {
        // What is ended under its users' hands breaks off.
        if (underFire.isInterrupted) return;
        // The clusters that were lived to their end are worth their figures.
        findings += 1;
        brokenOff += 1;
        const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
        process.stdout.write(`FOUND: cluster ${mine} was not lived to its end: ${why}\n`);
      }
    }
  };
  await Promise.all(Array.from({ length: campaign.clusters }, one));
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  close(total);
  return findings;
}

/** What all clusters together came to. */
function close(total: Total): void {
  if (total.isClosed) return;
  total.isClosed = true;
  for (const [name, count] of total.kinds) process.stdout.write(`${String(count).padStart(6)}  ${name}\n`);
  process.stdout.write(`${closingLine(total)}\n`);
}

function whyNamespacesMissing(): string | null {
  const why =
    whyNoNamespaces() ?? (hasOpenssl() ? null : 'openssl is not installed: no daemon may listen on a network');
  if (why !== null)
    process.stdout.write(`not here: ${why}; going on with loopback, where only lines of agents are cut\n`);
  return why;
}

/** One cluster from its start to its audit. @returns how much was found */
async function live(
  { scratch, seed, keep }: RedisCampaign,
  hasNamespaces: boolean,
  total: Total,
  number: number,
  lifeMs: number,
  underFire: UnderFire,
): Promise<number> {
  const folder = path.join(scratch, `life-${String(number).padStart(3, '0')}`);
  mkdirSync(folder);
  const begun = RedisLife.begin(folder, hasNamespaces, new Random(seed + number - 1));
  underFire.lives.add(begun);
  const life = await begun.catch((error: unknown) => {
    underFire.lives.delete(begun);
    throw error;
  });
  let isJudged = false;
  try {
    if (underFire.isInterrupted) throw new Error('interrupted');
    const work = life.work();
    const counts = await breakRedisThings(life, performance.now() + lifeMs);
    life.leave();
    life.heal();
    await life.answerEverybody(work);
    const judged = await audit(life);
    life.findings.push(...life.watch.findings);
    const takeOvers = life.watch.takeOvers();
    const figures: RedisFigures = {
      ...judged,
      other: judged.other + life.watch.findings.length,
      takeOvers: takeOvers.length,
      announcedLosses: life.watch.announcedLosses,
      announcedLost: life.users.announcedLost,
    };
    const faults = [...counts.values()].reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `${JSON.stringify({ life: number, seed: seed + number - 1, faults, ...figures, gaps: takeOvers.map(({ cause, gapMs }) => `${cause} ${Math.round(gapMs)} ms`) })}\n`,
    );
    isJudged = true;
    total.lives += 1;
    total.underFireMs += lifeMs;
    total.faults += faults;
    total.takeOvers.push(...takeOvers);
    for (const [name, count] of counts) total.kinds.set(name, (total.kinds.get(name) ?? 0) + count);
    for (const name of Object.keys(figures) as (keyof RedisFigures)[]) {
      total.figures.set(name, (total.figures.get(name) ?? 0) + figures[name]);
    }
    return life.findings.length;
  } finally {
    // Of one that is thrown away, too: they may say why.
    for (const finding of life.findings) process.stdout.write(`FOUND: ${finding}\n`);
    await life.end();
    underFire.lives.delete(begun);
    if (isJudged && life.findings.length === 0 && !keep) rmSync(folder, { recursive: true, force: true });
  }
}

function closingLine({ lives, underFireMs, faults, figures, takeOvers }: Total): string {
  const of = (name: keyof RedisFigures): number => figures.get(name) ?? 0;
  return (
    `${Math.round(underFireMs / MINUTE_MS)} minutes under fire, ${lives} clusters, ${faults} faults, ${of('takeOvers')} take-overs ` +
    `(nothing acknowledged when the leader was asked to hand over: ${gaps(takeOvers, 'asked')}; ` +
    `when a scheduler was gone: ${gaps(takeOvers, 'scheduler')}; when Redis was: ${gaps(takeOvers, 'redis')}), ` +
    `${of('announcedLosses')} announced losses of the past (${of('announcedLost')} workloads were acknowledged before them), ` +
    `${of('acknowledged')} workloads acknowledged, ${of('executions')} executions: ` +
    `${of('lost')} lost silently, ${of('submittedTwice')} submitted twice, ${of('executedTwice')} executed twice, ` +
    `${of('overlaps')} GPU overlaps, ${of('orphans')} orphans, ${of('stuck')} stuck, ${of('other')} other findings; ` +
    `${of('histories')} histories of at least 300 calls (${of('historyCalls')} in all): ` +
    `${of('notLinearizable')} not linearizable, ${of('undecided')} undecided`
  );
}

/** How long nothing was acknowledged around the take-overs of one cause. */
function gaps(takeOvers: readonly TakeOver[], cause: Cause): string {
  const valuesMs = takeOvers.filter((one) => one.cause === cause).map(({ gapMs }) => gapMs);
  const [half, most, longest] = [seconds(valuesMs, 0.5), seconds(valuesMs, 0.99), seconds(valuesMs, 1)];
  return `${valuesMs.length} times, p50 ${half} s, p99 ${most} s, longest ${longest} s`;
}

/** The value below which such a part of all lies, in seconds with one digit. */
function seconds(valuesMs: readonly number[], part: number): string {
  const sorted = valuesMs.toSorted((one, other) => one - other);
  const at = Math.min(sorted.length - 1, Math.floor(sorted.length * part));
  return ((sorted[Math.max(0, at)] ?? 0) / 1_000).toFixed(1);
}
