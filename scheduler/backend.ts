// What a daemon keeps its state in, and who of several daemons on it leads: chosen by the configuration.
import type { Logger } from '../common/log.js';
import type { ServerConfig } from './config.js';
import { openEmbeddedStore } from './store/embedded.js';
import { type Leadership, soleLeadership } from './store/leadership.js';
import type { SpaceReport } from './store/space.js';
import type { StateStore, StoreSnapshot } from './store/state-store.js';

/** A store as a daemon serves it. */
export interface DaemonStore extends StateStore {
  /** What {@link StateStore.space} judged by, for messages and metrics. */
  spaceReport(): SpaceReport;
  /** One moment of the store, durable, that stays as it is while commits go on. */
  snapshot(): StoreSnapshot | Promise<StoreSnapshot>;
}

/** Where the state lies. */
export interface Backend {
  /** Whether several daemons may use it, of which one leads. */
  readonly isShared: boolean;
  /** What is filling up, as people call it. */
  readonly place: string;
  /** @param address where clients and agents reach this daemon. To be called once. */
  openLeadership(address: string): Promise<Leadership>;
  /** Opens it for one term. What is read afterwards is what the store has then. @throws StoreUnusable in words for people */
  openStore(): Promise<DaemonStore>;
}

/** The backend that the configuration names. Nothing is opened yet. */
export function backendOf({ redis, dataDir }: ServerConfig, log: Logger): Backend {
  if (redis === null) {
    return {
      isShared: false,
      place: 'the disk',
      openLeadership: () => Promise.resolve(soleLeadership()),
      openStore: () => openEmbeddedStore({ dataDir }),
    };
  }
  const told = log.child({ component: 'redis' });
  return {
    isShared: true,
    place: 'the memory of Redis',
    // Loaded only where there is a Redis: its client takes a tenth of a second.
    openLeadership: async (address) => (await import('./open-redis.js')).leadershipOnRedis(redis, address, told),
    openStore: async () => (await import('./open-redis.js')).openStoreOnRedis(redis, told),
  };
}
