// What is written into control groups of either version, against folders that look like one. Whether a kernel does what it says
// is asked in containment.e2e.test.ts.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { controllersOf, enableControllers, inheritCpuset } from '../../node-agent/runtime/cgroup-controllers.js';
import {
  controllersFor,
  cpuShares,
  cpuWeight,
  type LimitGroup,
  limitBeforeStart,
  limitMemory,
  outOfMemory,
  refusedForks,
} from '../../node-agent/runtime/cgroup-limits.js';
import { type CgroupHome, foldersOf, groupsFor } from '../../node-agent/runtime/cgroup.js';

let group: string;

beforeEach(() => {
  group = mkdtempSync(path.join(os.tmpdir(), 'sluice-cgroup-'));
});
afterEach(() => rmSync(group, { recursive: true, force: true }));

function has(...files: readonly string[]): void {
  for (const file of files) writeFileSync(path.join(group, file), '');
}

function read(file: string): string {
  return readFileSync(path.join(group, file), 'utf8');
}

/** The same folder for every controller. */
function groups(version: 1 | 2) {
  const one: LimitGroup = { version, path: group };
  return { cpu: one, memory: one, cpuset: one, pids: one };
}

const EVERYTHING = { cpuMilli: 4_000, memoryMib: 512, processes: 100, cpus: '0-3' };
const NOTHING = { cpuMilli: 0, memoryMib: 0 };
const V2_FILES = [
  'cpu.weight',
  'cpuset.cpus',
  'pids.max',
  'memory.max',
  'memory.oom.group',
  'memory.swap.max',
] as const;
const V1_FILES = [
  'cpu.shares',
  'cpuset.cpus',
  'pids.max',
  'memory.limit_in_bytes',
  'memory.memsw.limit_in_bytes',
] as const;

describe('limits of version 2', () => {
  test('CPU is a weight, memory a limit in bytes at which the whole task ends', () => {
    has(...V2_FILES);
    limitBeforeStart(groups(2), EVERYTHING);
    expect(V2_FILES.map(read)).toEqual(['400', '0-3', '100', '', '', '']);
    limitMemory(groups(2), EVERYTHING);
    expect(V2_FILES.map(read)).toEqual(['400', '0-3', '100', '536870912', '1', '0']);
  });

  test('what was not asked for is left as it is', () => {
    has(...V2_FILES);
    limitBeforeStart(groups(2), NOTHING);
    limitMemory(groups(2), NOTHING);
    expect(V2_FILES.map(read).join('')).toBe('');
  });

  test('a file that is not there is not made up: it would limit nothing', () => {
    expect(() => limitBeforeStart(groups(2), { ...NOTHING, cpuMilli: 1_000 })).toThrow('ENOENT');
    has('memory.max');
    limitMemory(groups(2), { ...NOTHING, memoryMib: 1 });
    expect(readdirSync(group)).toEqual(['memory.max']);
  });

  test.each([
    [1, 1, 2],
    [500, 50, 512],
    [1_000, 100, 1_024],
    [8_000, 800, 8_192],
    [100_000, 10_000, 102_400],
    [900_000, 10_000, 262_144],
  ])('%i thousandths of a core weigh %i, or are %i shares', (cpuMilli, weight, shares) => {
    expect([cpuWeight(cpuMilli), cpuShares(cpuMilli)]).toEqual([weight, shares]);
  });
});

describe('limits of version 1', () => {
  test('have files of their own', () => {
    has(...V1_FILES);
    writeFileSync(path.join(group, 'cpuset.mems'), '0');
    limitBeforeStart(groups(1), EVERYTHING);
    limitMemory(groups(1), EVERYTHING);
    expect(V1_FILES.map(read)).toEqual(['4096', '0-3', '100', '536870912', '536870912']);
  });

  test('a new group of processors gets what its parent has, or nobody could enter it', () => {
    const child = path.join(group, 'child');
    mkdirSync(child);
    for (const [folder, cpus, mems] of [
      [group, '0-7\n', '0-1\n'],
      [child, '\n', '\n'],
    ] as const) {
      writeFileSync(path.join(folder, 'cpuset.cpus'), cpus);
      writeFileSync(path.join(folder, 'cpuset.mems'), mems);
    }
    inheritCpuset(child);
    expect([read('child/cpuset.cpus'), read('child/cpuset.mems')]).toEqual(['0-7', '0-1']);
  });
});

describe('the groups of a task', () => {
  const v1 = (name: string) => ({ version: 1, own: `/${name}`, tasks: `/${name}/sluice` }) as const;
  const limits = { ...EVERYTHING, gpuMinors: [] };

  test('one in version 2', () => {
    const place = { version: 2, own: '/u', tasks: '/u/sluice' } as const;
    const home: CgroupHome = { ...place, controllers: { cpu: place, memory: place }, deviceFilter: true };
    expect(foldersOf(groupsFor(home, 'a', limits))).toEqual(['/u/sluice/a']);
    expect(Object.keys(groupsFor(home, 'a', NOTHING).limits)).toEqual(['cpu', 'memory']);
  });

  test('one a controller in version 1, and only for what is limited', () => {
    const controllers = { memory: v1('memory'), pids: v1('pids'), devices: v1('devices') };
    const home: CgroupHome = { ...v1('freezer'), controllers, deviceFilter: 'none' };
    expect(foldersOf(groupsFor(home, 'a', limits))).toEqual([
      '/freezer/sluice/a',
      '/memory/sluice/a',
      '/pids/sluice/a',
      '/devices/sluice/a',
    ]);
    expect(foldersOf(groupsFor(home, 'a', NOTHING))).toEqual(['/freezer/sluice/a']);
  });

  test('are needed for what is limited', () => {
    expect(controllersFor(limits)).toEqual(['cpu', 'memory', 'cpuset', 'pids', 'devices']);
    expect(controllersFor(NOTHING)).toEqual([]);
  });
});

describe('what a group can', () => {
  test('be limited by the controllers whose files it has', () => {
    expect(controllersOf(group)).toEqual([]);
    has('cpu.weight', 'pids.max');
    expect(controllersOf(group)).toEqual(['cpu', 'pids']);
  });

  test('have controllers turned on where there are such', () => {
    expect(enableControllers(group)).toBe(false);
    expect(readdirSync(group)).toEqual([]);
    has('cgroup.subtree_control');
    expect(enableControllers(group)).toBe(true);
    // A real one takes a word at a time; a file keeps the last one, and what of the one before was longer.
    expect(read('cgroup.subtree_control')).toMatch(/^\+pids/);
  });
});

describe('memory that ran out', () => {
  test.each([
    ['nothing happened', 'max 12\noom 0\noom_kill 0\noom_group_kill 0\n', null],
    ['its own', 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n', 'limit'],
    ['that of the machine', 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n', 'node'],
    ['another format', 'under_oom 1\n', null],
  ])('version 2: %s', (_, events, verdict) => {
    writeFileSync(path.join(group, 'memory.events'), events);
    expect(outOfMemory({ version: 2, path: group })).toBe(verdict);
  });

  test.each([
    ['nothing happened', 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n', '1000\n', null],
    ['its own', 'oom_kill_disable 0\nunder_oom 1\noom_kill 2\n', '999\n', 'limit'],
    ['that of the machine', 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n', '500\n', 'node'],
  ])('version 1: %s', (_, control, most, verdict) => {
    writeFileSync(path.join(group, 'memory.oom_control'), control);
    writeFileSync(path.join(group, 'memory.limit_in_bytes'), '1000\n');
    writeFileSync(path.join(group, 'memory.max_usage_in_bytes'), most);
    expect(outOfMemory({ version: 1, path: group })).toBe(verdict);
  });

  test('is not claimed of a group that is gone', () => {
    expect(outOfMemory({ version: 2, path: path.join(group, 'gone') })).toBeNull();
    expect(refusedForks({ version: 1, path: path.join(group, 'gone') })).toBe(0);
  });
});

test('processes that were refused are counted', () => {
  writeFileSync(path.join(group, 'pids.events'), 'max 42\n');
  expect(refusedForks({ version: 2, path: group })).toBe(42);
});
