// A store that must not be used: waited for where a fail-over may be the reason, for a time; refused at once where it is not.
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../common/clock.js';
import { FAIL_OVER_PATIENCE_MS, Leading, type LeadingSurroundings } from '../../scheduler/leading.js';
import { StoreUnusable } from '../../scheduler/store/data-folder.js';
import type { Leadership } from '../../scheduler/store/leadership.js';

/** Time passes only where something waits for it. */
function quickClock(): Clock {
  let nowMs = 0;
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    after: (delayMs, callback) => {
      const handle = setImmediate(() => {
        nowMs += delayMs;
        callback();
      });
      return { cancel: () => clearImmediate(handle) };
    },
  };
}

const NOT_YET = new StoreUnusable('NOT_YET', 'it is a replica');

/** A daemon whose tries to begin a term go as they are told to; the last one goes on and on. */
function daemon(tries: readonly (StoreUnusable | 'begins')[], campaigns: readonly (StoreUnusable | 'leads')[] = []) {
  const clock = quickClock();
  const told = { tries: 0, campaigns: 0, unusable: 0, opened: 0 };
  const leadership: Leadership = {
    campaign: () => {
      const how = campaigns[told.campaigns++] ?? 'leads';
      if (how !== 'leads') return Promise.reject(how);
      return Promise.resolve({
        isFresh: () => true,
        onLost: () => undefined,
        tellCluster: () => undefined,
        resign: () => Promise.resolve(),
      });
    },
    standbys: () => null,
    close: () => Promise.resolve(),
  };
  const surroundings: LeadingSurroundings = {
    openLeadership: () => Promise.resolve(leadership),
    isShared: true,
    clock,
    random: () => 0,
    begin: ({ stepDown }) => {
      const how = tries[Math.min(told.tries++, tries.length - 1)];
      if (how !== 'begins') return Promise.reject(how ?? NOT_YET);
      return Promise.resolve({
        clusterId: 'c',
        position: { lineage: 'l', epoch: 1, revision: 1 },
        open: () => {
          told.opened += 1;
          if (campaigns.length > told.campaigns) stepDown('a test');
          else leading.stop();
          return Promise.resolve();
        },
        drain: () => Promise.resolve(),
        cut: () => undefined,
        close: () => Promise.resolve(),
      });
    },
    standBy: () => Promise.resolve(),
    onLeader: () => undefined,
    onTakingOver: () => undefined,
    onEnd: () => undefined,
    onNotResigned: () => undefined,
    onUnusable: () => (told.unusable += 1),
    onFatal: () => undefined,
  };
  const leading = new Leading(surroundings);
  return { run: () => leading.run(), told, clock };
}

describe('a store that is refused at the very start', () => {
  test('is waited for while a fail-over may be the reason', async () => {
    const { run, told } = daemon([NOT_YET, NOT_YET, NOT_YET, 'begins']);
    await run();
    expect(told).toMatchObject({ tries: 4, opened: 1 });
  });

  test('is not waited for any longer than a fail-over takes', async () => {
    const { run, told, clock } = daemon([NOT_YET]);
    await expect(run()).rejects.toBe(NOT_YET);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(FAIL_OVER_PATIENCE_MS);
    expect(clock.monotonicMs()).toBeLessThan(FAIL_OVER_PATIENCE_MS + 1_000);
    expect(told.tries).toBeGreaterThan(10);
  });

  test('ends the daemon at once for any other reason', async () => {
    const weak = new StoreUnusable('UNREADABLE', 'appendonly is off');
    const { run, told } = daemon([weak]);
    await expect(run()).rejects.toBe(weak);
    expect(told.tries).toBe(1);
    const wrongName = new StoreUnusable('UNREADABLE', 'no Sentinel knows that name');
    await expect(daemon(['begins'], [wrongName]).run()).rejects.toBe(wrongName);
  });
});

test('a store that was right before is tried again, whatever is wrong with it', async () => {
  const wrongName = new StoreUnusable('UNREADABLE', 'no Sentinel knows that name');
  const { run, told } = daemon(['begins'], ['leads', wrongName, wrongName, 'leads']);
  await run();
  expect(told).toMatchObject({ campaigns: 4, unusable: 2, opened: 2 });
});
