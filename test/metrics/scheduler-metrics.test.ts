// What a scrape shows after work was placed, taken back, moved on and stopped; and that the manual lists all of it.
import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { present } from '../../common/assert.js';
import type { NodeId, QueueName } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { createMaintenance } from '../../scheduler/control/commands/maintenance.js';
import { deleteQueue, updateQueue } from '../../scheduler/control/commands/queues.js';
import { hold, requeue } from '../../scheduler/control/commands/steering.js';
import { welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { registerCompanyMetrics } from '../../scheduler/metrics/company-metrics.js';
import { textOf } from '../../scheduler/metrics/http-server.js';
import { QueueTime } from '../../scheduler/metrics/queue-time.js';
import { nodeReport } from '../control/workshop.js';
import { expandBraces } from '../dashboards/metric-names.js';
import { NODE, observed } from './observed.js';

describe('what queues count', () => {
  test('is what they wasted, and goes with them', async () => {
    const { queue, submit: send, obey, samples, clock, loop, metrics, state } = await observed(1);
    for (const name of ['gone', 'stays']) await queue(name);
    const [work] = await send('gone', {});
    await obey();
    await clock.advance(60_000);
    await loop.execute(requeue([String(work?.number)], '', 'alice', true));
    await obey(0);
    expect(await samples('sluice_queue_wasted_gpu_seconds_total')).toEqual(['{queue="gone",kind="lost"} 60']);
    await loop.execute(cancel([String(work?.number)], '', 'alice'));
    await obey();
    await expect.poll(() => [...state.workloads.values()].every(({ endedMs }) => endedMs !== null)).toBe(true);
    await send('stays', {});
    expect(await metrics.registry.metrics()).toContain('="gone"');
    await loop.execute(deleteQueue('gone'));
    await expect.poll(() => metrics.registry.metrics()).not.toContain('="gone"');
    expect(await samples('sluice_workloads_submitted_total')).toEqual(['{queue="stays",type="batch"} 1']);
    expect((await samples('sluice_workload_wait_seconds')).join()).not.toContain('"gone"');
  });
});

describe('what the engine did', () => {
  test('counts who was told to stop for whom, and what became of the promise', async () => {
    const { queue, submit: send, obey, samples } = await observed(2);
    await queue('owner', { guaranteeGpus: 2 });
    await queue('borrower');
    await send('borrower', {}, {});
    await obey();
    await send('owner', { gpusPerTask: 2 });
    expect(await samples('sluice_preemptions_total')).toEqual([
      '{victim_queue="borrower",by_queue="owner",reason="reclaimed"} 2',
    ]);
    expect(await samples('sluice_tasks_stopped_total')).toEqual(['{queue="borrower",reason="reclaimed"} 2']);
    expect(await samples('sluice_claims')).toEqual(['{queue="owner"} 1']);
    expect(await samples('sluice_scheduler_searches_total')).toContain('{outcome="found"} 1');
    await obey();
    expect(await samples('sluice_claims_total')).toEqual([
      '{queue="owner",event="made"} 1',
      '{queue="owner",event="kept"} 1',
    ]);
    expect(await samples('sluice_claims')).toEqual([]);
    expect(await samples('sluice_scheduler_decisions_total')).toEqual([
      '{action="bind"} 3',
      '{action="evict"} 2',
      '{action="claim"} 1',
    ]);
  });

  test('counts a promise that cannot be kept', async () => {
    const { queue, submit: send, loop, samples, obey } = await observed(1);
    await queue('owner', { guaranteeGpus: 1 });
    await queue('borrower');
    await send('borrower', {});
    await obey();
    await send('owner', {});
    loop.setLiveness({ node: NODE, liveness: 'down' });
    await expect.poll(() => samples('sluice_claims_total')).toContain('{queue="owner",event="dropped"} 1');
  });

  test('counts a move, as a stop and as a promise', async () => {
    const { queue, submit: send, loop, samples, state, obey } = await observed(2);
    const second = 'node-n2' as NodeId;
    await queue('research', { guaranteeGpus: 4 });
    await loop.execute(welcomeNode(nodeReport(second, 'n2', 2), []));
    const [, gone] = await send('research', {}, {});
    loop.setLiveness({ node: second, liveness: 'ready' });
    await send('research', {});
    expect([state.heldOn(NODE).length, state.heldOn(second).length]).toEqual([2, 1]);
    await loop.execute(cancel([String(gone?.number)], '', 'alice'));
    await obey();
    await send('research', { gpusPerTask: 2 });
    expect(await samples('sluice_moves_total')).toEqual(['{queue="research"} 1']);
    expect(await samples('sluice_tasks_stopped_total')).toContain('{queue="research",reason="moved"} 1');
    expect(await samples('sluice_claims_total')).toEqual(['{queue="research",event="made"} 2']);
  });

  test('counts what control stops: a time limit and a maintenance', async () => {
    const { clock, loop, queue, submit: send, obey, samples } = await observed(2);
    await queue('research', { guaranteeGpus: 2 });
    await send('research', { timeLimitMs: 60_000 }, {});
    await obey();
    await clock.advance(61_000);
    await expect
      .poll(() => samples('sluice_tasks_stopped_total'))
      .toEqual(['{queue="research",reason="time_limit"} 1']);
    await obey();
    const startMs = clock.wallMs() + 60_000;
    await loop.execute(
      createMaintenance({ nodes: ['n1'], startMs, durationMs: 60_000, everyMs: null, reason: 'new fans' }),
    );
    await clock.advance(61_000);
    await expect
      .poll(() => samples('sluice_tasks_stopped_total'))
      .toContain('{queue="research",reason="maintenance"} 1');
  });

  test('measures each step, and counts those that a time woke', async () => {
    const { clock, loop, queue, submit: send, obey, samples } = await observed(1);
    await queue('owner', { guaranteeGpus: 1 });
    await queue('borrower', { reclaimMinRuntimeMs: 60_000 });
    await send('borrower', {});
    await obey();
    await send('owner', {});
    expect(await samples('sluice_preemptions_total')).toEqual([]);
    expect(await samples('sluice_scheduler_timed_wakeups_total')).toEqual([' 0']);
    await clock.advance(60_001);
    await expect.poll(() => samples('sluice_scheduler_timed_wakeups_total')).toEqual([' 1']);
    expect(await samples('sluice_preemptions_total')).toHaveLength(1);
    let steps = 0;
    loop.onTurn((figures) => (steps += figures.steps.length));
    const countOf = async (): Promise<number> =>
      Number(
        (await samples('sluice_scheduler_step_duration_seconds'))
          .find((line) => line.startsWith('_count'))
          ?.split(' ')[1],
      );
    const before = await countOf();
    await obey();
    expect(steps).toBeGreaterThan(0);
    expect(await countOf()).toBe(before + steps);
  });
});

describe('what there is', () => {
  test('tells GPUs held in parts from whole ones', async () => {
    const { queue, submit: send, samples } = await observed(3);
    await queue('research', { guaranteeGpus: 3 });
    const half = { request: { gpuMilli: 500, gpus: 1 } };
    await send('research', half, half, half, {});
    const model = 'NVIDIA H100 80GB HBM3';
    expect(await samples('sluice_gpus_held')).toEqual([`{pool="default",model="${model}"} 2.5`]);
    expect(await samples('sluice_gpus_shared')).toEqual([`{pool="default",model="${model}",kind="share"} 2`]);
  });

  test('counts as owed what waits for room within a guarantee, and nothing else', async () => {
    const { loop, queue, submit: send, samples } = await observed(4);
    await queue('above', { guaranteeGpus: 4 });
    await queue('owner', { guaranteeGpus: 3, parent: 'above' as QueueName });
    await queue('other');
    await queue('fixed', { guaranteeGpus: 4 });
    const owed = async (): Promise<string> =>
      (await samples('sluice_queue_owed_workloads'))
        .toSorted()
        .join(' ')
        .replaceAll(/[{}"]|queue=/g, '');
    const unmet = async (): Promise<string> =>
      (await samples('sluice_queue_unmet_guarantee_gpus')).find((line) => line.includes('owner')) ?? '';
    const end = (word: string): Promise<unknown> => loop.execute(cancel([word], '', 'alice'));
    // It holds all GPUs, within its guarantee, and is not to be taken back.
    await send('fixed', { gpusPerTask: 4, preemptible: false });
    await send('other', {}, {});
    expect(await owed()).toBe('above 0 fixed 0 other 0 owner 0');
    // More than it is guaranteed, and than those above it.
    await send('owner', { name: 'large', tasks: 2, gpusPerTask: 4 });
    expect(await unmet()).toContain(' 3');
    expect(await owed()).toBe('above 0 fixed 0 other 0 owner 0');
    await end('large');
    await send('owner', { name: 'wide', tasks: 4 });
    expect(await unmet()).toContain(' 3');
    expect(await owed()).toBe('above 1 fixed 0 other 0 owner 0');
    await end('wide');
    await send('owner', { name: 'pair', tasks: 2 });
    await loop.execute(updateQueue('owner', { userLimitGpus: 1 }, false));
    expect(await unmet()).toContain(' 2');
    expect(await owed()).toBe('above 0 fixed 0 other 0 owner 0');
    await loop.execute(updateQueue('owner', { userLimitGpus: null }, false));
    expect(await owed()).toBe('above 1 fixed 0 other 0 owner 1');
    await send('owner', {}, {});
    expect(await owed()).toBe('above 3 fixed 0 other 0 owner 3');
  });

  test('counts pending workloads by what they wait for, equal ones and others', async () => {
    const { clock, loop, queue, submit: send, samples } = await observed(2);
    await queue('research', { guaranteeGpus: 2, limitGpus: 2 });
    await queue('batch');
    await send('research', { gpusPerTask: 2 }, {}, {}, {});
    const [held] = await send('batch', {}, {});
    await loop.execute(hold([String(held?.number)], '', 'alice'));
    const counts = 'sluice_workloads_pending';
    expect(await samples(counts)).toEqual([
      '{queue="research",reason="QUEUE_LIMIT"} 3',
      '{queue="batch",reason="HELD"} 1',
      '{queue="batch",reason="RESOURCES"} 1',
    ]);
    expect((await samples('sluice_workloads')).toSorted()).toEqual([
      '{queue="batch",state="pending"} 2',
      '{queue="research",state="pending"} 3',
      '{queue="research",state="starting"} 1',
    ]);
    await queue('maintained');
    await loop.execute(welcomeNode(nodeReport('node-n2' as NodeId, 'n2', 2), []));
    loop.setLiveness({ node: 'node-n2' as NodeId, liveness: 'ready' });
    await clock.advance(1_000);
    const startMs = clock.wallMs() + 60_000;
    await loop.execute(
      createMaintenance({ nodes: ['n2'], startMs, durationMs: 60_000, everyMs: null, reason: 'new fans' }),
    );
    await send('maintained', {});
    expect(await samples(counts)).toContain('{queue="maintained",reason="MAINTENANCE"} 1');
  });

  test('shows CPU and memory of queues where they are ruled, and only there', async () => {
    const { queue, submit: send, samples } = await observed(1);
    await queue('research', { guaranteeGpus: 1 });
    await send('research', { request: { cpuMilli: 1_500, memoryMib: 512 } });
    for (const unit of ['cpu_cores', 'memory_bytes']) {
      for (const figure of ['guaranteed', 'limit', 'allocated', 'requested', 'fair_share']) {
        expect(await samples(`sluice_queue_${figure}_${unit}`)).toEqual([]);
      }
    }
    await queue('batch', { guaranteeCpuMilli: 2_000, limitCpuMilli: 4_500 });
    expect(await samples('sluice_queue_guaranteed_cpu_cores')).toEqual(['{queue="batch"} 2']);
    expect(await samples('sluice_queue_limit_cpu_cores')).toEqual(['{queue="batch"} 4.5']);
    expect(await samples('sluice_queue_allocated_cpu_cores')).toEqual(['{queue="batch"} 0', '{queue="research"} 1.5']);
    expect(await samples('sluice_queue_fair_share_cpu_cores')).toContain('{queue="research"} 1.5');
    expect(await samples('sluice_queue_allocated_memory_bytes')).toEqual([]);
    await queue('large', { guaranteeMemoryMib: 1_024 });
    expect(await samples('sluice_queue_guaranteed_memory_bytes')).toEqual([`{queue="large"} ${1024 ** 3}`]);
    expect(await samples('sluice_queue_allocated_memory_bytes')).toContain(`{queue="research"} ${512 * 1024 ** 2}`);
  });
});

describe('who stands by', () => {
  const card = (address: string) => ({ id: address, address, sinceMs: 0 });

  test.each([
    ['two do', true, [card('a:1'), card('b:1')], ['sluice_standbys 2']],
    ['nobody does', true, [], ['sluice_standbys 0']],
    ['it is not known', true, null, []],
    ['nobody can', false, [], []],
  ])('is counted where it is known and can be: %s', async (_, isShared, standbys, expected) => {
    const registry = new Registry();
    registerCompanyMetrics(registry, { address: 'c:1', isShared, standbys: () => standbys });
    const shown = async () => (await registry.metrics()).split('\n').filter((line) => line.startsWith('sluice_'));
    expect(await shown()).toEqual(expected);
    expect(await shown()).toEqual(expected);
  });
});

describe('the list of metrics', () => {
  /** What a label may be: a number of values that does not grow with the work. */
  const BOUNDED = ['action', 'by_queue', 'code', 'event', 'kind', 'le', 'method', 'model', 'node_version', 'outcome'];
  const ALSO_BOUNDED = [
    'xid',
    'invariant',
    'node',
    'of',
    'parent',
    'phase',
    'pool',
    'queue',
    'reason',
    'shape',
    'simulated',
    'state',
    'type',
    'version',
    'victim_queue',
  ];

  test('has bounded labels only', async () => {
    const { metrics } = await observed(1);
    const used = (await metrics.registry.getMetricsAsJSON())
      .filter(({ name }) => name.startsWith('sluice_'))
      .flatMap(({ name, values }) => {
        const { labelNames } = metrics.registry.getSingleMetric(name) as unknown as { readonly labelNames: string[] };
        return [...labelNames, ...values.flatMap(({ labels }) => Object.keys(labels))];
      });
    expect([...new Set(used)].filter((label) => ![...BOUNDED, ...ALSO_BOUNDED].includes(label))).toEqual([]);
    expect(used).toContain('victim_queue');
  });

  test('stands in the manual, all of it and nothing else', async () => {
    const { metrics } = await observed(1);
    const manual = readFileSync('docs/administration.md', 'utf8');
    const documented = [...manual.matchAll(/`(sluice_[a-z_{},]+)`/g)].flatMap(([, name]) =>
      // Braces at the end are labels.
      expandBraces(present(name, 'name', 'matched').replace(/\{[a-z_,]*\}$/, '')),
    );
    const known = (await metrics.registry.getMetricsAsJSON())
      .map(({ name }) => name)
      .filter((n) => n.startsWith('sluice_'));
    expect([...new Set(documented)].toSorted()).toEqual(known.toSorted());
  });
});

describe('a scrape', () => {
  test('of a daemon whose commit hangs tells all that does not need the state, above all that it is stuck', async () => {
    const { metrics, store, queue } = await observed(1);
    const names = (text: string): string => text.replaceAll(/^(?!#)(\S+) \S+$/gm, '$1');
    expect(names(await textOf(metrics.registry, 10_000))).toBe(names(await metrics.registry.metrics()));
    store.isHeld = true;
    const stuck = queue('late');
    await expect.poll(() => store.held.length).toBe(1);
    const waits = queue('later');
    const text = await textOf(metrics.registry, 50);
    expect(text).toMatch(/^sluice_scheduler_commands_waiting 1$/m);
    expect(text).toMatch(/^sluice_scheduler_last_cycle_timestamp_seconds \S+$/m);
    expect(text).not.toMatch(/^sluice_queue_info/m);
    store.isHeld = false;
    for (const flush of store.held.splice(0)) flush.resolve();
    await Promise.all([stuck, waits]);
    expect(await textOf(metrics.registry, 1_000)).toContain('sluice_queue_info{queue="later"');
  });
});

describe('GPU time of queues', () => {
  test('is told guaranteed and borrowed apart, as accounting divides it, and adds up between changes', async () => {
    const { queue, submit: send, obey, samples, clock, loop } = await observed(4);
    await queue('top', { guaranteeGpus: 2 });
    await queue('a', { guaranteeGpus: 1, parent: 'top' as QueueName });
    await queue('b', { parent: 'top' as QueueName });
    await clock.advance(1_000);
    // Both kinds are there before anything is used, so that the first use is an increase; what is above holds nothing itself.
    expect(await samples('sluice_queue_gpu_seconds_total')).toEqual([
      '{queue="a",kind="guaranteed"} 0',
      '{queue="a",kind="borrowed"} 0',
      '{queue="b",kind="guaranteed"} 0',
      '{queue="b",kind="borrowed"} 0',
    ]);
    const [first] = await send('a', {}, {}, {});
    await obey();
    await clock.advance(60_000);
    expect((await samples('sluice_queue_gpu_seconds_total')).slice(0, 2)).toEqual([
      '{queue="a",kind="guaranteed"} 60',
      '{queue="a",kind="borrowed"} 120',
    ]);
    // One of those that borrowed has the guarantee now.
    await loop.execute(cancel([String(first?.number)], '', 'alice'));
    await obey();
    await clock.advance(10_000);
    const [guaranteed, borrowed] = await samples('sluice_queue_gpu_seconds_total');
    expect([guaranteed, borrowed]).toEqual(['{queue="a",kind="guaranteed"} 70', '{queue="a",kind="borrowed"} 130']);
    await loop.execute(updateQueue('a', { guaranteeGpus: 2 }, false));
    await clock.advance(10_000);
    expect((await samples('sluice_queue_gpu_seconds_total')).slice(0, 2)).toEqual([
      '{queue="a",kind="guaranteed"} 90',
      '{queue="a",kind="borrowed"} 130',
    ]);
  });

  test('begins at nothing with another daemon, goes on by what is held then, and never goes down', async () => {
    const { queue, submit: send, obey, clock, state } = await observed(2);
    await queue('q', { guaranteeGpus: 1 });
    await send('q', {}, {});
    await obey();
    await clock.advance(60_000);
    const sums = { guaranteed: 0, borrowed: 0 };
    const next = new QueueTime(state, clock.monotonicMs(), (_queue, guaranteed, borrowed) => {
      expect(Math.min(guaranteed, borrowed)).toBeGreaterThanOrEqual(0);
      sums.guaranteed += guaranteed;
      sums.borrowed += borrowed;
    });
    next.settle(clock.monotonicMs() + 5_000);
    expect(sums).toEqual({ guaranteed: 5_000, borrowed: 5_000 });
  });
});

describe('budgets', () => {
  test('show what is used, where people are warned, whether borrowing is stopped, and until when', async () => {
    const { queue, submit: send, obey, samples, clock, loop } = await observed(4);
    clock.jump(Date.UTC(2026, 10, 10));
    const budget = { amount: 2, unit: 'gpu_hours', period: 'month', warnAt: [0.5, 1], notify: [] } as const;
    await queue('free');
    await queue('q', { guaranteeGpus: 1, budget: { ...budget, whenSpent: 'stop_borrowing' } });
    await send('q', {}, {});
    await obey();
    expect(await samples('sluice_queue_budget_used_ratio')).toEqual(['{queue="q"} 0']);
    await clock.advance(1_800_000);
    expect(await samples('sluice_queue_budget_used_ratio')).toEqual(['{queue="q"} 0.5']);
    expect(await samples('sluice_queue_budget_warn_ratio')).toEqual(['{queue="q"} 0.5']);
    expect(await samples('sluice_queue_budget_stops_borrowing')).toEqual(['{queue="q"} 0']);
    expect(await samples('sluice_queue_budget_spent')).toEqual(['{queue="q"} 0']);
    const [end] = await samples('sluice_queue_budget_end_timestamp_seconds');
    expect(end).toBe(`{queue="q"} ${Date.UTC(2026, 11, 1) / 1_000}`);
    await clock.advance(1_800_000);
    expect(await samples('sluice_queue_budget_stops_borrowing')).toEqual(['{queue="q"} 1']);
    expect(await samples('sluice_queue_budget_spent')).toEqual(['{queue="q"} 1']);
    await loop.execute(updateQueue('q', { budget: null }, false));
    expect(await samples('sluice_queue_budget_used_ratio')).toEqual([]);
  });
});
