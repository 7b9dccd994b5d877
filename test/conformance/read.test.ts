// The border of conformance files: what is taken, and what is said of what is not.
import { describe, expect, test } from 'vitest';
import { readScenarios } from '../../simulator/conformance/scenario.js';

const PLAIN = {
  id: 'plain',
  family: 'allocate',
  kind: 'one_action',
  nodes: [{ name: 'node0', gpus: 1, gpu_memory_mib: 100, cpus: 8, memory_bytes: 1_000 }],
  queues: [{ name: 'queue0', quota_gpus: 1, over_quota_weight: 1 }],
  jobs: [{ name: 'job', queue: 'queue0', priority: 50, min_tasks: 1, tasks: [{ state: 'pending' }] }],
  expect: { jobs: { job: { status: 'pending' } } },
};

const [plainJob] = PLAIN.jobs;

function faultOf(value: unknown): string {
  const [read] = readScenarios(JSON.stringify([value]));
  return read && 'fault' in read ? `${read.id}: ${read.fault}` : 'none';
}

describe('a file of scenarios', () => {
  test('that is no JSON is refused as a whole', () => {
    expect(() => readScenarios('{"id": ')).toThrow(/^it is not JSON: /);
  });

  test('that is no array is refused as a whole', () => {
    expect(() => readScenarios(JSON.stringify(PLAIN))).toThrow('it holds no JSON array of scenarios');
  });

  test('fills in what the format leaves out', () => {
    const [read] = readScenarios(JSON.stringify([PLAIN]));
    expect(read).toMatchObject({
      id: 'plain',
      scenario: {
        queues: [{ priority: 100, limit_gpus: -1, quota_cpu_millis: -1, quota_memory_bytes: -1 }],
        jobs: [{ gpus_per_task: 0, fraction_devices_per_task: 1, best_effort: false, deleted_when_evicted: false }],
      },
    });
  });

  test('says of one scenario what is wrong with it and takes the others', () => {
    const read = readScenarios(JSON.stringify([{ ...PLAIN, id: 'bad', kind: 'twice' }, PLAIN, PLAIN]));
    expect(read.map((each) => ('fault' in each ? `${each.id} ${each.fault}` : each.id))).toEqual([
      'bad kind: Invalid option: expected one of "steady"|"one_action"',
      'plain',
      'plain an earlier scenario has the same id',
    ]);
  });
});

describe('a scenario is refused', () => {
  test.each<[string, object, string]>([
    ['a field nobody knows', { jobs: [{ ...plainJob, gpu: 1 }] }, 'plain: jobs.0: Unrecognized key: "gpu"'],
    ['a quota below nothing', { queues: [{ name: 'queue0', quota_gpus: -2 }] }, 'plain: queues.0.quota_gpus: '],
    ['a status nobody knows', { expect: { jobs: { job: { status: 'gone' } } } }, 'plain: expect.jobs.job.status: '],
    [
      'a queue that is not there',
      { jobs: [{ ...plainJob, queue: 'q' }] },
      'plain: job job is in queue q, which is not',
    ],
    [
      'an unknown parent',
      { queues: [{ ...PLAIN.queues[0], parent: 'p' }] },
      'plain: queue queue0 is below p, which is',
    ],
    [
      'a task that runs nowhere',
      { jobs: [{ ...plainJob, tasks: [{ state: 'running' }] }] },
      'plain: task job-0 is running on no node',
    ],
    [
      'a task on an unknown node',
      { jobs: [{ ...plainJob, tasks: [{ state: 'running', node: 'n' }] }] },
      'plain: task job-0 is on node n, which is not there',
    ],
    [
      'an expectation of no job',
      { expect: { jobs: { j: { status: 'running' } } } },
      'plain: expect.jobs names j, which',
    ],
    [
      'an expectation of no task',
      { expect: { tasks: { 'job-1': { status: 'running' } } } },
      'plain: expect.tasks names job-1, which',
    ],
    ['two jobs of one name', { jobs: [plainJob, plainJob] }, 'plain: two jobs are named job'],
    ['a steady scenario without rounds', { kind: 'steady' }, 'plain: rounds: a steady scenario says how many'],
  ])('for %s', (_, change, message) => {
    expect(faultOf({ ...PLAIN, ...change })).toContain(message);
  });

  test('under its place when it has no id', () => {
    expect(faultOf({})).toMatch(/^scenario 1: id: /);
  });
});
