// The judge of histories, shown to be right: it lets pass what a sound scheduler may answer, however calls cross and break, finds
// each kind of lie, and agrees with the plainest search there is on histories that were spoilt at random.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { search } from '../../simulator/history/linearizable.js';
import type { Operation, Request, Seen } from '../../simulator/history/operation.js';
import { ANYTHING, NOTHING, stepsOf } from '../../simulator/history/workload-law.js';
import {
  absent,
  broken,
  call,
  cancel,
  hold,
  prioritize,
  read,
  release,
  seen,
  soundHistory,
  submit,
  submitted,
} from './made-history.js';
import { isLinearizableByBruteForce } from './naive-search.js';

const created = call(1, 2, submit, submitted());

const GOOD: readonly (readonly [string, readonly Operation[]])[] = [
  ['nothing happened', []],
  ['one submission, read', [created, call(3, 4, read, seen())]],
  [
    'a read beside the submission sees it or not',
    [call(1, 9, submit, submitted()), call(2, 3, read, absent), call(4, 5, read, seen())],
  ],
  ['the same request twice', [created, call(3, 4, submit, submitted())]],
  [
    'a broken submission that was never carried out',
    [broken(1, submit), call(2, 3, read, absent), call(8, 9, read, absent)],
  ],
  [
    'a broken submission that was carried out late',
    [broken(1, submit), call(2, 3, read, absent), call(8, 9, read, seen())],
  ],
  ['a broken submission, sent again', [broken(1, submit), call(2, 3, submit, submitted()), call(4, 5, read, seen())]],
  [
    'two writers at once, either of whom may be the last',
    [
      created,
      call(3, 6, prioritize(60), seen({ priority: 60 })),
      call(4, 7, prioritize(70), seen({ priority: 70 })),
      call(8, 9, read, seen({ priority: 60 })),
    ],
  ],
  [
    'two changes at once, whose answers show both',
    [
      created,
      call(3, 6, hold('a'), seen({ hold: 'b' })),
      call(4, 7, hold('b'), seen({ hold: 'b' })),
      call(8, 9, read, seen({ hold: 'b' })),
    ],
  ],
  [
    'a broken write that is seen late',
    [
      created,
      broken(3, prioritize(60)),
      call(4, 5, read, seen()),
      call(6, 7, prioritize(70), seen({ priority: 70 })),
      call(8, 9, read, seen({ priority: 60 })),
    ],
  ],
  [
    'held, released, held',
    [
      created,
      call(3, 4, hold('a'), seen({ hold: 'a' })),
      call(5, 6, release, seen()),
      call(7, 8, hold('b'), seen({ hold: 'b' })),
      call(9, 10, read, seen({ hold: 'b' })),
    ],
  ],
  [
    'two tries, then success',
    [
      created,
      call(3, 4, read, seen({ state: 'starting', attempt: 1 })),
      call(5, 6, read, seen({ state: 'stopping', attempt: 1 })),
      call(7, 8, read, seen({ state: 'pending', attempt: 1 })),
      call(9, 10, read, seen({ state: 'running', attempt: 2 })),
      call(11, 12, read, seen({ state: 'succeeded', attempt: 2 })),
      call(13, 14, prioritize(60), seen({ state: 'succeeded', attempt: 2 })),
      call(15, 16, read, seen({ state: 'succeeded', attempt: 2 })),
    ],
  ],
  [
    'cancelled while it ran',
    [
      created,
      call(3, 4, cancel, seen({ state: 'stopping', attempt: 1 })),
      call(5, 6, read, seen({ state: 'stopping', attempt: 1 })),
      call(7, 8, read, seen({ state: 'cancelled', attempt: 1 })),
    ],
  ],
  [
    'a cancel that came too late',
    [
      created,
      call(3, 4, cancel, seen({ state: 'succeeded', attempt: 1 })),
      call(5, 6, read, seen({ state: 'succeeded', attempt: 1 })),
    ],
  ],
  [
    'a broken cancel that was carried out',
    [created, broken(3, cancel), call(4, 5, read, seen({ state: 'cancelled' }))],
  ],
];

const BAD: readonly (readonly [string, readonly Operation[]])[] = [
  ['a lost submission', [created, call(3, 4, read, absent)]],
  ['a submission lost between two reads', [created, call(3, 4, read, seen()), call(5, 6, read, absent)]],
  ['seen before it was submitted', [call(1, 2, read, seen()), call(3, 4, submit, submitted())]],
  ['one request, two workloads', [created, call(3, 4, submit, submitted(8))]],
  ['two workloads in one list', [created, call(3, 4, read, { kind: 'several', numbers: [7, 8] })]],
  ['another number under the same name', [created, call(3, 4, read, seen({ number: 8 }))]],
  ['a lost write', [created, call(3, 4, prioritize(60), seen({ priority: 60 })), call(5, 6, read, seen())]],
  [
    'a stale read after a fresh one',
    [
      created,
      call(3, 10, prioritize(60), seen({ priority: 60 })),
      call(4, 5, read, seen({ priority: 60 })),
      call(6, 7, read, seen()),
    ],
  ],
  ['a write answered with the value before it', [created, call(3, 4, prioritize(60), seen())]],
  ['a value that nobody wrote', [created, call(3, 4, read, seen({ priority: 60 }))]],
  ['a value before it was asked for', [created, call(3, 4, read, seen({ priority: 60 })), broken(5, prioritize(60))]],
  [
    'an unacknowledged write that is read, and vanishes',
    [created, broken(3, prioritize(60)), call(4, 5, read, seen({ priority: 60 })), call(6, 7, read, seen())],
  ],
  [
    'an unacknowledged submission that is read, and vanishes',
    [broken(1, submit), call(2, 3, read, seen()), call(4, 5, read, absent)],
  ],
  [
    'two writes in an order that two readers saw differently',
    [
      created,
      call(3, 20, prioritize(60), seen({ priority: 60 })),
      call(4, 21, prioritize(70), seen({ priority: 70 })),
      call(5, 6, read, seen({ priority: 60 })),
      call(7, 8, read, seen({ priority: 70 })),
      call(9, 10, read, seen({ priority: 60 })),
    ],
  ],
  [
    'writes one after the other, carried out in the other order',
    [
      created,
      call(3, 4, prioritize(60), seen({ priority: 60 })),
      call(5, 6, prioritize(70), seen({ priority: 70 })),
      call(7, 8, read, seen({ priority: 60 })),
    ],
  ],
  ['a lost hold', [created, call(3, 4, hold('a'), seen({ hold: 'a' })), call(5, 6, read, seen())]],
  [
    'a hold that comes back after its release',
    [
      created,
      call(3, 4, hold('a'), seen({ hold: 'a' })),
      call(5, 6, release, seen()),
      call(7, 8, read, seen({ hold: 'a' })),
    ],
  ],
  [
    'an end undone',
    [
      created,
      call(3, 4, read, seen({ state: 'succeeded', attempt: 1 })),
      call(5, 6, read, seen({ state: 'running', attempt: 1 })),
    ],
  ],
  [
    'an end that became another',
    [
      created,
      call(3, 4, read, seen({ state: 'failed', attempt: 1 })),
      call(5, 6, read, seen({ state: 'succeeded', attempt: 1 })),
    ],
  ],
  [
    'a change after the end',
    [
      created,
      call(3, 4, read, seen({ state: 'failed', attempt: 1 })),
      call(5, 6, prioritize(60), seen({ state: 'failed', attempt: 1, priority: 60 })),
    ],
  ],
  [
    'running again in a try that had stopped',
    [
      created,
      call(3, 4, read, seen({ state: 'stopping', attempt: 1 })),
      call(5, 6, read, seen({ state: 'running', attempt: 1 })),
    ],
  ],
  [
    'an earlier try after a later one',
    [
      created,
      call(3, 4, read, seen({ state: 'running', attempt: 2 })),
      call(5, 6, read, seen({ state: 'running', attempt: 1 })),
    ],
  ],
  [
    'resurrected after an acknowledged cancel',
    [
      created,
      call(3, 4, cancel, seen({ state: 'stopping', attempt: 1 })),
      call(5, 6, read, seen({ state: 'pending', attempt: 1 })),
    ],
  ],
  ['a cancel that did nothing', [created, call(3, 4, cancel, seen({ state: 'pending' }))]],
  ['cancelled, and nobody asked', [created, call(3, 4, read, seen({ state: 'cancelled' }))]],
  ['a change of what is not there', [call(1, 2, prioritize(60), seen({ priority: 60 }))]],
  [
    'gone after it has ended',
    [created, call(3, 4, read, seen({ state: 'succeeded', attempt: 1 })), call(5, 6, read, absent)],
  ],
];

describe('good histories pass', () => {
  test.each(GOOD)('%s', (_name, history) => {
    expect(search(history, NOTHING).verdict).toBe('linearizable');
  });

  test('whatever sound clients do, 300 calls of one workload', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(search(soundHistory(seed, 300), NOTHING).verdict).toBe('linearizable');
      }),
      { numRuns: 30 },
    );
  });
});

describe('bad histories are found', () => {
  test.each(BAD)('%s', (_name, history) => {
    expect(search(history, NOTHING).verdict).toBe('not linearizable');
  });

  test.each(BAD)('%s, among calls of a sound one', (_name, history) => {
    // Before the lie, calls that only look: none of them explains it.
    const last = Math.max(...history.map(({ invokedAt }) => invokedAt)) + 100;
    const reads = Array.from({ length: 10 }, (_, at) => broken(last + at, read));
    expect(search([...reads, ...history].toReversed(), NOTHING).verdict).toBe('not linearizable');
  });
});

test('what came before a loss may come back after it, and what was seen after it must hold', () => {
  const after = [call(1, 2, read, seen({ priority: 60, hold: 'a', state: 'running', attempt: 3 }))];
  expect(search(after, ANYTHING).verdict).toBe('linearizable');
  expect(search([call(1, 2, read, absent), call(3, 4, read, absent)], ANYTHING).verdict).toBe('linearizable');
  expect(
    search([call(1, 2, cancel, absent), call(3, 4, read, seen({ state: 'running', attempt: 3 }))], ANYTHING).verdict,
  ).toBe('linearizable');
  expect(search([call(1, 2, read, absent), call(3, 4, read, seen()), call(5, 6, read, absent)], ANYTHING).verdict).toBe(
    'not linearizable',
  );
  expect(search([call(1, 2, read, absent), call(3, 4, read, seen())], NOTHING).verdict).toBe('not linearizable');
  expect(search([...after, call(3, 4, read, seen())], ANYTHING).verdict).toBe('not linearizable');
  expect(search([...after, call(3, 4, read, absent)], ANYTHING).verdict).toBe('not linearizable');
});

test('a search that would take too long is undecided', () => {
  const releases = Array.from({ length: 14 }, (_, at) => broken(10 + at, release));
  const history = [
    created,
    ...releases,
    ...Array.from({ length: 14 }, (_, at) => call(40 + 2 * at, 41 + 2 * at, hold(`r${at}`), seen({ hold: `r${at}` }))),
    call(80, 81, read, seen({ priority: 1 })),
  ];
  expect(search(history, NOTHING).verdict).toBe('not linearizable');
  expect(search(history, NOTHING, 20).verdict).toBe('undecided');
});

describe('spoilt at random', () => {
  test('short histories are judged as the plainest search judges them', () => {
    const verdicts = { good: 0, bad: 0 };
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 2 }), (seed, spoils) => {
        const history = spoils.reduce(spoil, soundHistory(seed, 7, 3));
        const isGood = isLinearizableByBruteForce(stepsOf(history), NOTHING);
        verdicts[isGood ? 'good' : 'bad'] += 1;
        expect(search(history, NOTHING).verdict).toBe(isGood ? 'linearizable' : 'not linearizable');
      }),
      { numRuns: 3_000 },
    );
    expect(verdicts.good).toBeGreaterThan(500);
    expect(verdicts.bad).toBeGreaterThan(500);
  });

  test('in a long history one impossible answer is found', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (seed, at) => {
        const history = soundHistory(seed, 120);
        const answered = history.filter(({ answer }) => answer.kind === 'seen');
        const target = answered[at % Math.max(1, answered.length)];
        if (target === undefined) return;
        const lied = history.map((one) =>
          one === target && one.answer.kind === 'seen'
            ? { ...one, answer: seen({ ...one.answer.seen, priority: -1 }) }
            : one,
        );
        expect(search(lied, NOTHING).verdict).toBe('not linearizable');
      }),
      { numRuns: 100 },
    );
  });
});

/** Changes one thing of one call: its answer, its moments, or whether it was answered at all. */
function spoil(history: readonly Operation[], [which, how]: readonly [number, number]): Operation[] {
  const at = which % history.length;
  const others = history.flatMap(({ answer }) => (answer.kind === 'seen' ? [answer.seen] : []));
  const other: Partial<Seen> = others[how % Math.max(1, others.length)] ?? {};
  return history.map((one, place) => {
    if (place !== at) return one;
    switch (how % 5) {
      case 0:
        return { ...one, answer: seen(other) };
      case 1:
        return one.request.kind === 'submit' ? one : { ...one, answer: absent };
      case 2:
        return { ...one, request: anotherRequest(how) };
      case 3:
        return { ...one, invokedAt: one.invokedAt + 4, returnedAt: one.returnedAt + 4 };
      default:
        return broken(one.invokedAt, one.request);
    }
  });
}

function anotherRequest(how: number): Request {
  return [read, release, cancel, prioritize(50), hold('reason 3')][how % 5] ?? read;
}
