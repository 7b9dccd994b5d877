// What tasks use: summed up over looks, read from control groups of both versions and from processes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useMessage } from '../../node-agent/messages.js';
import { TaskUses } from '../../node-agent/metrics/task-use.js';
import { ownIdentity } from '../../node-agent/runtime/process-identity.js';
import { ProcessMeter } from '../../node-agent/runtime/process-use.js';
import type { Telemetry } from '../../node-agent/gpu/provider.js';

const LOOK_MS = 10_000;

function gpus(...ratios: readonly (number | null)[]) {
  const held = ratios.map((_, at) => ({ uuid: `GPU-${at}`, instance: '' }));
  const telemetry = new Map<string, Telemetry>();
  ratios.forEach((utilizationRatio, at) => {
    const rest = { memoryUsedMib: 1_000 * (at + 1), temperatureCelsius: 40, powerWatts: 100 };
    telemetry.set(`GPU-${at}`, { uuid: `GPU-${at}`, utilizationRatio, ...rest });
  });
  return { held, telemetry };
}

describe('what a task uses', () => {
  test('adds up between looks, GPU by GPU', () => {
    const uses = new TaskUses();
    const looks = [gpus(0.5, 0), gpus(1, 0.04), gpus(0.5, 0), gpus(0, 0.2)];
    looks.forEach(({ held, telemetry }, at) => {
      uses.look('a', held, telemetry, { cpuMs: at * 8_000, memoryMib: 100 - at }, at * LOOK_MS);
    });
    expect(uses.of('a')).toEqual({
      cpuMs: 24_000,
      memoryPeakMib: 100,
      gpus: [
        { measuredMs: 30_000, busyMs: 20_000, workMs: 15_000, memoryPeakMib: 1_000, idleMs: 10_000 },
        {
          measuredMs: 30_000,
          busyMs: 10_000,
          workMs: expect.closeTo(2_400) as number,
          memoryPeakMib: 2_000,
          idleMs: 0,
        },
      ],
    });
  });

  test('is not idle for what was not measured: no telemetry, a gap, a MIG instance', () => {
    const idle = gpus(0);
    const idleMs = (last: ReturnType<typeof gpus>, instance = '', pauseMs = LOOK_MS): number | undefined => {
      const uses = new TaskUses();
      const held = [{ uuid: 'GPU-0', instance }];
      uses.look('a', held, idle.telemetry, null, 0);
      uses.look('a', held, idle.telemetry, null, LOOK_MS);
      uses.look('a', held, last.telemetry, null, LOOK_MS + pauseMs);
      return uses.of('a')?.gpus[0]?.idleMs;
    };
    expect(idleMs(idle)).toBe(20_000);
    expect(idleMs(gpus(null))).toBe(0);
    expect(idleMs(gpus())).toBe(0);
    expect(idleMs(idle, '', 60_001)).toBe(0);
    expect(idleMs(idle, 'MIG-1')).toBe(0);
  });

  test('goes on with what an earlier agent kept, and is told as it is', () => {
    const uses = new TaskUses();
    const { held, telemetry } = gpus(0);
    const kept = { measuredMs: 50_000, busyMs: 0, workMs: 0, memoryPeakMib: 9, idleMs: 50_000 };
    uses.restore('a', { cpuMs: 70_000.4, memoryPeakMib: null, gpus: [kept] });
    // What happened while no agent was there is not known.
    uses.look('a', held, telemetry, { cpuMs: 60_000, memoryMib: 7.2 }, 1_000_000);
    uses.look('a', held, telemetry, null, 1_010_000);
    const use = uses.of('a');
    expect(use).toEqual({
      cpuMs: 70_000.4,
      memoryPeakMib: 7.2,
      gpus: [{ measuredMs: 60_000, busyMs: 0, workMs: 0, memoryPeakMib: 1_000, idleMs: 10_000 }],
    });
    if (use !== null) {
      expect(useMessage(use)).toMatchObject({
        cpuTime: { seconds: 70 },
        memoryPeakMib: 8,
        gpus: [{ memoryPeakMib: 1_000 }],
      });
    }
    uses.forget('a');
    expect(uses.of('a')).toBeNull();
  });
});

describe('the processes of a task', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-use-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const group = (files: Readonly<Record<string, string>>): string => {
    const made = mkdtempSync(path.join(folder, 'group-'));
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(made, name), text);
    return made;
  };
  const root = ownIdentity();
  const mib = (count: number): string => `${count * 2 ** 20}\n`;

  test('are counted by a group of version 2, without files that nobody uses any more', () => {
    const own = group({
      'cpu.stat': 'usage_usec 12000000\nuser_usec 11000000\n',
      'memory.current': mib(300),
      'memory.stat': `anon 5\ninactive_file ${100 * 2 ** 20}\nactive_file 3\n`,
    });
    const meter = new ProcessMeter({ allocation: 'a', root, cgroup: own }, { memory: { version: 2, path: own } });
    expect(meter.look()).toEqual({ cpuMs: 12_000, memoryMib: 200 });
  });

  test('are counted by groups of version 1', () => {
    const cpu = group({ 'cpuacct.usage': '3000000000\n' });
    const memory = group({ 'memory.usage_in_bytes': mib(50), 'memory.stat': `total_inactive_file ${10 * 2 ** 20}\n` });
    const groups = { cpu: { version: 1, path: cpu }, memory: { version: 1, path: memory } } as const;
    const meter = new ProcessMeter({ allocation: 'a', root, cgroup: group({ 'cgroup.procs': '' }) }, groups);
    expect(meter.look()).toEqual({ cpuMs: 3_000, memoryMib: 40 });
  });

  test('are counted one by one where a group does not count', () => {
    const own = group({ 'cgroup.procs': `${process.pid}\n` });
    const used = new ProcessMeter({ allocation: 'a', root, cgroup: own }, {}).look();
    const { user, system } = process.cpuUsage();
    // The kernel counts in ticks of 10 ms, and this process has waited for no child that took longer than it did.
    expect(used?.cpuMs).toBeGreaterThan(0);
    expect(used?.cpuMs).toBeLessThanOrEqual((user + system) / 1_000 + 20);
    expect(used?.memoryMib).toBeGreaterThan(20);
  });

  test('are found without any group, and not looked for again at once', () => {
    const meter = new ProcessMeter({ allocation: 'no-such-task', root, cgroup: null }, {});
    meter.look();
    expect(meter.look()).toBeNull();
  });
});
