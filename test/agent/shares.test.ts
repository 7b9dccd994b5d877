// Several tasks on one GPU: what fits beside what, what is refused, which generation counts, and when a GPU is looked at.
import { describe, expect, test } from 'vitest';
import type { AllocationId } from '../../common/ids.js';
import { CLEAN_LIMIT_MS, CLEAN_RETRY_MS } from '../../node-agent/session/doubts.js';
import { MAX_TASKS } from '../../node-agent/session/session.js';
import { HEARTBEAT_MS, SessionDriver, wants } from './session-builder.js';

const STOP = { stop: { reason: 'RECLAIMED', graceMs: 3_000 } } as const;

/** An agent with a lease, in which each of the grants runs as `a`, `b`, `c`. */
function running(...grants: readonly (readonly string[])[]): SessionDriver {
  const session = new SessionDriver();
  session.join();
  session.order(...grants.map((gpus, index) => wants(nameOf(index), gpus)));
  for (const index of grants.keys()) {
    expect(session.phase(nameOf(index))).toBe('starting');
    session.started(nameOf(index));
  }
  return session;
}

function nameOf(index: number): string {
  return String.fromCodePoint(97 + index);
}

function here(session: SessionDriver, id: string) {
  return session.state.allocations.get(id as AllocationId);
}

describe('what fits beside what', () => {
  test.each([
    ['two halves', ['g@1*3500'], ['g@2*3500']],
    ['thousandths and sevenths up to the last part', ['g@1*6993'], ['g@2*7']],
    ['two instances of one GPU', ['g@1/i*3000'], ['g@2/j*4000']],
    ['a half and another whole GPU', ['g@1*3500'], ['h@1']],
    ['halves of two GPUs each', ['g@1*3500', 'h@1*3500'], ['h@2*3500', 'g@2*3500']],
    ['two instances for one task, the third for another', ['g@1/i*1000', 'g@2/j*1000'], ['g@3/k*1000']],
  ])('%s', (_, first, second) => {
    const session = running(first, second);
    expect(session.phase('a')).toBe('running');
    expect(session.phase('b')).toBe('running');
  });

  test.each([
    ['one part too many', ['g@1*3500'], ['g@2*3501'], /7001 parts of 7000, with those of allocation a/],
    ['a whole GPU beside a share', ['g@1*7'], ['g@2'], /GPU g is held by allocation a/],
    ['a share beside a whole GPU', ['g@1'], ['g@2*7'], /GPU g is held by allocation a/],
    ['a whole GPU twice', ['g@1'], ['g@2'], /GPU g is held by allocation a/],
    ['a MIG instance twice', ['g@1/i*1000'], ['g@2/i*1000'], /MIG instance i is held by allocation a/],
    ['a whole GPU in MIG mode', ['g@1/i*1000'], ['g@2'], /MIG instance i is held by allocation a/],
    ['a share of a GPU in MIG mode', ['g@1/i*1000'], ['g@2*7'], /MIG instance i is held by allocation a/],
    ['an instance of a GPU that is shared', ['g@1*7'], ['g@2/i*1000'], /GPU g is held by allocation a/],
    ['more slices than a GPU has', ['g@1/i*4000'], ['g@2/j*4000'], /8000 parts of 7000/],
    ['one of two GPUs', ['h@1'], ['g@1', 'h@2'], /GPU h is held by allocation a/],
  ])('%s is refused beside what is to go on', (_, first, second, why) => {
    const session = running(first);
    expect(session.order(wants('a', first), wants('b', second))).not.toContain('start b');
    expect(here(session, 'b')).toMatchObject({ phase: 'released', neverStarted: true });
    expect(here(session, 'b')?.exit?.message).toMatch(why);
    expect(session.phase('a')).toBe('running');
  });

  test('the second of two in one set is refused, and nothing of it is left when the first ends', () => {
    const session = new SessionDriver();
    session.join();
    expect(session.order(wants('a', ['g@1*4000']), wants('b', ['g@2*4000']))).toContain('start a');
    expect(here(session, 'b')).toMatchObject({ neverStarted: true });
    session.order(wants('c', ['g@3']));
    session.ended('a');
    expect(session.clean('a')).toContain('start c');
  });

  test.each([
    ['was told to stop', (session: SessionDriver) => session.order(wants('a', ['g@1*4000'], STOP), B)],
    ['is no longer listed', (session: SessionDriver) => session.order(B)],
    [
      'has ended',
      (session: SessionDriver) => {
        session.ended('a');
        return session.order(wants('a', ['g@1*4000']), B);
      },
    ],
  ])('what stands in the way and %s is waited for', (_, act) => {
    const session = running(['g@1*4000']);
    expect(act(session)).not.toContain('start b');
    expect(session.phase('b')).toBeUndefined();
    if (session.phase('a') !== 'exited') session.ended('a');
    expect(session.clean('a')).toContain('start b');
  });
  const B = wants('b', ['g@2*4000']);
});

describe('a grant that makes no sense', () => {
  test.each([
    ['no parts', ['g@1*0'], /0 parts of GPU g were granted; it has 7000/],
    ['more than a GPU', ['g@1*7001'], /7001 parts of GPU g/],
    ['less than nothing', ['g@1*-7'], /-7 parts/],
    ['a piece of a part', ['g@1*3.5'], /3\.5 parts/],
    ['a GPU twice', ['g@1', 'g@2'], /GPU g was granted twice in one grant/],
    ['a share twice', ['g@1*7', 'g@2*7'], /GPU g was granted twice/],
    ['an instance twice', ['g@1/i*1000', 'g@2/i*1000'], /GPU g was granted twice/],
    ['a GPU and an instance of it', ['g@1*7', 'g@2/i*1000'], /GPU g was granted twice/],
    ['instances beyond the GPU', ['g@1/i*4000', 'g@2/j*4000'], /8000 parts of GPU g were granted/],
  ])('%s', (_, gpus, why) => {
    const session = new SessionDriver();
    session.join();
    expect(session.order(wants('a', gpus))).not.toContain('start a');
    expect(here(session, 'a')).toMatchObject({ phase: 'released', neverStarted: true });
    expect(here(session, 'a')?.exit?.message).toMatch(why);
  });

  test.each([
    ['an instance of a GPU that is not in MIG mode', ['h@1/i*1000'], /GPU h is not in MIG mode/],
    ['an instance that the GPU does not have', ['g@1/k*1000'], /GPU g has no MIG instance k/],
    ['a GPU in MIG mode as a whole', ['g@1'], /GPU g is in MIG mode: only its instances can be granted/],
    ['a share of a GPU in MIG mode', ['g@1*7'], /GPU g is in MIG mode/],
  ])('by the inventory: %s', (_, gpus, why) => {
    const session = new SessionDriver();
    session.join();
    session.take({
      type: 'inventory',
      layout: new Map([
        ['g', ['i', 'j']],
        ['h', null],
      ]),
    });
    session.order(wants('a', gpus), wants('b', ['g@2/j*1000', 'h@2']));
    expect(here(session, 'a')).toMatchObject({ neverStarted: true });
    expect(here(session, 'a')?.exit?.message).toMatch(why);
    expect(session.phase('b')).toBe('starting');
  });

  test('one task more than a node takes', () => {
    const session = new SessionDriver();
    session.join();
    const orders = Array.from({ length: MAX_TASKS + 1 }, (_, index) => wants(`t${index}`));
    session.order(...orders);
    expect([...session.state.allocations.values()].filter(({ phase }) => phase === 'starting')).toHaveLength(MAX_TASKS);
    expect(here(session, `t${MAX_TASKS}`)).toMatchObject({ neverStarted: true });
    expect(here(session, `t${MAX_TASKS}`)?.exit?.message).toContain(`${MAX_TASKS} tasks`);
    session.ended('t0');
    session.clean('t0');
    expect(session.order(...orders.slice(1), wants('next'))).toContain('start next');
  });
});

describe('generations', () => {
  /** Starts and releases what has these grants, one after the other. */
  function after(...grants: readonly (readonly string[])[]): SessionDriver {
    const session = new SessionDriver();
    session.join();
    for (const [index, gpus] of grants.entries()) {
      session.order(wants(nameOf(index), gpus));
      session.ended(nameOf(index));
      session.clean(nameOf(index));
      expect(here(session, nameOf(index))).toMatchObject({ phase: 'released', neverStarted: false });
    }
    return session;
  }

  test.each([
    ['a share granted before the whole GPU was', [['g@5']], ['g@4*3500'], /generation 4 of GPU g is not above 5/],
    ['the whole GPU granted before a share was', [['g@5*3500']], ['g@4'], /generation 4 of GPU g is not above 5/],
    ['an instance granted before the whole GPU was', [['g@5']], ['g@4/i*1000'], /MIG instance i is not above 5/],
    ['an instance granted before it was again', [['g@5/i*1000']], ['g@5/i*1000'], /MIG instance i is not above 5/],
    ['the whole GPU granted before an instance was', [['g@5/i*1000']], ['g@4'], /GPU g is not above 5/],
  ])('%s is refused', (_, past, late, why) => {
    const session = after(...past);
    session.order(wants('late', late));
    expect(here(session, 'late')).toMatchObject({ phase: 'released', neverStarted: true });
    expect(here(session, 'late')?.exit?.message).toMatch(why);
  });

  test.each([
    ['a share that was granted before another one that came and went', [['g@5*3500']], ['g@4*3500']],
    ['an instance that was granted before another one was', [['g@5/i*1000']], ['g@4/j*1000']],
    ['a share granted after the whole GPU', [['g@5']], ['g@6*7']],
  ])('%s is carried out', (_, past, gpus) => {
    expect(after(...past).order(wants('next', gpus))).toContain('start next');
  });

  test('a share that waited for room is as good as the younger one that did not have to', () => {
    const session = running(['g@1*4000']);
    const older = wants('older', ['g@2*4000']);
    const younger = wants('younger', ['g@3*3000']);
    expect(session.order(wants('a', ['g@1*4000'], STOP), older, younger)).toContain('start younger');
    session.ended('a');
    expect(session.clean('a')).toContain('start older');
  });

  test('an older share does not take the number of a younger one: a whole GPU has to be above both', () => {
    const session = after(['g@7*3500'], ['g@3*3500']);
    session.order(wants('late', ['g@5']));
    expect(here(session, 'late')).toMatchObject({ neverStarted: true });
    expect(session.order(wants('next', ['g@8']))).toContain('start next');
  });

  test('are remembered over a restart', () => {
    const before = after(['g@5'], ['h@5/i*1000']);
    before.order();
    const session = before.restart({});
    session.join();
    session.order(wants('x', ['g@4*7']), wants('y', ['h@5/i*1000']), wants('z', ['h@4/j*1000']));
    expect(here(session, 'x')).toMatchObject({ neverStarted: true });
    expect(here(session, 'y')).toMatchObject({ neverStarted: true });
    expect(session.phase('z')).toBe('starting');
  });

  test('of slots in use go on to count in another history, the others mean nothing there', () => {
    const session = running(['g@5*3500'], ['h@5/i*1000']);
    session.take({ type: 'disconnected' });
    session.join({ lineage: 'l2', epoch: 2 });
    const [a, b] = [wants('a', ['g@5*3500']), wants('b', ['h@5/i*1000'])];
    expect(session.orderAt(2, 1, a, b, wants('c', ['g@1*3500']), wants('d', ['h@1/j*1000']))).toEqual(
      expect.arrayContaining(['start c', 'start d']),
    );
  });
});

describe('looking whether a GPU is clean', () => {
  test('its memory is looked at when the last share leaves, not before', () => {
    const session = running(['g@1*3500'], ['g@2*3500']);
    expect(session.ended('a')).toContain('check a');
    session.clean('a');
    expect(session.phase('a')).toBe('released');
    expect(session.ended('b')).toContain('check b g');
  });

  test('a GPU that is held whole beside a shared one is looked at on its own', () => {
    const session = running(['g@1*3500', 'h@1'], ['g@2*3500']);
    expect(session.ended('a')).toContain('check a h');
  });

  test('of two that leave together the later answer is asked again, so that somebody looked', () => {
    const session = running(['g@1*3500'], ['g@2*3500']);
    expect(session.ended('a')).toContain('check a');
    expect(session.ended('b')).toContain('check b');
    session.clean('a');
    expect(session.phase('a')).toBe('released');
    expect(session.clean('b')).toContain('check b g');
    expect(session.phase('b')).toBe('exited');
    session.clean('b');
    expect(session.phase('b')).toBe('released');
  });

  test('what a newcomer uses is not laid on the one who left', () => {
    const session = running(['g@1*3500']);
    expect(session.ended('a')).toContain('check a g');
    expect(session.order(wants('a', ['g@1*3500']), wants('b', ['g@2*3500']))).toContain('start b');
    for (let waitedMs = 0; waitedMs < CLEAN_LIMIT_MS; waitedMs += CLEAN_RETRY_MS) {
      expect(session.dirty('a', 'g')).toEqual([]);
      session.pass(CLEAN_RETRY_MS);
    }
    const looks = session.outputs.filter(({ type }) => type === 'check clean');
    expect(looks.at(-1)).toMatchObject({ id: 'a', gpus: ['g'], baselineOf: [] });
    session.clean('a');
    expect(here(session, 'a')).toMatchObject({ phase: 'released', dirtyGpus: [] });
  });

  test('nor when the newcomer came after the last look was asked for', () => {
    const session = running(['g@1*3500']);
    session.ended('a');
    for (let waitedMs = 0; waitedMs < CLEAN_LIMIT_MS; waitedMs += HEARTBEAT_MS) {
      session.pass(HEARTBEAT_MS);
      session.beat();
    }
    expect(session.order(wants('a', ['g@1*3500']), wants('b', ['g@2*3500']))).toContain('start b');
    expect(session.dirty('a', 'g')).toContain('check a');
    expect(session.phase('a')).toBe('exited');
  });

  test('a process that cannot be killed makes all its GPUs dirty, shared or not', () => {
    const session = running(['g@1*3500'], ['g@2*3500']);
    session.ended('a');
    session.nowMs += CLEAN_LIMIT_MS;
    session.dirty('a', 'g');
    expect(here(session, 'a')).toMatchObject({ phase: 'released', dirtyGpus: ['g'] });
    expect(session.phase('b')).toBe('running');
  });

  test('a restart asks anew', () => {
    const end = {
      neverStarted: false,
      code: 0,
      signal: '',
      message: '',
      startedMs: 5,
      endedMs: 9,
      stopSignalled: false,
    };
    const session = running(['g@1*3500'], ['g@2*3500']).restart({
      a: { state: 'ended', end },
      b: { state: 'running', startedMs: 5 },
    });
    expect(session.take({ type: 'tick' })).toContain('check a');
    session.ended('b');
    session.clean('a');
    expect(session.clean('b')).toContain('check b g');
  });
});
