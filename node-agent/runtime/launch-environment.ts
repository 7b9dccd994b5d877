// The variables by which processes that work together find each other: which rank each is, where the first one answers. Names
// are those that programs read today: torch.distributed (env://), torchrun (PET_*), and our own. Pure.
import type { DesiredAllocation, TaskLaunch } from '../session/allocation.js';

type Variables = Record<string, string>;

/** Whom it works with, for programs that were written for us: the same for every task, also for one that works alone. */
export function clusterVariables({ launch, gpus }: DesiredAllocation, nodeName: string): Variables {
  const { nodes, tasks, rank } = launch ?? { nodes: [nodeName], tasks: 1, rank: 0 };
  return {
    SLUICE_NODELIST: nodes.join(','),
    SLUICE_NUM_NODES: String(tasks),
    ...(rank === null ? {} : { SLUICE_NODE_RANK: String(rank) }),
    SLUICE_GPUS_PER_NODE: String(gpus.length),
  };
}

/** Where the ranks meet. What a user says of these goes before it: his program may have its own place. */
export function meetingPlace(order: DesiredAllocation, peerInterface: string | null): Variables {
  const { launch } = order;
  if (launch === undefined) return {};
  return { ...addressVariables(order, launch), ...libraryHints(launch, peerInterface) };
}

function addressVariables({ workload, attempt, gpus }: DesiredAllocation, launch: TaskLaunch): Variables {
  const { mainAddress, rank, tasks, leastTasks, mostTasks } = launch;
  const port = String(launch.mainPort);
  if (launch.launcher !== 'torchrun' || rank === null) return { MASTER_ADDR: mainAddress, MASTER_PORT: port };
  const isElastic = mostTasks > leastTasks;
  return {
    PET_NNODES: isElastic ? `${leastTasks}:${mostTasks}` : String(tasks),
    PET_NPROC_PER_NODE: String(processesHere({ gpus })),
    PET_NODE_RANK: String(rank),
    PET_MASTER_ADDR: mainAddress,
    PET_MASTER_PORT: port,
    // Nodes that come and go are only known to this one of its ways to meet.
    ...(isElastic
      ? {
          PET_RDZV_BACKEND: 'c10d',
          PET_RDZV_ENDPOINT: `${mainAddress.includes(':') ? `[${mainAddress}]` : mainAddress}:${port}`,
          PET_RDZV_ID: `sluice-${workload}-${attempt}`,
        }
      : {}),
  };
}

/**
 * What libraries for collective operations cannot know: which network leads to the others, when the administrator said so.
 * How GPUs of one node reach each other (P2P, NVLink, NVLS) they find out by themselves, and a wrong word would cost speed.
 */
function libraryHints({ nodes }: TaskLaunch, peerInterface: string | null): Variables {
  if (peerInterface === null || new Set(nodes).size < 2) return {};
  // NCCL takes a name as a prefix unless it begins so; Gloo takes it as it is.
  return { NCCL_SOCKET_IFNAME: `=${peerInterface}`, GLOO_SOCKET_IFNAME: peerInterface };
}

/** Which rank it is, as far as all processes of the task have that in common. Nobody but us can know. */
export function rankVariables({ launch, gpus }: DesiredAllocation): Variables {
  if (launch === undefined || launch.rank === null) return {};
  const { launcher, rank, tasks, processes } = launch;
  switch (launcher) {
    case 'none':
      return { NODE_RANK: String(rank), RANK: String(rank), WORLD_SIZE: String(tasks) };
    case 'per_gpu':
      return {
        NODE_RANK: String(rank),
        WORLD_SIZE: String(processes),
        LOCAL_WORLD_SIZE: String(processesHere({ gpus })),
      };
    case 'torchrun':
      return {};
  }
}

/** How many ranks a task makes, by itself or by torchrun. */
export function processesHere({ gpus }: Pick<DesiredAllocation, 'gpus'>): number {
  return Math.max(1, gpus.length);
}
