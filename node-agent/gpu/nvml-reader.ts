// A program of its own: reads the figures of GPUs from NVIDIA's management library (NVML) and writes them to stdout, one line
// of JSON for each line on its stdin. The agent keeps one running and kills it when it does not answer: a call into the
// driver cannot be given up from inside. Ends with its stdin, or at once when there is no library.
//
// Names and layouts: nvml.h of CUDA 12, "NVML API Reference".
import { createInterface } from 'node:readline';
import koffi from 'koffi';

/** What it writes. */
export type NvmlAnswer =
  | { readonly state: 'read'; readonly gpus: readonly NvmlGpu[] }
  /** There is no library, or no driver behind it. */
  | { readonly state: 'missing'; readonly why: string };

/** One GPU that could be opened. */
export interface NvmlGpu {
  readonly uuid: string;
  readonly utilizationRatio: number | null;
  readonly memoryUsedMib: number | null;
  readonly temperatureCelsius: number | null;
  readonly powerWatts: number | null;
}

const SUCCESS = 0;
const UUID_BYTES = 96;
/** More GPUs than any machine has. */
const MAX_GPUS = 256;
const MEMORY_V2_BYTES = 40;

type Call = (...args: unknown[]) => number;

/** The calls that are used; those of newer libraries only are null elsewhere. */
interface Nvml {
  readonly count: Call;
  readonly handle: Call;
  readonly uuid: Call;
  readonly utilization: Call;
  readonly memory: Call;
  readonly memoryV2: Call | null;
  readonly temperature: Call;
  readonly power: Call;
}

/** @throws Error in words when there is none */
function open(file: string): Nvml {
  const library = load(file);
  const call = (declaration: string): Call => library.func(declaration) as Call;
  koffi.struct('nvmlUtilization_t', { gpu: 'uint32_t', memory: 'uint32_t' });
  koffi.struct('nvmlMemory_t', { total: 'uint64_t', free: 'uint64_t', used: 'uint64_t' });
  koffi.struct('nvmlMemory_v2_t', {
    version: 'uint32_t',
    total: 'uint64_t',
    reserved: 'uint64_t',
    free: 'uint64_t',
    used: 'uint64_t',
  });
  const status = call('int nvmlInit_v2()')();
  if (status !== SUCCESS) throw new Error(`nvmlInit_v2 fails with ${status}`);
  return {
    count: call('int nvmlDeviceGetCount_v2(_Out_ uint32_t *count)'),
    handle: call('int nvmlDeviceGetHandleByIndex_v2(uint32_t index, _Out_ void **device)'),
    uuid: call('int nvmlDeviceGetUUID(void *device, uint8_t *uuid, uint32_t length)'),
    utilization: call('int nvmlDeviceGetUtilizationRates(void *device, _Out_ nvmlUtilization_t *rates)'),
    memory: call('int nvmlDeviceGetMemoryInfo(void *device, _Out_ nvmlMemory_t *memory)'),
    memoryV2: newer(() => call('int nvmlDeviceGetMemoryInfo_v2(void *device, _Inout_ nvmlMemory_v2_t *memory)')),
    temperature: call('int nvmlDeviceGetTemperature(void *device, int sensor, _Out_ uint32_t *celsius)'),
    power: call('int nvmlDeviceGetPowerUsage(void *device, _Out_ uint32_t *milliwatts)'),
  };
}

function load(file: string): ReturnType<typeof koffi.load> {
  try {
    return koffi.load(file);
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** A call that libraries before driver 510 do not have. */
function newer(find: () => Call): Call | null {
  try {
    return find();
  } catch {
    return null;
  }
}

function read(nvml: Nvml): readonly NvmlGpu[] {
  const count = [0];
  if (nvml.count(count) !== SUCCESS) return [];
  const gpus: NvmlGpu[] = [];
  for (let index = 0; index < Math.min(count[0] ?? 0, MAX_GPUS); index += 1) {
    const device: unknown[] = [null];
    // One that is lost cannot be opened; the others can.
    if (nvml.handle(index, device) !== SUCCESS) continue;
    const text = Buffer.alloc(UUID_BYTES);
    if (nvml.uuid(device[0], text, UUID_BYTES) !== SUCCESS) continue;
    const end = text.indexOf(0);
    gpus.push({ uuid: text.toString('latin1', 0, end < 0 ? UUID_BYTES : end), ...figures(nvml, device[0]) });
  }
  return gpus;
}

function figures(nvml: Nvml, device: unknown): Omit<NvmlGpu, 'uuid'> {
  const rates = { gpu: 0 };
  const hasRates = nvml.utilization(device, rates) === SUCCESS;
  const celsius = [0];
  const hasCelsius = nvml.temperature(device, 0, celsius) === SUCCESS;
  const milliwatts = [0];
  const hasWatts = nvml.power(device, milliwatts) === SUCCESS;
  return {
    utilizationRatio: hasRates ? Math.min(1, rates.gpu / 100) : null,
    memoryUsedMib: usedMib(nvml, device),
    temperatureCelsius: hasCelsius ? (celsius[0] ?? null) : null,
    powerWatts: hasWatts ? (milliwatts[0] ?? 0) / 1_000 : null,
  };
}

/** As nvidia-smi counts since driver 510: without what the driver keeps for itself. */
function usedMib(nvml: Nvml, device: unknown): number | null {
  const version = (MEMORY_V2_BYTES | (2 << 24)) >>> 0;
  const second = { version, total: 0, reserved: 0, free: 0, used: 0 };
  if (nvml.memoryV2?.(device, second) === SUCCESS) return Math.round(Number(second.used) / 2 ** 20);
  const first = { used: 0 };
  return nvml.memory(device, first) === SUCCESS ? Math.round(Number(first.used) / 2 ** 20) : null;
}

function answer(line: NvmlAnswer): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function main(): void {
  let nvml: Nvml;
  try {
    nvml = open(process.argv[2] ?? 'libnvidia-ml.so.1');
  } catch (error) {
    answer({ state: 'missing', why: error instanceof Error ? error.message : String(error) });
    return;
  }
  createInterface({ input: process.stdin }).on('line', () => answer({ state: 'read', gpus: read(nvml) }));
}

main();
