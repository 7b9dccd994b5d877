// The environment of a task: begun from nothing, so that what the agent was started with never reaches a user's program.
// Pure: all it needs is given.
import type { Checkpoint, DesiredAllocation } from '../session/allocation.js';

/** What the agent's own environment may hand on, and what stands in when it has none. */
const INHERITED: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/',
  USER: '',
  LANG: 'C.UTF-8',
  TZ: '',
  TMPDIR: '/tmp',
};

/** Names a user may not set: they change which GPUs, which libraries or which code a program gets, or are our word to it. */
const REFUSED = /^(LD_.*|NVIDIA_.*|SLUICE_.*|CUDA_VISIBLE_DEVICES|NODE_OPTIONS|BASH_ENV|ENV)$/;

/** What the node adds to an order. */
export interface TaskSurroundings {
  readonly nodeName: string;
  /** The agent's own environment. */
  readonly agentEnvironment: Readonly<Record<string, string | undefined>>;
  readonly checkpointDir: string;
  /** The checkpoint to go on from, if its folder is here. */
  readonly resume: Checkpoint | null;
  readonly stopFile: string;
  readonly reportFile: string;
}

export interface TaskEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  /** Lines for the task's log: what was refused. */
  readonly notes: readonly string[];
}

/** Makes the whole environment of a task. */
export function taskEnvironment(order: DesiredAllocation, around: TaskSurroundings): TaskEnvironment {
  const inherited = Object.entries(INHERITED)
    .map(([name, fallback]) => [name, around.agentEnvironment[name] ?? fallback] as const)
    .filter(([, value]) => value !== '');
  const refused = order.environment.filter(({ name }) => !isAllowed(name));
  const accepted = order.environment.filter(({ name }) => isAllowed(name));
  return {
    variables: {
      ...Object.fromEntries(inherited),
      ...Object.fromEntries(accepted.map(({ name, value }) => [name, value])),
      ...ourVariables(order, around),
    },
    notes: refused.map(({ name }) => `variable ${JSON.stringify(name)} was not passed on: users may not set it`),
  };
}

function isAllowed(name: string): boolean {
  return !REFUSED.test(name) && /^[^=\0]+$/.test(name);
}

function ourVariables(order: DesiredAllocation, around: TaskSurroundings): Record<string, string> {
  const chosenOrder = order.environment.some(({ name }) => name === 'CUDA_DEVICE_ORDER');
  return {
    SLUICE_WORKLOAD: String(order.workload),
    SLUICE_JOB_ID: String(order.workload),
    SLUICE_JOB_NAME: order.workloadName,
    SLUICE_QUEUE: order.queue,
    SLUICE_POOL: order.pool,
    SLUICE_NODE: around.nodeName,
    SLUICE_ALLOCATION_ID: order.id,
    SLUICE_ATTEMPT: String(order.attempt),
    SLUICE_TASK: String(order.task),
    SLUICE_TASKS: String(order.tasks),
    SLUICE_NUM_GPUS: String(order.gpus.length),
    SLUICE_RESTART_COUNT: String(order.restartCount),
    SLUICE_CHECKPOINT_DIR: around.checkpointDir,
    ...(around.resume === null ? {} : { SLUICE_RESUME_FROM: around.resume.path }),
    SLUICE_STOP_FILE: around.stopFile,
    SLUICE_REPORT_FILE: around.reportFile,
    CUDA_VISIBLE_DEVICES: order.gpus.map(({ uuid }) => uuid).join(','),
    // By index, programs and nvidia-smi would number the GPUs differently.
    ...(chosenOrder ? {} : { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' }),
    ...(order.gpus.some(({ simulated }) => simulated) ? { SLUICE_SIMULATED_GPUS: '1' } : {}),
  };
}
