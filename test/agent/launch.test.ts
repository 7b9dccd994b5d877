// A task of a gang at its agent: made ready, held, let go once, also over a restart; and the variables by which it finds the others.
import { describe, expect, test } from 'vitest';
import type { AllocationId } from '../../common/ids.js';
import { interfaceOf, ownAddress, type Interfaces } from '../../node-agent/runtime/addresses.js';
import { taskEnvironment } from '../../node-agent/runtime/environment.js';
import type { DesiredAllocation, TaskLaunch } from '../../node-agent/session/allocation.js';
import { nextTickMs } from '../../node-agent/session/session.js';
import { LEASE_MS, SessionDriver, wants } from './session-builder.js';

const LAUNCH: TaskLaunch = {
  launcher: 'none',
  hold: false,
  rank: 1,
  tasks: 2,
  firstProcess: 2,
  processes: 4,
  mainAddress: '10.0.0.1',
  mainPort: 20_007,
  nodes: ['n1', 'n2'],
  leastTasks: 2,
  mostTasks: 2,
};

const held = (id: string): DesiredAllocation => wants(id, ['g'], { launch: { ...LAUNCH, hold: true } });
const free = (id: string): DesiredAllocation => wants(id, ['g'], { launch: LAUNCH });

describe('a held task', () => {
  test('is prepared at once and goes when the order says so, once', () => {
    const driver = new SessionDriver();
    driver.join();
    expect(driver.order(held('a'))).toContain('start a');
    expect(driver.ready('a')).toContain('send observed');
    expect(driver.order(held('a'))).not.toContain('go a');
    expect(driver.order(free('a'))).toContain('go a');
    expect(driver.order(free('a'))).not.toContain('go a');
    driver.started('a');
    expect(driver.state.allocations.get('a' as AllocationId)).toMatchObject({ phase: 'running', hold: null });
  });

  test('whose order comes before it is ready goes when it is', () => {
    const driver = new SessionDriver();
    driver.join();
    driver.order(held('a'));
    expect(driver.order(free('a'))).not.toContain('go a');
    expect(driver.ready('a')).toContain('go a');
  });

  test('that is not held any more when it is first heard of starts like any other', () => {
    const driver = new SessionDriver();
    driver.join();
    expect(driver.order(free('a'))).toContain('start a');
    expect(driver.order(free('a'))).not.toContain('go a');
  });

  test('stays ready over a restart of its agent, and goes by an order of the new connection only', () => {
    const driver = new SessionDriver();
    driver.join();
    // It may go on without a lease until the agent is back.
    driver.order({ ...held('a'), lingerMs: 10_000_000 });
    driver.ready('a');
    const next = driver.restart({ a: { state: 'ready' } });
    expect(next.join()).not.toContain('go a');
    expect(next.order(free('a'))).toContain('go a');
  });

  test('does not go without a lease, and is given up when the lease is over for as long as it lingers', () => {
    const driver = new SessionDriver();
    driver.join();
    driver.order(held('a'));
    driver.ready('a');
    driver.nowMs += LEASE_MS + 1;
    expect(driver.order(free('a'))).not.toContain('go a');
    driver.nowMs += 60_000;
    expect(nextTickMs(driver.state)).toBeLessThanOrEqual(driver.nowMs);
    expect(driver.take({ type: 'tick' }).join()).toContain('stop a NODE_LOST');
  });

  test('that is told to stop does not go', () => {
    const driver = new SessionDriver();
    driver.join();
    driver.order(held('a'));
    driver.ready('a');
    const stopped = { ...free('a'), stop: { reason: 'CANCELLED', graceMs: 10 } as const };
    expect(driver.order(stopped)).toContain('stop a CANCELLED 10');
    expect(driver.order(free('a'))).not.toContain('go a');
  });
});

describe('the environment of tasks that work together', () => {
  function variables(launch: Partial<TaskLaunch>, environment: DesiredAllocation['environment'] = [], peer = 'ib0') {
    const order = wants('a', ['g', 'h'], { launch: { ...LAUNCH, ...launch }, environment });
    const { variables: all } = taskEnvironment(order, {
      nodeName: 'n2',
      agentEnvironment: {},
      checkpointDir: '/c',
      resume: null,
      stopFile: '/s',
      reportFile: '/r',
      outputDir: '/o',
      timeLeftFile: '/l',
      gpuMemoryMib: () => null,
      peerInterface: peer,
      user: null,
    });
    const ours =
      /^(RANK|WORLD_SIZE|NODE_RANK|LOCAL_|MASTER_|PET_|NCCL_|GLOO_|SLUICE_(NODELIST|NUM_NODES|NODE_RANK|GPUS_PER))/;
    return Object.fromEntries(Object.entries(all).filter(([name]) => ours.test(name)));
  }

  const cluster = {
    SLUICE_NODELIST: 'n1,n2',
    SLUICE_NUM_NODES: '2',
    SLUICE_NODE_RANK: '1',
    SLUICE_GPUS_PER_NODE: '2',
    NCCL_SOCKET_IFNAME: '=ib0',
    GLOO_SOCKET_IFNAME: 'ib0',
  };

  test('none: each task is a rank', () => {
    expect(variables({})).toEqual({
      ...cluster,
      MASTER_ADDR: '10.0.0.1',
      MASTER_PORT: '20007',
      NODE_RANK: '1',
      RANK: '1',
      WORLD_SIZE: '2',
    });
  });

  test('per_gpu: what all its ranks have in common', () => {
    expect(variables({ launcher: 'per_gpu' })).toEqual({
      ...cluster,
      MASTER_ADDR: '10.0.0.1',
      MASTER_PORT: '20007',
      NODE_RANK: '1',
      WORLD_SIZE: '4',
      LOCAL_WORLD_SIZE: '2',
    });
  });

  test('torchrun: the names of its options', () => {
    expect(variables({ launcher: 'torchrun' })).toEqual({
      ...cluster,
      PET_NNODES: '2',
      PET_NPROC_PER_NODE: '2',
      PET_NODE_RANK: '1',
      PET_MASTER_ADDR: '10.0.0.1',
      PET_MASTER_PORT: '20007',
    });
  });

  test('torchrun of an elastic gang: how few and how many nodes, and a way to meet that takes newcomers', () => {
    expect(variables({ launcher: 'torchrun', mostTasks: 8, mainAddress: 'fd00::1' })).toMatchObject({
      PET_NNODES: '2:8',
      PET_RDZV_BACKEND: 'c10d',
      PET_RDZV_ENDPOINT: '[fd00::1]:20007',
      PET_RDZV_ID: 'sluice-7-1',
    });
  });

  test('a task that is not counted learns where the others meet, and no rank', () => {
    expect(variables({ launcher: 'per_gpu', rank: null })).toEqual({
      ...cluster,
      SLUICE_NODE_RANK: undefined,
      MASTER_ADDR: '10.0.0.1',
      MASTER_PORT: '20007',
    });
  });

  test('what the user says of the network and of the place goes before ours; ranks are ours', () => {
    const own = Object.entries({ NCCL_SOCKET_IFNAME: 'eth9', MASTER_PORT: '29500', RANK: '0' });
    const found = variables(
      {},
      own.map(([name, value]) => ({ name, value })),
    );
    expect(found).toMatchObject({ NCCL_SOCKET_IFNAME: 'eth9', MASTER_PORT: '29500', RANK: '1' });
  });

  test('no word of the network where all are on one node, or nobody said which it is', () => {
    expect(variables({ nodes: ['n2', 'n2'] })).not.toHaveProperty('NCCL_SOCKET_IFNAME');
    expect(variables({}, [], null as never)).not.toHaveProperty('NCCL_SOCKET_IFNAME');
  });

  test('a task that works alone has a world of one node, and no ranks', () => {
    const { variables: all } = taskEnvironment(wants('a', ['g']), {
      nodeName: 'n2',
      agentEnvironment: {},
      checkpointDir: '/c',
      resume: null,
      stopFile: '/s',
      reportFile: '/r',
      outputDir: '/o',
      timeLeftFile: '/l',
      gpuMemoryMib: () => null,
      user: null,
    });
    expect(all).toMatchObject({ SLUICE_NODELIST: 'n2', SLUICE_NUM_NODES: '1', SLUICE_NODE_RANK: '0' });
    expect(all).not.toHaveProperty('RANK');
    expect(all).not.toHaveProperty('MASTER_ADDR');
  });
});

describe('addresses of a machine', () => {
  const one = (address: string, family: 'IPv4' | 'IPv6' = 'IPv4', internal = false) =>
    ({ address, family, internal, netmask: '', mac: '', cidr: null }) as never;
  const machine: Interfaces = {
    lo: [one('127.0.0.1', 'IPv4', true)],
    docker0: [one('172.17.0.1')],
    eth0: [one('fe80::1', 'IPv6'), one('169.254.3.3'), one('10.0.3.17')],
  };

  test('the first that leads out is its own', () => {
    expect(ownAddress(machine)).toBe('10.0.3.17');
    expect(ownAddress({ lo: machine['lo'] })).toBe('');
    expect(ownAddress({ eth0: [one('fe80::1', 'IPv6'), one('fd00::7', 'IPv6')] })).toBe('fd00::7');
  });

  test('the interface of an address is known, but loopback is none', () => {
    expect(interfaceOf(machine, '10.0.3.17')).toBe('eth0');
    expect(interfaceOf(machine, '127.0.0.1')).toBeNull();
    expect(interfaceOf(machine, '10.9.9.9')).toBeNull();
  });
});
