// By when pending work would start, as far as anybody can tell.
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import type { TestCluster } from './cluster.js';
import { lawfulCluster } from './laws.js';

const HOUR = 3_600_000;

function estimateOf(cluster: TestCluster, number: WorkloadNumber): string | undefined {
  return cluster.explain(number)?.lines.find(({ title }) => title === 'Estimate')?.text;
}

/** Two nodes of 2 GPUs, all in use by queue q. */
function full(first: number | undefined, second: number | undefined) {
  const cluster = lawfulCluster().nodes(2, { gpus: 2 }).queue('q', { guarantee: 4 }).queue('b', { guarantee: 4 });
  cluster.running('q', 'n0', [0, 1], { ...(first ? { timeLimitMs: first } : {}), graceMs: 0 });
  cluster.running('q', 'n1', [0, 1], { ...(second ? { timeLimitMs: second } : {}), graceMs: 0 });
  return cluster;
}

describe('the estimate of work that waits for GPUs', () => {
  it.each([
    // Time limits of the two workloads that run, GPUs asked for, the estimate
    ['is the first end that makes room', 2 * HOUR, HOUR, 2, /^within 1h00m on n1, by the time limits of running work/],
    ['passes over work without a limit', 2 * HOUR, undefined, 2, /^within 2h00m on n0, by/],
    [
      'is unknown where none has a limit',
      undefined,
      undefined,
      1,
      /^unknown: 1 GPU it waits for is used by work without a/,
    ],
    ['is never where no node could hold it', HOUR, HOUR, 3, /^never on the nodes there are$/],
  ])('%s', (_, first, second, gpus, expected) => {
    const cluster = full(first, second);
    const waiting = cluster.submit('q', { gpus, preemptible: false });
    cluster.settle();
    expect(estimateOf(cluster, waiting)).toMatch(expected);
  });

  it('counts the time that has passed', () => {
    const cluster = full(2 * HOUR, HOUR);
    const waiting = cluster.submit('q', { gpus: 2 });
    cluster.nowMs += HOUR / 2;
    cluster.settle();
    expect(estimateOf(cluster, waiting)).toMatch(/^within 30m00s on n1, /);
    expect(cluster.explain(waiting)?.startsByMs).toBe(cluster.nowMs + HOUR / 2);
  });

  it('is the end of the grace of those who leave for it', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('q').queue('owner', { guarantee: 1 });
    cluster.running('q', 'n0', [0], { graceMs: 25_000 });
    const owner = cluster.submit('owner');
    cluster.settle();
    expect(estimateOf(cluster, owner)).toBe('within 25s, when those who leave for it have left');
    cluster.nowMs += 30_000;
    expect(estimateOf(cluster, owner)).toBe('as soon as those who leave for it have left');
  });

  it.each([
    ['CPU for work without GPUs', 0, 'CPU and memory'],
    ['CPU beside a GPU that is free', 1, '1 GPU'],
  ])('is the end of that grace where they leave for the sake of %s, and why names them', (_, gpus, gives) => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2, cpus: 8 }).queue('q').queue('owner', { guarantee: 2 });
    cluster.queue('q', { guaranteeCpuMilli: 0 }).queue('owner', { guarantee: 2, guaranteeCpuMilli: 8_000 });
    cluster.running('q', 'n0', gpus === 0 ? [] : [0], { gpus, request: { cpuMilli: 8_000 }, graceMs: 25_000 });
    const owner = cluster.submit('owner', { gpus, request: { cpuMilli: 8_000 } });
    cluster.settle();
    expect(cluster.explain(owner)).toMatchObject({
      reason: 'RECLAIMING',
      summary: expect.stringContaining(`1 (queue q) gives back ${gives}, told to stop 0ms ago`) as string,
      estimate: 'within 25s, when those who leave for it have left',
      startsByMs: cluster.nowMs + 25_000,
    });
  });

  it('says so where it is not GPUs that it waits for', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2 }).queue('q', { limit: 1 });
    cluster.submit('q');
    const stopped = cluster.submit('q');
    cluster.settle();
    expect(estimateOf(cluster, stopped)).toMatch(
      /^unknown: it waits for work of its queue to end, or for a higher limit$/,
    );
  });

  it('changes nothing: what is decided afterwards is the same', () => {
    const [asked, plain] = [full(HOUR, 2 * HOUR), full(HOUR, 2 * HOUR)];
    for (const cluster of [asked, plain]) {
      const waiting = cluster.submitMany(3, 'q', { gpus: 2 });
      cluster.settle();
      for (const number of cluster === asked ? waiting : []) estimateOf(cluster, number);
      cluster
        .cancel(1 as WorkloadNumber)
        .release()
        .settle();
    }
    expect(asked.decisions).toEqual(plain.decisions);
    expect(asked.view.queueShares()).toEqual(plain.view.queueShares());
  });
});
