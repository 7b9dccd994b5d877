// What an agent shows to those who measure: its pages, the names of dcgm-exporter, the files that map GPUs to work.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { createLogger } from '../../common/log.js';
import type { DiscoveredGpu, Telemetry } from '../../node-agent/gpu/provider.js';
import {
  agentRegistry,
  type AgentView,
  type LocalTask,
  workloadRegistry,
} from '../../node-agent/metrics/agent-metrics.js';
import { exporterRuns, registerDcgmNames } from '../../node-agent/metrics/dcgm-names.js';
import { GpuReadings, STALE_AFTER_MS } from '../../node-agent/metrics/gpu-readings.js';
import { writeJobMapping } from '../../node-agent/metrics/job-mapping.js';
import { showAgent } from '../../node-agent/metrics/serve.js';
import { ManualClock } from '../gpu/manual-clock.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderOfTest(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-metrics-'));
  folders.push(folder);
  return folder;
}

function gpu(index: number): DiscoveredGpu {
  return {
    uuid: `GPU-${index}`,
    index,
    model: 'NVIDIA H100 80GB HBM3',
    memoryMib: 81_559,
    simulated: false,
    pciBusId: `00000000:0${index}:00.0`,
    minor: index,
    health: 'healthy',
    healthMessage: '',
    nvlinkGroup: null,
    mig: null,
  } as DiscoveredGpu;
}

function measured(index: number, fields: Partial<Telemetry> = {}): Telemetry {
  const usual = { utilizationRatio: 0.5, memoryUsedMib: 1_024, temperatureCelsius: 61, powerWatts: 300 };
  return { uuid: `GPU-${index}`, ...usual, ...fields };
}

/** An agent of two GPUs; what is measured and what runs is the test's. */
function agentOf(telemetry: readonly Telemetry[], tasks: readonly LocalTask[] = []): AgentView {
  const readings = new GpuReadings();
  readings.note(telemetry, 1_000);
  return {
    node: 'n1',
    isConnected: true,
    gpuSource: 'nvidia-smi',
    inventory: {
      gpus: [gpu(0), gpu(1)],
      driverVersion: '580.95',
      cudaVersion: '13.0',
      problem: '',
    } as AgentView['inventory'],
    tasks,
    reading: (uuid) => readings.read(uuid, 1_000),
  };
}

function task(workload: number, ...uuids: readonly string[]): LocalTask {
  return { workload, task: 0, phase: 'running', gpus: uuids.map((uuid) => ({ uuid, parts: 1 })) };
}

function samplesOf(text: string, name: string): readonly string[] {
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe('the page of an agent', () => {
  test('shows each GPU that was measured, in base units', async () => {
    const text = await agentRegistry(() => agentOf([measured(0)])).metrics();
    const labels = '{node="n1",gpu="0",uuid="GPU-0",model="NVIDIA H100 80GB HBM3"}';
    expect(samplesOf(text, 'sluice_gpu_utilization_ratio')).toEqual([`sluice_gpu_utilization_ratio${labels} 0.5`]);
    expect(samplesOf(text, 'sluice_gpu_memory_used_bytes')).toEqual([
      `sluice_gpu_memory_used_bytes${labels} ${2 ** 30}`,
    ]);
    expect(samplesOf(text, 'sluice_gpu_info')).toHaveLength(2);
    expect(samplesOf(text, 'sluice_agent_connected')).toEqual(['sluice_agent_connected{node="n1"} 1']);
  });

  test('leaves out what the driver does not say', async () => {
    const text = await agentRegistry(() =>
      agentOf([measured(0, { powerWatts: null, utilizationRatio: null })]),
    ).metrics();
    expect(samplesOf(text, 'sluice_gpu_power_watts')).toEqual([]);
    expect(samplesOf(text, 'sluice_gpu_utilization_ratio')).toEqual([]);
    expect(samplesOf(text, 'sluice_gpu_temperature_celsius')).toHaveLength(1);
  });

  test('shows the GPUs of each task on a page of its own', async () => {
    const view = agentOf([measured(0), measured(1)], [task(7, 'GPU-1')]);
    const text = await workloadRegistry(() => view).metrics();
    expect(samplesOf(text, 'sluice_workload_gpu_utilization_ratio')).toEqual([
      'sluice_workload_gpu_utilization_ratio{workload="7",task="0",node="n1",gpu="1",uuid="GPU-1"} 0.5',
    ]);
    expect(await agentRegistry(() => view).metrics()).not.toContain('workload="7"');
  });
});

describe('measurements', () => {
  test('add up to energy: the mean of two, for the time between', () => {
    const readings = new GpuReadings();
    readings.note([measured(0, { powerWatts: 100 })], 0);
    readings.note([measured(0, { powerWatts: 300 })], 10_000);
    expect(readings.read('GPU-0', 10_000)?.energyJoules).toBe(2_000);
    readings.note([measured(0, { powerWatts: null })], 20_000);
    readings.note([measured(0, { powerWatts: 300 })], 30_000);
    expect(readings.read('GPU-0', 30_000)?.energyJoules).toBe(2_000);
  });

  test('a long silence counts nothing, and what is old is not shown', () => {
    const readings = new GpuReadings();
    readings.note([measured(0)], 0);
    expect(readings.read('GPU-0', STALE_AFTER_MS)).not.toBeNull();
    expect(readings.read('GPU-0', STALE_AFTER_MS + 1)).toBeNull();
    readings.note([measured(0)], 3_600_000);
    expect(readings.read('GPU-0', 3_600_000)?.energyJoules).toBe(0);
  });
});

describe('beside a dcgm-exporter', () => {
  test('its names have its units and labels, with the work of the GPU', async () => {
    const view = agentOf([measured(0)], [task(7, 'GPU-0'), task(9, 'GPU-0')]);
    const registry = agentRegistry(() => view);
    registerDcgmNames(registry, () => view);
    const text = await registry.metrics();
    const labels =
      '{gpu="0",UUID="GPU-0",pci_bus_id="00000000:00:00.0",device="nvidia0",modelName="NVIDIA H100 80GB HBM3",' +
      'Hostname="n1",DCGM_FI_DRIVER_VERSION="580.95",hpc_job="7,9"}';
    expect(samplesOf(text, 'DCGM_FI_DEV_GPU_UTIL')).toEqual([`DCGM_FI_DEV_GPU_UTIL${labels} 50`]);
    expect(samplesOf(text, 'DCGM_FI_DEV_FB_FREE')).toEqual([`DCGM_FI_DEV_FB_FREE${labels} 80535`]);
  });

  test('the names stay away where an exporter answers', async () => {
    const other = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    expect(await exporterRuns(port)).toBe(true);
    await new Promise((resolve) => other.close(resolve));
    expect(await exporterRuns(port)).toBe(false);
  });

  test('the pages answer, with its names or without', async () => {
    const log = createLogger({ level: 'silent', name: 'test' });
    const view = agentOf([measured(0)]);
    for (const [dcgmNames, has] of [
      ['on', true],
      ['off', false],
    ] as const) {
      const shown = { http: { host: '127.0.0.1', port: 0 }, dcgmNames, jobMappingDir: null };
      const showing = await showAgent(shown, () => view, { clock: systemClock, log });
      try {
        const text = await (await fetch(`http://${showing.address}/metrics`)).text();
        expect(text.includes('DCGM_FI_DEV_GPU_UTIL{')).toBe(has);
        expect((await fetch(`http://${showing.address}/metrics/workloads`)).status).toBe(200);
        expect((await fetch(`http://${showing.address}/nothing`)).status).toBe(404);
        expect((await fetch(`http://${showing.address}/metrics`, { method: 'POST' })).status).toBe(405);
      } finally {
        await showing.end();
      }
    }
  });
});

describe('a place that another program has', () => {
  test('is told, and taken once it is free; the agent goes on meanwhile', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const clock = new ManualClock();
    const log = createLogger({ level: 'silent', name: 'test' });
    const shown = { http: { host: '127.0.0.1', port }, dcgmNames: 'off', jobMappingDir: null } as const;
    const showing = await showAgent(shown, () => agentOf([measured(0)]), { clock, log });
    expect(showing.address).toBeNull();
    await new Promise((resolve) => other.close(resolve));
    await clock.advance(30_000);
    await expect.poll(() => showing.address).toBe(`127.0.0.1:${port}`);
    expect((await fetch(`http://${showing.address}/metrics`)).status).toBe(200);
    await showing.end();
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow('fetch failed');
  });
});

describe('files for a dcgm-exporter', () => {
  test('follow what runs, and touch nothing that is not theirs', () => {
    const folder = path.join(folderOfTest(), 'jobs');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'README'), 'mine');
    writeJobMapping(folder, agentOf([], [task(7, 'GPU-0'), task(9, 'GPU-0')]));
    expect(readdirSync(folder)).toEqual(['0', 'README']);
    expect(readFileSync(path.join(folder, '0'), 'utf8')).toBe('7\n9\n');
    writeJobMapping(folder, agentOf([], [task(11, 'GPU-1')]));
    expect(existsSync(path.join(folder, '0'))).toBe(false);
    expect(readFileSync(path.join(folder, '1'), 'utf8')).toBe('11\n');
    writeJobMapping(folder, agentOf([]));
    expect(readdirSync(folder)).toEqual(['README']);
  });
});
