// Reads what `nvidia-smi --query-… --format=csv,noheader,nounits` prints. Pure. Lines that are no rows (warnings, a GPU
// that cannot be opened) come between the rows and are passed over: a GPU without a row is missing in the result.
import type { Telemetry } from './provider.js';
import { type GpuProcess, isGpuUuid, readCount, readMib, readNumber } from './smi-report.js';

/** Arguments of nvidia-smi for `readTelemetry`. */
export const TELEMETRY_ARGUMENTS = [
  '--query-gpu=uuid,utilization.gpu,memory.used,temperature.gpu,power.draw',
  '--format=csv,noheader,nounits',
] as const;

/** Arguments of nvidia-smi for `readComputeApps`. */
export const COMPUTE_APPS_ARGUMENTS = [
  '--query-compute-apps=gpu_uuid,pid,process_name,used_memory',
  '--format=csv,noheader,nounits',
] as const;

/** One entry a row, in the order of nvidia-smi. */
export function readTelemetry(csv: string): readonly Telemetry[] {
  return rows(csv).flatMap((fields) => {
    const [uuid = '', utilization, memory, temperature, power] = fields;
    if (!isGpuUuid(uuid) || fields.length !== 5) return [];
    const percent = readNumber(utilization ?? '');
    return [
      {
        uuid,
        utilizationRatio: percent === null ? null : Math.min(1, Math.max(0, percent / 100)),
        memoryUsedMib: readMib(memory ?? ''),
        temperatureCelsius: readNumber(temperature ?? ''),
        powerWatts: readNumber(power ?? ''),
      },
    ];
  });
}

/** A process and the GPU it is on. With MIG on this is the whole GPU's UUID. */
export interface ComputeApp extends GpuProcess {
  readonly uuid: string;
}

/** One entry a process and GPU. nvidia-smi quotes nothing, so a comma in a name splits it: it is put together again. */
export function readComputeApps(csv: string): readonly ComputeApp[] {
  return rows(csv).flatMap((fields) => {
    const [uuid = '', pidText = ''] = fields;
    const pid = readCount(pidText);
    if (!isGpuUuid(uuid) || pid === null || pid === 0 || fields.length < 4) return [];
    return [{ uuid, pid, name: fields.slice(2, -1).join(', '), usedMib: readMib(fields.at(-1) ?? '') }];
  });
}

function rows(csv: string): readonly (readonly string[])[] {
  return csv.split('\n').map((line) => line.split(',').map((field) => field.trim()));
}
