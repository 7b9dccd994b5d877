// The story that the demo tells: two teams, one pool of GPUs. Every step checks what it shows.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadInference } from '../../common/proto.js';
import { formatDuration, fromDuration, fromTimestamp, plural } from '../../common/units.js';
import { requireSamples, type Samples } from '../../node-agent/workers/dataset.js';
import type { ModelInferResponse__Output } from '../../proto/gen/inference/ModelInferResponse.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { DemoCluster } from './cluster.js';
import { bold, dim, green, latencies, queueBars, say, table } from './print.js';

/** One step: what it does, and which logs belong to it when it fails. */
export interface Step {
  readonly title: string;
  readonly run: () => Promise<void>;
  readonly logs: () => Promise<readonly { readonly name: string; readonly tail: string }[]>;
}

const TRAIN = { steps: 500, checkpointEvery: 50, stepMs: 25, reclaimAfterStep: 100 };
const MIN_ACCURACY = 0.88;
const REST_REQUESTS = 200;
const GRPC_REQUESTS = 50;

/** What earlier steps leave for later ones. */
interface Notes {
  gpus: number;
  research: number;
  product: number;
  stopped: Workload__Output | null;
  resumedFrom: number;
  endpoints: ReadonlyMap<string, string>;
}

/** The steps, in order. */
export function createStory(cluster: DemoCluster): readonly Step[] {
  const notes: Notes = { gpus: 0, research: 0, product: 0, stopped: null, resumedFrom: 0, endpoints: new Map() };
  const at = (...parts: string[]): string => path.join(cluster.folder, ...parts);
  const step = (title: string, run: () => Promise<void>, workloads: readonly string[] = []): Step => ({
    title,
    run,
    logs: () => logsOf(cluster, workloads),
  });
  return [
    step(`Start a scheduler and ${cluster.isReal ? 'a node agent' : 'two node agents'}`, () => start(cluster, notes)),
    step('Two teams share the GPUs: research and product', () => createQueues(cluster, notes)),
    step(
      'research works within its guarantee, and trains on what product leaves idle',
      () => train(cluster, notes, at),
      ['pretrain', 'digits'],
    ),
    step('product wants its GPUs back', () => reclaim(cluster, notes), ['digits', 'release-tests']),
    step('The training goes on from its checkpoint', () => resume(cluster, notes), ['digits']),
    step('The model is tested, passes, and is deployed', () => testAndDeploy(cluster, notes, at), [
      'digits-test',
      'digits-service',
    ]),
    step('Real requests, checked answers', () => request(notes, at), ['digits-service']),
    step('What happened', () => report(cluster, notes)),
  ];
}

async function start(cluster: DemoCluster, notes: Notes): Promise<void> {
  await cluster.startScheduler();
  const nodes = await cluster.startAgents();
  say(`scheduler  ${cluster.grpc}, embedded store in ${cluster.folder}/server`);
  for (const node of nodes) {
    const gpus = node.inventory?.gpus ?? [];
    const simulated = gpus.some((gpu) => gpu.simulated) ? `  ${bold('SIMULATED')}` : '';
    const problem = node.inventory?.gpuProblem ?? '';
    say(`${node.name.padEnd(9)}  ${gpus.length} x ${gpus[0]?.model ?? 'no GPU'}${simulated}${problem}`);
    notes.gpus += gpus.length;
  }
  if (notes.gpus < 2) {
    throw new Error(
      `the story needs at least 2 GPUs, there ${notes.gpus === 1 ? 'is 1' : 'are none'}; run it without --real`,
    );
  }
  if (!cluster.isReal) say(dim('The GPUs are simulated; the programs are real and run on the CPU of this machine.'));
}

async function createQueues(cluster: DemoCluster, notes: Notes): Promise<void> {
  notes.product = Math.max(1, Math.floor((notes.gpus * 3) / 8));
  notes.research = notes.gpus - notes.product;
  const research = { name: 'research', guaranteeGpus: notes.research, limitGpus: notes.gpus, weight: 2 };
  const product = { name: 'product', guaranteeGpus: notes.product, limitGpus: notes.gpus, weight: 1 };
  for (const queue of [research, product]) await cluster.client.createQueue({ queue });
  await showQueues(cluster, notes);
}

async function train(cluster: DemoCluster, notes: Notes, at: (...parts: string[]) => string): Promise<void> {
  await cluster.runWorker(['dataset', `--out=${at('digits')}`]);
  const samples = await requireSamples(at('digits'), 'train');
  const holdOut = await requireSamples(at('digits'), 'test');
  say(`data set: ${samples.count} handwritten digits to learn from, ${holdOut.count} held out`);
  await submit(cluster, [
    {
      name: 'pretrain',
      kind: 'WORKLOAD_KIND_TRAIN',
      queue: 'research',
      priority: 60,
      tasks: notes.research,
      resources: { gpus: 1 },
      checkpoint: { grace: { seconds: 5 } },
      command: {
        argv: ['/bin/sh', '-c', 'while :; do echo "rank $SLUICE_TASK of $SLUICE_TASKS works"; sleep 1; done'],
      },
    },
  ]);
  await cluster.untilWorkload('pretrain', 'runs', ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
  await submit(cluster, [
    {
      name: 'digits',
      kind: 'WORKLOAD_KIND_TRAIN',
      queue: 'research',
      priority: 40,
      resources: { gpus: notes.product },
      checkpoint: { grace: { seconds: 20 } },
      builtin: {
        name: 'train',
        args: [
          `--dataset=${at('digits')}`,
          `--out=${at('model')}`,
          `--max-steps=${TRAIN.steps}`,
          `--checkpoint-every=${TRAIN.checkpointEvery}`,
          `--min-step-ms=${TRAIN.stepMs}`,
        ],
      },
    },
  ]);
  const running = await cluster.untilWorkload(
    'digits',
    `a checkpoint at step ${TRAIN.reclaimAfterStep}`,
    ({ checkpoint }) => (checkpoint?.step ?? 0) >= TRAIN.reclaimAfterStep,
  );
  const [backend] = (await cluster.logOf('digits')).split('\n').filter((line) => line.startsWith('backend '));
  say(`training: ${backend ?? 'backend unknown'}`);
  say(`checkpoint: step ${running.checkpoint?.step} of ${TRAIN.steps}`);
  await showWorkloads(cluster, ['pretrain', 'digits']);
  await showQueues(cluster, notes);
  const borrowed = (await cluster.client.getQueue('research')).use?.borrowedGpus;
  check(borrowed === notes.product, `research borrows ${borrowed} GPUs, expected ${notes.product}`);
}

async function reclaim(cluster: DemoCluster, notes: Notes): Promise<void> {
  await submit(cluster, [
    {
      name: 'release-tests',
      kind: 'WORKLOAD_KIND_BATCH',
      queue: 'product',
      tasks: notes.product,
      resources: { gpus: 1 },
      command: {
        argv: ['/bin/sh', '-c', 'echo "rank $SLUICE_TASK of $SLUICE_TASKS on $CUDA_VISIBLE_DEVICES"; sleep 4'],
      },
    },
  ]);
  const submittedMs = performance.now();
  const why = await cluster.client.explainWorkload('release-tests');
  if (why.reason !== '') {
    say(`why is release-tests pending?  ${bold(why.reason)}`);
    for (const { title, text } of why.lines) say(`  ${title.padEnd(9)} ${text}`);
  }
  const running = await cluster.untilWorkload(
    'release-tests',
    'runs',
    ({ state }) => state === 'WORKLOAD_STATE_RUNNING' || state === 'WORKLOAD_STATE_SUCCEEDED',
  );
  say(`release-tests runs after ${formatDuration(performance.now() - submittedMs)}: ${placesOf(running)}`);
  notes.stopped = await cluster.untilWorkload('digits', 'is requeued', ({ requeues }) => requeues === 1);
  const stopping = notes.stopped.events.find(({ type }) => type === 'stopping');
  const requeued = notes.stopped.events.find(({ type }) => type === 'requeued');
  say(`digits was told to stop: ${stopping?.message ?? ''}`);
  say(
    `it wrote checkpoint step ${notes.stopped.checkpoint?.step} and went back to pending: ${requeued?.message ?? ''}`,
  );
  notes.resumedFrom = notes.stopped.checkpoint?.step ?? 0;
  check(notes.resumedFrom >= TRAIN.reclaimAfterStep, `the checkpoint is at step ${notes.resumedFrom}`);
  await showQueues(cluster, notes);
}

async function resume(cluster: DemoCluster, notes: Notes): Promise<void> {
  await cluster.untilWorkload('release-tests', 'is done', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
  say('release-tests is done; its GPUs are idle again and go back to the training');
  const done = await cluster.untilWorkload('digits', 'is done', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
  const log = (await cluster.logOf('digits')).split('\n');
  const resumed = log.find((line) => line.startsWith('resumed at step '));
  const end = log.find((line) => line.startsWith('done after '));
  check(resumed !== undefined, 'the second attempt did not resume from a checkpoint');
  const from = Number(/^resumed at step (\d+)/.exec(resumed)?.[1]);
  check(from === notes.resumedFrom, `it resumed at step ${from}, but its checkpoint was of step ${notes.resumedFrom}`);
  check(end?.startsWith(`done after ${TRAIN.steps} steps`) === true, `it ended with: ${end}`);
  say(
    `attempt 1 did steps 1 to ${from}, attempt ${done.attempt} did steps ${from + 1} to ${TRAIN.steps}: ${green('no step twice')}`,
  );
  for (const line of log.filter((text) => text.startsWith('export ') || text.startsWith('hold-out '))) say(line);
}

async function testAndDeploy(cluster: DemoCluster, notes: Notes, at: (...parts: string[]) => string): Promise<void> {
  const model = at('model', 'model.onnx');
  await submit(cluster, [
    {
      name: 'digits-test',
      kind: 'WORKLOAD_KIND_TEST',
      queue: 'product',
      resources: { gpus: 1 },
      builtin: {
        name: 'test',
        args: [
          `--model=${model}`,
          `--dataset=${at('digits')}`,
          `--min-accuracy=${MIN_ACCURACY}`,
          `--report=${at('report.json')}`,
        ],
      },
    },
  ]);
  await cluster.untilWorkload('digits-test', 'passed', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
  say(await cluster.logOf('digits-test'));
  const { passed, accuracy } = JSON.parse(readFileSync(at('report.json'), 'utf8')) as {
    passed: boolean;
    accuracy: number;
  };
  check(passed && accuracy >= MIN_ACCURACY, `the report says ${accuracy}, passed: ${passed}`);
  await submit(cluster, [
    {
      name: 'digits-service',
      kind: 'WORKLOAD_KIND_SERVICE',
      queue: 'product',
      resources: { gpus: 1 },
      checkpoint: { grace: { seconds: 5 } },
      builtin: { name: 'serve', args: [`--model=${model}`, '--name=digits', '--version=1'] },
    },
  ]);
  const serving = await cluster.untilWorkload('digits-service', 'answers', ({ allocations }) =>
    allocations.some(({ endpoints }) => endpoints.length >= 2),
  );
  notes.endpoints = new Map(
    serving.allocations.flatMap(({ endpoints }) => endpoints.map(({ name, url }) => [name, url])),
  );
  say(`passed, so it is deployed: ${[...notes.endpoints].map(([name, url]) => `${name} ${url}`).join(', ')}`);
}

async function request(notes: Notes, at: (...parts: string[]) => string): Promise<void> {
  const samples = await requireSamples(at('digits'), 'test');
  const rest = notes.endpoints.get('rest') ?? '';
  const spansMs: number[] = [];
  const predicted: number[] = [];
  for (let index = 0; index < REST_REQUESTS; index += 1) {
    const beganMs = performance.now();
    predicted.push(await inferByRest(rest, samples, index));
    spansMs.push(performance.now() - beganMs);
  }
  const right = predicted.filter((digit, index) => digit === samples.labels[index]).length;
  say(`REST   ${REST_REQUESTS} requests: ${right} of ${REST_REQUESTS} digits right; ${latencies(spansMs)}`);
  check(right / REST_REQUESTS >= MIN_ACCURACY - 0.05, `only ${right} of ${REST_REQUESTS} answers are right`);

  const { GRPCInferenceService } = loadInference();
  const address = notes.endpoints.get('grpc') ?? '';
  const client = new GRPCInferenceService(address, grpc.credentials.createInsecure());
  const grpcSpansMs: number[] = [];
  let agreeing = 0;
  for (let index = 0; index < GRPC_REQUESTS; index += 1) {
    const beganMs = performance.now();
    const digit = await inferByGrpc(client, samples, index);
    grpcSpansMs.push(performance.now() - beganMs);
    if (digit === predicted[index]) agreeing += 1;
  }
  client.close();
  say(`gRPC   ${GRPC_REQUESTS} requests: ${agreeing} of ${GRPC_REQUESTS} agree with REST; ${latencies(grpcSpansMs)}`);
  check(agreeing === GRPC_REQUESTS, 'gRPC and REST differ');
}

async function report(cluster: DemoCluster, notes: Notes): Promise<void> {
  await showQueues(cluster, notes);
  say();
  await showWorkloads(cluster, ['pretrain', 'digits', 'release-tests', 'digits-test', 'digits-service']);
  say();
  const digits = await cluster.client.getWorkload('digits');
  say(bold('The life of digits'));
  const beganMs = fromTimestamp(digits.submitTime) ?? 0;
  for (const { time, type, message } of digits.events) {
    const sinceMs = (fromTimestamp(time) ?? beganMs) - beganMs;
    if (type !== 'checkpoint') say(`  +${formatDuration(sinceMs).padEnd(6)} ${type.padEnd(9)} ${message}`);
  }
  const lost = formatDuration(fromDuration(digits.lostGpuTime) ?? 0);
  say(`The reclaim cost ${lost} of ${formatDuration(fromDuration(digits.gpuTime) ?? 0)} GPU time.`);
  const response = await fetch(cluster.metricsUrl);
  const reclaims = (await response.text()).split('\n').find((line) => line.startsWith('sluice_preemptions_total{'));
  check(reclaims !== undefined, '/metrics does not show the reclaim');
  say();
  say(`Metrics for Prometheus: ${cluster.metricsUrl}`);
  say(dim(reclaims));
}

async function submit(cluster: DemoCluster, specs: WorkloadSpec[]): Promise<void> {
  const { workloads } = await cluster.client.submitWorkloads({ requestId: randomUUID(), specs });
  for (const [index, { number, name }] of workloads.entries()) {
    const spec = specs[index];
    const tasks = spec?.tasks ?? 1;
    const gpus = plural((spec?.resources?.gpus ?? 0) * tasks, 'GPU');
    say(`submitted ${number} ${name} to ${spec?.queue}: ${tasks > 1 ? `a gang of ${tasks} tasks, ` : ''}${gpus}`);
  }
}

async function showQueues(cluster: DemoCluster, notes: Notes): Promise<void> {
  say(queueBars(await cluster.client.allQueues(), notes.gpus));
}

async function showWorkloads(cluster: DemoCluster, names: readonly string[]): Promise<void> {
  const workloads = await Promise.all(names.map((name) => cluster.client.getWorkload(name)));
  const rows = workloads.map((workload) => [
    String(workload.number),
    workload.spec?.name ?? '',
    workload.spec?.queue ?? '',
    workload.state.replace('WORKLOAD_STATE_', '').toLowerCase(),
    placesOf(workload),
  ]);
  say(table(['WORKLOAD', 'NAME', 'QUEUE', 'STATE', 'TASKS ON'], rows));
}

/** `node-1 GPUs 0,1,2; node-2 GPU 0`. */
function placesOf({ allocations }: Workload__Output): string {
  const nodes = [...new Set(allocations.map(({ node }) => node))];
  return nodes
    .map((name) => {
      const indices = allocations
        .filter(({ node }) => node === name)
        .flatMap(({ gpus }) => gpus.map(({ index }) => index))
        .toSorted((a, b) => a - b);
      return `${name} GPU${indices.length === 1 ? '' : 's'} ${indices.join(',')}`;
    })
    .join('; ');
}

async function inferByRest(url: string, samples: Samples, index: number): Promise<number> {
  const features = new Float32Array(samples.featureCount);
  samples.gather([index], features);
  const body = { inputs: [{ name: 'input', datatype: 'FP32', shape: [1, samples.featureCount], data: [...features] }] };
  const response = await fetch(`${url}/v2/models/digits/infer`, { method: 'POST', body: JSON.stringify(body) });
  const answer = (await response.json()) as { outputs?: { data: number[] }[]; error?: string };
  check(response.ok, `the service answered ${response.status}: ${answer.error}`);
  return indexOfLargest(answer.outputs?.[0]?.data ?? []);
}

function inferByGrpc(
  client: InstanceType<ReturnType<typeof loadInference>['GRPCInferenceService']>,
  samples: Samples,
  index: number,
): Promise<number> {
  const features = new Float32Array(samples.featureCount);
  samples.gather([index], features);
  const request = {
    modelName: 'digits',
    inputs: [{ name: 'input', datatype: 'FP32', shape: [1, samples.featureCount] }],
    rawInputContents: [Buffer.from(features.buffer)],
  };
  return new Promise((resolve, reject) => {
    client.ModelInfer(request, (error, response?: ModelInferResponse__Output) => {
      const raw = response?.rawOutputContents[0];
      if (error !== null || raw === undefined) reject(error ?? new Error('no answer'));
      else resolve(indexOfLargest(Array.from({ length: raw.length / 4 }, (_, at) => raw.readFloatLE(at * 4))));
    });
  });
}

function indexOfLargest(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? -Infinity) ? index : best), 0);
}

function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

/** The logs that help to understand a failed step: its workloads' and every process's. */
async function logsOf(
  cluster: DemoCluster,
  workloads: readonly string[],
): Promise<readonly { readonly name: string; readonly tail: string }[]> {
  const found: { name: string; tail: string }[] = [];
  for (const name of workloads) {
    try {
      found.push({ name: `log of workload ${name}`, tail: await cluster.logOf(name) });
    } catch (error) {
      found.push({ name: `log of workload ${name}`, tail: error instanceof Error ? error.message : String(error) });
    }
  }
  return [...found, ...cluster.logs];
}
