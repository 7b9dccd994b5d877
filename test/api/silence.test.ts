// What is told of work whose nodes are not heard.
import { describe, expect, test } from 'vitest';
import type { NodeId, QueueName } from '../../common/ids.js';
import { saySilence } from '../../scheduler/api/silence.js';
import { closeBrake } from '../../scheduler/control/commands/recovery.js';
import type { NodeLiveness } from '../../scheduler/engine/decisions.js';
import { markEnded } from '../../scheduler/model/lifecycle.js';
import { Workshop } from '../control/workshop.js';

/** A workload of two tasks on n1; what is told of it when its node is last heard of at `lastHeartbeatMs`. */
function running() {
  const shop = new Workshop();
  shop.queue('research');
  const node = shop.node('n1', 2);
  const number = shop.submit({ queue: 'research' as QueueName, tasks: 2 });
  const ids = shop.place(number, node);
  const told = (liveness: NodeLiveness, lastHeartbeatMs: number | null = null): string =>
    saySilence(
      shop.state,
      { softState: () => ({ liveness, lastHeartbeatMs, clockAheadMs: null }) },
      shop.workload(number),
      shop.nowMs,
    );
  return { shop, ids, told };
}

describe('work on a node', () => {
  test('that is heard is not spoken of', () => {
    expect(running().told('ready')).toBe('');
  });

  test('that is not heard has that told, since when, and what comes of it', () => {
    const { shop, told } = running();
    const expected =
      'not heard of: n1 for 2m00s; this is the last that is known of what runs there. If it stays so, the work is ' +
      'given up once nothing can run there any more, and starts elsewhere';
    expect(told('down', shop.nowMs - 120_000)).toBe(expected);
    expect(told('unknown')).toBe(expected.replace(' for 2m00s', ''));
  });

  test('that fell silent with many others stays there while the brake is closed', () => {
    const { shop, told } = running();
    shop.run(closeBrake(['node-n1' as NodeId], 1));
    expect(told('down')).toContain('so nothing of silent ones is given up until enough are back or a person says so');
  });

  test('that is over is not spoken of', () => {
    const { shop, ids, told } = running();
    const exit = { code: 0, signal: '', message: '' };
    for (const id of ids) {
      shop.change((draft) => markEnded(draft, id, { exit, endedMs: shop.nowMs, ofItsOwn: true }, shop.nowMs));
    }
    expect(told('down')).toBe('');
  });
});
