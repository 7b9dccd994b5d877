// The scheduler's machine: its disk, and the real control of the daemon as the process on it. When it dies, or stops itself, a service manager
// starts it again on what the disk then holds.
import type { Logger } from '../../common/log.js';
import type { ConnectResponse } from '../../proto/gen/sluice/v1/ConnectResponse.js';
import { DEFAULT_POLICY } from '../../scheduler/engine/policy.js';
import { AgentSession, type AgentStream } from '../../scheduler/fleet/session.js';
import { inNewHistory } from '../../scheduler/model/history.js';
import { META_KEY, type ClusterMeta } from '../../scheduler/model/records.js';
import { StoreFailure } from '../../scheduler/store/state-store.js';
import { wireControl, type Control } from '../../scheduler/wire-control.js';
import { monotonicFactory } from 'ulid';
import type { Random } from '../random.js';
import type { Gate } from './agent-stream.js';
import type { ControlPlane, Door } from './control-plane.js';
import { SimMachine, SimProcess } from './machine.js';
import { SimDisk, SimStore, type Image, type StoredImage } from './store.js';
import type { Timeline } from './timeline.js';

const RESTART_MS = [300, 8_000] as const;
/** As many revisions as `sluice snapshot restore` leaves out (scheduler/store/snapshot/restore.ts). */
const SKIPPED_REVISIONS = 2 ** 40;

/**
 * How many records the engine of a daemon that begins is told of in one turn. With as many as a world has it takes up to a second, in which
 * clients and agents come.
 */
export const TELLS_AT_ONCE = 3;
const TELLING_MS = 30;

/** How long the turn takes that a daemon asks for. */
export function nextTurnMs(control: Control | null): number {
  return control?.loop.isFeeding === true ? TELLING_MS : 0;
}

/** What the daemon of every world is told. */
export const DAEMON_CONFIG = {
  policy: DEFAULT_POLICY,
  heartbeatMs: 5_000,
  leaseMs: 20_000,
  maxGraceMs: 3_600_000,
  retention: {
    finishedMs: 30 * 24 * 3_600_000,
    finishedCount: 10_000,
    requestMs: 7 * 24 * 3_600_000,
    requestCount: 100_000,
  },
} as const;

/** Sees what the daemon does. */
export interface DaemonWitness {
  /** It serves, on what it recovered. */
  began(control: Control): void;
  /** A turn of the one writer is over. */
  committed(control: Control): void;
  /** An older copy of its disk was put back; it is not started yet. `isTold`: the copy says so itself. */
  lostHistory(copy: { readonly history: number; readonly isTold: boolean }): void;
  /** It stopped itself although its disk did not fail. */
  stoppedItself(error: unknown): void;
  /** A message leaves for a node. */
  sending(node: string, message: ConnectResponse): void;
}

export interface DaemonSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly witness: DaemonWitness;
  readonly log: Logger;
}

/** A copy of its disk, and in which history it was made. */
export interface Backup {
  readonly image: Image;
  readonly history: number;
}

/** As `sluice snapshot restore --replace` makes it: another lineage, far above what the old one can have come to. */
function asRestored({ position, tables }: Image, replaced: Image, lineage: string, nowMs: number): Image {
  const { epoch, revision } = position;
  const meta = metaOf(tables);
  const lastGiven = metaOf(replaced.tables)?.lastWorkload ?? 0;
  const restored = meta && inNewHistory(meta, lineage, position, 'restored', nowMs, lastGiven);
  return {
    position: { lineage, epoch, revision: revision + SKIPPED_REVISIONS },
    tables: new Map([...tables, ['meta', new Map(restored && [[META_KEY, restored]])]]),
  };
}

function metaOf(tables: Image['tables']): ClusterMeta | undefined {
  return tables.get('meta')?.get(META_KEY) as ClusterMeta | undefined;
}

/** One daemon on a disk of its own: whoever has the disk leads. */
export class SimDaemon implements Door, ControlPlane {
  readonly name = 'daemon';
  readonly machine: SimMachine;
  readonly doors: readonly Door[] = [this];
  readonly leader: Door = this;
  readonly disk: SimDisk;
  readonly #surroundings: DaemonSurroundings;
  readonly #newUlid: (nowMs: number) => string;
  process: SimProcess | null = null;
  /** Null while it does not serve. */
  control: Control | null = null;
  /** Added to every flush, in ms. */
  slowFlushMs = 0;
  /** Which history this is, as its users would count them. */
  histories = 1;
  /** How often it was started. */
  starts = 0;

  constructor(surroundings: DaemonSurroundings, rate: number) {
    this.#surroundings = surroundings;
    const { timeline, random } = surroundings;
    this.machine = new SimMachine(timeline, 'daemon', rate);
    this.disk = new SimDisk('lineage-1');
    this.#newUlid = monotonicFactory(() => random.fraction());
  }

  /** Nobody else can lead. */
  readonly isFresh = (): boolean => true;

  get history(): number {
    return this.histories;
  }

  get where(): StoredImage {
    return this.disk;
  }

  get stored(): StoredImage {
    return this.disk;
  }

  get isSettled(): boolean {
    return this.disk.unflushed === 0;
  }

  start(): void {
    if (this.process?.alive === true) return;
    this.starts += 1;
    const process = new SimProcess(this.machine, 'daemon');
    this.process = process;
    const { random, timeline, log, witness } = this.#surroundings;
    process.atEnd(() => this.disk.crash(random));
    const timing = {
      nextFlushMs: () => this.#nextFlushMs(),
      after: (delayMs: number, callback: () => void) => void process.after(delayMs, 'disk flushed', callback),
    };
    const onFatal = (error: unknown): void => {
      if (!process.alive) return;
      if (!(error instanceof StoreFailure)) witness.stoppedItself(error);
      this.crash();
    };
    wireControl(DAEMON_CONFIG, {
      store: new SimStore(this.disk, timing, random),
      clock: process.clock,
      log,
      newUlid: this.#newUlid,
      newClusterId: () => 'simulated-cluster',
      defer: (callback) => {
        timeline.after(nextTurnMs(this.control), 'daemon defers', () => process.take(callback));
      },
      onFatal,
      tellsAtOnce: TELLS_AT_ONCE,
    }).then((control) => {
      if (!process.alive) return;
      this.control = control;
      witness.began(control);
      control.loop.onTurn(() => process.alive && witness.committed(control));
      control.start();
    }, onFatal);
  }

  /** The process dies; its service manager starts another one. */
  crash(lostPower = false): void {
    if (this.process?.alive !== true) return;
    this.control = null;
    this.process.kill(lostPower);
    const { random, timeline } = this.#surroundings;
    if (lostPower) this.machine.reboot();
    const restartMs = random.between(...RESTART_MS) + (lostPower ? 20_000 : 0);
    timeline.after(restartMs, 'daemon restarted', () => this.start());
  }

  /** A copy of its disk, as a backup would have it. */
  backup(): Backup {
    return { image: this.disk.copy(), history: this.histories };
  }

  /** An older copy of its disk is put in place of it. @param byTheBook whether the restore begins another lineage */
  loseHistory({ image: copy, history }: Backup, byTheBook: boolean): void {
    // A disk of a history that agents left is refused by them for ever, and rightly.
    const isTold = byTheBook || copy.position.lineage !== this.disk.image.position.lineage;
    this.histories += 1;
    this.control = null;
    this.process?.kill();
    if (isTold)
      this.disk.restore(asRestored(copy, this.disk.image, `lineage-${this.histories}`, this.machine.wallMs()));
    else this.disk.restore(copy);
    this.#surroundings.witness.lostHistory({ history, isTold });
    const { random, timeline } = this.#surroundings;
    timeline.after(random.between(...RESTART_MS), 'daemon restarted', () => this.start());
  }

  /** The way in for agents, as it is now. */
  gate(): Gate {
    const { witness, log } = this.#surroundings;
    const { control, process } = this;
    return {
      process: control === null ? null : process,
      accept: (stream: AgentStream) => {
        if (control === null) return;
        const { loop, fleet } = control;
        new AgentSession(stream, { loop, fleet, log, authorizeNode: () => undefined });
      },
      sending: (node, message) => witness.sending(node, message),
    };
  }

  #nextFlushMs(): number {
    const { random } = this.#surroundings;
    const usualMs = random.chance(0.02) ? random.between(5, 200) : random.between(0.2, 4);
    return usualMs + (this.slowFlushMs === 0 ? 0 : random.between(0, this.slowFlushMs));
  }
}
