// Whether a workload could ever start within the quotas of its queue and of those above, were they empty otherwise. What
// they hold now is the engine's business; what asks for more than a limit would wait for ever and is refused.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../../common/errors.js';
import { plural } from '../../../common/units.js';
import type { ReadableState } from '../../model/cluster-state.js';
import { matchesModel } from '../../model/gpu-model.js';
import type { Queue, QueueScope, Role, WorkloadSpec } from '../../model/records.js';
import { partsPerTask, toGpus } from '../../model/requests.js';
import { partName, scopeFlags } from './scope-flags.js';
import { largestOf } from './unsatisfiable.js';

/** A bound that the gang exceeds by itself. */
interface Excess {
  /** What the gang asks for, and what the bound allows, in words. */
  readonly asked: string;
  readonly allowed: string;
  readonly what: 'limit' | 'guarantee' | 'limit for one user';
  /** The flags of `sluice queue update` that would raise it. */
  readonly raise: string;
}

/** @throws ApiError FAILED_PRECONDITION with the bound, when the gang alone is above one */
export function checkQuotas(state: ReadableState, spec: WorkloadSpec, name: string): void {
  // By the largest GPU a share given as memory is smallest: nothing is refused that could fit somewhere.
  const memoryMib = largestOf(state.kindsOfNodes(false));
  for (let at: string | null = spec.queue; at !== null;) {
    const queue = state.queue(at);
    if (queue === undefined) return;
    const excess = firstExcess(queue, spec, memoryMib);
    if (excess !== null) throw beyondQuota(queue, excess, name);
    at = queue.parent;
  }
}

function firstExcess(queue: Queue, spec: WorkloadSpec, memoryMib: number): Excess | null {
  const gang = amountsOf(spec.roles, memoryMib);
  const gpus = (figure: number): string => plural(figure, 'GPU');
  const cpus = (milli: number): string => plural(milli / 1_000, 'CPU');
  const mib = (figure: number): string => `${figure} MiB of memory`;
  return (
    excess(spec, gang.gpus, queue.guaranteeGpus, queue.limitGpus, gpus, (figure) => `${figure}`, '') ??
    excess(
      spec,
      gang.cpuMilli,
      queue.guaranteeCpuMilli,
      queue.limitCpuMilli,
      cpus,
      (milli) => `${milli / 1_000}`,
      '-cpus',
    ) ??
    excess(
      spec,
      gang.memoryMib,
      queue.guaranteeMemoryMib,
      queue.limitMemoryMib,
      mib,
      (figure) => `${figure}MiB`,
      '-memory',
    ) ??
    excessOfUser(queue, gang.gpus) ??
    excessOfScopes(queue, spec, memoryMib)
  );
}

/** What a gang asks for; GPUs in GPUs. */
function amountsOf(
  roles: readonly Role[],
  memoryMib: number,
): { readonly gpus: number; readonly cpuMilli: number; readonly memoryMib: number } {
  const sum = (figure: (role: Role) => number): number =>
    roles.reduce((total, role) => total + role.minTasks * figure(role), 0);
  return {
    gpus: toGpus(sum(({ request }) => partsPerTask(request, memoryMib))),
    cpuMilli: sum(({ request }) => request.cpuMilli),
    memoryMib: sum(({ request }) => request.memoryMib),
  };
}

/** Preemptible work may borrow up to the limit; other work stays within the guarantee, too. Null = no bound. */
function excess(
  { preemptible }: WorkloadSpec,
  asked: number,
  guarantee: number | null,
  limit: number | null,
  words: (figure: number) => string,
  written: (figure: number) => string,
  suffix: string,
): Excess | null {
  const bound = Math.min(limit ?? Infinity, preemptible ? Infinity : (guarantee ?? Infinity));
  if (asked <= bound) return null;
  const what = bound === limit ? 'limit' : 'guarantee';
  return { asked: words(asked), allowed: words(bound), what, raise: `--${what}${suffix} ${written(asked)}` };
}

function excessOfUser({ userLimitGpus }: Queue, asked: number): Excess | null {
  if (userLimitGpus === null || asked <= userLimitGpus) return null;
  const allowed = plural(userLimitGpus, 'GPU');
  return { asked: plural(asked, 'GPU'), allowed, what: 'limit for one user', raise: `--user-limit ${asked}` };
}

/** Counts only the roles whose every place lies in the scope; what may go elsewhere does not depend on it. */
function excessOfScopes(queue: Queue, spec: WorkloadSpec, memoryMib: number): Excess | null {
  for (const scope of queue.scopes) {
    const { gpus } = amountsOf(
      spec.roles.filter((role) => isBoundTo(role, scope)),
      memoryMib,
    );
    const where = `of ${partName(scope)}`;
    const found = excess(
      spec,
      gpus,
      null,
      scope.limitGpus,
      (figure) => `${plural(figure, 'GPU')} ${where}`,
      String,
      '',
    );
    if (found !== null) return { ...found, raise: scopeFlags(queue.scopes, { ...scope, limitGpus: gpus }) };
  }
  return null;
}

function isBoundTo({ request, rules }: Role, { pool, model }: QueueScope): boolean {
  if (request.gpus === 0 || (pool !== '' && rules.pool !== pool)) return false;
  return model === '' || (rules.models.length > 0 && rules.models.every((asked) => matchesModel(asked, model)));
}

function beyondQuota({ name: queue }: Queue, { asked, allowed, what, raise }: Excess, name: string): ApiError {
  const why = what === 'guarantee' ? ' and work that is not preemptible must stay within it' : '';
  const bound = `${what} of ${allowed}`;
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'QUOTA_LIMIT_EXCEEDED',
    message:
      `${name} asks for ${asked}, but queue "${queue}" has a ${bound}${why}; it could never start\n` +
      `Ask for less, or have the ${what} raised: sluice queue update ${queue} ${raise}`,
    quotas: [{ subject: `queue/${queue}`, description: `${bound}; ${asked} asked for` }],
    metadata: { queue, asked, bound: allowed },
  });
}
