// The client: retries that do nothing twice, deadlines, and streams that survive a restart of the scheduler.
import { createServer, type Server } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { connect, isLoopback, type SluiceClient } from '../../cli/client.js';
import { systemClock, type Clock } from '../../common/clock.js';
import { FakeScheduler } from './fake-scheduler.js';
import { refresh, workload } from './sample-cluster.js';

/** The real clock, but pauses are over at once: what waits is asked again as soon as it can be. */
const impatient: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(Math.min(delayMs, 5), callback),
};

let scheduler: FakeScheduler;
let api: SluiceClient;
beforeEach(async () => {
  scheduler = new FakeScheduler();
  refresh(scheduler);
  await scheduler.start();
  api = connect({ server: scheduler.address, clock: impatient });
});
afterEach(() => {
  api.close();
  scheduler.stop();
});

const UNAVAILABLE = { code: status.UNAVAILABLE, reason: 'UNAVAILABLE', message: 'just starting' };

describe('calls', () => {
  it('are repeated after UNAVAILABLE, as the very same request', async () => {
    scheduler.failures.set('SubmitWorkloads', [UNAVAILABLE, UNAVAILABLE, null]);
    const { workloads } = await api.submitWorkloads({ specs: [{ name: 'x' }] });
    expect(workloads).toMatchObject([{ number: 1041 }]);
    const ids = scheduler.requests('SubmitWorkloads').map((request) => (request as { requestId: string }).requestId);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
  });

  it('are not repeated for ever, nor when they cannot be', async () => {
    scheduler.failures.set(
      'GetNode',
      Array.from({ length: 9 }, () => UNAVAILABLE),
    );
    await expect(api.getNode('n1')).rejects.toMatchObject({ name: 'ApiError', reason: 'UNREACHABLE' });
    expect(scheduler.requests('GetNode')).toHaveLength(4);
    scheduler.failures.set('DeleteQueue', [UNAVAILABLE]);
    await expect(api.deleteQueue('x')).rejects.toMatchObject({ name: 'ApiError' });
    expect(scheduler.requests('DeleteQueue')).toHaveLength(1);
  });

  it('read every page', async () => {
    scheduler.workloads = Array.from({ length: 2_345 }, (_, index) => workload(index + 1, {}));
    expect(await api.allWorkloads({})).toHaveLength(2_345);
    expect(scheduler.requests('ListWorkloads')).toHaveLength(3);
    expect((await api.allWorkloads({}, 7)).map(({ number }) => number)).toEqual([
      2345, 2344, 2343, 2342, 2341, 2340, 2339,
    ]);
  });

  it('tell what the scheduler said', async () => {
    await expect(api.getWorkload('nope')).rejects.toMatchObject({
      name: 'ApiError',
      code: status.NOT_FOUND,
      reason: 'WORKLOAD_NOT_FOUND',
      metadata: { workload: 'nope' },
    });
  });

  it('carry the token', async () => {
    const named = connect({ server: scheduler.address, token: 's3cret' });
    onTestFinished(() => named.close());
    await named.getVersion();
    expect(scheduler.calls.at(-1)?.metadata).toMatchObject({ authorization: 'Bearer s3cret' });
  });

  it('end at their deadline when nobody answers', async () => {
    // Takes connections and says nothing.
    const silent = await new Promise<Server>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
    });
    onTestFinished(() => void silent.close());
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const waiting = connect({ server: `127.0.0.1:${port}`, deadlineMs: 200 });
    onTestFinished(() => waiting.close());
    await expect(waiting.getVersion()).rejects.toMatchObject({
      reason: 'DEADLINE_EXCEEDED',
      message: `the scheduler at 127.0.0.1:${port} did not answer within 200ms`,
    });
  });
});

describe('a watch', () => {
  it('resumes where it was after a restart of the scheduler', async () => {
    const lost: string[] = [];
    const updates = api.watchWorkloads({}, { onReconnect: ({ reason }) => lost.push(reason) });
    scheduler.onWatch = (request, sink) => {
      if (request.afterRevision > 0) {
        sink.send({ revision: request.afterRevision + 1, workload: workload(2, {}) });
        return;
      }
      sink.send({ revision: 8, workload: workload(1, {}) });
      sink.send({ revision: 9, caughtUp: true });
    };
    const seen: unknown[] = [];
    for await (const { revision, workload: changed } of updates) {
      seen.push([revision, changed?.number]);
      if (revision === 9) {
        scheduler.stop();
        await scheduler.start();
      }
      if (revision === 10) break;
    }
    expect(seen).toEqual([
      [8, 1],
      [9, undefined],
      [10, 2],
    ]);
    expect(lost).toEqual(['UNREACHABLE']);
  });

  it('begins anew when it broke before everything was told', async () => {
    const revisions: number[] = [];
    scheduler.onWatch = ({ afterRevision }, sink) => {
      revisions.push(afterRevision);
      sink.send({ revision: 8, workload: workload(1, {}) });
      if (revisions.length < 2) sink.end();
      else sink.send({ revision: 8, caughtUp: true });
    };
    for await (const { caughtUp } of api.watchWorkloads({})) if (caughtUp) break;
    expect(revisions).toEqual([0, 0]);
  });

  it('begins anew when the scheduler no longer has the changes since', async () => {
    const revisions: number[] = [];
    scheduler.onWatch = ({ afterRevision }, sink) => {
      revisions.push(afterRevision);
      if (afterRevision > 0) {
        sink.fail({ code: status.OUT_OF_RANGE, reason: 'REVISION_TOO_OLD', message: 'gone' });
        return;
      }
      sink.send({ revision: 5, caughtUp: true });
      if (revisions.length === 1) sink.end();
    };
    let told = 0;
    for await (const { caughtUp } of api.watchWorkloads({})) {
      if (caughtUp) told += 1;
      if (told === 2) break;
    }
    expect(revisions).toEqual([0, 5, 0]);
  });

  it('fails at once when nothing was ever reached, and with what the scheduler refuses', async () => {
    const nobody = connect({ server: '127.0.0.1:1', clock: impatient });
    onTestFinished(() => nobody.close());
    await expect(nobody.watchNodes().next()).rejects.toMatchObject({ reason: 'UNREACHABLE' });
    scheduler.failures.set('WatchWorkloads', [{ code: status.PERMISSION_DENIED, reason: 'DENIED', message: 'no' }]);
    await expect(api.watchWorkloads({}).next()).rejects.toMatchObject({ reason: 'DENIED' });
  });

  it('ends quietly when told to', async () => {
    const stop = new AbortController();
    const seen: boolean[] = [];
    for await (const { caughtUp } of api.watchWorkloads({}, { signal: stop.signal })) {
      seen.push(caughtUp);
      if (caughtUp) stop.abort();
    }
    expect(seen.at(-1)).toBe(true);
  });
});

describe('a log', () => {
  it('goes on after a restart of the scheduler without losing or repeating a byte', async () => {
    const text = 'one\ntwo\nthree\n';
    scheduler.onReadLogs = ({ tailBytes }, sink) => {
      if (scheduler.requests('ReadLogs').length === 1) {
        sink.send({ allocation: 'A', attempt: 1, offset: 4, data: Buffer.from('two\n') });
        expect(tailBytes).toBe(4);
        return;
      }
      expect(tailBytes).toBe(0);
      sink.send({ allocation: 'A', attempt: 1, offset: 0, data: Buffer.from(text.slice(0, 6)) });
      sink.send({ offset: 6, data: Buffer.from(text.slice(6)) });
      sink.end();
    };
    let read = '';
    for await (const { data } of api.readLogs({ workload: '1', follow: true, tailBytes: 4 })) {
      read += data.toString();
      if (read === 'two\n') {
        scheduler.stop();
        await scheduler.start();
      }
    }
    expect(read).toBe('two\nthree\n');
  });

  it('asks after a reconnect for what comes after what it has', async () => {
    scheduler.onReadLogs = ({ resumeAllocation, resumeOffset, tailLines, since }, sink) => {
      if (scheduler.requests('ReadLogs').length === 1) {
        sink.send({ allocation: 'A', attempt: 1, offset: 100, data: Buffer.from('one\n') });
        return;
      }
      expect({ resumeAllocation, resumeOffset, tailLines, since }).toEqual({
        resumeAllocation: 'A',
        resumeOffset: 104,
        tailLines: 0,
        since: null,
      });
      sink.send({ allocation: 'A', attempt: 1, offset: 104, data: Buffer.from('two\n') });
      sink.end();
    };
    const pieces: unknown[] = [];
    const request = { workload: '1', follow: true, tailLines: 9, since: { seconds: 5 } };
    for await (const { data, begins, offset } of api.readLogs(request)) {
      pieces.push([data.toString(), begins, offset]);
      if (pieces.length > 1) continue;
      scheduler.stop();
      await scheduler.start();
    }
    expect(pieces).toEqual([
      ['one\n', true, 100],
      ['two\n', false, 104],
    ]);
  });

  it('tells where each attempt begins', async () => {
    scheduler.onReadLogs = (_, sink) => {
      sink.send({ allocation: 'A', attempt: 1, offset: 0, data: Buffer.from('a') });
      sink.send({ allocation: 'B', attempt: 2, offset: 0, data: Buffer.from('b') });
      sink.send({ offset: 1, data: Buffer.from('c') });
      sink.end();
    };
    const pieces: unknown[] = [];
    for await (const { data, attempt, begins } of api.readLogs({ workload: '1' }))
      pieces.push([data.toString(), attempt, begins]);
    expect(pieces).toEqual([
      ['a', 1, true],
      ['b', 2, true],
      ['c', 2, false],
    ]);
  });
});

describe('an address', () => {
  it.each([
    ['127.0.0.1:7443', true],
    ['127.1.2.3:7443', true],
    ['localhost:7443', true],
    ['[::1]:7443', true],
    ['unix:/run/sluice.sock', true],
    ['10.0.0.1:7443', false],
    ['gpu-master:7443', false],
    ['localhost.example.com:7443', false],
    ['127.0.0.1.example.com:7443', false],
  ])('%s is this machine: %s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });
});
