// Several addresses: whichever leads is asked, calls and streams move on by themselves, and nothing is done twice.
import { createServer, type Server } from 'node:net';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connect, type ConnectOptions, FAILOVER_LIMIT_MS, type SluiceClient } from '../../cli/client.js';
import { LeaderFinder } from '../../cli/leader-finder.js';
import { systemClock, type Clock } from '../../common/clock.js';
import type { RichError } from '../../common/errors.js';
import { FakeScheduler } from './fake-scheduler.js';
import { refresh } from './sample-cluster.js';

/** The real clock, but pauses are over at once. */
const impatient: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(Math.min(delayMs, 5), callback),
};

let one: FakeScheduler;
let two: FakeScheduler;
beforeEach(async () => {
  one = new FakeScheduler();
  two = new FakeScheduler();
  for (const scheduler of [one, two]) {
    refresh(scheduler);
    await scheduler.start();
  }
});
afterEach(() => {
  one.stop();
  two.stop();
});

function client(servers: readonly string[], options: Partial<ConnectOptions> = {}): SluiceClient {
  const api = connect({ server: servers.join(','), clock: impatient, ...options });
  onTestFinished(() => api.close());
  return api;
}

const notLeader = (leader = ''): RichError => ({
  code: status.UNAVAILABLE,
  reason: 'NOT_LEADER',
  message: 'this daemon stands by',
  metadata: leader === '' ? {} : { leader },
});
const CUT: RichError = { code: status.UNAVAILABLE, reason: 'UNAVAILABLE', message: 'read ECONNRESET' };
const always = (error: RichError): RichError[] => Array.from({ length: 1_000 }, () => error);

describe('several addresses', () => {
  it('ask the one that leads, and go on with it', async () => {
    one.failures.set('GetNode', [notLeader()]);
    const api = client([one.address, two.address]);
    await api.getNode('n1');
    await api.getNode('n1');
    expect(one.requests('GetNode')).toHaveLength(1);
    expect(two.requests('GetNode')).toHaveLength(2);
    expect(api.server).toBe(two.address);
  });

  it('follow the name of the leader, past others', async () => {
    const three = new FakeScheduler();
    refresh(three);
    await three.start();
    onTestFinished(() => three.stop());
    one.failures.set('GetNode', [notLeader(three.address)]);
    const api = client([one.address, two.address, three.address]);
    await api.getNode('n1');
    expect(two.requests('GetNode')).toHaveLength(0);
    expect(three.requests('GetNode')).toHaveLength(1);
  });

  it('send no call to an address that was not given, whoever names it', async () => {
    one.failures.set('GetNode', [notLeader('203.0.113.9:7443')]);
    const api = client([one.address, two.address]);
    await api.getNode('n1');
    expect(two.requests('GetNode')).toHaveLength(1);
  });

  it('submit what was cut as the very same request elsewhere', async () => {
    one.failures.set('SubmitWorkloads', [CUT]);
    const api = client([one.address, two.address]);
    await api.submitWorkloads({ specs: [{ name: 'x' }] });
    const [first] = one.requests('SubmitWorkloads') as { requestId: string }[];
    const [second] = two.requests('SubmitWorkloads') as { requestId: string }[];
    expect(first?.requestId).toMatch(/./);
    expect(second?.requestId).toBe(first?.requestId);
  });

  it('repeat what must not be done twice only when it was surely not done', async () => {
    one.failures.set('DeleteQueue', [CUT]);
    const api = client([one.address, two.address]);
    await expect(api.deleteQueue('x')).rejects.toMatchObject({ reason: 'UNREACHABLE' });
    expect(two.requests('DeleteQueue')).toHaveLength(0);
    one.failures.set('DeleteQueue', [notLeader()]);
    await api.deleteQueue('x');
    expect(two.requests('DeleteQueue')).toHaveLength(1);
  });

  it('go on where a daemon died', async () => {
    const api = client([one.address, two.address]);
    await api.getNode('n1');
    one.stop();
    await api.getNode('n1');
    expect(two.requests('GetNode')).toHaveLength(1);
  });

  it('do not wait for the one that died while the other is about to lead', async () => {
    const finder = new LeaderFinder([one.address, two.address], { credentials: credentials.createInsecure() });
    onTestFinished(() => finder.close());
    // However long it could wait.
    const inAnHourMs = systemClock.wallMs() + 3_600_000;
    expect(await finder.ready(inAnHourMs)).toBeNull();
    one.stop();
    await expect.poll(() => finder.ready(inAnHourMs)).toBe('it takes no connection');
    finder.moveFrom(one.address, null);
    expect(await finder.ready(inAnHourMs)).toBeNull();
  });

  it('pass over an address that takes connections and says nothing', async () => {
    const silent = await new Promise<Server>((resolve) => {
      const server = createServer(() => undefined).listen(0, '127.0.0.1', () => resolve(server));
    });
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as { port: number };
    const api = client([`127.0.0.1:${port}`, two.address]);
    await api.getNode('n1');
    expect(two.requests('GetNode')).toHaveLength(1);
  }, 15_000);

  it('wait as long as a take-over may take, then say that nobody leads', async () => {
    one.failures.set('GetNode', always(notLeader()));
    two.failures.set('GetNode', always(notLeader()));
    let movedMs = 0;
    // Each pause passes as a second.
    const clock: Clock = {
      ...systemClock,
      wallMs: () => systemClock.wallMs() + movedMs,
      after: (_, callback) => systemClock.after(0, () => ((movedMs += 1_000), callback())),
    };
    const api = client([one.address, two.address], { clock });
    const beganMs = clock.wallMs();
    await expect(api.getNode('n1')).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'NOBODY_LEADS',
      message: expect.stringContaining(`${one.address}, ${two.address}`) as string,
    });
    expect(clock.wallMs() - beganMs).toBeGreaterThanOrEqual(FAILOVER_LIMIT_MS);
  });

  it('watch on where another daemon leads, from what was seen', async () => {
    const asked: number[] = [];
    one.onWatch = (_, sink) => {
      sink.send({ revision: 7, caughtUp: true });
      sink.fail(notLeader(two.address));
    };
    two.onWatch = (request, sink) => {
      asked.push(request.afterRevision);
      sink.send({ revision: 8, caughtUp: true });
    };
    const api = client([one.address, two.address]);
    const seen: number[] = [];
    for await (const { revision } of api.watchWorkloads({})) {
      seen.push(revision);
      if (revision === 8) break;
    }
    expect(seen).toEqual([7, 8]);
    expect(asked).toEqual([7]);
  });

  it('find the one that leads before a watch', async () => {
    one.onWatch = (_, sink) => sink.fail(notLeader());
    const api = client([one.address, two.address]);
    for await (const { caughtUp } of api.watchWorkloads({})) if (caughtUp) break;
    expect(two.requests('WatchWorkloads')).toHaveLength(1);
  });

  it('are refused when one of them is none, or would see a token unencrypted', () => {
    expect(() => connect({ server: `${one.address},http://x` })).toThrow(/"http:\/\/x" is no address/);
    expect(() => connect({ server: `${one.address},gpu:1`, token: 't' })).toThrow(/unencrypted to gpu:1/);
    const many = Array.from({ length: 17 }, (_, index) => `h${index}:1`).join(',');
    expect(() => connect({ server: many })).toThrow(/17 addresses are more than the 16/);
  });
});

describe('one address', () => {
  it('is told who leads, and is not left for an address that nobody gave', async () => {
    one.failures.set('GetNode', always(notLeader(two.address)));
    const api = client([one.address]);
    await expect(api.getNode('n1')).rejects.toMatchObject({ reason: 'NOT_LEADER', metadata: { leader: two.address } });
    expect(two.requests('GetNode')).toHaveLength(0);
  });
});
