// Accepts workloads: one or many in one step, all or none, at most once per request id.
import { status } from '@grpc/grpc-js';
import { ApiError, type FieldViolation } from '../../../common/errors.js';
import type { QueueName, WorkloadNumber } from '../../../common/ids.js';
import { plural } from '../../../common/units.js';
import { isTerminal } from '../../model/cluster-state.js';
import type { Draft } from '../../model/draft.js';
import { gateAtSubmit } from '../../model/gate.js';
import { withEvent } from '../../model/lifecycle.js';
import { newWorkload } from '../../model/new-workload.js';
import {
  META_KEY,
  workloadKey,
  type Dependency,
  type RequestRecord,
  type Workload,
  type WorkloadSpec,
} from '../../model/records.js';
import type { Command, CommandContext } from '../command.js';
import { invalid, notFound } from '../refusals.js';
import { checkQuotas } from './quota.js';
import { MIN_REQUEST_COUNT } from './retention.js';
import { whyUnsatisfiable } from './unsatisfiable.js';

/** Pending workloads one queue may hold. */
export const MAX_PENDING_PER_QUEUE = 1_000_000;

/** An array as it is asked for: so many equal workloads, of which at most `concurrency` run at once (0 = no cap). */
export interface ArrayRequest {
  readonly size: number;
  readonly concurrency: number;
  readonly firstIndex: number;
}

/** A spec as it is asked for. One that asks for an array becomes so many workloads when it is accepted. */
export interface AskedSpec extends WorkloadSpec {
  readonly asArray?: ArrayRequest;
}

export interface Submission {
  /** `principal/request_id`; null when the client gave none. */
  readonly requestKey: string | null;
  /** SHA-256 of the canonical body. */
  readonly digest: string;
  readonly owner: string;
  readonly specs: readonly AskedSpec[];
  readonly validateOnly: boolean;
  /** The client's span; absent = it told none. */
  readonly traceParent?: string;
}

/**
 * The command that accepts a submission and answers with the workloads, old or new.
 * @param maxRequests how many request ids are remembered at most
 */
export function submit(submission: Submission, maxRequests = MIN_REQUEST_COUNT): Command<readonly Workload[]> {
  return {
    name: 'submit',
    whenSpace: 'ample',
    run: (draft, context) => {
      const earlier = repeated(draft, submission);
      if (earlier !== null && earlier.partial === null) return earlier.workloads;
      check(draft, submission.specs);
      if (submission.validateOnly) return [];
      if (submission.requestKey !== null && earlier === null) {
        checkRoomForRequest(draft.base.requests.size, maxRequests);
      }
      return accept(draft, submission, context, earlier);
    },
  };
}

/** What a request made before; `partial` set = only so much of it is known, the rest went with a history that was lost. */
interface Earlier {
  readonly workloads: readonly Workload[];
  readonly partial: RequestRecord['partial'] | null;
}

/** The first answer, when this request was seen before. */
function repeated(draft: Draft, { requestKey, digest }: Submission): Earlier | null {
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
  const workloads = request.workloads.map((number) => {
    const workload = draft.get('workloads', workloadKey(number));
    if (workload === undefined) throw longDone(requestKey, number);
    return workload;
  });
  return { workloads, partial: request.partial ?? null };
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

/** Everything that depends on the cluster: the queue takes work, what is waited for is there, a known node could run a task. */
function check(draft: Draft, specs: readonly AskedSpec[]): void {
  // Equal parts of specs are mostly one object (see SharedParts); where they are not it is only looked at once more.
  const checked = new Map<AskedSpec['roles'], readonly AskedSpec[]>();
  specs.forEach((spec, index) => {
    const path = `specs[${index}]`;
    checkDependencies(draft, spec, path);
    const alike = checked.get(spec.roles) ?? [];
    const { queue, topology, preemptible } = spec;
    if (alike.some((one) => one.queue === queue && one.topology === topology && one.preemptible === preemptible))
      return;
    checked.set(spec.roles, [...alike, spec]);
    checkQueue(draft, spec, path);
    checkQuotas(draft.base, spec, nameOf(spec));
    const violations = whyUnsatisfiable(draft.base, spec, path);
    if (violations.length > 0) throw unsatisfiable(spec, violations);
  });
  checkRoom(draft, specs);
}

function checkQueue(draft: Draft, spec: WorkloadSpec, path: string): void {
  const { base } = draft;
  if (base.queue(spec.queue) === undefined) throw notFound('queue', spec.queue, base.queues.keys());
  const children = base.childrenOf(spec.queue);
  if (children.length > 0) {
    const names = children.map(({ name }) => name).join(', ');
    throw invalid([
      {
        field: `${path}.queue`,
        description: `queue "${spec.queue}" has queues below it (${names}); only leaves take work`,
      },
    ]);
  }
}

/** Counts what each queue would hold with all workloads of the request, those of arrays included. */
function checkRoom(draft: Draft, specs: readonly AskedSpec[]): void {
  const added = new Map<QueueName, number>();
  for (const { queue, asArray } of specs) added.set(queue, (added.get(queue) ?? 0) + (asArray?.size ?? 1));
  for (const [queue, workloads] of added) {
    const unfinished = draft.base.unfinishedIn(queue);
    if (unfinished + workloads <= MAX_PENDING_PER_QUEUE) continue;
    throw new ApiError({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'QUEUE_FULL',
      message:
        `queue "${queue}" holds ${plural(unfinished, 'unfinished workload')} and takes ${MAX_PENDING_PER_QUEUE}; ` +
        `there is no room for ${workloads} more`,
    });
  }
}

/** Numbers only grow, so a workload can only wait for one that was accepted before, and no cycle can come about. */
function checkDependencies(draft: Draft, { dependencies }: WorkloadSpec, path: string): void {
  const last = draft.meta.lastWorkload;
  dependencies.forEach(({ workload: number, condition }, index) => {
    const field = `${path}.dependencies[${index}].workload`;
    if (number > last) {
      const newest = last === 0 ? 'none was accepted yet' : `the newest is ${last}`;
      const description = `workload ${number} is not there (${newest}); only what was accepted before can be waited for, so neither itself nor a later one`;
      throw invalid([{ field, description }]);
    }
    const awaited = draft.get('workloads', workloadKey(number));
    // What is not kept any more has ended; how, nobody knows.
    if (awaited === undefined && condition !== 'ended') throw forgotten(field, number, condition);
    if (awaited !== undefined && canNeverBe(awaited, condition)) throw neverMet(field, awaited, condition);
  });
}

/** An id that is forgotten early is a workload that runs twice, so a new one is refused rather than an old one forgotten. */
function checkRoomForRequest(remembered: number, maxRequests: number): void {
  if (remembered < maxRequests) return;
  throw new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'REQUEST_IDS_FULL',
    message:
      `${remembered} request ids are remembered, as many as there is room for, and none may be forgotten yet: each is kept for ` +
      '7 days and as long as its workloads\n' +
      'Submit many workloads with one request_id, or raise retention.request_count of the scheduler.',
    metadata: { remembered: String(remembered), limit: String(maxRequests) },
  });
}

function canNeverBe({ state, startedMs }: Workload, condition: Dependency['condition']): boolean {
  if (!isTerminal(state)) return false;
  switch (condition) {
    case 'succeeded':
    case 'failed':
      return state !== condition;
    case 'started':
      return startedMs === null;
    case 'ended':
      return false;
  }
}

function forgotten(field: string, number: WorkloadNumber, condition: Dependency['condition']): ApiError {
  const description =
    `workload ${number} has ended and its record is no longer kept, so nobody can say whether it has ${condition}; ` +
    'leave it out, or wait only for its end';
  return new ApiError({
    code: status.NOT_FOUND,
    reason: 'WORKLOAD_NOT_FOUND',
    message: `${field}: ${description}`,
    fields: [{ field, description }],
    metadata: { workload: String(number) },
  });
}

function neverMet(field: string, awaited: Workload, condition: Dependency['condition']): ApiError {
  const { number, state, spec } = awaited;
  const was = state === 'cancelled' ? 'was cancelled' : `has ${state}`;
  const description = `workload ${number} (${spec.name}) ${was}, so it can never have ${condition}; this would wait for ever`;
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'DEPENDENCY_NEVER_MET',
    message: `${field}: ${description}\nLeave it out, or wait for another workload.`,
    fields: [{ field, description }],
    metadata: { workload: String(number), condition },
  });
}

function unsatisfiable(spec: WorkloadSpec, violations: readonly FieldViolation[]): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'UNSATISFIABLE',
    message: `${nameOf(spec)} can run on no known node: ${violations[0]?.description}`,
    fields: violations,
  });
}

function nameOf({ name, kind }: WorkloadSpec): string {
  return name === '' ? `the ${kind} workload` : `"${name}"`;
}

/** Every workload's spec, arrays expanded; the first gets the number `first`, the others those that follow. */
function expandArrays(asked: readonly AskedSpec[], first: number): readonly WorkloadSpec[] {
  const specs: WorkloadSpec[] = [];
  for (const { asArray, ...spec } of asked) {
    if (asArray === undefined) {
      specs.push(spec);
      continue;
    }
    const { size, concurrency, firstIndex } = asArray;
    const of = (first + specs.length) as WorkloadNumber;
    // Without a name of their own they share one, as they do with one.
    const name = spec.name === '' ? `${spec.kind}-${of}` : spec.name;
    for (let place = 0; place < size; place += 1) {
      specs.push({ ...spec, name, array: { of, index: firstIndex + place, size, concurrency } });
    }
  }
  return specs;
}

function accept(
  draft: Draft,
  submission: Submission,
  { nowMs, newUlid }: CommandContext,
  earlier: Earlier | null,
): readonly Workload[] {
  const { requestKey, digest, owner, traceParent } = submission;
  const specs = expandArrays(submission.specs, draft.meta.lastWorkload + 1);
  const known = knownPlaces(earlier);
  const firstOf = firstNumbers(specs, known);
  let last: number = draft.meta.lastWorkload;
  const workloads = specs.map((spec, place) => {
    const found = known.get(place);
    if (found !== undefined) return found;
    last += 1;
    const { array } = spec;
    const of = array === null ? undefined : firstOf.get(array.of);
    const placed = array === null || of === undefined ? spec : { ...spec, array: { ...array, of } };
    const workload = pending(placed, last as WorkloadNumber, newUlid(nowMs), owner, requestKey, nowMs);
    return traceParent === undefined ? workload : { ...workload, traceParent };
  });
  const accepted = workloads.filter((_, place) => !known.has(place));
  for (const workload of accepted) draft.putWorkload(workload);
  draft.put('meta', META_KEY, { ...draft.meta, lastWorkload: last });
  if (requestKey !== null) {
    const numbers = workloads.map(({ number }) => number);
    draft.put('requests', requestKey, { key: requestKey, digest, workloads: numbers, timeMs: nowMs });
  }
  return workloads;
}

/** The workloads that a repeated request finds, by their place in it. */
function knownPlaces(earlier: Earlier | null): ReadonlyMap<number, Workload> {
  const places = earlier?.partial?.places ?? [];
  return new Map((earlier?.workloads ?? []).map((workload, at) => [places[at] ?? at, workload]));
}

/** What is made anew of an array whose other workloads are known belongs to the same array: the first number it had, by that it would have. */
function firstNumbers(
  specs: readonly WorkloadSpec[],
  known: ReadonlyMap<number, Workload>,
): ReadonlyMap<WorkloadNumber, WorkloadNumber> {
  const firsts = new Map<WorkloadNumber, WorkloadNumber>();
  for (const [place, { spec }] of known) {
    const would = specs[place]?.array;
    if (would && spec.array !== null) firsts.set(would.of, spec.array.of);
  }
  return firsts;
}

function pending(
  spec: WorkloadSpec,
  number: WorkloadNumber,
  uid: string,
  owner: string,
  requestKey: string | null,
  nowMs: number,
): Workload {
  const workload = newWorkload({
    number,
    uid,
    spec: spec.name === '' ? { ...spec, name: `${spec.kind}-${number}` } : spec,
    owner,
    requestKey,
    gate: gateAtSubmit(spec),
    submittedMs: nowMs,
  });
  return withEvent(workload, nowMs, 'submitted', `by ${owner} to queue ${spec.queue}`);
}
