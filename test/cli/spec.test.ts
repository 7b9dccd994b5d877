import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_GPUS, parseGpuRequest } from '../../cli/spec/gpu-request.js';
import { MAX_SPECS, formatProblem, parseSpecs, problemFromApi } from '../../cli/spec/parse.js';
import { keysAt } from '../../cli/spec/schema.js';
import {
  parseArray,
  parseBackoff,
  parseCpuMilli,
  parseDependencies,
  parseMemoryMib,
  parseTimeLimitMs,
} from '../../cli/spec/quantities.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { LIMITS } from '../../scheduler/api/limits.js';

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
checkpoint: {dir: /ckpt/resnet, grace: 1m30s, signal: USR1@120}
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
      checkpoint: {
        directory: '/ckpt/resnet',
        grace: { seconds: 90, nanos: 0 },
        earlySignal: { signal: 'SIGUSR1', ahead: { seconds: 120, nanos: 0 } },
      },
    });
  });

  it('says what one task needs in every way there is', () => {
    const [spec] = specsOf(`
resources:
  gpu: h100|a100:2x0.5
  cpu: 1.5
  memory: 32GiB
  tasks: 2-8
  min_gpu_memory: 40G
  min_driver: 535.10
  constraint: {net: ib, zone: 01}
  nodelist: [n1, n2]
topology: {required: rack}
time: 1-12
retry: {max: 3, backoff: 30s..10m, on_exit_codes: [75], never_on_exit_codes: [2]}
after: [1040, "ended:1041"]
array: {size: 100, concurrency: 10}
run: x
`);
    expect(spec).toMatchObject({
      tasks: 2,
      maxTasks: 8,
      resources: {
        gpus: 2,
        gpuMilli: 500,
        gpuModel: '',
        gpuModels: ['h100', 'a100'],
        cpuMilli: 1_500,
        memoryMib: 32_768,
        minGpuMemoryMib: 40_960,
        minDriver: '535.10',
        nodeLabels: { net: 'ib', zone: '01' },
        nodes: ['n1', 'n2'],
      },
      topology: { level: 'TOPOLOGY_LEVEL_RACK', required: true },
      timeLimit: { seconds: 129_600 },
      retry: { max: 3, backoff: { seconds: 30 }, maxBackoff: { seconds: 600 }, codes: [75], neverCodes: [2] },
      dependencies: [
        { workload: 1040, condition: 'DEPENDENCY_CONDITION_SUCCEEDED' },
        { workload: 1041, condition: 'DEPENDENCY_CONDITION_ENDED' },
      ],
      array: { size: 100, concurrency: 10, firstIndex: 0 },
    });
  });

  it.each<[string, string, object]>([
    ['memory of one GPU', 'resources: {gpu_memory: 20GiB}', { resources: { gpus: 1, gpuMemoryMib: 20_480 } }],
    ['memory of several', 'resources: {gpu: a100:2, gpu_memory: 20GiB}', { resources: { gpus: 2, gpuModel: 'a100' } }],
    ['one MIG instance', 'resources: {mig: 3g.20gb}', { resources: { gpus: 1, migProfile: '3g.20gb' } }],
    ['two of them', 'resources: {mig: "3g.20gb:2"}', { resources: { gpus: 2, migProfile: '3g.20gb' } }],
    [
      'two on a model',
      'resources: {gpu: a100:2, mig: 1g.5gb+me}',
      { resources: { gpus: 2, gpuModel: 'a100', migProfile: '1g.5gb+me' } },
    ],
    [
      'models as a list',
      'resources: {gpu: 2, models: [h100, a100]}',
      { resources: { gpus: 2, gpuModels: ['h100', 'a100'] } },
    ],
    ['at least and at most so many tasks', 'resources: {tasks: {min: 2, max: 8}}', { tasks: 2, maxTasks: 8 }],
    ['exactly so many', 'resources: {tasks: {min: 4, max: 4}}', { tasks: 4 }],
    ['a wish', 'topology: {preferred: nvlink}', { topology: { level: 'TOPOLOGY_LEVEL_NVLINK', required: false } }],
    [
      'a rule as in the flag',
      'topology: required=block',
      { topology: { level: 'TOPOLOGY_LEVEL_BLOCK', required: true } },
    ],
    ['one to wait for', 'after: 1040', { dependencies: [{ workload: 1040 }] }],
    ['an array as in the flag', 'array: 1-10%2', { array: { size: 10, concurrency: 2, firstIndex: 1 } }],
    ['a limit in minutes', 'time: 90', { timeLimit: { seconds: 5_400 } }],
  ])('says %s', (_, text, expected) => {
    expect(specsOf(`${text}\nrun: x`)[0]).toMatchObject(expected);
  });

  it('has roles with requests, levels and programs of their own', () => {
    const [spec] = specsOf(`
roles:
  - {name: launcher, resources: {cpu: 2}, run: mpirun ./a.out}
  - {name: worker, resources: {gpu: 8, tasks: 2-4}, topology: {required: nvlink}, builtin: train, args: {epochs: 4}}
`);
    expect(spec).not.toHaveProperty('tasks');
    expect(spec).not.toHaveProperty('resources');
    expect(spec).not.toHaveProperty('command');
    expect(spec?.roles).toMatchObject([
      {
        name: 'launcher',
        tasks: 1,
        resources: { gpus: 0, cpuMilli: 2_000 },
        command: { argv: ['/bin/sh', '-c', 'mpirun ./a.out'] },
      },
      {
        name: 'worker',
        tasks: 2,
        maxTasks: 4,
        resources: { gpus: 8 },
        topology: { level: 'TOPOLOGY_LEVEL_NVLINK', required: true },
        builtin: { name: 'train', args: ['--epochs=4'] },
      },
    ]);
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

describe('the documentation', () => {
  const page = readFileSync(path.join(PACKAGE_ROOT, 'docs/workload-spec.md'), 'utf8');

  it.each([[], ['resources'], ['roles', 0], ['retry'], ['checkpoint'], ['array'], ['resources', 'tasks']])(
    'has every field of %j',
    (...at) => {
      const known = keysAt(at);
      expect(known.length).toBeGreaterThan(0);
      for (const key of known) expect(page).toMatch(new RegExp(`\\b${key}\\b`));
    },
  );
});

describe('the limits of files', () => {
  it('are those of the scheduler', () => {
    expect({ gpus: MAX_GPUS, specs: MAX_SPECS }).toEqual({ gpus: LIMITS.gpusPerTask, specs: LIMITS.specsPerRequest });
    expect(complaintsOf('run: a\nresources: {tasks: 0}')[0]).toContain(`to ${LIMITS.tasks}`);
    expect(complaintsOf('run: a\nretry: {max: 0}')[0]).toContain(`to ${LIMITS.retries}`);
    expect(complaintsOf('run: a\npriority: 1e9')[0]).toContain(`to ${LIMITS.priority}`);
    const roles = Array.from({ length: LIMITS.roles + 1 }, (_, index) => `{name: r${index}}`).join(', ');
    expect(complaintsOf(`run: a\nroles: [${roles}]`)[0]).toContain(`at most ${LIMITS.roles} roles`);
    expect(parseSpecs(`run: a\narray: {size: ${LIMITS.arraySize}}`, 'w.yaml').problems).toEqual([]);
    expect(complaintsOf(`run: a\narray: {size: ${LIMITS.arraySize + 1}}`)).toHaveLength(1);
  });
});

describe('a workload file that is wrong', () => {
  const gpuRule = 'must be a number of GPUs such as 4 or 0.5, or a model and a number such as h100:4';
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
        'w.yaml:2:1: foo: unknown field; known: kind, name, queue, priority, preemptible, resources, roles, topology, time, retry, after, array, run, builtin, args, env, workdir, separate_stderr, launcher, on_disconnect, checkpoint, notify',
      ],
    ],
    [
      'a field that other programs call so',
      'run: a\ncommand: sleep 1',
      [
        'w.yaml:2:1: command: is called run here: run: python train.py, or the words one by one: run: [python, train.py]',
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
      ['w.yaml:1:7: kind: must be train, test, service, batch or interactive, not "training"'],
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
      'a signal that ends it',
      'run: a\ncheckpoint: {signal: KILL@10}',
      [
        'w.yaml:2:22: checkpoint.signal: must be a signal and how long before the stop signal it comes, such as USR1@120 or USR2@5m; there are HUP, INT, QUIT, USR1 and USR2, not "KILL@10"',
      ],
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
      'amounts that cannot be read',
      'run: a\nresources:\n  gpu_memory: much\n  mig: 3g\n  cpu: 2 cores\n  memory: 32K\n  min_driver: new\n  nodelist: 2',
      [
        'w.yaml:3:15: resources.gpu_memory: must be an amount of memory such as 32GiB or 512M, not "much"',
        'w.yaml:4:8: resources.mig: must be a MIG profile such as 3g.20gb, or 3g.20gb:2 for two, not "3g"',
        'w.yaml:5:8: resources.cpu: must be a number of CPUs such as 4, 0.5 or 500m, not "2 cores"',
        'w.yaml:6:11: resources.memory: must be an amount of memory such as 32GiB or 512M, not "32K"',
        'w.yaml:7:15: resources.min_driver: must be the version of a driver such as 535.104, not "new"',
        'w.yaml:8:13: resources.nodelist: must be a list of names of nodes, not 2',
      ],
    ],
    [
      'more tasks at least than at most',
      'run: a\nresources: {tasks: 8-2}',
      [
        'w.yaml:2:20: resources.tasks: must be a whole number from 1 to 4096, or at least and at most so many such as 2-8, not "8-2"',
      ],
    ],
    [
      'rules that cannot be read',
      'run: a\ntopology: {required: city}\ntime: soon\nretry: {max: 0, backoff: later}\nafter: [train]\narray: 100',
      [
        'w.yaml:2:11: topology: must be {required: LEVEL} or {preferred: LEVEL}; levels: nvlink, node, rack, block',
        'w.yaml:3:7: time: must be a time limit: minutes, 2:00:00, days-hours such as 1-12, or 90s, 2h, not "soon"',
        'w.yaml:4:14: retry.max: must be a whole number from 1 to 1000, not 0',
        'w.yaml:4:26: retry.backoff: must be a pause such as 10s, or up to a longest such as 10s..10m, not "later"',
        'w.yaml:5:8: after: must be the number of a workload such as 1040, or a condition and a number such as ended:1040',
        'w.yaml:6:8: array: must be the first and the last index such as 0-99 or 0-99%10, or {size: 100, concurrency: 10}, not 100',
      ],
    ],
    [
      'one thing said twice',
      'run: a\nresources:\n  gpu: h100:2\n  mig: 3g.20gb:3\n  models: [a100]',
      [
        'w.yaml:4:3: resources.mig: says 3 instances and the GPUs say 2; say the number once',
        'w.yaml:5:3: resources.models: and the GPUs (h100) both say the model; say it once',
      ],
    ],
    [
      'resources beside roles, and a role with two programs',
      'resources: {gpu: 1}\nroles:\n  - name: a\n    run: x\n    builtin: train',
      [
        'w.yaml:1:1: resources: cannot be together with roles; say them in each role',
        'w.yaml:5:5: roles[0].builtin: cannot be together with run: a role has one program',
      ],
    ],
    [
      'a role without a program',
      'roles:\n  - {name: a, run: x}\n  - {name: b, resources: {gpus: 1}}',
      [
        'w.yaml:1:1: has no program: say run: COMMAND, or builtin: train, test or serve',
        'w.yaml:3:27: roles[1].resources.gpus: unknown field; did you mean "gpu"?',
      ],
    ],
    [
      'what is said otherwise here',
      'run: a\nelastic: {nodes: 2..4}\nrequeue: {max: 3}',
      [
        'w.yaml:2:1: elastic: is said as resources: {tasks: 2-8}',
        'w.yaml:3:1: requeue: is called retry here: {max: 3, on_exit_codes: [75], backoff: 30s..10m}',
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
    ['resources.cpu_milli', 'w.yaml:5:3: resources.cpu: no'],
    ['time_limit', 'w.yaml:1:1: time: no'],
  ])('about %s are placed in the file', (field, expected) => {
    const [document] = parseSpecs(text, 'w.yaml').documents;
    if (document === undefined) throw new Error('the text is right');
    expect(formatProblem(problemFromApi(document, field, 'no'))).toBe(expected);
  });
});

describe("the scheduler's complaints about all the rest", () => {
  const text = `resources:
  gpu_memory: 20G
  min_driver: 535.1
  constraint: {net: ib}
  nodelist: [n1]
  tasks: 2-4
time: 2h
retry: {max: 3, backoff: 10s, on_exit_codes: [75]}
after: [1040, 1041]
array: 0-9
topology: {required: rack}
run: a
---
roles:
  - {name: a, resources: {cpu: 2}, run: [python, x]}
  - {name: b, run: y}
`;
  it.each([
    [0, 'resources.gpu_memory_mib', 'w.yaml:2:15: resources.gpu_memory: no'],
    [0, 'resources.min_driver', 'w.yaml:3:15: resources.min_driver: no'],
    [0, 'resources.node_labels["net"]', 'w.yaml:4:15: resources.constraint: no'],
    [0, 'resources.nodes[0]', 'w.yaml:5:13: resources.nodelist: no'],
    [0, 'max_tasks', 'w.yaml:6:10: resources.tasks: no'],
    [0, 'time_limit', 'w.yaml:7:7: time: no'],
    [0, 'retry.max_backoff', 'w.yaml:8:26: retry.backoff: no'],
    [0, 'retry.codes[0]', 'w.yaml:8:46: retry.on_exit_codes: no'],
    [0, 'dependencies[1].workload', 'w.yaml:9:15: after[1]: no'],
    [0, 'array.size', 'w.yaml:10:8: array: no'],
    [0, 'topology.level', 'w.yaml:11:11: topology: no'],
    [1, 'roles[0].resources.cpu_milli', 'w.yaml:15:32: roles[0].resources.cpu: no'],
    [1, 'roles[0].command.argv[1]', 'w.yaml:15:50: roles[0].run[1]: no'],
    [1, 'roles[1].name', 'w.yaml:16:12: roles[1].name: no'],
    [1, 'roles', 'w.yaml:15:3: roles: no'],
  ])('in document %i about %s', (index, field, expected) => {
    const document = parseSpecs(text, 'w.yaml').documents[index];
    if (document === undefined) throw new Error('the text is right');
    expect(formatProblem(problemFromApi(document, field, 'no'))).toBe(expected);
  });
});

describe('a request for GPUs', () => {
  const request = (count: number, milli = 1_000, models: readonly string[] = [], minMemoryMib = 0) => ({
    count,
    milli,
    models,
    minMemoryMib,
  });
  it.each([
    ['4', request(4)],
    ['0', request(0)],
    ['h100:8', request(8, 1_000, ['h100'])],
    ['h100', request(1, 1_000, ['h100'])],
    ['RTX 4090:2', request(2, 1_000, ['RTX 4090'])],
    ['weird:2', request(2, 1_000, ['weird'])],
    ['0.5', request(1, 500)],
    ['.125', request(1, 125)],
    ['4x0.5', request(4, 500)],
    ['h100:0.25', request(1, 250, ['h100'])],
    ['h100:2x0.001', request(2, 1, ['h100'])],
    ['h100|a100:8', request(8, 1_000, ['h100', 'a100'])],
    ['24GB..:2', request(2, 1_000, [], 24_576)],
    ['40GiB..', request(1, 1_000, [], 40_960)],
    ['', null],
    ['h100:', null],
    [':4', null],
    ['-1', null],
    ['1.5', null],
    ['0.0005', null],
    ['0.000', null],
    ['0x0.5', null],
    ['300x0.5', null],
    ['300', null],
    ['lots', null],
    ['h100|lots', null],
    ['lots!', null],
  ])('%j', (text, expected) => {
    expect(parseGpuRequest(text)).toEqual(expected);
  });
});

describe('amounts and rules', () => {
  it.each([
    ['512', 512],
    ['512M', 512],
    ['32GiB', 32_768],
    ['32GB', 32_768],
    ['1.5g', 1_536],
    ['2T', 2_097_152],
    ['0.3M', 1],
    ['32K', null],
    ['-1', null],
    ['lots', null],
  ])('memory %j', (text, mib) => {
    expect(parseMemoryMib(text)).toBe(mib);
  });

  it.each([
    ['4', 4_000],
    ['0.5', 500],
    ['500m', 500],
    ['0.0005', null],
    ['4 cores', null],
  ])('CPUs %j', (text, milli) => {
    expect(parseCpuMilli(text)).toBe(milli);
  });

  // The forms are those of sbatch's --time; units are ours.
  const MINUTE = 60_000;
  it.each([
    ['90', 90 * MINUTE],
    ['90:30', 90.5 * MINUTE],
    ['2:00:00', 120 * MINUTE],
    ['1-12', 36 * 60 * MINUTE],
    ['1-12:30', (36 * 60 + 30) * MINUTE],
    ['1-12:30:30', (36 * 60 + 30.5) * MINUTE],
    ['90s', 1.5 * MINUTE],
    ['1h30m', 90 * MINUTE],
    ['0', 0],
    ['2:00:00:00', null],
    ['soon', null],
  ])('time limit %j', (text, ms) => {
    expect(parseTimeLimitMs(text)).toBe(ms);
  });

  it.each([
    ['0-99', { size: 100, concurrency: 0, firstIndex: 0 }],
    ['1-100%10', { size: 100, concurrency: 10, firstIndex: 1 }],
    ['7-7', { size: 1, concurrency: 0, firstIndex: 7 }],
    ['9-0', null],
    ['100', null],
    ['0-9:2', null],
    ['1,3', null],
  ])('array %j', (text, expected) => {
    expect(parseArray(text)).toEqual(expected);
  });

  it.each([
    ['1047', [[1047, 'SUCCEEDED']]],
    [
      'ended:1040,started:1041',
      [
        [1040, 'ENDED'],
        [1041, 'STARTED'],
      ],
    ],
    [
      'afterok:20:21,afterany:23',
      [
        [20, 'SUCCEEDED'],
        [21, 'SUCCEEDED'],
        [23, 'ENDED'],
      ],
    ],
    ['failed:9', [[9, 'FAILED']]],
    ['0', null],
    ['train', null],
    ['ended:', null],
    ['soon:3', null],
    ['', null],
  ] as const)('dependencies %j', (text, expected) => {
    const found = parseDependencies(text);
    expect(found?.map(({ workload, condition }) => [workload, condition]) ?? null).toEqual(
      expected?.map(([workload, condition]) => [workload, `DEPENDENCY_CONDITION_${condition}`]) ?? null,
    );
  });

  it.each([
    ['10s', { firstMs: 10_000, longestMs: null }],
    ['10s..10m', { firstMs: 10_000, longestMs: 600_000 }],
    ['10s..', null],
    ['..10m', null],
    ['1s..2s..3s', null],
  ])('pause %j', (text, expected) => {
    expect(parseBackoff(text)).toEqual(expected);
  });
});
