// What an order and this node's settings make of a task's limits and of its user, and the folders that user needs.
import { chmodSync } from 'node:fs';
import { chmod, chown, lstat, open } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder, makeFolderSync } from '../../common/make-folder.js';
import { type Capabilities, capabilityGrant } from '../gpu/mig-capabilities.js';
import type { MigInstance } from '../gpu/provider.js';
import type { DesiredAllocation } from '../session/allocation.js';
import type { AllocationFolder } from './allocation-folder.js';
import { runAsUser, type TaskUser } from './as-user.js';
import type { TaskLimits } from './cgroup-limits.js';
import type { IsolationDemands } from './isolation.js';
import { cpusNear } from './near-cpus.js';
import type { TaskUsers } from './run-as.js';

/** What this node holds every task to, beside what the task asked for. */
export interface TaskHolding {
  readonly users: TaskUsers;
  /** Processes and threads of a task at once; 0 = no limit. */
  readonly maxProcesses: number;
  /** What a task may have on the disk in its own folder, in bytes; null = no limit. */
  readonly workLimitBytes: number | null;
  /** Whether a task is kept on the processors near its GPUs. */
  readonly bindsCpus: boolean;
  readonly demands: IsolationDemands;
  /** Whether the agent refuses to run where something of that cannot be enforced. */
  readonly isRequired: boolean;
}

/** Where a GPU is, and the instances that it has; null = there is no such GPU. */
export type DeviceOf = (uuid: string) => {
  readonly minor: number | null;
  readonly pciBusId: string;
  readonly mig?: readonly MigInstance[] | null;
} | null;

/** Who passes through, without seeing what is there. */
const PASSAGE = 0o711;
const OWN_ONLY = 0o700;

/** @returns null = the agent's own user; in words, why nobody can run it */
export async function chooseUser(users: TaskUsers, owner: string): Promise<TaskUser | null | string> {
  try {
    return await users.find(owner);
  } catch (error) {
    return (error as Error).message;
  }
}

/** @returns in words, why a user cannot work in a folder that the submitter named; null = it can */
export async function checkEntry(user: TaskUser, folder: string): Promise<string | null> {
  try {
    await runAsUser(user, ['test', '-x', folder]);
    return null;
  } catch {
    return `the working directory ${folder} cannot be entered by user ${user.name} of this node, or does not exist there`;
  }
}

/** The limits of one task. @param capabilities the capability devices of this machine; null = it has none */
export function limitsFor(
  order: DesiredAllocation,
  holding: TaskHolding,
  deviceOf: DeviceOf,
  capabilities: Capabilities | null = null,
): TaskLimits {
  const { cpuMilli, memoryMib } = order;
  const gpus = order.gpus.filter(({ simulated }) => !simulated);
  const real = gpus.map(({ uuid }) => deviceOf(uuid));
  const minors = real.map((device) => device?.minor ?? null);
  const cpus = holding.bindsCpus
    ? cpusNear(
        real.map((device) => device?.pciBusId ?? ''),
        cpuMilli,
      )
    : null;
  const instances = gpus.flatMap(({ instance }, at) => {
    const place = real[at]?.mig?.find(({ uuid }) => uuid === instance)?.place;
    return instance === '' ? [] : [{ gpuMinor: minors[at] ?? -1, place }];
  });
  const capability = capabilities === null ? null : capabilityGrant(capabilities, instances);
  return {
    cpuMilli,
    memoryMib,
    ...(holding.maxProcesses === 0 ? {} : { processes: holding.maxProcesses }),
    ...(cpus === null ? {} : { cpus }),
    // One whose device file is not known cannot be let through alone.
    ...(minors.every((minor) => minor !== null) ? { gpuMinors: minors } : {}),
    ...(capability === null ? {} : { capabilities: capability }),
  };
}

/** Lets users pass to the folders of their tasks, without seeing what else is there. @throws the system's error */
export function openToUsers(stateDir: string, sharedDir: string): void {
  for (const folder of [stateDir, path.join(stateDir, 'allocations')]) chmodSync(folder, PASSAGE);
  for (const name of ['checkpoints', 'outputs']) makeFolderSync(path.join(sharedDir, name), PASSAGE);
}

/**
 * Makes what a task's user needs to be able to write: its working directory, its report, its checkpoints.
 * @param isOurs whether the checkpoint folder is the agent's choice; one that the submitter named is made with the user's rights
 * @throws Error of the system, or in words
 */
export async function giveFolders(
  user: TaskUser,
  {
    folder,
    checkpointDir,
    isOurs,
  }: { readonly folder: AllocationFolder; readonly checkpointDir: string; readonly isOurs: boolean },
): Promise<void> {
  const { uid, gid } = user;
  await chmod(folder.path, PASSAGE);
  await makeFolder(folder.work, OWN_ONLY);
  await chown(folder.work, uid, gid);
  await makeFolder(folder.scratch, OWN_ONLY);
  await chown(folder.scratch, uid, gid);
  // Beside the working directory nobody but us may make files.
  const report = await open(folder.report, 'a', 0o600);
  try {
    await report.chown(uid, gid);
  } finally {
    await report.close();
  }
  if (!isOurs) {
    await runAsUser(user, ['mkdir', '-p', '--', checkpointDir]);
    return;
  }
  await makeOwnFolder(checkpointDir, user);
}

/** Makes a folder that the agent chose for a task's user, if it is not there; null = the agent's own. @throws the system's error */
export async function makeOwnFolder(folder: string, user: TaskUser | null): Promise<void> {
  if (user === null) {
    await makeFolder(folder);
    return;
  }
  const isNew = (await lstat(folder).catch(ignoreMissing)) === null;
  await makeFolder(folder, OWN_ONLY);
  if (isNew) await chown(folder, user.uid, user.gid);
}

function ignoreMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return null;
}
