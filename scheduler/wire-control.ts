// Wires what decides: the one writer on a recovered state, those who watch it, the agents, the regular sweep. The daemon does so with the
// machine's clock and disk, the simulator with its own.
import type { Clock, Timer } from '../common/clock.js';
import type { UlidMaker } from '../common/ids.js';
import type { Logger } from '../common/log.js';
import { MAX_PER_SWEEP, sweep } from './control/commands/retention.js';
import { ControlLoop } from './control/loop.js';
import { recover, type Recovered } from './control/recovery.js';
import { WatchHub } from './control/watch-hub.js';
import type { ServerConfig } from './config.js';
import { ClusterView } from './engine/view.js';
import { Fleet } from './fleet/fleet.js';
import type { StateStore } from './store/state-store.js';

/** How often finished work past its time is let go. */
const SWEEP_MS = 60_000;
/** How soon a sweep that left something goes on: 1,000 a minute would never catch up with a busy cluster. */
const NEXT_SWEEP_MS = 500;

export interface ControlSurroundings {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newUlid: UlidMaker;
  /** Makes a UUID for a store that has no cluster yet. */
  readonly newClusterId: () => string;
  /** Runs a callback once the present turn of the event loop is over. */
  readonly defer: (callback: () => void) => void;
  /** Called once with what makes going on impossible. */
  readonly onFatal: (error: unknown) => void;
}

/** What decides, ready but not begun. */
export interface Control extends Recovered {
  readonly view: ClusterView;
  readonly loop: ControlLoop;
  readonly hub: WatchHub;
  readonly fleet: Fleet;
  /** Begins: leases run, the engine decides, finished work is let go. */
  start(): void;
  /** Finishes what waits. Agents and tasks go on. */
  stop(): Promise<void>;
}

/** Recovers the state and puts everything around it. @throws what {@link recover} throws */
export async function wireControl(
  config: Pick<ServerConfig, 'policy' | 'heartbeatMs' | 'leaseMs' | 'maxGraceMs' | 'retention'>,
  { store, clock, log, newUlid, newClusterId, defer, onFatal }: ControlSurroundings,
): Promise<Control> {
  const view = new ClusterView(config.policy);
  const recovered = await recover(store, view, newClusterId, clock.wallMs());
  const { state, position } = recovered;
  const loop = new ControlLoop({ store, state, view, clock, newUlid, position, defer, onFatal });
  const hub = new WatchHub(position.revision);
  loop.onCommitted((committed) => hub.publish(committed));
  const { heartbeatMs, leaseMs, maxGraceMs } = config;
  const fleetOptions = { heartbeatMs, leaseMs, maxGraceMs };
  const known = [...state.nodes.values()].map(({ id }) => id);
  const fleet = new Fleet(fleetOptions, { loop, clock, log: log.child({ component: 'fleet' }) }, known, state.meta);
  let sweeping: Timer | null = null;
  return {
    ...recovered,
    view,
    loop,
    hub,
    fleet,
    start: () => {
      fleet.start();
      loop.wakeEngine();
      sweeping = sweepRegularly(loop, config, clock, log);
    },
    stop: async () => {
      sweeping?.cancel();
      fleet.stop();
      await loop.stop();
    },
  };
}

function sweepRegularly(
  loop: ControlLoop,
  { retention }: Pick<ServerConfig, 'retention'>,
  clock: Clock,
  log: Logger,
): Timer {
  let timer: Timer;
  const next = (delayMs: number): void => {
    timer = clock.after(delayMs, () => {
      loop
        .execute(sweep(retention))
        .then((removed) => {
          if (removed > 0) log.info({ removed }, 'let go of finished work past its time');
          next(removed < MAX_PER_SWEEP ? SWEEP_MS : NEXT_SWEEP_MS);
        })
        .catch((error: unknown) => {
          log.error({ err: error }, 'the sweep of finished work failed');
          next(SWEEP_MS);
        });
    });
  };
  next(SWEEP_MS);
  return { cancel: () => timer.cancel() };
}
