// The brake for mass loss: when it closes, what holds it, what opens it.
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../common/ids.js';
import { BRAKE_RULE, MassLossBrake, tolerated } from '../../scheduler/fleet/brakes.js';
import { holdIsOver } from '../../scheduler/fleet/recovery-hold.js';

const nodes = (count: number): NodeId[] => Array.from({ length: count }, (_, at) => `n${at}` as NodeId);

function lose(brake: MassLossBrake, lost: readonly NodeId[], nowMs = 0): void {
  for (const node of lost) brake.expired(node, nowMs);
}

describe('the brake for mass loss', () => {
  test.each([
    [4, 3],
    [10, 3],
    [14, 4],
    [1_000, 300],
  ])('of %d nodes %d may fall silent at once', (all, most) => {
    expect(tolerated(BRAKE_RULE, all)).toBe(most);
    const brake = new MassLossBrake(BRAKE_RULE, null);
    lose(brake, nodes(most));
    expect(brake.judge(all - most, 0)).toBeNull();
    lose(brake, nodes(most + 1), 1_000);
    const silent = nodes(most + 1);
    expect(brake.judge(all - most - 1, 1_000)).toEqual({ type: 'close', silent, nodes: all });
    expect(brake.isClosed).toBe(true);
  });

  test('one by one over a longer time they do not close it', () => {
    const brake = new MassLossBrake(BRAKE_RULE, null);
    for (const [at, node] of nodes(10).entries()) {
      brake.expired(node, at * 60_000);
      expect(brake.judge(10 - at, at * 60_000)).toBeNull();
    }
  });

  test('those that are back within the time do not count', () => {
    const brake = new MassLossBrake(BRAKE_RULE, null);
    lose(brake, nodes(3));
    brake.returned('n0' as NodeId);
    lose(brake, ['n7' as NodeId], 1_000);
    expect(brake.judge(7, 1_000)).toBeNull();
  });

  test('stays closed as long as too many are silent, later ones included, and opens when enough are back', () => {
    const brake = new MassLossBrake(BRAKE_RULE, null);
    lose(brake, nodes(5));
    expect(brake.judge(5, 0)?.type).toBe('close');
    expect(brake.judge(5, 3_600_000)).toBeNull();
    lose(brake, ['n9' as NodeId], 3_600_000);
    for (const node of nodes(2)) brake.returned(node);
    expect(brake.judge(6, 3_600_000)).toBeNull();
    brake.returned('n2' as NodeId);
    expect(brake.judge(7, 3_600_000)).toEqual({ type: 'open' });
    expect(brake.isClosed).toBe(false);
  });

  test('released by a person it does not close again for the same nodes', () => {
    const brake = new MassLossBrake(BRAKE_RULE, null);
    lose(brake, nodes(5));
    brake.judge(5, 0);
    brake.release();
    expect(brake.judge(5, 1_000)).toBeNull();
    lose(brake, ['n9' as NodeId], 2_000);
    expect(brake.judge(4, 2_000)).toBeNull();
  });

  test('closed before a restart it is closed after it', () => {
    const brake = new MassLossBrake(BRAKE_RULE, { silent: nodes(5), nodes: 10 });
    expect(brake.judge(10, 0)).toBeNull();
    expect(brake.isClosed).toBe(true);
    brake.returned('n0' as NodeId);
    brake.returned('n1' as NodeId);
    expect(brake.judge(10, 0)).toEqual({ type: 'open' });
  });
});

describe('after a loss of history work is placed again', () => {
  const figures = { elapsedMs: 60_000, awaited: 0, newNodesMs: 60_000, fenceMs: 1_000_000 };
  test.each([
    ['once every known node was heard', figures, true],
    ['not before nodes that nobody knows had time to come', { ...figures, elapsedMs: 59_999 }, false],
    ['not while a known node is awaited', { ...figures, awaited: 1, elapsedMs: 999_999 }, false],
    ['when nothing can run on silent nodes any more', { ...figures, awaited: 1, elapsedMs: 1_000_000 }, true],
  ])('%s', (_, given, expected) => {
    expect(holdIsOver(given)).toBe(expected);
  });
});
