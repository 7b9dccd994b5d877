// Bugs of a scheduler that shares its store, put in on purpose: each is seen within the seeds of its theme.
import type { Mutant } from '../mutants.js';
import type { RedisThemeName } from './themes.js';

const STORE = 'scheduler/store/redis/redis-store.js';

function mutant(name: string, theme: RedisThemeName, ...edits: readonly (readonly [string, string, string])[]): Mutant {
  return { name, theme, edits: edits.map(([file, find, replace]) => ({ file, find, replace })) };
}

const NO_WAIT = [
  STORE,
  'return copies === 0 || (await port.waitForCopies(copies, copyLimitMs)) >= copies;',
  'return true;',
] as const;
export const REDIS_MUTANTS: readonly Mutant[] = [mutant('publish before there are copies', 'doubt', NO_WAIT)];
