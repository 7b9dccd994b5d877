// Laws hold wherever the engine's work is cut.
import type { History } from '../history.js';
import { World } from '../world.js';
import { EVERY_FLAVOUR, type PlayedLaw, type WatchedLaw } from './law.js';

/** The largest budget tried; above it small clusters are hardly cut. */
const MOST_WORK_UNITS = 6;

/** The law that all these laws, watched, hold for the smallest budgets too. */
export function cutAnywhere(laws: readonly WatchedLaw[]): PlayedLaw {
  return {
    name: 'cut-anywhere',
    says: `cut after any number of work units all laws hold, and nothing is left undone`,
    of: EVERY_FLAVOUR,
    check: (history: History) => {
      const watchers = laws.filter(({ of }) => of.includes(history.flavour)).map(({ watch }) => watch());
      const budget = history.seed % (MOST_WORK_UNITS + 1);
      new World(history, { budget, watchers }).play().settle();
    },
  };
}
