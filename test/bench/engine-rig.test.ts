import { describe, expect, test } from 'vitest';
import { EngineRig } from '../../bench/engine-rig.js';

/** Two nodes of eight GPUs, full of work of a queue that is guaranteed nothing. */
function lentOut(): EngineRig {
  const rig = new EngineRig().nodes(2).queue('borrower', 0).queue('owner', 16);
  for (let gpu = 0; gpu < 16; gpu++) rig.runOn(gpu, 'borrower');
  return rig;
}

describe('the rig of the engine bench', () => {
  test('fills a cluster, and finds nothing that would still fit', () => {
    const rig = new EngineRig().nodes(2).queue('q0', 16);
    for (let at = 0; at < 5; at++) rig.submit('q0', { gpus: 4 });
    rig.settle();
    expect(rig.heldGpus()).toBe(16);
    rig.checkPlacement();
    rig.checkReasons();
  });

  test('notices what waits although it would fit', () => {
    const rig = new EngineRig().nodes(2).queue('q0', 16);
    rig.submit('q0', { tasks: 2, gpus: 8 });
    expect(() => rig.checkPlacement()).toThrow('nothing waits that would fit');
  });

  test('carries a takeover through: told to leave, promised, left, placed', () => {
    const rig = lentOut();
    rig.submit('owner', { gpus: 8 });
    rig.settle();
    expect([rig.leaving.length, rig.claims(), rig.heldGpus('owner')]).toEqual([8, 1, 0]);
    rig.letAllLeave();
    rig.settle();
    expect([rig.leaving.length, rig.claims(), rig.heldGpus('owner')]).toEqual([0, 0, 8]);
    expect(rig.heldGpus('borrower')).toBe(8);
  });

  test('gives what ended to what waits', () => {
    const rig = lentOut();
    rig.submit('borrower', {});
    expect(rig.letOneLeave()).toBe(null);
    rig.finishOldest();
    expect(rig.heldGpus('borrower')).toBe(16);
    rig.startPlaced();
    rig.finishOldest();
    expect(rig.heldGpus('borrower')).toBe(15);
  });
});
