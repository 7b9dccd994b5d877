import { describe, expect, it } from 'vitest';
import { TestCluster } from './cluster.js';

describe('allocate', () => {
  it('gives a task the lowest GPUs of the first node by name', () => {
    const cluster = new TestCluster().nodes(2).queue('a', { guarantee: 8 });
    const w = cluster.submit('a', { gpus: 4 });
    cluster.settle();
    expect(cluster.where(w)).toBe('n0:0,1,2,3');
  });
});
