// Data sets, training and testing as processes: signals, exit codes, files. A stopped and resumed training ends with the
// same bits as one that was left alone.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireSamples } from '../../node-agent/workers/dataset.js';
import { run, start, temporaryFolder } from './program.js';

let shared: string;
let digits: string;
let model: string;

beforeAll(async () => {
  shared = mkdtempSync(path.join(os.tmpdir(), 'sluice-train-'));
  digits = path.join(shared, 'digits');
  const { code, stderr } = await run(['dataset', '--from=mnist', `--out=${digits}`]);
  if (code !== 0) throw new Error(stderr);
});

afterAll(() => rmSync(shared, { recursive: true, force: true }));

function newestCheckpoint(directory: string): { readonly folder: string; readonly step: number } {
  const steps = readdirSync(directory)
    .filter((name) => existsSync(path.join(directory, name, 'COMPLETE')))
    .map((name) => Number(name.replace('step-', '')))
    .sort((a, b) => b - a);
  const step = steps[0] ?? 0;
  return { folder: path.join(directory, `step-${step}`), step };
}

describe('the data set of digits', () => {
  it('holds out samples that no other data set made here trains on, and is always the same', async () => {
    const again = path.join(shared, 'digits-again');
    const small = path.join(shared, 'digits-small');
    await run(['dataset', `--out=${again}`]);
    await run(['dataset', `--out=${small}`, '--train=500', '--test=300']);
    for (const file of readdirSync(digits)) {
      expect(readFileSync(path.join(again, file)).equals(readFileSync(path.join(digits, file)))).toBe(true);
    }
    const train = await requireSamples(digits, 'train');
    const test = await requireSamples(digits, 'test');
    expect([train.count, test.count, train.classes, test.classes]).toEqual([8000, 2000, 10, 10]);
    const images = (folder: string, split: string): readonly string[] => {
      const content = readFileSync(path.join(folder, `${split}-images.idx`)).subarray(16);
      return Array.from({ length: content.length / 784 }, (_, index) =>
        content.subarray(index * 784, (index + 1) * 784).toString('base64'),
      );
    };
    const trained = new Set(images(digits, 'train'));
    expect(images(digits, 'test').filter((image) => trained.has(image))).toEqual([]);
    expect(images(small, 'test').filter((image) => trained.has(image))).toEqual([]);
    expect(images(small, 'train').every((image) => trained.has(image))).toBe(true);
  });
});

describe('training', () => {
  it('reaches 0.90 on samples it never saw, and its export passes the test', async () => {
    model = path.join(shared, 'model');
    const trained = await run(['train', `--dataset=${digits}`, `--out=${model}`, '--epochs=4']);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    expect(trained.stdout).toMatch(/^backend wasm: no GPU was granted$/m);
    expect(trained.stdout).toMatch(/^step 500\/500 epoch 4 loss 0\.\d+ accuracy 0\.9\d+ \d+ samples\/s$/m);
    const metadata = JSON.parse(readFileSync(path.join(model, 'metadata.json'), 'utf8'));
    expect(metadata.holdOut.accuracy).toBeGreaterThan(0.9);
    expect(metadata.exportVerification.samples).toBeGreaterThanOrEqual(200);
    expect(metadata.exportVerification.maxDifference).toBeLessThan(1e-5);
    expect(readdirSync(model).sort()).toEqual(['metadata.json', 'model.onnx']);

    const report = path.join(shared, 'report.json');
    const home = temporaryFolder();
    const tested = await run(
      [
        'test',
        `--model=${model}/model.onnx`,
        `--dataset=${digits}`,
        '--min-accuracy=0.9',
        `--report=${report}`,
        '--max-misclassified=5',
      ],
      { HOME: home, XDG_CACHE_HOME: '' },
    );
    expect(tested).toMatchObject({ code: 0, stderr: '' });
    // ONNX Runtime would keep an id of the machine there for the usage that it sends.
    expect(readdirSync(home)).toEqual([]);
    expect(tested.stdout).toContain('provider CPU: no GPU was granted');
    expect(tested.stdout).toMatch(/accuracy 0\.9\d+, asked for 0\.9: PASSED/);
    const found = JSON.parse(readFileSync(report, 'utf8'));
    expect(found).toMatchObject({ passed: true, samples: 2000, provider: 'CPU', accuracy: metadata.holdOut.accuracy });
    expect(found.model.sha256).toBe(metadata.modelSha256);
    expect(found.misclassified).toHaveLength(5);
    expect(found.misclassifiedCount).toBe(2000 - found.correct);
    const samples = await requireSamples(digits, 'test');
    for (const { index, expected, predicted } of found.misclassified) {
      expect(samples.labels[index]).toBe(expected);
      expect(predicted).not.toBe(expected);
    }
  });

  const SETTINGS = [
    '--hidden=16,12',
    '--max-steps=150',
    '--epochs=100',
    '--checkpoint-every=40',
    '--log-every=10',
    '--seed=5',
  ];

  it('ends with the same bits whether left alone, stopped and resumed, or killed and resumed', async () => {
    const data = path.join(shared, 'small');
    // 1,000 samples in batches of 64: 16 steps an epoch, the last of 40 samples.
    await run(['dataset', `--out=${data}`, '--train=1000', '--test=300']);
    const args = (name: string): string[] => [
      'train',
      `--dataset=${data}`,
      `--out=${path.join(shared, name)}`,
      ...SETTINGS,
      '--min-step-ms=4',
    ];
    const checkpoints = (name: string): string => path.join(shared, `${name}-checkpoints`);
    const content = (name: string, file: string): Buffer =>
      readFileSync(path.join(checkpoints(name), 'step-150', file));

    expect(await run(args('whole'), { SLUICE_CHECKPOINT_DIR: checkpoints('whole') })).toMatchObject({ code: 0 });

    const stopFile = path.join(shared, 'stop.json');
    writeFileSync(stopFile, JSON.stringify({ reason: 'RECLAIMED', deadline: '2030-01-01T00:00:00Z' }));
    const environment = { SLUICE_CHECKPOINT_DIR: checkpoints('stopped'), SLUICE_STOP_FILE: stopFile };
    const stopped = start(args('stopped'), environment);
    await stopped.until(/^step 50\//m);
    stopped.child.kill('SIGTERM');
    const ended = await stopped.ended;
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('SIGTERM, reason RECLAIMED, deadline 2030-01-01T00:00:00Z');
    expect(existsSync(path.join(shared, 'stopped/model.onnx'))).toBe(false);
    const { folder, step } = newestCheckpoint(checkpoints('stopped'));
    expect(ended.stdout).toContain(`stop requested after step ${step}:`);
    expect(step).toBeGreaterThanOrEqual(50);
    expect(step).toBeLessThan(150);
    const resumed = await run(args('stopped'), { ...environment, SLUICE_RESUME_FROM: folder });
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.stdout).toContain(`resumed at step ${step} from ${folder}`);

    const killed = start(args('killed'), { SLUICE_CHECKPOINT_DIR: checkpoints('killed') });
    await killed.until(/^step 100\//m);
    killed.child.kill('SIGKILL');
    expect((await killed.ended).code).toBeNull();
    const left = newestCheckpoint(checkpoints('killed'));
    expect(left.step).toBe(80);
    const environmentAfter = { SLUICE_CHECKPOINT_DIR: checkpoints('killed'), SLUICE_RESUME_FROM: left.folder };
    expect(await run(args('killed'), environmentAfter)).toMatchObject({ code: 0 });

    for (const name of ['stopped', 'killed']) {
      expect(content(name, 'arrays.bin').equals(content('whole', 'arrays.bin'))).toBe(true);
      expect(content(name, 'state.json').equals(content('whole', 'state.json'))).toBe(true);
      const models = [name, 'whole'].map((each) => readFileSync(path.join(shared, each, 'model.onnx'), 'base64'));
      expect(models[0]).toBe(models[1]);
    }
    expect(readdirSync(checkpoints('whole')).sort()).toEqual(['step-120', 'step-150', 'step-80']);

    // A finished run that is resumed once more only exports again.
    const done = path.join(checkpoints('whole'), 'step-150');
    const doneAtMs = statSync(path.join(done, 'COMPLETE')).mtimeMs;
    const idle = await run(args('whole-again'), {
      SLUICE_CHECKPOINT_DIR: checkpoints('whole'),
      SLUICE_RESUME_FROM: done,
    });
    expect(idle.code).toBe(0);
    expect(statSync(path.join(done, 'COMPLETE')).mtimeMs).toBe(doneAtMs);
    expect(readFileSync(path.join(shared, 'whole-again/model.onnx'), 'base64')).toBe(
      readFileSync(path.join(shared, 'whole/model.onnx'), 'base64'),
    );

    // Another run's checkpoint is no place to go on from.
    const other = await run([...args('other'), '--batch=32', '--learning-rate=0.01', `--resume=${done}`]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain('batch was 64, is 32; learningRate was 0.001, is 0.01');
  });

  it('stops at once while it waits for its pace, also without a folder for checkpoints', async () => {
    const folder = temporaryFolder();
    const slow = start(['train', `--dataset=${digits}`, `--out=${folder}`, '--min-step-ms=60000', '--log-every=1']);
    await slow.until(/^step 1\//m);
    slow.child.kill('SIGTERM');
    const { code, stdout } = await slow.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('stop requested after step 1: SIGTERM');
    expect(stdout).toContain('no checkpoint folder is given: a stop loses all progress');
  });

  it('tells a shell that a person stopped it', async () => {
    const folder = temporaryFolder();
    const slow = start([
      'train',
      `--dataset=${digits}`,
      `--out=${folder}`,
      '--min-step-ms=60000',
      '--log-every=1',
      `--checkpoint-dir=${folder}/c`,
    ]);
    await slow.until(/^step 1\//m);
    slow.child.kill('SIGINT');
    expect((await slow.ended).code).toBe(130);
    expect(newestCheckpoint(path.join(folder, 'c')).step).toBe(1);
  });

  it('learns a table, and the model takes its columns as they are', async () => {
    const folder = temporaryFolder();
    const rows = (from: number): string =>
      Array.from({ length: 300 }, (_, index) => {
        const x = (from + index * 37) % 1000;
        const y = (from + index * 61) % 10;
        return `${x},${y / 1000},${x > 500 ? (y > 5 ? 2 : 1) : 0}`;
      }).join('\n');
    writeFileSync(path.join(folder, 'train.csv'), `x,y,kind\n${rows(1)}`);
    writeFileSync(path.join(folder, 'test.csv'), rows(5));
    const trained = await run([
      'train',
      `--dataset=${folder}`,
      `--out=${folder}/out`,
      '--epochs=60',
      '--learning-rate=0.01',
      '--batch=32',
    ]);
    expect(trained).toMatchObject({ code: 0, stderr: '' });
    const tested = await run(['test', `--model=${folder}/out/model.onnx`, `--dataset=${folder}`, '--min-accuracy=0.9']);
    expect(tested).toMatchObject({ code: 0, stderr: '' });
  });

  it.each<readonly [string, readonly string[], Readonly<Record<string, string>>, string]>([
    ['a flag is unknown', ['--epoch=1'], {}, 'unknown flag --epoch'],
    ['it has more than one task', [], { SLUICE_TASKS: '4' }, 'train runs as one task, this workload has 4'],
    ['the checkpoint is not there', [], { SLUICE_RESUME_FROM: '/nowhere' }, '/nowhere is no complete checkpoint'],
    [
      'only a GPU will do',
      ['--device=gpu'],
      { SLUICE_SIMULATED_GPUS: '1' },
      'no GPU can be used: the granted GPUs are simulated',
    ],
  ])('ends with exit code 2 when %s', async (_, flags, env, message) => {
    const ended = await run(['train', `--dataset=${digits}`, `--out=${shared}/none`, ...flags], env);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr.trim().split('\n').length).toBeLessThanOrEqual(3);
  });

  it('falls back to WebAssembly, in words, where a GPU is granted that nothing can use', async () => {
    const out = temporaryFolder();
    const trained = await run(['train', `--dataset=${digits}`, `--out=${out}`, '--max-steps=1'], {
      CUDA_VISIBLE_DEVICES: 'GPU-0',
    });
    expect(trained.code).toBe(0);
    expect(trained.stdout).toMatch(
      /^backend (wasm: @tensorflow\/tfjs-node-gpu |tensorflow-gpu: CUDA_VISIBLE_DEVICES=GPU-0)/m,
    );
    const tested = await run(['test', `--model=${out}/model.onnx`, `--dataset=${digits}`], {
      CUDA_VISIBLE_DEVICES: 'GPU-0',
    });
    expect(tested.stdout).toMatch(
      /^provider (CPU: .*CUDA|CUDA: CUDA_VISIBLE_DEVICES=GPU-0)|provider CPU: libonnxruntime_providers_cuda/m,
    );
  });
});

describe('testing', () => {
  it('ends with exit code 1 when the model falls short of what was asked for', async () => {
    const tested = await run(['test', `--model=${model}/model.onnx`, `--dataset=${digits}`, '--min-accuracy=0.999']);
    expect(tested.code).toBe(1);
    expect(tested.stdout).toContain('asked for 0.999: FAILED');
  });

  it('does not pass a model that guesses', async () => {
    const data = temporaryFolder();
    cpSync(digits, data, { recursive: true });
    const out = path.join(data, 'out');
    await run(['train', `--dataset=${data}`, `--out=${out}`, '--max-steps=1']);
    const tested = await run(['test', `--model=${out}/model.onnx`, `--dataset=${data}`, '--min-accuracy=0.9']);
    expect(tested.code).toBe(1);
  });

  it.each<readonly [string, (folder: string) => readonly string[], string]>([
    ['there is no model', (folder) => [`--model=${folder}/none.onnx`, `--dataset=${digits}`], 'there is no model file'],
    [
      'the model is a folder',
      (folder) => [`--model=${folder}`, `--dataset=${digits}`],
      'is a folder, expected a .onnx file',
    ],
    ['the model is damaged', (folder) => [`--model=${folder}/damaged.onnx`, `--dataset=${digits}`], 'damaged.onnx'],
    [
      'the data set is of another kind',
      (folder) => [`--model=${model}/model.onnx`, `--dataset=${folder}`],
      'the model takes [-1, 784], but a sample is 2 = 2 features',
    ],
    [
      'the accuracy is no share',
      () => [`--model=${model}/model.onnx`, `--dataset=${digits}`, '--min-accuracy=90'],
      'expected a number from 0 to 1',
    ],
  ])('ends with exit code 2 when %s', async (_, flags, message) => {
    const folder = temporaryFolder();
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'damaged.onnx'), readFileSync(path.join(model, 'model.onnx')).subarray(0, 5000));
    writeFileSync(path.join(folder, 'test.csv'), '1,2,0\n3,4,1\n');
    const tested = await run(['test', ...flags(folder)]);
    expect(tested.stderr).toContain(message);
    expect(tested.code).toBe(2);
  });
});
