// What tasks ask for, as far as it can be said before they have a place: a share given as memory depends on the GPU.
import type { TaskRequest } from '../../scheduler/model/records.js';
import { GPU_PARTS, PARTS_PER_MILLI, memoryShareParts, migParts } from '../../scheduler/model/requests.js';
import type { Amounts } from './amounts.js';
import type { Task } from './cluster.js';

/**
 * What a task counts for while it waits.
 * @param gpuMib the memory of the GPU that a share given as memory is measured with: the smallest of the cluster where
 *   too much is the safe error, the largest where too little is
 */
export function pendingRequest(task: Task, gpuMib: number): Amounts {
  const { request } = task.role;
  const { cpuMilli, memoryMib } = request;
  if (isMemoryShare(request) && gpuMib > 0) {
    return { cpuMilli, memoryMib, gpuParts: (request.gpus * request.gpuMemoryMib * GPU_PARTS) / gpuMib };
  }
  return { cpuMilli, memoryMib, gpuParts: request.gpus * (partsOfEach(request, gpuMib) ?? GPU_PARTS) };
}

/** How much of each GPU or instance; null = a GPU of that memory has too little. */
export function partsOfEach(request: TaskRequest, gpuMib: number): number | null {
  if (request.migProfile !== '') return migParts(request.migProfile);
  if (isMemoryShare(request)) return memoryShareParts(request.gpuMemoryMib, gpuMib);
  return request.gpuMilli * PARTS_PER_MILLI;
}

function isMemoryShare(request: TaskRequest): boolean {
  return request.gpus > 0 && request.migProfile === '' && request.gpuMemoryMib > 0;
}

/** What kind of thing it asks for. */
export function kindOf(request: TaskRequest): 'no gpu' | 'whole' | 'share' | 'mig' {
  if (request.gpus === 0) return 'no gpu';
  if (request.migProfile !== '') return 'mig';
  return request.gpuMemoryMib > 0 || request.gpuMilli < 1_000 ? 'share' : 'whole';
}
