// The same measurements under the names and labels of NVIDIA's dcgm-exporter, so that dashboards made for it (Grafana 12239
// and its like) show a cluster without it. Where an exporter runs, these stay away: two sources would count GPUs twice.
// Source: dcgm-exporter, etc/default-counters.csv (names, units) and internal/pkg/rendermetrics (labels).
import { createConnection } from 'node:net';
import { Counter, type Registry } from 'prom-client';
import type { DiscoveredGpu } from '../gpu/provider.js';
import { type AgentView, gaugeMaker } from './agent-metrics.js';
import type { GpuReading } from './gpu-readings.js';

const LABELS = [
  'gpu',
  'UUID',
  'pci_bus_id',
  'device',
  'modelName',
  'Hostname',
  'DCGM_FI_DRIVER_VERSION',
  'hpc_job',
] as const;

const FIGURES: Readonly<
  Record<string, { readonly help: string; readonly read: (reading: GpuReading, gpu: DiscoveredGpu) => number | null }>
> = {
  DCGM_FI_DEV_GPU_UTIL: {
    help: 'GPU utilization (in %).',
    read: ({ telemetry }) => percent(telemetry.utilizationRatio),
  },
  DCGM_FI_DEV_FB_USED: { help: 'Framebuffer memory used (in MiB).', read: ({ telemetry }) => telemetry.memoryUsedMib },
  DCGM_FI_DEV_FB_FREE: {
    help: 'Framebuffer memory free (in MiB).',
    read: ({ telemetry }, { memoryMib }) =>
      telemetry.memoryUsedMib === null ? null : Math.max(0, memoryMib - telemetry.memoryUsedMib),
  },
  DCGM_FI_DEV_GPU_TEMP: { help: 'GPU temperature (in C).', read: ({ telemetry }) => telemetry.temperatureCelsius },
  DCGM_FI_DEV_POWER_USAGE: { help: 'Power draw (in W).', read: ({ telemetry }) => telemetry.powerWatts },
};
const MILLIJOULES = 1_000;

/** Adds them to a registry. */
export function registerDcgmNames(registry: Registry, look: () => AgentView): void {
  const gauge = gaugeMaker(registry);
  const each = (set: (labels: Record<string, string>, reading: GpuReading, gpu: DiscoveredGpu) => void): void => {
    const view = look();
    for (const gpu of view.inventory.gpus) {
      const reading = view.reading(gpu.uuid);
      if (reading !== null) set(labelsOf(view, gpu), reading, gpu);
    }
  };
  for (const [name, { help, read }] of Object.entries(FIGURES)) {
    gauge(name, help, LABELS, (set) => {
      each((labels, reading, gpu) => {
        const value = read(reading, gpu);
        if (value !== null) set(labels, value);
      });
    });
  }
  new Counter({
    name: 'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION',
    help: 'Energy since the agent began (in mJ).',
    labelNames: [...LABELS],
    registers: [registry],
    collect() {
      this.reset();
      each((labels, { energyJoules }) => this.inc(labels, energyJoules * MILLIJOULES));
    },
  });
}

/** Where dcgm-exporter answers unless it is told otherwise. */
export const EXPORTER_PORT = 9400;
const ASK_LIMIT_MS = 500;

/** Whether anything listens where an exporter of this machine would. */
export function exporterRuns(port = EXPORTER_PORT): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: ASK_LIMIT_MS });
    const answer = (runs: boolean): void => {
      socket.destroy();
      resolve(runs);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.once('timeout', () => answer(false));
  });
}

function percent(ratio: number | null): number | null {
  return ratio === null ? null : Math.round(ratio * 100);
}

function labelsOf(view: AgentView, { index, uuid, model, pciBusId }: DiscoveredGpu): Record<string, string> {
  const workloads = view.tasks.filter(({ gpus }) => gpus.some((gpu) => gpu.uuid === uuid)).map((task) => task.workload);
  return {
    gpu: String(index),
    UUID: uuid,
    pci_bus_id: pciBusId,
    device: `nvidia${index}`,
    modelName: model,
    Hostname: view.node,
    DCGM_FI_DRIVER_VERSION: view.inventory.driverVersion,
    hpc_job: [...new Set(workloads)].join(','),
  };
}
