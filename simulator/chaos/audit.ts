// What must have held at the end of a life, judged from outside: by what users were told, what the kernel saw, and what
// tasks wrote down.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { HistoryFigures } from './circles.js';
import type { Life } from './life.js';
import { until } from './until.js';
import { hasEnded } from './users.js';

/** How long a healed cluster may take to work off what was submitted. */
const SETTLE_LIMIT_MS = 180_000;
const ORPHANS_LIMIT_MS = 20_000;
const LOOK_MS = 500;

/** What of a life is judged. */
export type Judged = Pick<Life, 'users' | 'circles' | 'findings' | 'marks' | 'taskProcesses' | 'end'>;

/** Figures of one life. The last ones must be 0. */
export interface Audit extends HistoryFigures {
  readonly acknowledged: number;
  readonly brokenCalls: number;
  readonly executions: number;
  readonly succeeded: number;
  readonly lost: number;
  readonly submittedTwice: number;
  readonly executedTwice: number;
  readonly overlaps: number;
  readonly orphans: number;
  readonly stuck: number;
  /** What users or the keeper of processes saw that must not be. */
  readonly other: number;
}

/** Waits until a healed cluster has come to rest, judges it and ends it. Findings in words are added to the life's own. */
export async function audit(life: Judged): Promise<Audit> {
  const { users, findings } = life;
  const all = await atRest(life);
  const stuck = all.filter(({ state }) => !hasEnded(state));
  for (const { number, state } of stuck) {
    findings.push(`workload ${number} is still ${state}: ${await users.explain(number)}`);
  }
  const byNumber = new Map(all.map((workload) => [workload.number, workload]));
  const lost = users.promised.filter(({ number, name }) => byNumber.get(number)?.spec?.name !== name);
  for (const { number, name } of lost) findings.push(`workload ${number} ("${name}") was acknowledged and is lost`);
  const submittedTwice = repeated(all.map(({ spec }) => spec?.name ?? '')).filter(
    (name) => !users.isOfLostPast(name) && !life.circles.isOfLostPast(name),
  );
  for (const name of submittedTwice) findings.push(`"${name}" was submitted once and is there twice`);

  const executions = linesOf(life.marks.executions);
  const executedTwice = repeated(executions.map((line) => line.split(' ')[0] ?? ''));
  for (const allocation of executedTwice) findings.push(`allocation ${allocation} was executed twice`);
  const succeeded = all.filter(({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
  for (const workload of succeeded) findings.push(...whyNotDone(workload, executions));
  const overlaps = linesOf(life.marks.overlaps);
  findings.push(...overlaps);
  const orphans = await orphansOf(life);
  for (const orphan of orphans) findings.push(`left behind: ${orphan}`);
  users.lookOnce(all);
  findings.push(...users.findings);
  const unlawful: string[] = [];
  const histories = await life.circles.judge(unlawful);
  findings.push(...life.circles.findings);
  // Leaving is a part of life.
  await life.end();
  const other =
    findings.length -
    lost.length -
    submittedTwice.length -
    executedTwice.length -
    overlaps.length -
    orphans.length -
    stuck.length;
  findings.push(...unlawful);
  return {
    ...histories,
    acknowledged: users.promised.length,
    brokenCalls: users.brokenCalls,
    executions: executions.length,
    succeeded: succeeded.length,
    lost: lost.length,
    submittedTwice: submittedTwice.length,
    executedTwice: executedTwice.length,
    overlaps: overlaps.length,
    orphans: orphans.length,
    stuck: stuck.length,
    other,
  };
}

async function atRest(life: Judged): Promise<readonly Workload__Output[]> {
  const deadlineMs = performance.now() + SETTLE_LIMIT_MS;
  for (;;) {
    const all = await life.users.everything();
    if (all.every(({ state }) => hasEnded(state)) || performance.now() > deadlineMs) return all;
    await sleep(LOOK_MS);
  }
}

/** A success that no program brought. */
function whyNotDone({ number, spec }: Workload__Output, executions: readonly string[]): readonly string[] {
  const runs = executions.filter((line) => line.endsWith(` ${number}`)).length;
  const least = spec?.tasks ?? 1;
  return runs >= least ? [] : [`workload ${number} succeeded, but of its ${least} tasks ${runs} ran`];
}

async function orphansOf(life: Judged): Promise<readonly string[]> {
  try {
    await until('tasks are gone', () => life.taskProcesses().length === 0, ORPHANS_LIMIT_MS);
    return [];
  } catch {
    return life.taskProcesses();
  }
}

function linesOf(file: string): readonly string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** What comes more than once. */
function repeated(words: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return [...new Set(words.filter((word) => seen.size === seen.add(word).size))];
}
