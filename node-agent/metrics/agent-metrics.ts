// Every metric of an agent. GPUs are measured here, where they are, so that the scheduler's own page stays small; names are
// ours, and those of NVIDIA's dcgm-exporter where no exporter runs (dcgm-names.ts).
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import type { Inventory } from '../gpu/provider.js';
import type { GpuReading } from './gpu-readings.js';

/** A task that holds something here. */
export interface LocalTask {
  readonly workload: number;
  readonly task: number;
  /** In words: starting, running, stopping, cleaning. */
  readonly phase: string;
  readonly gpus: readonly { readonly uuid: string; readonly parts: number }[];
}

/** What an agent knows at the moment of a scrape. */
export interface AgentView {
  readonly node: string;
  readonly isConnected: boolean;
  readonly gpuSource: string;
  readonly inventory: Inventory;
  readonly tasks: readonly LocalTask[];
  /** The last measurement of a GPU; null = none, or an old one. */
  reading(uuid: string): GpuReading | null;
}

export const MIB_BYTES = 2 ** 20;

/** The page /metrics. */
export function agentRegistry(look: () => AgentView): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = gaugeMaker(registry);
  const gpuLabels = ['node', 'gpu', 'uuid', 'model'];

  gauge('sluice_agent_info', 'Always 1.', ['node', 'version', 'gpu_source'], (set) => {
    const { node, gpuSource } = look();
    set({ node, version: PACKAGE_VERSION, gpu_source: gpuSource }, 1);
  });
  gauge('sluice_agent_connected', '1 while the agent has a session with a scheduler.', ['node'], (set) => {
    const { node, isConnected } = look();
    set({ node }, isConnected ? 1 : 0);
  });
  gauge('sluice_agent_tasks', 'Tasks on this node by phase.', ['node', 'phase'], (set) => {
    const { node, tasks } = look();
    const counts = new Map<string, number>();
    for (const { phase } of tasks) counts.set(phase, (counts.get(phase) ?? 0) + 1);
    for (const [phase, count] of counts) set({ node, phase }, count);
  });
  gauge('sluice_agent_gpus_readable', '0 while the driver does not answer.', ['node'], (set) => {
    const { node, inventory } = look();
    set({ node }, inventory.problem === '' ? 1 : 0);
  });
  gauge(
    'sluice_gpu_info',
    'Always 1, with what identifies a GPU.',
    [...gpuLabels, 'pci_bus_id', 'driver', 'simulated'],
    (set) => {
      const view = look();
      for (const gpu of view.inventory.gpus) {
        const { pciBusId: pci_bus_id, simulated } = gpu;
        const driver = view.inventory.driverVersion;
        set({ ...labelsOf(view, gpu), pci_bus_id, driver, simulated: String(simulated) }, 1);
      }
    },
  );
  gauge('sluice_gpu_memory_bytes', 'Memory that the GPU has.', gpuLabels, (set) => {
    const view = look();
    for (const gpu of view.inventory.gpus) set(labelsOf(view, gpu), gpu.memoryMib * MIB_BYTES);
  });
  for (const [name, { help, read }] of Object.entries(MEASURED)) {
    gauge(name, help, gpuLabels, (set) => {
      const view = look();
      for (const gpu of view.inventory.gpus) {
        const reading = view.reading(gpu.uuid);
        const value = reading === null ? null : read(reading);
        if (value !== null) set(labelsOf(view, gpu), value);
      }
    });
  }
  new Counter({
    name: 'sluice_gpu_energy_joules_total',
    help: 'Energy since the agent began, from the power measured.',
    labelNames: gpuLabels,
    registers: [registry],
    collect() {
      const view = look();
      this.reset();
      for (const gpu of view.inventory.gpus) {
        const reading = view.reading(gpu.uuid);
        if (reading !== null) this.inc(labelsOf(view, gpu), reading.energyJoules);
      }
    },
  });
  return registry;
}

/** The page /metrics/workloads: a series for each GPU of each task, so it grows with the work and is scraped by choice. */
export function workloadRegistry(look: () => AgentView): Registry {
  const registry = new Registry();
  const gauge = gaugeMaker(registry);
  const labels = ['workload', 'task', 'node', 'gpu', 'uuid'];
  const each = (name: string, help: string, read: (reading: GpuReading) => number | null): void => {
    gauge(name, help, labels, (set) => {
      const view = look();
      const places = new Map(view.inventory.gpus.map(({ uuid, index }) => [uuid, String(index)]));
      for (const { workload, task, gpus } of view.tasks) {
        for (const { uuid } of gpus) {
          const reading = view.reading(uuid);
          const value = reading === null ? null : read(reading);
          if (value === null) continue;
          const gpu = places.get(uuid) ?? '';
          set({ workload: String(workload), task: String(task), node: view.node, gpu, uuid }, value);
        }
      }
    });
  };
  each(
    'sluice_workload_gpu_utilization_ratio',
    'Share of the last period in which a GPU of the task worked; of all of its tasks where it is shared.',
    ({ telemetry }) => telemetry.utilizationRatio,
  );
  each('sluice_workload_gpu_memory_used_bytes', 'Memory in use on a GPU of the task.', ({ telemetry }) =>
    telemetry.memoryUsedMib === null ? null : telemetry.memoryUsedMib * MIB_BYTES,
  );
  return registry;
}

const MEASURED: Readonly<
  Record<string, { readonly help: string; readonly read: (reading: GpuReading) => number | null }>
> = {
  sluice_gpu_utilization_ratio: {
    help: 'Share of the last period in which the GPU worked.',
    read: ({ telemetry }) => telemetry.utilizationRatio,
  },
  sluice_gpu_memory_used_bytes: {
    help: 'Memory in use, by anybody.',
    read: ({ telemetry }) => (telemetry.memoryUsedMib === null ? null : telemetry.memoryUsedMib * MIB_BYTES),
  },
  sluice_gpu_temperature_celsius: {
    help: 'Temperature of the GPU.',
    read: ({ telemetry }) => telemetry.temperatureCelsius,
  },
  sluice_gpu_power_watts: { help: 'Power the GPU draws.', read: ({ telemetry }) => telemetry.powerWatts },
};

type Labels = Record<string, string>;
type Collect = (set: (labels: Labels, value: number) => void) => void;

/** Makes gauges whose values are all read anew at each scrape: what is gone is not shown. */
export function gaugeMaker(
  registry: Registry,
): (name: string, help: string, labelNames: readonly string[], collect: Collect) => void {
  return (name, help, labelNames, collect) => {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        collect((labels, value) => this.set(labels, value));
      },
    });
  };
}

function labelsOf({ node }: AgentView, { index, uuid, model }: Inventory['gpus'][number]): Labels {
  return { node, gpu: String(index), uuid, model };
}
