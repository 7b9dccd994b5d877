// The rules of the queue tree beyond plain GPUs: CPU, memory, parts of the cluster, shapes.
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../common/errors.js';
import type { NodeId, QueueName } from '../../common/ids.js';
import { registerNode } from '../../scheduler/control/commands/nodes.js';
import { updateQueue, type QueuePatch } from '../../scheduler/control/commands/queues.js';
import type { QueueScope, ShapeGuarantee } from '../../scheduler/model/records.js';
import { nodeReport, Workshop } from './workshop.js';

function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const ORG = 'org' as QueueName;

function scope(fields: Partial<QueueScope>): QueueScope {
  return { pool: '', model: '', guaranteeGpus: 0, limitGpus: null, ...fields };
}

function shape(fields: Partial<ShapeGuarantee>): ShapeGuarantee {
  return { count: 1, gpus: 8, pool: '', model: '', level: 'node', ...fields };
}

describe('a queue', () => {
  test.each<[string, QueuePatch, string, string]>([
    [
      'CPU above its own limit',
      { guaranteeCpuMilli: 8_000, limitCpuMilli: 4_000 },
      'guarantee_cpu_milli',
      "the guarantee of 8 CPUs is above the queue's own limit of 4 CPUs",
    ],
    [
      'memory above its own limit',
      { guaranteeMemoryMib: 2_048, limitMemoryMib: 1_024 },
      'guarantee_memory_mib',
      '2048 MiB of memory is above',
    ],
    [
      'a part above its own limit',
      { scopes: [scope({ pool: 'big', guaranteeGpus: 4, limitGpus: 2 })] },
      'scopes[0].guarantee_gpus',
      'the guarantee of 4 GPUs of pool "big" is above',
    ],
    [
      "a part above the queue's limit",
      { limitGpus: 2, scopes: [scope({ model: 'h100', guaranteeGpus: 4 })] },
      'scopes[0].guarantee_gpus',
      'of 4 GPUs of model "h100" is above the queue\'s own limit of 2 GPUs',
    ],
    [
      'a part twice',
      { scopes: [scope({ model: 'h100' }), scope({ model: 'H100' })] },
      'scopes[1]',
      'model "H100" is there twice',
    ],
    [
      'shapes above its guarantee',
      { guaranteeGpus: 24, shapes: [shape({ count: 4, model: 'h100' })] },
      'shapes',
      'hold 32 GPUs together (4 x 8 GPUs of model "h100" in one node), above the guarantee of 24 GPUs',
    ],
    [
      'a shape twice',
      { guaranteeGpus: 32, shapes: [shape({}), shape({})] },
      'shapes[1]',
      '8 GPUs in one node is there twice; add up the counts',
    ],
  ])('is not guaranteed %s', (_, fields, field, words) => {
    const error = refusal(() => new Workshop().queue('research', fields));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.fields).toEqual([{ field: `queue.${field}`, description: expect.stringContaining(words) }]);
  });

  test('may be guaranteed shapes out of what it is guaranteed of a part', () => {
    const shop = new Workshop();
    shop.queue('research', { scopes: [scope({ model: 'h100', guaranteeGpus: 16 })], shapes: [shape({ count: 2 })] });
    expect(shop.state.queue('research')?.shapes).toHaveLength(1);
  });

  test('keeps what a change does not name', () => {
    const shop = new Workshop();
    shop.queue('research', { guaranteeCpuMilli: 1_000, userLimitGpus: 2 });
    shop.run(updateQueue('research', { maxGraceMs: 5_000 }, false));
    expect(shop.state.queue('research')).toMatchObject({
      guaranteeCpuMilli: 1_000,
      userLimitGpus: 2,
      maxGraceMs: 5_000,
    });
  });

  test('created again is the same only when all of it is', () => {
    const shop = new Workshop();
    const scopes = [scope({ pool: 'big', guaranteeGpus: 1 })];
    shop.queue('research', { scopes });
    shop.queue('research', { scopes });
    expect(refusal(() => shop.queue('research', { scopes: [] })).code).toBe(status.ALREADY_EXISTS);
  });
});

describe('children are guaranteed no more than their parent', () => {
  const parent: QueuePatch = {
    guaranteeGpus: 10,
    guaranteeCpuMilli: 10_000,
    scopes: [scope({ pool: 'big', guaranteeGpus: 2.5 })],
  };

  test.each<[string, QueuePatch, string, string]>([
    [
      'in CPU',
      { guaranteeCpuMilli: 6_000 },
      'guarantee_cpu_milli',
      "guaranteed 11 CPUs (6 CPUs here and 5 CPUs of its siblings), above the parent's guarantee of 10 CPUs; raise that first: sluice queue update org --guarantee-cpus 11",
    ],
    [
      'in a part',
      { scopes: [scope({ pool: 'big', guaranteeGpus: 1.5 })] },
      'scopes[0].guarantee_gpus',
      'guaranteed 2.7 GPUs of pool "big" (1.5 GPUs of pool "big" here and 1.2 GPUs of pool "big" of its siblings), above the parent\'s guarantee of 2.5 GPUs of pool "big"; raise that first: sluice queue update org --scope pool=big,guarantee=2.7',
    ],
    [
      'in a part of which the parent has no guarantee',
      { scopes: [scope({ model: 'h100', guaranteeGpus: 1 })] },
      'scopes[0].guarantee_gpus',
      'above the parent\'s guarantee of 0 GPUs of model "h100"',
    ],
  ])('%s', (_, fields, field, words) => {
    const shop = new Workshop();
    shop.queue('org', parent);
    shop.queue('a', { parent: ORG, guaranteeCpuMilli: 5_000, scopes: [scope({ pool: 'big', guaranteeGpus: 1.2 })] });
    const error = refusal(() => shop.queue('b', { parent: ORG, ...fields }));
    expect(error.fields).toEqual([{ field: `queue.${field}`, description: expect.stringContaining(words) }]);
    expect(shop.state.queue('b')).toBeUndefined();
  });

  test('sums of thousandths are exact', () => {
    const shop = new Workshop();
    shop.queue('org', { guaranteeGpus: 0.3 });
    shop.queue('a', { parent: ORG, guaranteeGpus: 0.1 });
    shop.queue('b', { parent: ORG, guaranteeGpus: 0.2 });
    expect(shop.state.queue('b')?.guaranteeGpus).toBe(0.2);
  });

  test('nor is the parent lowered below them', () => {
    const shop = new Workshop();
    shop.queue('org', parent);
    shop.queue('a', { parent: ORG, guaranteeCpuMilli: 5_000, scopes: [scope({ pool: 'big', guaranteeGpus: 1 })] });
    const lower = (patch: QueuePatch) => refusal(() => shop.run(updateQueue('org', patch, false))).message;
    expect(lower({ guaranteeCpuMilli: 4_000 })).toContain(
      '4 CPUs is below what its children are guaranteed together: 5 CPUs',
    );
    expect(lower({ scopes: [] })).toContain(
      'a guarantee of 0 GPUs of pool "big" is below what its children are guaranteed together: 1 GPU of pool "big"',
    );
  });

  test('where the parent has no word on CPU, children may be guaranteed some', () => {
    const shop = new Workshop();
    shop.queue('org', { guaranteeGpus: 10 });
    shop.queue('a', { parent: ORG, guaranteeCpuMilli: 5_000 });
    expect(shop.state.queue('a')?.guaranteeCpuMilli).toBe(5_000);
  });
});

describe('what today cannot be given is taken with a warning', () => {
  function cluster(): Workshop {
    const shop = new Workshop();
    for (const name of ['n1', 'n2']) {
      const report = nodeReport(`node-${name}` as NodeId, name, 6);
      const gpus = report.inventory.gpus.map((gpu, index) => ({ ...gpu, nvlinkGroup: Math.floor(index / 4) }));
      const placed = { ...report, pool: 'big', labels: { rack: 'r1' }, inventory: { ...report.inventory, gpus } };
      shop.change((draft) => registerNode(draft, placed, shop.nowMs));
    }
    return shop;
  }

  test.each<[string, QueuePatch, readonly string[]]>([
    [
      'all there is',
      {
        guaranteeGpus: 12,
        scopes: [scope({ pool: 'big', guaranteeGpus: 12 })],
        shapes: [shape({ gpus: 12, level: 'rack' })],
      },
      [],
    ],
    [
      'more of a pool',
      { scopes: [scope({ pool: 'big', guaranteeGpus: 12.5 })] },
      ['the guarantees of all top-level queues for pool "big" sum up to 12.5 GPUs, but the known nodes have 12'],
    ],
    [
      'a model nobody has',
      { scopes: [scope({ model: 'b200', guaranteeGpus: 1 })] },
      ['for model "b200" sum up to 1 GPU, but the known nodes have 0'],
    ],
    [
      'more nodes',
      { guaranteeGpus: 12, shapes: [shape({ count: 3, gpus: 4 })] },
      ['3 x 4 GPUs in one node are guaranteed, but the known nodes have room for 2 of them; the other 1 cannot be had'],
    ],
    [
      'larger NVLink groups',
      { guaranteeGpus: 10, shapes: [shape({ count: 1, gpus: 5, level: 'nvlink' })] },
      ['1 x 5 GPUs in one NVLink group are guaranteed, but the known nodes have room for 0'],
    ],
    [
      'a block where nobody says his',
      { guaranteeGpus: 1, shapes: [shape({ gpus: 1, level: 'block' })] },
      ['room for 0 of them'],
    ],
  ])('%s', (_, fields, words) => {
    const warnings = cluster().queue('research', fields);
    expect(warnings).toEqual(words.map((each) => expect.stringContaining(each) as string));
  });

  test('other top-level queues count, children do not', () => {
    const shop = cluster();
    shop.queue('org', { scopes: [scope({ pool: 'big', guaranteeGpus: 10 })] });
    const child = shop.queue('a', { parent: ORG, scopes: [scope({ pool: 'big', guaranteeGpus: 10 })] });
    expect(child).toEqual([]);
    expect(shop.queue('lab', { scopes: [scope({ pool: 'big', guaranteeGpus: 3 })] })[0]).toContain('13 GPUs');
  });
});
