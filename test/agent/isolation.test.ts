// What a node's settings and an order make of a task's limits and user, and how what is missing is told. No kernel is asked.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { asUser } from '../../node-agent/runtime/as-user.js';
import { diskUseBytes } from '../../node-agent/runtime/disk-use.js';
import { type Isolation, missingIsolation } from '../../node-agent/runtime/isolation.js';
import { cpusNear, linuxBusId } from '../../node-agent/runtime/near-cpus.js';
import { parsePasswd, readUserMap, TaskUsers } from '../../node-agent/runtime/run-as.js';
import { limitsFor, type TaskHolding } from '../../node-agent/runtime/task-holding.js';
import { wants } from './session-builder.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'sluice-isolation-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function write(file: string, text: string): string {
  const at = path.join(dir, file);
  mkdirSync(path.dirname(at), { recursive: true });
  writeFileSync(at, text);
  return at;
}

describe('processors near GPUs', () => {
  const near = (busIds: readonly string[], cpuMilli = 0) => cpusNear(busIds, cpuMilli, dir);
  beforeEach(() => {
    write('devices/system/cpu/online', '0-127\n');
    write('bus/pci/devices/0000:3b:00.0/local_cpulist', '0-31,64-95\n');
    write('bus/pci/devices/0000:3c:00.0/local_cpulist', '0-31,64-95\n');
    write('bus/pci/devices/0000:b1:00.0/local_cpulist', '32-63,96-127\n');
    write('bus/pci/devices/0000:ff:00.0/local_cpulist', '\n');
  });

  test.each([
    ['one GPU', ['00000000:3B:00.0'], 0, '0-31,64-95'],
    ['two of one NUMA node', ['00000000:3B:00.0', '00000000:3C:00.0'], 8_000, '0-31,64-95'],
    ['two of both: all are near', ['00000000:3B:00.0', '00000000:B1:00.0'], 0, null],
    ['more asked for than are near', ['00000000:3B:00.0'], 65_000, null],
    ['no GPU', [], 0, null],
    ['one that the kernel does not know', ['00000000:01:00.0'], 0, null],
    ['one whose place it does not tell', ['00000000:FF:00.0'], 0, null],
  ])('%s', (_, busIds, cpuMilli, cpus) => {
    expect(near(busIds, cpuMilli)).toBe(cpus);
  });

  test('bus ids are written as the kernel writes them', () => {
    expect(linuxBusId('00000000:3B:00.0')).toBe('0000:3b:00.0');
    expect(linuxBusId('00010000:3B:00.0')).toBe('00010000:3b:00.0');
    expect(linuxBusId('0000:3b:00.0')).toBe('0000:3b:00.0');
  });
});

describe('the limits of an order', () => {
  const holding: TaskHolding = {
    users: new TaskUsers({ user: null, mapFile: null }),
    maxProcesses: 100,
    workLimitBytes: null,
    bindsCpus: false,
    demands: { isRoot: true, hasOwnUsers: false, hasGpus: true },
    isRequired: false,
  };
  const minors = new Map([
    ['a', 0],
    ['b', 3],
    ['old', null],
  ]);
  const of = (gpus: readonly string[], change: Partial<TaskHolding> = {}) =>
    limitsFor(wants('x', gpus, { cpuMilli: 2_000, memoryMib: 64 }), { ...holding, ...change }, (uuid) => ({
      minor: minors.get(uuid) ?? null,
      pciBusId: '',
    }));

  test('name the device files of the GPUs that it was granted, of none when it was granted none', () => {
    const gpus = wants('x', ['a', 'b']).gpus.map((gpu) => ({ ...gpu, simulated: false }));
    const limits = limitsFor(wants('x', [], { gpus }), holding, (uuid) => ({
      minor: minors.get(uuid) ?? null,
      pciBusId: '',
    }));
    expect(limits.gpuMinors).toEqual([0, 3]);
    expect(of([])).toEqual({ cpuMilli: 2_000, memoryMib: 64, processes: 100, gpuMinors: [] });
  });

  test('leave GPUs open when the file of one is not known: it could not be let through alone', () => {
    const gpus = wants('x', ['a', 'old']).gpus.map((gpu) => ({ ...gpu, simulated: false }));
    const limits = limitsFor(wants('x', [], { gpus }), holding, (uuid) => ({
      minor: minors.get(uuid) ?? null,
      pciBusId: '',
    }));
    expect(limits.gpuMinors).toBeUndefined();
  });

  test('have none of processes where that is off', () => {
    expect(of([], { maxProcesses: 0 }).processes).toBeUndefined();
  });
});

describe('users', () => {
  test('are read from passwd', () => {
    expect(parsePasswd('ada:x:1001:1002:Ada L.,,,:/home/ada:/bin/zsh\n')).toEqual({
      name: 'ada',
      uid: 1001,
      gid: 1002,
      home: '/home/ada',
      loginShell: '/bin/zsh',
    });
    expect(() => parsePasswd('nonsense')).toThrow('"nonsense" is no user of this machine');
  });

  test('a map is read in words when it is none, and again when it changed', async () => {
    const file = write('map', 'ada: nobody\n');
    const users = new TaskUsers({ user: null, mapFile: file });
    expect((await users.find('ada'))?.name).toBe('nobody');
    await expect(users.find('bob')).rejects.toThrow(/^bob is no user here/);
    await expect(users.find('__proto__')).rejects.toThrow(/^__proto__ is no user here/);
    expect(() => readUserMap(write('wrong', '- ada\n'))).toThrow(/is no list of "submitter: local user"/);
    await expect(new TaskUsers({ user: 'no-such-user', mapFile: null }).find('ada')).rejects.toThrow(
      'there is no user no-such-user on this node',
    );
  });

  test('get rid of every right before the program and its folder are reached', () => {
    const user = { name: 'ada', uid: 1001, gid: 1002, home: '/', loginShell: '/bin/sh' };
    const argv = asUser(user, ['prog', '--flag', '$(x)'], '/data');
    expect(argv.slice(1)).toEqual(
      [
        '--reuid=1001',
        '--regid=1002',
        '--init-groups',
        '--no-new-privs',
        '--inh-caps=-all',
        '--bounding-set=-all',
        '--',
      ].concat(['/usr/bin/env', '--chdir=/data', '--', 'prog', '--flag', '$(x)']),
    );
  });
});

describe('what is missing', () => {
  const everything: Isolation = {
    cgroup: 2,
    controllers: { cpu: 2, memory: 2, cpuset: 2, pids: 2 },
    devices: { by: 'filter' },
    noNewPrivileges: true,
  };
  const demands = { isRoot: true, hasOwnUsers: true, hasGpus: true };

  test('nothing, where all is there', () => {
    expect(missingIsolation(everything, demands)).toEqual([]);
  });

  test.each<[string, Isolation, typeof demands, RegExp]>([
    ['groups', { ...everything, cgroup: null }, demands, /no control groups$/],
    ['memory', { ...everything, controllers: { cpu: 1, cpuset: 1, pids: 1 } }, demands, /^a task may use more memory/],
    [
      'devices',
      { ...everything, devices: { by: null, why: 'EPERM' } },
      demands,
      /GPUs that it was not granted: EPERM$/,
    ],
    ['new privileges', { ...everything, noNewPrivileges: false }, demands, /^set-user-id programs work/],
    ['users, as root', everything, { ...demands, hasOwnUsers: false }, /^tasks run as root/],
    ['users', everything, { ...demands, isRoot: false, hasOwnUsers: false }, /only root can change that$/],
  ])('%s', (_, found, asked, words) => {
    expect(missingIsolation(found, asked)).toEqual([expect.stringMatching(words)]);
  });

  test('devices are not missed where there are no GPUs', () => {
    const found: Isolation = { ...everything, devices: { by: null, why: 'EPERM' } };
    expect(missingIsolation(found, { ...demands, hasGpus: false })).toEqual([]);
  });
});

describe('the use of a disk', () => {
  test('counts what lies there once, follows no link, and stops when it is enough', async () => {
    write('work/a', 'x'.repeat(100_000));
    write('work/deep/er/b', 'x'.repeat(50_000));
    write('outside', 'x'.repeat(1_000_000));
    symlinkSync(path.join(dir, 'outside'), path.join(dir, 'work/link'));
    const bytes = await diskUseBytes([path.join(dir, 'work'), path.join(dir, 'missing')], [], 10 ** 9);
    expect(bytes).toBeGreaterThanOrEqual(150_000);
    expect(bytes).toBeLessThan(300_000);
    expect(await diskUseBytes([path.join(dir, 'work')], [], 1)).toBeLessThanOrEqual(bytes);
  });
});
