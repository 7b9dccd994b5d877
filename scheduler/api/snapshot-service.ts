// SnapshotService: streams one moment of the store as a file, to one administrator at a time, while everything else goes on.
import { status } from '@grpc/grpc-js';
import type { SnapshotServiceHandlers } from '../../proto/gen/sluice/v1/SnapshotService.js';
import type { SaveSnapshotResponse } from '../../proto/gen/sluice/v1/SaveSnapshotResponse.js';
import { ApiError } from '../../common/errors.js';
import type { Principal } from '../auth/authenticator.js';
import type { ControlLoop } from '../control/loop.js';
import { requireAdmin } from './admin.js';
import type { Handlers, Sender } from './handlers.js';
import type { ServiceDependencies } from './server.js';

/** A reader that takes nothing for so long is given up: the store's file grows as long as its moment is held. */
const STALLED_MS = 60_000;

/** A snapshot that is being read. */
export interface TakenSnapshot {
  readonly position: ControlLoop['position'];
  /** The file, piece by piece. */
  readonly bytes: AsyncIterable<Buffer>;
  readonly release: () => void;
}

/** The handlers of SnapshotService. */
export function snapshotService(handlers: Handlers, deps: ServiceDependencies): SnapshotServiceHandlers {
  let isUnderWay = false;
  return {
    SaveSnapshot: handlers.stream('SaveSnapshot', async (_request, sender: Sender<SaveSnapshotResponse>, principal) => {
      requireAdmin(principal, 'save snapshots, which hold what all users submitted');
      if (isUnderWay) throw busy();
      isUnderWay = true;
      try {
        await send(deps, sender, principal);
      } finally {
        isUnderWay = false;
      }
    }),
  };
}

async function send(
  { loop, clock, log, takeSnapshot, onSnapshot }: ServiceDependencies,
  sender: Sender<SaveSnapshotResponse>,
  principal: Principal,
): Promise<void> {
  const beganMs = clock.monotonicMs();
  const clusterId = await loop.read((state) => state.meta.clusterId);
  const snapshot = await takeSnapshot(clusterId);
  let bytes = 0;
  try {
    for await (const data of snapshot.bytes) {
      bytes += data.length;
      if (!sender.send({ data })) return;
      await taken(sender, clock);
    }
  } finally {
    snapshot.release();
  }
  const tookMs = Math.round(clock.monotonicMs() - beganMs);
  onSnapshot();
  log.info({ ...snapshot.position, bytes, tookMs, by: principal.name }, 'snapshot handed out');
}

/** Waits until the reader has taken what was sent. */
async function taken(sender: Sender<SaveSnapshotResponse>, clock: ServiceDependencies['clock']): Promise<void> {
  let isStalled = false;
  const stalled = new Promise<void>((resolve) => {
    const timer = clock.after(STALLED_MS, () => {
      isStalled = true;
      resolve();
    });
    void sender.drained().then(() => {
      timer.cancel();
      resolve();
    });
  });
  await stalled;
  if (isStalled) throw tooSlow();
}

function busy(): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'SNAPSHOT_UNDER_WAY',
    message: 'another snapshot is being saved\nTry again when it is done.',
  });
}

function tooSlow(): ApiError {
  return new ApiError({
    code: status.ABORTED,
    reason: 'READER_TOO_SLOW',
    message: `nothing of the snapshot was taken for ${STALLED_MS / 1000} s, so it was given up\nTry again, to a faster disk.`,
  });
}
