// What a GPU hour costs, by model. Pure.
import { toGpuMs, type GpuTime } from './gpu-time.js';

/** Prices of GPU time, as an administrator set them. */
export interface Prices {
  /** As it is shown: "EUR"; empty = not said. */
  readonly currency: string;
  /** In order: the first whose word occurs in the name of a model, whatever its case, is its price; "*" occurs in all. */
  readonly ofModels: readonly { readonly word: string; readonly perGpuHour: number }[];
}

export const NO_PRICES: Prices = { currency: '', ofModels: [] };

const HOUR_MS = 3_600_000;

/** @returns what the time costs; null = the model has no price */
export function costOf({ ofModels }: Prices, model: string, charged: GpuTime): number | null {
  const name = model.toLowerCase();
  const found = ofModels.find(({ word }) => word === '*' || name.includes(word.toLowerCase()));
  return found === undefined ? null : (toGpuMs(charged) / HOUR_MS) * found.perGpuHour;
}
