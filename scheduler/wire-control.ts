// Wires what decides: the one writer on a recovered state, those who watch it, the agents, the regular sweep. The daemon does so with the
// machine's clock and disk, the simulator with its own.
import type { Clock, Timer } from '../common/clock.js';
import { SteadyClock, type SteadySource } from '../common/steady-clock.js';
import type { UlidMaker } from '../common/ids.js';
import type { Logger } from '../common/log.js';
import { isNearlyFull, RECORDS_A_SWEEP, sweep } from './control/commands/retention.js';
import { AdviceWatch } from './control/advice-watch.js';
import { CopyWatch } from './control/copy-watch.js';
import { BudgetWatch } from './control/budget-watch.js';
import { Keeping } from './control/keeping.js';
import { ControlLoop } from './control/loop.js';
import { InvariantWatch } from './control/invariants/watch.js';
import { recover, type Recovered } from './control/recovery.js';
import { IDLE_AFTER_MS, UsageUpkeep } from './control/usage-upkeep.js';
import { ViewFeed } from './control/view-feed.js';
import { WatchHub } from './control/watch-hub.js';
import type { ServerConfig } from './config.js';
import { ClusterView } from './engine/view.js';
import { Fleet } from './fleet/fleet.js';
import { NO_PRICES } from './model/prices.js';
import { KEEPS_ALL } from './model/usage-history.js';
import type { StateStore, StorePosition } from './store/state-store.js';

/** How often finished work past its time is let go. */
const SWEEP_MS = 60_000;
/** How soon a sweep that left something goes on: 5,000 records a second, in turns of a few milliseconds. */
const NEXT_SWEEP_MS = 50;
/** How often a sweep is begun before its minute because room for request ids runs out. */
const HURRY_MS = 1_000;

export interface ControlSurroundings {
  readonly store: StateStore;
  readonly clock: SteadySource;
  readonly log: Logger;
  readonly newUlid: UlidMaker;
  /** Makes a UUID for a store that has no cluster yet. */
  readonly newClusterId: () => string;
  /** Makes the key of tokens of tasks for a cluster that has none yet; absent = tasks get none. */
  readonly newTaskKey?: () => string;
  /** Runs a callback once the present turn of the event loop is over. */
  readonly defer: (callback: () => void) => void;
  /** Called once with what makes going on impossible. */
  readonly onFatal: (error: unknown) => void;
  /** Whether this daemon leads for certain; absent = always, since nobody else can. */
  readonly isFresh?: () => boolean;
  /** Whether the store keeps itself on several machines; absent = it does not. */
  readonly isStoreShared?: boolean;
  /** How many records the engine is told of in one turn of a start, at most; absent = as many as there is time for. */
  readonly tellsAtOnce?: number;
  /** Where the history stood when this daemon last led. */
  readonly lastKnown?: StorePosition | null;
}

/** What decides, ready but not begun. */
export interface Control extends Recovered {
  readonly view: ClusterView;
  readonly loop: ControlLoop;
  readonly hub: WatchHub;
  readonly fleet: Fleet;
  /** What is to be said of running workloads. */
  readonly advice: AdviceWatch;
  readonly budgets: BudgetWatch;
  /** The time by which everything is decided. */
  readonly clock: SteadyClock;
  /** Begins: leases run, the engine decides, finished work is let go. */
  start(): void;
  /** Finishes what waits. Agents and tasks go on. */
  stop(): Promise<void>;
  /** Ends at once, without finishing or telling anything: another daemon may lead. */
  abandon(): void;
}

/** Recovers the state and puts everything around it. @throws what {@link recover} throws */
export async function wireControl(
  config: Pick<ServerConfig, 'policy' | 'heartbeatMs' | 'leaseMs' | 'maxGraceMs' | 'retention'> &
    Partial<Pick<ServerConfig, 'redis' | 'fencing' | 'gpuHealth' | 'usageRetention' | 'idleAfterMs' | 'prices'>>,
  {
    store,
    clock: machineClock,
    log,
    newUlid,
    newClusterId,
    newTaskKey,
    defer,
    onFatal,
    isFresh = () => true,
    isStoreShared = false,
    tellsAtOnce,
    lastKnown = null,
  }: ControlSurroundings,
): Promise<Control> {
  const clock = new SteadyClock(machineClock, (jump) => {
    const what = jump.isFollowed ? 'it was wrong and is followed' : 'decisions follow it slowly';
    log.warn(jump, `the clock of this machine jumped: ${what}`);
  });
  const view = new ClusterView(config.policy);
  const leaderId = newUlid(clock.wallMs());
  const lostClusterId = config.fencing?.lostClusterId ?? null;
  const remembered = {
    lostClusterId,
    lastKnown,
    newLineage: () => newUlid(clock.wallMs()),
    ...(newTaskKey === undefined ? {} : { newTaskKey }),
  };
  const recovered = await recover(store, null, newClusterId, clock.wallMs(), remembered, leaderId);
  const { state, position } = recovered;
  const feed = new ViewFeed(view, state, tellsAtOnce);
  const loop = new ControlLoop({
    store,
    state,
    view,
    feed,
    clock,
    newUlid,
    position,
    leaderId,
    defer,
    onFatal,
    isFresh,
  });
  const invariants = new InvariantWatch({ loop, clock, log: log.child({ component: 'invariants' }), onFatal });
  invariants.noteAtBeginning(recovered.violations);
  const hub = new WatchHub(position.revision);
  loop.onCommitted((committed) => hub.publish(committed));
  const { heartbeatMs, leaseMs, maxGraceMs, fencing, gpuHealth, redis } = config;
  const fleetOptions = {
    heartbeatMs,
    leaseMs,
    maxGraceMs,
    ...fencing,
    overlapMs: redis?.leaderHoldMs ?? 0,
    ...(gpuHealth === undefined ? {} : { gpu: gpuHealth }),
  };
  const known = [...state.nodes.values()].map(({ id }) => id);
  const fleet = new Fleet(
    fleetOptions,
    { loop, clock: machineClock, log: log.child({ component: 'fleet' }), isFresh, isStoreShared },
    known,
    state.meta,
  );
  if (recovered.loss !== null) fleet.noteLossAtBeginning(recovered.loss);
  if (recovered.doubt !== null) fleet.noteOtherCopy(recovered.doubt);
  const copies = new CopyWatch({ store, loop, state, clock, log: log.child({ component: 'copies' }) });
  const keeping = new Keeping(state);
  loop.onCommitted(({ changes }) => changes.forEach((change) => keeping.note(change)));
  const sweeper = new Sweeper({ loop, keeping, retention: config.retention, clock, log });
  loop.onCommitted(() => {
    if (isNearlyFull(state.requests.size, config.retention)) sweeper.hurry();
  });
  const usage = new UsageUpkeep({
    loop,
    clock,
    log: log.child({ component: 'usage' }),
    measurements: {
      idleMs: (uuid) => fleet.idleMs(uuid),
      isHeard: (node) => fleet.softState(node).liveness === 'ready',
    },
    retention: config.usageRetention ?? KEEPS_ALL,
    idleAfterMs: config.idleAfterMs ?? IDLE_AFTER_MS,
  });
  const advice = new AdviceWatch({
    loop,
    clock,
    log: log.child({ component: 'advice' }),
    live: (id) => fleet.useOf(id),
    measured: () => fleet.measuredTasks,
  });
  const budgets = new BudgetWatch({
    loop,
    state,
    clock,
    log: log.child({ component: 'budgets' }),
    prices: config.prices ?? NO_PRICES,
  });
  return {
    ...recovered,
    view,
    loop,
    hub,
    fleet,
    advice,
    budgets,
    clock,
    start: () => {
      fleet.start();
      copies.start();
      invariants.start();
      loop.wakeEngine();
      sweeper.start();
      usage.start();
      advice.start();
      budgets.start();
    },
    stop: async () => {
      advice.stop();
      budgets.stop();
      usage.stop();
      sweeper.stop();
      invariants.stop();
      copies.stop();
      fleet.stop();
      await loop.stop();
    },
    abandon: () => {
      // First, so that nothing that ends with the sessions is committed.
      loop.abandon();
      advice.stop();
      budgets.stop();
      usage.stop();
      sweeper.stop();
      invariants.stop();
      copies.stop();
      fleet.stop();
    },
  };
}

interface Sweeping {
  readonly loop: ControlLoop;
  readonly keeping: Keeping;
  readonly retention: ServerConfig['retention'];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Lets go of what is past its time, every minute, and goes on at once as long as there is more. */
class Sweeper {
  readonly #deps: Sweeping;
  #timer: Timer | null = null;
  #isSweeping = false;
  /** When somebody last hurried it, by the monotonic clock. */
  #hurriedMs = -Infinity;

  constructor(deps: Sweeping) {
    this.#deps = deps;
  }

  start(): void {
    this.#next(SWEEP_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Sweeps soon, at most every {@link HURRY_MS}: where nothing may go yet, looking again at once finds nothing either. */
  hurry(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (this.#timer === null || this.#isSweeping || nowMs - this.#hurriedMs < HURRY_MS) return;
    this.#hurriedMs = nowMs;
    this.#next(0);
  }

  #next(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.after(delayMs, () => void this.#sweep());
  }

  async #sweep(): Promise<void> {
    const { loop, keeping, retention, log } = this.#deps;
    this.#isSweeping = true;
    let removed = 0;
    try {
      removed = await loop.execute(sweep(retention, keeping));
      if (removed > 0) log.debug({ removed }, 'let go of finished work past its time');
    } catch (error) {
      log.error({ err: error }, 'the sweep of finished work failed');
    }
    this.#isSweeping = false;
    if (this.#timer !== null) this.#next(removed < RECORDS_A_SWEEP ? SWEEP_MS : NEXT_SWEEP_MS);
  }
}
