// Puts a snapshot into a Redis, while no daemon leads on it. It is built beside the state in force, and takes its place in one step.
import type { Clock } from '../../../common/clock.js';
import { StoreUnusable } from '../data-folder.js';
import { CURRENT_SCHEMA } from '../schema.js';
import { askWhatMakesWay, beginningOf, fill, refuseNewer, type Restored, stamp } from '../snapshot/restore.js';
import { verifySnapshot } from '../snapshot/read.js';
import type { IoredisPort } from './ioredis-port.js';
import type { LeaderCard } from '../leadership.js';
import type { RedisPort } from './port.js';
import { decode, readRecords } from './records.js';
import { openRedisStore } from './redis-store.js';
import { keysOf } from './scripts.js';

/** The room in which a restore builds. */
export const RESTORING_ROOM = 'restoring';

export interface RedisRestoreOptions {
  readonly file: string;
  /** The Redis as people call it. */
  readonly name: string;
  readonly prefix: string;
  readonly copies: number;
  /** Whether a state that is there makes way; it is kept under other keys. */
  readonly replace: boolean;
  readonly nowMs: number;
  readonly clock: Clock;
  /** Opens a port; the caller of this function closes none. */
  readonly open: (room: string) => IoredisPort;
}

/**
 * Restores a snapshot. Wherever it is cut off, the Redis holds the old state or the new, whole.
 * @throws {@link StoreUnusable} in words for people; nothing was changed then
 */
export async function restoreIntoRedis(options: RedisRestoreOptions): Promise<Restored> {
  const { file, name, prefix, copies, replace, nowMs, clock, open } = options;
  const snapshot = await verifySnapshot(file);
  refuseNewer(snapshot, CURRENT_SCHEMA);
  const target = open('');
  try {
    const claim = await target.claimed();
    if (claim !== null) throw inUse(name, claim.card);
    const present = await target.readHead();
    if (present !== null && !replace) {
      throw new StoreUnusable(
        'NOT_EMPTY',
        `the Redis ${name} holds a state under the prefix "${prefix}".\n` +
          'Restore under another prefix, or say --replace: the state that is there is kept under other keys.',
      );
    }
    const { lastWorkload, unread } = await askWhatMakesWay(() => (present === null ? 0 : lastWorkloadOn(target)));
    const building = open(RESTORING_ROOM);
    const begin = beginningOf(snapshot);
    const version = snapshot.header.schema;
    // A daemon of the state that is there, wherever it is frozen, must find a later epoch.
    const epoch = Math.max(begin.epoch, present?.epoch ?? 0);
    await building.clear();
    await building.writeHead(null, { ...begin, epoch, schema: version, term: '' });
    const store = { clock, copies, newLineage: () => begin.lineage };
    const asSaved = await openRedisStore({ ...store, port: building, schema: { version, upgrades: [] } });
    try {
      await fill(asSaved, snapshot, begin.lineage, nowMs, lastWorkload);
    } finally {
      await asSaved.close();
    }
    const upgraded = await openRedisStore({ ...store, port: open(RESTORING_ROOM) });
    const position = await upgraded.beginEpoch();
    await upgraded.close();
    const kept = `replaced-${stamp(nowMs)}`;
    const leader = await target.install(keysOf(prefix, RESTORING_ROOM), keysOf(prefix, kept));
    if (leader !== null) throw inUse(name, leader);
    if (copies > 0) await target.waitForCopies(copies, COPIES_LIMIT_MS);
    return { snapshot, position, keptAs: present === null ? null : `{${prefix}}:${kept}:*`, unread };
  } finally {
    await target.close();
  }
}

/** The highest number of a workload that the state of a Redis gave; 0 = it has none. */
async function lastWorkloadOn(port: RedisPort): Promise<number> {
  const [record] = (await readRecords(port)).finish({ commits: [] }, ['meta']).map(decode);
  return record?.collection === 'meta' ? record.value.lastWorkload : 0;
}

/** How long the copies of the last step may take, in ms. The state is in force without them. */
const COPIES_LIMIT_MS = 10_000;

function inUse(name: string, { address }: LeaderCard): StoreUnusable {
  return new StoreUnusable(
    'LOCKED',
    `the daemon at ${address} leads on the Redis ${name}.\nStop every daemon first, and wait until the leader's claim has run out.`,
  );
}
