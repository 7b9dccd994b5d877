// The environment of a task: begun from nothing, so that what the agent was started with never reaches a user's program.
// Pure: all it needs is given.
import { GPU_PARTS, PARTS_PER_MILLI } from '../../common/gpu-parts.js';
import type { TaskUser } from './as-user.js';
import { clusterVariables, meetingPlace, rankVariables } from './launch-environment.js';
import type { Checkpoint, DesiredAllocation, GrantedGpu } from '../session/allocation.js';

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
const REFUSED =
  /^(LD_.*|NVIDIA_.*|SLUICE_.*|CUDA_VISIBLE_DEVICES|NODE_OPTIONS|OPENSSL_CONF|OPENSSL_MODULES|OPENSSL_ENGINES)$/;
/**
 * More of them: a task of another user passes through a shell and setpriv, which are root until it has its user. Bash takes
 * functions and options from variables, where it is /bin/sh too; the rest is what the C library drops for programs that have
 * more rights than their caller (glibc, sysdeps/generic/unsecvars.h), but for folders of scratch files and time zones.
 */
const REFUSED_ON_THE_WAY =
  /^(BASH_.*|BASHOPTS|SHELLOPTS|PS4|ENV|GCONV_PATH|GETCONF_DIR|GLIBC_TUNABLES|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_TRACE|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS)$/;

/** The part of its share that a library takes as one pool; the rest is for what CUDA itself keeps of a GPU for each process. */
const POOL_OF_SHARE = 0.9;

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
  /** The workload's own folder for what it makes, which its later attempts and other tasks see, too. */
  readonly outputDir: string;
  readonly timeLeftFile: string;
  /** For its scratch files; null or absent = as the agent has it. */
  readonly scratchDir?: string | null;
  /** How its program reaches the scheduler; null or absent = not at all. */
  readonly callBack?: CallBack | null;
  /** The memory of a GPU or a MIG instance of this node, by UUID; null = not known. */
  readonly gpuMemoryMib: (uuid: string) => number | null;
  /** The interface at whose address other nodes reach this one; null = not known. */
  readonly peerInterface?: string | null;
  /** The user of this machine that it runs as; null = the agent's own. */
  readonly user: TaskUser | null;
}

/** How the program of a task reaches the scheduler as that task. */
export interface CallBack {
  /** `HOST:PORT`, several with commas. */
  readonly server: string;
  readonly tokenFile: string;
  /** PEM of the authority that signed the scheduler's certificate; null = it has none. */
  readonly caFile: string | null;
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
      ...ofUser(around.user),
      ...(around.scratchDir ? { TMPDIR: around.scratchDir } : {}),
      ...adviceToLibraries(order),
      // What the user sets goes before it: a trace of his own.
      ...(order.traceParent === undefined ? {} : { TRACEPARENT: order.traceParent }),
      ...meetingPlace(order, around.peerInterface ?? null),
      ...Object.fromEntries(accepted.map(({ name, value }) => [name, value])),
      ...ourVariables(order, around),
      ...rankVariables(order),
    },
    notes: refused.map(({ name }) => `variable ${JSON.stringify(name)} was not passed on: users may not set it`),
  };
}

/** What a login gives a user; the agent's own would lead into folders of another one. */
function ofUser(user: TaskUser | null): Record<string, string> {
  return user === null ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: user.loginShell };
}

function isAllowed(name: string): boolean {
  return !REFUSED.test(name) && !REFUSED_ON_THE_WAY.test(name) && /^[^=\0]+$/.test(name);
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
    ...clusterVariables(order, around.nodeName),
    SLUICE_RESTART_COUNT: String(order.restartCount),
    SLUICE_CHECKPOINT_DIR: around.checkpointDir,
    ...(around.resume === null ? {} : { SLUICE_RESUME_FROM: around.resume.path }),
    SLUICE_STOP_FILE: around.stopFile,
    SLUICE_REPORT_FILE: around.reportFile,
    SLUICE_TIME_LEFT_FILE: around.timeLeftFile,
    SLUICE_OUTPUT_DIR: around.outputDir,
    ...waysBack(around.callBack ?? null),
    // One a task and attempt: an attempt that is tried again judges the same samples anew.
    SLUICE_RESULTS: `${around.outputDir}/results-${order.attempt}-${order.task}.jsonl`,
    ...(order.role === ''
      ? {}
      : {
          SLUICE_ROLE: order.role,
          SLUICE_ROLE_RANK: String(order.roleRank),
          SLUICE_ROLE_TASKS: String(order.roleTasks),
        }),
    ...(order.array === null
      ? {}
      : {
          SLUICE_ARRAY_ID: String(order.array.first),
          SLUICE_ARRAY_INDEX: String(order.array.index),
          SLUICE_ARRAY_SIZE: String(order.array.size),
        }),
    ...(order.cpuMilli > 0 ? { SLUICE_CPUS: String(order.cpuMilli / 1_000) } : {}),
    ...(order.memoryMib > 0 ? { SLUICE_MEMORY_MIB: String(order.memoryMib) } : {}),
    ...gpuParts(order, around),
    CUDA_VISIBLE_DEVICES: order.gpus.map(({ uuid, instance }) => instance || uuid).join(','),
    // By index, programs and nvidia-smi would number the GPUs differently.
    ...(chosenOrder ? {} : { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' }),
    ...(order.gpus.some(({ simulated }) => simulated) ? { SLUICE_SIMULATED_GPUS: '1' } : {}),
  };
}

function waysBack(callBack: CallBack | null): Record<string, string> {
  if (callBack === null) return {};
  const { server, tokenFile, caFile } = callBack;
  return {
    SLUICE_TOKEN_FILE: tokenFile,
    SLUICE_TASK_SERVER: server,
    ...(caFile === null ? {} : { SLUICE_TASK_CA: caFile }),
  };
}

/** How much of each GPU it has, for a program that can keep to it. All GPUs of one task have the same share. */
function gpuParts({ gpus }: DesiredAllocation, { gpuMemoryMib }: TaskSurroundings): Record<string, string> {
  const [first] = gpus;
  if (first === undefined) return {};
  const share = shareOf(first);
  const wholeMib = gpuMemoryMib(first.instance || first.uuid);
  const memoryMib = wholeMib === null ? null : Math.floor(wholeMib * (share ?? 1));
  return {
    ...(share === null ? {} : { SLUICE_GPU_SHARE: String(Math.floor(first.parts / PARTS_PER_MILLI)) }),
    ...(memoryMib === null || memoryMib === 0 ? {} : { SLUICE_GPU_MEMORY_MIB: String(memoryMib) }),
  };
}

/** What of a GPU is granted, 0 to 1; null = the whole GPU, or a MIG instance, which is whole by itself. */
function shareOf({ parts, instance }: GrantedGpu): number | null {
  return instance !== '' || parts === GPU_PARTS ? null : parts / GPU_PARTS;
}

/**
 * Variables by which widely used libraries keep to what was granted; what a user sets goes before them. They are advice:
 * nothing here can hold a program to a share of a GPU.
 */
function adviceToLibraries({ gpus, cpuMilli }: DesiredAllocation): Record<string, string> {
  const share = gpus[0] === undefined ? null : shareOf(gpus[0]);
  return {
    // As many threads as cores, not as the machine has.
    ...(cpuMilli > 0 ? { OMP_NUM_THREADS: String(Math.max(1, Math.floor(cpuMilli / 1_000))) } : {}),
    ...(share === null
      ? {}
      : {
          // Both take (nearly) the whole memory at their start otherwise, and the second task on the GPU fails.
          XLA_PYTHON_CLIENT_MEM_FRACTION: (Math.max(1, Math.floor(share * POOL_OF_SHARE * 1_000)) / 1_000).toFixed(3),
          TF_FORCE_GPU_ALLOW_GROWTH: 'true',
          // Read by CUDA where the daemon of MPS runs, which then holds the task to it.
          CUDA_MPS_ACTIVE_THREAD_PERCENTAGE: String(Math.max(1, Math.floor(share * 100))),
        }),
  };
}
