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
import { type ParsedSpec, parseSpec, type WhyNotTold } from './parse-spec.js';

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
  return parsed.map(({ spec }) => spec);
}

/** What a request asks for once its arrays are expanded. */
function checkTogether(specs: readonly ParsedSpec[], complaints: Complaints): void {
  const places = ({ spec }: ParsedSpec): number => spec.asArray?.size ?? 1;
  const workloads = specs.reduce((sum, one) => sum + places(one), 0);
  if (workloads > LIMITS.workloadsPerRequest) {
    const most = LIMITS.workloadsPerRequest;
    complaints.add(
      'specs',
      `ask for ${plural(workloads, 'workload')} with their arrays; at most ${most} in one request`,
    );
  }
  const bytes = specs.reduce((sum, one) => sum + one.bytes * places(one), 0);
  if (bytes > LIMITS.requestBytes) {
    complaints.add('specs', `are ${bytes} bytes long with their arrays; at most ${LIMITS.requestBytes} in one request`);
  }
}

/** A digest of what a request means, for telling a repetition from a reuse of its id. */
export function digestOf(request: SubmitWorkloadsRequest__Output): string {
  return createHash('sha256')
    .update(JSON.stringify(request.specs.map(withoutNewEmpties)))
    .digest('hex');
}

/**
 * Fields that older versions did not have leave the digest as it was while nobody uses them: ids outlive an upgrade. What is undefined is
 * not written, and the order stays. (To ask about every key while it is written takes twice as long.)
 */
function withoutNewEmpties(spec: WorkloadSpec__Output): object {
  const { notify, launcher, separateStderr, checkpoint } = spec;
  return {
    ...spec,
    notify: notify.length === 0 ? undefined : notify,
    launcher: launcher === 'LAUNCHER_UNSPECIFIED' ? undefined : launcher,
    separateStderr: separateStderr ? true : undefined,
    checkpoint: checkpoint && { ...checkpoint, earlySignal: checkpoint.earlySignal ?? undefined },
  };
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
