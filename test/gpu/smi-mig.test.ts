// Which MIG instances there are: written lists for each oddity, and the lists of real machines.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { MAX_MIG_INSTANCES, memoryOfProfile, migInstances, readMigDevices } from '../../node-agent/gpu/smi-mig.js';
import { needs, SHARED_FOLDER } from '../real-part.js';

const GPU = 'GPU-11111111-2222-3333-4444-555555555555';
const OTHER = 'GPU-11111111-2222-3333-4444-666666666666';
const gpuLine = (uuid: string, index = 0) => `GPU ${index}: NVIDIA A100 (40GB) (UUID: ${uuid})\n`;
const migLine = (device: number, profile = '1g.5gb', uuid = `MIG-aaaa${device}`) =>
  `  MIG ${profile}     Device  ${device}: (UUID: ${uuid})\n`;

describe('the list', () => {
  it('tells the instances of each GPU, and that another has none', () => {
    const found = readMigDevices(gpuLine(GPU) + migLine(0, '3g.20gb') + migLine(1) + gpuLine(OTHER, 1));
    expect([...found]).toEqual([
      [
        GPU,
        [
          { uuid: 'MIG-aaaa0', profile: '3g.20gb', device: 0 },
          { uuid: 'MIG-aaaa1', profile: '1g.5gb', device: 1 },
        ],
      ],
      [OTHER, []],
    ]);
  });

  it.each([
    ['the names of older drivers', `MIG-${GPU}/7/0`, '1g.5gb'],
    ['media extensions', 'MIG-bbbb', '1g.5gb+me'],
    ['a part of an instance', 'MIG-bbbb', '1c.3g.20gb'],
  ])('takes %s', (_, uuid, profile) => {
    expect(readMigDevices(gpuLine(GPU) + migLine(0, profile, uuid)).get(GPU)).toEqual([{ uuid, profile, device: 0 }]);
  });

  it.each([
    ['nothing', ''],
    ['a failure', 'NVIDIA-SMI has failed because it could not communicate with the driver.\n'],
    ['instances of nobody', migLine(0)],
    ['instances of a GPU that hides who it is', `GPU 0: NVIDIA A100 (UUID: Unknown Error)\n${migLine(0)}`],
    ['a warning', 'WARNING: infoROM is corrupted\n'],
  ])('finds no instance in %s', (_, text) => {
    expect([...readMigDevices(text)].flatMap(([, devices]) => devices)).toEqual([]);
  });

  it('ignores more instances than a GPU can have', () => {
    const many = Array.from({ length: MAX_MIG_INSTANCES + 5 }, (_, device) => migLine(device)).join('');
    expect(readMigDevices(gpuLine(GPU) + many).get(GPU)).toHaveLength(MAX_MIG_INSTANCES);
  });
});

describe('an instance', () => {
  const listed = [
    { uuid: 'MIG-b', profile: '2g.10gb', device: 1 },
    { uuid: 'MIG-a', profile: '3g.20gb', device: 0 },
  ];

  it('has the memory that the report tells for its number', () => {
    expect(migInstances(listed, new Map([[0, 20_096]]))).toEqual([
      { uuid: 'MIG-a', profile: '3g.20gb', memoryMib: 20_096 },
      { uuid: 'MIG-b', profile: '2g.10gb', memoryMib: 10_240 },
    ]);
  });

  test.each([
    ['1g.5gb', 5_120],
    ['1c.3g.40gb', 40_960],
    ['1g.10gb+me', 10_240],
    ['7g', 0],
  ])('of profile %s has %i MiB at least', (profile, memoryMib) => {
    expect(memoryOfProfile(profile)).toBe(memoryMib);
  });
});

describe.runIf(needs('shared'))('recorded lists', () => {
  const list = (machine: string) =>
    readMigDevices(readFileSync(path.join(SHARED_FOLDER, `gpu-samples/captures/${machine}/L.txt`), 'utf8'));

  it.each([
    ['h100-mig-590.48.01', ['3g.40gb', '2g.20gb', '1g.10gb', '1g.10gb']],
    ['h100-80gb-hbm3-590.48.01', []],
    ['l40s-595.80', []],
    ['rtx4080super-595.71.05', []],
  ])('%s', (machine, profiles) => {
    const gpus = [...list(machine).values()];
    expect(gpus).toHaveLength(1);
    const devices = gpus[0] ?? [];
    expect(devices.map(({ profile }) => profile)).toEqual(profiles);
    expect(devices.every(({ uuid }) => /^MIG-[0-9a-f-]{36}$/.test(uuid))).toBe(true);
    expect(new Set(devices.map(({ uuid }) => uuid)).size).toBe(profiles.length);
  });
});
