// Bad input against the real daemon: each gets one clear error with the right code, and the daemon goes on unharmed.
import { randomUUID } from 'node:crypto';
import net from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { ApiError } from '../../common/errors.js';
import { MAX_MESSAGE_BYTES, sluice } from '../../common/proto.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

describe.runIf(needs('build'))('the daemon refuses', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'org', guaranteeGpus: 4 } });
    await client.createQueue({ queue: { name: 'vision', parent: 'org', guaranteeGpus: 3, limitGpus: 4 } });
  });
  afterAll(() => cluster.stop());
  // Whatever was refused, the daemon serves as before.
  afterEach(async () => {
    expect((await client.getQueue('vision')).spec?.guaranteeGpus).toBe(3);
  });

  const spec = (fields: WorkloadSpec = {}): WorkloadSpec => ({
    name: 'work',
    queue: 'vision',
    command: { argv: ['true'] },
    ...fields,
  });

  async function refusal(call: Promise<unknown>): Promise<ApiError> {
    const error = await call.then(
      () => new Error('it was taken'),
      (reason: unknown) => reason,
    );
    if (error instanceof ApiError) return error;
    throw error;
  }

  test.each<[string, WorkloadSpec, keyof typeof grpc.status, string, RegExp]>([
    ['an unknown queue', { queue: 'vison' }, 'NOT_FOUND', 'QUEUE_NOT_FOUND', /"vison" does not exist\n.*"vision"/],
    ['no queue', { queue: '' }, 'INVALID_ARGUMENT', 'SPEC_INVALID', /specs\[0\]\.queue: is required/],
    ['a queue with children', { queue: 'org' }, 'INVALID_ARGUMENT', 'SPEC_INVALID', /only leaves take work/],
    [
      'more GPUs than any node has',
      { resources: { gpus: 5 } },
      'FAILED_PRECONDITION',
      'QUOTA_LIMIT_EXCEEDED',
      /5 GPUs.*limit of 4 GPUs/,
    ],
    [
      'a model nobody has',
      { resources: { gpus: 1, gpuModel: 'b200' } },
      'FAILED_PRECONDITION',
      'UNSATISFIABLE',
      /no known node has/,
    ],
    [
      'a negative number of GPUs',
      { resources: { gpus: -1 } },
      'INVALID_ARGUMENT',
      'SPEC_INVALID',
      /-1 is out of range/,
    ],
    ['a bad name', { name: 'Bad_Name' }, 'INVALID_ARGUMENT', 'SPEC_INVALID', /specs\[0\]\.name/],
    ['no program', { command: null }, 'INVALID_ARGUMENT', 'SPEC_INVALID', /a program is required/],
    [
      'an unknown built-in',
      { command: null, builtin: { name: 'fly' } },
      'INVALID_ARGUMENT',
      'SPEC_INVALID',
      /train, test, serve/,
    ],
    [
      "a grace beyond the cluster's",
      { checkpoint: { grace: { seconds: 1e9 } } },
      'INVALID_ARGUMENT',
      'SPEC_INVALID',
      /this cluster allows/,
    ],
    ['a relative folder', { workingDirectory: '../x' }, 'INVALID_ARGUMENT', 'SPEC_INVALID', /absolute path/],
    [
      'a bad variable',
      { environment: [{ name: 'A-B', value: '' }] },
      'INVALID_ARGUMENT',
      'SPEC_INVALID',
      /no name of a variable/,
    ],
    [
      'more CPUs than any node has',
      { resources: { cpuMilli: 4_096_000 } },
      'FAILED_PRECONDITION',
      'UNSATISFIABLE',
      /4096 CPUs per task, but the largest node that fits \(n1\) has \d+/,
    ],
    [
      'MIG where there is none',
      { resources: { gpus: 1, migProfile: '3g.20gb' } },
      'FAILED_PRECONDITION',
      'UNSATISFIABLE',
      /an instance of 3g\.20gb \(there are: none/,
    ],
    [
      'MIG with a share',
      { resources: { gpus: 1, migProfile: '3g.20gb', gpuMilli: 500 } },
      'INVALID_ARGUMENT',
      'SPEC_INVALID',
      /exclude each other/,
    ],
    [
      'fewer tasks at most than at least',
      { tasks: 4, maxTasks: 2 },
      'INVALID_ARGUMENT',
      'SPEC_INVALID',
      /max_tasks: 2 is/,
    ],
    [
      'two roles of one name',
      { roles: [{ name: 'a' }, { name: 'a' }] },
      'INVALID_ARGUMENT',
      'SPEC_INVALID',
      /roles\[1\]\.name: "a" is the name of another role/,
    ],
    [
      'a workload to wait for that is not there',
      { dependencies: [{ workload: 1_000_000 }] },
      'INVALID_ARGUMENT',
      'SPEC_INVALID',
      /workload 1000000 is not there/,
    ],
    ['too large an array', { array: { size: 10_001 } }, 'INVALID_ARGUMENT', 'SPEC_INVALID', /10001 is out of range/],
  ])('%s', async (_, fields, code, reason, words) => {
    const error = await refusal(client.submitWorkloads({ specs: [spec(fields)] }));
    expect(grpc.status[error.code]).toBe(code);
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(words);
    expect(error.message.split('\n').length).toBeLessThanOrEqual(3);
  });

  test('more GPUs per task than the largest node has, in a queue without limit', async () => {
    await client.createQueue({ queue: { name: 'free' } });
    const error = await refusal(client.submitWorkloads({ specs: [spec({ queue: 'free', resources: { gpus: 8 } })] }));
    expect(error).toMatchObject({ code: grpc.status.FAILED_PRECONDITION, reason: 'UNSATISFIABLE' });
    expect(error.message).toContain('the largest node (n1) has 4');
    expect(error.fields[0]?.field).toBe('specs[0].resources.gpus');
  });

  test("a guarantee above the queue's own limit, and children above their parent", async () => {
    const own = await refusal(client.createQueue({ queue: { name: 'a', guaranteeGpus: 5, limitGpus: 4 } }));
    expect(own).toMatchObject({ code: grpc.status.INVALID_ARGUMENT, fields: [{ field: 'queue.guarantee_gpus' }] });
    const children = await refusal(client.createQueue({ queue: { name: 'b', parent: 'org', guaranteeGpus: 2 } }));
    expect(children.message).toContain("above the parent's guarantee of 4");
  });

  test("nothing when a guarantee is above today's capacity: it warns and shows what is unmet", async () => {
    const { warnings } = await client.createQueue({ queue: { name: 'big', guaranteeGpus: 100 } });
    expect(warnings[0]).toMatch(/104 GPUs, but the known nodes have 4/);
    await client.submitWorkloads({ specs: [spec({ name: 'many', queue: 'big', tasks: 50, resources: { gpus: 1 } })] });
    const queue = await client.getQueue('big');
    expect(queue.use).toMatchObject({ allocatedGpus: 0, pendingGpus: 50, unmetGuaranteeGpus: 50 });
    await client.cancelWorkloads({ workloads: ['many'] });
    await client.deleteQueue('big');
  });

  test('nothing of a request in full: it is taken, expanded, and told as it was asked', async () => {
    await client.createQueue({
      queue: { name: 'full', guaranteeCpuMilli: 1_000, scopes: [{ pool: 'default', limitGpus: 2 }] },
    });
    const asked: WorkloadSpec = {
      name: 'all',
      queue: 'full',
      array: { size: 3, concurrency: 2, firstIndex: 5 },
      roles: [
        { name: 'launcher', resources: { cpuMilli: 10 } },
        { name: 'worker', tasks: 1, maxTasks: 2, resources: { gpus: 1, gpuMilli: 250 } },
      ],
      timeLimit: { seconds: 600 },
      retry: { max: 1 },
    };
    const { workloads } = await client.submitWorkloads({ specs: [spec(asked)] });
    expect(workloads.map(({ name }) => name)).toEqual(['all', 'all', 'all']);
    const last = await client.getWorkload(String(workloads[2]?.number));
    expect(last.arrayPlace).toMatchObject({ first: workloads[0]?.number, index: 7 });
    expect(last.spec).toMatchObject({ ...asked, retry: { max: 1, backoff: { seconds: 10 } } });
    await client.cancelWorkloads({ workloads: workloads.map(({ number }) => String(number)) });
  });

  test('a request id with another body', async () => {
    const requestId = randomUUID();
    const first = await client.submitWorkloads({ requestId, specs: [spec()] });
    expect(await client.submitWorkloads({ requestId, specs: [spec()] })).toMatchObject({ workloads: first.workloads });
    const error = await refusal(client.submitWorkloads({ requestId, specs: [spec({ name: 'other' })] }));
    expect(error).toMatchObject({ code: grpc.status.ALREADY_EXISTS, reason: 'REQUEST_ID_REUSED' });
  });

  test('a message above the limit', async () => {
    const value = 'x'.repeat(MAX_MESSAGE_BYTES);
    const error = await refusal(client.submitWorkloads({ specs: [spec({ environment: [{ name: 'BIG', value }] })] }));
    expect(error.code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    expect(error.message).toMatch(/4194304|4 ?MiB/);
  });

  test('too many specs, a bad page token, an unknown workload, an unknown node', async () => {
    const many = Array.from({ length: 1_001 }, () => spec());
    expect((await refusal(client.submitWorkloads({ specs: many }))).message).toContain('at most 1000');
    expect((await refusal(client.listWorkloads({ pageToken: 'nonsense' }))).code).toBe(grpc.status.INVALID_ARGUMENT);
    expect((await refusal(client.getWorkload('nobody'))).reason).toBe('WORKLOAD_NOT_FOUND');
    expect((await refusal(client.cordonNode({ name: 'n2' }))).message).toContain('Did you mean "n1"?');
  });

  test('nothing of a client that leaves in the middle of a stream', async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      const raw = new sluice.WorkloadService(cluster.grpc, grpc.credentials.createInsecure());
      const stream = raw.WatchWorkloads({});
      stream.on('error', () => undefined);
      await new Promise((resolve) => stream.once('data', resolve));
      if (turn % 2 === 0) stream.cancel();
      raw.close();
    }
    await until('no watcher is left', async () => {
      const metrics = await (await fetch(`http://${cluster.http}/metrics`)).text();
      return /^sluice_watchers 0$/m.test(metrics) ? true : null;
    });
  });

  test('bytes that are no gRPC at all', async () => {
    const [host, port] = cluster.grpc.split(':');
    const socket = net.connect(Number(port), host);
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(Buffer.from('GET / HTTP/1.1\r\n\r\n\0\0\0\xff'.repeat(100)));
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await client.getVersion()).version).not.toBe('');
  });
});
