// Runs measurements of the engine in processes of their own, one at a time.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { invariant } from '../common/assert.js';
import type { Measurement } from './engine-child.js';
import { LEAST_RUNS } from './figure.js';
import type { ChangeCost, SteadySize } from './steady-cluster.js';

const PROGRAM = fileURLToPath(new URL('./engine-child.js', import.meta.url));

/** Measured once in a run of the bench, however many figures are made of it. */
const measured = new Map<string, Promise<readonly ChangeCost[]>>();

/** What changes of a full cluster cost, measured `LEAST_RUNS` times, each on a fresh cluster in a fresh process. */
export function changeCosts(size: SteadySize): Promise<readonly ChangeCost[]> {
  const key = JSON.stringify(size);
  let costs = measured.get(key);
  if (!costs) measured.set(key, (costs = repeatInChild<ChangeCost>({ type: 'changes', size })));
  return costs;
}

/** Milliseconds in which the engine fills so many nodes with mixed gangs, measured `LEAST_RUNS` times. */
export function fillSpansMs(nodes: number): Promise<readonly number[]> {
  return repeatInChild<number>({ type: 'fill', nodes });
}

async function repeatInChild<T>(measurement: Measurement): Promise<readonly T[]> {
  const results: T[] = [];
  while (results.length < LEAST_RUNS) results.push((await inChild(measurement)) as T);
  return results;
}

async function inChild(measurement: Measurement): Promise<unknown> {
  const child = fork(PROGRAM, [JSON.stringify(measurement)], { execArgv: ['--expose-gc'] });
  let result: unknown;
  child.on('message', (message) => (result = message));
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  invariant(
    code === 0 && result !== undefined,
    'a measurement ends well',
    `${JSON.stringify(measurement)}: ${signal ?? code}`,
  );
  return result;
}
