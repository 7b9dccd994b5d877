// The packing experiment of Weng et al. (ATC'23, "workload inflation": arrivals only, nothing leaves) on the 1,213 nodes of
// the Alibaba 2023 trace: best score first, equal scores to the node of the lowest rank.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  ELSEWHERE,
  type FreeCapacity,
  fragmentationScore,
  gradient,
  type RequestKind,
  RequestMix,
  unusableParts,
} from '../../scheduler/engine/fragmentation.js';
import { GPU_PARTS, PARTS_PER_MILLI } from '../../scheduler/model/requests.js';

/** A task of the trace. */
export interface Row {
  readonly kind: RequestKind;
  readonly group: string;
  readonly models: ReadonlySet<string> | null;
}

interface TraceNode {
  readonly model: string;
  readonly freeParts: number[];
  cpuMilli: number;
  memoryMib: number;
  readonly rank: number;
  version: number;
}

/** A run: who arrives in which order on which nodes. */
export interface Trace {
  readonly rows: readonly Row[];
  readonly nodes: readonly TraceNode[];
  readonly arrivals: readonly number[];
}

function table(text: string): Record<string, string>[] {
  const [header = '', ...lines] = text.trim().split('\n');
  const names = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, at) => [name, cells[at] ?? '']));
  });
}

export function readTrace(folder: string, workload: string, run: string): Trace {
  const unzip = (path: string) => gunzipSync(readFileSync(`${folder}/${path}`)).toString();
  const golden = JSON.parse(unzip(`golden/${workload}-${run}.json.gz`)) as { arrivals: number[]; node_rank: number[] };
  const rows = table(unzip(`openb_pod_list_${workload}.csv.gz`)).map((cells): Row => {
    const gpus = Number(cells['num_gpu']);
    const models = cells['gpu_spec'] ?? '';
    const kind = {
      gpus,
      parts: gpus === 0 ? 0 : Number(cells['gpu_milli']) * PARTS_PER_MILLI,
      cpuMilli: Number(cells['cpu_milli']),
      memoryMib: Number(cells['memory_mib']),
    };
    const group = [kind.cpuMilli, Number(cells['gpu_milli']), kind.gpus, models].join('/');
    return { kind, group, models: models === '' ? null : new Set(models.split('|')) };
  });
  const nodes = table(readFileSync(`${folder}/openb_node_list_gpu_node.csv`, 'utf8')).map((cells, at) => ({
    model: cells['model'] ?? '',
    freeParts: new Array<number>(Number(cells['gpu'])).fill(GPU_PARTS),
    cpuMilli: Number(cells['cpu_milli']),
    memoryMib: Number(cells['memory_mib']),
    rank: golden.node_rank[at] ?? NaN,
    version: 0,
  }));
  nodes.sort((a, b) => a.rank - b.rank);
  return { rows, nodes, arrivals: golden.arrivals };
}

/** The usual requests as the experiment defines them: the most frequent groups that cover 95 % of the rows. */
function usualGroups(rows: readonly Row[]): Map<string, { row: Row; count: number }> {
  const groups = new Map<string, { row: Row; count: number }>();
  for (const row of rows) {
    const group = groups.get(row.group);
    if (group) group.count++;
    else groups.set(row.group, { row, count: 1 });
  }
  const fields = (name: string) => name.split('/');
  const sorted = [...groups].sort(([a, one], [b, other]) => {
    if (one.count !== other.count) return other.count - one.count;
    const [x, y] = [fields(a), fields(b)];
    for (const at of [0, 1, 2]) if (x[at] !== y[at]) return Number(y[at]) - Number(x[at]);
    return (x[3] ?? '') < (y[3] ?? '') ? -1 : 1;
  });
  const kept = new Map<string, { row: Row; count: number }>();
  let covered = 0;
  for (const [name, group] of sorted) {
    if (covered >= 0.95 * rows.length) break;
    kept.set(name, group);
    covered += group.count;
  }
  return kept;
}

/** One mix for each GPU model, since who names models can use no other. */
export type Mixes = ReadonlyMap<string, RequestMix>;

export function emptyMixes({ nodes }: Trace): Mixes {
  return new Map(nodes.map(({ model }) => [model, new RequestMix()]));
}

export function observe(mixes: Mixes, { kind, models }: Row, count: number): void {
  for (const [model, mix] of mixes) {
    const here = models === null || models.has(model) || kind.gpus === 0;
    mix.observe(here ? kind : ELSEWHERE, count);
  }
}

/** The mixes as the experiment knows them from the start. Memory does not enter. */
export function usualMixes(trace: Trace): Mixes {
  const mixes = emptyMixes(trace);
  for (const { row, count } of usualGroups(trace.rows).values()) {
    observe(mixes, { ...row, kind: { ...row.kind, memoryMib: 0 } }, count);
  }
  return mixes;
}

function freeOf(node: TraceNode): FreeCapacity {
  const wholeGpus = node.freeParts.filter((parts) => parts === GPU_PARTS).length;
  const partialParts = node.freeParts.filter((parts) => parts > 0 && parts < GPU_PARTS);
  return { wholeGpus, partialParts, cpuMilli: node.cpuMilli, memoryMib: node.memoryMib };
}

interface Answer {
  readonly score: number;
  readonly gpus: readonly number[];
}

/** The GPUs of a node that score best for a request, of equals the first; null = none fit. */
function bestGpus(mixes: Mixes, node: TraceNode, kind: RequestKind): Answer | null {
  const mix = mixes.get(node.model) ?? new RequestMix();
  const free = freeOf(node);
  let best: Answer | null = null;
  for (const gpus of choices(node, kind)) {
    const chosen = gpus.map((gpu) => node.freeParts[gpu] ?? 0);
    const score = fragmentationScore(gradient(mix, free, kind, chosen));
    if (best === null || score > best.score) best = { score, gpus };
  }
  return best;
}

function choices({ freeParts }: TraceNode, kind: RequestKind): (readonly number[])[] {
  const fitting = freeParts.flatMap((parts, gpu) => (parts >= kind.parts && kind.gpus > 0 ? [gpu] : []));
  if (fitting.length < kind.gpus) return [];
  if (kind.gpus === 1 && kind.parts < GPU_PARTS) return fitting.map((gpu) => [gpu]);
  return [fitting.slice(0, kind.gpus)];
}

export interface Outcome {
  readonly placed: number;
  readonly usedMilli: number;
  readonly unusableMilli: number;
}

/**
 * Places every arrival on the node with the best score, the first in rank among equals, or nowhere. A node's score for a
 * group of requests is kept until something is placed there.
 * @param arrived told of each arrival before it is placed
 */
export function replay(trace: Trace, mixes: Mixes, arrived: (row: Row) => void = () => {}): Outcome {
  const { rows, nodes, arrivals } = trace;
  const known = new Map<string, { version: number; answer: Answer | null }[]>();
  let placed = 0;
  let usedParts = 0;
  for (const arrival of arrivals) {
    const row = rows[arrival] as Row;
    const { kind } = row;
    arrived(row);
    const answers = known.get(row.group) ?? nodes.map(() => ({ version: -1, answer: null }));
    known.set(row.group, answers);
    let best: { readonly node: TraceNode; readonly answer: Answer } | null = null;
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at] as TraceNode;
      if (node.cpuMilli < kind.cpuMilli || node.memoryMib < kind.memoryMib) continue;
      if (kind.gpus > 0 && row.models !== null && !row.models.has(node.model)) continue;
      const cached = answers[at] as { version: number; answer: Answer | null };
      if (cached.version !== node.version) {
        cached.version = node.version;
        cached.answer = bestGpus(mixes, node, kind);
      }
      const answer = cached.answer;
      if (answer !== null && (best === null || answer.score > best.answer.score)) best = { node, answer };
    }
    if (best === null) continue;
    const { node, answer } = best;
    for (const gpu of answer.gpus) node.freeParts[gpu] = (node.freeParts[gpu] ?? 0) - kind.parts;
    node.cpuMilli -= kind.cpuMilli;
    node.memoryMib -= kind.memoryMib;
    node.version++;
    usedParts += kind.gpus * kind.parts;
    placed++;
  }
  const usual = usualMixes(trace);
  const unusable = nodes.reduce(
    (sum, node) => sum + unusableParts(usual.get(node.model) ?? new RequestMix(), freeOf(node)),
    0,
  );
  return { placed, usedMilli: usedParts / PARTS_PER_MILLI, unusableMilli: unusable / PARTS_PER_MILLI };
}

/** What two other implementations of the experiment found for a run and a policy. */
export function published(folder: string, workload: string, label: string, policy: string): Outcome {
  const row = table(readFileSync(`${folder}/golden/expected.csv`, 'utf8')).find(
    (cells) => cells['workload'] === workload && cells['seed_label'] === label && cells['policy'] === policy,
  );
  const number = (name: string) => Number(row?.[name] ?? NaN);
  return { placed: number('placed'), usedMilli: number('used_gpu_milli'), unusableMilli: number('frag_gpu_milli') };
}
