// What one task needs, as a request says it → what the model counts. Every complaint carries the field's path.
import type { TaskResources__Output } from '../../proto/gen/sluice/v1/TaskResources.js';
import type { TopologyRule__Output } from '../../proto/gen/sluice/v1/TopologyRule.js';
import type { PlacementRules, TaskRequest, TopologyLevel, TopologyRule } from '../model/records.js';
import { ANYWHERE, wholeGpus } from '../model/requests.js';
import { shown, type Complaints } from './complaints.js';
import { LIMITS } from './limits.js';

/** As `nvidia-smi mig -lgip` names profiles; the number before the "g" counts compute slices, of which a GPU has 7. */
const MIG_PROFILE = /^[1-7]g\.\d{1,4}gb(\+[a-z]+(\.[a-z]+)?)*$/;
const DRIVER = /^\d{1,5}(\.\d{1,5}){0,3}$/;
const NODE_NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;

export interface ParsedResources {
  readonly request: TaskRequest;
  readonly rules: PlacementRules;
}

/** Parses what one task needs; null = nothing in particular. */
export function parseResources(
  resources: TaskResources__Output | null,
  path: string,
  complaints: Complaints,
): ParsedResources {
  if (resources === null) return { request: wholeGpus(0), rules: ANYWHERE };
  return {
    request: parseRequest(resources, path, complaints),
    rules: parseRules(resources, path, complaints),
  };
}

function parseRequest(resources: TaskResources__Output, path: string, complaints: Complaints): TaskRequest {
  const { gpus, gpuMilli, gpuMemoryMib, migProfile, cpuMilli, memoryMib } = resources;
  complaints.range(`${path}.gpus`, gpus, 0, LIMITS.gpusPerTask);
  complaints.range(`${path}.gpu_milli`, gpuMilli, 0, 1_000);
  complaints.range(`${path}.gpu_memory_mib`, gpuMemoryMib, 0, LIMITS.gpuMemoryMib);
  complaints.range(`${path}.cpu_milli`, cpuMilli, 0, LIMITS.cpuMilli);
  complaints.range(`${path}.memory_mib`, memoryMib, 0, LIMITS.memoryMib);
  if (migProfile !== '' && !MIG_PROFILE.test(migProfile)) {
    complaints.add(
      `${path}.mig_profile`,
      `"${shown(migProfile)}" is no MIG profile; write it as nvidia-smi mig -lgip does, such as "3g.20gb"`,
    );
  }
  const asMemory = gpuMemoryMib > 0;
  const asShare = gpuMilli > 0;
  const asMig = migProfile !== '';
  if (asMemory && asShare) {
    complaints.add(
      `${path}.gpu_memory_mib`,
      `${gpuMemoryMib} and gpu_milli ${gpuMilli} both say the share of a GPU; say it in one of the two ways`,
    );
  }
  if (asMig && (asMemory || asShare)) {
    const share = asMemory ? `gpu_memory_mib ${gpuMemoryMib}` : `gpu_milli ${gpuMilli}`;
    complaints.add(`${path}.mig_profile`, `"${shown(migProfile)}" and ${share} exclude each other; leave one out`);
  }
  if (gpus === 0 && (asMemory || asShare || asMig)) {
    const part = asMig ? `"${shown(migProfile)}"` : asMemory ? `${gpuMemoryMib} MiB` : `${gpuMilli} thousandths`;
    complaints.add(`${path}.gpus`, `0 GPUs and ${part} of each ask for nothing; say of how many GPUs, for example 1`);
  }
  return { gpus, gpuMilli: asShare ? gpuMilli : 1_000, gpuMemoryMib, migProfile, cpuMilli, memoryMib };
}

function parseRules(resources: TaskResources__Output, path: string, complaints: Complaints): PlacementRules {
  const { pool, minGpuMemoryMib, minDriver, nodeLabels, nodes } = resources;
  complaints.word(`${path}.pool`, pool, true);
  complaints.range(`${path}.min_gpu_memory_mib`, minGpuMemoryMib, 0, LIMITS.gpuMemoryMib);
  if (minDriver !== '' && !DRIVER.test(minDriver)) {
    complaints.add(
      `${path}.min_driver`,
      `"${shown(minDriver)}" is no version of a driver; write up to four numbers, such as "535.104"`,
    );
  }
  const labels = Object.entries(nodeLabels);
  complaints.count(`${path}.node_labels`, labels.length, LIMITS.nodeLabels);
  for (const [key, value] of labels) {
    complaints.word(`${path}.node_labels`, key, false);
    complaints.word(`${path}.node_labels["${shown(key)}"]`, value, true);
  }
  complaints.count(`${path}.nodes`, nodes.length, LIMITS.nodes);
  nodes.forEach((name, index) => {
    if (!NODE_NAME.test(name)) {
      complaints.add(`${path}.nodes[${index}]`, `"${shown(name)}" is no name of a node; see "sluice get nodes"`);
    } else if (nodes.indexOf(name) < index) {
      complaints.add(`${path}.nodes[${index}]`, `"${name}" is there twice; name every node once`);
    }
  });
  return {
    pool,
    models: parseModels(resources, path, complaints),
    minGpuMemoryMib,
    minDriver,
    labels: { ...nodeLabels },
    nodes,
  };
}

function parseModels(
  { gpuModel, gpuModels }: TaskResources__Output,
  path: string,
  complaints: Complaints,
): readonly string[] {
  complaints.word(`${path}.gpu_model`, gpuModel, true);
  if (gpuModel !== '' && gpuModels.length > 0) {
    complaints.add(
      `${path}.gpu_model`,
      `"${shown(gpuModel)}" and gpu_models both say the model; put all of them into gpu_models, the best first`,
    );
  }
  complaints.count(`${path}.gpu_models`, gpuModels.length, LIMITS.models);
  gpuModels.forEach((model, index) => {
    complaints.word(`${path}.gpu_models[${index}]`, model, false);
    if (gpuModels.indexOf(model) < index) {
      complaints.add(`${path}.gpu_models[${index}]`, `"${shown(model)}" is there twice; its first place counts`);
    }
  });
  return gpuModels.length > 0 ? gpuModels : gpuModel === '' ? [] : [gpuModel];
}

/** The levels by their names in the protocol. */
export const TOPOLOGY_LEVELS: Readonly<Record<TopologyRule__Output['level'], TopologyLevel | null>> = {
  TOPOLOGY_LEVEL_UNSPECIFIED: null,
  TOPOLOGY_LEVEL_NVLINK: 'nvlink',
  TOPOLOGY_LEVEL_NODE: 'node',
  TOPOLOGY_LEVEL_RACK: 'rack',
  TOPOLOGY_LEVEL_BLOCK: 'block',
};

/** Parses where tasks belong together; null = anywhere. */
export function parseTopology(
  rule: TopologyRule__Output | null,
  path: string,
  complaints: Complaints,
): TopologyRule | null {
  if (rule === null) return null;
  // A number that this release has no name for arrives as that number.
  const level = TOPOLOGY_LEVELS[rule.level] ?? null;
  if (level !== null) return { level, required: rule.required };
  complaints.add(`${path}.level`, `${rule.level} is no level; there are NVLINK, NODE, RACK and BLOCK`);
  return null;
}
