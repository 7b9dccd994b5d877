// Specs in a few words for tests: whole GPUs by number and model, the rest as the model has it.
import { ANYWHERE, NO_RETRY, oneRole, wholeGpus } from '../scheduler/model/requests.js';
import type { Gpu, TaskRequest, WorkloadSpec } from '../scheduler/model/records.js';

/** The short form of a request: `tasks` equal tasks of `gpusPerTask` GPUs. */
export interface PlainRequest {
  readonly tasks?: number;
  readonly gpusPerTask?: number;
  readonly gpuModel?: string;
  readonly pool?: string;
  /** Beside or instead of the whole GPUs. */
  readonly request?: Partial<TaskRequest>;
}

/** The requesting part of a spec. */
export function plainRequest(
  short: PlainRequest,
): Pick<WorkloadSpec, 'roles' | 'topology' | 'timeLimitMs' | 'retry' | 'dependencies' | 'array'> {
  const { tasks = 1, gpusPerTask = 1, gpuModel = '', pool = '', request = {} } = short;
  const rules = { ...ANYWHERE, pool, models: gpuModel === '' ? [] : [gpuModel] };
  return {
    roles: oneRole(tasks, { ...wholeGpus(gpusPerTask), ...request }, rules),
    topology: null,
    timeLimitMs: null,
    retry: NO_RETRY,
    dependencies: [],
    array: null,
  };
}

/** What is not known of a GPU whose hardware does not matter. */
export const PLAIN_GPU: Pick<Gpu, 'nvlinkGroup' | 'mig'> = { nvlinkGroup: null, mig: null };
