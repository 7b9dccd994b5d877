// Whose a workload is. Its owner and administrators alone change it, run programs in it, read what it prints, and see what may be secret in
// its spec; that it is there, and what it holds and waits for, everybody may know who shares the cluster. Where no tokens are asked for,
// everybody is an administrator.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import type { Workload as WorkloadMessage } from '../../proto/gen/sluice/v1/Workload.js';
import type { Principal } from '../auth/authenticator.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Workload } from '../model/records.js';

/** Whether it is the caller's own, or the caller's to look after. A task is let to its own workload only, before it comes here. */
function isFor({ owner }: Workload, { kind, name, role }: Principal): boolean {
  return role === 'admin' || kind === 'task' || owner === name;
}

/**
 * @param what `run programs in it`
 * @param consequence what did not happen; empty = that is plain
 * @throws ApiError PERMISSION_DENIED `NOT_YOUR_WORKLOAD`
 */
export function requireOwner(workload: Workload, principal: Principal, what: string, consequence = ''): void {
  if (isFor(workload, principal)) return;
  const { number, owner, spec } = workload;
  throw new ApiError({
    code: status.PERMISSION_DENIED,
    reason: 'NOT_YOUR_WORKLOAD',
    message:
      `workload ${number} ("${spec.name}") belongs to ${owner}; only its owner and administrators ${what}, not "${principal.name}"` +
      `${consequence && `; ${consequence}`}\n` +
      'A name means the newest workload of that name, whoever submitted it: name yours by its number.',
    metadata: { owner, workload: String(number) },
  });
}

/**
 * The same for several, of which none is to be changed when one is somebody else's.
 * @param words numbers or names; one that means nothing is left for the command to refuse
 * @returns numbers: a name may mean another workload by the time the command is carried out
 */
export function requireOwnerOfAll(
  state: ReadableState,
  words: readonly string[],
  principal: Principal,
): readonly string[] {
  return words.map((word) => {
    const workload = state.findWorkload(word);
    if (workload === undefined) return word;
    requireOwner(workload, principal, 'change it', 'nothing was changed');
    return String(workload.number);
  });
}

/** A workload as this caller may see it: keys of services stand in environments, and so they do in addresses of webhooks. */
export function shownTo(principal: Principal, workload: Workload, message: WorkloadMessage): WorkloadMessage {
  if (isFor(workload, principal) || !message.spec) return message;
  return { ...message, spec: { ...message.spec, environment: [], notify: [] } };
}
