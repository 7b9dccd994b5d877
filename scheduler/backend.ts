// What a daemon keeps its state in, and who of several daemons on it leads: chosen by the configuration, opened once.
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
  snapshot(): StoreSnapshot;
}

/** Where the state lies. */
export interface Backend {
  readonly leadership: Leadership;
  /** Whether several daemons may use it, of which one leads. */
  readonly isShared: boolean;
  /** Opens it for one term. What is read afterwards is what the store has then. */
  openStore(): Promise<DaemonStore>;
}

/** @throws StoreUnusable in words for people */
export function openBackend(config: ServerConfig, _log: Logger): Promise<Backend> {
  return Promise.resolve({
    leadership: soleLeadership(),
    isShared: false,
    openStore: () => openEmbeddedStore({ dataDir: config.dataDir }),
  });
}
