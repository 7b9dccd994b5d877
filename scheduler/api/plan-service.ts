// PlanService: what would follow from a submission or from a change of a queue. A plan is a read between two turns of the
// one writer, bounded in work and time, one at a time; the commands it supposes are those that would be sent.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import { toDuration, toTimestamp } from '../../common/units.js';
import type { DisplacedWorkload } from '../../proto/gen/sluice/v1/DisplacedWorkload.js';
import type { PlannedPlacement } from '../../proto/gen/sluice/v1/PlannedPlacement.js';
import type { PlannedScopeShare } from '../../proto/gen/sluice/v1/PlannedScopeShare.js';
import type { PlannedQueueShare } from '../../proto/gen/sluice/v1/PlannedQueueShare.js';
import type { PlannedWorkload as PlannedWorkloadMessage } from '../../proto/gen/sluice/v1/PlannedWorkload.js';
import type { PlanQueueChangeRequest__Output } from '../../proto/gen/sluice/v1/PlanQueueChangeRequest.js';
import type { PlanQueueChangeResponse } from '../../proto/gen/sluice/v1/PlanQueueChangeResponse.js';
import type { PlanServiceHandlers } from '../../proto/gen/sluice/v1/PlanService.js';
import type { PlanWorkloadResponse } from '../../proto/gen/sluice/v1/PlanWorkloadResponse.js';
import type { Command, CommandContext } from '../control/command.js';
import { carryOut } from '../control/commands/carry-out.js';
import { createQueue, deleteQueue, updateQueue } from '../control/commands/queues.js';
import { submit, type Submission } from '../control/commands/submit.js';
import type { ControlLoop } from '../control/loop.js';
import { invalid } from '../control/refusals.js';
import type { QueueShare, ScopeShare } from '../engine/decisions.js';
import type { Displaced } from '../engine/displaced.js';
import {
  planQueueChange,
  type PlannedStart,
  type PlannedWorkload,
  planWorkloads,
  type QueuePlan,
} from '../engine/plan.js';
import type { ClusterView } from '../engine/view.js';
import type { WhatIfMeans } from '../engine/what-if.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Placement, Workload } from '../model/records.js';
import { gpusOfGang, toGpus } from '../model/requests.js';
import { STOP_REASON_TO_PROTO } from '../model/wire-names.js';
import type { Handlers } from './handlers.js';
import { NO_NOTICES } from './notice-service.js';
import { type BudgetSurroundings, budgetSurroundings } from './parse-budget.js';
import { parseQueue, parseQueuePatch } from './parse-queue.js';
import { parentsFirst } from './queue-service.js';
import type { ServiceDependencies } from './server.js';
import { parseSpecs } from './validate.js';

/** Workloads that one request may plan; each member of an array counts. */
export const MAX_PLANNED = 100;
/** Entries of each list of an answer. */
export const MAX_LISTED = 1_000;
/** Plans that may wait for their turn. */
export const MAX_WAITING_PLANS = 64;
/** Work units of one plan: ten turns' worth of the engine. */
const PLAN_WORK_UNITS = 200_000;
/** How long one plan may keep the daemon from everything else. */
const PLAN_SLICE_MS = 50;
/** A plan that found the engine busy with other work is tried so often, … */
const PLAN_TRIES = 4;
/** … and so long after each other. */
const PLAN_PAUSE_MS = 250;

/** Reads as of one moment: state, view and revision. */
type Plan<T> = (state: ReadableState, view: ClusterView, means: WhatIfMeans, context: CommandContext) => T;

/** The handlers of PlanService. */
export function planService(handlers: Handlers, deps: ServiceDependencies): PlanServiceHandlers {
  const plans = new Plans(deps);
  const surroundings = budgetSurroundings(deps.notices ?? NO_NOTICES, deps.prices);
  return {
    PlanWorkload: handlers.unary('PlanWorkload', async (request, principal) => {
      const specs = parseSpecs(request.specs, deps.maxGraceMs);
      tooMany(specs.length);
      const submission = { requestKey: null, digest: '', owner: principal.name, specs, validateOnly: false };
      return plans.run(
        (state, view, means, context) => planned(state, view, means, submission, context),
        (answer) => answer.complete,
        ({ response }, revision): PlanWorkloadResponse => ({ ...atRest(response, deps.loop.restsBecause), revision }),
      );
    }),

    PlanQueueChange: handlers.unary('PlanQueueChange', async (request) => {
      const { name, command } = commandOf(request, surroundings);
      return plans.run(
        (state, view, means, context) => {
          let warnings: readonly string[] = [];
          const plan = planQueueChange(view, state, means, (draft) => {
            warnings = command.run(draft, context)?.warnings ?? [];
          });
          const rests = deps.loop.restsBecause;
          if (rests !== null)
            warnings = [...warnings, `${sayRest(rests)}; what is told here follows once that is over`];
          return { complete: plan.complete, response: queuePlanToProto(state, name, plan, warnings) };
        },
        (answer) => answer.complete,
        ({ response }, revision): PlanQueueChangeResponse => ({ ...response, revision }),
      );
    }),
  };
}

function planned(
  state: ReadableState,
  view: ClusterView,
  means: WhatIfMeans,
  submission: Submission,
  context: CommandContext,
): { readonly complete: boolean; readonly response: PlanWorkloadResponse } {
  const plan = planWorkloads(view, state, means, (draft) => {
    const accepted = submit(submission).run(draft, context);
    tooMany(accepted.length);
    return accepted.map(({ number }) => number);
  });
  return {
    complete: plan.complete,
    response: {
      workloads: plan.workloads.map((workload) => workloadToProto(state, workload)),
      displaced: plan.displaced.slice(0, MAX_LISTED).map((victim) => displacedToProto(state, victim)),
      displacedWorkloads: plan.displaced.length,
    },
  };
}

function sayRest(why: string): string {
  return `nothing is placed at present: ${why}`;
}

/** While nothing is placed the engine's times are nobody's: what would start does not before that is over. */
function atRest(response: PlanWorkloadResponse, restsBecause: string | null): PlanWorkloadResponse {
  if (restsBecause === null) return response;
  const workloads = (response.workloads ?? []).map((workload): PlannedWorkloadMessage => {
    if (!('startTime' in workload) || workload.startTime === null) return workload;
    const estimate = `unknown: ${sayRest(restsBecause)}`;
    return { ...workload, start: 'PLANNED_START_UNKNOWN', startTime: null, estimate };
  });
  return { ...response, workloads };
}

function tooMany(count: number): void {
  if (count <= MAX_PLANNED) return;
  const description = `${count} workloads are too many for one plan; at most ${MAX_PLANNED}`;
  throw invalid([{ field: 'specs', description }]);
}

/** The command that would be sent, and the queue it is about. */
function commandOf(
  request: PlanQueueChangeRequest__Output,
  surroundings: BudgetSurroundings,
): {
  readonly name: string;
  readonly command: Command<{ readonly warnings: readonly string[] } | void>;
} {
  if (request.create) {
    const queue = parseQueue(request.create, surroundings);
    return { name: queue.name, command: createQueue(queue, false) };
  }
  if (request.update) {
    const { queue, updateMask } = request.update;
    const name = queue?.name ?? '';
    const patch = parseQueuePatch(queue, updateMask?.paths ?? [], surroundings);
    return { name, command: updateQueue(name, patch, false) };
  }
  if (request.delete !== undefined && request.delete !== '') {
    return { name: request.delete, command: deleteQueue(request.delete) };
  }
  throw invalid([{ field: 'change', description: 'is required: create, update or delete' }]);
}

/** Runs plans one after the other, each in the pause between two turns of the one writer. */
class Plans {
  readonly #loop: ControlLoop;
  readonly #clock: ServiceDependencies['clock'];
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ loop, clock }: ServiceDependencies) {
    this.#loop = loop;
    this.#clock = clock;
  }

  /**
   * Runs a plan, again if it was cut short, and answers with what it last found.
   * @throws ApiError as the plan throws it; RESOURCE_EXHAUSTED when too many plans wait
   */
  run<T, Response>(
    plan: Plan<T>,
    isComplete: (found: T) => boolean,
    answer: (found: T, revision: number) => Response,
  ): Promise<Response> {
    if (this.#waiting >= MAX_WAITING_PLANS) return Promise.reject(overloaded());
    this.#waiting += 1;
    const attempts = async (): Promise<Response> => {
      try {
        for (let tries = 1; ; tries++) {
          const { found, revision } = await this.#once(plan);
          if (isComplete(found) || tries === PLAN_TRIES) return answer(found, revision);
          await new Promise<void>((resolve) => void this.#clock.after(PLAN_PAUSE_MS, resolve));
        }
      } finally {
        this.#waiting -= 1;
      }
    };
    const result = this.#last.then(attempts);
    // Whoever asked hears of a failure; the next one only waits for its end.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #once<T>(plan: Plan<T>): Promise<{ readonly found: T; readonly revision: number }> {
    try {
      return await this.#loop.read((state, view, { revision }) => {
        const nowMs = this.#clock.wallMs();
        const endMs = this.#clock.monotonicMs() + PLAN_SLICE_MS;
        let ulids = 0;
        const newUlid = (): string => `SUPPOSED-${++ulids}`;
        const means: WhatIfMeans = {
          nowMs,
          carryOut: (draft, decision) => carryOut(draft, decision, { nowMs, newUlid }),
          workUnits: PLAN_WORK_UNITS,
          mayGoOn: () => this.#clock.monotonicMs() < endMs,
        };
        return { found: plan(state, view, means, { nowMs, newUlid }), revision };
      });
    } catch (error) {
      // A defect may have left the view with half a supposition in it: wrong is worse than down.
      if (!(error instanceof ApiError)) void this.#loop.execute(failing(error));
      throw error;
    } finally {
      // The engine has been made to look again at what the plan woke.
      this.#loop.wakeEngine();
    }
  }
}

/** Stops the daemon as a defect in any command does. */
function failing(error: unknown): Command<never> {
  return {
    name: 'plan',
    whenSpace: 'critical',
    run: () => {
      throw error;
    },
  };
}

function overloaded(): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'TOO_MANY_PLANS',
    message: `${MAX_WAITING_PLANS} plans wait for their turn already\nTry again in a moment.`,
  });
}

// --- answers ---

const START_TO_PROTO = {
  now: 'PLANNED_START_NOW',
  after_victims: 'PLANNED_START_AFTER_VICTIMS',
  later: 'PLANNED_START_LATER',
  unknown: 'PLANNED_START_UNKNOWN',
  never: 'PLANNED_START_NEVER',
  not_found: 'PLANNED_START_NOT_FOUND',
} as const satisfies Record<PlannedStart['type'], string>;

function workloadToProto(state: ReadableState, planned: PlannedWorkload): PlannedWorkloadMessage {
  const { workload, start, placements, explanation } = planned;
  const waits = start.type !== 'now';
  return {
    ...namesOf(workload),
    start: START_TO_PROTO[start.type],
    startTime: 'byMs' in start ? toTimestamp(start.byMs) : null,
    placements: placements.map((placement) => placementToProto(state, placement)),
    reason: waits ? (explanation?.reason ?? '') : '',
    summary: waits ? (explanation?.summary ?? '') : '',
    lines: waits ? (explanation?.lines ?? []).map(({ title, text }) => ({ title, text })) : [],
    estimate: estimateOf(start),
  };
}

function estimateOf(start: PlannedStart): string {
  switch (start.type) {
    case 'now':
      return '';
    case 'after_victims':
      return 'at the latest when the grace of all that leave is over';
    case 'later':
      return 'at the latest, by the time limits of running work and if nothing else is submitted';
    case 'unknown':
      return `unknown: ${start.why}`;
    case 'never':
      return 'never with the nodes that are known';
    case 'not_found':
      return 'not found within the budget of a plan';
  }
}

function namesOf({ number, spec }: Workload): {
  readonly number: number;
  readonly name: string;
  readonly queue: string;
} {
  return { number, name: spec.name, queue: spec.queue };
}

function placementToProto(state: ReadableState, { task, node, gpus, parts, instances }: Placement): PlannedPlacement {
  return {
    task,
    node: state.node(node)?.name ?? node,
    gpuIndices: [...gpus],
    gpuShare: gpus.length === 0 ? 0 : toGpus(parts),
    migInstances: [...instances],
  };
}

function displacedToProto(state: ReadableState, victim: Displaced): DisplacedWorkload {
  return {
    ...namesOf(victim.workload),
    gpus: victim.gpus,
    reason: STOP_REASON_TO_PROTO[victim.reason],
    message: victim.message,
    forWorkload: victim.forWorkload ?? 0,
    grace: toDuration(victim.graceMs),
    runTime: toDuration(victim.ranMs),
    lostTime: toDuration(victim.lostMs),
    lostGpuTime: toDuration(victim.lostGpuMs),
    hasCheckpoint: victim.hasCheckpoint,
    goesOn: victim.goesOn,
    later: victim.later,
    restarts: victim.restarts.map((placement) => placementToProto(state, placement)),
  };
}

function queuePlanToProto(
  state: ReadableState,
  name: string,
  plan: QueuePlan,
  warnings: readonly string[],
): PlanQueueChangeResponse {
  return {
    queues: sharesToProto(state, name, plan),
    displaced: plan.displaced.slice(0, MAX_LISTED).map((victim) => displacedToProto(state, victim)),
    started: plan.started.slice(0, MAX_LISTED).map(({ workload, placements, afterVictims }) => ({
      ...namesOf(workload),
      gpus: gpusOfGang(workload.spec),
      placements: placements.map((placement) => placementToProto(state, placement)),
      afterVictims,
    })),
    pending: plan.pending.slice(0, MAX_LISTED).map(({ workload, before, after }) => ({
      ...namesOf(workload),
      reasonBefore: before ?? '',
      reasonAfter: after.reason,
      summary: after.summary,
    })),
    displacedWorkloads: plan.displaced.length,
    startedWorkloads: plan.started.length,
    warnings: [...warnings],
    complete: plan.complete,
  };
}

/** Queues of which a figure changes, and the one that was asked about: parents first, a new one at the end. */
function sharesToProto(state: ReadableState, name: string, { before, after }: QueuePlan): PlannedQueueShare[] {
  const [old, fresh] = [before, after].map((shares) => new Map(shares.map((share) => [share.queue as string, share])));
  const known = [...parentsFirst(state, null)].map((queue) => queue.name as string);
  return [...new Set([...known, name])].flatMap((queue) => {
    const [was, is] = [old?.get(queue), fresh?.get(queue)];
    const scopes = scopesToProto(was?.scopes ?? [], is?.scopes ?? []);
    const figures = figuresToProto(was, is);
    return isChanged(figures) || scopes.length > 0 || queue === name ? [{ queue, ...figures, scopes }] : [];
  });
}

/** Parts of the cluster of which a figure changes; of a side on which the queue does not name a part nothing is said. */
function scopesToProto(before: readonly ScopeShare[], after: readonly ScopeShare[]): PlannedScopeShare[] {
  const keyOf = ({ pool, model }: ScopeShare): string => JSON.stringify([pool, model]);
  const [old, fresh] = [before, after].map((shares) => new Map(shares.map((share) => [keyOf(share), share])));
  return [...new Set([...before, ...after].map(keyOf))].flatMap((key) => {
    const [was, is] = [old?.get(key), fresh?.get(key)];
    const { pool = '', model = '' } = is ?? was ?? {};
    const figures = figuresToProto(was, is);
    if (was !== undefined && is !== undefined && !isChanged(figures)) return [];
    const isSaid = ([name]: [string, number]): boolean => (name.endsWith('Before') ? was : is) !== undefined;
    return [{ pool, gpuModel: model, ...Object.fromEntries(Object.entries(figures).filter(isSaid)) }];
  });
}

type Figures = Pick<QueueShare, 'fairShareGpus' | 'allocatedGpus' | 'unmetGuaranteeGpus'>;

/** Without the change and with it; who is not there has nothing. */
function figuresToProto(was: Figures | undefined, is: Figures | undefined): PlannedFigures {
  return {
    fairShareGpusBefore: was?.fairShareGpus ?? 0,
    fairShareGpusAfter: is?.fairShareGpus ?? 0,
    allocatedGpusBefore: was?.allocatedGpus ?? 0,
    allocatedGpusAfter: is?.allocatedGpus ?? 0,
    unmetGuaranteeGpusBefore: was?.unmetGuaranteeGpus ?? 0,
    unmetGuaranteeGpusAfter: is?.unmetGuaranteeGpus ?? 0,
  };
}

type PlannedFigures = Record<
  | 'fairShareGpusBefore'
  | 'fairShareGpusAfter'
  | 'allocatedGpusBefore'
  | 'allocatedGpusAfter'
  | 'unmetGuaranteeGpusBefore'
  | 'unmetGuaranteeGpusAfter',
  number
>;

function isChanged(figures: PlannedFigures): boolean {
  return (
    figures.fairShareGpusBefore !== figures.fairShareGpusAfter ||
    figures.allocatedGpusBefore !== figures.allocatedGpusAfter ||
    figures.unmetGuaranteeGpusBefore !== figures.unmetGuaranteeGpusAfter
  );
}
