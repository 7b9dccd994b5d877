// Reads the report of `nvidia-smi -q -x`, as xml2js makes a tree of it, into what we need of each GPU. Pure. The report
// is foreign input: its shape changes with driver, GPU and count, so every value is looked up, never assumed.
import { createRequire } from 'node:module';
import type { MigPlace } from './provider.js';

/** A process that holds memory of a GPU. */
export interface GpuProcess {
  readonly pid: number;
  readonly name: string;
  readonly usedMib: number | null;
}

/** One GPU of the report. */
export interface ReportedGpu {
  /** Empty when the driver does not tell it: a lost GPU on some drivers. */
  readonly uuid: string;
  readonly model: string;
  readonly pciBusId: string;
  /** N of its device file /dev/nvidiaN, which need not be its index; null = not reported. */
  readonly minor: number | null;
  /** 0 when not reported. */
  readonly memoryMib: number;
  readonly usedMib: number | null;
  readonly processes: readonly GpuProcess[];
  /** In MIG mode the memory of each instance, by its device number; null = not in MIG mode. */
  readonly migMemoryMib: readonly (readonly [device: number, memoryMib: number])[] | null;
  /** In MIG mode where each instance is, by its device number; absent = not told. */
  readonly migPlaces?: readonly (readonly [device: number, place: MigPlace])[];
  readonly health: 'healthy' | 'lost' | 'quarantined';
  readonly healthMessage: string;
  /** Empty = not told. */
  readonly computeMode: string;
  readonly signs: Signs;
}

/** What tells of the health of a GPU that works. */
export interface Signs {
  /** As the driver asks for it: `Drain and Reset`; empty = none, or not told. */
  readonly recoveryAction: string;
  readonly remapPending: boolean;
  readonly remapFailure: boolean;
  readonly retirementPending: boolean;
  /** Whether its clocks are held down by heat at this moment. */
  readonly isHot: boolean;
  /** Memory errors since the driver began; null = not told. */
  readonly uncorrected: number | null;
  readonly corrected: number | null;
}

export interface SmiReport {
  readonly driverVersion: string;
  readonly cudaVersion: string;
  /** In the order of nvidia-smi: by bus id. */
  readonly gpus: readonly ReportedGpu[];
}

/** More GPUs than any machine has; what comes after is ignored. */
export const MAX_GPUS = 256;
/** Processes kept of one GPU, enough for a message. */
const MAX_PROCESSES = 256;
/** More than any figure of a GPU has, and few enough to be exact. */
const MAX_DIGITS = 15;
/** Names are for people: longer ones are cut. */
const MAX_NAME_CHARACTERS = 200;

/**
 * @param tree what xml2js with `explicitArray: false` and `trim: true` makes of the XML
 * @returns null when this is no report of nvidia-smi
 */
export function readReport(tree: unknown): SmiReport | null {
  const log = at(tree, 'nvidia_smi_log');
  if (!isNode(log)) return null;
  return {
    driverVersion: valueAt(log, 'driver_version'),
    cudaVersion: valueAt(log, 'cuda_version'),
    gpus: listAt(log, 'gpu').slice(0, MAX_GPUS).map(readGpu),
  };
}

/** As `readReport`, from the XML itself, with the parser that node-nvidia-smi brings along and the options it uses. */
export async function parseReport(xml: string): Promise<SmiReport | null> {
  const own = createRequire(import.meta.url);
  const itsModules = createRequire(own.resolve('node-nvidia-smi'));
  const { parseStringPromise } = itsModules('xml2js') as {
    parseStringPromise: (xml: string, options: object) => Promise<unknown>;
  };
  // Users name their processes as they like, also as what is no XML: that must not cost the whole machine its report.
  for (const text of [xml, xml.replaceAll(PROCESS_NAME, '<process_name/>')]) {
    try {
      return readReport(await parseStringPromise(text, { explicitArray: false, trim: true }));
    } catch (error) {
      // Cut off or garbled: no report. Whoever has the text can quote it.
      if (!(error instanceof Error)) throw error;
    }
  }
  return null;
}

/** On one line, as nvidia-smi writes it. */
const PROCESS_NAME = /<process_name>.*<\/process_name>/g;

/**
 * Reads a number with its unit, such as `81559 MiB`, `37 %` or `98.11 W`. Everything that nvidia-smi writes instead of
 * one is null: `N/A`, `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `GPU is lost`, `ERR!` and whatever comes next.
 */
export function readNumber(text: string): number | null {
  const digits = /^(-?\d+(?:\.\d+)?)(?:\s*[A-Za-z%/]+)?$/.exec(text.trim())?.[1];
  return digits === undefined || digits.length > MAX_DIGITS ? null : Number(digits);
}

/** The same where only a count makes sense, such as a size or the id of a process: anything else there is none. */
export function readCount(text: string): number | null {
  const number = readNumber(text);
  return number !== null && Number.isInteger(number) && number >= 0 ? number : null;
}

/** A size with its unit, in MiB; without one it is in MiB, as nvidia-smi has it. Drivers before 340 say MB. */
export function readMib(text: string): number | null {
  const [, number = '', unit = 'MiB'] = /^(\S+?)\s*([A-Za-z]+)?$/.exec(text.trim()) ?? [];
  const size = readNumber(number);
  const mib = MIB_OF[unit];
  return size === null || size < 0 || mib === undefined ? null : Math.floor(size * mib);
}

const MIB_OF: Readonly<Record<string, number>> = { KiB: 1 / 1024, MiB: 1, MB: 1, GiB: 1024, TiB: 1024 ** 2 };

/** Whether this is the identity of a GPU, not an error text in its place. */
export function isGpuUuid(text: string): boolean {
  return /^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

function readGpu(gpu: unknown): ReportedGpu {
  const uuid = textAt(gpu, 'uuid');
  const memoryMib = readMib(textAt(gpu, 'fb_memory_usage', 'total')) ?? 0;
  const migPlaces = readMigPlaces(gpu);
  return {
    uuid: isGpuUuid(uuid) ? uuid : '',
    model: valueAt(gpu, 'product_name').slice(0, MAX_NAME_CHARACTERS) || 'unknown GPU',
    pciBusId: valueAt(gpu, 'pci', 'pci_bus_id') || textAt(gpu, '$', 'id'),
    minor: readCount(textAt(gpu, 'minor_number')),
    memoryMib,
    usedMib: readMib(textAt(gpu, 'fb_memory_usage', 'used')),
    processes: listAt(at(gpu, 'processes'), 'process_info').slice(0, MAX_PROCESSES).flatMap(readProcess),
    migMemoryMib: textAt(gpu, 'mig_mode', 'current_mig') === 'Enabled' ? readMigMemory(gpu) : null,
    ...(migPlaces.length === 0 ? {} : { migPlaces }),
    computeMode: valueAt(gpu, 'compute_mode'),
    signs: readSigns(gpu),
    ...readHealth(gpu, memoryMib),
  };
}

function readSigns(gpu: unknown): Signs {
  const action = valueAt(gpu, 'gpu_recovery_action');
  // Drivers before 535 have another name for it.
  const reasons = at(gpu, 'clocks_event_reasons') ?? at(gpu, 'clocks_throttle_reasons');
  const isActive = (what: string): boolean =>
    ['clocks_event_reason', 'clocks_throttle_reason'].some((name) => textAt(reasons, `${name}_${what}`) === 'Active');
  const volatile = at(gpu, 'ecc_errors', 'volatile');
  return {
    recoveryAction: /^none$/i.test(action) ? '' : action.slice(0, MAX_NAME_CHARACTERS),
    remapPending: textAt(gpu, 'remapped_rows', 'remapped_row_pending') === 'Yes',
    remapFailure: textAt(gpu, 'remapped_rows', 'remapped_row_failure') === 'Yes',
    retirementPending: ['pending_retirement', 'pending_blacklist'].some(
      (name) => textAt(gpu, 'retired_pages', name) === 'Yes',
    ),
    isHot: isActive('hw_thermal_slowdown'),
    uncorrected: sumOf(volatile, UNCORRECTED),
    corrected: sumOf(volatile, CORRECTED),
  };
}

/** Names of counters: of Ampere and later, of Turing, of what came before. No GPU has those of two. */
const UNCORRECTED = [
  ['sram_uncorrectable_parity'],
  ['sram_uncorrectable_secded'],
  ['sram_uncorrectable'],
  ['dram_uncorrectable'],
  ['double_bit', 'total'],
] as const;
const CORRECTED = [['sram_correctable'], ['dram_correctable'], ['single_bit', 'total']] as const;

/** The sum of the counters that are told; null = none is. */
function sumOf(tree: unknown, names: readonly (readonly string[])[]): number | null {
  const found = names.flatMap((name) => readCount(textAt(tree, ...name)) ?? []);
  return found.length === 0 ? null : found.reduce((sum, count) => sum + count, 0);
}

function readProcess(info: unknown): GpuProcess[] {
  const pid = readCount(textAt(info, 'pid'));
  if (pid === null || pid === 0) return [];
  const name = textAt(info, 'process_name').slice(0, MAX_NAME_CHARACTERS);
  return [{ pid, name, usedMib: readMib(textAt(info, 'used_memory')) }];
}

function readMigMemory(gpu: unknown): [number, number][] {
  return listAt(at(gpu, 'mig_devices'), 'mig_device').flatMap((device): [number, number][] => {
    const index = readCount(textAt(device, 'index'));
    const memoryMib = readMib(textAt(device, 'fb_memory_usage', 'total'));
    return index === null || memoryMib === null ? [] : [[index, memoryMib]];
  });
}

function readMigPlaces(gpu: unknown): [number, MigPlace][] {
  return listAt(at(gpu, 'mig_devices'), 'mig_device').flatMap((device): [number, MigPlace][] => {
    const [index = null, gpuInstance = null, computeInstance = null] = [
      'index',
      'gpu_instance_id',
      'compute_instance_id',
    ].map((name) => readCount(textAt(device, name)));
    if (index === null || gpuInstance === null || computeInstance === null) return [];
    return [[index, { gpuInstance, computeInstance }]];
  });
}

type Health = Pick<ReportedGpu, 'health' | 'healthMessage'>;

/** The first thing that is wrong with a GPU, worst first. */
function readHealth(gpu: unknown, memoryMib: number): Health {
  const lost = (message: string): Health => ({ health: 'lost', healthMessage: message });
  const quarantined = (message: string): Health => ({ health: 'quarantined', healthMessage: message });

  const error = driverError(gpu);
  if (error !== null) return lost(`The driver answers: ${error}.`);
  if (textAt(gpu, 'compute_mode') === 'Prohibited') {
    return quarantined('Its compute mode lets no program use it (Prohibited). Change it: nvidia-smi -c 0.');
  }
  const fabric = fabricTrouble(gpu);
  if (fabric !== null) return quarantined(fabric);
  if (memoryMib === 0) return quarantined('nvidia-smi does not report the size of its memory.');
  return { health: 'healthy', healthMessage: '' };
}

/**
 * An error text where the identity or a number must stand. `N/A` is none: some GPUs do not report some figures. Nor is
 * an `Unknown Error` of a mere sensor, which working GPUs show too.
 */
function driverError(gpu: unknown): string | null {
  const vital = [textAt(gpu, 'fb_memory_usage', 'total'), textAt(gpu, 'uuid')];
  const sensors = [textAt(gpu, 'utilization', 'gpu_util'), textAt(gpu, 'temperature', 'gpu_temp')];
  const error =
    vital.find((text) => /lost|requires reset|error|ERR!/i.test(text)) ??
    sensors.find((text) => /lost|requires reset/i.test(text));
  return error === undefined ? null : error.replaceAll(/[[\]]/g, '');
}

/** On machines with NVSwitch a GPU whose fabric is not set up cannot start CUDA at all (error 802). */
function fabricTrouble(gpu: unknown): string | null {
  const state = valueAt(gpu, 'fabric', 'state');
  const status = valueAt(gpu, 'fabric', 'status');
  if (state !== '' && state !== 'Completed') {
    return `Its NVLink fabric is not set up (${state}). Is nvidia-fabricmanager running?`;
  }
  if (status !== '' && status !== 'Success') return `Its NVLink fabric failed to set up: ${status}.`;
  if (textAt(gpu, 'fabric', 'health', 'summary') === 'Unhealthy') return 'Its NVLink fabric is unhealthy.';
  return null;
}

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(tree: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (node, name) => (isNode(node) && Object.hasOwn(node, name) ? node[name] : undefined),
    tree,
  );
}

/** The text of an element; empty when it is missing, or not text. */
function textAt(tree: unknown, ...names: readonly string[]): string {
  const found = at(tree, ...names);
  // Told twice it counts as told first. With attributes xml2js has the text of an element below it.
  const value: unknown = Array.isArray(found) ? found[0] : found;
  const text = isNode(value) && Object.hasOwn(value, '_') ? value['_'] : value;
  return typeof text === 'string' ? text.trim() : '';
}

/** As `textAt`, but the ways of nvidia-smi to say "nothing" are empty too. */
function valueAt(tree: unknown, ...names: readonly string[]): string {
  const text = textAt(tree, ...names);
  return /^\[?(N\/A|Not Supported|(Requested functionality has been )?deprecated)\]?$/i.test(text) ? '' : text;
}

/** One element is a value of its own, several are an array, none is missing or an empty text. */
function listAt(tree: unknown, name: string): readonly unknown[] {
  const value = at(tree, name);
  if (Array.isArray(value)) return value as readonly unknown[];
  return isNode(value) ? [value] : [];
}
