// Where GPUs sit, from what the kernel says of PCI devices.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readPciSlot } from '../../node-agent/gpu/pci-slot.js';
import { lookAgain, NO_LOOKS, PERSISTENT_LOOKS, REMEMBERED_LOOKS, symptomsOf } from '../../node-agent/gpu/symptoms.js';
import type { Signs } from '../../node-agent/gpu/smi-report.js';

test.each<[string, Readonly<Record<string, string>>, { numaNode: number | null; cpuList: string }]>([
  ['two sockets', { numa_node: '1\n', local_cpulist: '32-63,96-127\n' }, { numaNode: 1, cpuList: '32-63,96-127' }],
  ['firmware that does not say', { numa_node: '-1\n', local_cpulist: '0-7\n' }, { numaNode: null, cpuList: '0-7' }],
  ['an old kernel', {}, { numaNode: null, cpuList: '' }],
  ['nonsense', { numa_node: 'x', local_cpulist: '; rm' }, { numaNode: null, cpuList: '' }],
])('%s', (_, files, expected) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-pci-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(path.join(folder, '0000:5b:00.0'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, '0000:5b:00.0', name), text);
  expect(readPciSlot('00000000:5B:00.0', folder)).toEqual(expected);
  expect(readPciSlot('0000:5b:00.0', folder)).toEqual(expected);
  for (const other of ['00000000:5C:00.0', '', '../../etc', 'GPU is lost']) {
    expect(readPciSlot(other, folder)).toEqual({ numaNode: null, cpuList: '' });
  }
});

const WELL: Signs = {
  recoveryAction: '',
  remapPending: false,
  remapFailure: false,
  retirementPending: false,
  isHot: false,
  uncorrected: 0,
  corrected: 0,
};

test('heat counts for ten looks, and is persistent at six of them', () => {
  let back = NO_LOOKS;
  const kinds: string[] = [];
  const look = (change: Partial<Signs>) => {
    back = lookAgain(back, { ...WELL, ...change });
    kinds.push(
      symptomsOf(WELL, back)
        .map(({ kind }) => kind)
        .join() || '.',
    );
  };
  for (let count = 0; count < PERSISTENT_LOOKS; count += 1) look({ isHot: true });
  for (let count = 0; count < REMEMBERED_LOOKS; count += 1) look({});
  const hot = 'thermal';
  const worse = 'thermal_persistent';
  expect(kinds).toEqual([...Array(5).fill(hot), ...Array(5).fill(worse), ...Array(5).fill(hot), '.']);
});

test('corrected errors are a burst when many came since the last look', () => {
  const counts = [500, 599, 699, 10, 20].map((corrected) => ({ ...WELL, corrected }));
  const bursts = counts.map((_, at) => {
    const back = counts.slice(0, at + 1).reduce(lookAgain, NO_LOOKS);
    return symptomsOf(WELL, back).length;
  });
  expect(bursts).toEqual([0, 0, 1, 1, 1]);
});

test('what the driver says is told in its words', () => {
  const signs = {
    ...WELL,
    recoveryAction: 'Drain and Reset',
    remapPending: true,
    remapFailure: true,
    retirementPending: true,
  };
  expect(symptomsOf(signs, NO_LOOKS).map(({ kind }) => kind)).toEqual([
    'recovery_action',
    'row_remap_failure',
    'row_remap_pending',
    'page_retirement_pending',
  ]);
});
