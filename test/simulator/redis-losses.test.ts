// The law that a loss is announced, shown to bite on histories made by hand: a real branch of a simulated server, with what stands on it.
import { describe, expect, test } from 'vitest';
import type { RedisBatch } from '../../scheduler/store/redis/port.js';
import type { Commit, StoredRecord } from '../../scheduler/store/state-store.js';
import { Branch } from '../../simulator/faults/redis/branch.js';
import type { Effect } from '../../simulator/faults/redis/data.js';
import { LossChecker } from '../../simulator/faults/redis/loss-checker.js';
import type { SimRedisServer } from '../../simulator/faults/redis/server.js';

const LAW = 'I28 a loss is announced';
const COPIES = 1;

/** A commit as a primary carried it out. */
function commit(revision: number, { lineage = 'first', epoch = 1, puts = [] as readonly StoredRecord[] } = {}): Effect {
  const made: Commit = { lineage, epoch, revision, puts, deletes: [] };
  const batch: RedisBatch = { lineage, epoch, term: '', after: revision - 1, revision, changes: [] };
  return { type: 'batch', head: { lineage, epoch, revision, schema: 1, term: '' }, batch, commit: made };
}

function incident(kind: 'history_lost' | 'copy_changed' | 'copy_heard'): StoredRecord {
  return { collection: 'incidents', key: 'i', value: { id: 'i', timeMs: 1, actor: '', kind, message: '' } };
}

function recovering(): StoredRecord {
  const recovery = { why: 'copy_changed' as const, sinceMs: 1, adopted: 0 };
  return { collection: 'meta', key: 'cluster', value: { clusterId: 'c', lastWorkload: 0, recovery } };
}

/** What a server has that took over, of which only those are acknowledged that were so on another one. */
function takenOver(name: string, acknowledged: Set<Effect>, ...log: readonly Effect[]): Branch {
  const server = { name, log: [...log], lengthWithCopies: () => log.length };
  return new Branch(server as unknown as SimRedisServer, 1, COPIES, acknowledged);
}

/** A server of whose commits all have copies enough. */
function branch(name: string, ...log: readonly Effect[]): Branch {
  return takenOver(name, new Set(log), ...log);
}

/** A primary that took three commits, of which a replica has the first. */
function setup(...more: readonly StoredRecord[]) {
  const [first, second, third] = [commit(1, { puts: more }), commit(2), commit(3)];
  const broken: string[] = [];
  const checker = new LossChecker(branch('one', first, second, third), (law) => broken.push(law));
  const write = (effect: Effect): void => {
    if (effect.type === 'batch' && effect.commit !== null) checker.committing(effect.commit);
  };
  for (const effect of [first, second, third]) write(effect);
  const promote = (): Branch => {
    const other = branch('two', first);
    checker.promoted(other, branch('one', first, second, third).lostIn(other));
    return other;
  };
  return { broken, checker, write, promote, effects: [first, second, third] };
}

describe('a loss is announced by the first commit on a server that lacks commits', () => {
  test.each([
    ['a possible loss', [incident('copy_changed')], []],
    ['a loss', [incident('history_lost')], []],
    ['something else', [incident('copy_heard')], [LAW]],
    ['nothing', [], [LAW]],
    // The hold alone tells nobody that it begins.
    ['that agents are awaited from now on, but not why', [recovering()], [LAW]],
  ])('it notes %s', (_, puts, expected) => {
    const { broken, write, promote } = setup();
    promote();
    write(commit(2, { epoch: 2, puts }));
    write(commit(3, { epoch: 2, puts: [incident('copy_changed')] }));
    expect(broken).toEqual(expected);
  });

  test('nothing has to be said where nothing is lost, and nothing again while agents are awaited already', () => {
    const whole = setup();
    whole.checker.promoted(branch('two', ...whole.effects), []);
    whole.write(commit(4, { epoch: 2 }));
    expect(whole.broken).toEqual([]);

    const recover = setup(recovering());
    recover.promote();
    recover.write(commit(2, { epoch: 2 }));
    expect(recover.broken).toEqual([]);
  });

  test('it has to be said again where what said it was lost itself', () => {
    const { broken, checker, write, promote, effects } = setup();
    promote();
    write(commit(2, { epoch: 2, puts: [incident('copy_changed')] }));
    checker.promoted(branch('three', effects[0] ?? commit(1)), []);
    write(commit(2, { epoch: 3 }));
    expect(broken).toEqual([LAW]);
  });

  test('what comes back is not lost any more', () => {
    const { broken, checker, write, promote, effects } = setup();
    promote();
    checker.promoted(branch('one', ...effects), []);
    write(commit(4, { epoch: 2 }));
    expect(broken).toEqual([]);
  });

  test('what a leader in doubt carries out again is not lost', () => {
    const { broken, write, promote, effects } = setup();
    promote();
    for (const effect of [...effects.slice(1), commit(4)]) write(effect);
    expect(broken).toEqual([]);
  });

  test('but what it does not carry out again is', () => {
    const { broken, write, promote, effects } = setup();
    promote();
    for (const effect of [...effects.slice(1, 2), commit(3)]) write(effect);
    expect(broken).toEqual([LAW]);
  });

  test('what came to the server that leads before the other one was given up is not lost', () => {
    const { broken, checker, write, effects } = setup();
    checker.promoted(branch('two', ...effects), []);
    write(commit(4, { epoch: 2 }));
    checker.acknowledgedElsewhere(effects.slice(2));
    expect(broken).toEqual([]);
  });

  test.each([
    ['which the leader of the other one had announced', [incident('copy_changed')], []],
    ['and nobody had said that anything may be missing', [], [LAW]],
  ])('a primary that was given up acknowledges more, %s', (_, puts, expected) => {
    const { broken, checker, write, effects } = setup();
    checker.promoted(branch('two', ...effects), []);
    write(commit(4, { epoch: 2, puts }));
    checker.acknowledgedElsewhere([commit(4)]);
    expect(broken).toEqual(expected);
  });
});

describe('lost is what was acknowledged', () => {
  const [first, second, third] = [commit(1), commit(2), commit(3)] as const;
  const shortened = branch('other', first);

  test('on whatever server, and not what a server had when it took over and nobody was told of', () => {
    const acknowledged = new Set<Effect>([first, second]);
    const one = takenOver('one', acknowledged, first, second, third);
    expect(one.lostIn(shortened)).toEqual([second]);
    expect(one.acknowledgedLength).toBe(2);
  });

  test('from when it has copies, for every server that has it then', () => {
    const acknowledged = new Set<Effect>([first]);
    const one = takenOver('one', acknowledged, first, second, third);
    expect(one.lostIn(shortened)).toEqual([]);
    one.advance();
    expect(one.lostIn(shortened)).toEqual([second, third]);
    expect(takenOver('two', acknowledged, first, second, third).lostIn(shortened)).toEqual([second, third]);
  });
});

describe('what an agent knows of a lost part is found out', () => {
  const obeyed = { lineage: 'first', maxEpoch: 1, maxRevision: 3 };
  const announced = (kind: 'copy_changed' | 'history_lost', lineage = 'first'): Effect =>
    commit(2, { lineage, epoch: 2, puts: [incident(kind)] });

  test.each([
    ['a loss was noted', announced('history_lost', 'second'), obeyed, []],
    ['only a possible loss was noted', announced('copy_changed'), obeyed, [LAW]],
    ['it obeyed no more than the server has', announced('copy_changed'), { ...obeyed, maxRevision: 1 }, []],
    ['it obeyed nobody yet', announced('copy_changed'), { lineage: '', maxEpoch: 0, maxRevision: 0 }, []],
  ])('%s', (_, said, knows, expected) => {
    const { broken, checker, write, promote } = setup();
    checker.journaled('n', knows);
    promote();
    write(said);
    checker.checkTold();
    expect(broken).toEqual(expected);
  });

  test('also when the store has come to the same revision again, in a later epoch', () => {
    const { broken, checker, promote } = setup();
    const two = promote();
    for (const revision of [2, 3]) two.server.log.push(commit(revision, { epoch: 2 }));
    checker.promoted(branch('two', ...two.server.log), []);
    checker.journaled('n', obeyed);
    checker.checkTold();
    expect(broken).toEqual([LAW]);
  });

  test('who forgot it cannot tell', () => {
    const { broken, checker, promote } = setup();
    checker.journaled('n', obeyed);
    promote();
    checker.journalDamaged('n');
    checker.checkTold();
    expect(broken).toEqual([]);
  });

  test('what an agent remembers of a history that was left is no news, after another promotion either', () => {
    const { broken, checker, write, promote, effects } = setup();
    promote();
    const left = announced('history_lost', 'second');
    write(left);
    checker.journaled('n', obeyed);
    checker.promoted(branch('three', effects[0] ?? commit(1), left), []);
    checker.checkTold();
    expect(broken).toEqual([]);
  });
});
