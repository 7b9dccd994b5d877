// What an agent keeps of a workload beside its task: enough to go on with it when the scheduler's own history is lost. Plain
// text to the agent. It comes back from other machines and other versions, so it is read without trust.
import type { WorkloadNumber } from '../../common/ids.js';
import type { ReadableState } from './cluster-state.js';
import type { Workload, WorkloadSpec } from './records.js';

/** A workload as it was when one of its tasks was placed. */
export interface Origin {
  readonly number: WorkloadNumber;
  readonly uid: string;
  readonly owner: string;
  readonly submittedMs: number;
  readonly spec: WorkloadSpec;
  /** The request that made it; null = the client gave no id. */
  readonly request: OriginRequest | null;
}

export interface OriginRequest {
  readonly key: string;
  readonly digest: string;
  /** The workload's place among the `count` that the request made. */
  readonly place: number;
  readonly count: number;
}

/** The version of the text; another one is not read. */
const VERSION = 1;

/** Specs are shared by equal workloads and never change, so each is written out once. */
const written = new WeakMap<WorkloadSpec, string>();

/** The text for a workload's agents. */
export function writeOrigin({ requests }: Pick<ReadableState, 'requests'>, workload: Workload): string {
  const { number, uid, owner, submittedMs, spec, requestKey } = workload;
  let specText = written.get(spec);
  if (specText === undefined) written.set(spec, (specText = JSON.stringify(spec)));
  const record = requestKey === undefined ? undefined : requests.get(requestKey);
  const at = record?.workloads.indexOf(number) ?? -1;
  const place = record?.partial?.places[at] ?? at;
  const request =
    record === undefined || at < 0
      ? null
      : { key: record.key, digest: record.digest, place, count: record.partial?.count ?? record.workloads.length };
  const rest = JSON.stringify({ version: VERSION, number, uid, owner, submittedMs, request });
  return `${rest.slice(0, -1)},"spec":${specText}}`;
}

/** Reads it; null when it cannot be one, so that nothing can be made of it. */
export function readOrigin(text: string): Origin | null {
  let parsed: Partial<Origin> & { readonly version?: number };
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch {
    // Damaged on its way or on the agent's disk: as if none had been kept.
    return null;
  }
  const { version, number, uid, owner, submittedMs, spec, request } = parsed ?? {};
  const isWhole =
    version === VERSION &&
    Number.isSafeInteger(number) &&
    (number ?? 0) > 0 &&
    typeof uid === 'string' &&
    typeof owner === 'string' &&
    typeof submittedMs === 'number' &&
    isSpec(spec) &&
    (request === null || isRequest(request));
  return isWhole ? ({ number, uid, owner, submittedMs, spec, request } as Origin) : null;
}

/** The fields without which the state could not go on; the rest were checked when it was accepted. */
function isSpec(spec: Partial<WorkloadSpec> | undefined): boolean {
  return (
    typeof spec === 'object' &&
    spec !== null &&
    typeof spec.name === 'string' &&
    typeof spec.kind === 'string' &&
    typeof spec.queue === 'string' &&
    typeof spec.graceMs === 'number' &&
    typeof spec.retry === 'object' &&
    typeof spec.program === 'object' &&
    Array.isArray(spec.environment) &&
    Array.isArray(spec.dependencies) &&
    Array.isArray(spec.roles) &&
    spec.roles.length > 0 &&
    spec.roles.every(({ minTasks, maxTasks, request }) => minTasks >= 0 && maxTasks >= minTasks && request.gpus >= 0)
  );
}

function isRequest(request: Partial<OriginRequest> | undefined): boolean {
  return (
    typeof request?.key === 'string' &&
    typeof request.digest === 'string' &&
    Number.isSafeInteger(request.place) &&
    Number.isSafeInteger(request.count)
  );
}
