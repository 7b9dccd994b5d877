// Lets the faults of a plan happen, each at its time and for its time, and makes everything whole again at the end.
import type { Random } from '../random.js';
import type { Backup, SimDaemon } from './daemon.js';
import type { SimProcess } from './machine.js';
import type { Link, Way } from './network.js';
import type { SimNode } from './node.js';
import { CALM_MS, type Fault } from './plan.js';
import type { Timeline } from './timeline.js';

/** Between two cuts, and two mends, of one swizzle. */
const SWIZZLE_STEP_MS = 2_000;
/** How many of the older copies are restored as the manual says. */
const BY_THE_BOOK = 0.7;
/** How long an agent that flaps lives, about, with the time until it is started again. */
const FLAP_MS = 5_000;
/** The furthest that a time of day jumps. */
const CLOCK_STEP_MS = 3_600_000;

export interface Places {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly daemon: SimDaemon;
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
    const { daemon, timeline } = this.#places;
    const copyAtMs = Math.max(CALM_MS, fault.atMs - fault.forMs);
    timeline.after(copyAtMs - timeline.nowMs, 'backup', () => this.#copies.set(fault, daemon.backup()));
  }

  inject(fault: Fault): void {
    const { daemon, nodes, timeline } = this.#places;
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
    const link = this.#link(node.name);
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
        return this.#cut([link.up, link.down], 2 * forMs, later);
      case 'cut':
        return this.#cut([link.up, link.down], forMs, later);
      case 'cut up':
        return this.#cut([link.up], forMs, later);
      case 'cut down':
        return this.#cut([link.down], forMs, later);
      case 'slow link':
        link.up.slowMs = link.down.slowMs = 20 + chance * 4_000;
        later(forMs, 'link is quick again', () => (link.up.slowMs = link.down.slowMs = 0));
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
        daemon.disk.failsNext = true;
        return;
      case 'slow disk':
        daemon.slowFlushMs = 50 + chance * 8_000;
        later(forMs, 'disk is quick again', () => (daemon.slowFlushMs = 0));
        return;
      case 'low space':
      case 'full disk':
        daemon.disk.space = fault.kind === 'low space' ? 'low' : 'critical';
        later(forMs, 'disk has room again', () => (daemon.disk.space = 'ample'));
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
        if (copy !== undefined) daemon.loseHistory(copy, chance < BY_THE_BOOK);
        return;
      }
      case 'client cut': {
        const { clients } = this.#places;
        const { up, down } = this.#link(clients[Math.floor(chance * clients.length)] ?? '');
        return this.#cut(chance < 0.3 ? [up] : chance < 0.6 ? [down] : [up, down], forMs, later);
      }
    }
  }

  /** Everything works again, for good. */
  heal(): void {
    this.#healed = true;
    const { daemon, nodes, links } = this.#places;
    for (const { up, down } of links.values()) {
      for (const way of [up, down]) {
        way.mend();
        way.slowMs = 0;
      }
    }
    daemon.disk.space = 'ample';
    daemon.disk.failsNext = false;
    daemon.slowFlushMs = 0;
    daemon.process?.resume();
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

  #link(name: string): Link {
    const link = this.#places.links.get(name);
    if (link === undefined) throw new Error(`nothing is called ${name}`);
    return link;
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
        const { up, down } = this.#link(node.name);
        this.#cut([up, down], 3_600_000, later);
      });
    });
    order.forEach(({ node }, at) => {
      later(chosen.length * SWIZZLE_STEP_MS + forMs + at * SWIZZLE_STEP_MS, 'swizzle mends', () => {
        const { up, down } = this.#link(node.name);
        up.mend();
        down.mend();
      });
    });
  }
}

type Later = (delayMs: number, label: string, act: () => void) => void;

function processesOf(node: SimNode): SimProcess[] {
  const processes = [node.agent, node.supervisor?.process, ...[...node.tasks].map(({ process }) => process)];
  return processes.filter((process) => process !== null && process !== undefined);
}
