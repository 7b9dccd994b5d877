// Reading the kernel log: real lines of the driver, lines that are none, and the form of /dev/kmsg.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { busKey, parseKernelRecord, parseXid, XidReader } from '../../node-agent/health/kernel-record.js';
import { needs, SHARED_FOLDER } from '../real-part.js';

test.each<[string, [string, number, string] | null]>([
  ['NVRM: Xid (PCI:0000:02:00): 79, GPU has fallen off the bus.', ['0000:02:00', 79, 'GPU has fallen off the bus.']],
  ['NVRM: Xid (0000:03:00): 14, Channel 00000001', ['0000:03:00', 14, 'Channel 00000001']],
  [
    "NVRM: Xid (PCI:0000:05:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    ['0000:05:00', 79, "pid='<unknown>', name=<unknown>, GPU has fallen off the bus."],
  ],
  ['[1234.5] NVRM: Xid (PCI:00000000:9b:00.0): 31, pid=1, name=x', ['00000000:9b:00.0', 31, 'pid=1, name=x']],
  ['NVRM: Xid (PCI:0000:05:00): 43', ['0000:05:00', 43, '']],
  ['NVRM: Xid (PCI:0000:05:00): 43, Ch 00000010  \n', ['0000:05:00', 43, 'Ch 00000010']],
  ['NVRM: GPU at PCI:0000:02:00: GPU-660d987e-5b28-3bf6-2a2d-1d5ecae7f6df', null],
  ['NVRM: Xid (PCI:0000:02:00): , no number', null],
  ['NVRM: Xid (somewhere): 79, no address', null],
  ['NVRM: Xid (PCI:0000:02:00): 123456, too long a number', null],
  ['nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal', null],
  ['usb 1-1: new high-speed USB device', null],
  ['', null],
])('%s', (line, expected) => {
  const found = parseXid(line);
  expect(found === null ? null : [found.pciBusId, found.xid, found.detail]).toEqual(expected);
});

test.each([
  ['0000:05:00', '00000000:05:00.0'],
  ['0000:9B:00', '00000000:9b:00.0'],
  ['0008:01:00', '00000008:01:00.0'],
  ['10000:01:00.0', '00010000:01:00.0'],
])('%s is %s', (log, report) => expect(busKey(log)).toBe(busKey(report)));

test.each([
  ['0000:05:00', '0000:06:00'],
  ['0008:01:00', '0018:01:00'],
])('%s is not %s', (one, other) => expect(busKey(one)).not.toBe(busKey(other)));

test('a record of /dev/kmsg', () => {
  expect(parseKernelRecord('3,1042,5000123,-;NVRM: Xid (PCI:0000:05:00): 48\n SUBSYSTEM=pci\n')).toEqual({
    sequence: 1_042,
    sinceBootMs: 5_000.123,
    text: 'NVRM: Xid (PCI:0000:05:00): 48',
  });
  expect(parseKernelRecord('11,7,1,-,caller=T1;a\\x0ab')?.text).toBe('a\nb');
  for (const odd of ['', 'nonsense', ';', '3,x,1,-;a']) expect(parseKernelRecord(odd)).toBeNull();
});

describe('a GPU that leaves the bus', () => {
  const lines = [
    'NVRM: The NVIDIA GPU 0000:b3:00.0',
    'NVRM: (PCI ID: 10de:26b5) installed in this system has',
    'NVRM: fallen off the bus and is not responding to commands.',
  ];
  it('is told without an Xid, in three lines', () => {
    const reader = new XidReader();
    expect(lines.flatMap((line) => reader.read(line))).toMatchObject([{ pciBusId: '0000:b3:00.0', xid: 79 }]);
  });
  it('is told once when an Xid came before', () => {
    const reader = new XidReader();
    const all = ['NVRM: Xid (PCI:0000:b3:00): 79, GPU has fallen off the bus.', ...lines];
    expect(all.flatMap((line) => reader.read(line))).toHaveLength(1);
  });
  it('is told in one record of several lines', () => {
    expect(new XidReader().read(lines.join('\n'))).toHaveLength(1);
  });
  it('is not told by the end of a story that nobody began', () => {
    expect(new XidReader().read(lines[2] ?? '')).toEqual([]);
  });
});

describe.runIf(needs('shared'))('recorded kernel logs', () => {
  it.each([
    ['xid-lines.txt', [79, 79, 14, 79, 94, 63, 74, 149, 145, 154]],
    ['dmesg-xid-119-gsp-timeout.log', null],
    ['fabricmanager.log', []],
  ])('%s', (file, expected) => {
    const text = readFileSync(path.join(SHARED_FOLDER, 'gpu-samples/kernel-log', file), 'utf8');
    const xids = new XidReader().read(text).map(({ xid }) => xid);
    if (expected === null) {
      expect(xids.length).toBeGreaterThan(0);
      expect(new Set(xids)).toEqual(new Set([119]));
    } else {
      expect(xids).toEqual(expected);
    }
  });
});
