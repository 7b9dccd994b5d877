// The refusals that several commands share, each with its gRPC code, a stable reason, and words that say what to do.
import { status } from '@grpc/grpc-js';
import { ApiError, type FieldViolation } from '../../common/errors.js';
import { nearest } from '../../common/nearest.js';
import type { ClusterMeta, Workload } from '../model/records.js';

/** Something named does not exist. `known` feeds the hint; `consequence` says what did not happen. */
export function notFound(
  what: 'queue' | 'workload' | 'node' | 'gpu',
  name: string,
  known: Iterable<string> = [],
  consequence = '',
): ApiError {
  const similar = nearest(name, known);
  const hint =
    similar === null ? `See "sluice get ${what}s".` : `Did you mean "${similar}"? See "sluice get ${what}s".`;
  return new ApiError({
    code: status.NOT_FOUND,
    reason: `${what.toUpperCase()}_NOT_FOUND`,
    message: `${what} "${name}" does not exist${consequence && `; ${consequence}`}\n${hint}`,
    metadata: { [what]: name },
  });
}

/**
 * No workload is called so. While agents are asked what they run, because a part of the history was lost or may have been, one
 * that was acknowledged may be known again as soon as its agent was heard.
 */
export function noWorkload({ recovery }: Pick<ClusterMeta, 'recovery'>, word: string, consequence = ''): ApiError {
  const refusal = notFound('workload', word, [], consequence);
  if (!recovery) return refusal;
  const { code, reason, message, metadata } = refusal;
  const yet =
    'A part of the history was lost, or may have been: if an agent runs it, it is known again once that agent was heard.\n' +
    '"sluice status" says until when to wait. What only waited in the lost part has to be submitted again.';
  return new ApiError({ code, reason, message: `${message}\n${yet}`, metadata });
}

/** An administrator holds it back, and who wants to release it is none. */
export function heldByAdmin(
  { number, spec, hold }: Pick<Workload, 'number' | 'spec' | 'hold'>,
  consequence: string,
): ApiError {
  return new ApiError({
    code: status.PERMISSION_DENIED,
    reason: 'HELD_BY_ADMIN',
    message:
      `workload ${number} ("${spec.name}") is ${hold ?? 'held'}, and what an administrator holds only administrators release; ${consequence}\n` +
      'Ask an administrator to release it, or cancel it: "sluice cancel".',
    metadata: { workload: String(number), hold: hold ?? '' },
  });
}

/** The request itself is wrong, whatever the state. */
export function invalid(fields: readonly FieldViolation[], message?: string): ApiError {
  const first = fields[0];
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : '';
  return new ApiError({
    code: status.INVALID_ARGUMENT,
    reason: 'SPEC_INVALID',
    message: message ?? (first ? `${first.field}: ${first.description}${more}` : 'the request is invalid'),
    fields,
  });
}
