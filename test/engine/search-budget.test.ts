// A single search cannot be left and taken up again, so it is bounded: what it costs beyond that is "not found within budget".
import { describe, expect, it } from 'vitest';
import { step } from '../../scheduler/engine/engine.js';
import { SEARCH_UNITS, WorkBudget } from '../../scheduler/engine/work-budget.js';
import { TestCluster } from './cluster.js';

const UNBOUNDED = 1e9;

/** Four nodes of eight GPUs, all lent by `owner`, who wants a gang of 16 back. */
function lentOut() {
  const cluster = new TestCluster().nodes(4).queue('owner', { guarantee: 32 }).queue('borrower', { guarantee: 0 });
  cluster.submitMany(32, 'borrower');
  cluster.cycle();
  const gang = cluster.submit('owner', { tasks: 2, gpus: 8 });
  return { cluster, gang };
}

function searchLine({ cluster, gang }: ReturnType<typeof lentOut>): string | undefined {
  return cluster.explain(gang)?.lines.find(({ title }) => title === 'Search')?.text;
}

describe('a search that exceeds its budget', () => {
  it('decides nothing, says so, and does not go on at once', () => {
    const { cluster, gang } = lentOut();
    const first = step(cluster.view, cluster.nowMs, UNBOUNDED, 3);
    expect(first).toMatchObject({ decisions: [], complete: true, searches: { found: 0 } });
    expect(first.searches.cutShort).toBeGreaterThan(0);
    expect(searchLine({ cluster, gang })).toMatch(/^not found within budget: .* after 3 units of work/);
    const again = step(cluster.view, cluster.nowMs, UNBOUNDED, 3);
    expect(again).toMatchObject({ decisions: [], complete: true, searches: { tried: 0, found: 0, cutShort: 0 } });
  });

  it('is tried again when something changed, and is no longer called that', () => {
    const { cluster, gang } = lentOut();
    step(cluster.view, cluster.nowMs, UNBOUNDED, 3);
    cluster.queue('newcomer', { guarantee: 0 });
    const { decisions, searches } = step(cluster.view, cluster.nowMs, UNBOUNDED);
    expect(searches).toEqual({ tried: 1, found: 1, cutShort: 0 });
    expect(decisions.filter(({ type }) => type === 'evict')).toHaveLength(16);
    for (const decision of decisions) cluster.carryOut(decision);
    expect(searchLine({ cluster, gang })).toBeUndefined();
  });

  it('is not what a search with an answer is called, though it used all it had', () => {
    const work = new WorkBudget(10, 2);
    const search = work.beginSearch();
    work.spend(2);
    expect(search.isSpent).toBe(true);
    expect(search.end(true)).toBe(0);
    expect(work.searches).toEqual({ tried: 1, found: 1, cutShort: 0 });
  });
});

describe('the bound of a search', () => {
  it('counts from its own beginning', () => {
    const work = new WorkBudget(1_000, 5);
    work.spend(100);
    const search = work.beginSearch();
    work.spend(4);
    expect(search.isSpent).toBe(false);
    work.spend(1);
    expect(search.isSpent).toBe(true);
    expect(search.end(false)).toBe(5);
    expect(work.searches).toEqual({ tried: 1, found: 0, cutShort: 1 });
  });

  it('is named', () => {
    const work = new WorkBudget(1);
    const search = work.beginSearch();
    work.spend(SEARCH_UNITS - 1);
    expect(search.isSpent).toBe(false);
    work.spend(1);
    expect(search.isSpent).toBe(true);
  });
});
