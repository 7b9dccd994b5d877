// Reading the report of nvidia-smi: written samples for each oddity, and the recorded reports of real machines.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import * as fc from 'fast-check';
import { isGpuUuid, parseReport, readMib, readNumber, readReport } from '../../node-agent/gpu/smi-report.js';
import { needs, SHARED_FOLDER } from '../real-part.js';

const GOOD_GPU = {
  product_name: 'NVIDIA L40S',
  uuid: 'GPU-11111111-2222-3333-4444-555555555555',
  pci: { pci_bus_id: '00000000:C1:00.0' },
  fb_memory_usage: { total: '46068 MiB', used: '3 MiB' },
  utilization: { gpu_util: '0 %' },
  temperature: { gpu_temp: '30 C' },
  processes: '',
};

const NO_SIGNS = {
  recoveryAction: '',
  remapPending: false,
  remapFailure: false,
  retirementPending: false,
  isHot: false,
  uncorrected: null,
  corrected: null,
};

function report(...gpus: readonly object[]) {
  const gpu = gpus.length === 1 ? gpus[0] : gpus;
  return readReport({ nvidia_smi_log: { driver_version: '570.1', cuda_version: '12.8', gpu } });
}

describe('shapes', () => {
  it('reads one GPU, which is an object, and several, which are an array', () => {
    expect(report(GOOD_GPU)?.gpus).toEqual([
      {
        uuid: 'GPU-11111111-2222-3333-4444-555555555555',
        model: 'NVIDIA L40S',
        pciBusId: '00000000:C1:00.0',
        minor: null,
        memoryMib: 46_068,
        usedMib: 3,
        processes: [],
        migMemoryMib: null,
        computeMode: '',
        signs: NO_SIGNS,
        health: 'healthy',
        healthMessage: '',
      },
    ]);
    expect(report(GOOD_GPU, { ...GOOD_GPU, product_name: 'NVIDIA L4' })?.gpus.map(({ model }) => model)).toEqual([
      'NVIDIA L40S',
      'NVIDIA L4',
    ]);
  });

  it('reads no GPU at all', () => {
    expect(readReport({ nvidia_smi_log: { driver_version: '570.1' } })?.gpus).toEqual([]);
  });

  it('reads one process and several', () => {
    const one = { pid: '12', process_name: '/usr/bin/python3', used_memory: '512 MiB' };
    const processesOf = (info: unknown) =>
      report({ ...GOOD_GPU, processes: { process_info: info } })?.gpus[0]?.processes;
    expect(processesOf(one)).toEqual([{ pid: 12, name: '/usr/bin/python3', usedMib: 512 }]);
    expect(processesOf([one, { ...one, pid: '13', used_memory: 'N/A' }])).toMatchObject([
      { pid: 12 },
      { pid: 13, usedMib: null },
    ]);
  });

  it.each([
    ['nothing', undefined],
    ['text', 'No devices were found'],
    ['another document', { html: { body: '' } }],
    ['an empty report', { nvidia_smi_log: '' }],
    ['a list', []],
    ['null', null],
  ])('is no report: %s', (_, tree) => {
    expect(readReport(tree)).toBeNull();
  });

  it('takes a GPU without anything in it as lost to us, not as a crash', () => {
    expect(report({ $: { id: '00000000:01:00.0' } })?.gpus).toEqual([
      {
        uuid: '',
        model: 'unknown GPU',
        pciBusId: '00000000:01:00.0',
        minor: null,
        memoryMib: 0,
        usedMib: null,
        processes: [],
        migMemoryMib: null,
        computeMode: '',
        signs: NO_SIGNS,
        health: 'quarantined',
        healthMessage: 'nvidia-smi does not report the size of its memory.',
      },
    ]);
  });

  it.each(['<nvidia_smi_log><gpu>', 'nonsense', '', '<nvidia_smi_log', '<a/>'])('parses %j to nothing', async (xml) => {
    expect(await parseReport(xml)).toBeNull();
  });
});

describe('health', () => {
  it.each([
    ['lost, by its memory', { fb_memory_usage: { total: 'GPU is lost' } }, 'lost', 'GPU is lost'],
    ['lost, in brackets', { fb_memory_usage: { total: '[GPU is lost]' } }, 'lost', 'answers: GPU is lost.'],
    ['lost, by its identity', { uuid: 'Unknown Error' }, 'lost', 'Unknown Error'],
    ['lost, by its sensors', { temperature: { gpu_temp: 'GPU is lost' } }, 'lost', 'GPU is lost'],
    ['in need of a reset', { fb_memory_usage: { total: '[GPU requires reset]' } }, 'lost', 'requires reset'],
    ['a sensor that fails on a working GPU', { temperature: { gpu_temp: 'Unknown Error' } }, 'healthy', ''],
    ['a recovery action, which is a sign', { gpu_recovery_action: 'Drain and Reset' }, 'healthy', ''],
    ['failed rows, which are a sign', { remapped_rows: { remapped_row_failure: 'Yes' } }, 'healthy', ''],
    ['a fabric that is not set up', { fabric: { state: 'In Progress', status: 'N/A' } }, 'quarantined', 'In Progress'],
    ['a fabric that failed', { fabric: { state: 'Completed', status: 'Failure' } }, 'quarantined', 'Failure'],
    ['no fabric', { fabric: { state: 'N/A', status: 'N/A' } }, 'healthy', ''],
    ['a compute mode that lets nobody in', { compute_mode: 'Prohibited' }, 'quarantined', 'nvidia-smi -c 0'],
    ['a compute mode for one process', { compute_mode: 'Exclusive_Process' }, 'healthy', ''],
    ['MIG', { mig_mode: { current_mig: 'Enabled' } }, 'healthy', ''],
    ['memory that is not told', { fb_memory_usage: { total: 'N/A' } }, 'quarantined', 'size of its memory'],
  ])('%s', (_, change, health, words) => {
    const gpu = report({ ...GOOD_GPU, ...change })?.gpus[0];
    expect(gpu?.health).toBe(health);
    expect(gpu?.healthMessage).toContain(words);
  });
});

describe('signs', () => {
  const volatile = (counts: object) => ({ ecc_errors: { volatile: counts } });
  it.each<[string, object, object]>([
    ['a recovery action', { gpu_recovery_action: 'Drain and Reset' }, { recoveryAction: 'Drain and Reset' }],
    ['no recovery action', { gpu_recovery_action: 'None' }, {}],
    ['a recovery action that is not told', { gpu_recovery_action: 'N/A' }, {}],
    ['rows to be remapped', { remapped_rows: { remapped_row_pending: 'Yes' } }, { remapPending: true }],
    ['rows that cannot be', { remapped_rows: { remapped_row_failure: 'Yes' } }, { remapFailure: true }],
    ['rows of a lost GPU, which are text', { remapped_rows: 'GPU is lost' }, {}],
    ['pages to be retired', { retired_pages: { pending_retirement: 'Yes' } }, { retirementPending: true }],
    ['the same of an older driver', { retired_pages: { pending_blacklist: 'Yes' } }, { retirementPending: true }],
    ['heat', { clocks_event_reasons: { clocks_event_reason_hw_thermal_slowdown: 'Active' } }, { isHot: true }],
    [
      'heat, of an older driver',
      { clocks_throttle_reasons: { clocks_throttle_reason_hw_thermal_slowdown: 'Active' } },
      { isHot: true },
    ],
    ['no heat', { clocks_event_reasons: { clocks_event_reason_hw_thermal_slowdown: 'Not Active' } }, {}],
    [
      'errors of Hopper',
      volatile({
        sram_correctable: '3',
        sram_uncorrectable_parity: '1',
        dram_uncorrectable: '2',
        dram_correctable: '0',
      }),
      { uncorrected: 3, corrected: 3 },
    ],
    ['errors of Volta', volatile({ double_bit: { total: '4' }, single_bit: { total: 'N/A' } }), { uncorrected: 4 }],
    ['no ECC', volatile({ dram_uncorrectable: 'N/A' }), {}],
    ['errors that cannot be told', volatile({ dram_uncorrectable: '[Unknown Error]' }), {}],
  ])('%s', (_, change, signs) => {
    expect(report({ ...GOOD_GPU, ...change })?.gpus[0]?.signs).toEqual({ ...NO_SIGNS, ...signs });
  });

  it('a compute mode', () => {
    expect(report({ ...GOOD_GPU, compute_mode: 'Exclusive_Process' })?.gpus[0]?.computeMode).toBe('Exclusive_Process');
    expect(report({ ...GOOD_GPU, compute_mode: '[N/A]' })?.gpus[0]?.computeMode).toBe('');
  });
});

describe('odd values', () => {
  const withMemory = (total: string) => report({ ...GOOD_GPU, fb_memory_usage: { total, used: total } })?.gpus[0];

  it.each([
    ['46068 MiB', 46_068],
    ['46068', 46_068],
    ['2047 MB', 2_047],
    ['79.5 GiB', 81_408],
    ['2097152 KiB', 2_048],
    ['-1 MiB', null],
    ['46068 parsecs', null],
    ['0x1000 MiB', null],
    ['1e5 MiB', null],
    [`${'9'.repeat(400)} MiB`, null],
    ['N/A', null],
    ['[Unknown Error]', null],
    ['', null],
  ])('a size of %j is %j', (text, mib) => {
    expect(readMib(text)).toBe(mib);
    expect(withMemory(text)).toMatchObject({ usedMib: mib, memoryMib: mib ?? 0 });
  });

  it('a number that is none of a device or of a process is not taken for one', () => {
    const processes = { process_info: ['-5', '0', '12.5', 'N/A', '77'].map((pid) => ({ pid, process_name: 'a' })) };
    const [gpu] = report({ ...GOOD_GPU, minor_number: '-1', processes })?.gpus ?? [];
    expect(gpu).toMatchObject({ minor: null, processes: [{ pid: 77 }] });
  });

  it('elements that come twice, or with attributes, count', async () => {
    const xml = `<?xml version="1.0" ?><nvidia_smi_log><gpu id="00000000:C1:00.0"><uuid unit="x">${GOOD_GPU.uuid}</uuid>
      <product_name>A</product_name><product_name>B</product_name></gpu></nvidia_smi_log>`;
    expect((await parseReport(xml))?.gpus).toMatchObject([{ uuid: GOOD_GPU.uuid, model: 'A' }]);
  });

  it('a process with a name that is no XML costs its name, not the report', async () => {
    const xml = `<?xml version="1.0" ?><nvidia_smi_log><gpu><uuid>${GOOD_GPU.uuid}</uuid><processes><process_info>
      <pid>77</pid>\n<process_name>a & <b> </c></process_name>\n<used_memory>5 MiB</used_memory></process_info></processes></gpu></nvidia_smi_log>`;
    const [gpu] = (await parseReport(xml))?.gpus ?? [];
    expect(gpu).toMatchObject({ uuid: GOOD_GPU.uuid, processes: [{ pid: 77, name: '', usedMib: 5 }] });
  });
});

describe('MIG', () => {
  const device = (index: string, total: string) => ({ index, fb_memory_usage: { total } });
  it.each([
    ['is off', { current_mig: 'Disabled' }, 'None', null],
    ['is not there', undefined, undefined, null],
    ['is on without instances', { current_mig: 'Enabled' }, 'None', []],
    ['has one', { current_mig: 'Enabled' }, { mig_device: device('0', '19968 MiB') }, [[0, 19_968]]],
    [
      'has two, of which one does not tell',
      { current_mig: 'Enabled' },
      { mig_device: [device('1', '9984 MiB'), device('0', 'N/A')] },
      [[1, 9_984]],
    ],
  ])('%s', (_, mode, devices, memory) => {
    expect(report({ ...GOOD_GPU, mig_mode: mode, mig_devices: devices })?.gpus[0]?.migMemoryMib).toEqual(memory);
  });
});

const NUMBERS: readonly (readonly [string, number | null])[] = [
  ['81559 MiB', 81_559],
  ['98.11 W', 98.11],
  ['37 %', 37],
  ['0', 0],
  ['-5 C', -5],
  ['16x', 16],
  ['', null],
  ['N/A', null],
  ['[N/A]', null],
  ['[Not Supported]', null],
  ['[Unknown Error]', null],
  ['GPU is lost', null],
  ['ERR!', null],
  ['1 2', null],
  ['0x10', null],
  ['Requested functionality has been deprecated', null],
];

test.each(NUMBERS)('the number in %j is %j', (text, number) => {
  expect(readNumber(text)).toBe(number);
});

/** Recorded report → GPUs, the model of the first, its memory, and the health of all that are not healthy. */
const RECORDED: Readonly<Record<string, readonly [number, string, number, Readonly<Record<number, string>>]>> = {
  'a100-sxm4-40gb-1x-570.148.08': [1, 'NVIDIA A100-SXM4-40GB', 40_960, {}],
  'a100-sxm4-80gb-1x-mig4-535.54.03': [1, 'NVIDIA A100-SXM4-80GB', 81_920, {}],
  'a10g-1x-515.105.01': [1, 'NVIDIA A10G', 23_028, {}],
  'gtx1070ti-1x-partial-v10': [1, 'GeForce GTX 1070 Ti', 4096, {}],
  'h100-80gb-hbm3-8x-580.105.08': [8, 'NVIDIA H100 80GB HBM3', 81_559, {}],
  'l40s-1x-595.91.07': [1, 'NVIDIA L40S', 46_068, {}],
  'mock-a100-2x-550.163.01-healthy': [2, 'NVIDIA A100-SXM4-40GB', 40_960, {}],
  'mock-gb200-2x-580.65.06-gpu0-ecc': [2, 'NVIDIA GB200', 196_608, {}],
  'mock-gb200-2x-580.65.06-gpu0-throttle': [2, 'NVIDIA GB200', 196_608, {}],
  'mock-gb200-2x-580.65.06-gpu1-fabric': [2, 'NVIDIA GB200', 196_608, { 1: 'fabric is unhealthy' }],
  'mock-gb200-2x-580.65.06-gpu1-lost': [2, 'NVIDIA GB200', 196_608, { 1: 'GPU is lost' }],
  'mock-gb200-2x-580.65.06-healthy': [2, 'NVIDIA GB200', 196_608, {}],
  'rtx3060-1x-570.124.04': [1, 'NVIDIA GeForce RTX 3060', 12_288, {}],
  'rtx3080-1x-595.58.03': [1, 'NVIDIA GeForce RTX 3080', 10_240, {}],
  'rtx4000-sff-ada-1x-595.84': [1, 'NVIDIA RTX 4000 SFF Ada Generation', 20_475, {}],
  't4-1x-515.105.01': [1, 'Tesla T4', 15_360, {}],
  't4-1x-595.91.07': [1, 'Tesla T4', 15_360, {}],
};

/** Signs in the recorded reports that are not as on a GPU in good health. */
const TOLD = {
  'mock-gb200-2x-580.65.06-gpu0-ecc:0': { remapFailure: true, uncorrected: 5 },
  'mock-gb200-2x-580.65.06-gpu1-lost:0': { remapFailure: true, uncorrected: 5 },
};

describe.runIf(needs('shared'))('recorded reports', () => {
  const folder = path.join(SHARED_FOLDER, 'gpu-samples/xml');
  const files = needs('shared') ? readdirSync(folder).map((file) => file.replace('.xml', '')) : [];

  it('has an expectation for each', () => {
    expect(files.toSorted()).toEqual(Object.keys(RECORDED).toSorted());
  });

  it.each(files)('%s', async (file) => {
    const [count, model, memoryMib, ill] = RECORDED[file] ?? [];
    const read = await parseReport(readFileSync(path.join(folder, `${file}.xml`), 'utf8'));
    const gpus = read?.gpus ?? [];
    expect(gpus).toHaveLength(count ?? 0);
    expect(gpus[0]).toMatchObject({ model, memoryMib });
    expect(new Set(gpus.map(({ uuid }) => uuid)).size).toBe(count);
    for (const [index, gpu] of gpus.entries()) {
      expect(gpu.uuid).toMatch(/^GPU-/);
      expect(gpu.healthMessage, `GPU ${index}`).toContain(ill?.[index] ?? '');
      expect(gpu.health === 'healthy', `GPU ${index}: ${gpu.healthMessage}`).toBe(ill?.[index] === undefined);
    }
    // The partial report tells neither.
    const partial = file.includes('partial');
    expect(read?.driverVersion).toBe(partial ? '' : /\d{3}(\.\d+)+$/.exec(file.replace(/-(healthy|gpu.*)$/, ''))?.[0]);
    expect(gpus.every(({ pciBusId }) => /^[\dA-F]+:[\dA-F]{2}:[\dA-F]{2}\.0$/.test(pciBusId))).toBe(true);
  });

  it('reads what tells of the health of each', async () => {
    const told: Record<string, unknown> = {};
    for (const file of files) {
      const read = await parseReport(readFileSync(path.join(folder, `${file}.xml`), 'utf8'));
      for (const [index, { signs, computeMode }] of (read?.gpus ?? []).entries()) {
        const usual = { ...signs, uncorrected: signs.uncorrected ?? 0, corrected: signs.corrected ?? 0 };
        const odd = Object.entries(usual).filter(([, value]) => value !== '' && value !== false && value !== 0);
        if (odd.length > 0) told[`${file}:${index}`] = Object.fromEntries(odd);
        expect(['Default', ''], `${file}:${index}`).toContain(computeMode);
      }
    }
    expect(told).toEqual(TOLD);
  });

  it('reads the instances of the machine in MIG mode, and that the others are not', async () => {
    const memory = new Map<string, unknown>();
    for (const file of files) {
      const read = await parseReport(readFileSync(path.join(folder, `${file}.xml`), 'utf8'));
      for (const gpu of read?.gpus ?? []) if (gpu.migMemoryMib !== null) memory.set(file, gpu.migMemoryMib);
    }
    expect([...memory]).toEqual([
      [
        'a100-sxm4-80gb-1x-mig4-535.54.03',
        [
          [0, 19_968],
          [1, 19_968],
          [2, 19_968],
          [3, 19_968],
        ],
      ],
    ]);
  });

  it('reads the processes of a machine under load', async () => {
    const read = await parseReport(readFileSync(path.join(folder, 'rtx4000-sff-ada-1x-595.84.xml'), 'utf8'));
    const gpu = read?.gpus[0];
    expect(gpu?.usedMib).toBe(3534);
    expect(gpu?.processes.length).toBeGreaterThan(0);
    for (const { pid, name } of gpu?.processes ?? []) {
      expect(pid).toBeGreaterThan(0);
      expect(name).not.toBe('');
    }
  });
});

describe.runIf(needs('shared'))('recorded reports that were garbled', () => {
  const folder = path.join(SHARED_FOLDER, 'gpu-samples/xml');
  const texts = readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
  const oddValue = fc.oneof(
    fc.constantFrom('N/A', '[Unknown Error]', 'ERR!', 'GPU is lost', '-1', '', '\u0000', 'NaN', 'Infinity', '1e999'),
    fc.constantFrom('<x/>', '&', ']]>', '__proto__', '\u202e', '12 parsecs', 'GPU-', '0x10', '٣٢ MiB'),
    fc.constantFrom('9'.repeat(500), 'x'.repeat(100_000)),
  );

  it('give nothing, or figures that something can be done with', { timeout: 120_000 }, async () => {
    const garbled = fc
      .record({
        text: fc.constantFrom(...texts),
        at: fc.array(fc.record({ where: fc.nat(), value: oddValue }), { maxLength: 8 }),
        cut: fc.nat(),
      })
      .map(({ text, at, cut }) => {
        const places = Array.from(
          text.matchAll(/>([^<>\n]+)</g),
          ({ index, 1: value = '' }) => [index + 1, value] as const,
        );
        const changes = at.map(({ where, value }) => ({
          value,
          place: places[where % places.length] ?? ([0, ''] as const),
        }));
        const changed = changes
          .toSorted((a, b) => b.place[0] - a.place[0])
          .reduce(
            (whole, { value, place: [from, old] }) => whole.slice(0, from) + value + whole.slice(from + old.length),
            text,
          );
        return cut % 5 === 0 ? changed.slice(0, cut % changed.length) : changed;
      });
    const isFigure = (value: number | null) => value === null || (Number.isSafeInteger(value) && value >= 0);
    await fc.assert(
      fc.asyncProperty(garbled, async (xml) => {
        for (const gpu of (await parseReport(xml))?.gpus ?? []) {
          expect(gpu.uuid === '' || isGpuUuid(gpu.uuid)).toBe(true);
          expect(gpu.model.length).toBeLessThanOrEqual(200);
          const { memoryMib, usedMib, minor, signs, processes, health } = gpu;
          const figures = [
            memoryMib,
            usedMib,
            minor,
            signs.corrected,
            signs.uncorrected,
            ...processes.map(({ pid }) => pid),
          ];
          expect(figures.filter((value) => !isFigure(value))).toEqual([]);
          // What cannot be sized cannot be granted.
          if (memoryMib === 0) expect(health).not.toBe('healthy');
        }
      }),
      { numRuns: 300 },
    );
  });
});
