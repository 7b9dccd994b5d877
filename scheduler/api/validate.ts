// The border where requests become domain values: every field is checked, every default filled in, every complaint
// carries the field's path. Behind it nothing is checked again. (Specs: parse-spec.ts, queues: parse-queue.ts.)
import { createHash } from 'node:crypto';
import { plural } from '../../common/units.js';
import type { SubmitWorkloadsRequest__Output } from '../../proto/gen/sluice/v1/SubmitWorkloadsRequest.js';
import type { WorkloadSpec__Output } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { AskedSpec } from '../control/commands/submit.js';
import { invalid } from '../control/refusals.js';
import { Complaints } from './complaints.js';
import { LIMITS } from './limits.js';
import { parseSpec, type WhyNotTold } from './parse-spec.js';

/** Parses the specs of a submission; INVALID_ARGUMENT with every complaint at once. */
export function parseSpecs(
  specs: readonly WorkloadSpec__Output[],
  maxGraceMs: number,
  whyNotTold: WhyNotTold = () => null,
): readonly AskedSpec[] {
  const complaints = new Complaints();
  if (specs.length === 0) complaints.add('specs', 'at least one is needed');
  if (specs.length > LIMITS.specsPerRequest) {
    complaints.add('specs', `${specs.length} are too many for one request; at most ${LIMITS.specsPerRequest}`);
    complaints.throwIfAny();
  }
  const parsed = specs.map((spec, index) => parseSpec(spec, `specs[${index}]`, maxGraceMs, complaints, whyNotTold));
  complaints.throwIfAny();
  checkTogether(parsed, complaints);
  complaints.throwIfAny();
  return parsed;
}

/** What a request asks for once its arrays are expanded. */
function checkTogether(specs: readonly AskedSpec[], complaints: Complaints): void {
  const workloads = specs.reduce((sum, { asArray }) => sum + (asArray?.size ?? 1), 0);
  if (workloads > LIMITS.workloadsPerRequest) {
    const most = LIMITS.workloadsPerRequest;
    complaints.add(
      'specs',
      `ask for ${plural(workloads, 'workload')} with their arrays; at most ${most} in one request`,
    );
  }
  const bytes = specs.reduce((sum, spec) => sum + JSON.stringify(spec).length * (spec.asArray?.size ?? 1), 0);
  if (bytes > LIMITS.requestBytes) {
    complaints.add('specs', `are ${bytes} bytes long with their arrays; at most ${LIMITS.requestBytes} in one request`);
  }
}

/** A digest of what a request means, for telling a repetition from a reuse of its id. */
export function digestOf(request: SubmitWorkloadsRequest__Output): string {
  return createHash('sha256').update(JSON.stringify(request.specs, withoutNewEmpties)).digest('hex');
}

/** Fields that older versions did not have leave the digest as it was while nobody uses them: ids outlive an upgrade. */
function withoutNewEmpties(key: string, value: unknown): unknown {
  const isUnset =
    (key === 'notify' && Array.isArray(value) && value.length === 0) ||
    (key === 'launcher' && value === 'LAUNCHER_UNSPECIFIED') ||
    (key === 'earlySignal' && value === null) ||
    (key === 'separateStderr' && value === false);
  return isUnset ? undefined : value;
}

/** The key under which a request id is remembered; null when none was given. */
export function requestKey(principal: string, requestId: string): string | null {
  if (requestId === '') return null;
  if (requestId.length > LIMITS.requestIdLength || !/^[\x21-\x7e]+$/.test(requestId)) {
    const description = `must be 1 to ${LIMITS.requestIdLength} printable characters, best a UUID`;
    throw invalid([{ field: 'request_id', description }]);
  }
  return `${principal}/${requestId}`;
}

/** Parses the words that name workloads in one request. */
export function parseWords(words: readonly string[]): readonly string[] {
  const complaints = new Complaints();
  if (words.length === 0) complaints.add('workloads', 'at least one is needed');
  complaints.range('workloads', words.length, 0, LIMITS.words);
  complaints.throwIfAny();
  return words;
}
