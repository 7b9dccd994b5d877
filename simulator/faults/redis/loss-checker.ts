// Holds the schedulers to telling of each loss: whoever goes on with a server that lacks what was acknowledged says so in the first thing
// that it writes, and what an agent knows of the lost part is found out once it was heard.
import type { AgentRecord } from '../../../node-agent/agent-journal.js';
import { META_KEY, type ClusterMeta, type Incident } from '../../../scheduler/model/records.js';
import type { Commit } from '../../../scheduler/store/state-store.js';
import type { LawName } from '../violation.js';
import type { Branch } from './branch.js';
import type { Effect } from './data.js';

/** What an agent obeyed, as its journal has it. */
type Obeyed = Pick<AgentRecord, 'lineage' | 'maxEpoch' | 'maxRevision'>;

/** Something that has to be told. */
interface News {
  /** What told of it, in any of the branches: one that was given up may lead again. */
  readonly toldBy: Commit[];
  /** Whether one of those is on the server that leads. */
  isTold: boolean;
}

/** Acknowledged commits that the server does not have which leads. */
interface Loss extends News {
  effects: readonly Effect[];
}

/** An agent that obeyed what the server does not have which leads. */
interface Knowledge extends News {
  readonly node: string;
  readonly obeyed: Obeyed;
}

const LAW = 'I28 a loss is announced';

export class LossChecker {
  readonly #report: (law: LawName, message: string) => void;
  readonly #obeyed = new Map<string, Obeyed>();
  #losses: Loss[] = [];
  #knowledge: Knowledge[] = [];
  /** The server that leads, with what it has. */
  #branch: Branch;
  /** The first commit that it took since it does. */
  #first: Commit | null = null;
  /** Every history that anybody began, and what noted that it was left. */
  readonly #histories = new Map<string, News>();
  /** Whether its records say that agents are awaited, as they were when it began to lead. */
  #isRecovering = false;

  constructor(branch: Branch, report: (law: LawName, message: string) => void) {
    this.#branch = branch;
    this.#report = report;
  }

  /**
   * Another server leads.
   * @param lost commits of the one before that had copies enough, and that it does not have
   */
  promoted(branch: Branch, lost: readonly Effect[]): void {
    const { newest } = branch;
    this.#branch = branch;
    this.#first = null;
    this.#isRecovering = isRecovering(newest);
    // What is on this one again is not lost any more, and what told of a loss may be gone itself.
    this.#losses = this.#losses.filter(({ effects }) => !effects.every((effect) => newest.includes(effect)));
    for (const news of [...this.#losses, ...this.#knowledge, ...this.#histories.values()]) {
      news.isTold = news.toldBy.some((commit) => newest.holds(commit));
    }
    if (lost.length > 0) this.#lose(lost);
    this.#knowledge = this.#knowledge.filter(({ obeyed }) => !newest.ordered(obeyed));
    for (const [node, obeyed] of this.#obeyed) this.#compare(node, obeyed, newest);
  }

  /** A server that does not lead any more has taken this, with copies enough: a leader that still reaches it acknowledges it. */
  acknowledgedElsewhere(acknowledged: readonly Effect[]): void {
    // What it had before it was given up may have come to the one that leads, too.
    const { newest } = this.#branch;
    const effects = acknowledged.filter((effect) => !newest.includes(effect) && !isOn(newest, effect));
    if (effects.length === 0) return;
    const loss = this.#lose(effects);
    if (this.#first === null) return;
    // It was said before that the last commits may be missing.
    if (tells(this.#first) || this.#isRecovering) tell(loss, this.#first);
    else this.#reportSilence(effects.length);
  }

  /** The server that leads has taken this. */
  committing(commit: Commit): void {
    if (!this.#histories.has(commit.lineage)) this.#histories.set(commit.lineage, untold());
    if (tells(commit)) for (const loss of this.#losses) tell(loss, commit);
    if (tells(commit, 'history_lost')) {
      for (const one of this.#knowledge) tell(one, commit);
      for (const [lineage, left] of this.#histories) if (lineage !== commit.lineage) tell(left, commit);
    }
    if (this.#first !== null) return;
    if (this.#isRepeated(commit)) return;
    this.#first = commit;
    const silent = this.#losses.filter(({ isTold }) => !isTold);
    if (silent.length === 0) return;
    if (!this.#isRecovering) return this.#reportSilence(silent.reduce((sum, { effects }) => sum + effects.length, 0));
    for (const loss of silent) tell(loss, commit);
  }

  /** What an agent obeyed is on its disk. */
  journaled(node: string, obeyed: Obeyed): void {
    const before = this.#obeyed.get(node);
    if (before?.lineage === obeyed.lineage && before.maxRevision === obeyed.maxRevision) return;
    this.#obeyed.set(node, obeyed);
    this.#compare(node, obeyed, this.#branch);
  }

  /** An agent has forgotten what it obeyed last. */
  journalDamaged(node: string): void {
    this.#obeyed.delete(node);
    this.#knowledge = this.#knowledge.filter((one) => one.node !== node);
  }

  /** To be called once every agent was heard. */
  checkTold(): void {
    const { newest } = this.#branch;
    for (const { node, obeyed, isTold } of this.#knowledge) {
      // A leader that was in doubt may have carried it out once more on this server.
      if (isTold || newest.ordered(obeyed)) continue;
      const { lineage, maxEpoch, maxRevision } = obeyed;
      const what = `${node} obeyed revision ${maxRevision} of ${lineage} in epoch ${maxEpoch}`;
      this.#report(LAW, `${what}, which the store that went on does not have, and no loss of history was noted since`);
    }
  }

  /** Whether a leader that was in doubt carries out again what was lost with the server that had it. Then it is lost no more. */
  #isRepeated(commit: Commit): boolean {
    const isIt = (effect: Effect): boolean => effect.type === 'batch' && effect.commit === commit;
    const isLost = this.#losses.some(({ effects }) => effects.some(isIt));
    this.#losses = this.#losses
      .map((loss) => Object.assign(loss, { effects: loss.effects.filter((effect) => !isIt(effect)) }))
      .filter(({ effects }) => effects.length > 0);
    return isLost;
  }

  #lose(effects: readonly Effect[]): Loss {
    const loss = { effects, ...untold() };
    this.#losses.push(loss);
    return loss;
  }

  #compare(node: string, obeyed: Obeyed, branch: Branch): void {
    if (obeyed.lineage === '' || obeyed.maxRevision === 0 || branch.ordered(obeyed)) return;
    const isSame = (one: Knowledge): boolean =>
      one.node === node && one.obeyed.lineage === obeyed.lineage && one.obeyed.maxRevision === obeyed.maxRevision;
    if (this.#knowledge.some(isSame)) return;
    // What is heard of a history that was left already is no news.
    const { toldBy, isTold } = this.#histories.get(obeyed.lineage) ?? untold();
    this.#knowledge.push({ node, obeyed, toldBy: [...toldBy], isTold });
  }

  #reportSilence(commits: number): void {
    const what = `${commits} acknowledged commits are not on ${this.#branch.server.name}, which leads`;
    this.#report(LAW, `${what}, and the first commit on it does not say that some may be missing`);
  }
}

/** Whether the commit is there by another carrying out. */
function isOn(branch: Branch, effect: Effect): boolean {
  return effect.type === 'batch' && effect.commit !== null && branch.holds(effect.commit);
}

function untold(): News {
  return { toldBy: [], isTold: false };
}

function tell(news: News, commit: Commit): void {
  if (news.isTold) return;
  news.toldBy.push(commit);
  news.isTold = true;
}

/** Whether a commit notes that a part of the history is lost, or may be. */
function tells({ puts }: Commit, ...kinds: readonly Incident['kind'][]): boolean {
  const told = kinds.length === 0 ? ['history_lost', 'copy_changed'] : kinds;
  return puts.some((put) => put.collection === 'incidents' && told.includes((put.value as Incident).kind));
}

/** Whether agents are asked already what they know, and nothing is placed until they have answered: that was told when it began. */
function isRecovering(branch: Branch): boolean {
  return Boolean(branch.record<ClusterMeta>('meta', META_KEY)?.recovery);
}
