// The command `test`: judges an ONNX model by the hold-out part of a data set and says in a report where it is wrong.
import path from 'node:path';
import { makeFolder } from '../../common/make-folder.js';
import { BadInput } from './bad-input.js';
import { classify } from './classifier.js';
import { requireSamples } from './dataset.js';
import type { Samples } from './dataset.js';
import { writeFileDurably } from '../../common/durable-files.js';
import { evaluate, formatConfusion } from './evaluation.js';
import type { Evaluation } from './evaluation.js';
import { decimal, integer, oneOf, optionalText, parseFlags, requiredText } from './flags.js';
import type { FlagValues } from './flags.js';
import type { ProviderChoice } from './inference-messages.js';
import { openInferenceSession, readModelFile } from './inference-session.js';
import type { ModelFile } from './inference-session.js';
import { describeStop } from './task-environment.js';
import type { StopListener, TaskEnvironment } from './task-environment.js';

/** Flags of the command `test`. */
export const TEST_FLAGS = {
  model: requiredText('FILE', 'the .onnx file to judge'),
  dataset: requiredText('DIR', 'folder with the data set; its hold-out part is used'),
  minAccuracy: decimal({ min: 0, max: 1 }, 0, 'accuracy that passes'),
  report: optionalText('FILE', 'where to write the report, as JSON'),
  maxMisclassified: integer({ min: 0, max: 1_000_000 }, 1000, 'misclassified samples that the report lists at most'),
  device: oneOf(['auto', 'cpu', 'gpu'], 'auto', 'what to compute on'),
};

/** Reached the accuracy asked for. */
const EXIT_PASSED = 0;
const EXIT_BELOW_THRESHOLD = 1;
/** Stopped before there was a verdict (EX_TEMPFAIL): neither passed nor failed, to be run again. */
const EXIT_NO_VERDICT = 75;
/** Misclassified samples that the summary shows. */
const SHOWN_MISCLASSIFIED = 10;
/** From this many classes on, a confusion matrix is too wide to read; the report has it. */
const MAX_SHOWN_CLASSES = 30;

interface Verdict {
  readonly evaluation: Evaluation;
  readonly passed: boolean;
  readonly provider: ProviderChoice;
  readonly durationMs: number;
}

/** Runs the command. @returns the exit code. @throws BadInput */
export async function runTest(argv: readonly string[], env: TaskEnvironment, stop: StopListener): Promise<number> {
  const flags = parseFlags('test', TEST_FLAGS, argv);
  const model = await readModelFile(flags.model);
  const samples = await requireSamples(flags.dataset, 'test');
  const verdict = await Promise.race([judge(flags, model, samples, env), stop.requested]);
  if (verdict === undefined) {
    console.log(`stopped without a verdict: ${await describeStop(stop, env.stopFile)}`);
    return EXIT_NO_VERDICT;
  }
  if (flags.report !== undefined) await writeReport(flags.report, reportOf(flags, model, samples, verdict));
  console.log(summaryOf(flags, verdict));
  return verdict.passed ? EXIT_PASSED : EXIT_BELOW_THRESHOLD;
}

async function judge(
  flags: FlagValues<typeof TEST_FLAGS>,
  model: ModelFile,
  samples: Samples,
  env: TaskEnvironment,
): Promise<Verdict> {
  const session = await openInferenceSession(model, { gpus: env.gpus, device: flags.device, maxQueued: 1 });
  console.log(`provider ${session.provider.name}: ${session.provider.why}`);
  const startedMs = performance.now();
  const indices = Array.from({ length: samples.count }, (_, index) => index);
  const evaluation = await evaluate(samples, classify(session, samples, indices));
  const durationMs = performance.now() - startedMs;
  await session.close();
  return { evaluation, passed: evaluation.accuracy >= flags.minAccuracy, provider: session.provider, durationMs };
}

function reportOf(
  flags: FlagValues<typeof TEST_FLAGS>,
  model: ModelFile,
  samples: Samples,
  { evaluation, passed, provider, durationMs }: Verdict,
): object {
  const { misclassified, confusion, classes, correct, accuracy } = evaluation;
  return {
    passed,
    accuracy,
    minAccuracy: flags.minAccuracy,
    samples: evaluation.samples,
    correct,
    durationMs: Math.round(durationMs * 1000) / 1000,
    model: { file: path.resolve(model.file), sha256: model.sha256 },
    dataset: { folder: path.resolve(flags.dataset), part: 'test', sha256: samples.sha256 },
    provider: provider.name,
    providerReason: provider.why,
    environment: { node: process.version, platform: `${process.platform}-${process.arch}` },
    labels: readLabels(model) ?? classes.map((each) => String(each.class)),
    classes,
    confusion,
    misclassifiedCount: misclassified.length,
    misclassified: misclassified.slice(0, flags.maxMisclassified),
  };
}

function readLabels({ file, properties }: ModelFile): unknown {
  const text = properties.get('sluice.labels');
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    throw new BadInput(`${file} has labels that are no JSON: ${text}`);
  }
}

async function writeReport(file: string, report: object): Promise<void> {
  await makeFolder(path.dirname(path.resolve(file)));
  await writeFileDurably(file, `${JSON.stringify(report, undefined, 2)}\n`);
}

function summaryOf(flags: FlagValues<typeof TEST_FLAGS>, { evaluation, passed, durationMs }: Verdict): string {
  const { samples, correct, accuracy, classes, misclassified } = evaluation;
  const surest = [...misclassified].sort((a, b) => b.probability - a.probability).slice(0, SHOWN_MISCLASSIFIED);
  const lines = [
    `${samples} samples in ${durationMs.toFixed(0)} ms, ${correct} right, ${misclassified.length} wrong`,
    '',
    ...(classes.length <= MAX_SHOWN_CLASSES ? [formatConfusion(evaluation), ''] : []),
    ...classes.map(
      (each) =>
        `class ${each.class}: precision ${formatShare(each.precision)} recall ${formatShare(each.recall)} (${each.samples} samples)`,
    ),
    ...(surest.length > 0 ? ['', 'wrong, and most sure of it:'] : []),
    ...surest.map(
      ({ index, expected, predicted, probability }) =>
        `  sample ${index} is ${expected}, said ${predicted} with probability ${probability.toFixed(3)}`,
    ),
    '',
    `accuracy ${accuracy.toFixed(4)}, asked for ${flags.minAccuracy}: ${passed ? 'PASSED' : 'FAILED'}`,
  ];
  return lines.join('\n');
}

function formatShare(share: number | null): string {
  return share === null ? '  -  ' : share.toFixed(3);
}
