// A history in a few lines that a person can read, and build again.
import type { PlacementRules, Role, TaskRequest, TopologyRule } from '../../scheduler/model/records.js';
import type { GpuPlan, Happening, History, NodePlan, QueuePlan, WorkPlan } from './history.js';

/** One line for each node, queue and event. */
export function describe({ nodes, queues, events, policy }: History): readonly string[] {
  return [
    `placement ${policy.placement}`,
    ...nodes.map(describeNode),
    ...queues.map(describeQueue),
    ...events.map(describeEvent),
  ];
}

function describeNode({ name, pool, labels, gpus, cpuCount, memoryMib, driverVersion }: NodePlan): string {
  const runs = gpus.map(describeGpu).reduce<{ text: string; count: number }[]>((all, text) => {
    const last = all.at(-1);
    return last?.text === text ? [...all.slice(0, -1), { text, count: last.count + 1 }] : [...all, { text, count: 1 }];
  }, []);
  const what = runs.map(({ text, count }) => `${count} × ${text}`).join(', ') || 'no GPU';
  const marks = Object.entries(labels).map(([label, value]) => ` ${label}=${value}`);
  return `node ${name}: ${what}; ${cpuCount} CPUs, ${memoryMib} MiB, pool ${pool}${marks.join('')}, driver ${driverVersion}`;
}

function describeGpu({ model, health, nvlinkGroup, mig }: GpuPlan): string {
  return [
    model,
    health === 'healthy' ? '' : ` (${health})`,
    nvlinkGroup === null ? '' : ` nvlink ${nvlinkGroup}`,
    mig === null ? '' : ` MIG ${mig.join('+')}`,
  ].join('');
}

function describeQueue({ name, parent, ...figures }: QueuePlan): string {
  return `queue ${name}${parent === null ? '' : ` below ${parent}`}: ${fieldsOf(figures)}`;
}

function describeEvent(event: Happening): string {
  if (event.do === 'submit') return `submit to leaf ${event.queue}: ${describeWork(event.work)}`;
  const { do: what, ...rest } = event;
  return `${what} ${fieldsOf(rest)}`.trimEnd();
}

function describeWork({ roles, topology, priority, preemptible, timeLimitMs, owner }: WorkPlan): string {
  return [
    roles.map(describeRole).join(' + '),
    topology === null ? '' : `, ${describeRule(topology)}`,
    `, priority ${priority}`,
    preemptible ? '' : ', not preemptible',
    timeLimitMs === null ? '' : `, time limit ${timeLimitMs} ms`,
    owner === 'ann' ? '' : `, by ${owner}`,
  ].join('');
}

function describeRole({ name, minTasks, maxTasks, request, rules, topology }: Role): string {
  const count = minTasks === maxTasks ? `${minTasks}` : `${minTasks} to ${maxTasks}`;
  const where = [describeRules(rules), topology === null ? '' : describeRule(topology)].filter((text) => text !== '');
  return `${name === '' ? '' : `${name}: `}${count} × (${describeRequest(request)})${where.map((text) => ` ${text}`).join('')}`;
}

function describeRequest({ gpus, gpuMilli, gpuMemoryMib, migProfile, cpuMilli, memoryMib }: TaskRequest): string {
  const each =
    migProfile !== ''
      ? migProfile
      : gpuMemoryMib > 0
        ? `${gpuMemoryMib} MiB of a GPU`
        : gpuMilli < 1_000
          ? `0.${gpuMilli} GPU`
          : 'GPU';
  return [
    `${gpus} × ${each}`,
    cpuMilli === 0 ? '' : `, ${cpuMilli} mCPU`,
    memoryMib === 0 ? '' : `, ${memoryMib} MiB`,
  ].join('');
}

function describeRules(rules: PlacementRules): string {
  const { pool, models, minGpuMemoryMib, minDriver, labels, nodes } = rules;
  const set = { pool, models, minGpuMemoryMib, minDriver, labels, nodes };
  const told = Object.entries(set).filter(
    ([, value]) => value !== '' && value !== 0 && (typeof value !== 'object' || Object.keys(value).length > 0),
  );
  return told.map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(' ');
}

function describeRule({ level, required }: TopologyRule): string {
  return `in one ${level} (${required ? 'required' : 'preferred'})`;
}

/** `a 1, b [2]`, without what is null or empty. */
function fieldsOf(fields: object): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}
