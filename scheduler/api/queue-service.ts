// QueueService: create, change, delete, read and list queues with fair share and use.
import type { QueueServiceHandlers } from '../../proto/gen/sluice/v1/QueueService.js';
import type { Queue as QueueMessage } from '../../proto/gen/sluice/v1/Queue.js';
import type { QueueName } from '../../common/ids.js';
import { createQueue, deleteQueue, updateQueue, type QueueOutcome } from '../control/commands/queues.js';
import { notFound } from '../control/refusals.js';
import type { ClusterView } from '../engine/view.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Queue } from '../model/records.js';
import { requireAdmin } from './admin.js';
import type { Handlers } from './handlers.js';
import { NO_NOTICES } from './notice-service.js';
import { budgetSurroundings, budgetUseToProto } from './parse-budget.js';
import { MAX_PAGE_SIZE, parsePageSize, parsePageToken, takePage } from './pages.js';
import type { ServiceDependencies } from './server.js';
import { queueToProto, type QueueCounts } from './to-proto.js';
import { parseQueue, parseQueuePatch } from './parse-queue.js';

/** Whoever may could guarantee himself the cluster. */
const CHANGE_QUEUES = 'create, change and delete queues';

/** The handlers of QueueService. */
export function queueService(
  handlers: Handlers,
  { loop, clock, prices, budgetUses, notices = NO_NOTICES }: ServiceDependencies,
): QueueServiceHandlers {
  const surroundings = budgetSurroundings(notices, prices);
  /** What messages of queues are made of, read once for all of them. */
  const reader = (state: ReadableState, view: ClusterView): ((queue: Queue) => QueueMessage) => {
    const nowMs = clock.wallMs();
    const shares = new Map(view.queueShares().map((share) => [share.queue, share]));
    const uses = budgetUses(nowMs);
    return (queue) => {
      const budgetUse = budgetUseToProto(queue, uses.get(queue.name), prices.currency, nowMs);
      return queueToProto(queue, shares.get(queue.name), count(state, queue.name), budgetUse);
    };
  };
  const answer = async ({ queue, warnings }: QueueOutcome): Promise<{ queue: QueueMessage; warnings: string[] }> => {
    const message = await loop.read((state, view) => reader(state, view)(queue));
    return { queue: message, warnings: [...warnings] };
  };

  return {
    CreateQueue: handlers.unary('CreateQueue', async (request, principal) => {
      requireAdmin(principal, CHANGE_QUEUES);
      return answer(await loop.execute(createQueue(parseQueue(request.queue, surroundings), request.validateOnly)));
    }),

    UpdateQueue: handlers.unary('UpdateQueue', async (request, principal) => {
      requireAdmin(principal, CHANGE_QUEUES);
      const patch = parseQueuePatch(request.queue, request.updateMask?.paths ?? [], surroundings);
      return answer(await loop.execute(updateQueue(request.queue?.name ?? '', patch, request.validateOnly)));
    }),

    DeleteQueue: handlers.unary('DeleteQueue', async (request, principal) => {
      requireAdmin(principal, CHANGE_QUEUES);
      await loop.execute(deleteQueue(request.name));
      return {};
    }),

    GetQueue: handlers.unary('GetQueue', (request) =>
      loop.read((state, view) => {
        const queue = state.queue(request.name);
        if (queue === undefined) throw notFound('queue', request.name, state.queues.keys());
        return { queue: reader(state, view)(queue) };
      }),
    ),

    ListQueues: handlers.unary('ListQueues', (request) => {
      const size = parsePageSize(request.pageSize, MAX_PAGE_SIZE);
      const after = parsePageToken(request.pageToken);
      return loop.read((state, view) => {
        const toMessage = reader(state, view);
        // The key is the path, so that a page goes on at its place even when the queue it ended with is gone.
        const ordered = [...parentsFirst(state, null)]
          .map((queue) => ({ queue, path: pathOf(state, queue) }))
          .filter(({ path }) => after === null || path > after);
        const page = takePage(ordered, size, ({ path }) => path);
        const queues = page.items.map(({ queue }) => toMessage(queue));
        return { queues, nextPageToken: page.nextPageToken };
      });
    }),
  };
}

/** `org team-a vision`: a blank sorts before all that names are made of, so paths sort as parents first. */
export function pathOf(state: ReadableState, queue: Queue): string {
  const parent = queue.parent === null ? undefined : state.queue(queue.parent);
  return parent === undefined ? queue.name : `${pathOf(state, parent)} ${queue.name}`;
}

/** Queues so that children follow their parent, siblings by name. */
export function* parentsFirst(state: ReadableState, parent: QueueName | null): Generator<Queue> {
  for (const queue of state.childrenOf(parent).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    yield queue;
    yield* parentsFirst(state, queue.name);
  }
}

/** Counts over the queue and all below it. */
export function count(state: ReadableState, queue: QueueName): QueueCounts {
  const pending = state.pendingIn(queue);
  const own: QueueCounts = {
    running: state.unfinishedIn(queue) - pending.size,
    pending: pending.size,
    oldestPendingMs: state.oldestPendingMs(queue),
  };
  return state.childrenOf(queue).reduce<QueueCounts>((sum, child) => {
    const below = count(state, child.name);
    const oldest = [sum.oldestPendingMs, below.oldestPendingMs].filter((time): time is number => time !== null);
    return {
      running: sum.running + below.running,
      pending: sum.pending + below.pending,
      oldestPendingMs: oldest.length === 0 ? null : Math.min(...oldest),
    };
  }, own);
}
