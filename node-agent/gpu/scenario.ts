// What a simulated node has and what happens to it: from a YAML file, or from a short text such as `4xH100`. Pure. Every
// error names line and field, since people write these files by hand.
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { parseDurationMs } from '../../common/units.js';
import type { MigInstance } from './provider.js';
import { memoryOfProfile } from './smi-mig.js';
import { findModel, type GpuModel, MODEL_NAMES, UNKNOWN_MODEL_WATTS } from './gpu-models.js';

/** From and to, both included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Something that happens to one GPU, or to the driver of all, for a while. Times count from the start of the agent. */
export type ScenarioEvent =
  | {
      readonly kind: 'lost' | 'dirty';
      readonly atMs: number;
      /** Null = for good. */
      readonly forMs: number | null;
      readonly gpu: number;
    }
  | { readonly kind: 'hang'; readonly atMs: number; readonly forMs: number };

/** A GPU of a simulated node. */
export interface ScenarioGpu extends GpuModel {
  /** See `DiscoveredGpu`. */
  readonly nvlinkGroup: number | null;
  /** The instances it is cut into; null = not in MIG mode. */
  readonly mig: readonly Omit<MigInstance, 'uuid'>[] | null;
}

export interface Scenario {
  /** The same seed gives the same telemetry. */
  readonly seed: number;
  readonly gpus: readonly ScenarioGpu[];
  /** What the machine is said to have beside GPUs; null = what the real one has. */
  readonly cpuCount: number | null;
  readonly memoryMib: number | null;
  readonly busyUtilizationRatio: Range;
  readonly idleUtilizationRatio: Range;
  readonly events: readonly ScenarioEvent[];
}

/** A scenario that cannot be used; the message is for the person who wrote it. */
export class ScenarioError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ScenarioError';
  }
}

/** The most GPUs of a simulated node. */
const MAX_SIMULATED_GPUS = 64;
const MAX_EVENTS = 1_000;
const MAX_MEMORY_MIB = 1024 * 1024;
const MAX_CPUS = 4_096;
const MAX_MACHINE_MEMORY_MIB = 64 * 1024 * 1024;
/** Compute slices of a GPU: https://docs.nvidia.com/datacenter/tesla/mig-user-guide, "partitioning". */
const MAX_MIG_SLICES = 7;

const DEFAULT_BUSY: Range = { from: 0.85, to: 0.99 };
const DEFAULT_IDLE: Range = { from: 0, to: 0 };

/**
 * Reads the short form: `4xH100`, or several joined by commas, `2xl40s,1xt4`. A bare model is one GPU.
 * @returns null when the text does not look like the short form at all: then it is the name of a file
 * @throws ScenarioError for an unknown model or a count out of range
 */
export function parseShortScenario(text: string): Scenario | null {
  const parts = text.split(',').map((part) => /^\s*(?:(\d+)\s*x\s*)?([a-z][a-z0-9]*)\s*$/i.exec(part));
  if (parts.some((part) => part === null)) return null;
  const gpus = parts.flatMap((part) => {
    const [, count = '1', name = ''] = part ?? [];
    const model = findModel(name);
    if (model === undefined) {
      throw new ScenarioError(
        `no GPU model ${JSON.stringify(name)} can be simulated by its short name. Known: ${MODEL_NAMES.join(', ')}. ` +
          'Others go into a scenario file, with their memory.',
      );
    }
    return repeat({ ...model, nvlinkGroup: null, mig: null }, Number(count));
  });
  checkCount(gpus.length, JSON.stringify(text));
  return {
    seed: 0,
    gpus,
    cpuCount: null,
    memoryMib: null,
    busyUtilizationRatio: DEFAULT_BUSY,
    idleUtilizationRatio: DEFAULT_IDLE,
    events: [],
  };
}

/**
 * Reads a scenario file.
 * @param source where the text comes from, for messages
 * @throws ScenarioError with source, line and field
 *
 * @example
 * seed: 42
 * gpus: [{ model: h100, count: 4 }, { model: My GPU, memory: 24G }, { model: a100, mig: [3g.40gb, 2g.20gb, 2g.20gb] }]
 * nvlink: [[0, 1], [2, 3]]
 * cpus: 64
 * memory: 512G
 * utilization: { busy: 85-99, idle: 0 }
 * events:
 *   - { at: 60s, gpu: 1, lost: true, for: 30s }
 *   - { at: 2m, gpu: 0, dirty: true, for: 1m }
 *   - { at: 10s, hang: 20s }
 */
export function parseScenario(text: string, source: string): Scenario {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken !== undefined) {
    throw new ScenarioError(`${source}:${lines.linePos(broken.pos[0]).line}: ${broken.message}`);
  }
  const parsed = scenarioSchema.safeParse(document.toJS());
  if (parsed.success) {
    checkCount(parsed.data.gpus.length, source);
    return parsed.data;
  }
  const problems = parsed.error.issues.slice(0, 3).map((issue) => {
    const field = issue.path.map(String);
    const near = nearestNode(document, issue.path);
    const line = isNode(near) && near.range ? lines.linePos(near.range[0]).line : 1;
    return `${source}:${line}: ${field.join('.') || 'the file'}: ${issue.message}`;
  });
  throw new ScenarioError(problems.join('\n'));
}

/** The node of a field, or of what should hold it when it is missing. */
function nearestNode(document: ReturnType<typeof parseDocument>, field: readonly PropertyKey[]): unknown {
  for (let length = field.length; length > 0; length -= 1) {
    const node: unknown = document.getIn(field.slice(0, length), true);
    if (isNode(node)) return node;
  }
  return document.contents;
}

function checkCount(count: number, source: string): void {
  if (count >= 1 && count <= MAX_SIMULATED_GPUS) return;
  throw new ScenarioError(`${source}: ${count} GPUs asked for; a simulated node has 1 to ${MAX_SIMULATED_GPUS}.`);
}

function repeat<T>(value: T, count: number): readonly T[] {
  // One more than allowed is enough to be refused by checkCount, and a slip of the pen does not fill the memory.
  return Array.from({ length: Math.min(count, MAX_SIMULATED_GPUS + 1) }, () => value);
}

const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = parseDurationMs(String(value));
  if (ms !== null) return ms;
  context.addIssue(`${JSON.stringify(value)} is no duration. Write 30s, 5m or 1h30m.`);
  return z.NEVER;
});

const sizeUpTo = (maxMib: number) =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    const [, amount, unit = 'M'] = /^(\d+(?:\.\d+)?)\s*([MGT])?(?:i?B)?$/i.exec(String(value).trim()) ?? [];
    const factor: Readonly<Record<string, number>> = { M: 1, G: 1024, T: 1024 * 1024 };
    const mib = Math.round(Number(amount) * (factor[unit.toUpperCase()] ?? Number.NaN));
    if (mib >= 1 && mib <= maxMib) return mib;
    const most = `${maxMib / 1024 / 1024} TiB`;
    context.addIssue(`${JSON.stringify(value)} is no memory size from 1 MiB to ${most}. Write 80G or 81559MiB.`);
    return z.NEVER;
  });

const migProfile = z.string().transform((profile, context) => {
  if (/^[1-7]g\.\d{1,3}gb(\+[a-z.]+)?$/.test(profile)) return { profile, memoryMib: memoryOfProfile(profile) };
  context.addIssue(`${JSON.stringify(profile)} is no MIG profile. Write 1g.10gb or 3g.40gb.`);
  return z.NEVER;
});

const percentRange = z.union([z.string(), z.number()]).transform((value, context): Range => {
  const [, low, high = low] = /^(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?\s*%?$/.exec(String(value).trim()) ?? [];
  const range = { from: Number(low) / 100, to: Number(high) / 100 };
  if (range.from <= range.to && range.to <= 1) return range;
  context.addIssue(`${JSON.stringify(value)} is no range of percent from 0 to 100. Write 85-99 or 0.`);
  return z.NEVER;
});

const gpuGroup = z
  .strictObject({
    model: z.string().min(1),
    memory: sizeUpTo(MAX_MEMORY_MIB).optional(),
    count: z.int().min(1).max(MAX_SIMULATED_GPUS).default(1),
    mig: z.array(migProfile).optional(),
  })
  .transform(({ model, memory: memoryMib, count, mig = null }, context): readonly ScenarioGpu[] => {
    const known = findModel(model);
    const size = memoryMib ?? known?.memoryMib;
    const refuse = (field: string, message: string) => {
      context.addIssue({ code: 'custom', path: [field], message });
      return z.NEVER;
    };
    if (size === undefined) {
      return refuse('memory', `is needed, since ${JSON.stringify(model)} is none of ${MODEL_NAMES.join(', ')}.`);
    }
    const slices = (mig ?? []).reduce((sum, { profile }) => sum + Number.parseInt(profile, 10), 0);
    if (slices > MAX_MIG_SLICES) return refuse('mig', `${slices} slices asked for; a GPU has ${MAX_MIG_SLICES}.`);
    const cutGb = (mig ?? []).reduce((sum, one) => sum + one.memoryMib / 1024, 0);
    // The makers round profiles up: two of 40 GB fit into 81,559 MiB.
    const wholeGb = Math.ceil(size / 1024);
    if (cutGb > wholeGb) return refuse('mig', `${cutGb} GB of instances asked for; the GPU has ${wholeGb} GB.`);
    return repeat({ ...UNKNOWN_MODEL_WATTS, model, ...known, memoryMib: size, nvlinkGroup: null, mig }, count);
  });

const event = z
  .strictObject({
    at: duration,
    for: duration.optional(),
    gpu: z.int().min(0).optional(),
    lost: z.literal(true).optional(),
    dirty: z.literal(true).optional(),
    hang: duration.optional(),
  })
  .transform(({ at, for: forMs = null, gpu, lost, dirty, hang }, context): ScenarioEvent => {
    const refuse = (message: string) => {
      context.addIssue(message);
      return z.NEVER;
    };
    if ([lost, dirty, hang].filter((each) => each !== undefined).length !== 1) {
      return refuse('an event has exactly one of lost: true, dirty: true and hang: DURATION.');
    }
    if (hang !== undefined) {
      if (gpu !== undefined || forMs !== null) return refuse('hang: DURATION takes neither gpu nor for: it stops all.');
      return { kind: 'hang', atMs: at, forMs: hang };
    }
    if (gpu === undefined) return refuse('lost and dirty need gpu: INDEX.');
    return { kind: lost ? 'lost' : 'dirty', atMs: at, forMs, gpu };
  });

const scenarioSchema = z
  .strictObject({
    seed: z.int().min(0).default(0),
    gpus: z.array(gpuGroup).min(1),
    nvlink: z.array(z.array(z.int().min(0)).min(2)).default([]),
    cpus: z.int().min(1).max(MAX_CPUS).nullable().default(null),
    memory: sizeUpTo(MAX_MACHINE_MEMORY_MIB).nullable().default(null),
    utilization: z.strictObject({ busy: percentRange.optional(), idle: percentRange.optional() }).default({}),
    events: z.array(event).max(MAX_EVENTS).default([]),
  })
  .transform(({ seed, gpus: groups, nvlink, cpus, memory, utilization, events }, context): Scenario => {
    const gpus = groups.flat();
    for (const [group, members] of nvlink.entries()) {
      for (const [place, index] of members.entries()) {
        const message = whyNotLinked(gpus, nvlink.slice(0, group).flat().concat(members.slice(0, place)), index);
        if (message !== null) context.addIssue({ code: 'custom', path: ['nvlink', group, place], message });
      }
    }
    for (const [index, each] of events.entries()) {
      if (each.kind === 'hang' || each.gpu < gpus.length) continue;
      context.addIssue({
        code: 'custom',
        path: ['events', index, 'gpu'],
        message: `GPU ${each.gpu} does not exist: they count from 0 to ${gpus.length - 1}.`,
      });
    }
    return {
      seed,
      gpus: gpus.map((gpu, index) => {
        const group = nvlink.findIndex((members) => members.includes(index));
        return group < 0 ? gpu : { ...gpu, nvlinkGroup: group };
      }),
      cpuCount: cpus,
      memoryMib: memory,
      busyUtilizationRatio: utilization.busy ?? DEFAULT_BUSY,
      idleUtilizationRatio: utilization.idle ?? DEFAULT_IDLE,
      events,
    };
  });

/** Why a GPU cannot be in an NVLink group; null = it can. */
function whyNotLinked(gpus: readonly ScenarioGpu[], taken: readonly number[], index: number): string | null {
  const gpu = gpus[index];
  if (gpu === undefined) return `GPU ${index} does not exist: they count from 0 to ${gpus.length - 1}.`;
  if (taken.includes(index)) return `GPU ${index} is named twice.`;
  return gpu.mig === null ? null : `GPU ${index} is in MIG mode, which turns its NVLink off.`;
}
