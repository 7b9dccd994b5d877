// What can happen to real machines, done to real processes. Each fault breaks something, waits, and mends it as far as the
// machine would: processes are started again by their keeper, lines come back, clocks stay wrong until the end.
import { setTimeout as sleep } from 'node:timers/promises';
import { present } from '../../common/assert.js';
import type { Random } from '../random.js';
import type { Life, Node } from './life.js';
import { signal, supervisorsOf } from './processes.js';
import type { Silence } from './proxy.js';
import { failFlushes, hasStrace } from './strace.js';

/** As the scheduler exits when it cannot write. */
const EXIT_FATAL = 70;
/** As it exits when it cannot begin. */
const EXIT_NO_START = 1;
/** How long a disk stays full, or flushes fail, before somebody looks after it. */
const DISK_FAULT_MS = 4_000;

/** One kind of fault. */
export interface Fault {
  readonly name: string;
  /** What it works on; two faults at the same thing wait for each other. */
  readonly target: (node: Node) => string;
  readonly weight: number;
  readonly isPossible: (life: Life) => boolean;
  readonly run: (life: Life, node: Node, random: Random) => Promise<void>;
}

/** Both ways, or one of them: half open, as when a machine is gone but the line is not. */
const SILENCES: readonly [Silence, ...Silence[]] = [
  { up: true, down: true },
  { up: true, down: false },
  { up: false, down: true },
];

const always = (): boolean => true;
const ofScheduler = (): string => 'scheduler';
const ofNode = ({ name }: Node): string => name;
const ofLine = ({ name }: Node): string => `line of ${name}`;

export const FAULTS: readonly Fault[] = [
  {
    name: 'the scheduler is killed',
    target: ofScheduler,
    weight: 6,
    isPossible: always,
    run: ({ scheduler }, _node, random) => scheduler.kill(random.below(3_000)),
  },
  {
    name: 'the scheduler stands still',
    target: ofScheduler,
    weight: 3,
    isPossible: always,
    run: async ({ scheduler }, _node, random) => {
      scheduler.freeze();
      await sleep(random.from(300, 8_000));
      scheduler.thaw();
    },
  },
  {
    name: 'an agent is killed',
    target: ofNode,
    weight: 4,
    isPossible: always,
    run: (_life, { agent }, random) => agent.kill(random.below(6_000)),
  },
  {
    name: 'an agent stands still',
    target: ofNode,
    weight: 3,
    isPossible: always,
    run: async (_life, { agent }, random) => {
      agent.freeze();
      await sleep(random.from(300, 20_000));
      agent.thaw();
    },
  },
  {
    name: 'a supervisor is killed',
    target: ofNode,
    weight: 2,
    isPossible: always,
    run: (_life, { stateDir }) => {
      for (const pid of supervisorsOf(stateDir)) signal(pid, 'SIGKILL');
      return Promise.resolve();
    },
  },
  {
    name: 'a supervisor stands still',
    target: ofNode,
    weight: 1,
    isPossible: always,
    run: async (_life, { stateDir }, random) => {
      const pids = supervisorsOf(stateDir);
      for (const pid of pids) signal(pid, 'SIGSTOP');
      await sleep(random.from(300, 5_000));
      for (const pid of pids) signal(pid, 'SIGCONT');
    },
  },
  {
    name: 'agent and supervisor are killed',
    target: ofNode,
    weight: 2,
    isPossible: always,
    run: async (_life, { agent, stateDir }, random) => {
      const killed = agent.kill(random.below(8_000));
      for (const pid of supervisorsOf(stateDir)) signal(pid, 'SIGKILL');
      await killed;
    },
  },
  {
    name: 'connections of an agent break',
    target: ofLine,
    weight: 2,
    isPossible: always,
    run: (_life, { line }) => {
      line.reset();
      return Promise.resolve();
    },
  },
  {
    name: 'an agent is cut off',
    target: ofLine,
    weight: 3,
    isPossible: always,
    run: async (_life, { line }, random) => {
      if (random.oneIn(2)) line.refuse();
      else line.silence(random.pick(SILENCES));
      await sleep(random.from(500, 20_000));
      line.heal();
    },
  },
  {
    name: 'connections of users break',
    target: () => 'line of users',
    weight: 3,
    isPossible: always,
    run: async ({ line }, _node, random) => {
      if (random.oneIn(2)) line.silence({ up: false, down: true });
      await sleep(random.below(1_000));
      line.reset();
      line.heal();
    },
  },
  {
    name: "the scheduler's flushes fail",
    target: ofScheduler,
    weight: 2,
    isPossible: hasStrace,
    run: async ({ scheduler }) => {
      if (scheduler.pid === null) return;
      const failing = failFlushes(scheduler.pid);
      // Users go on, so that a commit comes soon. One that is just being started says that it cannot.
      await scheduler.whileRight([EXIT_FATAL, EXIT_NO_START], () =>
        Promise.race([scheduler.ended, sleep(DISK_FAULT_MS)]),
      );
      await failing.end();
    },
  },
  {
    name: "an agent's flushes fail",
    target: ofNode,
    weight: 1,
    isPossible: hasStrace,
    run: async (_life, { agent }, random) => {
      if (agent.pid === null) return;
      const failing = failFlushes(agent.pid);
      await sleep(random.from(500, DISK_FAULT_MS));
      await failing.end();
    },
  },
  {
    name: 'the time of day jumps',
    target: () => 'clock',
    weight: 2,
    isPossible: ({ clock }) => clock !== null,
    run: ({ clock }, _node, random) => {
      present(clock, 'a clock that can jump', 'faults').step(random.from(-3_600, 3_600));
      return Promise.resolve();
    },
  },
  {
    name: 'the disk gets full',
    target: ofScheduler,
    weight: 14,
    isPossible: ({ disk }) => disk.kind === 'tmpfs',
    run: async ({ disk, scheduler }, _node, random) => {
      // Low, critical, and to the last byte, where only an error of the write itself can stop it.
      disk.fill(random.pick([600, 100, 0]));
      await scheduler.whileRight([EXIT_FATAL, EXIT_NO_START], () => sleep(random.from(1_000, DISK_FAULT_MS)));
      disk.empty();
      // Started on a full disk it may be about to leave again.
      await scheduler.whileRight([EXIT_NO_START], () => sleep(500));
    },
  },
  {
    name: 'the power is cut',
    target: ofScheduler,
    weight: 8,
    isPossible: ({ disk }) => disk.kind === 'image',
    run: async ({ disk, scheduler }) => {
      await scheduler.stop('SIGKILL');
      disk.cutPower();
      scheduler.start();
    },
  },
];

/** Breaks things at random moments until the time is over. @returns how often each fault came */
export async function breakThings(life: Life, untilMs: number): Promise<ReadonlyMap<string, number>> {
  const { random } = life;
  const possible = FAULTS.filter(({ isPossible }) => isPossible(life));
  const counts = new Map(possible.map(({ name }) => [name, 0]));
  const busy = new Set<string>();
  const underWay = new Set<Promise<void>>();
  while (performance.now() < untilMs) {
    const fault = random.weighted(possible.map((one) => [one.weight, () => one] as const));
    const node = present(life.nodes[random.below(life.nodes.length)], 'a life has nodes', fault.name);
    const target = fault.target(node);
    if (!busy.has(target)) {
      busy.add(target);
      counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
      const done = fault.run(life, node, random).finally(() => {
        busy.delete(target);
        underWay.delete(done);
      });
      underWay.add(done);
    }
    await sleep(random.from(100, 2_500));
  }
  await Promise.all(underWay);
  return counts;
}
