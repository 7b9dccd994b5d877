// What a scheduler takes from an agent's inventory: checked at the border, trusted behind it.
import { describe, expect, test } from 'vitest';
import type { Inventory } from '../../node-agent/gpu/provider.js';
import { inventoryMessage } from '../../node-agent/messages.js';
import type { NodeInventory__Output } from '../../proto/gen/sluice/v1/NodeInventory.js';
import { sluice } from '../../common/proto.js';
import { MAX_MIG_INSTANCES_PER_GPU, parseInventory } from '../../scheduler/fleet/observed.js';

type DiscoveredGpu = Inventory['gpus'][number];

function gpu(index: number, change: Partial<DiscoveredGpu> = {}): DiscoveredGpu {
  return {
    uuid: `GPU-${index}`,
    index,
    model: 'NVIDIA A100',
    memoryMib: 81_920,
    simulated: true,
    pciBusId: '',
    minor: null,
    health: 'healthy',
    healthMessage: '',
    nvlinkGroup: null,
    mig: null,
    ...change,
  };
}

/** As an agent's inventory arrives: through the agent's message and the bytes of the protocol. */
function arrived(...gpus: readonly DiscoveredGpu[]) {
  const inventory = { gpus, driverVersion: '', cudaVersion: '', problem: '' };
  const message = inventoryMessage(inventory, { cpuCount: 64, memoryMib: 524_288 });
  const { requestSerialize, requestDeserialize } = sluice.AgentService.service.Connect;
  const bytes = requestSerialize({ inventory: { inventory: message } });
  return parseInventory((requestDeserialize(bytes).inventory as { inventory: NodeInventory__Output }).inventory);
}

describe('an inventory', () => {
  test('keeps NVLink groups, the first too, and tells none from it', () => {
    const { gpus } = arrived(gpu(0, { nvlinkGroup: 0 }), gpu(1, { nvlinkGroup: 3 }), gpu(2));
    expect(gpus.map(({ nvlinkGroup }) => nvlinkGroup)).toEqual([0, 3, null]);
  });

  test('tells a GPU that is not in MIG mode from one without instances', () => {
    const instance = { uuid: 'MIG-a', profile: '3g.40gb', memoryMib: 40_448 };
    const { gpus } = arrived(gpu(0), gpu(1, { mig: [] }), gpu(2, { mig: [instance] }));
    expect(gpus.map(({ mig }) => mig)).toEqual([null, [], [instance]]);
  });

  test('takes no instance without a name, none twice, and not more than a GPU can have', () => {
    const instance = (uuid: string) => ({ uuid, profile: '1g.10gb', memoryMib: 9_984 });
    const many = Array.from({ length: 40 }, (_, index) => instance(`MIG-${index}`));
    const { gpus } = arrived(
      gpu(0, { mig: [instance(''), instance('MIG-a'), instance('MIG-a')] }),
      gpu(1, { mig: many }),
    );
    expect(gpus[0]?.mig?.map(({ uuid }) => uuid)).toEqual(['MIG-a']);
    expect(gpus[1]?.mig).toHaveLength(MAX_MIG_INSTANCES_PER_GPU);
  });

  test('has the CPUs and the memory of the machine', () => {
    expect(arrived()).toMatchObject({ cpuCount: 64, memoryMib: 524_288 });
  });
});
