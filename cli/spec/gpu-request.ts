// The one way to write GPUs, in flags and in files: `4`, `h100:4`, `h100`, `0.5`, `4x0.5`, `h100|a100:2`, `24GB..:1`. Loads
// nothing.
import { parseMemoryMib } from './quantities.js';

/** The most GPUs that one task may ask for; no machine has more. The API has the same limit. */
export const MAX_GPUS = 256;

/** GPUs of one task. */
export interface GpuRequest {
  readonly count: number;
  /** The share of each in thousandths; 1,000 = whole. */
  readonly milli: number;
  /** Acceptable models, the best first; empty = any. */
  readonly models: readonly string[];
  /** 0 = any. */
  readonly minMemoryMib: number;
}

/** Reads a request for GPUs; null when it is none, or for more than any machine has. */
export function parseGpuRequest(text: string): GpuRequest | null {
  const trimmed = text.trim();
  const plain = parseAmount(trimmed);
  if (plain !== null) return { ...plain, models: [], minMemoryMib: 0 };
  const { what = '', some } = /^(?<what>[^:]+)(?::(?<some>[^:]*))?$/.exec(trimmed)?.groups ?? {};
  const kind = parseKind(what, some !== undefined);
  const amount = some === undefined ? { count: 1, milli: 1_000 } : parseAmount(some);
  return kind === null || amount === null ? null : { ...amount, ...kind };
}

/** `4`, `0.5` of one, `4x0.5` = a half of each of four. */
function parseAmount(text: string): Pick<GpuRequest, 'count' | 'milli'> | null {
  const match = /^(?:(?<whole>\d{1,4})|(?:(?<of>\d{1,4})x)?(?<share>0?\.\d{1,3}))$/.exec(text);
  if (match === null) return null;
  const { whole, of, share } = match.groups ?? {};
  const count = Number(whole ?? of ?? 1);
  const milli = share === undefined ? 1_000 : Math.round(Number(share) * 1_000);
  return count > MAX_GPUS || milli === 0 || (count === 0 && share !== undefined) ? null : { count, milli };
}

/** `h100`, `h100|a100`, `24GB..`. */
function parseKind(text: string, isCounted: boolean): Pick<GpuRequest, 'models' | 'minMemoryMib'> | null {
  if (text.endsWith('..')) {
    const minMemoryMib = parseMemoryMib(text.slice(0, -2));
    return minMemoryMib === null ? null : { models: [], minMemoryMib };
  }
  const models = text.split('|').map((model) => model.trim());
  // Every GPU model has a figure in its name; a bare word without one is a slip, not a model to wait for.
  const isModel = (model: string): boolean =>
    /^[A-Za-z][A-Za-z0-9 ._-]*$/.test(model) && (isCounted || /\d/.test(model));
  return models.every(isModel) ? { models, minMemoryMib: 0 } : null;
}
