// WorkloadService: submit, read, list, watch, cancel, hold, release, requeue, prioritize, explain.
import type * as grpc from '@grpc/grpc-js';
import type { WorkloadServiceHandlers } from '../../proto/gen/sluice/v1/WorkloadService.js';
import type { WatchWorkloadsRequest__Output } from '../../proto/gen/sluice/v1/WatchWorkloadsRequest.js';
import type { WatchWorkloadsResponse } from '../../proto/gen/sluice/v1/WatchWorkloadsResponse.js';
import type { Workload as WorkloadMessage } from '../../proto/gen/sluice/v1/Workload.js';
import type { WorkloadNumber } from '../../common/ids.js';
import { formatTraceParent, parseTraceParent } from '../../common/tracing/trace-context.js';
import { toTimestamp } from '../../common/units.js';
import type { Command } from '../control/command.js';
import { cancel } from '../control/commands/cancel.js';
import { hold, prioritize, release, requeue, type Right } from '../control/commands/steering.js';
import { submit } from '../control/commands/submit.js';
import { noWorkload } from '../control/refusals.js';
import { Briefs, explain, explainBriefly } from '../engine/explain.js';
import type { ClusterView } from '../engine/view.js';
import { isTerminal, type ReadableState } from '../model/cluster-state.js';
import type { RecordChange, Workload } from '../model/records.js';
import { SharedParts } from '../model/shared-parts.js';
import { STATE_TO_PROTO } from '../model/wire-names.js';
import type { Principal } from '../auth/authenticator.js';
import { requireAdmin } from './admin.js';
import { encodePage } from './encoded-page.js';
import type { Handlers, Sender } from './handlers.js';
import { NO_NOTICES } from './notice-service.js';
import { parseNumericToken, parsePageSize, takePage } from './pages.js';
import { ownWorkload, ownWorkloadNamed } from './own-workload.js';
import { requireOwnerOfAll, shownTo } from './owners.js';
import { parsePriority, parseReason } from './parse-steering.js';
import type { ServiceDependencies } from './server.js';
import { saySilence } from './silence.js';
import { adviceOn } from './stats-service.js';
import { subtree } from './subtree.js';
import { workloadToProto } from './to-proto.js';
import { digestOf, parseSpecs, parseWords, requestKey } from './validate.js';
import { serveWatch } from './watching.js';
import { asItRests } from './resting.js';

const USUAL_PAGE = 100;
/** Programs inside tasks see and end their own workload, and no other. */
const USERS_AND_TASKS = ['user', 'task'] as const;

/** The handlers of WorkloadService. */
export function workloadService(handlers: Handlers, deps: ServiceDependencies): WorkloadServiceHandlers {
  const { loop, fleet, clock } = deps;
  const shared = new SharedParts();

  let briefs: Briefs | null = null;
  /** Nothing changes while one read makes its messages, and those are made in one piece. */
  const briefsOfThisRead = (): Briefs => {
    if (briefs === null) queueMicrotask(() => (briefs = null));
    return (briefs ??= new Briefs());
  };

  /** One workload's message; the reason of a pending one comes from the engine, fresh. */
  const messageFor =
    (principal: Principal) =>
    (state: ReadableState, view: ClusterView, workload: Workload): WorkloadMessage => {
      const isPending = workload.state === 'pending';
      const explanation = isPending ? explainBriefly(view, workload.number, clock.wallMs(), briefsOfThisRead()) : null;
      return shownTo(principal, workload, workloadToProto(state, fleet, workload, explanation));
    };

  const find = (state: ReadableState, word: string, principal?: Principal): Workload => {
    if (principal?.kind === 'task') return ownWorkloadNamed(state, principal, word);
    const workload = state.findWorkload(word);
    if (workload === undefined) throw noWorkload(state.meta, word);
    return workload;
  };

  /**
   * Carries out what changes workloads, and answers with them as they are then.
   * @param named as the caller names them
   */
  const steer = async (
    named: readonly string[],
    principal: Principal,
    commandOn: (words: readonly string[]) => Command<readonly Workload[]>,
  ) => {
    const given = parseWords(named);
    const words = await loop.readState((state) => changeable(state, given, principal));
    const changed = await loop.execute(commandOn(words));
    const message = messageFor(principal);
    return loop.read((state, view) => ({
      workloads: changed.map((workload) => message(state, view, state.workload(workload.number) ?? workload)),
    }));
  };

  return {
    SubmitWorkloads: handlers.unary('SubmitWorkloads', async (request, principal, metadata) => {
      if (request.specs.some(({ onDisconnect }) => onDisconnect === 'ON_DISCONNECT_KEEP')) {
        requireAdmin(principal, 'submit work with on_disconnect "keep", which holds GPUs of silent nodes without end');
      }
      const workloads = await loop.execute(
        submit(
          {
            requestKey: requestKey(principal.name, request.requestId),
            digest: digestOf(request),
            owner: principal.name,
            specs: parseSpecs(request.specs, deps.maxGraceMs, (to) => (deps.notices ?? NO_NOTICES).whyNot(to)).map(
              (spec) => shared.spec(spec),
            ),
            validateOnly: request.validateOnly,
            ...traceParentIn(metadata),
          },
          deps.maxRequests,
        ),
      );
      return {
        workloads: workloads.map(({ number, uid, spec }) => ({ number, uid, name: spec.name })),
        revision: loop.position.revision,
      };
    }),

    GetWorkload: handlers.unary(
      'GetWorkload',
      async (request, principal) => {
        const told = (state: ReadableState, view: ClusterView | null) => {
          const workload = find(state, request.workload, principal);
          // Why it waits is for the engine to say, once it knows everything.
          if (view === null && workload.state === 'pending') return null;
          const advice = adviceOn(state, workload, (id) => fleet.useOf(id), clock.wallMs());
          const own =
            view === null
              ? shownTo(principal, workload, workloadToProto(state, fleet, workload, null))
              : messageFor(principal)(state, view, workload);
          return { workload: { ...own, advice } };
        };
        return (
          (await loop.readState((state) => told(state, null))) ?? loop.read((state, view) => ({ ...told(state, view) }))
        );
      },
      USERS_AND_TASKS,
    ),

    ListWorkloads: handlers.unary(
      'ListWorkloads',
      (request, principal) => {
        const size = parsePageSize(request.pageSize, USUAL_PAGE);
        const after = parseNumericToken(request.pageToken);
        const states = new Set<string>(request.states);
        return loop.read((state, view, { revision }) => {
          const own = principal.kind === 'task' ? ownWorkload(state, principal) : null;
          const queues = request.queue === '' ? null : queuesOf(state, request.queue, own);
          const isWanted = (workload: Workload): boolean => {
            if (states.size > 0 && !states.has(STATE_TO_PROTO[workload.state])) return false;
            return queues === null || queues.has(workload.spec.queue);
          };
          const page = takePage(
            own === null ? newestFirst(state, after, isWanted) : [own].filter(isWanted),
            size,
            ({ number }) => String(number),
          );
          const { nextPageToken } = page;
          const message = messageFor(principal);
          return encodePage(page.items, (workload) => message(state, view, workload), { nextPageToken, revision });
        });
      },
      USERS_AND_TASKS,
    ),

    WatchWorkloads: handlers.stream(
      'WatchWorkloads',
      (request: WatchWorkloadsRequest__Output, sender: Sender<WatchWorkloadsResponse>, principal) =>
        watchWorkloads(deps, request, sender, messageFor(principal)),
    ),

    CancelWorkloads: handlers.unary(
      'CancelWorkloads',
      ({ workloads, reason }, principal) => {
        const by = principal.kind === 'task' ? 'a task of its own' : principal.name;
        return steer(workloads, principal, (words) => cancel(words, parseReason(reason), by));
      },
      USERS_AND_TASKS,
    ),
    HoldWorkloads: handlers.unary('HoldWorkloads', ({ workloads, reason, ownerMayRelease }, principal) =>
      steer(workloads, principal, (words) =>
        hold(words, parseReason(reason), principal.name, { right: rightOf(principal), ownerMayRelease }),
      ),
    ),
    ReleaseWorkloads: handlers.unary('ReleaseWorkloads', ({ workloads }, principal) =>
      steer(workloads, principal, (words) => release(words, principal.name, rightOf(principal))),
    ),
    RequeueWorkloads: handlers.unary('RequeueWorkloads', (request, principal) =>
      steer(request.workloads, principal, (words) =>
        requeue(words, parseReason(request.reason), principal.name, request.hold, {
          right: rightOf(principal),
          ownerMayRelease: request.ownerMayRelease,
        }),
      ),
    ),
    PrioritizeWorkloads: handlers.unary('PrioritizeWorkloads', ({ workloads, priority }, principal) =>
      steer(workloads, principal, (words) => prioritize(words, parsePriority(priority), principal.name)),
    ),

    ExplainWorkload: handlers.unary('ExplainWorkload', (request) =>
      loop.read((state, view) => {
        const workload = find(state, request.workload);
        const explanation = asItRests(explain(view, workload.number, clock.wallMs()), loop.restsBecause);
        return {
          number: workload.number,
          state: STATE_TO_PROTO[workload.state],
          reason: explanation?.reason ?? '',
          summary: explanation?.summary ?? notPending(workload, saySilence(state, fleet, workload, clock.wallMs())),
          lines: (explanation?.lines ?? []).map(({ title, text }) => ({ title, text })),
          estimate: explanation?.estimate ?? '',
          startTime: toTimestamp(explanation?.startsByMs ?? null),
        };
      }),
    ),
  };
}

/** The words of a request that changes workloads, once it is known that the caller may. @throws ApiError PERMISSION_DENIED */
function changeable(state: ReadableState, words: readonly string[], principal: Principal): readonly string[] {
  return principal.kind === 'task'
    ? words.map((word) => String(ownWorkloadNamed(state, principal, word).number))
    : requireOwnerOfAll(state, words, principal);
}

function rightOf({ role }: Principal): Right {
  return role === 'admin' ? 'admin' : 'owner';
}

/** `it is running`; `it has failed: task 0 exited with code 3`; and of which nodes nothing is heard. */
function notPending({ state, message }: Workload, silence: string): string {
  const is = isTerminal(state) ? `it has ${state === 'cancelled' ? 'been cancelled' : state}` : `it is ${state}`;
  const said = message === '' ? is : `${is}: ${message}`;
  return silence === '' ? said : `${said}; ${silence}`;
}

/** Which queues a listing is about; a task (`own`) learns of none but that of its workload. @throws ApiError NOT_FOUND */
function queuesOf(state: ReadableState, name: string, own: Workload | null): ReadonlySet<string> {
  return own === null ? subtree(state, name) : new Set([name]);
}

/** Workloads by descending number, from the one below `after` on. */
function* newestFirst(
  state: ReadableState,
  after: number | null,
  wanted: (workload: Workload) => boolean,
): Generator<Workload> {
  for (const workload of state.workloadsBelow(after ?? Infinity)) if (wanted(workload)) yield workload;
}

/** Sends the present state, or what changed since a revision, and then every change until the client leaves. */
async function watchWorkloads(
  deps: ServiceDependencies,
  request: WatchWorkloadsRequest__Output,
  sender: Sender<WatchWorkloadsResponse>,
  message: (state: ReadableState, view: ClusterView, workload: Workload) => WorkloadMessage,
): Promise<void> {
  const words = new Set(request.workloads);
  const wanted = (workload: Workload): boolean =>
    words.size === 0 || words.has(String(workload.number)) || words.has(workload.spec.name);
  const removed = new Set<WorkloadNumber>();
  await serveWatch<WorkloadNumber, { workload: WorkloadMessage } | { removed: WorkloadNumber }>(
    deps,
    {
      afterRevision: request.afterRevision === 0 ? null : request.afterRevision,
      present: (state) => {
        for (const word of words) if (state.findWorkload(word) === undefined) throw noWorkload(state.meta, word);
        return [...state.workloads.values()].filter(wanted).map(({ number }) => number);
      },
      touched: (changes) => {
        for (const { collection, before, after } of changes) {
          if (collection === 'workloads' && before !== null && after === null && wanted(before))
            removed.add(before.number);
        }
        return touched(changes);
      },
      message: (number, state, view) => {
        const workload = state.workload(number);
        if (workload === undefined) return removed.delete(number) ? { removed: number } : null;
        return wanted(workload) ? { workload: message(state, view, workload) } : null;
      },
    },
    sender,
  );
}

/** The workloads that a commit changed, themselves or by one of their allocations. */
function touched(changes: readonly RecordChange[]): ReadonlySet<WorkloadNumber> {
  const found = new Set<WorkloadNumber>();
  for (const change of changes) {
    if (change.collection === 'workloads') {
      const { number } = change.after ?? change.before ?? {};
      if (number !== undefined) found.add(number);
    } else if (change.collection === 'allocations' && change.after !== null) {
      found.add(change.after.workload);
    }
  }
  return found;
}

/** The client's span, where it tells one; what is none is passed over, as the standard has it. */
function traceParentIn(metadata: grpc.Metadata): { readonly traceParent?: string } {
  const [told] = metadata.get('traceparent');
  if (typeof told !== 'string') return {};
  const context = parseTraceParent(told);
  return context === null ? {} : { traceParent: formatTraceParent(context) };
}
