// Edits modules while they are loaded into a process that runs one mutant. Loaded by mutant-child.ts alone.
import type { LoadHook } from 'node:module';
import type { Mutant } from './mutants.js';

let mutant: Mutant | null = null;

export function initialize(data: { readonly mutant: Mutant }): void {
  ({ mutant } = data);
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const edits = mutant?.edits.filter(({ file }) => url.endsWith(`/dist/${file}`)) ?? [];
  if (edits.length === 0) return loaded;
  let text = Buffer.from(loaded.source as Uint8Array).toString('utf8');
  for (const { file, find, replace } of edits) {
    if (text.split(find).length !== 2) throw new Error(`${file} does not hold exactly once: ${find}`);
    text = text.replace(find, () => replace);
  }
  return { ...loaded, source: text };
};
