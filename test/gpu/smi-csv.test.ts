// Reading the csv queries of nvidia-smi: odd values are null, lines that are no rows are passed over.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readComputeApps, readTelemetry } from '../../node-agent/gpu/smi-csv.js';
import { needs, SHARED_FOLDER } from '../real-part.js';

const UUID = 'GPU-11111111-2222-3333-4444-555555555555';

describe('telemetry', () => {
  it('reads a row', () => {
    expect(readTelemetry(`${UUID}, 37, 1032, 56, 228.82\n`)).toEqual([
      { uuid: UUID, utilizationRatio: 0.37, memoryUsedMib: 1032, temperatureCelsius: 56, powerWatts: 228.82 },
    ]);
  });

  it.each([
    '[N/A]',
    'N/A',
    '[Not Supported]',
    '[Unknown Error]',
    '[GPU is lost]',
    'ERR!',
    '[Insufficient Permissions]',
    '',
  ])('reads %j as not reported', (odd) => {
    expect(readTelemetry(`${UUID}, ${odd}, ${odd}, ${odd}, ${odd}`)).toEqual([
      { uuid: UUID, utilizationRatio: null, memoryUsedMib: null, temperatureCelsius: null, powerWatts: null },
    ]);
  });

  it('passes over what is no row, and keeps a ratio a ratio', () => {
    const text = [
      'Unable to determine the device handle for GPU1: 0000:34:00.0: Unknown Error',
      `${UUID}, 150, 5, 40, 60.00`,
      'WARNING: infoROM is corrupted at gpu 0000:34:00.0',
      `${UUID}, cut`,
      '',
    ];
    expect(readTelemetry(text.join('\n')).map(({ utilizationRatio }) => utilizationRatio)).toEqual([1]);
  });
});

describe('processes', () => {
  it('puts a name with commas together again', () => {
    expect(readComputeApps(`${UUID}, 4711, python, train.py, --lr 1, 512\n${UUID}, 12, [Not Found], [N/A]\n`)).toEqual([
      { uuid: UUID, pid: 4711, name: 'python, train.py, --lr 1', usedMib: 512 },
      { uuid: UUID, pid: 12, name: '[Not Found]', usedMib: null },
    ]);
  });

  it('finds none in nothing, nor in an error', () => {
    expect(readComputeApps('')).toEqual([]);
    expect(readComputeApps('Failed to initialize NVML: Driver/library version mismatch\n')).toEqual([]);
  });
});

describe.runIf(needs('shared'))('recorded queries', () => {
  const folder = path.join(SHARED_FOLDER, 'gpu-samples/captures');
  const machines = needs('shared') ? readdirSync(folder) : [];

  it.each(machines)('processes of %s', (machine) => {
    // Recorded with more columns: timestamp, name, bus, serial, then ours. Ours again, in their order.
    const rows = readFileSync(path.join(folder, machine, 'load-query-compute-apps.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(1);
    const ours = rows.map((row) => row.split(', ').slice(4).join(', '));
    const apps = readComputeApps(ours.join('\n'));
    expect(apps.length).toBeGreaterThan(1);
    expect(apps).toHaveLength(rows.length);
    expect(apps.every(({ usedMib }) => usedMib !== null && usedMib > 0)).toBe(true);
  });

  it.each(machines)('telemetry of %s, idle and under load', (machine) => {
    const [idle, load] = ['idle', 'load'].map((when) => {
      const [header = '', row = ''] = readFileSync(path.join(folder, machine, `${when}-query-gpu.csv`), 'utf8').split(
        '\n',
      );
      const columns = header.split(', ').map((column) => column.replace(/ \[.*\]$/, ''));
      const cells = row.split(', ');
      const wanted = ['uuid', 'utilization.gpu', 'memory.used', 'temperature.gpu', 'power.draw'];
      // nounits, as we ask for it.
      const picked = wanted.map((name) => (cells[columns.indexOf(name)] ?? '').replace(/ (MiB|%|W)$/, ''));
      return readTelemetry(picked.join(', '))[0];
    });
    expect(load?.memoryUsedMib).toBeGreaterThan(idle?.memoryUsedMib ?? Number.NaN);
    expect(load?.powerWatts).toBeGreaterThan(0);
    expect(load?.temperatureCelsius).toBeGreaterThan(0);
    // With MIG on the driver has no utilization for the whole GPU.
    const load01 = load?.utilizationRatio ?? Number.NaN;
    expect(machine.includes('mig') ? load?.utilizationRatio === null : load01 > 0 && load01 <= 1).toBe(true);
  });
});
