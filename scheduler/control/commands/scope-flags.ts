// Parts of the cluster as the flags of `sluice queue update` say them, for messages that tell what to do.
import type { QueueScope } from '../../model/records.js';

/** The part of the cluster that a scope is about. */
export type Part = Pick<QueueScope, 'pool' | 'model'>;

/** Whether two scopes are about the same part. */
export function samePart(a: Part, b: Part): boolean {
  return a.pool === b.pool && a.model.toLowerCase() === b.model.toLowerCase();
}

/** `model "h100" in pool "big"`. */
export function partName({ pool, model }: Part): string {
  if (model === '') return pool === '' ? 'any kind' : `pool "${pool}"`;
  return pool === '' ? `model "${model}"` : `model "${model}" in pool "${pool}"`;
}

/** The flags that give a queue its scopes with one of them changed: all of them, since an update replaces all. */
export function scopeFlags(scopes: readonly QueueScope[], changed: QueueScope): string {
  const others = scopes.filter((scope) => !samePart(scope, changed));
  return [...others, changed].map((scope) => `--scope ${shellWord(scopeText(scope))}`).join(' ');
}

function scopeText({ pool, model, guaranteeGpus, limitGpus }: QueueScope): string {
  return [
    ...(pool === '' ? [] : [`pool=${pool}`]),
    ...(model === '' ? [] : [`model=${model}`]),
    ...(guaranteeGpus === 0 && limitGpus !== null ? [] : [`guarantee=${guaranteeGpus}`]),
    ...(limitGpus === null ? [] : [`limit=${limitGpus}`]),
  ].join(',');
}

/** Models may hold blanks. */
function shellWord(text: string): string {
  return /^[\w=,.-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
