import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { replayByEngine } from './packing-by-engine.js';
import { published, readTrace } from './packing-trace.js';
import { TestCluster } from './cluster.js';

describe('placement by the mix of requests', () => {
  it('takes the node of which the least becomes useless for what usually comes', () => {
    const cluster = new TestCluster().node('n0', { gpus: 8 }).node('n1', { gpus: 4 }).queue('q');
    // Gangs of four on one node usually come. Of eight GPUs one can go and a gang still fits, of four none.
    for (let count = 0; count < 20; count++) {
      const usual = cluster.submit('q', { gpus: 4 });
      cluster.settle();
      cluster.finish(usual);
    }
    const single = cluster.submit('q', { gpus: 1 });
    cluster.settle();
    expect(cluster.where(single)).toBe('n0:0');
  });

  it('takes the tightest node while nothing is known of what comes', () => {
    const cluster = new TestCluster().node('n0', { gpus: 8 }).node('n1', { gpus: 4 }).queue('q');
    const single = cluster.submit('q', { gpus: 1 });
    cluster.settle();
    expect(cluster.where(single)).toBe('n1:0');
  });

  it('packs a share onto a GPU that is shared already, whatever comes', () => {
    const cluster = new TestCluster().node('n0', { gpus: 2 }).node('n1', { gpus: 2 }).queue('q');
    for (let count = 0; count < 20; count++)
      cluster.finish(cluster.submit('q', { gpus: 1, request: { gpuMilli: 900 } }));
    const first = cluster.submit('q', { gpus: 1, request: { gpuMilli: 500 } });
    cluster.settle();
    const second = cluster.submit('q', { gpus: 1, request: { gpuMilli: 200 } });
    cluster.settle();
    expect(cluster.where(second)).toBe(cluster.where(first));
  });

  it('learns nothing in the order in which equals come', () => {
    const places = [
      [1, 4, 2],
      [2, 4, 1],
    ].map((sizes) => {
      const cluster = new TestCluster().nodes(3).queue('q');
      for (const gpus of sizes) cluster.finish(cluster.submit('q', { gpus, request: { cpuMilli: gpus * 1_000 } }));
      cluster.settle();
      const next = cluster.submitMany(5, 'q', { gpus: 2, request: { cpuMilli: 9_000 } });
      cluster.settle();
      return next.map((number) => cluster.where(number));
    });
    expect(places[0]).toEqual(places[1]);
  });
});

const TRACES = new URL('../../../shared/traces/fgd', import.meta.url).pathname;

describe.skipIf(!existsSync(TRACES))('the engine packs the trace of the paper', () => {
  it(
    'as densely as the published gradient, with a mix it learns, and far denser than by packing',
    { timeout: 120_000 },
    () => {
      const play = (placement: 'fragmentation' | 'pack') =>
        replayByEngine(readTrace(TRACES, 'default', 's1'), placement).usedMilli;
      const [learned, packed] = [play('fragmentation'), play('pack')];
      const used = (policy: string) => published(TRACES, 'default', '1', policy).usedMilli;
      expect(learned).toBeGreaterThan(0.99 * used('FGD'));
      expect(learned).toBeGreaterThan(1.01 * used('BestFit'));
      expect(learned).toBeGreaterThan(1.05 * packed);
    },
  );
});
