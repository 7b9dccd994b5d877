// Whatever users, agents and machines do, in whatever order: no part of a GPU has two owners, no end is taken back, no
// gang runs in part, what is held does not start, no invariant breaks (each would stop the daemon), and once everybody
// behaves all work ends; and a daemon that begins in the middle of it, and tells its engine bit by bit what there is, comes to know what
// one does that tells everything at once. Everything is real here but the agents, the clock and the disk.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { invariant, present } from '../../common/assert.js';
import { ApiError } from '../../common/errors.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import type { Command, CommandContext } from '../../scheduler/control/command.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { carryOut } from '../../scheduler/control/commands/carry-out.js';
import { announcements, cancelMaintenance, createMaintenance } from '../../scheduler/control/commands/maintenance.js';
import { quarantineGpu, releaseGpu, takeHealth } from '../../scheduler/control/commands/gpu-health.js';
import { cordonNode, removeNode, updateInventory } from '../../scheduler/control/commands/nodes.js';
import { createQueue, deleteQueue, updateQueue } from '../../scheduler/control/commands/queues.js';
import { sweep } from '../../scheduler/control/commands/retention.js';
import { Keeping } from '../../scheduler/control/keeping.js';
import { hold, prioritize, release, requeue } from '../../scheduler/control/commands/steering.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { InvariantGuard } from '../../scheduler/control/invariants/guard.js';
import { checkInvariants } from '../../scheduler/control/recovery.js';
import { Upkeep } from '../../scheduler/control/upkeep.js';
import { ViewFeed } from '../../scheduler/control/view-feed.js';
import type { NodeLiveness } from '../../scheduler/engine/decisions.js';
import { step } from '../../scheduler/engine/engine.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { fenceNode, PLAIN_PAST, takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { ClusterState, isTerminal } from '../../scheduler/model/cluster-state.js';
import { DEFAULT_GPU_POLICY, type GpuPolicy } from '../../scheduler/model/gpu-policy.js';
import { Draft } from '../../scheduler/model/draft.js';
import { META_KEY, type Allocation, type Collections, type RecordChange } from '../../scheduler/model/records.js';
import { knowTheSame, toldAtOnce } from './told-at-once.js';
import { nodeReport, submission } from './workshop.js';
import { accounted } from '../../scheduler/model/usage.js';
import { mayGrow } from '../../scheduler/model/elastic.js';
import {
  GPU_PARTS,
  maxTasks,
  ONLY_GPUS_COUNT,
  oneRole,
  PARTS_PER_MILLI,
  roleOf,
  wholeGpus,
} from '../../scheduler/model/requests.js';

const NODES = ['n1', 'n2', 'n3'].map((name) => ({ id: `node-${name}` as NodeId, name }));
const GPUS = 3;
const QUEUES = { a: 4, b: 3 };
/** Comes and goes. */
const OTHER_QUEUE = 'c' as QueueName;

/** One machine with its agent: it does what it is told, at its own pace, and starts nothing twice. */
class Machine {
  readonly id: NodeId;
  readonly name: string;
  boot = 1;
  /** Health events that it told of. */
  events = 0;
  has = new Map<AllocationId, { observed: Observed; allocation: Allocation }>();
  readonly #everHad = new Set<AllocationId>();
  readonly #generations = new Map<string, number[]>();
  readonly #reported = new Set<AllocationId>();
  #reports: Observed[][] = [[]];

  constructor({ id, name }: { id: NodeId; name: string }) {
    this.id = id;
    this.name = name;
  }

  /** The highest of each GPU that it was granted, which it tells also when its node was forgotten. */
  get generations(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#generations].map(([uuid, known]) => [uuid, Math.max(...known)]));
  }

  /** Takes its orders. `fails` = what is new cannot be started. */
  obey(orders: readonly Allocation[], fails: boolean, nowMs: number): void {
    for (const [id, { observed }] of this.has)
      if (!orders.some((order) => order.id === id) && observed.state !== 'exited') this.has.delete(id);
    for (const allocation of orders) {
      const known = this.has.get(allocation.id);
      if (known !== undefined || this.#everHad.has(allocation.id)) continue;
      const held = [...this.has.values()].filter(({ observed }) => observed.state !== 'released');
      const taken = (of: string): number =>
        held.flatMap((one) => one.allocation.gpus).reduce((sum, { uuid, parts }) => sum + (uuid === of ? parts : 0), 0);
      const isFree = allocation.gpus.every(({ uuid, parts }) => taken(uuid) + parts <= GPU_PARTS);
      if (allocation.stop === null && !fails && !isFree) continue;
      this.#everHad.add(allocation.id);
      const neverStarted = allocation.stop !== null || fails;
      if (!neverStarted)
        for (const { uuid, generation, parts } of allocation.gpus) {
          // Shares of one GPU may start in any order, but no generation is given twice.
          const known = this.#generations.get(uuid) ?? [];
          const isNew = parts === GPU_PARTS ? generation > Math.max(0, ...known) : !known.includes(generation);
          invariant(isNew, 'generations rise', `${uuid}: ${generation}`);
          this.#generations.set(uuid, [...known, generation]);
        }
      const lost = { code: null, signal: '', message: 'could not be started' };
      const none = { endedMs: null, exit: null, checkpoint: null, endpoints: [], stopSignalled: false, dirtyGpus: [] };
      const start = { id: allocation.id, state: 'running', startedMs: nowMs, neverStarted } as const;
      const refused = { state: 'released', startedMs: null, exit: lost, endedMs: nowMs } as const;
      this.has.set(allocation.id, { allocation, observed: { ...start, ...none, ...(neverStarted ? refused : {}) } });
    }
  }

  change(pick: number, from: Observed['state'], to: Partial<Observed>): void {
    const fitting = [...this.has.values()].filter(({ observed }) => observed.state === from);
    const chosen = fitting[pick % Math.max(1, fitting.length)];
    if (chosen === undefined) return;
    this.has.set(chosen.allocation.id, { ...chosen, observed: { ...chosen.observed, ...to } });
  }

  /** A report; `age` > 0 = one that was on its way for long. */
  report(age: number): readonly Observed[] {
    this.#reports = [...this.#reports.slice(-5), [...this.has.values()].map(({ observed }) => observed)];
    const report = present(this.#reports.at(-1 - (age % this.#reports.length)), 'report', String(age));
    for (const { id } of report) this.#reported.add(id);
    return report;
  }

  /** @param how `nothing` = without a trace of what was reported; what was not is in the journal in any case */
  lose(how: 'exits are known' | 'journal' | 'nothing', nowMs: number): void {
    const message = 'lost: its node was rebooted';
    // Whatever was not clean is clean after a reboot.
    if (how !== 'exits are known')
      for (const [id, one] of this.has) this.has.set(id, { ...one, observed: { ...one.observed, dirtyGpus: [] } });
    for (const [id, one] of this.has) {
      if (one.observed.state !== 'running') continue;
      const forgotten = how === 'nothing' && this.#reported.has(id);
      if (forgotten) this.has.delete(id);
      const exit =
        how !== 'exits are known' ? { code: null, signal: '', message } : { code: 0, signal: '', message: '' };
      const observed = { ...one.observed, state: 'exited', exit, endedMs: nowMs } as const;
      if (!forgotten) this.has.set(id, { ...one, observed });
    }
  }
}

class World {
  nowMs = 1_000_000;
  state = new ClusterState();
  view = new ClusterView();
  /** What has yet to tell the view of the records; null = it knows them all. */
  feed: ViewFeed | null = null;
  /** Beside that: a view that was told of them at once, and follows the same changes. */
  toldAtOnce: ClusterView | null = null;
  guard: InvariantGuard;
  upkeep = new Upkeep(this.state);
  readonly machines = NODES.map((node) => new Machine(node));
  readonly #ended = new Map<number, string>();
  #ulids = 0;

  constructor() {
    const meta = { clusterId: 'test', lastWorkload: 0 };
    this.#apply([{ collection: 'meta', key: META_KEY, before: null, after: meta }]);
    this.guard = new InvariantGuard(this.state);
    for (const [name, guaranteeGpus] of Object.entries(QUEUES)) {
      const queue = { parent: null, limitGpus: null, weight: 1, priority: 100, guaranteeGpus, ...ONLY_GPUS_COUNT };
      this.run(createQueue({ ...queue, name: name as QueueName }, false));
    }
    for (const machine of this.machines) this.hello(machine, []);
  }

  run<T>(command: Command<T>): T | null {
    this.nowMs += 1_000;
    try {
      return this.change((draft, context) => command.run(draft, context));
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  }

  change<T>(make: (draft: Draft, context: CommandContext) => T): T {
    const draft = new Draft(this.state);
    const newUlid = (): string => `ULID${String((this.#ulids += 1)).padStart(22, '0')}`;
    const value = make(draft, { nowMs: this.nowMs, newUlid });
    const changes = accounted(this.state, draft.changes(), this.nowMs);
    this.#apply(changes);
    // Limits are the engine's to keep, and here others place work, too.
    const violations = this.guard.check(changes).filter(({ name }) => name !== 'within_limits');
    invariant(violations.length === 0, 'no invariant breaks', JSON.stringify(violations));
    checkInvariants(this.state);
    return value;
  }

  #apply(changes: readonly RecordChange[]): void {
    for (const change of changes) {
      this.#checkStep(change);
      this.state.apply(change);
      if (this.feed === null) this.view.apply(change);
      else this.feed.note(change);
      this.toldAtOnce?.apply(change);
      this.upkeep.note(change);
    }
  }

  /** What control owes by now, to the last. */
  keepUp(): void {
    for (let turns = 0; this.upkeep.isDue(this.nowMs); turns += 1) {
      invariant(turns < 100, 'upkeep comes to an end', String(turns));
      for (const act of this.upkeep.take(this.nowMs)) this.change((draft) => act(draft));
    }
  }

  /** A GPU of a node, other than those in `but`, of which these parts are free. */
  freeGpu(node: NodeId, parts: number, but: readonly number[] = []): number | undefined {
    const held = this.state.heldOn(node).flatMap(({ gpus }) => gpus);
    const gpus = this.state.node(node)?.gpus ?? [];
    return gpus.find(({ index, health }) => {
      const taken = held.filter((gpu) => gpu.index === index).reduce((sum, gpu) => sum + gpu.parts, 0);
      return health === 'healthy' && !but.includes(index) && taken + parts <= GPU_PARTS;
    })?.index;
  }

  #checkStep({ collection, before, after }: RecordChange): void {
    if (collection === 'workloads' && after !== null) {
      const ended = this.#ended.get(after.number);
      invariant((ended ?? after.state) === after.state, 'ends are final', `${after.number}: ${after.state}`);
      if (isTerminal(after.state)) this.#ended.set(after.number, after.state);
      const attempts = after.attempt - (before?.attempt ?? after.attempt);
      invariant(attempts === 0 || attempts === 1, 'attempts are counted', `${after.number}: ${attempts}`);
      const isPlausible = after.lostGpuMs <= after.gpuMs && after.lostGpuMs >= (before?.lostGpuMs ?? 0);
      invariant(isPlausible, 'lost time is part of the time used', `${after.number}: ${after.lostGpuMs}`);
      const starts = before?.state === 'pending' && after.state === 'starting';
      invariant(
        !starts || (before.hold === null && before.gate === null),
        'what is held does not start',
        `${after.number}`,
      );
      const { retry } = after.spec;
      invariant(after.retries <= retry.max, 'retries have an end', `${after.number}: ${after.retries} of ${retry.max}`);
      const counted = after.retries - (before?.retries ?? 0) + after.requeues - (before?.requeues ?? 0);
      const returns = before !== null && before.state !== 'pending' && after.state === 'pending';
      const isCounted = before === null || counted === Number(returns);
      invariant(isCounted, 'each return is a retry or a requeue', `${after.number}: ${counted}`);
    }
    if (collection === 'allocations' && before?.state === 'released')
      invariant((after?.state ?? 'released') === 'released', 'releases are final', before.id);
    if (collection === 'nodes' && before !== null && after !== null)
      for (const { index, uuid, generation } of before.gpus)
        invariant((after.gpus[index]?.generation ?? -1) >= generation, 'generations never fall', uuid);
  }

  /** The engine until it has nothing more to say: it must come to an end by itself. */
  decide(): void {
    this.keepUp();
    // As the loop does: no engine decides by half of what there is.
    if (this.feed?.isDone === false) return;
    for (let steps = 0; steps < 200; steps += 1) {
      const { decisions, complete } = step(this.view, this.nowMs, 20_000);
      for (const decision of decisions) this.change((draft, context) => carryOut(draft, decision, context));
      this.keepUp();
      if (complete && decisions.length === 0) return;
    }
    throw new Error('the engine decides for ever');
  }

  hello(machine: Machine, observed: readonly Observed[]): void {
    const report = nodeReport(machine.id, machine.name, GPUS, undefined, `boot-${machine.boot}`);
    this.run(welcomeNode(report, observed, { ...PLAIN_PAST, generations: machine.generations }));
    this.setLiveness(machine.id, 'ready');
  }

  setLiveness(node: NodeId, liveness: NodeLiveness): void {
    for (const view of [this.view, this.toldAtOnce]) view?.setLiveness(node, liveness);
  }

  /** The daemon starts again: everything it knows comes from its records. @param perFeed how many its engine is told of at a time */
  restart(perFeed: number | null = null): void {
    const old = this.state;
    this.state = new ClusterState();
    this.upkeep = new Upkeep(this.state);
    [this.feed, this.toldAtOnce] = [null, null];
    this.view = new ClusterView();
    for (const collection of [
      'allocations',
      'meta',
      'nodes',
      'queues',
      'requests',
      'workloads',
      'incidents',
      'usage',
      'notices',
    ] as const) {
      const records = collection === 'meta' ? [[META_KEY, old.meta] as const] : [...old[collection]];
      for (const [key, record] of records) {
        const after = JSON.parse(JSON.stringify(record)) as Collections[typeof collection];
        this.#apply([{ collection, key, before: null, after } as RecordChange]);
      }
    }
    checkInvariants(this.state);
    this.guard = new InvariantGuard(this.state);
    this.upkeep = new Upkeep(this.state);
    if (perFeed !== null) {
      this.view = new ClusterView();
      this.feed = new ViewFeed(this.view, this.state, perFeed);
      this.toldAtOnce = toldAtOnce(this.state);
    }
    for (const machine of this.machines) this.hello(machine, machine.report(0));
  }
}

const pick = fc.nat(20);
const op = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      queue: fc.constantFrom('a', 'b', 'a', 'b', 'c'),
      tasks: fc.integer({ min: 1, max: 3 }),
      gpus: fc.nat(3),
      priority: fc.constantFrom(50, 90),
      preemptible: fc.boolean(),
      surplus: fc.constantFrom(0, 0, 2),
      gpuMilli: fc.constantFrom(1_000, 1_000, 500, 250),
      retries: fc.nat(2),
      timeLimitMs: fc.constantFrom(null, 30_000),
      after: fc.option(pick, { nil: null, freq: 4 }),
      condition: fc.constantFrom('succeeded' as const, 'ended' as const, 'failed' as const, 'started' as const),
      array: fc.option(fc.integer({ min: 1, max: 2 }), { nil: null, freq: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hold' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('requeue' as const), pick, hold: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('prioritize' as const), pick, priority: fc.constantFrom(50, 90) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(5_000, 30_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('grow' as const), node: pick, pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('shrink' as const), pick, tasks: fc.array(fc.nat(4)) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('maintain' as const),
      node: pick,
      inMs: fc.constantFrom(0, 5_000),
      everyMs: fc.constantFrom(null, 60_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unmaintain' as const), pick }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('tick' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('obey' as const), node: pick, fails: fc.nat(5) }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('report' as const), node: pick, age: fc.constantFrom(0, 0, 0, 0, 1, 3) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      node: pick,
      pick,
      code: fc.constantFrom(0, 1),
      signalled: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('clean' as const), node: pick, pick, dirty: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('checkpoint' as const), node: pick, pick, step: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fence' as const), node: pick }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reboot' as const),
      node: pick,
      how: fc.constantFrom('journal' as const, 'nothing' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hello' as const), node: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cordon' as const), node: pick, on: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      node: pick,
      gpu: fc.nat(GPUS - 1),
      xid: fc.constantFrom(13, 31, 74, 79, 94, 109, 119),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('lose gpu' as const),
      node: pick,
      gpu: fc.nat(GPUS - 1),
      lost: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('judge gpu' as const),
      node: pick,
      gpu: fc.nat(GPUS - 1),
      word: fc.constantFrom('quarantine' as const, 'stop' as const, 'release' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('queue' as const),
      queue: fc.constantFrom('a', 'b'),
      guarantee: fc.nat(6),
      limit: fc.nat(9),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('new queue' as const, 'delete queue' as const), limit: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove node' as const), node: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Op = typeof op extends fc.Arbitrary<infer T> ? T : never;

function carry(world: World, one: Op): void {
  const machine = present(world.machines['node' in one ? one.node % world.machines.length : 0], 'machine', one.do);
  switch (one.do) {
    case 'submit': {
      const { queue, tasks, gpus, priority, preemptible, gpuMilli, timeLimitMs } = one;
      const request = { ...wholeGpus(gpuMilli < 1_000 ? Math.min(gpus, 1) : gpus), gpuMilli };
      const [role] = oneRole(tasks, request);
      const roles = role === undefined ? [] : [{ ...role, maxTasks: tasks + one.surplus }];
      const retry = { max: one.retries, backoffMs: 3_000, maxBackoffMs: 3_000, codes: [], neverCodes: [] };
      const dependencies = one.after === null ? [] : [{ workload: anyOf(world, one.after), condition: one.condition }];
      const fields = { roles, priority, preemptible, timeLimitMs, retry, dependencies, queue: queue as QueueName };
      const asked = submission([fields]);
      const asArray = one.array === null ? {} : { asArray: { size: 3, concurrency: one.array, firstIndex: 0 } };
      world.run(submit({ ...asked, specs: asked.specs.map((spec) => ({ ...spec, ...asArray })) }));
      return;
    }
    case 'hold':
      world.run(hold([String(anyOf(world, one.pick))], '', 'alice'));
      return;
    case 'release':
      world.run(release([String(anyOf(world, one.pick))], 'alice'));
      return;
    case 'requeue':
      world.run(requeue([String(anyOf(world, one.pick))], '', 'alice', one.hold));
      return;
    case 'prioritize':
      world.run(prioritize([String(anyOf(world, one.pick))], one.priority, 'alice'));
      return;
    case 'wait':
      world.nowMs += one.ms;
      return;
    case 'grow':
      return grow(world, machine.id, one.pick);
    case 'shrink':
      return shrink(world, one.pick, one.tasks);
    case 'maintain': {
      const window = { startMs: world.nowMs + one.inMs, durationMs: 10_000, everyMs: one.everyMs, reason: '' };
      world.run(createMaintenance({ nodes: [machine.name], ...window }));
      return;
    }
    case 'unmaintain': {
      const known = announcements(world.state.nodes.values());
      const chosen = known[one.pick % Math.max(1, known.length)];
      if (chosen !== undefined) world.run(cancelMaintenance(chosen.maintenance.id, []));
      return;
    }
    case 'tick':
      // All agents hear and are heard, so that work gets anywhere at all.
      for (const one of world.machines) {
        one.obey(world.state.heldOn(one.id), false, world.nowMs);
        world.run(takeObservation(one.id, one.report(0)));
      }
      return;
    case 'obey':
      return machine.obey(world.state.heldOn(machine.id), one.fails === 0, world.nowMs);
    case 'report':
      world.run(takeObservation(machine.id, machine.report(one.age)));
      return;
    case 'end': {
      const exit = { code: one.code, signal: '', message: '' };
      return machine.change(one.pick, 'running', {
        state: 'exited',
        exit,
        endedMs: world.nowMs,
        stopSignalled: one.signalled,
      });
    }
    case 'clean': {
      const dirtyGpus = one.dirty === 0 ? [`GPU-${machine.name}-0`] : [];
      return machine.change(one.pick, 'exited', { state: 'released', dirtyGpus });
    }
    case 'checkpoint': {
      const checkpoint = { step: one.step, path: `/c/${one.step}`, timeMs: world.nowMs };
      return machine.change(one.pick, 'running', { checkpoint });
    }
    case 'cancel':
      world.run(cancel([String(anyOf(world, one.pick))], '', 'alice'));
      return;
    case 'fence':
      // By then the agent and its supervisor have ended everything.
      world.setLiveness(machine.id, 'down');
      machine.lose('exits are known', world.nowMs);
      world.run(
        fenceNode(
          machine.id,
          world.state.heldOn(machine.id).map(({ id }) => id),
        ),
      );
      return;
    case 'reboot':
      machine.boot += 1;
      machine.lose(one.how, world.nowMs);
      return world.hello(machine, machine.report(0));
    case 'hello':
      return world.hello(machine, machine.report(0));
    case 'cordon':
      world.run(cordonNode(machine.name, one.on, ''));
      return;
    case 'fault': {
      machine.events += 1;
      const event = { sequence: machine.events, timeMs: world.nowMs, kind: 'xid', detail: '', allocation: '' };
      world.run(takeHealth(machine.id, [{ ...event, xid: one.xid, gpu: `GPU-${machine.name}-${one.gpu}` }], FAULTS));
      return;
    }
    case 'lose gpu': {
      const { inventory } = nodeReport(machine.id, machine.name, GPUS);
      const gpus = inventory.gpus.map((gpu, at) =>
        one.lost && at === one.gpu ? { ...gpu, health: 'lost' as const, healthMessage: 'GPU is lost' } : gpu,
      );
      world.run(updateInventory(machine.id, { ...inventory, gpus }, FAULTS));
      return;
    }
    case 'judge gpu':
      judge(world, machine.name, one.gpu, one.word);
      return;
    case 'queue':
      world.run(updateQueue(one.queue, { guaranteeGpus: one.guarantee, limitGpus: one.limit }, false));
      return;
    case 'new queue': {
      const figures = { parent: null, guaranteeGpus: 0, limitGpus: one.limit, weight: 1, priority: 100 };
      world.run(createQueue({ ...figures, ...ONLY_GPUS_COUNT, name: OTHER_QUEUE }, false));
      return;
    }
    case 'delete queue':
      world.run(deleteQueue(OTHER_QUEUE));
      return;
    case 'remove node':
      world.run(removeNode(machine.name, 'root'));
      return;
    case 'sweep':
      world.run(
        sweep({ finishedMs: 20_000, finishedCount: 3, requestMs: 1, requestCount: 1_000 }, new Keeping(world.state)),
      );
      return;
    case 'restart':
      return world.restart();
  }
}

/** Nodes are not cordoned for their GPUs and no brake closes, so that there is always more to break. */
const FAULTS: GpuPolicy = { ...DEFAULT_GPU_POLICY, suspectMs: 10_000, repeatUsers: 1, nodeGpus: 0, brakeNodes: 99 };

/** A person's word about a GPU; there may be nothing to release, or a stray on it. */
function judge(world: World, node: string, gpu: number, word: 'quarantine' | 'stop' | 'release'): void {
  const order = { node, gpu: String(gpu), reason: '', actor: 'root' };
  const known = world.state.nodeNamed(node)?.gpus[gpu];
  if (word !== 'release') world.run(quarantineGpu(order, word === 'stop'));
  else if (known?.quarantinedFor === undefined && (known?.marks !== undefined || known?.quarantine !== undefined)) {
    world.run(releaseGpu(order));
  }
}

/** The number of some workload; it may be one that is not there any more. */
function anyOf(world: World, chosen: number): WorkloadNumber {
  return (1 + (chosen % Math.max(1, world.state.meta.lastWorkload))) as WorkloadNumber;
}

/** A surplus task for some workload that may have one, wherever a node has room, as any engine may decide. */
function grow(world: World, node: NodeId, chosen: number): void {
  const candidates = [...world.state.workloads.values()].filter((workload) => {
    const present = workload.allocations.flatMap((id) => world.state.allocation(id) ?? []);
    return mayGrow(workload, present) && present.length < maxTasks(workload.spec) && workload.claim === null;
  });
  const workload = candidates[chosen % Math.max(1, candidates.length)];
  if (workload === undefined || world.state.node(node)?.cordoned !== false) return;
  const taken = workload.allocations.map((id) => world.state.allocation(id)?.task);
  const task = Array.from({ length: maxTasks(workload.spec) }, (_, number) => number).find(
    (one) => !taken.includes(one),
  );
  if (task === undefined) return;
  const { gpus: count, gpuMilli } = roleOf(workload.spec, task).request;
  const parts = gpuMilli * PARTS_PER_MILLI;
  const gpus: number[] = [];
  for (let taking = 0; taking < count; taking += 1) {
    const index = world.freeGpu(node, parts, gpus);
    if (index === undefined) return;
    gpus.push(index);
  }
  const placements = [{ task, node, gpus, parts, instances: [] }];
  const decision = { type: 'bind', workload: workload.number, placements } as const;
  world.change((draft, context) => carryOut(draft, decision, context));
}

/** Some running tasks of some workload are evicted, whichever they are. */
function shrink(world: World, chosen: number, tasks: readonly number[]): void {
  const live = (id: AllocationId): boolean => {
    const state = world.state.allocation(id)?.state;
    return state === 'placed' || state === 'running';
  };
  const candidates = [...world.state.workloads.values()].filter(({ allocations }) => allocations.some(live));
  const workload = candidates[chosen % Math.max(1, candidates.length)];
  const running = (workload?.allocations ?? []).filter(live);
  const named = running.filter((_, at) => tasks.includes(at));
  if (workload === undefined || named.length === 0) return;
  const why = { reason: 'preempted', forWorkload: null, message: 'at random' } as const;
  const decision = { type: 'evict', workload: workload.number, allocations: named, ...why } as const;
  world.change((draft, context) => carryOut(draft, decision, context));
}

/** Everybody behaves: nodes come back, every program ends well, every stop is obeyed. */
function behave(world: World): void {
  // What is not preemptible may have been taken when its queue was guaranteed more.
  for (const name of world.state.queues.keys())
    world.run(updateQueue(name, { guaranteeGpus: 9, limitGpus: null }, false));
  for (const { maintenance } of announcements(world.state.nodes.values()))
    world.run(cancelMaintenance(maintenance.id, []));
  for (const { number } of world.state.workloads.values()) world.run(release([String(number)], 'alice'));
  for (const machine of world.machines) {
    world.run(cordonNode(machine.name, false, ''));
    machine.boot += 1;
    machine.lose('journal', world.nowMs);
    world.hello(machine, machine.report(0));
    for (let gpu = 0; gpu < GPUS; gpu += 1) judge(world, machine.name, gpu, 'release');
  }
  const live = () => [...world.state.workloads.values()].filter(({ state }) => !isTerminal(state));
  for (
    let round = 0;
    live().length > 0 || world.machines.some(({ id }) => world.state.heldOn(id).length > 0);
    round += 1
  ) {
    if (round > 100)
      throw new Error(
        `work never ends: ${live()
          .map(({ number, state }) => `${number} ${state}`)
          .join(', ')}`,
      );
    world.nowMs += 5_000;
    world.decide();
    for (const machine of world.machines) {
      machine.obey(world.state.heldOn(machine.id), false, world.nowMs);
      world.run(takeObservation(machine.id, machine.report(0)));
      for (const { allocation, observed } of machine.has.values()) {
        if (observed.state === 'exited') machine.change(0, 'exited', { state: 'released' });
        if (observed.state !== 'running') continue;
        const stop = world.state.allocation(allocation.id)?.stop ?? null;
        const exit = { code: 0, signal: '', message: '' };
        const observedEnd = {
          ...observed,
          state: 'released',
          exit,
          endedMs: world.nowMs,
          stopSignalled: stop !== null,
        } as const;
        machine.has.set(allocation.id, { allocation, observed: observedEnd });
      }
      world.run(takeObservation(machine.id, machine.report(0)));
    }
  }
}

test('whatever happens, in whatever order', () => {
  fc.assert(
    fc.property(fc.array(op, { minLength: 20, maxLength: 120, size: 'max' }), (ops) => {
      const world = new World();
      for (const one of ops) {
        carry(world, one);
        world.decide();
      }
      behave(world);
      const numbers = [...world.state.workloads.values()].map(({ number }: { number: WorkloadNumber }) => number);
      expect(new Set(numbers).size).toBe(numbers.length);
    }),
    { numRuns: 150, seed: 20_261_124 },
  );
});

test('an engine that is told bit by bit, whatever happens meanwhile, knows what one knows that was told at once', () => {
  const perFeed = fc.integer({ min: 1, max: 3 });
  const before = fc.array(op, { minLength: 20, maxLength: 60, size: 'max' });
  const meanwhile = fc.array(fc.record({ one: op, feeds: fc.boolean() }), { minLength: 5, maxLength: 40, size: 'max' });
  let changedMeanwhile = 0;
  fc.assert(
    fc.property(before, perFeed, meanwhile, (ops, records, later) => {
      const world = new World();
      for (const one of ops) {
        carry(world, one);
        world.decide();
      }
      world.restart(records);
      const { feed } = world;
      for (const { one, feeds } of later) {
        if (feed?.isDone !== false || world.feed !== feed) break;
        // Another daemon begins anew, which is the same again.
        if (one.do === 'restart') continue;
        carry(world, one);
        world.keepUp();
        changedMeanwhile += 1;
        if (feeds) feed.feed(() => false);
      }
      feed?.finish();
      const atOnce = present(world.toldAtOnce, 'view', 'told at once');
      knowTheSame(world.view, atOnce, world.nowMs);
      expect(step(world.view, world.nowMs, 1e9).decisions).toEqual(step(atOnce, world.nowMs, 1e9).decisions);
    }),
    { numRuns: 150, seed: 20_261_124 },
  );
  expect(changedMeanwhile).toBeGreaterThan(1_000);
});
