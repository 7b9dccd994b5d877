// How costs grow: one dimension of the cluster goes up while the others stay. A curve's exponent is the slope of the straight
// line through its points when both axes are logarithmic: 0 = the cost does not grow, 1 = it grows as the dimension does.
import { changeCosts, fillSpansMs } from './child.js';
import { type Figure, figure, fitExponent, LEAST_RUNS } from './figure.js';
import type { Bench } from './registry.js';
import type { SteadySize } from './steady-cluster.js';

interface Curve {
  /** `curve.NAME_POINT_UNIT` for each point, and `curve.NAME_exponent`. */
  readonly name: string;
  readonly unit: string;
  readonly points: readonly number[];
  /** The cost at one point, in each run. */
  readonly cost: (point: number) => Promise<readonly number[]>;
}

/** Microseconds a change, the mean over all of a run: what the engine takes of a core, whatever the single change waits. */
async function changeUs(size: SteadySize): Promise<readonly number[]> {
  return (await changeCosts(size)).map(({ meanUs }) => meanUs);
}

const CURVES: readonly Curve[] = [
  {
    name: 'nodes',
    unit: 'us',
    points: [100, 1_000, 10_000],
    cost: (nodes) => changeUs({ nodes, queues: 50, pending: 100_000 }),
  },
  { name: 'nodes_fill', unit: 'ms', points: [100, 1_000, 10_000], cost: fillSpansMs },
  {
    name: 'pending',
    unit: 'us',
    points: [1_000, 10_000, 100_000, 1_000_000],
    cost: (pending) => changeUs({ nodes: 10_000, queues: 50, pending }),
  },
  {
    name: 'queues',
    unit: 'us',
    points: [10, 100, 1_000],
    cost: (queues) => changeUs({ nodes: 1_000, queues, pending: 100_000 }),
  },
];

/** Names of all figures of the curves, in the order in which they come. */
export const CURVE_FIGURES: readonly string[] = CURVES.flatMap((curve) => [...pointNames(curve), exponentName(curve)]);

/** The curves of which a figure is wanted, each whole. */
export const benchCurves: Bench = async ({ wants }) => {
  const figures: Figure[] = [];
  for (const curve of CURVES) {
    const names = pointNames(curve);
    if (![...names, exponentName(curve)].some(wants)) continue;
    const costs: (readonly number[])[] = [];
    for (const [at, point] of curve.points.entries()) {
      const cost = await curve.cost(point);
      costs.push(cost);
      figures.push(figure(names[at] ?? '', curve.unit, cost));
    }
    // A line through each run's points: run by run, so that the exponent has a median, too.
    const exponents = Array.from({ length: LEAST_RUNS }, (_, run) =>
      fitExponent(curve.points.map((point, at) => [point, costs[at]?.[run] ?? NaN])),
    );
    figures.push(figure(exponentName(curve), '1', exponents));
  }
  return figures;
};

function pointNames({ name, unit, points }: Curve): readonly string[] {
  return points.map((point) => `curve.${name}_${point}_${unit}`);
}

function exponentName({ name }: Curve): string {
  return `curve.${name}_exponent`;
}
