// What is written into a control group, against folders that look like one. Whether a kernel does what it says is not
// asked here.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  applyLimits,
  canLimit,
  cpuWeight,
  enableControllers,
  ranOutOfMemory,
} from '../../node-agent/runtime/cgroup-limits.js';

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

describe('limits', () => {
  test('CPU is a weight, memory a limit in bytes at which the whole task ends', () => {
    has('cpu.weight', 'memory.max', 'memory.oom.group');
    applyLimits(group, { cpuMilli: 4_000, memoryMib: 512 });
    expect(['cpu.weight', 'memory.max', 'memory.oom.group'].map(read)).toEqual(['400', '536870912', '1']);
  });

  test('what was not asked for is left as it is', () => {
    has('cpu.weight', 'memory.max', 'memory.oom.group');
    applyLimits(group, { cpuMilli: 0, memoryMib: 0 });
    expect(['cpu.weight', 'memory.max', 'memory.oom.group'].map(read)).toEqual(['', '', '']);
  });

  test('a file that is not there is not made up: it would limit nothing', () => {
    expect(() => applyLimits(group, { cpuMilli: 1_000, memoryMib: 0 })).toThrow('ENOENT');
    has('memory.max');
    applyLimits(group, { cpuMilli: 0, memoryMib: 1 });
    expect(readdirSync(group)).toEqual(['memory.max']);
  });

  test.each([
    [1, 1],
    [500, 50],
    [1_000, 100],
    [8_000, 800],
    [100_000, 10_000],
    [900_000, 10_000],
  ])('%i thousandths of a core weigh %i', (cpuMilli, weight) => {
    expect(cpuWeight(cpuMilli)).toBe(weight);
  });
});

describe('what a group can', () => {
  test('be limited only with both controllers', () => {
    expect(canLimit(group)).toBe(false);
    has('cpu.weight');
    expect(canLimit(group)).toBe(false);
    has('memory.max');
    expect(canLimit(group)).toBe(true);
  });

  test('have controllers turned on where there are such', () => {
    expect(enableControllers(group)).toBe(false);
    expect(readdirSync(group)).toEqual([]);
    has('cgroup.subtree_control');
    expect(enableControllers(group)).toBe(true);
    expect(read('cgroup.subtree_control')).toBe('+cpu +memory');
  });
});

describe('memory that ran out', () => {
  test.each([
    ['nothing happened', 'low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\noom_group_kill 0\n', false],
    ['something was killed', 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n', true],
    ['another format', 'under_oom 1\n', false],
  ])('%s', (_, events, verdict) => {
    writeFileSync(path.join(group, 'memory.events'), events);
    expect(ranOutOfMemory(group)).toBe(verdict);
  });

  test('is not claimed of a group that is gone', () => {
    expect(ranOutOfMemory(path.join(group, 'gone'))).toBe(false);
  });
});
