// The calendar of nodes: what is announced, what begins, what is over.
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../common/errors.js';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import {
  announcements,
  cancelMaintenance,
  createMaintenance,
  MAX_MAINTENANCES_PER_NODE,
  type Announced,
} from '../../scheduler/control/commands/maintenance.js';
import { registerNode } from '../../scheduler/control/commands/nodes.js';
import { Upkeep } from '../../scheduler/control/upkeep.js';
import { markStarted } from '../../scheduler/model/lifecycle.js';
import { ANYWHERE, GPU_PARTS, wholeGpus } from '../../scheduler/model/requests.js';
import { desiredOf } from '../../scheduler/fleet/desired.js';
import { nodeReport, Workshop } from './workshop.js';

const HOUR = 3_600_000;
const WEEK = 168 * HOUR;

class Stage extends Workshop {
  readonly n1: NodeId;
  readonly n2: NodeId;

  constructor() {
    super();
    this.queue('research', { guaranteeGpus: 8 });
    [this.n1, this.n2] = [this.node('n1', 8), this.node('n2', 8)];
  }

  announce(fields: Partial<Announced> = {}) {
    const usual = { nodes: ['n1'], startMs: this.nowMs + HOUR, durationMs: 2 * HOUR, everyMs: null, reason: 'fans' };
    return this.run(createMaintenance({ ...usual, ...fields }));
  }

  start(number: WorkloadNumber, node: NodeId): AllocationId {
    const [id] = this.place(number, node) as [AllocationId];
    this.change((draft) => markStarted(draft, id, this.nowMs, this.nowMs));
    return id;
  }

  listed(): readonly string[] {
    return announcements(this.state.nodes.values()).map(
      ({ maintenance, nodes }) => `${maintenance.reason}: ${nodes.join()}`,
    );
  }
}

describe('an announcement', () => {
  test('is one for all its nodes, and the same twice is one', () => {
    const stage = new Stage();
    const first = stage.announce({ nodes: ['n2', 'n1'] });
    expect(first.nodes).toEqual(['n1', 'n2']);
    expect(stage.announce({ nodes: ['n1', 'n2'] }).maintenance.id).toBe(first.maintenance.id);
    stage.announce({ nodes: ['n1'], reason: 'disk' });
    expect(stage.listed()).toEqual(['fans: n1,n2', 'disk: n1']);
  });

  test('is taken back for some nodes, or for all', () => {
    const stage = new Stage();
    const { id } = stage.announce({ nodes: ['n1', 'n2'] }).maintenance;
    expect(stage.run(cancelMaintenance(id, ['n2'])).nodes).toEqual(['n2']);
    expect(stage.listed()).toEqual(['fans: n1']);
    expect(stage.run(cancelMaintenance(id, [])).nodes).toEqual(['n1']);
    expect(() => stage.run(cancelMaintenance(id, []))).toThrow(`no maintenance with the id "${id}" is announced`);
  });

  test.each<[string, (stage: Stage) => unknown, string]>([
    ['of an unknown node', (stage) => stage.announce({ nodes: ['n1', 'n9'] }), 'node "n9" does not exist'],
    [
      'of a time that is past',
      (stage) => stage.announce({ startMs: stage.nowMs - 3 * HOUR }),
      'would have ended 1h00m ago; nothing was announced',
    ],
    [
      'beyond the most that a node keeps',
      (stage) => {
        for (let count = 0; count <= MAX_MAINTENANCES_PER_NODE; count += 1) stage.announce({ reason: `r${count}` });
      },
      `has ${MAX_MAINTENANCES_PER_NODE} announced maintenances`,
    ],
  ])('%s is refused, whole', (_, make, words) => {
    const stage = new Stage();
    expect(() => make(stage)).toThrow(words);
    expect(() => make(new Stage())).toThrow(ApiError);
    expect(stage.listed().length).toBeLessThanOrEqual(MAX_MAINTENANCES_PER_NODE);
    expect(stage.listed().join()).not.toContain('fans');
  });

  test('outlives a reconnect of its node', () => {
    const stage = new Stage();
    stage.announce();
    stage.change((draft) => registerNode(draft, nodeReport(stage.n1, 'n1', 8), stage.nowMs));
    expect(stage.listed()).toEqual(['fans: n1']);
  });
});

describe('at its start', () => {
  test('what runs on its nodes is stopped with its grace and requeued; what runs elsewhere goes on', () => {
    const stage = new Stage();
    const [here, there] = [stage.submit({ name: 'a' }), stage.submit({ name: 'b' })];
    const id = stage.start(here, stage.n1);
    stage.start(there, stage.n2);
    stage.announce();
    stage.pass(HOUR - 1);
    expect(stage.workload(here).state).toBe('running');
    stage.pass(1);
    expect(stage.workload(here)).toMatchObject({ state: 'stopping', afterStop: 'requeue' });
    expect(stage.allocation(id).stop).toMatchObject({
      reason: 'maintenance',
      graceMs: 30_000,
      message: 'maintenance of n1 begins: fans',
    });
    expect(stage.workload(there).state).toBe('running');
  });

  test('of a drain, what runs there is told that it is one', () => {
    const stage = new Stage();
    const id = stage.start(stage.submit(), stage.n1);
    stage.announce({ startMs: null, reason: 'drain: new fans' });
    stage.pass();
    expect(stage.allocation(id).stop).toMatchObject({ reason: 'drain' });
    const { allocations } = desiredOf(stage.state, stage.n1, { epoch: 1, revision: 1, leaderId: '' });
    expect(allocations?.[0]?.stop?.reason).toBe('STOP_REASON_DRAIN');
  });

  test('an elastic workload loses only its surplus tasks there', () => {
    const stage = new Stage();
    const role = {
      name: '',
      minTasks: 1,
      maxTasks: 3,
      request: wholeGpus(1),
      rules: ANYWHERE,
      topology: null,
      program: null,
    };
    const number = stage.submit({ roles: [role] });
    const at = (task: number, node: NodeId) => ({ task, node, gpus: [task], parts: GPU_PARTS, instances: [] });
    stage.decide({ type: 'bind', workload: number, placements: [at(0, stage.n2)] });
    stage.decide({ type: 'bind', workload: number, placements: [at(1, stage.n1), at(2, stage.n2)] });
    stage.announce({ startMs: null });
    stage.pass();
    expect(stage.workload(number).allocations.map((id) => stage.allocation(id).state)).toEqual([
      'placed',
      'stopping',
      'placed',
    ]);
    expect(stage.workload(number).afterStop).toBeNull();
  });

  test('of one that begins now, or began while the daemon was down, it is done at once, and only once', () => {
    const now = new Stage();
    const id = now.start(now.submit(), now.n1);
    now.announce({ startMs: null });
    now.pass();
    expect(now.allocation(id).stop?.reason).toBe('maintenance');
    const down = new Stage();
    const other = down.start(down.submit(), down.n1);
    down.announce();
    down.nowMs += 2 * HOUR;
    down.upkeep = new Upkeep(down.state);
    expect(down.pass()).toBe(1);
    expect(down.allocation(other).stop?.reason).toBe('maintenance');
    expect(down.pass()).toBe(0);
  });
});

describe('at its end', () => {
  test('one that does not come again is let go', () => {
    const stage = new Stage();
    stage.announce();
    stage.pass(3 * HOUR - 1);
    expect(stage.listed()).toEqual(['fans: n1']);
    stage.pass(1);
    expect(stage.listed()).toEqual([]);
    expect(stage.upkeep.nextMs()).toBeNull();
  });

  test('one that comes every week is kept, and stops what runs each time', () => {
    const stage = new Stage();
    const firstMs = stage.announce({ everyMs: WEEK }).maintenance.startMs;
    for (let week = 0; week < 3; week += 1) {
      stage.pass(firstMs + week * WEEK - stage.nowMs - 1);
      const id = stage.start(stage.submit(), stage.n1);
      stage.pass(1);
      expect(stage.allocation(id).stop?.reason).toBe('maintenance');
      stage.pass(2 * HOUR);
      expect(stage.listed()).toEqual(['fans: n1']);
      expect(stage.upkeep.nextMs()).toBe(firstMs + (week + 1) * WEEK);
    }
  });
});
