// What the agent decides, as a table: each case is one row of the comparison of desired and observed.
import { describe, expect, test } from 'vitest';
import type { AllocationId } from '../../common/ids.js';
import type { DiscoveredGpu, Inventory } from '../../node-agent/gpu/provider.js';
import { CLEAN_LIMIT_MS, CLEAN_RETRY_MS, DOUBT_RETRY_MS, doubtedInventory } from '../../node-agent/session/doubts.js';
import { journalOf, KILL_RETRY_MS, nextTickMs } from '../../node-agent/session/session.js';
import { HEARTBEAT_MS, LEASE_MS, SessionDriver, wants } from './session-builder.js';

/** An agent with a lease and one running allocation `a` on GPU `g`. */
function running(rest: Parameters<typeof wants>[2] = {}): SessionDriver {
  const session = new SessionDriver();
  session.join();
  session.order(wants('a', ['g@1'], rest));
  session.started('a');
  return session;
}

const STOP = { stop: { reason: 'RECLAIMED', graceMs: 3_000 } } as const;

describe('starting', () => {
  test('a listed allocation starts once, after it is in the journal, however often it is listed', () => {
    const session = new SessionDriver();
    session.join();
    expect(session.order(wants('a', ['g@1']))).toEqual(['persist', 'start a', 'send observed']);
    expect(session.order(wants('a', ['g@1']))).not.toContain('start a');
    expect(session.started('a')).toEqual(['send observed']);
    expect(session.order(wants('a', ['g@1']))).not.toContain('start a');
  });

  test('nothing starts without a lease; it starts when the lease comes', () => {
    const session = new SessionDriver();
    session.take({ type: 'connected' });
    session.welcome();
    expect(session.order(wants('a'))).not.toContain('start a');
    expect(session.phase('a')).toBeUndefined();
    expect(session.beat()).toContain('start a');
  });

  test('nothing starts once the lease is over', () => {
    const session = new SessionDriver();
    session.join();
    session.take({ type: 'disconnected' });
    session.pass(LEASE_MS + 1);
    session.take({ type: 'connected' });
    session.welcome();
    expect(session.order(wants('a'))).not.toContain('start a');
  });

  test('nothing starts any more once the agent is leaving; what runs is still followed', () => {
    const session = running();
    session.take({ type: 'leaving' });
    expect(session.order(wants('a', ['g@1']), wants('b', ['h@1']))).not.toContain('start b');
    expect(session.phase('b')).toBeUndefined();
    expect(session.ended('a')).toContain('send observed');
  });

  test('a GPU that something here still holds is waited for, until it is clean', () => {
    const session = running();
    expect(session.order(wants('a', ['g@1'], STOP), wants('b', ['g@2']))).not.toContain('start b');
    expect(session.ended('a')).toContain('check a g');
    expect(session.phase('b')).toBeUndefined();
    expect(session.clean('a')).toContain('start b');
  });

  test.each([
    ['the same', 4],
    ['an older', 3],
  ])('%s generation of a GPU is refused as never started', (_, generation) => {
    const session = new SessionDriver();
    session.join();
    session.order(wants('a', ['g@4']));
    session.started('a');
    session.ended('a');
    session.clean('a');
    const words = session.order(wants('b', [`g@${generation}`]));
    expect(words).not.toContain('start b');
    expect(session.state.allocations.get('b' as AllocationId)).toMatchObject({ phase: 'released', neverStarted: true });
  });

  test('what was ordered before the stream broke is not started after it: it may have been given up since', () => {
    const session = new SessionDriver();
    session.join();
    session.order();
    session.nowMs += LEASE_MS;
    // It comes too late for this lease, and the next lease comes before the next orders do.
    expect(session.order(wants('a', ['g@1']))).not.toContain('start a');
    session.take({ type: 'disconnected' });
    expect(session.join()).not.toContain('start a');
    expect(session.order()).not.toContain('start a');
    expect(session.order(wants('a', ['g@1']))).toContain('start a');
  });

  test('who was never started looks at what others left on a GPU that it had a share of', () => {
    const session = new SessionDriver();
    session.join();
    session.order(wants('a', ['g@1*3500']), wants('b', ['g@2*3500']), wants('c', ['h@1']));
    session.started('a');
    // Nothing to look at yet: the other one has a share of it.
    expect(session.ended('a')).toContain('check a');
    expect(session.clean('a')).not.toContain('check a g');
    const end = {
      neverStarted: true,
      code: null,
      signal: '',
      message: '',
      startedMs: null,
      endedMs: 9,
      stopSignalled: false,
    };
    expect(session.take({ type: 'ended', id: 'b' as AllocationId, end })).toContain('check b g');
    expect(session.phase('b')).toBe('exited');
    expect(session.restart({ b: { state: 'ended', end } }).phase('b')).toBe('exited');
    session.dirty('b', 'g');
    session.pass(CLEAN_LIMIT_MS);
    session.dirty('b', 'g');
    expect(session.state.allocations.get('b' as AllocationId)).toMatchObject({ phase: 'released', dirtyGpus: ['g'] });
    // Of a whole GPU nobody else had anything.
    session.take({ type: 'ended', id: 'c' as AllocationId, end });
    expect(session.phase('c')).toBe('released');
  });

  test('an order that comes already stopped is never started, also when the stop is taken back', () => {
    const session = new SessionDriver();
    session.join();
    expect(session.order(wants('a', [], STOP))).not.toContain('start a');
    expect(session.order(wants('a'))).not.toContain('start a');
    expect(session.state.allocations.get('a' as AllocationId)).toMatchObject({ phase: 'released', neverStarted: true });
  });
});

describe('stopping', () => {
  test('a stop signals once and kills after the grace, again and again until it is gone', () => {
    const session = running();
    expect(session.order(wants('a', ['g@1'], STOP))).toContain('stop a RECLAIMED 3000');
    expect(session.order(wants('a', ['g@1'], STOP))).not.toContain('stop a RECLAIMED 3000');
    expect(session.pass(2_999)).not.toContain('kill a');
    expect(session.pass(1)).toContain('kill a');
    expect(session.pass(1)).not.toContain('kill a');
    expect(session.pass(KILL_RETRY_MS)).toContain('kill a');
    expect(session.ended('a', null, 'SIGKILL')).toContain('check a g');
  });

  test('a second stop can only make it quicker', () => {
    const session = running();
    session.order(wants('a', ['g@1'], { stop: { reason: 'RECLAIMED', graceMs: 60_000 } }));
    expect(session.order(wants('a', ['g@1'], { stop: { reason: 'CANCELLED', graceMs: 90_000 } }))).toEqual(['persist']);
    expect(session.order(wants('a', ['g@1'], { stop: { reason: 'CANCELLED', graceMs: 10 } }))).toContain(
      'stop a CANCELLED 10',
    );
  });

  test('what nobody lists is stopped and killed at once', () => {
    const session = running();
    expect(session.order()).toContain('stop a CANCELLED 0');
    expect(session.pass(1)).toContain('kill a');
  });

  test('before the first set nothing is an orphan', () => {
    const session = running().restart({ a: { state: 'running', startedMs: 5 } });
    expect(session.join()).not.toContain('stop a CANCELLED 0');
    expect(session.order(wants('a', ['g@1']))).toEqual(['persist']);
    expect(session.phase('a')).toBe('running');
  });
});

describe('releasing', () => {
  test('an end is reported, then its GPUs are looked at, then it is released, then forgotten when unlisted', () => {
    const session = running();
    expect(session.ended('a', 42)).toEqual(['check a g', 'send observed']);
    expect(session.phase('a')).toBe('exited');
    expect(session.clean('a')).toEqual(['send observed']);
    expect(session.phase('a')).toBe('released');
    expect(session.order(wants('a', ['g@1']))).toEqual(['persist']);
    expect(session.order()).toEqual(['persist', 'forget a', 'send observed']);
    expect(session.phase('a')).toBeUndefined();
  });

  test('an ended allocation that is unlisted too early is kept until it is clean', () => {
    const session = running();
    session.ended('a');
    expect(session.order()).not.toContain('forget a');
    expect(session.clean('a')).toContain('forget a');
  });

  test('dirty GPUs are looked at again, and after the limit released as dirty', () => {
    const session = running();
    session.ended('a');
    expect(session.dirty('a', 'g')).toEqual([]);
    expect(session.pass(CLEAN_RETRY_MS)).toEqual(['check a g']);
    session.nowMs += CLEAN_LIMIT_MS;
    session.dirty('a', 'g');
    expect(session.state.allocations.get('a' as AllocationId)).toMatchObject({ phase: 'released', dirtyGpus: ['g'] });
  });
});

describe('a reset of GPUs', () => {
  test('begins at once where nothing holds them, and once however often it is asked for', () => {
    const session = new SessionDriver();
    session.join();
    expect(session.orderResets(['1:g,h'])).toEqual(['persist', 'reset g,h']);
    expect(session.orderResets(['1:g,h'])).toEqual(['persist']);
    expect(session.take({ type: 'reset over' })).toEqual([]);
    // Its end is on the way to the scheduler.
    expect(session.orderResets(['1:g,h'])).toEqual(['persist']);
    session.orderResets([]);
    expect(session.orderResets(['1:g,h'])).toEqual(['persist', 'reset g,h']);
  });

  test('that a person asks for again is another one', () => {
    const session = new SessionDriver();
    session.join();
    session.orderResets(['1:g']);
    session.take({ type: 'reset over' });
    expect(session.orderResets(['2:g'])).toEqual(['persist', 'reset g']);
  });

  test('waits for whoever holds a part of one of them, until it is released', () => {
    const session = new SessionDriver();
    session.join();
    session.order(wants('a', ['h@1*3500']));
    session.started('a');
    expect(session.orderResets(['1:g,h'], wants('a', ['h@1*3500']))).toEqual(['persist']);
    expect(session.orderResets(['1:g,h'])).toEqual(['persist', 'stop a CANCELLED 0', 'send observed']);
    expect(session.ended('a')).toEqual(['check a h', 'send observed']);
    expect(session.clean('a')).toContain('reset g,h');
  });

  test('keeps starts off its GPUs, and off no others, for as long as it takes', () => {
    const session = new SessionDriver();
    session.join();
    session.orderResets(['1:g,h']);
    const words = session.order(wants('a', ['g@1']), wants('b', ['i@1']));
    expect(words).toEqual(['persist', 'start b', 'send observed']);
    expect(session.take({ type: 'reset over' })).toEqual(['persist', 'start a', 'send observed']);
  });

  test('is one at a time', () => {
    const session = new SessionDriver();
    session.join();
    expect(session.orderResets(['1:g', '2:h'])).toEqual(['persist', 'reset g']);
    expect(session.take({ type: 'reset over' })).toEqual(['reset h']);
  });

  test('needs a lease, and orders of the present stream', () => {
    const session = new SessionDriver();
    session.take({ type: 'connected' });
    session.welcome();
    expect(session.orderResets(['1:g'])).toEqual(['persist']);
    expect(session.beat()).toEqual(['reset g']);
    const other = new SessionDriver();
    other.join();
    other.order(wants('a', ['g@1']));
    other.orderResets(['1:g'], wants('a', ['g@1']));
    other.take({ type: 'disconnected' });
    other.join();
    other.ended('a');
    expect(other.clean('a')).not.toContain('reset g');
    expect(other.orderResets(['1:g'])).toContain('reset g');
  });
});

describe('a GPU in doubt', () => {
  /** An agent that began in the same boot as the one before, which held nothing that anybody knows of. */
  function begunAgain(): SessionDriver {
    const session = new SessionDriver();
    session.take({ type: 'doubted', gpus: ['g', 'h'] });
    session.join();
    return session;
  }

  test('takes an order once it was seen clean; others wait for nothing', () => {
    const session = new SessionDriver();
    expect(session.take({ type: 'doubted', gpus: ['g', 'h'] })).toEqual(['look g', 'look h']);
    session.join();
    expect(session.looked('h', 'clean')).toEqual([]);
    const words = session.order(wants('a', ['g@1']), wants('b', ['h@1']), wants('c'));
    expect(words).toEqual(['persist', 'start b', 'start c', 'send observed']);
    expect(session.looked('g', 'clean')).toEqual(['persist', 'start a', 'send observed']);
  });

  test('is told when it was seen to be dirty, and looked at until it is clean', () => {
    const session = begunAgain();
    session.order(wants('a', ['g@1']));
    expect(session.looked('g', 'dirty')).toEqual(['send inventory']);
    expect(nextTickMs(session.state)).toBe(session.nowMs + CLEAN_RETRY_MS);
    expect(session.pass(CLEAN_RETRY_MS)).toEqual(['look g']);
    // Nothing new, so nothing to tell.
    expect(session.looked('g', 'dirty')).toEqual([]);
    expect(session.pass(CLEAN_RETRY_MS)).toEqual(['look g']);
    expect(session.looked('g', 'clean')).toEqual(['persist', 'send inventory', 'start a', 'send observed']);
  });

  test.each(['dirty', 'unknown'] as const)(
    'that stays %s is looked at less often, and orders for it are refused',
    (state) => {
      const session = begunAgain();
      session.looked('h', 'clean');
      session.looked('g', state);
      session.order(wants('a', ['g@1']));
      session.take({ type: 'disconnected' });
      session.pass(CLEAN_LIMIT_MS);
      session.join();
      session.looked('g', state);
      expect(session.state.doubts.get('g')?.nextMs).toBe(session.nowMs + DOUBT_RETRY_MS);
      session.order(wants('a', ['g@1']), wants('b', ['h@1']));
      expect(session.phase('b')).toBe('starting');
      expect(session.state.allocations.get('a' as AllocationId)).toMatchObject({
        phase: 'released',
        neverStarted: true,
        dirtyGpus: [],
        exit: { message: `GPU g did not become clean in time: g is ${state}` },
      });
    },
  );

  test('is each that was released as dirty, whoever has forgotten that', () => {
    const session = running();
    session.ended('a');
    session.nowMs += CLEAN_LIMIT_MS;
    expect(session.dirty('a', 'g')).toEqual(['look g', 'send observed']);
    expect(session.looked('g', 'dirty')).toEqual(['send inventory']);
    // Another history, in which nobody knows that it was dirty.
    session.take({ type: 'disconnected' });
    session.join({ lineage: 'l2', epoch: 2 });
    expect(session.orderAt(2, 1, wants('b', ['g@9']))).not.toContain('start b');
    expect(session.phase('b')).toBe('released');
    session.pass(DOUBT_RETRY_MS);
    expect(session.looked('g', 'clean')).toContain('send inventory');
    expect(session.orderAt(2, 2, wants('c', ['g@10']))).toContain('start c');
  });

  test('of which somebody holds a part is looked at when he has left, and takes nothing new before', () => {
    const session = new SessionDriver();
    session.join();
    const b = wants('b', ['g@2*3000']);
    session.order(wants('a', ['g@1*3000']), b);
    session.started('a');
    session.started('b');
    session.ended('a');
    session.nowMs += CLEAN_LIMIT_MS;
    // A process of it hangs in the kernel; memory cannot be told from that of the other one, and nobody asked for it.
    expect(session.dirty('a', 'g')).toEqual(['send observed']);
    session.beat();
    expect(session.order(b, wants('c', ['g@3*3000']))).not.toContain('start c');
    expect(nextTickMs(session.state)).toBeGreaterThan(session.nowMs);
    session.ended('b');
    // The last one's own look was asked for before that.
    expect(session.clean('b')).toEqual(['look g', 'send observed']);
    session.join();
    expect(session.order(wants('c', ['g@3*3000']))).not.toContain('start c');
    expect(session.looked('g', 'clean')).toContain('start c');
  });

  test('that was doubted again is not cleared by a look from before', () => {
    const session = begunAgain();
    const askedMs = session.nowMs;
    session.nowMs += 1;
    expect(session.take({ type: 'doubted', gpus: ['g'] })).toEqual(['look g']);
    session.order(wants('a', ['g@1']));
    expect(session.looked('g', 'clean', askedMs)).not.toContain('start a');
    expect(session.looked('g', 'clean')).toContain('start a');
  });

  test('is none that is held: its holder sees to it', () => {
    const session = running();
    expect(session.take({ type: 'doubted', gpus: ['g'] })).toEqual([]);
    expect(session.state.doubts.size).toBe(0);
  });

  test('is told as quarantined, with what was seen, unless its driver says worse', () => {
    const gpu = (uuid: string, health: 'healthy' | 'lost') => ({ uuid, health, healthMessage: '' }) as DiscoveredGpu;
    const inventory: Inventory = {
      gpus: [gpu('g', 'healthy'), gpu('h', 'lost'), gpu('i', 'healthy')],
      driverVersion: '',
      cudaVersion: '',
      problem: '',
    };
    const session = new SessionDriver();
    session.take({ type: 'doubted', gpus: ['g', 'h', 'i'] });
    session.looked('g', 'dirty');
    session.looked('h', 'unknown');
    const { gpus } = doubtedInventory(inventory, session.state.doubts);
    // At the third one nobody looked yet, so nothing is known against it.
    expect(gpus.map(({ health }) => health)).toEqual(['quarantined', 'lost', 'healthy']);
    expect(gpus[0]?.healthMessage).toContain('g is dirty');
    expect(doubtedInventory(inventory, new Map())).toBe(inventory);
  });
});

describe('the lease', () => {
  test('counts from the sending of the heartbeat that was answered', () => {
    const session = new SessionDriver();
    session.take({ type: 'connected' });
    session.welcome();
    const sentMs = session.nowMs;
    session.nowMs += 1_500;
    session.beat();
    expect(session.state.leaseDeadlineMs).toBe(sentMs + LEASE_MS);
    expect(session.outputs).toContainEqual({ type: 'write lease', deadlineMs: sentMs + LEASE_MS });
  });

  test('an answer of an earlier connection counts nothing', () => {
    const session = new SessionDriver();
    session.join();
    session.pass(HEARTBEAT_MS);
    const { lastSequence } = session.state.heartbeat;
    session.take({ type: 'disconnected' });
    const before = session.state.leaseDeadlineMs;
    session.take({ type: 'heartbeat answered', sequence: lastSequence, revision: 1 });
    expect(session.state.leaseDeadlineMs).toBe(before);
  });

  test('a task runs on for its linger, then is stopped with its own grace', () => {
    const session = running({ lingerMs: 7_000, graceMs: 2_000 });
    session.take({ type: 'disconnected' });
    expect(session.pass(LEASE_MS + 7_000)).toEqual([]);
    expect(session.pass(1)).toEqual(['stop a NODE_LOST 2000']);
    expect(session.pass(2_000)).toEqual(['kill a']);
  });

  test('a task of a machine that slept beyond lease, linger and grace is killed at once', () => {
    const session = running({ lingerMs: 7_000, graceMs: 2_000 });
    session.take({ type: 'disconnected' });
    expect(session.pass(LEASE_MS + 7_000 + 60_000)).toEqual(['stop a NODE_LOST 0']);
    expect(session.pass(0)).toEqual(['kill a']);
  });

  test('the next tick is never later than the next thing to do', () => {
    const session = running({ lingerMs: 7_000 });
    expect(nextTickMs(session.state)).toBe(session.nowMs + HEARTBEAT_MS);
    session.take({ type: 'disconnected' });
    expect(nextTickMs(session.state)).toBe(session.state.leaseDeadlineMs + 7_001);
    session.nowMs = session.state.leaseDeadlineMs + 7_001;
    expect(session.take({ type: 'tick' })).toContain('stop a NODE_LOST 1000');
  });

  test('a scheduler that is silent for a lease is left', () => {
    const session = new SessionDriver();
    session.join();
    for (let beats = 0; beats < 4; beats += 1) expect(session.pass(HEARTBEAT_MS)).toEqual([]);
    expect(session.pass(HEARTBEAT_MS + 1)).toEqual(['close connection']);
  });
});

describe('whose orders count', () => {
  test.each([
    ['an epoch that is over', 1, 99],
    ['a revision that goes back', 2, 9],
  ])('%s is refused and changes nothing', (_, epoch, revision) => {
    const session = new SessionDriver();
    session.join({ epoch: 2 });
    session.orderAt(2, 10, wants('a'));
    expect(session.orderAt(epoch, revision)).toEqual(['close connection']);
    expect(session.phase('a')).toBe('starting');
    expect(journalOf(session.state)).toMatchObject({ maxEpoch: 2, maxRevision: 10 });
  });

  test('what an answer tells of the history is remembered, obeyed or not, and stands in the way of no order', () => {
    const session = new SessionDriver();
    session.join();
    session.orderAt(1, 10, wants('a'));
    expect(session.state.heardRevision).toBe(10);
    session.pass(HEARTBEAT_MS);
    session.beat(17);
    session.beat(16);
    expect(session.state.heardRevision).toBe(17);
    expect(session.orderAt(1, 12, wants('a'), wants('b'))).not.toContain('close connection');
    expect(journalOf(session.state)).toMatchObject({ maxRevision: 12 });
    expect(session.state.heardRevision).toBe(17);
  });

  test('it is forgotten with the history, and not taken from a stream that is over', () => {
    const session = new SessionDriver();
    session.join();
    session.beat(17);
    session.take({ type: 'disconnected' });
    session.beat(18);
    expect(session.state.heardRevision).toBe(17);
    session.take({ type: 'connected' });
    session.welcome({ epoch: 2, lineage: 'another' });
    expect(session.state.heardRevision).toBe(0);
  });

  test('the same revision again is a repetition', () => {
    const session = new SessionDriver();
    session.join();
    session.orderAt(1, 10, wants('a'));
    expect(session.orderAt(1, 10, wants('a'))).toEqual([]);
  });

  test('a scheduler of an older epoch is left', () => {
    const session = new SessionDriver();
    session.join({ epoch: 3 });
    session.take({ type: 'disconnected' });
    session.take({ type: 'connected' });
    expect(session.welcome({ epoch: 2 })).toEqual(['close connection']);
    expect(session.state.connection).toBe('greeting');
    expect(session.orderAt(9, 99, wants('a'))).toEqual([]);
  });

  test('what was obeyed is remembered over a restart', () => {
    const session = new SessionDriver();
    session.join({ epoch: 3 });
    session.orderAt(3, 10);
    const next = session.restart({});
    next.take({ type: 'connected' });
    expect(next.welcome({ epoch: 2 })).toEqual(['close connection']);
  });

  test('another history begins its revisions anew; generations go on, and no GPU that is in use is freed', () => {
    const session = running();
    session.take({ type: 'disconnected' });
    session.join({ lineage: 'l2', epoch: 2 });
    expect(session.orderAt(2, 1, wants('a', ['g@1']), wants('b', ['g@2']))).not.toContain('start b');
    expect(session.phase('a')).toBe('running');
    expect(session.orderAt(2, 2, wants('c', ['g@1']))).toContain('stop a CANCELLED 0');
    session.ended('a');
    session.clean('a');
    expect(session.state.allocations.get('c' as AllocationId)).toMatchObject({ neverStarted: true });
  });

  test('spared work that nobody lists goes on until it is spared no longer', () => {
    const session = running();
    const desired = { type: 'desired', epoch: 1, leaderId: '', allocations: [] } as const;
    expect(session.take({ ...desired, revision: 9, spared: ['a' as AllocationId] })).not.toContain(
      'stop a CANCELLED 0',
    );
    expect(session.phase('a')).toBe('running');
    expect(session.take({ ...desired, revision: 10, spared: [] })).toContain('stop a CANCELLED 0');
  });

  test('an epoch with two leaders is obeyed no more, from neither, until a later one begins', () => {
    const session = new SessionDriver();
    session.join({ epoch: 3, leaderId: 'one' });
    session.take({ type: 'disconnected' });
    session.take({ type: 'connected' });
    expect(session.welcome({ epoch: 3, leaderId: 'two' })).toEqual(['persist', 'close connection']);
    expect(journalOf(session.state).collidedEpoch).toBe(3);
    const next = session.restart({});
    for (const leaderId of ['one', 'two']) {
      next.take({ type: 'connected' });
      expect(next.welcome({ epoch: 3, leaderId })).toEqual(['close connection']);
    }
    next.take({ type: 'connected' });
    expect(next.welcome({ epoch: 4, leaderId: 'two' })).toContain('persist');
    expect(next.state.connection).toBe('up');
  });

  test('orders of another leader than the epoch has are refused', () => {
    const session = new SessionDriver();
    session.join({ epoch: 3, leaderId: 'one' });
    const order = { type: 'desired', epoch: 3, revision: 1, allocations: [wants('a')], spared: [] } as const;
    expect(session.take({ ...order, leaderId: 'two' })).toEqual(['persist', 'close connection']);
    expect(session.phase('a')).toBeUndefined();
  });
});

describe('coming back', () => {
  test('an end that happened meanwhile is reported, cleaned and released', () => {
    const before = running();
    const end = {
      neverStarted: false,
      code: 42,
      signal: '',
      message: '',
      startedMs: 5,
      endedMs: 9,
      stopSignalled: false,
    };
    const session = before.restart({ a: { state: 'ended', end } });
    expect(session.take({ type: 'tick' })).toEqual(['check a g']);
    session.clean('a');
    session.join();
    expect(session.order(wants('a', ['g@1']))).toEqual(['persist']);
    expect(session.state.allocations.get('a' as AllocationId)).toMatchObject({
      phase: 'released',
      exit: { code: 42 },
      endedMs: 9,
    });
  });

  test('what was refused stays refused', () => {
    const before = new SessionDriver();
    before.join();
    before.order(wants('a', [], STOP));
    const session = before.restart({});
    session.join();
    expect(session.order(wants('a'))).not.toContain('start a');
  });

  test('a hello is followed by what changed until the welcome', () => {
    const session = running();
    session.take({ type: 'disconnected' });
    expect(session.take({ type: 'connected' })).toEqual(['send hello']);
    expect(session.ended('a')).toEqual(['check a g']);
    expect(session.welcome()).toEqual(['send observed']);
  });
});
