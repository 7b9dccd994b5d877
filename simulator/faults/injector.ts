// Lets the faults of a plan happen, each at its time and for its time, and makes everything whole again at the end.
import type { Random } from '../random.js';
import type { ControlPlane } from './control-plane.js';
import type { Backup, SimDaemon } from './daemon.js';
import type { SimProcess } from './machine.js';
import type { Link, Way } from './network.js';
import type { SimNode } from './node.js';
import { CALM_MS, type Fault } from './plan.js';
import { isRedisFault, type RedisInjector } from './redis/injector.js';
import type { Timeline } from './timeline.js';

/** Between two cuts, and two mends, of one swizzle. */
const SWIZZLE_STEP_MS = 2_000;
/** How often of two daemons the one that stands by is hit. */
const STANDBY_HIT = 0.2;
/** How many of the older copies are restored as the manual says. */
const BY_THE_BOOK = 0.7;
/** How long an agent that flaps lives, about, with the time until it is started again. */
const FLAP_MS = 5_000;
/** The furthest that a time of day jumps. */
const CLOCK_STEP_MS = 3_600_000;

export interface Places {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly plane: ControlPlane;
  /** Null = the scheduler has no disk of its own. */
  readonly disk: SimDaemon | null;
  /** Null = the scheduler has a disk. */
  readonly redis: RedisInjector | null;
  readonly nodes: readonly SimNode[];
  /** By the name of the node or client. */
  readonly links: ReadonlyMap<string, Link>;
  readonly clients: readonly string[];
}

export class Injector {
  readonly #places: Places;
  readonly #copies = new Map<Fault, Backup>();
  #healed = false;

  constructor(places: Places) {
    this.#places = places;
  }

  /** What a fault needs to be done before it happens, and when. */
  prepare(fault: Fault): void {
    if (fault.kind !== 'lost history') return;
    const { disk, timeline } = this.#places;
    if (disk === null) return;
    const copyAtMs = Math.max(CALM_MS, fault.atMs - fault.forMs);
    timeline.after(copyAtMs - timeline.nowMs, 'backup', () => this.#copies.set(fault, disk.backup()));
  }

  inject(fault: Fault): void {
    const { plane, disk, redis, nodes, timeline } = this.#places;
    const node = nodes[fault.node % nodes.length];
    if (node === undefined) return;
    const { forMs, chance } = fault;
    const later = (delayMs: number, label: string, act: () => void): void => {
      timeline.after(delayMs, label, () => {
        if (!this.#healed) act();
      });
    };
    const pause = (process: SimProcess | null | undefined, after: () => void = () => undefined): void => {
      process?.pause();
      after();
      later(forMs, 'goes on', () => {
        process?.resume();
        after();
      });
    };
    if (isRedisFault(fault.kind)) {
      redis?.inject(fault.kind, fault, later);
      return;
    }
    const links = this.#linksOf(node.name);
    // Of several daemons mostly the one that leads.
    const others = plane.doors.filter((door) => door !== plane.leader);
    const daemon = others.length > 0 && chance * 16 - Math.floor(chance * 16) < STANDBY_HIT ? others[0] : plane.leader;
    if (daemon === undefined) return;
    switch (fault.kind) {
      case 'daemon crash':
        return daemon.crash();
      case 'daemon power cut':
        return daemon.crash(true);
      case 'daemon pause':
        return pause(daemon.process);
      case 'agent crash':
        return node.crashAgent();
      case 'agent flaps':
        // It dies again and again, soon after it was started.
        for (let atMs = 0; atMs < forMs; atMs += FLAP_MS * (0.5 + chance)) {
          later(atMs, 'agent dies again', () => node.crashAgent());
        }
        return;
      case 'agent away':
        return this.#holdDown(node, forMs);
      case 'agent pause':
        return pause(node.agent, () => node.noteGuards());
      case 'supervisor crash':
        return node.crashSupervisor();
      case 'supervisor pause':
        return pause(node.supervisor?.process, () => node.noteGuards());
      case 'node power cut':
        node.losePower();
        later(2_000 + forMs, 'power is back', () => node.boot());
        return;
      case 'node freeze':
        for (const process of processesOf(node)) pause(process, () => node.noteGuards());
        return;
      case 'node asleep':
        // It wakes up, and is not reached for as long again.
        for (const process of processesOf(node)) pause(process, () => node.noteGuards());
        return this.#cut(waysOf(links, 'both'), 2 * forMs, later);
      case 'cut':
        return this.#cut(waysOf(links, 'both'), forMs, later);
      case 'cut up':
        return this.#cut(waysOf(links, 'up'), forMs, later);
      case 'cut down':
        return this.#cut(waysOf(links, 'down'), forMs, later);
      case 'slow link':
        for (const way of waysOf(links, 'both')) way.slowMs = 20 + chance * 4_000;
        later(forMs, 'link is quick again', () => {
          for (const way of waysOf(links, 'both')) way.slowMs = 0;
        });
        return;
      case 'swizzle':
        return this.#swizzle(forMs, later);
      case 'clock step': {
        const machine = chance < 0.5 ? daemon.machine : node.machine;
        // Either way, on either machine.
        machine.wallStepMs += Math.round((((chance * 4) % 2) - 1) * CLOCK_STEP_MS);
        return;
      }
      case 'failed flush':
        if (disk !== null) disk.disk.failsNext = true;
        return;
      case 'slow disk':
        if (disk === null) return;
        disk.slowFlushMs = 50 + chance * 8_000;
        later(forMs, 'disk is quick again', () => (disk.slowFlushMs = 0));
        return;
      case 'low space':
      case 'full disk':
        if (disk === null) return;
        disk.disk.space = fault.kind === 'low space' ? 'low' : 'critical';
        later(forMs, 'disk has room again', () => (disk.disk.space = 'ample'));
        return;
      case 'lost gpu':
      case 'dirty gpu': {
        const { gpus } = node.driver;
        const gpu = gpus[Math.floor(chance * gpus.length)];
        if (gpu === undefined) return;
        if (fault.kind === 'lost gpu') {
          gpu.isLost = true;
          later(forMs, 'gpu is back', () => (gpu.isLost = false));
        } else {
          gpu.lagMs = forMs;
          later(forMs, 'gpu is quick again', () => (gpu.lagMs = 0));
        }
        return;
      }
      case 'driver hang':
        node.driver.hangs = true;
        later(forMs, 'driver answers again', () => (node.driver.hangs = false));
        return;
      case 'damaged journal':
        if (chance < 0.5) {
          node.losePower();
          later(2_000 + forMs / 4, 'power is back', () => node.boot());
        }
        return node.damageJournal();
      case 'lost history': {
        const copy = this.#copies.get(fault);
        // The official way begins another lineage at once; a disk that was put back by hand does not say so.
        if (copy !== undefined) disk?.loseHistory(copy, chance < BY_THE_BOOK);
        return;
      }
      case 'client cut': {
        const { clients } = this.#places;
        const ways = this.#linksOf(clients[Math.floor(chance * clients.length)] ?? '');
        return this.#cut(waysOf(ways, chance < 0.3 ? 'up' : chance < 0.6 ? 'down' : 'both'), forMs, later);
      }
    }
  }

  /** Everything works again, for good. */
  heal(): void {
    this.#healed = true;
    const { plane, disk, redis, nodes, links } = this.#places;
    for (const { up, down } of links.values()) {
      for (const way of [up, down]) {
        way.mend();
        way.slowMs = 0;
      }
    }
    if (disk !== null) {
      disk.disk.space = 'ample';
      disk.disk.failsNext = false;
      disk.slowFlushMs = 0;
    }
    for (const door of plane.doors) door.process?.resume();
    redis?.heal();
    for (const node of nodes) {
      for (const process of processesOf(node)) process.resume();
      node.noteGuards();
      node.driver.hangs = false;
      for (const gpu of node.driver.gpus) {
        gpu.isLost = false;
        gpu.lagMs = 0;
      }
      node.isHeldDown = false;
      node.boot();
      node.startAgent();
    }
  }

  /** The ways from a node or client to every daemon. */
  #linksOf(name: string): readonly Link[] {
    const links = this.#places.plane.doors.flatMap((_, at) => this.#places.links.get(linkName(name, at)) ?? []);
    if (links.length === 0) throw new Error(`nothing is called ${name}`);
    return links;
  }

  /** The agent is away for so long that nobody but the supervisor can end what it runs. */
  #holdDown(node: SimNode, forMs: number): void {
    node.isHeldDown = true;
    node.crashAgent();
    this.#places.timeline.after(forMs, 'agent may come back', () => {
      node.isHeldDown = false;
      node.startAgent();
    });
  }

  #cut(ways: readonly Way[], forMs: number, later: Later): void {
    for (const way of ways) way.cut();
    later(forMs, 'way is mended', () => {
      for (const way of ways) way.mend();
    });
  }

  /** Cuts one node after the other, then mends them in another order: the best finder of bugs that FoundationDB knows. */
  #swizzle(forMs: number, later: Later): void {
    const { nodes, random } = this.#places;
    const chosen = nodes.filter(() => random.chance(0.7));
    const order = chosen.map((node) => ({ node, at: random.fraction() })).sort((a, b) => a.at - b.at);
    chosen.forEach((node, at) => {
      later(at * SWIZZLE_STEP_MS, 'swizzle cuts', () => {
        this.#cut(waysOf(this.#linksOf(node.name), 'both'), 3_600_000, later);
      });
    });
    order.forEach(({ node }, at) => {
      later(chosen.length * SWIZZLE_STEP_MS + forMs + at * SWIZZLE_STEP_MS, 'swizzle mends', () => {
        for (const way of waysOf(this.#linksOf(node.name), 'both')) way.mend();
      });
    });
  }
}

/** Lets something happen after a while, unless everything was healed by then. */
export type Later = (delayMs: number, label: string, act: () => void) => void;

/** The link of a node or client to the daemon at that place. */
export function linkName(machine: string, at: number): string {
  return at === 0 ? machine : `${machine} to ${at}`;
}

function waysOf(links: readonly Link[], which: 'up' | 'down' | 'both'): readonly Way[] {
  return links.flatMap(({ up, down }) => (which === 'up' ? [up] : which === 'down' ? [down] : [up, down]));
}

function processesOf(node: SimNode): SimProcess[] {
  const processes = [node.agent, node.supervisor?.process, ...[...node.tasks].map(({ process }) => process)];
  return processes.filter((process) => process !== null && process !== undefined);
}
