// Settings of `gpu_health`: what follows from faults of GPUs.
import { z } from 'zod';
import { setting } from '../../common/config.js';
import { FAULT_ACTIONS, type FaultAction, type GpuPolicy } from '../model/gpu-policy.js';
import { RESET_POLICIES } from '../model/gpu-reset.js';
import { count, DAY_MS, duration, MINUTE_MS, numberFrom, pairsOf } from './values.js';

/** The settings of this section. */
export const gpuHealthSettings = z.strictObject({
  xid: setting(numberedActions('Xid', 4), {
    description:
      'What follows from an Xid of the NVIDIA driver, where it is to differ from the table in the administration guide: ' +
      '109=drain,63=ignore. Actions: ignore, count, suspect, drain, quarantine.',
    value: 'XID=ACTION,…',
    default: null,
    isMap: true,
  }),
  sxid: setting(numberedActions('SXid', 6), {
    description:
      'The same for an SXid, an error of an NVSwitch: 20034=quarantine. Fatal ones drain the GPUs that share NVLink, others are ignored.',
    value: 'SXID=ACTION,…',
    default: null,
    isMap: true,
  }),
  reset: setting(z.enum(RESET_POLICIES, `must be one of ${RESET_POLICIES.join(', ')}`), {
    description:
      'Who may have agents reset GPUs (nvidia-smi --gpu-reset): never; operator = a person, by sluice gpu reset; auto = also faults that ' +
      'a reset ends, once nothing holds the GPU and those that share NVLink with it.',
    value: 'never|operator|auto',
    default: 'never',
  }),
  suspect_for: setting(duration(MINUTE_MS, 30 * DAY_MS), {
    description: 'How long a suspect GPU takes nothing new.',
    value: 'DURATION',
    default: '30m',
  }),
  repeat_workloads: setting(count(1, 32), {
    description: 'A GPU with faults under so many different workloads within repeat_window is kept for a person.',
    value: 'COUNT',
    default: '3',
  }),
  repeat_users: setting(count(1, 32), {
    description:
      'Of so many users at least, where a program can cause such a fault by itself: one with a broken program condemns nothing.',
    value: 'COUNT',
    default: '2',
  }),
  repeat_window: setting(duration(MINUTE_MS, 365 * DAY_MS), {
    description: 'The time that goes with them.',
    value: 'DURATION',
    default: '7d',
  }),
  node_gpus: setting(count(0, 256), {
    description: 'A node with so many GPUs quarantined for faults is cordoned; 0 = never.',
    value: 'COUNT',
    default: '2',
  }),
  brake_nodes: setting(count(1, 20_000), {
    description: 'When GPUs of more nodes than this are condemned within brake_window, no more are.',
    value: 'COUNT',
    default: '3',
  }),
  brake_ratio: setting(numberFrom(0, 1), {
    description: 'The same for this part of all GPUs, if they are more than 8 and of several nodes.',
    value: 'RATIO',
    default: '0.2',
  }),
  brake_window: setting(duration(1_000, DAY_MS), {
    description: 'The time that goes with them.',
    value: 'DURATION',
    default: '10m',
  }),
});

/** What they come to. */
export function toGpuPolicy(values: z.output<typeof gpuHealthSettings>): GpuPolicy {
  return {
    xid: values.xid,
    sxid: values.sxid,
    reset: values.reset,
    suspectMs: values.suspect_for,
    repeatWorkloads: values.repeat_workloads,
    repeatUsers: values.repeat_users,
    repeatWithinMs: values.repeat_window,
    nodeGpus: values.node_gpus,
    brakeNodes: values.brake_nodes,
    brakeRatio: values.brake_ratio,
    brakeWindowMs: values.brake_window,
  };
}

/** `NUMBER=ACTION,NUMBER=ACTION`. @param word what the numbers are of @param digits how many they have at most */
function numberedActions(word: 'Xid' | 'SXid', digits: number) {
  return z
    .string()
    .nullable()
    .transform((given, context): Readonly<Record<number, FaultAction>> => {
      const byXid: Record<number, FaultAction> = {};
      const complain = (message: string): never => {
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      };
      for (const pair of pairsOf(given)) {
        const [number = '', wanted = '', ...rest] = pair.split('=').map((part) => part.trim());
        const xid = Number(number);
        const action = FAULT_ACTIONS.find((one) => one === wanted);
        if (!/^\d+$/.test(number) || number.length > digits || rest.length > 0)
          return complain(`"${pair}" is not ${word.toUpperCase()}=ACTION, such as 109=drain`);
        if (action === undefined) return complain(`"${pair}": the action must be one of ${FAULT_ACTIONS.join(', ')}`);
        if (byXid[xid] !== undefined) return complain(`${word} ${xid} is named twice`);
        byXid[xid] = action;
      }
      return byXid;
    });
}
