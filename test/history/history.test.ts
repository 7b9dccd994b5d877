// What is recorded, and cut where the past was lost.
import { expect, test } from 'vitest';
import { History, Moments } from '../../simulator/history/history.js';
import type { Seen } from '../../simulator/history/operation.js';

const SEEN: Seen = { number: 7, priority: 50, hold: null, state: 'pending', attempt: 0 };

function begin(): { readonly history: History; readonly moments: Moments } {
  const moments = new Moments();
  const history = new History(moments);
  history.sent('one', { kind: 'submit', priority: 50 }).answered({ kind: 'submitted', number: 7 });
  return { history, moments };
}

test('each workload is judged by itself, and the one that lies is named with its calls', () => {
  const { history } = begin();
  history.sent('two', { kind: 'submit', priority: 60 }).answered({ kind: 'submitted', number: 8 });
  history.sent('one', { kind: 'read' }).answered({ kind: 'seen', seen: SEEN });
  expect(history.check()).toEqual({ verdict: 'linearizable', findings: [] });
  history.sent('two', { kind: 'read' }).answered({ kind: 'absent' });
  const { verdict, findings } = history.check();
  expect(verdict).toBe('not linearizable');
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatch(
    /^two is not linearizable .*\n.*submit .*"priority":60.*\n.*read \{\} -> \{"kind":"absent"\}$/,
  );
  expect(history.answered).toBe(4);
});

test('a list shows, or does not show, each workload that was submitted before it was asked for', () => {
  const { history } = begin();
  const list = history.sentList();
  history.sent('late', { kind: 'submit', priority: 60 }).answered({ kind: 'submitted', number: 8 });
  list.answered(new Map([['one', [SEEN]]]));
  expect(history.check().verdict).toBe('linearizable');
  history.sentList().answered(new Map([['one', [SEEN]]]));
  expect(history.check().findings[0]).toMatch(/^late is not linearizable/);
});

test('one request that made two workloads is seen in a list', () => {
  const { history } = begin();
  history.sentList().answered(new Map([['one', [SEEN, { ...SEEN, number: 8 }]]]));
  expect(history.check().verdict).toBe('not linearizable');
});

test('a call without an answer may have been carried out; one that was refused was not', () => {
  const { history } = begin();
  history.sent('one', { kind: 'prioritize', priority: 60 });
  history.sent('one', { kind: 'read' }).answered({ kind: 'seen', seen: { ...SEEN, priority: 60 } });
  expect(history.check().verdict).toBe('linearizable');
  history.sent('one', { kind: 'prioritize', priority: 70 }).refused();
  history.sent('one', { kind: 'read' }).answered({ kind: 'seen', seen: { ...SEEN, priority: 70 } });
  expect(history.check().verdict).toBe('not linearizable');
});

test('what comes after an announced loss need not know what came before it, but must hold by itself', () => {
  const { history, moments } = begin();
  const underWay = history.sent('one', { kind: 'prioritize', priority: 60 });
  const from = moments.next();
  history.sent('two', { kind: 'submit', priority: 60 }).answered({ kind: 'submitted', number: 8 });
  const announcedAt = moments.next();
  underWay.answered({ kind: 'seen', seen: { ...SEEN, priority: 60 } });
  history.pastLost({ from, announcedAt });
  history.sent('one', { kind: 'read' }).answered({ kind: 'absent' });
  history.sent('two', { kind: 'read' }).answered({ kind: 'absent' });
  expect(history.check()).toEqual({ verdict: 'linearizable', findings: [] });
  history.sent('two', { kind: 'submit', priority: 60 }).answered({ kind: 'submitted', number: 9 });
  history.sent('two', { kind: 'read' }).answered({ kind: 'absent' });
  expect(history.check().verdict).toBe('not linearizable');
});

test('without an announced loss the same is found', () => {
  const { history } = begin();
  history.sent('one', { kind: 'read' }).answered({ kind: 'absent' });
  expect(history.check().verdict).toBe('not linearizable');
});

test('an undecided history is no good one', () => {
  const { history } = begin();
  history.sent('one', { kind: 'read' }).answered({ kind: 'seen', seen: SEEN });
  expect(history.check(1)).toMatchObject({ verdict: 'undecided', findings: [expect.stringContaining('undecided')] });
});
