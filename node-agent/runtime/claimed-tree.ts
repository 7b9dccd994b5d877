// The processes and the control groups of a task as its folder tells of them: for whoever did not start it.
import type { AllocationFolder } from './allocation-folder.js';
import { foldersOf } from './cgroup.js';
import type { LimitGroups } from './cgroup-limits.js';
import type { TaskTree } from './process-tree.js';

/** Where the processes of an allocation are found. Cost: three small files. */
export function treeOf(id: string, folder: AllocationFolder): TaskTree {
  const claim = folder.readClaim();
  const cgroup = claim?.by === 'supervisor' ? claim.cgroup : null;
  const uid = folder.readSpec()?.user?.uid;
  const root = folder.readRunning()?.process ?? null;
  return { allocation: id, root, cgroup, ...(uid === undefined ? {} : { uid }) };
}

/** All groups that were made for it. */
export function groupFoldersOf(folder: AllocationFolder): readonly string[] {
  const claim = folder.readClaim();
  if (claim?.by !== 'supervisor' || claim.cgroup === null) return [];
  return foldersOf({ group: claim.cgroup, limits: claim.limitGroups ?? {} });
}

/** The groups of its limits. */
export function limitGroupsOf(folder: AllocationFolder): LimitGroups {
  const claim = folder.readClaim();
  return claim?.by === 'supervisor' ? (claim.limitGroups ?? {}) : {};
}
