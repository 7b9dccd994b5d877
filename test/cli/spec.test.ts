import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseGpuRequest } from '../../cli/spec/gpu-request.js';
import { formatProblem, parseSpecs, problemFromApi } from '../../cli/spec/parse.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';

/** The specs of a text that must be right. */
function specsOf(text: string) {
  const { documents, problems } = parseSpecs(text, 'w.yaml');
  expect(problems.map(formatProblem)).toEqual([]);
  return documents.map(({ spec }) => spec);
}

/** The complaints about a text that must be wrong. */
function complaintsOf(text: string): readonly string[] {
  const { documents, problems } = parseSpecs(text, 'w.yaml');
  expect(problems.length).toBeGreaterThan(0);
  // A document is handed out only when nothing is wrong with it.
  expect(documents.length).toBeLessThan(text.split('\n---').length);
  return problems.map(formatProblem);
}

describe('a workload file that is right', () => {
  it('says everything', () => {
    const [spec] = specsOf(`
kind: train
name: resnet-ddp
queue: vision
priority: 60
preemptible: false
resources: {gpu: h100:4, tasks: 2, pool: big}
run: python train.py --epochs 3
env: {NCCL_DEBUG: WARN, THREADS: 8}
workdir: /srv/code
checkpoint: {dir: /ckpt/resnet, grace: 1m30s}
`);
    expect(spec).toEqual({
      name: 'resnet-ddp',
      kind: 'WORKLOAD_KIND_TRAIN',
      queue: 'vision',
      priority: 60,
      preemptible: false,
      tasks: 2,
      resources: { gpus: 4, gpuModel: 'h100', pool: 'big' },
      command: { argv: ['/bin/sh', '-c', 'python train.py --epochs 3'] },
      environment: [
        { name: 'NCCL_DEBUG', value: 'WARN' },
        { name: 'THREADS', value: '8' },
      ],
      workingDirectory: '/srv/code',
      checkpoint: { directory: '/ckpt/resnet', grace: { seconds: 90, nanos: 0 } },
    });
  });

  it('leaves out what the scheduler decides', () => {
    expect(specsOf('run: nvidia-smi')).toEqual([
      {
        name: '',
        kind: 'WORKLOAD_KIND_BATCH',
        queue: '',
        tasks: 1,
        resources: { gpus: 0, gpuModel: '', pool: '' },
        command: { argv: ['/bin/sh', '-c', 'nvidia-smi'] },
        environment: [],
        workingDirectory: '',
      },
    ]);
  });

  it.each([
    ['train', 'WORKLOAD_KIND_TRAIN'],
    ['test', 'WORKLOAD_KIND_TEST'],
    ['serve', 'WORKLOAD_KIND_SERVICE'],
  ])('takes the kind of the builtin program %s', (builtin, kind) => {
    expect(specsOf(`builtin: ${builtin}`)[0]?.kind).toBe(kind);
  });

  it('writes the arguments of a builtin program as flags', () => {
    const [spec] = specsOf('builtin: train\nargs: {dataset: /data/mnist, epochs: 4, rate: 1.10, shuffle: true}');
    expect(spec?.builtin).toEqual({
      name: 'train',
      args: ['--dataset=/data/mnist', '--epochs=4', '--rate=1.10', '--shuffle=true'],
    });
  });

  it('passes a list on word by word, as written', () => {
    const [spec] = specsOf('run: [python, train.py, --rate, 0.10, "a b", yes, 0x10]');
    expect(spec?.command?.argv).toEqual(['python', 'train.py', '--rate', '0.10', 'a b', 'yes', '0x10']);
  });

  it('holds several workloads, and empty documents between them', () => {
    expect(specsOf('run: a\n---\n---\nrun: b\n---\n').map(({ command }) => command?.argv?.[2])).toEqual(['a', 'b']);
  });

  it('may use anchors', () => {
    const [spec] = specsOf('run: &cmd date\nenv: {A: *cmd}');
    expect(spec?.environment).toEqual([{ name: 'A', value: 'date' }]);
  });

  it('may be JSON', () => {
    expect(specsOf('{"name": "x", "run": ["true"], "resources": {"gpu": 2}}')[0]?.resources?.gpus).toBe(2);
  });
});

describe('the examples', () => {
  const folder = path.join(PACKAGE_ROOT, 'examples');
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

  it('are there', () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files)('%s is right', (file) => {
    expect(specsOf(readFileSync(path.join(folder, file), 'utf8')).length).toBeGreaterThan(0);
  });
});

describe('a workload file that is wrong', () => {
  const gpuRule = 'must be a number of GPUs such as 4, or a model and a number such as h100:4';
  const cases: readonly (readonly [what: string, text: string, complaints: readonly string[]])[] = [
    ['an empty file', '', ['w.yaml:1:1: is empty; see docs/workload-spec.md for an example']],
    ['only comments', '# later\n', ['w.yaml:1:1: is empty; see docs/workload-spec.md for an example']],
    ['no mapping', '- run: a', ['w.yaml:1:1: must be a mapping (key: value)']],
    [
      'no program',
      'name: x\nqueue: q',
      ['w.yaml:1:1: has no program: say run: COMMAND, or builtin: train, test or serve'],
    ],
    [
      'two programs',
      'run: a\nbuiltin: train',
      ['w.yaml:2:1: builtin: cannot be together with run: a workload has one program'],
    ],
    [
      'arguments for a command',
      'run: a\nargs: {x: 1}',
      ['w.yaml:2:1: args: is for builtin programs; with run, write arguments into the command'],
    ],
    [
      'a bad GPU request',
      'run: a\nresources:\n  gpu: many of them',
      [`w.yaml:3:8: resources.gpu: ${gpuRule}, not "many of them"`],
    ],
    ['a list of GPUs', 'run: a\nresources:\n  gpu: [1]', [`w.yaml:3:8: resources.gpu: ${gpuRule}`]],
    [
      'too many GPUs',
      'run: a\nresources: {gpu: 300}',
      ['w.yaml:2:18: resources.gpu: must be at most 256 for one task, not 300'],
    ],
    [
      'half a task',
      'run: a\nresources: {tasks: 1.5}',
      ['w.yaml:2:20: resources.tasks: must be a whole number from 1 to 4096, not 1.5'],
    ],
    [
      'no tasks',
      'run: a\nresources: {tasks: 0}',
      ['w.yaml:2:20: resources.tasks: must be a whole number from 1 to 4096, not 0'],
    ],
    ['a mistyped field', 'prioritty: 3\nrun: a', ['w.yaml:1:1: prioritty: unknown field; did you mean "priority"?']],
    [
      'a mistyped field further in',
      'run: a\nresources:\n  gpus: 3',
      ['w.yaml:3:3: resources.gpus: unknown field; did you mean "gpu"?'],
    ],
    [
      'an unknown field',
      'run: a\nfoo: 1',
      [
        'w.yaml:2:1: foo: unknown field; known: kind, name, queue, priority, preemptible, resources, run, builtin, args, env, workdir, checkpoint',
      ],
    ],
    ['a field of a later release', 'run: a\nimage: x', ['w.yaml:2:1: image: is not supported in this release']],
    [
      'a bad name',
      'name: My_Job\nrun: a',
      ['w.yaml:1:7: name: must be a name: 1 to 63 of a-z, 0-9 and "-", not at an end, not "My_Job"'],
    ],
    [
      'a bad kind',
      'kind: training\nrun: a',
      ['w.yaml:1:7: kind: must be train, test, service or batch, not "training"'],
    ],
    [
      'a bad variable',
      'run: a\nenv:\n  A-B: 1',
      ['w.yaml:3:3: env.A-B: must be the name of a variable: A-Z, a-z, 0-9 and "_"'],
    ],
    ['an empty variable', 'run: a\nenv:\n  A:', ['w.yaml:3:5: env.A: must be a text or a number, not empty']],
    ['a nested variable', 'run: a\nenv:\n  A: {b: 1}', ['w.yaml:3:6: env.A: must be a text or a number']],
    [
      'a bad time',
      'run: a\ncheckpoint: {grace: soon}',
      ['w.yaml:2:21: checkpoint.grace: must be a time such as 30s, 2m or 1h30m, not "soon"'],
    ],
    [
      'a relative folder',
      'run: a\nworkdir: .',
      ['w.yaml:2:10: workdir: must be a folder to start in: an absolute path on the node, not "."'],
    ],
    [
      'a pattern in a folder',
      'run: a\ncheckpoint: {dir: /ckpt/%n}',
      ['w.yaml:2:19: checkpoint.dir: must not contain "%": patterns are not supported yet, not "/ckpt/%n"'],
    ],
    ['a tab', 'run: a\nresources:\n\tgpu: 1', ['w.yaml:3:1: a tab cannot indent in YAML; use spaces']],
    ['a key twice', 'run: a\nname: x\nrun: b', ['w.yaml:3:1: this key is there twice; remove one']],
    ['an unquoted yes/no', 'run: a\npreemptible: yes', ['w.yaml:2:14: preemptible: must be true or false, not "yes"']],
    [
      'several mistakes at once, in reading order',
      'name: -x\nresources: {gpu: lots!, tasks: no}\nrunn: a\n',
      [
        'w.yaml:1:1: has no program: say run: COMMAND, or builtin: train, test or serve',
        'w.yaml:1:7: name: must be a name: 1 to 63 of a-z, 0-9 and "-", not at an end, not "-x"',
        `w.yaml:2:18: resources.gpu: ${gpuRule}, not "lots!"`,
        'w.yaml:2:32: resources.tasks: must be a whole number from 1 to 4096, not "no"',
        'w.yaml:3:1: runn: unknown field; did you mean "run"?',
      ],
    ],
    [
      'one of two documents',
      'run: a\n---\nrun: 3\n',
      [
        'w.yaml:3:6: run: must be a command line in one text (run by /bin/sh), or a list of words (run as they are), not 3',
      ],
    ],
  ];
  it.each(cases)('%s', (_, text, complaints) => {
    expect(complaintsOf(text)).toEqual(complaints);
  });

  it('does not blow up on aliases that multiply', () => {
    const levels = Array.from({ length: 12 }, (_, index) => `a${index}: &a${index} [${`*a${index - 1}, `.repeat(9)}]`);
    const text = `run: &a-1 x\n${levels.join('\n')}`;
    expect(complaintsOf(text)[0]).toMatch(/more than 1000 aliases/);
  });

  it('does not loop on an alias of itself', () => {
    expect(complaintsOf('run: &a [*a]')[0]).toMatch(/aliases|run:/);
  });
});

describe("the scheduler's complaints", () => {
  const text = `kind: train
name: x
queue: q
resources:
  gpu: h100:4
  tasks: 2
run: [python, a.py]
env:
  A: 1
  B: 2
checkpoint:
  grace: 1h
`;
  it.each([
    ['resources.gpus', 'w.yaml:5:8: resources.gpu: no'],
    ['resources.gpu_model', 'w.yaml:5:8: resources.gpu: no'],
    ['tasks', 'w.yaml:6:10: resources.tasks: no'],
    ['resources.pool', 'w.yaml:5:3: resources.pool: no'],
    ['queue', 'w.yaml:3:8: queue: no'],
    ['environment[1].name', 'w.yaml:10:6: env.B: no'],
    ['command.argv[1]', 'w.yaml:7:15: run[1]: no'],
    ['checkpoint.grace', 'w.yaml:12:10: checkpoint.grace: no'],
    ['working_directory', 'w.yaml:1:1: workdir: no'],
    ['', 'w.yaml:1:1: no'],
  ])('about %s are placed in the file', (field, expected) => {
    const [document] = parseSpecs(text, 'w.yaml').documents;
    if (document === undefined) throw new Error('the text is right');
    expect(formatProblem(problemFromApi(document, field, 'no'))).toBe(expected);
  });
});

describe('a request for GPUs', () => {
  it.each([
    ['4', { count: 4, model: '' }],
    ['0', { count: 0, model: '' }],
    ['h100:8', { count: 8, model: 'h100' }],
    ['h100', { count: 1, model: 'h100' }],
    ['RTX 4090:2', { count: 2, model: 'RTX 4090' }],
    ['', null],
    ['h100:', null],
    [':4', null],
    ['-1', null],
    ['1.5', null],
    ['300', null],
    ['lots', null],
    ['lots!', null],
    ['weird:2', { count: 2, model: 'weird' }],
  ])('%j', (text, expected) => {
    expect(parseGpuRequest(text)).toEqual(expected);
  });
});
