// Measures the engine in a process of its own, so that neither the heap nor the compiled code of one measurement tells on
// the next. Its argument says what, as JSON; it sends one message, the result. See child.ts.
import { invariant } from '../common/assert.js';
import { fillMixed } from './engine-fills.js';
import { measureChanges, type SteadySize } from './steady-cluster.js';

/** What a child is told to measure. */
export type Measurement =
  | { readonly type: 'changes'; readonly size: SteadySize }
  /** Milliseconds to fill so many nodes with mixed gangs. */
  | { readonly type: 'fill'; readonly nodes: number };

/** Nodes filled once before, so that the code is compiled. */
const WARM_UP_NODES = 500;

const [argument] = process.argv.slice(2);
if (argument !== undefined) process.send?.(measure(JSON.parse(argument) as Measurement));

function measure(what: Measurement): unknown {
  const collectGarbage = globalThis.gc;
  invariant(collectGarbage !== undefined, 'children can collect garbage', 'started without --expose-gc');
  switch (what.type) {
    case 'changes':
      return measureChanges(what.size, () => collectGarbage());
    case 'fill':
      fillMixed(WARM_UP_NODES);
      collectGarbage();
      return fillMixed(what.nodes);
  }
}
