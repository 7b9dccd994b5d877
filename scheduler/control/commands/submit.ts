// Accepts workloads: one or many in one step, all or none, at most once per request id.
import { status } from '@grpc/grpc-js';
import { ApiError, type FieldViolation } from '../../../common/errors.js';
import type { WorkloadNumber } from '../../../common/ids.js';
import { plural } from '../../../common/units.js';
import { matchesModel } from '../../model/gpu-model.js';
import type { Draft } from '../../model/draft.js';
import { withEvent } from '../../model/lifecycle.js';
import {
  type ClusterNode,
  type Role,
  META_KEY,
  workloadKey,
  type Workload,
  type WorkloadSpec,
} from '../../model/records.js';
import type { Command, CommandContext } from '../command.js';
import { invalid, notFound } from '../refusals.js';
import { gpusOfGang } from '../../model/requests.js';

/** Pending workloads one queue may hold. */
export const MAX_PENDING_PER_QUEUE = 1_000_000;

export interface Submission {
  /** `principal/request_id`; null when the client gave none. */
  readonly requestKey: string | null;
  /** SHA-256 of the canonical body. */
  readonly digest: string;
  readonly owner: string;
  readonly specs: readonly WorkloadSpec[];
  readonly validateOnly: boolean;
}

/** The command that accepts a submission and answers with the workloads, old or new. */
export function submit(submission: Submission): Command<readonly Workload[]> {
  return {
    name: 'submit',
    whenSpace: 'ample',
    run: (draft, context) => {
      const earlier = repeated(draft, submission);
      if (earlier !== null) return earlier;
      check(draft, submission.specs);
      if (submission.validateOnly) return [];
      return accept(draft, submission, context);
    },
  };
}

/** The first answer, when this request was seen before. */
function repeated(draft: Draft, { requestKey, digest }: Submission): readonly Workload[] | null {
  if (requestKey === null) return null;
  const request = draft.get('requests', requestKey);
  if (request === undefined) return null;
  if (request.digest !== digest) {
    throw new ApiError({
      code: status.ALREADY_EXISTS,
      reason: 'REQUEST_ID_REUSED',
      message:
        `request_id was used before with another body (it made ${plural(request.workloads.length, 'workload')}, ` +
        `first ${request.workloads[0]})\nUse a new request_id for a new request.`,
      metadata: { request: requestKey, workload: String(request.workloads[0]) },
    });
  }
  return request.workloads.map((number) => {
    const workload = draft.get('workloads', workloadKey(number));
    if (workload === undefined) throw longDone(requestKey, number);
    return workload;
  });
}

/** The record of what this request made is let go after its time, the request's id is kept for longer. */
function longDone(requestKey: string, number: WorkloadNumber): ApiError {
  return new ApiError({
    code: status.ALREADY_EXISTS,
    reason: 'REQUEST_LONG_DONE',
    message:
      `request_id was used before: it made workload ${number}, which has ended and whose record is no longer kept\n` +
      'Use a new request_id for a new request.',
    metadata: { request: requestKey, workload: String(number) },
  });
}

/** Everything that depends on the cluster: the queue takes work, and some known node could ever run a task. */
function check(draft: Draft, specs: readonly WorkloadSpec[]): void {
  const checked = new Set<string>();
  specs.forEach((spec, index) => {
    const same = JSON.stringify([spec.queue, spec.roles, spec.preemptible]);
    if (checked.has(same)) return;
    checked.add(same);
    checkQueue(draft, spec, index);
    checkSize(draft, spec, index);
  });
}

function checkQueue(draft: Draft, spec: WorkloadSpec, index: number): void {
  const { base } = draft;
  const field = `specs[${index}].queue`;
  if (base.queue(spec.queue) === undefined) throw notFound('queue', spec.queue, base.queues.keys());
  const children = base.childrenOf(spec.queue);
  if (children.length > 0) {
    const names = children.map(({ name }) => name).join(', ');
    throw invalid([
      { field, description: `queue "${spec.queue}" has queues below it (${names}); only leaves take work` },
    ]);
  }
  if (base.unfinishedIn(spec.queue) >= MAX_PENDING_PER_QUEUE) {
    throw new ApiError({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'QUEUE_FULL',
      message: `queue "${spec.queue}" holds ${MAX_PENDING_PER_QUEUE} unfinished workloads, the most it may`,
    });
  }
  const gpus = gpusOfGang(spec);
  for (let name: string | null = spec.queue; name !== null;) {
    const queue = base.queue(name);
    if (queue === undefined) break;
    const bound = spec.preemptible ? queue.limitGpus : Math.min(queue.guaranteeGpus, queue.limitGpus ?? Infinity);
    if (bound !== null && gpus > bound) throw beyondQuota(spec, gpus, queue.name, bound, bound === queue.limitGpus);
    name = queue.parent;
  }
}

function beyondQuota(spec: WorkloadSpec, gpus: number, queue: string, bound: number, isLimit: boolean): ApiError {
  const what = isLimit ? `limit of ${plural(bound, 'GPU')}` : `guarantee of ${plural(bound, 'GPU')}`;
  const why = isLimit ? '' : ' and work that is not preemptible must stay within it';
  const message =
    `${nameOf(spec)} asks for ${plural(gpus, 'GPU')}, but queue "${queue}" has a ${what}${why}; it could never start\n` +
    `Ask for fewer GPUs, or have the ${isLimit ? 'limit' : 'guarantee'} raised: ` +
    `sluice queue update ${queue} --${isLimit ? 'limit' : 'guarantee'} ${gpus}`;
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'QUOTA_LIMIT_EXCEEDED',
    message,
    quotas: [{ subject: `queue/${queue}`, description: `${what}; ${gpus} asked for` }],
    metadata: { queue, asked: String(gpus), bound: String(bound) },
  });
}

/** Nodes come and go, so only what no known node could ever hold is refused, and nothing while no node is known. */
function checkSize(draft: Draft, spec: WorkloadSpec, index: number): void {
  const nodes = [...draft.base.nodes.values()];
  if (nodes.length === 0) return;
  const violations = spec.roles.flatMap((role) => whyNowhere(nodes, role, `specs[${index}].resources`) ?? []);
  if (violations.length === 0) return;
  throw new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'UNSATISFIABLE',
    message: `${nameOf(spec)} can run on no known node: ${violations[0]?.description}`,
    fields: violations,
  });
}

function whyNowhere(nodes: readonly ClusterNode[], { request, rules }: Role, field: string): FieldViolation | null {
  const inPool = nodes.filter(({ pool }) => rules.pool === '' || pool === rules.pool);
  if (inPool.length === 0) {
    const pools = [...new Set(nodes.map(({ pool }) => pool))].toSorted().join(', ');
    return { field: `${field}.pool`, description: `no pool is called "${rules.pool}" (there are: ${pools})` };
  }
  if (request.gpus === 0) return null;
  const matching = inPool.map(({ name, gpus }) => ({
    name,
    count: gpus.filter(({ model }) => rules.models.length === 0 || rules.models.some((one) => matchesModel(model, one)))
      .length,
  }));
  const largest = matching.reduce((best, node) => (node.count > best.count ? node : best));
  if (largest.count === 0) {
    const models = [...new Set(inPool.flatMap(({ gpus }) => gpus.map(({ model }) => model)))].toSorted().join(', ');
    const asked = rules.models.map((model) => `"${model}"`).join(' or ');
    return {
      field: `${field}.gpu_model`,
      description: `no known node has a GPU${asked === '' ? '' : ` of model ${asked}`} (there are: ${models || 'none'})`,
    };
  }
  if (request.migProfile !== '' || request.gpus <= largest.count) return null;
  return {
    field: `${field}.gpus`,
    description:
      `${plural(request.gpus, 'GPU')} per task, but the largest node (${largest.name}) ` +
      `has ${largest.count}; use more tasks with fewer GPUs each`,
  };
}

function nameOf({ name, kind }: WorkloadSpec): string {
  return name === '' ? `the ${kind} workload` : `"${name}"`;
}

function accept(draft: Draft, submission: Submission, { nowMs, newUlid }: CommandContext): readonly Workload[] {
  const first = draft.meta.lastWorkload + 1;
  const accepted = submission.specs.map((spec, index) => {
    const number = (first + index) as WorkloadNumber;
    const workload: Workload = {
      number,
      uid: newUlid(nowMs),
      spec: spec.name === '' ? { ...spec, name: `${spec.kind}-${number}` } : spec,
      owner: submission.owner,
      state: 'pending',
      message: '',
      attempt: 0,
      allocations: [],
      pastAllocations: [],
      claim: null,
      checkpoint: null,
      afterStop: null,
      requeues: 0,
      retries: 0,
      hold: null,
      notBeforeMs: 0,
      gate: null,
      deadline: null,
      falseStarts: 0,
      lostGpuMs: 0,
      gpuMs: 0,
      submittedMs: nowMs,
      startedMs: null,
      endedMs: null,
      events: [],
    };
    return withEvent(workload, nowMs, 'submitted', `by ${submission.owner} to queue ${spec.queue}`);
  });
  for (const workload of accepted) draft.putWorkload(workload);
  draft.put('meta', META_KEY, { ...draft.meta, lastWorkload: first + accepted.length - 1 });
  if (submission.requestKey !== null) {
    draft.put('requests', submission.requestKey, {
      key: submission.requestKey,
      digest: submission.digest,
      workloads: accepted.map(({ number }) => number),
      timeMs: nowMs,
    });
  }
  return accepted;
}
