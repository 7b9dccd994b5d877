// PlanService on a control loop with everything real but the disk: what it bounds, refuses and leaves alone.
import type * as grpc from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../common/clock.js';
import { systemClock } from '../../common/clock.js';
import { ApiError, fromServiceError } from '../../common/errors.js';
import { createLogger } from '../../common/log.js';
import type { NodeId } from '../../common/ids.js';
import { toTimestamp } from '../../common/units.js';
import type { PlanQueueChangeRequest__Output } from '../../proto/gen/sluice/v1/PlanQueueChangeRequest.js';
import type { PlanWorkloadRequest__Output } from '../../proto/gen/sluice/v1/PlanWorkloadRequest.js';
import { sluice } from '../../common/proto.js';
import { Handlers } from '../../scheduler/api/handlers.js';
import { MAX_PLANNED, MAX_WAITING_PLANS, planService } from '../../scheduler/api/plan-service.js';
import { NO_NOTICES } from '../../scheduler/api/notice-service.js';
import type { ServiceDependencies } from '../../scheduler/api/server.js';
import { registerNode } from '../../scheduler/control/commands/nodes.js';
import type { Command } from '../../scheduler/control/command.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import type { Prices } from '../../scheduler/model/prices.js';
import { loopOn, queue } from '../control/loop-on.js';
import { nodeReport, type SpecFields, submission } from '../control/workshop.js';

type Service = 'PlanWorkload' | 'PlanQueueChange';

/** A loop with a node of four GPUs and the queue "research", and the service on it, called as gRPC calls it. */
async function planner(clock: Clock = systemClock) {
  const world = await loopOn(undefined, clock);
  const { loop } = world;
  const register: Command<unknown> = {
    name: 'register',
    whenSpace: 'ample',
    run: (draft, { nowMs }) => registerNode(draft, nodeReport('n1' as NodeId, 'n1', 4), nowMs),
  };
  await loop.execute(register);
  loop.setLiveness({ node: 'n1' as NodeId, liveness: 'ready' });
  await loop.execute(queue('research'));
  const log = createLogger({ level: 'silent', name: 'test' });
  const principal = { name: 'alice', kind: 'user' as const, node: null };
  const handlers = new Handlers({
    authenticator: { authenticate: () => principal } as never,
    clock,
    log,
    observe: () => undefined,
  });
  const prices: Prices = { currency: 'EUR', ofModels: [{ word: '*', perGpuHour: 2 }] };
  const notices = { ...NO_NOTICES, whyNot: (to: string) => (to === 'ops' ? null : 'is no place to tell') };
  const deps = { loop, clock, maxGraceMs: 60_000, prices, notices };
  const service = planService(handlers, deps as unknown as ServiceDependencies);

  /** Sends a request over the wire's own form, so that every default is filled in. */
  const call = <Response>(method: Service, request: object): Promise<Response> => {
    const { requestSerialize, requestDeserialize } = sluice.PlanService.service[method];
    const sent = requestDeserialize(requestSerialize(request as never));
    return new Promise((resolve, reject) => {
      const handle = service[method] as grpc.handleUnaryCall<unknown, Response>;
      const unary = { request: sent, metadata: {}, getPeer: () => 'test' } as unknown as grpc.ServerUnaryCall<
        unknown,
        Response
      >;
      handle(unary, (error, response) =>
        error ? reject(new ApiError(fromServiceError(error as grpc.ServiceError))) : resolve(response as Response),
      );
    });
  };
  const planWorkload = (...specs: object[]) =>
    call<{ workloads: { number: number; start: string; reason: string; estimate: string; startTime: unknown }[] }>(
      'PlanWorkload',
      { specs } satisfies Partial<Record<keyof PlanWorkloadRequest__Output, unknown>>,
    );
  const planQueue = (request: Partial<Record<keyof PlanQueueChangeRequest__Output, unknown>>) =>
    call<{ queues: object[]; complete: boolean; displacedWorkloads: number }>('PlanQueueChange', request);
  const run = (...specs: SpecFields[]) => loop.execute(submit(submission(specs)));
  return { ...world, planWorkload, planQueue, run };
}

const wanted = { queue: 'research', command: { argv: ['true'] }, resources: { gpus: 2 } };

/** A clock of which so many milliseconds pass at each look. */
function slowClock(stepMs: () => number): Clock {
  let monotonicMs = 0;
  return {
    ...systemClock,
    after: (_, callback) => systemClock.after(0, callback),
    monotonicMs: () => (monotonicMs += stepMs()),
  };
}

describe('a plan', () => {
  it('changes nothing: no record, no revision, no number', async () => {
    const { loop, state, planWorkload, planQueue } = await planner();
    const [{ revision }, workloads, queues] = [loop.position, [...state.workloads], [...state.queues]];
    const plan = await planWorkload(wanted, wanted, wanted);
    expect(plan).toMatchObject({
      revision,
      workloads: [
        { number: 1, name: 'batch-1', queue: 'research', start: 'PLANNED_START_NOW', reason: '', estimate: '' },
        { number: 2, start: 'PLANNED_START_NOW', placements: [{ node: 'n1', gpuIndices: [2, 3], gpuShare: 1 }] },
        { number: 3, start: 'PLANNED_START_UNKNOWN', estimate: 'unknown: 2 running workloads have no time limit' },
      ],
    });
    await planQueue({ create: { name: 'new', guaranteeGpus: 2 } });
    await planQueue({
      update: { queue: { name: 'research', guaranteeGpus: 4 }, updateMask: { paths: ['guarantee_gpus'] } },
    });
    await planQueue({ delete: 'research' });
    expect([loop.position.revision, [...state.workloads], [...state.queues]]).toEqual([revision, workloads, queues]);
  });

  it('tells what a change would make of the parts of the cluster that a queue names', async () => {
    const { planQueue, run } = await planner();
    await run({ gpusPerTask: 2 });
    const plan = await planQueue({
      update: {
        queue: { name: 'research', scopes: [{ pool: 'default', guaranteeGpus: 3 }] },
        updateMask: { paths: ['scopes'] },
      },
    });
    expect(plan.queues).toEqual([
      expect.objectContaining({
        queue: 'research',
        // What it held there before nobody counted.
        scopes: [
          {
            pool: 'default',
            gpuModel: '',
            fairShareGpusAfter: 2,
            allocatedGpusAfter: 2,
            unmetGuaranteeGpusAfter: 0,
          },
        ],
      }),
    ]);
  });

  it('promises no time while nothing is placed, and says why', async () => {
    const { loop, planWorkload, planQueue } = await planner();
    loop.holdEngine('agents are asked what they run');
    expect((await planWorkload(wanted)).workloads).toMatchObject([
      {
        start: 'PLANNED_START_UNKNOWN',
        startTime: null,
        estimate: 'unknown: nothing is placed at present: agents are asked what they run',
      },
    ]);
    expect(await planQueue({ create: { name: 'new' } })).toMatchObject({
      warnings: [expect.stringContaining('nothing is placed at present: agents are asked what they run;') as string],
    });
    loop.holdEngine(null);
    expect((await planWorkload(wanted)).workloads).toMatchObject([{ start: 'PLANNED_START_NOW' }]);
    expect(await planQueue({ create: { name: 'new' } })).toMatchObject({ warnings: [] });
  });

  it('knows the prices and the places of notices of its cluster, as the change itself would', async () => {
    const { planQueue } = await planner();
    const budgetOf = (to: string) => ({
      budget: { amount: 100, unit: 'BUDGET_UNIT_COST', period: 'BUDGET_PERIOD_MONTH', notify: [to] },
    });
    const create = (to: string) => planQueue({ create: { name: 'new', ...budgetOf(to) } });
    const update = (to: string) =>
      planQueue({ update: { queue: { name: 'research', ...budgetOf(to) }, updateMask: { paths: ['budget'] } } });
    for (const plan of [create, update]) {
      await expect(plan('ops')).resolves.toMatchObject({ complete: true });
      await expect(plan('nobody')).rejects.toThrow(/budget.notify\[0\]: is no place to tell/);
    }
  });

  it('is refused as the same command would be', async () => {
    const { planWorkload, planQueue, run } = await planner();
    await run({ gpusPerTask: 1 });
    const refusals: [Promise<unknown>, keyof typeof status, RegExp][] = [
      [planWorkload(), 'INVALID_ARGUMENT', /specs: at least one/],
      [planWorkload({ ...wanted, name: 'Bad_Name' }), 'INVALID_ARGUMENT', /specs\[0\]\.name/],
      [planWorkload({ ...wanted, queue: 'reserach' }), 'NOT_FOUND', /Did you mean "research"/],
      [planWorkload({ ...wanted, resources: { gpus: 5 } }), 'FAILED_PRECONDITION', /no known node/],
      [planWorkload(...Array.from({ length: MAX_PLANNED + 1 }, () => wanted)), 'INVALID_ARGUMENT', /at most 100/],
      [planQueue({}), 'INVALID_ARGUMENT', /change: is required/],
      [planQueue({ update: { queue: { name: 'research' } } }), 'INVALID_ARGUMENT', /update_mask/],
      [planQueue({ delete: 'research' }), 'FAILED_PRECONDITION', /in use: 1 workload/],
      [planQueue({ create: { name: 'x', parent: 'nowhere' } }), 'NOT_FOUND', /nowhere/],
    ];
    for (const [call, code, message] of refusals) {
      await expect(call).rejects.toMatchObject({
        code: status[code],
        message: expect.stringMatching(message) as string,
      });
    }
  });

  it('gives the time by which running work must have ended', async () => {
    const { planWorkload, run, state } = await planner();
    await run({ gpusPerTask: 4, timeLimitMs: 600_000, graceMs: 30_000 });
    const { workloads } = await planWorkload(wanted);
    const [allocation] = [...state.allocations.values()];
    expect(workloads).toMatchObject([
      {
        start: 'PLANNED_START_LATER',
        reason: 'RESOURCES',
        startTime: toTimestamp((allocation?.placedMs ?? 0) + 630_000),
      },
    ]);
  });

  it('ends when its time is over, and says so after some tries', async () => {
    let stepMs = 0;
    const { planWorkload, planQueue, fatal } = await planner(slowClock(() => stepMs));
    stepMs = 60;
    expect(await planWorkload(wanted)).toMatchObject({
      workloads: [{ start: 'PLANNED_START_NOT_FOUND', estimate: 'not found within the budget of a plan' }],
    });
    expect(await planQueue({ create: { name: 'new' } })).toMatchObject({ complete: false });
    stepMs = 0;
    expect(await planWorkload(wanted)).toMatchObject({ workloads: [{ start: 'PLANNED_START_NOW' }] });
    expect(fatal).toEqual([]);
  });

  it('waits for its turn in a line of bounded length', async () => {
    const { planWorkload } = await planner();
    const calls = Array.from({ length: MAX_WAITING_PLANS + 1 }, () => planWorkload(wanted));
    const answers = await Promise.allSettled(calls);
    expect(answers.filter((each) => each.status === 'fulfilled')).toHaveLength(MAX_WAITING_PLANS);
    expect(answers.at(-1)).toMatchObject({ reason: { code: status.RESOURCE_EXHAUSTED, reason: 'TOO_MANY_PLANS' } });
    await expect(planWorkload(wanted)).resolves.toBeDefined();
  });
});
