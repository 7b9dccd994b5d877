// A daemon that begins answers and takes submissions while its engine is still told of what there is; in the end the engine knows the
// same as if it had been told first.
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { createUlidMaker, type NodeId, type WorkloadNumber } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { hold } from '../../scheduler/control/commands/steering.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { ControlLoop } from '../../scheduler/control/loop.js';
import { recover } from '../../scheduler/control/recovery.js';
import { ViewFeed } from '../../scheduler/control/view-feed.js';
import { explain } from '../../scheduler/engine/explain.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import type { ClusterState } from '../../scheduler/model/cluster-state.js';
import { takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { loopOn, queue } from './loop-on.js';
import { MemoryStore } from './memory-store.js';
import { knowTheSame, toldAtOnce } from './told-at-once.js';
import { nodeReport, submission } from './workshop.js';

const NODE = 'node-n1' as NodeId;
/** More than one turn tells of, so that there are turns among the workloads and turns among the allocations. */
const RUNNING = 250;
const PENDING = 900;

/** What a daemon left: a node full of work, and work that waits for it. */
async function leftBehind(): Promise<MemoryStore> {
  const { loop, store } = await loopOn();
  await loop.execute(welcomeNode(nodeReport(NODE, 'n1', RUNNING), []));
  await loop.execute(queue('research'));
  loop.setLiveness({ node: NODE, liveness: 'ready' });
  await loop.execute(submit(submission(Array.from({ length: RUNNING }, () => ({})))));
  await expect.poll(() => loop.read((state) => state.heldOn(NODE).length)).toBe(RUNNING);
  await loop.execute(
    submit(
      submission(
        Array.from({ length: PENDING }, () => ({})),
        'alice/r2',
      ),
    ),
  );
  await loop.stop();
  const records = new Map(
    store.commits.flatMap(({ puts }) => puts).map((put) => [`${put.collection}/${put.key}`, put]),
  );
  const left = new MemoryStore();
  left.records = [...records.values()];
  return left;
}

/** A daemon that begins with it, whose clock goes on by so much each time the feed asks it: each turn tells the engine of 100 records. */
async function begun(stepMs = 10) {
  const store = await leftBehind();
  const view = new ClusterView();
  const { state, position } = await recover(store, null, () => 'cluster', systemClock.wallMs());
  let nowMs = 0;
  const feed = new ViewFeed(view, state);
  const clock = { ...systemClock, monotonicMs: () => (nowMs += feed.isDone ? 0 : stepMs) };
  const fatal: unknown[] = [];
  const loop = new ControlLoop({
    store,
    state,
    view,
    feed,
    clock,
    newUlid: createUlidMaker(),
    position,
    defer: setImmediate,
    onFatal: (error) => fatal.push(error),
  });
  return { loop, store, state, view, fatal };
}

/** Sees that the engine knows what one knows that was told of everything at once. */
async function knowsAll(loop: ControlLoop, state: ClusterState): Promise<void> {
  await loop.read((_state, known) => {
    const fresh = toldAtOnce(state);
    fresh.setLiveness(NODE, 'ready');
    knowTheSame(known, fresh, systemClock.wallMs());
    for (const number of state.workloads.keys()) {
      const each = Number(number) as WorkloadNumber;
      const isGated = (state.workload(each)?.gate ?? null) !== null;
      if (isGated) expect(explain(known, each, 0)).toEqual(explain(fresh, each, 0));
    }
  });
}

describe('a daemon that begins', () => {
  test('answers and takes what is asked of it before the engine knows everything', async () => {
    const { loop, state, view, fatal } = await begun();
    loop.setLiveness({ node: NODE, liveness: 'ready' });
    const whole = loop.read((_state, { workloads }) => workloads.size);
    let isWhole = false;
    void whole.then(() => (isWhole = true));
    expect(await loop.readState(({ workloads }) => workloads.size)).toBe(RUNNING + PENDING);
    const [late] = await loop.execute(submit(submission([{ name: 'late' }], 'alice/r3')));
    const [same] = await loop.execute(submit(submission([{ name: 'late' }], 'alice/r3')));
    expect([late?.number, same?.number]).toEqual([RUNNING + PENDING + 1, RUNNING + PENDING + 1]);
    // One that the engine knows, one that it does not, one that runs, and the end of one that runs.
    await loop.execute(cancel([String(RUNNING + 1)], '', 'alice'));
    await loop.execute(cancel([String(RUNNING + PENDING)], '', 'alice'));
    await loop.execute(hold([String(RUNNING + PENDING - 1)], 'later', 'alice'));
    await loop.execute(cancel(['1'], '', 'alice'));
    const [first] = state.workloads.values();
    const [id] = first?.allocations ?? [];
    if (id === undefined) throw new Error('the first workload runs');
    await loop.execute(
      takeObservation(NODE, [
        {
          id,
          state: 'released',
          startedMs: null,
          endedMs: 1,
          exit: { code: 0, signal: '', message: '' },
          checkpoint: null,
          endpoints: [],
          neverStarted: false,
          stopSignalled: false,
          dirtyGpus: [],
        },
      ]),
    );
    expect([loop.isFeeding, isWhole]).toEqual([true, false]);
    expect(view.workloads.size).toBeLessThan(RUNNING + PENDING);
    // Nothing is placed on the GPU that came free before the engine knows who else there is.
    expect(state.heldOn(NODE)).toHaveLength(RUNNING - 1);

    expect(await whole).toBe(RUNNING + PENDING + 1);
    expect(loop.isFeeding).toBe(false);
    await expect.poll(() => loop.read((now) => now.heldOn(NODE).length)).toBe(RUNNING);
    await knowsAll(loop, state);
    expect(fatal).toEqual([]);
  });

  test.each(['submit', 'cancel', 'hold'] as const)('knows of each %s at each turn of the telling', async (command) => {
    const { loop, state, fatal } = await begun();
    loop.setLiveness({ node: NODE, liveness: 'ready' });
    let turns = 0;
    // From both ends, so that in each phase some are known already and some are not.
    const picked = (): string => String(turns % 2 === 0 ? turns + 1 : RUNNING + PENDING - turns);
    while (loop.isFeeding) {
      turns += 1;
      if (command === 'submit')
        await loop.execute(submit(submission([{ name: `late-${turns}` }], `alice/late-${turns}`)));
      if (command === 'cancel') await loop.execute(cancel([picked()], '', 'alice'));
      if (command === 'hold') await loop.execute(hold([String(RUNNING + PENDING - turns)], 'later', 'alice'));
    }
    expect(turns).toBeGreaterThan((RUNNING + PENDING) / 100);
    await knowsAll(loop, state);
    expect(fatal).toEqual([]);
  });

  test('tells the engine everything in one turn when there is time', async () => {
    const { loop, view } = await begun(0);
    const whole = loop.read(() => view.allocations.size);
    expect(await whole).toBe(RUNNING);
    expect(loop.isFeeding).toBe(false);
  });

  test.each(['stop', 'abandon'] as const)('answers who reads with all of it when it ends at once: %s', async (end) => {
    const { loop } = await begun();
    const before = loop.read((_state, { workloads }) => workloads.size);
    void loop[end]();
    expect(await before).toBe(RUNNING + PENDING);
    expect(await loop.read((_state, { allocations }) => allocations.size)).toBe(RUNNING);
  });
});
