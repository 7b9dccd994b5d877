import { describe, expect, it } from 'vitest';
import type { ShapeGuarantee } from '../../scheduler/model/records.js';
import { TestCluster } from './cluster.js';

function shape(count: number, gpus: number, level: ShapeGuarantee['level'] = 'node'): ShapeGuarantee {
  return { count, gpus, level, pool: '', model: '' };
}

describe('guaranteed shapes', () => {
  it('others within their guarantee leave a whole node for whoever is owed one', () => {
    const cluster = new TestCluster()
      .nodes(2)
      .queue('red', { guarantee: 8, shapes: [shape(1, 8)] })
      .queue('blue', { guarantee: 8 });
    const singles = Array.from({ length: 8 }, () => cluster.submit('blue', { gpus: 1, preemptible: false }));
    cluster.settle();
    expect(new Set(singles.map((each) => cluster.where(each).split(':')[0]))).toEqual(new Set(['n0']));
    const gang = cluster.submit('red', { gpus: 8 });
    cluster.settle();
    expect(cluster.where(gang)).toBe('n1:0,1,2,3,4,5,6,7');
  });
});
