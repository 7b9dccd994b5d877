// What follows when an invariant breaks: nothing of the commit is written and the daemon stops; or it is told of and goes on.
import { expect, test } from 'vitest';
import type { Logger } from '../../common/log.js';
import type { NodeId, QueueName } from '../../common/ids.js';
import type { Command } from '../../scheduler/control/command.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { AUDIT_EVERY_MS, InvariantWatch, LOG_EVERY_MS } from '../../scheduler/control/invariants/watch.js';
import { BrokenInvariant } from '../../scheduler/control/invariants/violation.js';
import { welcomeNode } from '../../scheduler/fleet/reconcile.js';
import type { Draft } from '../../scheduler/model/draft.js';
import { workloadKey } from '../../scheduler/model/records.js';
import { ManualClock } from '../gpu/manual-clock.js';
import { loopOn, queue } from './loop-on.js';
import { MemoryStore } from './memory-store.js';
import { nodeReport, submission } from './workshop.js';

const NODE = 'node-n1' as NodeId;

async function watched() {
  const clock = new ManualClock();
  const on = await loopOn(new MemoryStore(), clock);
  const lines: { readonly invariant?: unknown; readonly notLoggedSince?: unknown; readonly text: string }[] = [];
  const error = (facts: object, text: string): void => void lines.push({ ...facts, text });
  const log = { error } as unknown as Logger;
  const fatal: unknown[] = [];
  const watch = new InvariantWatch({ ...on, clock, log, onFatal: (reason) => fatal.push(reason) });
  await on.loop.execute(queue('research'));
  await on.loop.execute(welcomeNode(nodeReport(NODE, 'n1', 2), []));
  const [workload] = await on.loop.execute(submit(submission([{ queue: 'research' as QueueName }])));
  if (workload === undefined) throw new Error('nothing was accepted');
  return { ...on, clock, lines, watch, fatalOfWatch: fatal, number: workload.number };
}

/** A command with a bug. */
const plant = (change: (draft: Draft) => void): Command<void> => ({
  name: 'planted',
  whenSpace: 'critical',
  run: (draft) => change(draft),
});

test('a commit that breaks a fatal one is not written, and nobody is answered', async () => {
  const { loop, store, fatal, number } = await watched();
  const before = store.commits.length;
  let answered = false;
  void loop.execute(plant((draft) => draft.delete('workloads', workloadKey(number)))).then(() => (answered = true));
  while (fatal.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(fatal[0]).toBeInstanceOf(BrokenInvariant);
  expect(String(fatal[0])).toContain('invariant "nothing_lost" does not hold');
  expect(store.commits).toHaveLength(before);
  expect(answered).toBe(false);
  await expect(loop.execute(queue('other'))).rejects.toThrow('stopping');
});

test('one that breaks another is counted, written, and logged once a minute', async () => {
  const { loop, store, clock, lines, fatal, number } = await watched();
  const breakIt = (): Promise<void> =>
    loop.execute(
      plant((draft) => {
        const workload = draft.workload(number);
        draft.putWorkload({ ...workload, requeues: workload.requeues + 1 });
      }),
    );
  const before = store.commits.length;
  for (let times = 0; times < 3; times += 1) await breakIt();
  await clock.advance(LOG_EVERY_MS);
  await breakIt();
  expect(store.commits).toHaveLength(before + 4);
  expect(loop.invariants.figures.violations.one_return).toBe(4);
  expect(lines.map(({ invariant, notLoggedSince }) => [invariant, notLoggedSince])).toEqual([
    ['one_return', 0],
    ['one_return', 2],
  ]);
  expect(lines[0]?.text).toBe('an invariant does not hold: workload 1: expected 0 counted, found 1');
  expect(fatal).toEqual([]);
});

test('every hour all records are looked at, and what was broken behind the back of all is found', async () => {
  const { loop, state, clock, watch, fatalOfWatch, number } = await watched();
  watch.start();
  const hour = async (): Promise<void> => {
    await clock.advance(AUDIT_EVERY_MS);
    for (let turns = 0; turns < 10; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(50);
    }
  };
  await hour();
  expect(loop.invariants.figures.audited).toBeGreaterThanOrEqual(2);
  expect(fatalOfWatch).toEqual([]);
  const before = state.workload(number) ?? null;
  if (before === null) throw new Error('no workload');
  const deadline = { warnMs: null, endMs: 1 };
  state.apply({ collection: 'workloads', key: workloadKey(number), before, after: { ...before, deadline } });
  await hour();
  expect(String(fatalOfWatch[0])).toContain('invariant "fitting_fields" does not hold');
  expect(String(fatalOfWatch[0])).toContain('The stored state is broken');
  watch.stop();
});

test('what was found before anything was served is counted and logged', async () => {
  const { loop, lines, watch } = await watched();
  const found = {
    name: 'whole_gangs',
    where: 'workload 1',
    expected: 'all tasks of its core',
    found: '1 that run',
  } as const;
  watch.noteAtBeginning([found]);
  expect(loop.invariants.figures.violations.whole_gangs).toBe(1);
  expect(lines.map(({ invariant, text }) => [invariant, text])).toEqual([
    ['whole_gangs', 'an invariant does not hold: workload 1: expected all tasks of its core, found 1 that run'],
  ]);
});
