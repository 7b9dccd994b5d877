// GPU models that can be simulated by a short name. Names and memory as nvidia-smi prints them, power limits from the
// makers' data sheets.

export interface GpuModel {
  /** As `product_name` of nvidia-smi. */
  readonly model: string;
  readonly memoryMib: number;
  /** At rest and at the default limit, in watts. */
  readonly idleWatts: number;
  readonly fullWatts: number;
}

const MODELS: ReadonlyMap<string, GpuModel> = new Map([
  ['b200', { model: 'NVIDIA B200', memoryMib: 183_359, idleWatts: 140, fullWatts: 1000 }],
  ['h200', { model: 'NVIDIA H200', memoryMib: 143_771, idleWatts: 75, fullWatts: 700 }],
  ['h100', { model: 'NVIDIA H100 80GB HBM3', memoryMib: 81_559, idleWatts: 70, fullWatts: 700 }],
  ['a100', { model: 'NVIDIA A100-SXM4-80GB', memoryMib: 81_920, idleWatts: 60, fullWatts: 400 }],
  ['l40s', { model: 'NVIDIA L40S', memoryMib: 46_068, idleWatts: 35, fullWatts: 350 }],
  ['l4', { model: 'NVIDIA L4', memoryMib: 23_034, idleWatts: 16, fullWatts: 72 }],
  ['t4', { model: 'Tesla T4', memoryMib: 15_360, idleWatts: 10, fullWatts: 70 }],
]);

/** What an unknown model is taken to draw. */
export const UNKNOWN_MODEL_WATTS = { idleWatts: 30, fullWatts: 300 } as const;

/** The short names, for messages. */
export const MODEL_NAMES: readonly string[] = [...MODELS.keys()];

/** Finds a model by its short name (`h100`) or its full one, in any case. */
export function findModel(name: string): GpuModel | undefined {
  const wanted = name.trim().toLowerCase();
  return MODELS.get(wanted) ?? [...MODELS.values()].find(({ model }) => model.toLowerCase() === wanted);
}
