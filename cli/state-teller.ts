// Tells the states of one workload as it goes through them, beside what it prints. Shared by run, alloc and attach.
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';
import type { Invocation } from './invocation.js';
import { hasEnded, nodeList, pascalCase, stateWord, workloadNodes } from './presentation.js';

/** Tells each change of state once, with the reason while it waits. */
export function stateTeller(invocation: Invocation): (workload: Workload__Output) => void {
  let told = '';
  return (workload) => {
    const { state, number } = workload;
    if (hasEnded(state) || state === 'WORKLOAD_STATE_STARTING') return;
    const where = state === 'WORKLOAD_STATE_RUNNING' ? ` on ${nodeList(workloadNodes(workload))}` : '';
    const key =
      state === 'WORKLOAD_STATE_PENDING' ? `${state} ${workload.pendingReason}` : `${state} ${workload.attempt}`;
    if (key === told) return;
    told = key;
    // Nobody has looked at it yet: the real reason, or its start, follows within moments.
    if (state === 'WORKLOAD_STATE_PENDING' && ['', 'NOT_EVALUATED'].includes(workload.pendingReason)) return;
    const reason = state === 'WORKLOAD_STATE_PENDING' ? ` (${pascalCase(workload.pendingReason)})` : '';
    const message = state === 'WORKLOAD_STATE_RUNNING' || workload.message === '' ? '' : `: ${workload.message}`;
    invocation.note(`workload ${number} is ${stateWord(state)}${where}${reason}${message}`);
  };
}
