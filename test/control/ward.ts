// A node with GPUs that break, for tests: what its agent sees and what operators say, in a few words.
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { type HealthEvent, takeHealth } from '../../scheduler/control/commands/gpu-health.js';
import { updateInventory } from '../../scheduler/control/commands/nodes.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { shownHealth } from '../../scheduler/model/gpu-health.js';
import { DEFAULT_GPU_POLICY } from '../../scheduler/model/gpu-policy.js';
import type { Gpu } from '../../scheduler/model/records.js';
import { nodeReport, type SpecFields, submission, Workshop } from './workshop.js';

/** A node of 8 GPUs in two NVLink groups, and what happens to it, in a few words. */
export class Ward {
  readonly shop = new Workshop();
  readonly node: NodeId;
  #sequence = 0;

  constructor() {
    this.shop.queue('research');
    this.node = this.join('n1');
  }

  join(name: string, bootId = 'boot-1'): NodeId {
    const id = `node-${name}` as NodeId;
    this.shop.run(welcomeNode(this.report(name, bootId), this.observed()));
    return id;
  }

  report(name: string, bootId = 'boot-1', change: (gpu: Gpu, index: number) => Partial<Gpu> = () => ({})) {
    const report = nodeReport(`node-${name}` as NodeId, name, 8, undefined, bootId);
    const gpus = report.inventory.gpus.map((gpu, index) => {
      return { ...gpu, nvlinkGroup: Math.floor(index / 4), ...change(gpu as Gpu, index) };
    });
    return { ...report, inventory: { ...report.inventory, gpus } };
  }

  /** What the agent says it runs: all that is live. */
  observed(): Observed[] {
    return this.shop.state.heldOn(`node-n1` as NodeId).map(({ id }) => seen(id, 'running'));
  }

  inventory(change: (gpu: Gpu, index: number) => Partial<Gpu>, gpuProblem = ''): void {
    const { inventory } = this.report('n1', 'boot-1', change);
    this.shop.run(updateInventory(this.node, { ...inventory, gpuProblem }));
  }

  event(change: Partial<HealthEvent>, node = 'n1'): HealthEvent {
    this.#sequence += 1;
    const gpu = `GPU-${node}-0`;
    return {
      sequence: this.#sequence,
      timeMs: this.shop.nowMs,
      kind: 'xid',
      gpu,
      xid: 0,
      detail: '',
      allocation: '',
      ...change,
    };
  }

  xid(xid: number, gpu = 0, detail = '', node = 'n1'): readonly string[] {
    const event = this.event({ xid, detail, gpu: `GPU-${node}-${gpu}` }, node);
    return this.shop.run(takeHealth(`node-${node}` as NodeId, [event])).notes;
  }

  sxid(xid: number, detail: string, policy = DEFAULT_GPU_POLICY): readonly string[] {
    const event = this.event({ kind: 'sxid', xid, detail, gpu: '' });
    return this.shop.run(takeHealth(this.node, [event], policy)).notes;
  }

  run(owner: string, fields: SpecFields = {}): { number: WorkloadNumber; id: AllocationId } {
    const [workload] = this.shop.run(submit({ ...submission([fields]), owner }));
    if (workload === undefined) throw new Error('nothing was accepted');
    const [id] = this.shop.place(workload.number, this.node) as [AllocationId];
    this.shop.run(takeObservation(this.node, this.observed()));
    return { number: workload.number, id };
  }

  /** It ends with an error, and its GPU is clean afterwards. */
  crash(id: AllocationId, code: number | null = 1): void {
    const others = this.observed().filter((one) => one.id !== id);
    const exit = { code, signal: code === null ? 'SIGBUS' : '', message: '' };
    for (const state of ['exited', 'released'] as const) {
      this.shop.run(takeObservation(this.node, [...others, seen(id, state, { exit })]));
    }
  }

  health(node = 'n1'): string {
    const state = this.shop.state;
    const held = new Set(state.heldOn(`node-${node}` as NodeId).flatMap(({ gpus }) => gpus.map(({ uuid }) => uuid)));
    const letters = { healthy: '.', suspect: 's', draining: 'd', quarantined: 'q', lost: 'L' };
    const gpus = state.node(`node-${node}` as NodeId)?.gpus ?? [];
    return gpus.map((gpu) => letters[shownHealth(gpu, held.has(gpu.uuid))]).join('');
  }

  incidents(): string[] {
    return [...this.shop.state.incidents.values()].map(({ kind, message }) => `${kind}: ${message}`);
  }
}

/** What an agent reports of one allocation. */
export function seen(id: AllocationId, state: Observed['state'], fields: Partial<Observed> = {}): Observed {
  const isOver = state === 'exited' || state === 'released';
  return {
    id,
    state,
    startedMs: 1_000,
    endedMs: isOver ? 90_000 : null,
    exit: isOver ? { code: 0, signal: '', message: '' } : null,
    checkpoint: null,
    endpoints: [],
    neverStarted: false,
    stopSignalled: false,
    dirtyGpus: [],
    ...fields,
  };
}
