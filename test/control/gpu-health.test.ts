// Faults of GPUs: what each leads to, who is blamed, what is remembered over restarts, and what operators may say about it.
import { describe, expect, it, test } from 'vitest';
import type { AllocationId } from '../../common/ids.js';
import { quarantineGpu, releaseGpu, takeHealth } from '../../scheduler/control/commands/gpu-health.js';
import { updateInventory } from '../../scheduler/control/commands/nodes.js';
import { takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { DEFAULT_GPU_POLICY, type GpuPolicy } from '../../scheduler/model/gpu-policy.js';
import type { Gpu } from '../../scheduler/model/records.js';
import { seen, Ward } from './ward.js';

describe('what an Xid leads to', () => {
  test.each<[string, number, string, string]>([
    ['a program error', 31, '', '........'],
    ['a contained memory error', 94, '', 's.......'],
    ['a GSP time-out', 119, '', 'q.......'],
    ['a double bit error', 48, '', 'q.......'],
    ['a GPU off the bus', 79, '', 'q.......'],
    ['NVLink: its group follows, the other one does not', 74, '', 'qqqq....'],
    ['NVLink 5, fatal', 149, 'NETIR_LINK_EVT  Fatal   XC0 i0 Link 01', 'qqqq....'],
    ['NVLink 5, not fatal', 145, 'RLW_RXPIPE Nonfatal XC0 i0 Link 13', '........'],
    ['a note', 43, '', '........'],
    [
      'a recovery action',
      154,
      'GPU recovery action changed from 0x4 (Drain and Reset) to 0x1 (GPU Reset Required)',
      'q.......',
    ],
    ['no recovery action', 154, 'GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)', '........'],
    ['one that nobody knows', 999, '', '........'],
  ])('%s: Xid %i', (_, xid, detail, expected) => {
    const ward = new Ward();
    ward.xid(xid, 0, detail);
    expect(ward.health()).toBe(expected);
  });

  it('is, of an NVSwitch that failed, told of all GPUs with NVLink, and ends no program that is to blame', () => {
    const ward = new Ward();
    const { id } = ward.run('ada');
    expect(ward.sxid(20_034, '0000:c1:00.0: Fatal, Link 30 LTSSM Fault Up')).toEqual([
      '8 GPUs of n1 are draining: SXid 20034 (a fatal error of an NVSwitch): 0000:c1:00.0: Fatal, Link 30 LTSSM Fault Up',
    ]);
    expect(ward.health()).toBe('dqqqqqqq');
    expect(ward.shop.state.node(ward.node)?.gpus[7]?.marks).toMatchObject([{ code: 'sxid_20034', endsWith: 'reboot' }]);
    expect(ward.shop.state.allocation(id)?.fault).toContain('an NVSwitch of n1 failed: SXid 20034');
  });

  it('is, of an NVSwitch, kept off GPUs that reach none', () => {
    const ward = new Ward();
    ward.inventory((_, index) => (index < 4 ? {} : { nvlinkGroup: null }));
    ward.sxid(20_034, 'Fatal, Link 30 LTSSM Fault Up');
    expect(ward.health()).toBe('qqqq....');
  });

  test.each<[string, string, Partial<GpuPolicy>, string]>([
    ['that was recovered', 'Non-fatal, Link 32 egress non-posted PRIV error (First)', {}, '........'],
    ['without a severity', '', {}, '........'],
    ['that is configured away', 'Fatal, Link 30 LTSSM Fault Up', { sxid: { 12_028: 'ignore' } }, '........'],
    ['that is configured to drain', 'Non-fatal, Link 32', { sxid: { 12_028: 'drain' } }, 'qqqqqqqq'],
  ])('of an NVSwitch, %s', (_, detail, change, expected) => {
    const ward = new Ward();
    ward.sxid(12_028, detail, { ...DEFAULT_GPU_POLICY, ...change });
    expect(ward.health()).toBe(expected);
  });

  it('follows the configuration before the table', () => {
    const ward = new Ward();
    const policy = { ...DEFAULT_GPU_POLICY, xid: { 31: 'drain', 79: 'ignore' } as const };
    const events = [ward.event({ xid: 31 }), ward.event({ xid: 79, gpu: 'GPU-n1-1' })];
    ward.shop.run(takeHealth(ward.node, events, policy));
    expect(ward.health()).toBe('q.......');
  });

  it('takes an event in once, however often it comes, also after a restart', () => {
    const ward = new Ward();
    const event = ward.event({ xid: 94 });
    ward.shop.run(takeHealth(ward.node, [event]));
    ward.shop.restart();
    expect(ward.shop.run(takeHealth(ward.node, [event]))).toEqual({ xids: [], notes: [], through: 1 });
    expect(ward.shop.state.node(ward.node)?.gpus[0]?.faults).toHaveLength(1);
    expect(ward.health()).toBe('s.......');
  });

  it('keeps the reasons over a restart, and names them in the book of incidents', () => {
    const ward = new Ward();
    ward.xid(119, 2, 'pid=2024380, name=nvidia-smi, Timeout after 6s');
    ward.shop.restart();
    expect(ward.shop.state.node(ward.node)?.gpus[2]).toMatchObject({
      health: 'draining',
      healthMessage: 'Xid 119 (the GPU has to be reset): pid=2024380, name=nvidia-smi, Timeout after 6s',
      marks: [{ code: 'xid_119', health: 'draining', sinceMs: 1_000, actor: '', endsWith: 'reboot' }],
    });
    expect(ward.incidents()).toEqual([
      'gpu_condemned: GPU 2 of n1 is draining: Xid 119 (the GPU has to be reset): pid=2024380, name=nvidia-smi, Timeout after 6s',
    ]);
  });

  it('ends a suspicion by time, whatever else changes meanwhile', () => {
    const ward = new Ward();
    ward.xid(94);
    ward.shop.pass(DEFAULT_GPU_POLICY.suspectMs - 1);
    expect(ward.health()).toBe('s.......');
    ward.shop.restart();
    ward.shop.pass(1);
    expect(ward.health()).toBe('........');
    expect(ward.shop.state.node(ward.node)?.gpus[0]).not.toHaveProperty('marks');
  });

  it('ends a drain with a reboot, but not what a person has to look at', () => {
    const ward = new Ward();
    ward.xid(119, 0);
    ward.xid(54, 1);
    ward.join('n1', 'boot-2');
    expect(ward.health()).toBe('.q......');
  });

  it('notes an Xid on a GPU that it does not know', () => {
    const ward = new Ward();
    ward.xid(79, 99);
    expect(ward.health()).toBe('........');
    expect(ward.incidents()[0]).toContain('that is not in its inventory');
  });

  it('cordons a node of which two GPUs fell off the bus', () => {
    const ward = new Ward();
    ward.xid(79, 0);
    expect(ward.shop.state.node(ward.node)?.cordoned).toBe(false);
    ward.xid(79, 1);
    expect(ward.shop.state.node(ward.node)).toMatchObject({
      cordoned: true,
      cordonReason: '2 GPUs of it failed (0, 1)',
    });
  });

  it('condemns no more when GPUs of too many nodes fail at once', () => {
    const ward = new Ward();
    for (const name of ['n2', 'n3', 'n4']) ward.join(name);
    for (const name of ['n1', 'n2', 'n3']) ward.xid(119, 0, '', name);
    ward.xid(119, 0, '', 'n4');
    expect(['n1', 'n2', 'n3', 'n4'].map((name) => ward.health(name)[0])).toEqual(['q', 'q', 'q', '.']);
    expect(ward.incidents().at(-1)).toContain('gpu_brake: GPU 0 of n4 is not draining');
    ward.shop.pass(DEFAULT_GPU_POLICY.brakeWindowMs);
    ward.xid(119, 0, '', 'n4');
    expect(ward.health('n4')[0]).toBe('q');
  });
});

describe('who is to blame', () => {
  const retry = { max: 1, backoffMs: 0, maxBackoffMs: 0, codes: [], neverCodes: [] };

  it('requeues what broken hardware ended, and charges no retry for it', () => {
    const ward = new Ward();
    const { number, id } = ward.run('alice', { retry });
    ward.xid(48);
    ward.crash(id, null);
    expect(ward.shop.workload(number)).toMatchObject({ state: 'pending', retries: 0, requeues: 1, falseStarts: 0 });
    expect(ward.shop.workload(number).events.at(-2)?.message).toContain('GPU 0 of n1 failed: Xid 48');
    expect(ward.health()).toBe('q.......');
  });

  it('charges a retry for a crash of its own, and condemns nothing, however often', () => {
    const ward = new Ward();
    for (let round = 0; round < 6; round += 1) {
      const { number, id } = ward.run('alice', { retry });
      ward.xid(31);
      ward.crash(id);
      expect(ward.shop.workload(number)).toMatchObject({ state: 'pending', retries: 1, requeues: 0 });
      ward.shop.place(number, ward.node);
      ward.shop.run(takeObservation(ward.node, ward.observed()));
      ward.crash(ward.shop.workload(number).allocations[0] as AllocationId);
      expect(ward.shop.workload(number).state).toBe('failed');
    }
    expect(ward.health()).toBe('........');
    expect(ward.incidents()).toEqual([]);
  });

  it('condemns a GPU on which several workloads of several users met faults', () => {
    const ward = new Ward();
    for (const owner of ['alice', 'alice', 'bob']) {
      const { id } = ward.run(owner);
      expect(ward.health()).toBe('........');
      ward.xid(13);
      ward.crash(id);
    }
    expect(ward.health()).toBe('q.......');
    expect(ward.shop.state.node(ward.node)?.gpus[0]?.healthMessage).toBe(
      'faults under 3 workloads of 2 users within 7d00h, Xid 13 the last',
    );
    // A reboot does not mend it: a person looks.
    ward.join('n1', 'boot-2');
    expect(ward.health()).toBe('q.......');
  });

  it('forgets faults after their time', () => {
    const ward = new Ward();
    for (const owner of ['alice', 'carol', 'bob']) {
      const { id } = ward.run(owner);
      ward.xid(13);
      ward.crash(id);
      ward.shop.pass(DEFAULT_GPU_POLICY.repeatWithinMs / 2 + 1);
    }
    expect(ward.health()).toBe('........');
  });

  it('drains a GPU at the second Xid 109 of another workload within a day', () => {
    const ward = new Ward();
    const first = ward.run('alice');
    ward.xid(109);
    ward.xid(109);
    ward.crash(first.id);
    expect(ward.health()).toBe('........');
    const second = ward.run('alice');
    ward.xid(109);
    expect(ward.health()).toBe('d.......');
    ward.crash(second.id);
    expect(ward.health()).toBe('q.......');
  });

  it('blames nobody in particular for a fault on a GPU that several share', () => {
    const ward = new Ward();
    const share = { request: { gpuMilli: 500 } };
    const [one, two] = [ward.run('alice', share), ward.run('bob', share)];
    expect(one.number).not.toBe(two.number);
    ward.xid(13);
    expect(ward.shop.state.node(ward.node)?.gpus[0]?.faults?.[0]).toMatchObject({ code: 'xid_13' });
  });

  it('stops what runs on a GPU that fell off the bus, the whole gang, and says why', () => {
    const ward = new Ward();
    const { number, id } = ward.run('alice', { tasks: 2 });
    ward.xid(79);
    expect(ward.shop.workload(number)).toMatchObject({ state: 'stopping', afterStop: 'requeue' });
    expect(ward.shop.allocation(id).stop).toMatchObject({ reason: 'gpu_fault' });
    expect(ward.shop.workload(number).message).toContain('GPU 0 of n1 failed: Xid 79 (the GPU has fallen off the bus)');
  });

  it('leaves what runs on a draining GPU alone', () => {
    const ward = new Ward();
    const { number } = ward.run('alice');
    ward.xid(119);
    expect(ward.shop.workload(number).state).toBe('running');
    expect(ward.health()).toBe('d.......');
  });

  it('takes events of a hello before the ends that they explain', () => {
    const ward = new Ward();
    const { number, id } = ward.run('alice', { retry });
    const ended = seen(id, 'exited', { exit: { code: 1, signal: '', message: '' } });
    ward.shop.run(welcomeNode(ward.report('n1'), [ended], undefined, undefined, [ward.event({ xid: 95 })]));
    expect(ward.shop.workload(number)).toMatchObject({ state: 'pending', retries: 0 });
  });

  it('lets a success stand', () => {
    const ward = new Ward();
    const { number, id } = ward.run('alice');
    ward.xid(95);
    ward.shop.run(takeObservation(ward.node, [seen(id, 'released')]));
    expect(ward.shop.workload(number).state).toBe('succeeded');
  });
});

describe('what agents read of their GPUs', () => {
  const symptom = (kind: string, detail: string) => (_: Gpu, index: number) =>
    index === 0 ? { symptoms: [{ kind, detail }] } : {};

  test.each([
    ['recovery_action', 'Drain and Reset', 'q.......'],
    ['recovery_action', 'Reset', 'q.......'],
    ['recovery_action', 'Node Reboot', 'q.......'],
    ['recovery_action', 'Drain P2P', 'qqqq....'],
    ['row_remap_pending', 'rows wait', 'q.......'],
    ['thermal', 'slowed down', 's.......'],
    ['something_new', '?', '........'],
  ])('%s %s counts for as long as it is read', (kind, detail, expected) => {
    const ward = new Ward();
    ward.inventory(symptom(kind, detail));
    expect(ward.health()).toBe(expected);
    ward.shop.restart();
    ward.inventory(symptom(kind, detail));
    expect(ward.health()).toBe(expected);
    expect(ward.shop.state.node(ward.node)?.gpus[0]?.marks?.length ?? 0).toBe(expected === '........' ? 0 : 1);
    ward.inventory(() => ({}));
    expect(ward.health()).toBe('........');
  });

  it('does not forget what a person said when a symptom goes', () => {
    const ward = new Ward();
    ward.inventory(symptom('thermal', 'hot'));
    ward.shop.run(quarantineGpu({ node: 'n1', gpu: '0', reason: 'fan', actor: 'root' }, false));
    ward.inventory(() => ({}));
    expect(ward.shop.state.node(ward.node)?.gpus[0]?.healthMessage).toBe('quarantined by root: fan');
  });

  it('requeues without charge what held a GPU that is lost, and says so', () => {
    const ward = new Ward();
    const { number } = ward.run('alice');
    ward.inventory((_, index) => (index === 0 ? { health: 'lost', healthMessage: 'GPU is lost' } : {}));
    expect(ward.health()).toBe('L.......');
    expect(ward.shop.workload(number)).toMatchObject({ state: 'stopping', afterStop: 'requeue' });
    expect(ward.shop.workload(number).message).toBe('GPU 0 of n1 is lost: GPU is lost');
  });

  it('stops nothing while the driver does not answer', () => {
    const ward = new Ward();
    const { number } = ward.run('alice');
    const { inventory } = ward.report('n1');
    ward.shop.run(updateInventory(ward.node, { ...inventory, gpus: [], gpuProblem: 'nvidia-smi hangs' }));
    expect(ward.health()).toBe('LLLLLLLL');
    expect(ward.shop.workload(number).state).toBe('running');
    ward.inventory(() => ({}));
    expect(ward.health()).toBe('........');
  });

  it('stops what holds a MIG instance that is no more', () => {
    const ward = new Ward();
    const { number } = ward.run('alice');
    ward.inventory((_, index) =>
      index === 0 ? { mig: [{ uuid: 'MIG-1', profile: '1g.10gb', memoryMib: 9_984 }] } : {},
    );
    expect(ward.shop.workload(number).message).toBe('GPU 0 of n1 was put into MIG mode under it');
  });
});

describe('hooks', () => {
  test.each(['prolog_failed', 'epilog_failed'])('%s: the node takes no new work', (kind) => {
    const ward = new Ward();
    const event = ward.event({ kind, gpu: '', detail: 'exit code 3: no scratch' });
    ward.shop.run(takeHealth(ward.node, [event]));
    const hook = kind.replace('_failed', '');
    expect(ward.shop.state.node(ward.node)).toMatchObject({
      cordoned: true,
      cordonReason: `the ${hook} failed: exit code 3: no scratch`,
    });
    expect(ward.incidents()).toEqual([
      `hook_failed: node n1 takes no new work: the ${hook} failed: exit code 3: no scratch`,
    ]);
  });

  it('keep the health check as long as it fails', () => {
    const ward = new Ward();
    const { inventory } = ward.report('n1');
    ward.shop.run(updateInventory(ward.node, { ...inventory, nodeProblem: 'no scratch' }));
    expect(ward.shop.state.node(ward.node)?.nodeProblem).toBe('no scratch');
    ward.shop.run(updateInventory(ward.node, inventory));
    expect(ward.shop.state.node(ward.node)).not.toHaveProperty('nodeProblem');
  });
});

describe('operators', () => {
  const order = (gpu: string, reason = '') => ({ node: 'n1', gpu, reason, actor: 'root' });

  it('quarantine a GPU and release it, by its index or its UUID', () => {
    const ward = new Ward();
    ward.shop.run(quarantineGpu(order('3', 'coil whine'), false));
    expect(ward.health()).toBe('...q....');
    ward.join('n1', 'boot-2');
    ward.shop.restart();
    expect(ward.health()).toBe('...q....');
    ward.shop.run(releaseGpu(order('GPU-n1-3')));
    expect(ward.health()).toBe('........');
    expect(ward.incidents()).toEqual([
      'gpu_quarantined: GPU 3 of n1: coil whine',
      'gpu_released: GPU 3 of n1 (operator)',
    ]);
  });

  it('may leave what runs alone, or stop it', () => {
    const ward = new Ward();
    const { number } = ward.run('alice');
    expect(ward.shop.run(quarantineGpu(order('0'), false)).workloads).toEqual([]);
    expect(ward.shop.workload(number).state).toBe('running');
    expect(ward.shop.run(quarantineGpu(order('0'), true)).workloads).toEqual([number]);
    expect(ward.shop.workload(number)).toMatchObject({
      state: 'stopping',
      message: 'GPU 0 of n1 was quarantined by root',
    });
  });

  it('take back every mark, but not what the agent reads', () => {
    const ward = new Ward();
    ward.xid(119);
    ward.xid(54);
    ward.inventory((_, index) => (index === 0 ? { health: 'quarantined', healthMessage: 'in use by a stranger' } : {}));
    ward.shop.run(releaseGpu(order('0')));
    expect(ward.shop.state.node(ward.node)?.gpus[0]).toMatchObject({
      health: 'quarantined',
      healthMessage: 'in use by a stranger',
    });
    expect(() => ward.shop.run(releaseGpu(order('0')))).toThrow('because its agent reports so (in use by a stranger)');
  });

  it('are told what there is when they name what is not', () => {
    const ward = new Ward();
    expect(() => ward.shop.run(quarantineGpu(order('8'), false))).toThrow('node n1 has 8 GPUs');
    expect(() => ward.shop.run(releaseGpu(order('0')))).toThrow('nothing is held against GPU 0 of n1: it is healthy');
    expect(() => ward.shop.run(releaseGpu({ ...order('0'), node: 'n7' }))).toThrow('node "n7" does not exist');
  });
});
