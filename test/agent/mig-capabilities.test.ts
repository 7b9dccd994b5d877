// The capability devices of MIG instances: which are whose, and that a task opens those of its own instances only.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { capabilityGrant, readCapabilities } from '../../node-agent/gpu/mig-capabilities.js';
import type { MigPlace } from '../../node-agent/gpu/provider.js';
import { migInstances, readMigDevices } from '../../node-agent/gpu/smi-mig.js';
import { parseReport } from '../../node-agent/gpu/smi-report.js';
import {
  findCgroupHome,
  foldersOf,
  groupsFor,
  insideCgroup,
  makeGroups,
  removeCgroup,
} from '../../node-agent/runtime/cgroup.js';
import { type DeviceGrant, denyDevices, filterDevices } from '../../node-agent/runtime/device-filter.js';
import { needs, SHARED_FOLDER } from '../real-part.js';

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(path.join(os.tmpdir(), 'sluice-proc-'));
});
afterEach(() => rmSync(proc, { recursive: true, force: true }));

const DEVICES =
  'Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n236 nvidia-caps\n237 nvidia-nvswitch\n\nBlock devices:\n  8 sd\n';

/** The minor number that the driver gives to an instance, by its list /proc/driver/nvidia-caps/mig-minors (the same on all machines). */
function minorOf(
  gpu: number,
  { gpuInstance, computeInstance }: { gpuInstance: number; computeInstance?: number },
): number {
  return 3 + (gpu * 15 + gpuInstance) * 9 + (computeInstance === undefined ? 0 : 1 + computeInstance);
}

/** Lays out /proc as a driver with these instances does. */
function machine(
  instances: readonly (readonly [gpu: number, gpuInstance: number, computeInstances: readonly number[]])[],
): void {
  writeFileSync(path.join(proc, 'devices'), DEVICES);
  const capability = (name: string, minor: number): void => {
    const file = path.join(proc, 'driver/nvidia/capabilities', name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `DeviceFileMinor: ${minor}\nDeviceFileMode: 292\nDeviceFileModify: 1\n`);
  };
  capability('mig/config', 1);
  capability('mig/monitor', 2);
  for (const [gpu, gpuInstance, computeInstances] of instances) {
    const folder = `gpu${gpu}/mig/gi${gpuInstance}`;
    capability(`${folder}/access`, minorOf(gpu, { gpuInstance }));
    for (const computeInstance of computeInstances) {
      capability(`${folder}/ci${computeInstance}/access`, minorOf(gpu, { gpuInstance, computeInstance }));
    }
  }
}

const at = (gpuMinor: number, gpuInstance: number, computeInstance = 0) => ({
  gpuMinor,
  place: { gpuInstance, computeInstance },
});

describe('what a task may open', () => {
  // The instances of an A100 (4 of 1g.10gb) and of an H100 (3g.40gb, 2g.20gb, two of 1g.10gb), as recorded.
  const a100 = [3, 4, 5, 6].map((gpuInstance) => [0, gpuInstance, [0]] as const);
  const h100 = [2, 3, 9, 10].map((gpuInstance) => [1, gpuInstance, [0]] as const);
  const split = [[0, 1, [0, 1, 2]]] as const;
  test.each<[string, Parameters<typeof machine>[0], ReturnType<typeof at>[], number[], number[]]>([
    ['nothing without an instance', a100, [], [], [1, 2, 30, 31, 39, 40, 48, 49, 57, 58]],
    ['an instance of an A100', a100, [at(0, 3)], [30, 31], [1, 2, 39, 40, 48, 49, 57, 58]],
    ['two of them', a100, [at(0, 4), at(0, 6)], [39, 40, 57, 58], [1, 2, 30, 31, 48, 49]],
    ['an instance of the second GPU', h100, [at(1, 9)], [219, 220], [1, 2, 156, 157, 165, 166, 228, 229]],
    ['one compute instance of several', split, [at(0, 1, 1)], [12, 14], [1, 2, 13, 15]],
  ])('%s', (_, instances, granted, open, shut) => {
    machine(instances);
    const known = readCapabilities(proc);
    const grant = known === null ? null : capabilityGrant(known, granted);
    expect(grant?.major).toBe(236);
    expect(grant?.granted).toEqual(open);
    expect(grant?.shut.toSorted((a, b) => a - b)).toEqual(shut);
  });

  test.each<[string, { gpuMinor: number; place: MigPlace | undefined }]>([
    ['whose numbers were not told', { gpuMinor: 0, place: undefined }],
    ['that has no device', at(0, 9)],
    ['that has one only for its GPU instance', at(0, 3, 5)],
  ])('an instance %s cannot be let through alone', (_, instance) => {
    machine(a100);
    const known = readCapabilities(proc);
    expect(known === null ? 'none' : capabilityGrant(known, [instance])).toBeNull();
  });

  test.each([
    ['a machine without the driver', ''],
    ['a driver without MIG', 'Character devices:\n195 nvidia\n'],
    ['other capabilities', 'Character devices:\n238 nvidia-caps-imex-channels\n'],
  ])('%s has none', (_, devices) => {
    if (devices !== '') writeFileSync(path.join(proc, 'devices'), devices);
    expect(readCapabilities(proc)).toBeNull();
  });
});

test.runIf(needs('shared'))('the numbers of instances come with the report, joined by device', async () => {
  const samples = path.join(SHARED_FOLDER, 'gpu-samples');
  const xml = readFileSync(path.join(samples, 'xml/a100-sxm4-80gb-1x-mig4-535.54.03.xml'), 'utf8');
  const gpu = (await parseReport(xml))?.gpus[0];
  const list = readFileSync(path.join(samples, 'captures/h100-mig-590.48.01/L.txt'), 'utf8');
  const [listed = []] = [...readMigDevices(list).values()];
  const places = new Map(gpu?.migPlaces);
  expect(migInstances(listed, new Map(), places).map(({ place }) => place)).toEqual(
    [3, 4, 5, 6].map((gpuInstance) => ({ gpuInstance, computeInstance: 0 })),
  );
});

describe.runIf(needs('cgroups'))('a process in a control group', () => {
  // Numbers that no driver of this machine has: an open that is allowed finds no such device.
  const MAJOR = 236;
  const devices = path.join('/dev/shm', `sluice-caps-${process.pid}`);
  beforeEach(() => {
    mkdirSync(devices);
    for (const minor of [1, 30, 31, 39]) {
      spawnSync('mknod', [path.join(devices, `nvidia-cap${minor}`), 'c', String(MAJOR), String(minor)]);
    }
    for (const minor of [0, 1, 255])
      spawnSync('mknod', [path.join(devices, `nvidia${minor}`), 'c', '195', String(minor)]);
  });
  afterEach(() => rmSync(devices, { recursive: true, force: true }));

  function opened(
    by: 'filter' | 'controller',
    grant: DeviceGrant,
  ): { readonly open: string[]; readonly refusals: number | null } {
    const home = findCgroupHome();
    if (home === null) throw new Error('no control groups');
    const limits = { cpuMilli: 0, memoryMib: 0, gpuMinors: [] };
    const group = groupsFor(home, `test-caps-${process.pid}`, limits);
    makeGroups(group, limits);
    const filter = by === 'filter' ? filterDevices(group.group, grant) : null;
    if (by === 'controller') denyDevices(group.limits.devices?.path ?? '', grant);
    try {
      const script = 'for f in *; do cat "$f" 2>&1; done';
      const { stdout } = insideCgroup(group, () => spawnSync('sh', ['-c', script], { cwd: devices, encoding: 'utf8' }));
      const lines = stdout.trim().split('\n');
      const open = lines.flatMap((line) => /(nvidia\S+): No such device/.exec(line)?.[1] ?? []);
      const shut = lines.filter((line) => line.endsWith('Operation not permitted'));
      expect(open.length + shut.length).toBe(7);
      return { open, refusals: filter?.refusals() ?? null };
    } finally {
      filter?.close();
      for (const folder of foldersOf(group)) removeCgroup(folder);
    }
  }

  const kinds = (['filter', 'controller'] as const).filter((kind) => {
    const home = needs('cgroups') ? findCgroupHome() : null;
    return kind === 'filter' ? home?.deviceFilter === true : home?.controllers.devices?.version === 1;
  });

  test('has one kind of filter at least', () => expect(kinds.length).toBeGreaterThan(0));

  test.each(kinds)('opens the devices of its own instances and GPUs, by %s', (kind) => {
    const capabilities = { major: MAJOR, granted: [30, 31], shut: [1, 39] };
    const { open, refusals } = opened(kind, { gpuMinors: [1], capabilities });
    expect(open).toEqual(['nvidia-cap30', 'nvidia-cap31', 'nvidia1', 'nvidia255']);
    if (kind === 'filter') expect(refusals).toBe(3);
  });

  test.each(kinds)('opens none without an instance, by %s', (kind) => {
    const capabilities = { major: MAJOR, granted: [], shut: [1, 30, 31, 39] };
    expect(opened(kind, { gpuMinors: [0], capabilities }).open).toEqual(['nvidia0', 'nvidia255']);
  });

  test.each(kinds)('opens all of them where nothing is known of capabilities, by %s', (kind) => {
    expect(opened(kind, { gpuMinors: [] }).open).toEqual([
      'nvidia-cap1',
      'nvidia-cap30',
      'nvidia-cap31',
      'nvidia-cap39',
      'nvidia255',
    ]);
  });
});
