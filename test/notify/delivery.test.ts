// What is sent when: order, pauses, limits, and what is struck off the state, under a clock that a test moves.
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { QueueName, WorkloadNumber } from '../../common/ids.js';
import { createLogger } from '../../common/log.js';
import type { Command } from '../../scheduler/control/command.js';
import type { Committed } from '../../scheduler/control/loop.js';
import { MAX_NOTICES, noticed, noticeKey, noticesOf } from '../../scheduler/model/notices.js';
import type { Notice, RecordChange, Workload } from '../../scheduler/model/records.js';
import { Delivery, GIVE_UP_MS, MAX_WAITING_PER_RECEIVER } from '../../scheduler/notify/delivery.js';
import { bodyOf, mailOf, signatureOf } from '../../scheduler/notify/message.js';
import { ReadyLanes } from '../../scheduler/notify/ready-lanes.js';
import type { Sent } from '../../scheduler/notify/webhook.js';
import { Workshop } from '../control/workshop.js';
import { ManualClock } from '../gpu/manual-clock.js';

const log = createLogger({ level: 'silent', name: 'test' });

function notice(id: string, to: string, timeMs = 0): Notice {
  const times = { submittedMs: 0, startedMs: null, endedMs: null };
  const names = { name: 'w', kind: 'batch', queue: 'q' as QueueName, owner: 'ada', message: '' } as const;
  return {
    id,
    to,
    type: 'started',
    timeMs,
    workload: { number: 1 as WorkloadNumber, uid: 'u', state: 'running', attempt: 1, ...times, ...names },
  };
}

/** A state of notices, and senders that a test answers for. */
class Post {
  readonly clock = new ManualClock();
  readonly notices = new Map<string, Notice>();
  readonly sent: string[] = [];
  leads = true;
  answer: (to: string) => Sent | Promise<Sent> = () => ({ outcome: 'delivered', detail: '' });
  #listener: (committed: Committed) => void = () => undefined;
  readonly delivery: Delivery;

  constructor() {
    this.delivery = new Delivery({
      clock: this.clock,
      log,
      random: () => 0,
      isFresh: () => this.leads,
      state: { notices: this.notices, meta: { clusterId: 'c', lastWorkload: 0 } },
      loop: {
        onCommitted: (listener) => void (this.#listener = listener),
        execute: <T>(command: Command<T>) => {
          // The only command there is: it deletes what it is told.
          const draft = {
            get: (_: string, key: string) => this.notices.get(key),
            delete: (_: string, key: string) => this.notices.delete(key),
          };
          return Promise.resolve(
            command.run(draft as unknown as Parameters<Command<T>['run']>[0], { nowMs: 0, newUlid: () => '' }),
          );
        },
      },
      send: async (to, { id }) => {
        this.sent.push(id);
        return this.answer(to);
      },
    });
  }

  commit(...notices: readonly Notice[]): void {
    const changes = notices.map((after): RecordChange => ({
      collection: 'notices',
      key: noticeKey(after),
      before: null,
      after,
    }));
    for (const one of notices) this.notices.set(noticeKey(one), one);
    this.#listener({ revision: 1, changes, decisions: [] });
  }

  /** Lets promises act, and time pass. */
  async pass(ms = 0): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }
}

const A = 'https://a.org/1';

describe('delivery', () => {
  test('begins with what waits, keeps the order of each receiver, and strikes off what was taken', async () => {
    const post = new Post();
    for (const one of [notice('1', A, 1), notice('2', A, 2)]) post.notices.set(noticeKey(one), one);
    post.delivery.start();
    post.commit(notice('3', A, 3));
    await post.pass();
    expect(post.sent).toEqual(['1', '2', '3']);
    expect(post.notices.size).toBe(0);
    expect(post.delivery.counts.webhook).toEqual({ delivered: 3, failed: 0, dropped: 0 });
  });

  test('tries again after pauses that double, the later ones of the receiver behind it; others do not wait', async () => {
    const post = new Post();
    post.delivery.start();
    post.answer = (to) => ({ outcome: to === A ? 'failed' : 'delivered', detail: 'busy' });
    post.commit(notice('1', A), notice('2', A), notice('other', 'https://a.org/2'));
    await post.pass();
    expect(post.sent).toEqual(['1', 'other']);
    await post.pass(999);
    expect(post.sent).toHaveLength(2);
    await post.pass(1);
    expect(post.sent).toEqual(['1', 'other', '1']);
    await post.pass(1_999);
    expect(post.sent).toHaveLength(3);
    await post.pass(1);
    expect(post.sent).toHaveLength(4);
    post.answer = () => ({ outcome: 'delivered', detail: '' });
    await post.pass(4_000);
    expect(post.sent.slice(4)).toEqual(['1', '2']);
    expect(post.notices.size).toBe(0);
    expect(post.delivery.counts.webhook).toEqual({ delivered: 3, failed: 3, dropped: 0 });
  });

  test('gives up after a day, and at once what the receiver wants no more of', async () => {
    const post = new Post();
    post.delivery.start();
    post.answer = () => ({ outcome: 'failed', detail: 'gone for good' });
    post.commit(notice('1', A));
    for (let minute = 0; minute < 24 * 60 + 30; minute += 10) await post.pass(600_000);
    expect(post.notices.size).toBe(0);
    expect(post.delivery.counts.webhook.dropped).toBe(1);
    // Pauses are at most ten minutes, so it was tried to the end.
    expect(post.delivery.counts.webhook.failed).toBeGreaterThan(GIVE_UP_MS / 600_000 / 2);
    post.answer = () => ({ outcome: 'gone', detail: 'HTTP 410' });
    post.commit(notice('2', A, post.clock.wallMs()));
    await post.pass();
    expect(post.notices.size).toBe(0);
    expect(post.delivery.counts.webhook.dropped).toBe(2);
  });

  test('holds four sends to one host, so that a dead one holds no other up', async () => {
    const post = new Post();
    post.delivery.start();
    let free: (sent: Sent) => void = () => undefined;
    const hangs = new Promise<Sent>((resolve) => (free = resolve));
    post.answer = (to) => (to.startsWith('https://dead.org') ? hangs : { outcome: 'delivered', detail: '' });
    post.commit(...Array.from({ length: 10 }, (_, at) => notice(`d${at}`, `https://dead.org/${at}`)));
    post.commit(notice('alive', A));
    await post.pass();
    expect(post.sent).toEqual(['d0', 'd1', 'd2', 'd3', 'alive']);
    free({ outcome: 'delivered', detail: '' });
    await post.pass();
    expect(post.sent).toHaveLength(11);
  });

  test('lets hosts take turns, so that one with much to send keeps none waiting', () => {
    const lanes = new ReadyLanes<{ host: string; name: string }>(2);
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1']) lanes.add({ host: name.slice(0, 1), name });
    const taken = (): string | undefined => lanes.take()?.name;
    expect([taken(), taken(), taken(), taken(), taken()]).toEqual(['a1', 'b1', 'c1', 'a2', undefined]);
    expect(lanes.sends).toBe(4);
    lanes.done('b');
    expect(taken()).toBeUndefined();
    lanes.done('a');
    expect(taken()).toBe('a3');
    expect(lanes.sends).toBe(3);
  });

  test('looks at no more with each commit however many addresses of a dead host wait', async () => {
    const looks = async (waiting: number): Promise<number> => {
      const post = new Post();
      post.delivery.start();
      post.answer = () => new Promise<Sent>(() => undefined);
      const made = Array.from({ length: waiting }, (_, at) => notice(`d${at}`, `https://dead.org/${at}`));
      post.commit(...made);
      await post.pass();
      let count = 0;
      const counted = (): boolean => {
        count += 1;
        return true;
      };
      Object.defineProperty(post, 'leads', { get: counted });
      post.commit();
      return count;
    };
    expect(await looks(1_000)).toBe(await looks(10));
  });

  test('holds so many for one receiver; what comes then is dropped and counted', async () => {
    const post = new Post();
    post.delivery.start();
    post.answer = () => ({ outcome: 'failed', detail: '' });
    post.commit(...Array.from({ length: MAX_WAITING_PER_RECEIVER + 2 }, (_, at) => notice(`n${at}`, A)));
    await post.pass();
    expect(post.notices.size).toBe(MAX_WAITING_PER_RECEIVER);
    expect(post.delivery.counts.webhook.dropped).toBe(2);
    expect(post.delivery.waiting()).toEqual({ counts: { webhook: MAX_WAITING_PER_RECEIVER, mail: 0 }, oldestMs: 0 });
  });

  test('sends nothing while this daemon may be deposed, neither what is new nor what follows or is tried again', async () => {
    const post = new Post();
    post.delivery.start();
    let answer: (sent: Sent) => void = () => undefined;
    post.answer = () => new Promise<Sent>((resolve) => (answer = resolve));
    post.commit(notice('1', A), notice('2', A));
    await post.pass();
    post.leads = false;
    post.commit(notice('3', 'https://b.org/1'));
    answer({ outcome: 'failed', detail: '' });
    await post.pass(600_000);
    expect(post.sent).toEqual(['1']);
    expect(post.notices.size).toBe(3);
  });

  test('sends nothing once it is stopped', async () => {
    const post = new Post();
    post.delivery.start();
    post.answer = () => ({ outcome: 'failed', detail: '' });
    post.commit(notice('1', A));
    await post.pass();
    post.delivery.stop();
    await post.pass(10_000);
    expect(post.sent).toEqual(['1']);
    expect(post.notices.size).toBe(1);
  });
});

describe('notices of changes', () => {
  const shop = new Workshop();
  shop.queue('research', { guaranteeGpus: 8 });
  const number = shop.submit({});
  const plain = shop.state.workload(number);
  if (plain === undefined) throw new Error('it was not submitted');
  const base: Workload = {
    ...plain,
    spec: {
      ...plain.spec,
      notify: [
        { on: ['start', 'end'], to: A },
        { on: ['fail', 'requeue'], to: 'mailto:ada@example.org' },
      ],
    },
  };
  const types = (before: Partial<Workload>, after: Partial<Workload>): readonly string[] =>
    noticesOf({ collection: 'workloads', key: 'k', before: { ...base, ...before }, after: { ...base, ...after } }).map(
      ({ type, to }) => `${type} ${to}`,
    );
  const mail = 'mailto:ada@example.org';

  test.each<[string, Partial<Workload>, Partial<Workload>, readonly string[]]>([
    ['nothing of what is only placed', { state: 'pending' }, { state: 'starting', attempt: 1 }, []],
    ['a start', { state: 'starting' }, { state: 'running', startedMs: 5 }, [`started ${A}`]],
    ['a success', { state: 'running' }, { state: 'succeeded', endedMs: 9 }, [`succeeded ${A}`]],
    ['a failure, to both', { state: 'running' }, { state: 'failed', endedMs: 9 }, [`failed ${A}`, `failed ${mail}`]],
    ['a cancelled one that waited', { state: 'pending' }, { state: 'cancelled', endedMs: 9 }, [`cancelled ${A}`]],
    ['what came back', { state: 'stopping' }, { state: 'pending' }, [`requeued ${mail}`]],
    [
      'start and end of what was never seen to run',
      { state: 'starting' },
      { state: 'succeeded', startedMs: 3, endedMs: 4 },
      [`started ${A}`, `succeeded ${A}`],
    ],
    ['nothing where the state stays', { state: 'running' }, { state: 'running', message: 'x' }, []],
  ])('%s', (_, before, after, told) => expect(types(before, after)).toEqual(told));

  test('are in the same changes, have ids that stay, and are none without rules', () => {
    const change = {
      collection: 'workloads',
      key: 'k',
      before: { ...base, state: 'running' },
      after: { ...base, state: 'failed', attempt: 2, endedMs: 7 },
    } as const;
    const empty = { notices: new Map<string, Notice>() };
    const [first, ...made] = noticed(empty, [change]);
    expect(first).toBe(change);
    expect(made.map(({ key }) => key)).toEqual([
      `000000000000007/${base.uid}-2-failed-0`,
      `000000000000007/${base.uid}-2-failed-1`,
    ]);
    const without = [{ ...change, before: plain, after: { ...plain, state: 'failed' } }] as const;
    expect(noticed(empty, without)).toBe(without);
  });

  test('are none where too many wait', () => {
    const full = { notices: { size: MAX_NOTICES - 1 } as ReadonlyMap<string, Notice> };
    const change = {
      collection: 'workloads',
      key: 'k',
      before: { ...base, state: 'running' },
      after: { ...base, state: 'failed', endedMs: 7 },
    } as const;
    expect(noticed(full, [change])).toHaveLength(2);
  });
});

describe('a message', () => {
  const message = { ...notice('id', A, 1_000), cluster: 'c' };

  test('is signed over time and body', () => {
    const body = bodyOf(message);
    const expected = createHmac('sha256', 'secret').update(`1700000000.${body}`).digest('hex');
    expect(signatureOf('secret', 1_700_000_000, body)).toBe(`v1=${expected}`);
    expect(signatureOf('secret', 1_700_000_001, body)).not.toBe(`v1=${expected}`);
    expect(JSON.parse(body)).toMatchObject({ id: 'id', type: 'workload.started', time: '1970-01-01T00:00:01.000Z' });
  });

  test('has the words of an e-mail', () => {
    const { subject, text } = mailOf(message);
    expect(subject).toBe('Sluice: 1 (w) runs');
    expect(text).toContain('Look at it: sluice describe workload 1');
  });
});
