// What a program inside a task may speak of: the workload of its own allocation, for as long as that has not ended.
import { status } from '@grpc/grpc-js';
import type { AllocationId } from '../../common/ids.js';
import { ApiError } from '../../common/errors.js';
import type { Principal } from '../auth/authenticator.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Workload } from '../model/records.js';

/** The workload of the task that calls. @throws ApiError UNAUTHENTICATED `TOKEN_ENDED` when the task has ended */
export function ownWorkload(state: ReadableState, { allocation: id = '' }: Principal): Workload {
  const allocation = state.allocation(id as AllocationId);
  const hasEnded = allocation === undefined || allocation.state === 'exited' || allocation.state === 'released';
  const workload = hasEnded ? undefined : state.workload(allocation.workload);
  if (workload !== undefined) return workload;
  throw new ApiError({
    code: status.UNAUTHENTICATED,
    reason: 'TOKEN_ENDED',
    message:
      `the task that this token was made for (allocation ${id}) has ended, and its token with it\n` +
      'Give a token of yours: --token-file FILE. A later attempt has another token, in a file of its own.',
    metadata: { allocation: id },
  });
}

/**
 * The same, where the caller names it.
 * @throws ApiError PERMISSION_DENIED `TOKEN_FOR_OWN_WORKLOAD` for any other word, whether or not there is such a workload
 */
export function ownWorkloadNamed(state: ReadableState, principal: Principal, word: string): Workload {
  const own = ownWorkload(state, principal);
  if (state.findWorkload(word)?.number === own.number) return own;
  throw new ApiError({
    code: status.PERMISSION_DENIED,
    reason: 'TOKEN_FOR_OWN_WORKLOAD',
    message:
      `this token is for a task of workload ${own.number}, and shows and cancels nothing else; not "${word}"\n` +
      'Name it by its number (SLUICE_WORKLOAD), or give a token of yours: --token-file FILE.',
    metadata: { workload: String(own.number) },
  });
}
