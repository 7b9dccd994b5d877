// The one way to write GPUs, in flags and in files: `4`, `h100:4`, `h100`. Loads nothing.

/** The most GPUs that one task may ask for; no machine has more. The API has the same limit. */
export const MAX_GPUS = 256;

/** GPUs of one task: a count, and a model; an empty model = any. */
export interface GpuRequest {
  readonly count: number;
  readonly model: string;
}

/** Reads a request for GPUs; null when it is none, or for more than any machine has. */
export function parseGpuRequest(text: string): GpuRequest | null {
  const match = /^(?:(?<model>[A-Za-z][A-Za-z0-9 ._-]*?)(?::(?<some>\d{1,4}))?|(?<any>\d{1,4}))$/.exec(text.trim());
  if (match === null) return null;
  const { model = '', some, any } = match.groups ?? {};
  // Every GPU model has a figure in its name; a bare word without one is a slip, not a model to wait for.
  if (model !== '' && some === undefined && !/\d/.test(model)) return null;
  const count = Number(some ?? any ?? 1);
  return count > MAX_GPUS ? null : { count, model };
}
