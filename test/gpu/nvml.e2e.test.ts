// Figures of GPUs from NVML, through a library that is compiled here: real calls into real C, no GPU behind it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { Nvml } from '../../node-agent/gpu/nvml.js';
import { NvidiaSmiProvider } from '../../node-agent/gpu/nvidia-smi.js';
import { needs } from '../real-part.js';
import { FakeMachine, fakeGpu } from './fake-machine.js';

describe.runIf(needs('build') && needs('cc'))('NVML', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-nvml-'));
  const library = path.join(folder, 'libnvidia-ml.so.1');
  const open: Nvml[] = [];

  beforeAll(() => {
    const source = path.join(PACKAGE_ROOT, 'test/gpu/fake-nvml.c');
    const made = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source], { encoding: 'utf8' });
    expect(made.stderr).toBe('');
  });
  afterEach(() => {
    for (const one of open.splice(0)) one.close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function nvml(mode: string, limitMs = 20_000, file = library): Nvml {
    const one = new Nvml({ library: file, limitMs, environment: { ...process.env, FAKE_NVML: mode } }, systemClock);
    open.push(one);
    return one;
  }

  it('tells figures of each GPU that can be opened, and leaves out what one does not tell', async () => {
    const one = nvml('');
    const expected = [
      {
        uuid: 'GPU-5a1e0000-0000-4000-8000-000000000000',
        utilizationRatio: 0.87,
        memoryUsedMib: 12_345,
        temperatureCelsius: 61,
        powerWatts: 512.75,
      },
      {
        uuid: 'GPU-5a1e0000-0000-4000-8000-000000000002',
        utilizationRatio: null,
        memoryUsedMib: 700,
        temperatureCelsius: 61,
        powerWatts: null,
      },
    ];
    expect(await one.read()).toEqual(expected);
    expect(await one.read()).toEqual(expected);
    expect(one.trouble).toBe('');
  });

  it.each([
    ['has no driver', 'no-driver', library, 'nvmlInit_v2 fails with 9'],
    ['is not there', '', 'libno-such-library.so.1', 'libno-such-library.so.1'],
  ])('that %s is asked no more for a while', async (_, mode, file, why) => {
    const one = nvml(mode, 20_000, file);
    expect(await one.read()).toBeNull();
    expect(one.trouble).toContain(why);
    expect(await one.read()).toBeNull();
  });

  it('that hangs is given up at its limit', async () => {
    const one = nvml('hang', 1_500);
    expect(await one.read()).toBeNull();
    expect(one.trouble).toContain('did not answer within 1.5 s');
  });

  it.each([
    ['', 512.75],
    ['no-driver', 71.5],
  ])('comes before nvidia-smi, which is asked when it fails (%j)', async (mode, watts) => {
    const machine = new FakeMachine(fakeGpu(0));
    process.env['FAKE_NVML'] = mode;
    const options = { searchPath: machine.searchPath, lockFolders: [machine.lockFolder], nvmlLibrary: library };
    const provider = new NvidiaSmiProvider(options, { clock: systemClock });
    delete process.env['FAKE_NVML'];
    expect((await provider.telemetry())[0]?.powerWatts).toBe(watts);
    expect(machine.calls()).toHaveLength(mode === '' ? 0 : 1);
    await provider.close();
    machine.remove();
  });
});
