// Reading the kernel log: real lines of the driver, lines that are none, and the form of /dev/kmsg.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import {
  busKey,
  DriverErrorReader,
  parseKernelRecord,
  parseSxid,
  parseXid,
} from '../../node-agent/health/kernel-record.js';
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

/** Lines that drivers wrote, from the Fabric Manager User Guide and from reports in the field. */
test.each<[string, [string, number, string] | null]>([
  [
    '[131453.740743] nvidia-nvswitch0: SXid (PCI:0000:00:00.0): 20034, Fatal, Link 30 LTSSM Fault Up',
    ['0000:00:00.0', 20_034, 'Fatal, Link 30 LTSSM Fault Up'],
  ],
  [
    'nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 egress non-posted PRIV error (First)',
    ['0000:05:00.0', 12_028, 'Non-fatal, Link 32 egress non-posted PRIV error (First)'],
  ],
  [
    'nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 28006, Non-fatal, Link 46 MC TS crumbstore MCTO (First)',
    ['0000:c1:00.0', 28_006, 'Non-fatal, Link 46 MC TS crumbstore MCTO (First)'],
  ],
  // The first line of an error says what it is; those that dump its registers tell of no other one.
  ['nvidia-nvswitch3: SXid (PCI:0000:08:00.0): 22013, Severity 0 Engine instance 60 Sub-engine instance 00', null],
  ['nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Data {0x50610002, 0x10100030, 0x00000000}', null],
  ['nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): garbled, Fatal', null],
  ['nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 1234567, Fatal, too long a number', null],
  ['nvidia-nvswitch0: open (major=506)', null],
  ['NVRM: Xid (PCI:0000:02:00): 79, GPU has fallen off the bus.', null],
])('%s', (line, expected) => {
  const found = parseSxid(line);
  expect(found === null ? null : [found.pciBusId, found.xid, found.detail]).toEqual(expected);
});

test('errors of GPUs and of switches are told apart, and nothing twice', () => {
  const lines = [
    'NVRM: Xid (PCI:0000:05:00): 74, pid=1, NVLink: fatal error detected on link 6',
    'nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up',
    'nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 20034, Severity 1 Engine instance 30 Sub-engine instance 00',
    'nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 20034, Data {0x50610002, 0x10100030, 0x00000000}',
  ];
  const reader = new DriverErrorReader();
  expect(lines.flatMap((line) => reader.read(line))).toMatchObject([
    { kind: 'xid', xid: 74 },
    { kind: 'sxid', xid: 20_034 },
  ]);
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
    const reader = new DriverErrorReader();
    expect(lines.flatMap((line) => reader.read(line))).toMatchObject([{ pciBusId: '0000:b3:00.0', xid: 79 }]);
  });
  it('is told once when an Xid came before', () => {
    const reader = new DriverErrorReader();
    const all = ['NVRM: Xid (PCI:0000:b3:00): 79, GPU has fallen off the bus.', ...lines];
    expect(all.flatMap((line) => reader.read(line))).toHaveLength(1);
  });
  it('is told in one record of several lines', () => {
    expect(new DriverErrorReader().read(lines.join('\n'))).toHaveLength(1);
  });
  it('is not told by the end of a story that nobody began', () => {
    expect(new DriverErrorReader().read(lines[2] ?? '')).toEqual([]);
  });
});

describe.runIf(needs('shared'))('recorded kernel logs', () => {
  it.each([
    ['xid-lines.txt', [79, 79, 14, 79, 94, 63, 74, 149, 145, 154]],
    ['dmesg-xid-119-gsp-timeout.log', null],
    ['fabricmanager.log', []],
  ])('%s', (file, expected) => {
    const text = readFileSync(path.join(SHARED_FOLDER, 'gpu-samples/kernel-log', file), 'utf8');
    const xids = new DriverErrorReader().read(text).map(({ xid }) => xid);
    if (expected === null) {
      expect(xids.length).toBeGreaterThan(0);
      expect(new Set(xids)).toEqual(new Set([119]));
    } else {
      expect(xids).toEqual(expected);
    }
  });
});
