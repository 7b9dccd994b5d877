// What a scheduler takes from an agent's inventory: checked at the border, trusted behind it.
import { describe, expect, test } from 'vitest';
import type { Inventory } from '../../node-agent/gpu/provider.js';
import { inventoryMessage } from '../../node-agent/messages.js';
import type { AgentHello, AgentHello__Output } from '../../proto/gen/sluice/v1/AgentHello.js';
import type { NodeInventory__Output } from '../../proto/gen/sluice/v1/NodeInventory.js';
import { sluice } from '../../common/proto.js';
import { MAX_MIG_INSTANCES_PER_GPU, parseHello, parseInventory, seenAt } from '../../scheduler/fleet/observed.js';

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

describe('where a node is reached', () => {
  test.each([
    ['10.0.3.17:41234', '10.0.3.17'],
    ['::ffff:10.0.3.17:41234', '10.0.3.17'],
    ['fd00::17:41234', 'fd00::17'],
    ['127.0.0.1:5', ''],
    ['::1:5', ''],
    ['::ffff:127.0.0.1:5', ''],
    ['unknown', ''],
    ['/run/sluice.sock', ''],
  ])('a connection from %s comes from "%s"', (peer, address) => {
    expect(seenAt(peer)).toBe(address);
  });

  test('as its administrator says, else where it connects from, else as it says itself', () => {
    const hello = (fields: AgentHello) => {
      const { requestSerialize, requestDeserialize } = sluice.AgentService.service.Connect;
      const node = { nodeId: '00000000-0000-4000-8000-000000000001', name: 'n1', ...fields };
      return (requestDeserialize(requestSerialize({ hello: node })) as { hello: AgentHello__Output }).hello;
    };
    const seen = '10.0.0.9:41234';
    const near = '127.0.0.1:5';
    expect(parseHello(hello({ advertiseAddress: 'ib-n1', ownAddress: '10.0.0.1' }), seen).address).toBe('ib-n1');
    expect(parseHello(hello({ ownAddress: '10.0.0.1' }), seen).address).toBe('10.0.0.9');
    expect(parseHello(hello({ ownAddress: '10.0.0.1' }), near).address).toBe('10.0.0.1');
    expect(parseHello(hello({}), near)).not.toHaveProperty('address');
    expect(() => parseHello(hello({ advertiseAddress: 'a b' }), near)).toThrow('is no address');
  });
});

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
