// The command `train`: trains a multilayer perceptron on one task and writes it as an ONNX model. Stopped at any moment
// and started again, it ends with the same bits as a run that was left alone.
import path from 'node:path';
import { makeFolder } from '../../common/make-folder.js';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { BadInput } from './bad-input.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import type { DataPosition, TrainingSettings } from './checkpoint.js';
import { bestClass, classify } from './classifier.js';
import { requireSamples, readSamples } from './dataset.js';
import type { Samples } from './dataset.js';
import { writeFileDurably } from '../../common/durable-files.js';
import { decimal, integer, integerList, oneOf, optionalText, parseFlags, requiredText } from './flags.js';
import type { FlagValues } from './flags.js';
import { modelInMemory, openInferenceSession } from './inference-session.js';
import type { ModelFile } from './inference-session.js';
import { createNetwork } from './network.js';
import type { Network, NetworkState } from './network.js';
import { exportOnnx, INPUT_NAME, OUTPUT_NAME } from './onnx-export.js';
import { measureScaling, scaleRows } from './scaling.js';
import type { Scaling } from './scaling.js';
import { permutation, seededRandom } from './seeded-random.js';
import { describeStop, EXIT_INTERRUPTED } from './task-environment.js';
import type { StopListener, TaskEnvironment } from './task-environment.js';
import { startTrainingBackend } from './training-backend.js';
import type { TrainingBackend } from './training-backend.js';

/** Flags of the command `train`. */
export const TRAIN_FLAGS = {
  dataset: requiredText('DIR', 'folder with the data set'),
  out: requiredText('DIR', 'folder for model.onnx and metadata.json; made if it is not there'),
  hidden: integerList({ min: 1, max: 65_536 }, 16, [64], 'units of each hidden layer'),
  epochs: integer({ min: 1, max: 1_000_000 }, 5, 'times to go through the data'),
  maxSteps: integer({ min: 1, max: 1_000_000_000 }, undefined, 'end after this many steps, whatever the epochs'),
  batch: integer({ min: 1, max: 65_536 }, 64, 'samples a step'),
  learningRate: decimal({ min: 1e-9, max: 10 }, 0.001, 'step size of Adam'),
  seed: integer({ min: 0, max: 2 ** 31 - 1 }, 1, 'decides initial weights and data order'),
  checkpointEvery: integer({ min: 1, max: 1_000_000_000 }, 100, 'steps between checkpoints'),
  checkpointDir: optionalText('DIR', 'folder for checkpoints; SLUICE_CHECKPOINT_DIR if not given'),
  resume: optionalText('DIR', 'complete checkpoint to go on from; SLUICE_RESUME_FROM if not given'),
  logEvery: integer({ min: 1, max: 1_000_000_000 }, 25, 'steps between lines of the log'),
  minStepMs: integer({ min: 0, max: 60_000 }, 0, 'pace: a step takes at least this long'),
  device: oneOf(['auto', 'cpu', 'gpu'], 'auto', 'what to train on'),
};

type TrainFlags = FlagValues<typeof TRAIN_FLAGS>;

/** Hold-out samples on which the exported model must agree with the trained one before training counts as done. */
const VERIFIED_SAMPLES = 256;
/** The most that any probability may differ between the two. */
export const MAX_EXPORT_DIFFERENCE = 1e-5;
/** Samples that go through the network at once outside training. */
const EVALUATION_BATCH = 512;

/** What stays the same throughout a run. */
interface Run {
  readonly flags: TrainFlags;
  readonly samples: Samples;
  readonly scaling: Scaling | undefined;
  readonly settings: TrainingSettings;
  readonly network: Network;
  readonly checkpointDir: string | undefined;
  readonly stop: StopListener;
  readonly batchesPerEpoch: number;
  readonly totalSteps: number;
}

/** Runs the command. @returns the exit code. @throws BadInput */
export async function runTrain(argv: readonly string[], env: TaskEnvironment, stop: StopListener): Promise<number> {
  const flags = parseFlags('train', TRAIN_FLAGS, argv);
  if (env.tasks > 1) {
    throw new BadInput(`train runs as one task, this workload has ${env.tasks}: submit it with one task`);
  }
  const samples = await requireSamples(flags.dataset, 'train');
  const holdOut = await readSamples(flags.dataset, 'test');
  if (holdOut !== undefined) checkHoldOut(samples, holdOut);
  const backend = await startTrainingBackend(env.gpus, flags.device);
  console.log(`backend ${backend.name}: ${backend.why}`);

  const run = prepareRun(flags, samples, env, stop);
  const from = await resume(run, flags.resume ?? env.resumeFrom);
  const checkpoints = createCheckpointer(run);
  console.log(describeRun(run, holdOut));

  await train(run, from, checkpoints);
  const finished = run.network.step() === run.totalSteps;
  if (!finished)
    console.log(`stop requested after step ${run.network.step()}: ${await describeStop(stop, env.stopFile)}`);
  await checkpoints.save();
  if (!finished) return stop.cause() === 'SIGINT' ? EXIT_INTERRUPTED : 0;

  await finish(run, backend, holdOut);
  return 0;
}

function prepareRun(flags: TrainFlags, samples: Samples, env: TaskEnvironment, stop: StopListener): Run {
  const { hidden, batch, learningRate, seed } = flags;
  const shape = { inputs: samples.featureCount, hidden, classes: samples.classes };
  const batchesPerEpoch = Math.ceil(samples.count / batch);
  return {
    flags,
    samples,
    scaling: measureScaling(samples),
    settings: {
      hidden,
      batch,
      learningRate,
      seed,
      features: samples.featureCount,
      classes: samples.classes,
      datasetSha256: samples.sha256,
    },
    network: createNetwork({ ...shape, learningRate, seed }),
    checkpointDir: flags.checkpointDir ?? env.checkpointDir,
    stop,
    batchesPerEpoch,
    totalSteps: Math.min(flags.epochs * batchesPerEpoch, flags.maxSteps ?? Number.POSITIVE_INFINITY),
  };
}

function checkHoldOut(samples: Samples, holdOut: Samples): void {
  if (holdOut.featureCount !== samples.featureCount) {
    throw new BadInput(
      `hold-out samples have ${holdOut.featureCount} features, training samples ${samples.featureCount}: not one data set`,
    );
  }
  if (holdOut.classes > samples.classes) {
    throw new BadInput(`the hold-out part has the label ${holdOut.classes - 1}, which the training part has not`);
  }
}

function describeRun({ flags, samples, settings, totalSteps }: Run, holdOut: Samples | undefined): string {
  const widths = [settings.features, ...settings.hidden, settings.classes].join('-');
  return (
    `network ${widths}, ${samples.count} training samples, ${holdOut?.count ?? 0} held out, ` +
    `${totalSteps} steps of ${flags.batch}, learning rate ${flags.learningRate}, seed ${flags.seed}`
  );
}

/** @returns where the data order stands. */
async function resume(run: Run, folder: string | undefined): Promise<DataPosition> {
  if (folder === undefined) return { epoch: 0, batch: 0 };
  const saved = await readCheckpoint(folder);
  const differences = Object.entries(run.settings).flatMap(([name, value]) => {
    const before = Object.entries(saved.settings).find(([savedName]) => savedName === name)?.[1];
    return String(before) === String(value) ? [] : [`${name} was ${String(before)}, is ${String(value)}`];
  });
  if (differences.length > 0) {
    throw new BadInput(`${folder} is a checkpoint of another training run\n${differences.join('; ')}`);
  }
  restoreNetwork(run.network, saved.network, folder);
  console.log(`resumed at step ${saved.network.step} from ${folder}`);
  return saved.position;
}

function restoreNetwork(network: Network, state: NetworkState, folder: string): void {
  try {
    network.restore(state);
  } catch (error) {
    throw new BadInput(`${folder} does not fit: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Steps until the end or a request to stop. */
async function train(run: Run, from: DataPosition, checkpoints: Checkpointer): Promise<void> {
  const { flags, network, samples, settings, stop } = run;
  const log = createStepLog(run);
  for (let { epoch, batch } = from; network.step() < run.totalSteps; epoch++, batch = 0) {
    const order = permutation(samples.count, seededRandom(settings.seed, epoch));
    for (; batch < run.batchesPerEpoch && network.step() < run.totalSteps; batch++) {
      // The signal's handler runs in the turn of the loop that each step grants.
      await nextTurn();
      if (stop.signal.aborted) return;
      const startedMs = performance.now();
      log(epoch, trainBatch(run, order.subarray(batch * flags.batch, (batch + 1) * flags.batch)));
      if (network.step() % flags.checkpointEvery === 0) await checkpoints.save();
      await pace(run, startedMs);
    }
  }
}

function trainBatch({ samples, scaling, network }: Run, indices: Uint32Array): BatchResult {
  const features = new Float32Array(indices.length * samples.featureCount);
  samples.gather(indices, features);
  scaleRows(features, scaling);
  const labels = Int32Array.from(indices, (index) => samples.labels[index] ?? 0);
  const { loss, correct } = network.trainStep(features, labels);
  if (!Number.isFinite(loss)) {
    throw new Error(`the loss is ${loss} at step ${network.step()}: training diverged; lower --learning-rate`);
  }
  return { loss, correct, samples: indices.length };
}

async function pace({ flags, stop }: Run, startedMs: number): Promise<void> {
  const restMs = startedMs + flags.minStepMs - performance.now();
  if (restMs <= 0 || stop.signal.aborted) return;
  // Waiting ends early when the request to stop comes; the loop sees to the rest.
  await sleep(restMs, undefined, { signal: stop.signal }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
}

interface Checkpointer {
  /** Writes a checkpoint, unless there is one of this step or no folder for it. */
  save(): Promise<void>;
}

function createCheckpointer({ checkpointDir, network, settings, batchesPerEpoch, totalSteps }: Run): Checkpointer {
  let savedStep = network.step();
  return {
    save: async () => {
      const at = network.step();
      if (at === savedStep) return;
      if (checkpointDir === undefined) {
        if (at < totalSteps && savedStep === 0) console.log('no checkpoint folder is given: a stop loses all progress');
        savedStep = at;
        return;
      }
      const position = { epoch: Math.floor(at / batchesPerEpoch), batch: at % batchesPerEpoch };
      const folder = await writeCheckpoint(checkpointDir, { settings, position, network: network.save() });
      savedStep = at;
      console.log(`checkpoint ${folder}`);
    },
  };
}

interface BatchResult {
  readonly loss: number;
  readonly correct: number;
  readonly samples: number;
}

/** Prints a line every so many steps: means and speed since the line before. */
function createStepLog({ flags, totalSteps, network }: Run): (epoch: number, batch: BatchResult) => void {
  let sinceMs = performance.now();
  let batches = 0;
  let loss = 0;
  let correct = 0;
  let samples = 0;
  return (epoch, batch) => {
    batches += 1;
    loss += batch.loss;
    correct += batch.correct;
    samples += batch.samples;
    const at = network.step();
    if (at % flags.logEvery !== 0 && at !== totalSteps) return;
    const seconds = (performance.now() - sinceMs) / 1000;
    console.log(
      `step ${at}/${totalSteps} epoch ${epoch + 1} loss ${(loss / batches).toFixed(4)} ` +
        `accuracy ${(correct / samples).toFixed(3)} ${Math.round(samples / seconds)} samples/s`,
    );
    sinceMs = performance.now();
    batches = loss = correct = samples = 0;
  };
}

/** Exports the model, proves that the export computes the same, and puts it into the folder. */
async function finish(run: Run, backend: TrainingBackend, holdOut: Samples | undefined): Promise<void> {
  const { flags, samples, settings, network, scaling } = run;
  const labels = Array.from({ length: samples.classes }, (_, label) => String(label));
  const properties = {
    'sluice.labels': JSON.stringify(labels),
    'sluice.features': samples.features,
    'sluice.sample_shape': JSON.stringify(samples.sampleShape),
  };
  const content = exportOnnx(network.model, { scaling, properties });
  const model = modelInMemory('the exported model', content);
  const verification = await verifyExport(run, model, holdOut ?? samples);
  await makeFolder(flags.out);
  await writeFileDurably(path.join(flags.out, 'model.onnx'), content);

  const accuracy = holdOut === undefined ? undefined : measureAccuracy(run, holdOut);
  const metadata = {
    modelSha256: model.sha256,
    input: { name: INPUT_NAME, datatype: 'FP32', shape: [-1, samples.featureCount], features: samples.features },
    output: { name: OUTPUT_NAME, datatype: 'FP32', shape: [-1, samples.classes] },
    labels,
    training: { ...settings, steps: network.step(), samples: samples.count, backend: backend.name },
    holdOut: holdOut === undefined ? undefined : { samples: holdOut.count, accuracy },
    exportVerification: verification,
  };
  await writeFileDurably(path.join(flags.out, 'metadata.json'), `${JSON.stringify(metadata, undefined, 2)}\n`);
  if (accuracy !== undefined) console.log(`hold-out accuracy ${accuracy.toFixed(4)} on ${holdOut?.count} samples`);
  console.log(`done after ${network.step()} steps: ${path.join(flags.out, 'model.onnx')} sha256 ${model.sha256}`);
}

interface ExportVerification {
  readonly samples: number;
  /** The most that any probability differed. */
  readonly maxDifference: number;
}

async function verifyExport(run: Run, model: ModelFile, samples: Samples): Promise<ExportVerification> {
  const indices = Array.from({ length: Math.min(VERIFIED_SAMPLES, samples.count) }, (_, index) => index);
  const session = await openInferenceSession(model, {
    gpus: { kind: 'none', why: 'the export is verified on the CPU' },
    device: 'cpu',
    maxQueued: 1,
  });
  let maxDifference = 0;
  for await (const batch of classify(session, samples, indices)) {
    const expected = predict(run, samples, batch.indices);
    batch.scores.forEach((score, index) => {
      maxDifference = Math.max(maxDifference, Math.abs(score - (expected[index] ?? Number.NaN)));
    });
  }
  await session.close();
  if (!(maxDifference < MAX_EXPORT_DIFFERENCE)) {
    throw new Error(
      `the exported model differs by ${maxDifference} on ${indices.length} samples, allowed is ${MAX_EXPORT_DIFFERENCE}: nothing was written`,
    );
  }
  console.log(`export agrees on ${indices.length} samples, largest difference ${maxDifference.toExponential(1)}`);
  return { samples: indices.length, maxDifference };
}

function measureAccuracy(run: Run, samples: Samples): number {
  const { classes } = run.settings;
  let correct = 0;
  for (let from = 0; from < samples.count; from += EVALUATION_BATCH) {
    const length = Math.min(EVALUATION_BATCH, samples.count - from);
    const indices = Array.from({ length }, (_, index) => from + index);
    const probabilities = predict(run, samples, indices);
    correct += indices.filter(
      (sample, row) => bestClass(probabilities, row * classes, classes) === samples.labels[sample],
    ).length;
  }
  return correct / samples.count;
}

function predict({ network, scaling }: Run, samples: Samples, indices: readonly number[]): Float32Array {
  const features = new Float32Array(indices.length * samples.featureCount);
  samples.gather(indices, features);
  scaleRows(features, scaling);
  return network.predict(features);
}
