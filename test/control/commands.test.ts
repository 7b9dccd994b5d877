// Commands: what is taken, what is refused, and with which words.
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../common/errors.js';
import type { NodeId, QueueName } from '../../common/ids.js';
import { cordonNode, registerNode } from '../../scheduler/control/commands/nodes.js';
import { createQueue, deleteQueue, updateQueue } from '../../scheduler/control/commands/queues.js';
import { sweep } from '../../scheduler/control/commands/retention.js';
import { Keeping } from '../../scheduler/control/keeping.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { nodeReport, submission, Workshop } from './workshop.js';
import { ONLY_GPUS_COUNT } from '../../scheduler/model/requests.js';

function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('queues', () => {
  test.each([
    ['a guarantee above its own limit', { guaranteeGpus: 8, limitGpus: 4 }, "above the queue's own limit of 4"],
    [
      'children above their parent',
      { parent: 'org' as QueueName, guaranteeGpus: 6 },
      "above the parent's guarantee of 10",
    ],
  ])('refuse %s and stay as they were', (_, fields, words) => {
    const shop = new Workshop();
    shop.queue('org', { guaranteeGpus: 10 });
    shop.queue('vision', { parent: 'org' as QueueName, guaranteeGpus: 5 });
    const error = refusal(() => shop.queue('nlp', fields));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.fields[0]).toMatchObject({ field: 'queue.guarantee_gpus' });
    expect(error.message).toContain(words);
    expect(shop.state.queue('nlp')).toBeUndefined();
  });

  test('a parent cannot be lowered below what its children are guaranteed', () => {
    const shop = new Workshop();
    shop.queue('org', { guaranteeGpus: 10 });
    shop.queue('vision', { parent: 'org' as QueueName, guaranteeGpus: 5 });
    const error = refusal(() => shop.run(updateQueue('org', { guaranteeGpus: 4 }, false)));
    expect(error.message).toContain('below what its children are guaranteed together: 5');
  });

  test('a guarantee above capacity is taken with a warning', () => {
    const shop = new Workshop();
    shop.node('n1', 4);
    expect(shop.queue('research', { guaranteeGpus: 16 })[0]).toContain('16 GPUs, but the known nodes have 4');
    expect(shop.state.queue('research')?.guaranteeGpus).toBe(16);
  });

  test('creating the same queue twice is harmless, another one of that name is refused', () => {
    const shop = new Workshop();
    shop.queue('research', { guaranteeGpus: 4 });
    shop.queue('research', { guaranteeGpus: 4 });
    expect(refusal(() => shop.queue('research', { guaranteeGpus: 5 })).code).toBe(status.ALREADY_EXISTS);
  });

  test('a queue in use is not deleted; an empty one is', () => {
    const shop = new Workshop();
    shop.queue('research');
    const number = shop.submit();
    expect(refusal(() => shop.run(deleteQueue('research'))).code).toBe(status.FAILED_PRECONDITION);
    shop.run(cancel([String(number)], '', 'alice'));
    shop.run(deleteQueue('research'));
    expect(shop.state.queue('research')).toBeUndefined();
  });

  test('a queue with work takes no children', () => {
    const shop = new Workshop();
    shop.queue('research');
    shop.submit();
    const child = { name: 'vision' as QueueName, parent: 'research' as QueueName };
    const figures = { guaranteeGpus: 0, limitGpus: null, weight: 1, priority: 100, ...ONLY_GPUS_COUNT };
    expect(refusal(() => shop.run(createQueue({ ...child, ...figures }, false))).reason).toBe('QUEUE_IN_USE');
  });
});

describe('submissions', () => {
  test.each([
    ['an unknown queue', { queue: 'reserch' as QueueName }, status.NOT_FOUND, 'Did you mean "research"?'],
    [
      'more GPUs than any known node has',
      { gpusPerTask: 5 },
      status.FAILED_PRECONDITION,
      'the largest node (n1) has 4',
    ],
    ['a model nobody has', { gpuModel: 'b200' }, status.FAILED_PRECONDITION, 'there are: NVIDIA H100 80GB HBM3'],
    ['an unknown pool', { pool: 'lab' }, status.FAILED_PRECONDITION, 'no pool is called "lab" (there are: default)'],
    ['more than the limit', { tasks: 3, gpusPerTask: 3 }, status.FAILED_PRECONDITION, 'limit of 8 GPUs'],
    [
      'fixed work above the guarantee',
      { gpusPerTask: 4, preemptible: false },
      status.FAILED_PRECONDITION,
      'guarantee of 2 GPUs',
    ],
  ])('with %s are refused', (_, fields, code, words) => {
    const shop = new Workshop();
    shop.node('n1', 4);
    shop.queue('research', { guaranteeGpus: 2, limitGpus: 8 });
    const error = refusal(() => shop.submit(fields));
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(shop.state.workloads.size).toBe(0);
  });

  test('are taken while no node is known, since nodes come and go', () => {
    const shop = new Workshop();
    shop.queue('research');
    expect(shop.submit({ gpusPerTask: 8, gpuModel: 'h100' })).toBe(1);
  });

  test('of many are taken all or none', () => {
    const shop = new Workshop();
    shop.node('n1', 4);
    shop.queue('research');
    refusal(() => shop.run(submit(submission([{}, { gpusPerTask: 9 }, {}]))));
    expect(shop.state.workloads.size).toBe(0);
    expect(shop.run(submit(submission([{}, {}, {}]))).map(({ number }) => number)).toEqual([1, 2, 3]);
  });

  test('with the same request id and body return the first answer; with another body they are refused', () => {
    const shop = new Workshop();
    shop.queue('research');
    const first = shop.run(submit(submission([{}], 'alice/r1')));
    expect(shop.run(submit(submission([{}], 'alice/r1')))).toEqual(first);
    expect(shop.state.workloads.size).toBe(1);
    const error = refusal(() => shop.run(submit(submission([{ gpusPerTask: 2 }], 'alice/r1'))));
    expect(error).toMatchObject({ code: status.ALREADY_EXISTS, reason: 'REQUEST_ID_REUSED' });
    expect(shop.run(submit(submission([{ gpusPerTask: 2 }], 'bob/r1')))[0]?.number).toBe(2);
  });

  test('that only validate change nothing', () => {
    const shop = new Workshop();
    shop.queue('research');
    shop.run(submit({ ...submission([{}]), validateOnly: true }));
    expect(shop.state.workloads.size).toBe(0);
  });

  test('go to leaves only', () => {
    const shop = new Workshop();
    shop.queue('org');
    shop.queue('research', { parent: 'org' as QueueName });
    expect(refusal(() => shop.submit({ queue: 'org' as QueueName })).message).toContain('only leaves take work');
  });
});

describe('nodes', () => {
  test('keep place and generation of their GPUs; one that is gone is lost, one that is new comes last', () => {
    const shop = new Workshop();
    const id = shop.node('n1', 3);
    const report = nodeReport(id, 'n1', 4);
    const [first, , ...rest] = report.inventory.gpus;
    const gpus = first === undefined ? [] : [...rest, first];
    shop.change((draft) => registerNode(draft, { ...report, inventory: { ...report.inventory, gpus } }, shop.nowMs));
    expect(shop.state.node(id)?.gpus.map(({ uuid, index, health }) => `${uuid} ${index} ${health}`)).toEqual([
      'GPU-n1-0 0 healthy',
      'GPU-n1-1 1 lost',
      'GPU-n1-2 2 healthy',
      'GPU-n1-3 3 healthy',
    ]);
  });

  test("never share a GPU: what one has is no other one's, until it is gone there", () => {
    const shop = new Workshop();
    const first = shop.node('n1', 1);
    const twin = { ...nodeReport('node-twin' as NodeId, 'n2', 1), inventory: nodeReport(first, 'n1', 1).inventory };
    const register = () => shop.change((draft) => registerNode(draft, twin, shop.nowMs));
    register();
    const health = () => [...shop.state.nodes.values()].map(({ gpus }) => gpus[0]?.health);
    expect(health()).toEqual(['healthy', 'quarantined']);
    shop.node('n1', 1);
    expect(health()).toEqual(['healthy', 'quarantined']);
    shop.node('n1', 0);
    register();
    expect(health()).toEqual(['lost', 'healthy']);
  });

  test('a name belongs to one node', () => {
    const shop = new Workshop();
    shop.node('n1', 1);
    const other = nodeReport('node-other' as NodeId, 'n1', 1);
    expect(refusal(() => shop.change((draft) => registerNode(draft, other, 0))).reason).toBe('NODE_NAME_TAKEN');
  });

  test('are cordoned by name, with a reason', () => {
    const shop = new Workshop();
    shop.node('h100-01', 1);
    expect(shop.run(cordonNode('h100-01', true, 'fan swap'))).toMatchObject({
      cordoned: true,
      cordonReason: 'fan swap',
    });
    expect(shop.run(cordonNode('h100-01', false, ''))).toMatchObject({ cordoned: false, cordonReason: '' });
    expect(refusal(() => shop.run(cordonNode('h100-02', true, ''))).message).toContain('Did you mean "h100-01"?');
  });
});

describe('retention', () => {
  const retention = { finishedMs: 1_000, finishedCount: 100, requestMs: 5_000, requestCount: 1_000 };

  test('keeps live work and request ids of kept work for ever, lets the rest go in time', () => {
    const shop = new Workshop();
    shop.queue('research');
    shop.run(submit(submission([{ name: 'done' }], 'alice/done')));
    shop.run(submit(submission([{ name: 'waits' }], 'alice/waits')));
    shop.run(cancel(['done'], '', 'alice'));
    shop.nowMs += 2_000;
    shop.run(sweep(retention, new Keeping(shop.state)));
    expect([...shop.state.workloads.values()].map(({ spec }) => spec.name)).toEqual(['waits']);
    expect([...shop.state.requests.keys()]).toEqual(['alice/done', 'alice/waits']);
    // A very late repetition is refused: neither run again, nor the end of the daemon.
    const repeated = submit(submission([{ name: 'done' }], 'alice/done'));
    expect(refusal(() => shop.run(repeated)).reason).toBe('REQUEST_LONG_DONE');
    shop.nowMs += 10_000;
    shop.run(sweep(retention, new Keeping(shop.state)));
    expect([...shop.state.requests.keys()]).toEqual(['alice/waits']);
  });

  test('keeps at most so many finished ones, the newest', () => {
    const shop = new Workshop();
    shop.queue('research');
    for (const name of ['a', 'b', 'c']) shop.submit({ name });
    shop.run(cancel(['a', 'b', 'c'], '', 'alice'));
    shop.run(sweep({ ...retention, finishedCount: 2 }, new Keeping(shop.state)));
    expect([...shop.state.workloads.values()].map(({ spec }) => spec.name)).toEqual(['b', 'c']);
  });
});
