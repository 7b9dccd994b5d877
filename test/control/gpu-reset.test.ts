// Resets of GPUs: when one is asked of an agent, which GPUs go together, and what its outcome changes.
import { describe, expect, it, test } from 'vitest';
import { releaseGpu, takeHealth } from '../../scheduler/control/commands/gpu-health.js';
import { resetGpu } from '../../scheduler/control/commands/gpu-reset.js';
import { desiredOf } from '../../scheduler/fleet/desired.js';
import { DEFAULT_GPU_POLICY } from '../../scheduler/model/gpu-policy.js';
import type { ResetPolicy } from '../../scheduler/model/gpu-reset.js';
import type { Gpu } from '../../scheduler/model/records.js';
import { Ward } from './ward.js';

const FIRST_FOUR = ['GPU-n1-0', 'GPU-n1-1', 'GPU-n1-2', 'GPU-n1-3'];

/** GPUs that are there: simulated ones are not reset. */
class ResetWard extends Ward {
  policy: ResetPolicy = 'auto';

  override report(name: string, bootId?: string, change: (gpu: Gpu, index: number) => Partial<Gpu> = () => ({})) {
    return super.report(name, bootId, (gpu, index) => ({ simulated: false, ...change(gpu, index) }));
  }

  /** What the agent is asked to reset: `id:gpu,gpu`. */
  asked(): readonly string[] {
    const position = { epoch: 1, revision: 1, leaderId: 'l' };
    const { resets = [] } = desiredOf(this.shop.state, this.node, position, {}, this.policy);
    return resets.map(({ id, gpus }) => `${String(id)}:${String(gpus)}`);
  }

  askFor(gpu: number, stopsWork = false) {
    const order = { node: 'n1', gpu: String(gpu), reason: 'hangs', actor: 'ada', stopsWork };
    return this.shop.run(resetGpu(order, { reset: this.policy }));
  }

  /** The agent tells how it went. */
  told(gpus: readonly string[], why: string | null): void {
    const kind = why === null ? 'gpu_reset' : 'gpu_reset_failed';
    const events = gpus.map((gpu) => this.event({ kind, gpu, detail: why ?? '' }));
    this.shop.run(takeHealth(this.node, events, { ...DEFAULT_GPU_POLICY, reset: this.policy }));
  }

  marks(gpu: number): readonly string[] {
    return (this.shop.state.node(this.node)?.gpus[gpu]?.marks ?? []).map(({ code }) => code);
  }
}

describe('a fault', () => {
  test.each<[string, number, string, boolean]>([
    ['that a reset ends', 119, 'pid=1, Timeout after 6s of waiting for RPC response', true],
    ['for which the driver asks for one', 154, 'changed from 0x0 (None) to 0x1 (GPU Reset Required)', true],
    ['for which the driver asks for a reboot', 154, 'changed from 0x0 (None) to 0x2 (Node Reboot Required)', false],
    ['of a GPU off the bus', 79, 'GPU has fallen off the bus.', false],
    ['that a person has to look at', 54, '', false],
    ['that makes it suspect', 94, '', false],
    ['that a program causes', 31, '', false],
  ])('%s: Xid %i %s', (_, xid, detail, expected) => {
    const ward = new ResetWard();
    ward.xid(xid, 2, detail);
    expect(ward.asked()).toEqual(expected ? [`fault:${FIRST_FOUR.join()}`] : []);
  });

  it('asks for it where the driver reads so, and by no policy but auto', () => {
    const ward = new ResetWard();
    const symptoms = [{ kind: 'recovery_action', detail: 'Drain and Reset' }];
    ward.inventory((_, index) => (index === 5 ? { symptoms } : {}));
    expect(ward.asked()).toEqual(['fault:GPU-n1-4,GPU-n1-5,GPU-n1-6,GPU-n1-7']);
    for (ward.policy of ['operator', 'never'] as const) expect(ward.asked()).toEqual([]);
  });

  it('waits until nothing holds the GPU or one that shares NVLink with it', () => {
    const ward = new ResetWard();
    const { id } = ward.run('ada');
    ward.xid(119, 3);
    expect(ward.asked()).toEqual([]);
    ward.crash(id);
    expect(ward.asked()).toEqual([`fault:${FIRST_FOUR.join()}`]);
  });

  it('is over with a reset after which the GPU was clean, also over a restart; peers stay as they are', () => {
    const ward = new ResetWard();
    ward.xid(119, 0);
    ward.xid(94, 0);
    ward.told(FIRST_FOUR, null);
    ward.shop.restart();
    expect(ward.health()).toBe('........');
    expect(ward.asked()).toEqual([]);
    expect(ward.incidents().at(-1)).toBe('gpu_reset: GPU 0 of n1 was reset and is clean');
  });

  it('stays with a reset that was of no use, until a person says otherwise', () => {
    const ward = new ResetWard();
    ward.xid(119, 0);
    ward.told(FIRST_FOUR, 'nvidia-smi failed (exit code 19): in use by another client');
    ward.shop.restart();
    expect(ward.health()).toBe('q.......');
    expect(ward.marks(0)).toEqual(['xid_119', 'reset_failed']);
    expect(ward.asked()).toEqual([]);
    ward.askFor(0);
    expect(ward.asked()).toHaveLength(1);
    ward.told(FIRST_FOUR, null);
    expect(ward.health()).toBe('........');
  });

  it('that comes again after a reset keeps the GPU for a person', () => {
    const ward = new ResetWard();
    for (let time = 0; time < 2; time += 1) {
      ward.xid(119, 0);
      ward.told(FIRST_FOUR, null);
    }
    expect(ward.marks(0)).toEqual(['reset_repeated']);
    ward.xid(119, 0);
    expect(ward.asked()).toEqual([]);
  });

  it('of an NVSwitch has all GPUs with NVLink reset, one group after the other', () => {
    const ward = new ResetWard();
    ward.sxid(20_034, 'Fatal, Link 30 LTSSM Fault Up');
    expect(ward.asked()).toEqual([`fault:${FIRST_FOUR.join()}`]);
    ward.told(FIRST_FOUR, null);
    expect(ward.asked()).toEqual(['fault:GPU-n1-4,GPU-n1-5,GPU-n1-6,GPU-n1-7']);
  });
});

describe('a person', () => {
  it('has a GPU reset with its NVLink peers, which take nothing new until then', () => {
    const ward = new ResetWard();
    ward.policy = 'operator';
    const { number, id } = ward.run('ada');
    expect(ward.askFor(1)).toMatchObject({ uuids: ['GPU-n1-1', 'GPU-n1-0', 'GPU-n1-2', 'GPU-n1-3'], workloads: [] });
    expect(ward.health()).toBe('dqqq....');
    expect(ward.asked()).toEqual([]);
    expect(ward.shop.workload(number).state).toBe('running');
    ward.crash(id);
    expect(ward.asked()).toEqual([`1000:${FIRST_FOUR.join()}`]);
    ward.told(FIRST_FOUR, null);
    expect(ward.health()).toBe('........');
    expect(ward.incidents()).toEqual([
      'gpu_reset: GPU 1 of n1 (and 3 GPUs that share NVLink with it) to be reset, as ada asked: hangs',
      'gpu_reset: GPU 1 of n1 was reset and is clean',
    ]);
  });

  it('may stop what runs there', () => {
    const ward = new ResetWard();
    const { number } = ward.run('bob');
    expect(ward.askFor(0, true).workloads).toEqual([number]);
    expect(ward.shop.workload(number)).toMatchObject({
      state: 'stopping',
      message: 'GPU 0 of n1 is to be reset, as ada asked: hangs',
    });
  });

  it('takes it back with a release, of the peers, too', () => {
    const ward = new ResetWard();
    ward.askFor(1);
    ward.shop.run(releaseGpu({ node: 'n1', gpu: '1', reason: '', actor: 'ada' }));
    expect(ward.health()).toBe('........');
    expect(ward.asked()).toEqual([]);
  });

  it('learns of a reset that was of no use by the GPU that was named; its peers go on', () => {
    const ward = new ResetWard();
    ward.askFor(1);
    ward.told(FIRST_FOUR, 'it took more than 120 s');
    expect(ward.health()).toBe('.q......');
    expect(ward.marks(1)).toEqual(['reset_failed']);
  });

  it('is told in words why not', () => {
    const ward = new ResetWard();
    const mig = [{ uuid: 'MIG-a', profile: '3g.40gb', memoryMib: 1, generation: 0 }];
    ward.inventory((_, index) => (index === 3 ? { mig } : index === 7 ? { health: 'lost' } : {}));
    expect(() => ward.askFor(0)).toThrow(
      'GPU 0 of n1 cannot be reset: GPU 3 would have to be reset with it: it is in MIG mode, and a reset takes its instances away',
    );
    expect(() => ward.askFor(7)).toThrow('GPU 7 of n1 cannot be reset: its driver does not answer for it');
    ward.policy = 'never';
    expect(() => ward.askFor(4)).toThrow('this cluster resets no GPUs');
    expect(ward.health()).toBe('.......L');
  });
});
