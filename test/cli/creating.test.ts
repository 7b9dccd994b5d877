// The commands that create and control: submit, run, logs, wait, cancel, queue, cordon.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WorkloadState } from '../../proto/gen/sluice/v1/WorkloadState.js';
import type { FakeScheduler } from './fake-scheduler.js';
import { cli as run, startCli, temporaryFolder, type CliOptions } from './run-cli.js';
import { refresh, startSample, workload } from './sample-cluster.js';

let scheduler: FakeScheduler;
beforeAll(async () => {
  scheduler = await startSample();
});
beforeEach(() => {
  refresh(scheduler);
  scheduler.calls.length = 0;
  scheduler.failures.clear();
});
afterAll(() => scheduler.stop());

const env = (): Record<string, string> => ({ SLUICE_SERVER: scheduler.address });

function cli(argv: readonly string[], options: CliOptions = {}) {
  return run(argv, { ...options, env: { ...env(), ...options.env } });
}

/** A file with this text, under a short name in messages. */
function fileWith(text: string): string {
  const file = path.join(temporaryFolder(), 'w.yaml');
  writeFileSync(file, text);
  return file;
}

/** One watched workload that goes through these states, and its tasks' exits at the end. */
function playStates(states: readonly WorkloadState[], end: Parameters<typeof workload>[1] = {}, number = 1041): void {
  scheduler.onWatch = (_, sink) => {
    states.forEach((state, index) => {
      const last = index === states.length - 1;
      sink.send({
        revision: 10 + index,
        workload: workload(number, { ...(last ? end : {}), state }),
        caughtUp: index === 0,
      });
    });
  };
}

const ALLOCATION = { id: 'A', task: 0, node: 'n1', attempt: 1, gpus: [] };

describe('submit', () => {
  it('sends all documents of all files in one request, with an id of its own', async () => {
    const file = fileWith('run: a\nqueue: research\n---\nrun: b\nqueue: product\nresources: {tasks: 2}\n');
    const { code, stdout } = await cli(['submit', file]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'Submitted workload 1041\nSubmitted workload 1042 (2 tasks)\n',
    });
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([
      {
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        validateOnly: false,
        specs: [{ queue: 'research' }, { queue: 'product', tasks: 2 }],
      },
    ]);
  });

  it('says of each workload how many tasks it has, and which numbers an array', async () => {
    const file = fileWith(
      'array: 0-2\nqueue: q\nrun: a\n---\nresources: {tasks: 2-8}\nqueue: q\nrun: b\n---\n' +
        'roles: [{name: x}, {name: y, resources: {tasks: 1-4}}]\nqueue: q\nrun: c',
    );
    expect((await cli(['submit', file])).stdout).toBe(
      'Submitted workloads 1041-1043 (an array of 3)\nSubmitted workload 1044 (2-8 tasks)\n' +
        'Submitted workload 1045 (2-5 tasks in 2 roles)\n',
    );
  });

  it('tells a person how to go on', async () => {
    const { stdout } = await cli(['submit', fileWith('run: a\nqueue: q')], { isTTY: true });
    expect(stdout).toContain('follow: sluice logs -f 1041   why: sluice why 1041   cancel: sluice cancel 1041');
  });

  it('reads the standard input', async () => {
    expect(await cli(['submit', '-'], { stdin: 'run: a\nqueue: q' })).toMatchObject({ code: 0 });
    expect(await cli(['submit', '-'], { stdin: 'run: 3\nqueue: q' })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('<stdin>:1:6: run: must be'),
    });
  });

  it.each([
    ['the flag before the file', ['-A', 'flag'], 'queue: file', { SLUICE_QUEUE: 'env' }, 'flag'],
    ['the file before the environment', [], 'queue: file', { SLUICE_QUEUE: 'env' }, 'file'],
    ['the environment', [], '', { SLUICE_QUEUE: 'env' }, 'env'],
  ])('charges the queue of %s', async (_, flags, line, variables, queue) => {
    await cli(['submit', fileWith(`run: a\n${line}`), ...flags], { env: variables });
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([{ specs: [{ queue }] }]);
  });

  it('tells every mistake of every file and sends nothing', async () => {
    const { code, stderr } = await cli(['submit', fileWith('run: a\nqueue: q\nnam: x'), fileWith('run: b')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: .*w\.yaml:3:1: nam: unknown field; did you mean "name"\?\n.*w\.yaml:1:1: queue: is missing\n/,
    );
    expect(scheduler.calls).toEqual([]);
  });

  it('only checks with --validate-only', async () => {
    const { code, stdout } = await cli(['submit', '--validate-only', fileWith('run: a\nqueue: q')]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1 workload valid, nothing submitted\n' });
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([{ validateOnly: true }]);
  });

  it("places the scheduler's complaints in the file", async () => {
    scheduler.failures.set('SubmitWorkloads', [
      {
        code: status.INVALID_ARGUMENT,
        reason: 'SPEC_INVALID',
        message: 'specs[1].queue: no such queue',
        fields: [{ field: 'specs[1].queue', description: 'queue "q2" does not exist' }],
      },
    ]);
    const { code, stderr } = await cli(['submit', fileWith('run: a\nqueue: q\n---\nrun: a\nqueue: q2\n')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: .*w\.yaml:5:8: queue: queue "q2" does not exist\n$/);
  });

  it('prints the answer, or the error, for programs', async () => {
    const good = await cli(['submit', '--json', fileWith('run: a\nqueue: q\nname: x')]);
    expect(JSON.parse(good.stdout)).toEqual({ workloads: [{ number: 1041, uid: 'UID0', name: 'x' }], revision: 7 });
    const bad = await cli(['submit', '--json', fileWith('run: 1\nqueue: q')]);
    expect(bad.code).toBe(2);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      error: { code: 'INVALID_ARGUMENT', reason: 'SPEC_INVALID', fields: [{ field: 'run' }] },
    });
    expect(bad.stderr).toMatch(/^error: /);
  });

  it('sends the id that was given', async () => {
    await cli(['submit', '--request-id', 'mine', fileWith('run: a\nqueue: q')]);
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([{ requestId: 'mine' }]);
  });

  it('waits with -W and exits as the jobs did', async () => {
    playStates(['WORKLOAD_STATE_PENDING', 'WORKLOAD_STATE_RUNNING', 'WORKLOAD_STATE_FAILED'], {
      allocations: [{ ...ALLOCATION, exit: { code: 7 } }],
      message: 'task 0 ended',
    });
    const { code, stderr } = await cli(['submit', '-W', fileWith('run: a\nqueue: q')]);
    expect({ code, stderr }).toEqual({ code: 7, stderr: 'workload/1041 Failed (exit 7): task 0 ended\n' });
  });

  it.each([
    ['no file', ['submit'], 'error: no file to submit\n'],
    ['a file that is not there', ['submit', '/nonexistent/x.yaml'], 'error: cannot read /nonexistent/x.yaml: '],
  ])('refuses %s', async (_, argv, message) => {
    expect(await cli(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  });
});

describe('run', () => {
  it('sends its flags as a spec', async () => {
    const flags =
      '-d -G h100:2 -n 3 -A research -J nightly -p big -q 70 --grace 2m --signal usr2@1m30s --on-disconnect keep --no-preempt --kind train --env A=1 --env B=x=y --workdir /srv --checkpoint-dir /ckpt';
    const { code, stdout } = await cli(['run', ...flags.split(' '), '--', 'python', 'train.py', '-q', '--help']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Submitted workload 1041 (3 tasks)\n' });
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([
      {
        specs: [
          {
            name: 'nightly',
            kind: 'WORKLOAD_KIND_TRAIN',
            queue: 'research',
            priority: 70,
            preemptible: false,
            tasks: 3,
            resources: { gpus: 2, gpuModel: 'h100', pool: 'big' },
            command: { argv: ['python', 'train.py', '-q', '--help'] },
            environment: [
              { name: 'A', value: '1' },
              { name: 'B', value: 'x=y' },
            ],
            workingDirectory: '/srv',
            onDisconnect: 'ON_DISCONNECT_KEEP',
            checkpoint: {
              grace: { seconds: 120 },
              directory: '/ckpt',
              earlySignal: { signal: 'SIGUSR2', ahead: { seconds: 90 } },
            },
          },
        ],
      },
    ]);
  });

  it('says with flags what one task needs, and how the workload is run', async () => {
    const flags =
      '-d -A q -G h100|a100:2x0.5 -c 4 --memory 32GiB --min-gpu-memory 40G --min-driver 535.104 -C net=ib,zone=a ' +
      '-w n1,n2 -n 2-8 --topology required=rack -t 1-12 --retries 3 --retry-backoff 30s..10m --retry-on 75 ' +
      '--retry-never-on 2,3 --after 1040,ended:1041';
    const { code, stdout } = await cli(['run', ...flags.split(' '), '--', 'x']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Submitted workload 1041 (2-8 tasks)\n' });
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([
      {
        specs: [
          {
            tasks: 2,
            maxTasks: 8,
            resources: {
              gpus: 2,
              gpuMilli: 500,
              gpuModel: '',
              gpuModels: ['h100', 'a100'],
              cpuMilli: 4_000,
              memoryMib: 32_768,
              minGpuMemoryMib: 40_960,
              minDriver: '535.104',
              nodeLabels: { net: 'ib', zone: 'a' },
              nodes: ['n1', 'n2'],
            },
            topology: { level: 'TOPOLOGY_LEVEL_RACK', required: true },
            timeLimit: { seconds: 129_600 },
            retry: {
              max: 3,
              backoff: { seconds: 30 },
              maxBackoff: { seconds: 600 },
              codes: [75],
              neverCodes: [2, 3],
            },
            dependencies: [
              { workload: 1040, condition: 'DEPENDENCY_CONDITION_SUCCEEDED' },
              { workload: 1041, condition: 'DEPENDENCY_CONDITION_ENDED' },
            ],
            array: null,
          },
        ],
      },
    ]);
  });

  it.each([
    ['--gpu-memory 20GiB', { gpus: 1, gpuMemoryMib: 20_480 }],
    ['-G a100:2 --gpu-memory 20GiB', { gpus: 2, gpuModel: 'a100', gpuMemoryMib: 20_480 }],
    ['--mig 3g.20gb', { gpus: 1, migProfile: '3g.20gb' }],
    ['--mig 3g.20gb:2', { gpus: 2, migProfile: '3g.20gb' }],
    ['-G 0.5', { gpus: 1, gpuMilli: 500 }],
    ['--cpus-per-task=500m --mem 512', { gpus: 0, cpuMilli: 500, memoryMib: 512 }],
  ])('takes %s', async (flags, resources) => {
    await cli(['run', '-d', '-A', 'q', ...flags.split(' '), '--', 'x']);
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([{ specs: [{ resources }] }]);
  });

  it('submits an array, and says which numbers it has', async () => {
    const { code, stdout } = await cli(['run', '-d', '-A', 'q', '-a', '1-20%4', '--', 'x']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'Submitted workloads 1041-1060 (an array of 20, 4 at a time)\n',
    });
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([
      { specs: [{ array: { size: 20, concurrency: 4, firstIndex: 1 } }] },
    ]);
  });

  it('says by its flags what the scheduler does not take', async () => {
    const field = 'specs[0].resources.cpu_milli';
    scheduler.failures.set('SubmitWorkloads', [
      {
        code: status.FAILED_PRECONDITION,
        reason: 'UNSATISFIABLE',
        message: 'no',
        fields: [
          { field, description: '64 CPUs per task, but the largest node has 8' },
          { field: 'specs[0].dependencies[0].workload', description: 'workload 9 is not there' },
        ],
      },
    ]);
    expect(await cli(['run', '-A', 'q', '-c', '64', '--after', '9', '--', 'x'])).toMatchObject({
      code: 2,
      stderr: 'error: -c: 64 CPUs per task, but the largest node has 8\n--after: workload 9 is not there\n',
    });
  });

  it("takes sbatch's long names", async () => {
    await cli('run -d --account=research --job-name nightly --partition big --qos 70 --ntasks 3 -- x'.split(' '));
    expect(scheduler.requests('SubmitWorkloads')).toMatchObject([
      { specs: [{ queue: 'research', name: 'nightly', resources: { pool: 'big' }, priority: 70, tasks: 3 }] },
    ]);
  });

  it('leaves priority and preemptibility to the scheduler', async () => {
    await cli(['run', '-d', '-A', 'q', '--', 'true']);
    const [request] = scheduler.requests('SubmitWorkloads') as { specs: object[] }[];
    expect(request?.specs[0]).not.toHaveProperty('priority');
    expect(request?.specs[0]).not.toHaveProperty('preemptible');
  });

  it('prints the log on standard output, everything else beside it, and exits as the job did', async () => {
    scheduler.onReadLogs = (_, sink) => {
      sink.send({ allocation: 'A', attempt: 1, offset: 0, data: Buffer.from('hel') });
      sink.send({ offset: 3, data: Buffer.from('lo\n') });
      sink.end();
    };
    playStates(
      ['WORKLOAD_STATE_PENDING', 'WORKLOAD_STATE_STARTING', 'WORKLOAD_STATE_RUNNING', 'WORKLOAD_STATE_FAILED'],
      {
        allocations: [{ ...ALLOCATION, exit: { code: 42 } }],
      },
    );
    const { code, stdout, stderr } = await cli(['run', '-A', 'q', '--', 'x']);
    expect({ code, stdout }).toEqual({ code: 42, stdout: 'hello\n' });
    expect(stderr).toContain('Submitted workload 1041\n');
    expect(stderr).toContain('workload 1041 Failed (exit 42)\n');
  });

  it.each([
    ['success', 'WORKLOAD_STATE_SUCCEEDED', [{ ...ALLOCATION, exit: { code: 0 } }], 0],
    ['a signal', 'WORKLOAD_STATE_FAILED', [{ ...ALLOCATION, exit: { signal: 'SIGSEGV' } }], 139],
    [
      'the task that failed, not those stopped for it',
      'WORKLOAD_STATE_FAILED',
      [
        { ...ALLOCATION, exit: { signal: 'SIGTERM' }, stop: { reason: 'STOP_REASON_GANG_ENDED' } },
        { ...ALLOCATION, task: 1, exit: { code: 5 } },
      ],
      5,
    ],
    ['a failure without exit', 'WORKLOAD_STATE_FAILED', [], 1],
    ['a cancel before the start', 'WORKLOAD_STATE_CANCELLED', [], 143],
  ] as const)('exits by %s', async (_, state, allocations, expected) => {
    scheduler.onReadLogs = (_request, sink) => sink.end();
    playStates([state], { allocations: [...allocations] });
    // The tools' own code is for their own errors.
    const { code } = await cli(['run', '-A', 'q', '--', 'x'], { env: { SLUICE_EXIT_ERROR: '99' } });
    expect(code).toBe(expected);
  });

  it('leaves the job running at Ctrl-C and says how to go on', async () => {
    playStates(['WORKLOAD_STATE_RUNNING'], { allocations: [{ ...ALLOCATION, state: 'ALLOCATION_STATE_RUNNING' }] });
    scheduler.onReadLogs = (_, sink) => sink.send({ allocation: 'A', attempt: 1, data: Buffer.from('step 1\n') });
    const running = startCli(['run', '-A', 'q', '--', 'x'], { env: env() });
    await running.stdoutHas('step 1');
    await running.stderrHas('is Running on n1');
    running.interrupt();
    const { code, stderr } = await running.result;
    expect(code).toBe(130);
    expect(stderr).toContain('Detached; workload 1041 goes on.\n  follow: sluice logs -f 1041');
    expect(scheduler.requests('CancelWorkloads')).toEqual([]);
  });

  it.each([
    [
      'no command',
      ['run', '-G', '1'],
      'error: no command to run\nWrite it after "--": sluice run -G 1 -- python train.py\n',
    ],
    ['no queue', ['run', '--', 'x'], 'error: no queue to charge\nName one with -A QUEUE'],
    ['no number', ['run', '-A', 'q', '-n', 'two', '--', 'x'], 'error: -n two is no whole number\n'],
    ['no GPUs', ['run', '-A', 'q', '-G', 'lots', '--', 'x'], 'error: -G lots is no number of GPUs\n'],
    ['one and a half', ['run', '-A', 'q', '-G', '1.5', '--', 'x'], 'error: -G 1.5 is no number of GPUs\n'],
    ['no memory', ['run', '-A', 'q', '--memory', '9K', '--', 'x'], 'error: --memory 9K is no amount of memory\n'],
    ['no CPUs', ['run', '-A', 'q', '-c', 'all', '--', 'x'], 'error: -c all is no number of CPUs\n'],
    ['no profile', ['run', '-A', 'q', '--mig', '3', '--', 'x'], 'error: --mig 3 is no MIG profile\n'],
    ['two numbers', ['run', '-A', 'q', '-G', '2', '--mig', '1g.5gb:3', '--', 'x'], 'error: --mig says 3 instances'],
    ['no label', ['run', '-A', 'q', '-C', 'ib', '--', 'x'], 'error: -C ib is no label\nWrite LABEL=VALUE'],
    ['no level', ['run', '-A', 'q', '--topology', 'rack', '--', 'x'], 'error: --topology rack is no rule\n'],
    ['no time', ['run', '-A', 'q', '-t', 'soon', '--', 'x'], 'error: -t soon is no time limit\n'],
    ['fewer than at least', ['run', '-A', 'q', '-n', '8-2', '--', 'x'], 'error: -n 8-2: at most 2 is less than'],
    ['no retries', ['run', '-A', 'q', '--retry-on', '75', '--', 'x'], 'error: it is not said how often to try again\n'],
    ['no number to wait for', ['run', '-A', 'q', '--after', 'prep', '--', 'x'], 'error: --after prep is no list of'],
    ['no array', ['run', '-d', '-A', 'q', '-a', '10', '--', 'x'], 'error: -a 10 is no array\n'],
    ['an array to follow', ['run', '-A', 'q', '-a', '0-9', '--', 'x'], 'error: an array has many outputs'],
    [
      'a flag of the program before "--"',
      ['run', 'train', '--epochs', '3'],
      'Flags of the program to run come after "--"',
    ],
  ])('refuses %s', async (_, argv, message) => {
    expect(await cli(argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect(scheduler.calls).toEqual([]);
  });
});

describe('logs', () => {
  it('prints the bytes of one task as they are', async () => {
    const bytes = Buffer.from([0x68, 0xff, 0x00, 0x0a]);
    scheduler.onReadLogs = (_, sink) => {
      sink.send({ allocation: 'A', attempt: 1, offset: 0, data: bytes });
      sink.end();
    };
    const { code, stdout } = await cli(['logs', 'resnet', '--task', '1', '--tail', '100']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: bytes.toString('utf8') });
    expect(scheduler.requests('ReadLogs')).toMatchObject([
      { workload: '1041', task: 1, follow: false, tailLines: 100 },
    ]);
  });

  it('follows over a restart of the workload', async () => {
    scheduler.onReadLogs = (_, sink) => {
      sink.send({ allocation: 'A', attempt: 1, offset: 0, data: Buffer.from('one\n') });
      sink.send({ allocation: 'B', attempt: 2, offset: 0, data: Buffer.from('two\n') });
      sink.end();
    };
    expect(await cli(['logs', '-f', '1041'])).toEqual({ code: 0, stdout: 'one\ntwo\n', stderr: '--- attempt 2 ---\n' });
  });

  it('reads several tasks at once and tells them apart, and one that cannot be read beside the others', async () => {
    scheduler.workloads = [workload(1041, { spec: { tasks: 3 } })];
    scheduler.onReadLogs = ({ task }, sink) => {
      if (task === 2) {
        sink.fail({ code: status.UNAVAILABLE, reason: 'NODE_NOT_READY', message: 'node n1 is away' });
        return;
      }
      sink.send({ allocation: `A${task}`, attempt: 1, offset: 0, data: Buffer.from(`loss ${task}\nother\n`) });
      sink.end();
    };
    const { code, stdout, stderr } = await cli(['logs', '1041', '--rank', 'all', '--grep', 'loss']);
    expect(stdout.split('\n').toSorted()).toEqual(['', '[0] loss 0', '[1] loss 1']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '[2] node n1 is away\n' });
  });

  it('asks for an attempt, a time and lines', async () => {
    await cli(['logs', '1041', '-p', '--since', '2026-11-23T08:00Z', '--timestamps']);
    await cli(['logs', '1041', '--attempt', '2', '--task', '4-5,9']);
    const requests = scheduler.requests('ReadLogs') as { task: number }[];
    expect(requests[0]).toMatchObject({ previous: true, times: true, since: { seconds: 1_795_420_800 } });
    expect(
      requests
        .slice(1)
        .map(({ task }) => task)
        .toSorted((a, b) => a - b),
    ).toEqual([4, 5, 9]);
    expect(requests[1]).toMatchObject({ attempt: 2, previous: false });
  });

  it('goes on where the last reading with the same position file ended', async () => {
    const file = path.join(temporaryFolder(), 'place');
    scheduler.onReadLogs = ({ resumeOffset }, sink) => {
      const whole = Buffer.from('one\ntwo\n');
      const rest = resumeOffset === 0 ? whole.subarray(0, 4) : whole.subarray(resumeOffset);
      sink.send({ allocation: 'A', attempt: 1, offset: resumeOffset, data: rest });
      sink.end();
    };
    expect(await cli(['logs', '1041', '--position', file])).toMatchObject({ code: 0, stdout: 'one\n' });
    expect(await cli(['logs', '1041', '--position', file])).toMatchObject({ code: 0, stdout: 'two\n' });
    expect(scheduler.requests('ReadLogs')).toMatchObject([
      { resumeAllocation: '', resumeOffset: 0 },
      { resumeAllocation: 'A', resumeOffset: 4 },
    ]);
    const { code, stderr } = await cli(['logs', '1041', '--task', '1', '--position', file]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `error: ${file} is the place in the log of task 0 of workload 1041, not of task 1 of workload 1041\nName another file.\n`,
    });
  });

  it('says what comes of a place that cannot be kept, and leaves no draft', async () => {
    const folder = temporaryFolder();
    scheduler.onReadLogs = (_, sink) => {
      mkdirSync(path.join(folder, 'place'));
      sink.send({ allocation: 'A', attempt: 1, offset: 0, data: Buffer.from('one\n') });
      sink.end();
    };
    const file = path.join(folder, 'place');
    expect(await cli(['logs', '1041', '--position', file])).toEqual({
      code: 1,
      stdout: 'one\n',
      stderr:
        `error: cannot write the position file ${file}: it is a folder\n` +
        'What was printed since it was last written is printed again by the next reading with it.\n',
    });
    expect(readdirSync(folder)).toEqual(['place']);
  });

  it.each([
    [['--task', 'first'], '--task first is no whole number, list or range of them, or "all"'],
    [['--task', '5-2'], '--task 5-2: 2 is less than 5'],
    [['--task', '0-64'], 'these are 65 tasks, and at most 64 are read at once'],
    [['--since', 'lunch'], '--since lunch is no time'],
    [['--grep', '('], '--grep ( is no regular expression'],
    [['--attempt', '0'], '--attempt 0 is none'],
    [['--attempt', '1', '-p'], '--attempt and --previous say two things'],
    [['--attempt', '99999999999'], '--attempt 99999999999 is more than 2147483647'],
    [['--tail', '9999999999'], '--tail 9999999999 is more than 2147483647'],
    [
      ['--position', '/nowhere/place'],
      'cannot write the position file /nowhere/place: /nowhere: there is no such folder',
    ],
    [['--tail', 'some'], '--tail some is no whole number'],
    [['--position', '/tmp/x', '--task', '0,1'], '--position keeps the place in one log'],
  ])('refuses %j', async (flags, message) => {
    expect(await cli(['logs', '1041', ...flags])).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    expect(scheduler.requests('ReadLogs')).toEqual([]);
  });

  it('tells an unknown workload and a log that cannot be read', async () => {
    expect(await cli(['logs', 'nope'])).toMatchObject({ code: 1, stderr: 'error: workload "nope" does not exist\n' });
    scheduler.failures.set('ReadLogs', [
      { code: status.UNAVAILABLE, reason: 'NODE_NOT_READY', message: 'node n1 is away' },
    ]);
    expect(await cli(['logs', '1041'])).toMatchObject({ code: 1, stderr: 'error: node n1 is away\n' });
  });
});

describe('wait', () => {
  it('waits for success by default', async () => {
    playStates(['WORKLOAD_STATE_PENDING', 'WORKLOAD_STATE_RUNNING', 'WORKLOAD_STATE_SUCCEEDED']);
    expect(await cli(['wait', 'job/resnet'])).toEqual({ code: 0, stdout: 'workload/1041 condition met\n', stderr: '' });
  });

  it.each(['running', 'state=running', 'condition=Running'])('waits for %s', async (condition) => {
    playStates(['WORKLOAD_STATE_PENDING', 'WORKLOAD_STATE_RUNNING']);
    expect(await cli(['wait', '1041', '--for', condition])).toMatchObject({ code: 0 });
  });

  it('fails at once when the condition can never be met', async () => {
    playStates(['WORKLOAD_STATE_RUNNING', 'WORKLOAD_STATE_FAILED'], {
      allocations: [{ ...ALLOCATION, exit: { code: 3 } }],
    });
    expect(await cli(['wait', '1041'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'error: workload/1041 ended otherwise: Failed (exit 3)\n',
    });
  });

  it('exits as the job did when asked to', async () => {
    playStates(['WORKLOAD_STATE_FAILED'], { allocations: [{ ...ALLOCATION, exit: { code: 3 } }] });
    expect(await cli(['wait', '1041', '--exit-code'])).toMatchObject({
      code: 3,
      stdout: 'workload/1041 condition met\n',
    });
  });

  it('gives up after the timeout', async () => {
    playStates(['WORKLOAD_STATE_PENDING']);
    expect(await cli(['wait', '1041', '--timeout', '100ms'])).toMatchObject({
      code: 1,
      stderr: 'error: timed out waiting for the condition on workload/1041\n',
    });
  });

  it('suggests a condition', async () => {
    expect(await cli(['wait', '1041', '--for', 'runing'])).toMatchObject({
      code: 2,
      stderr: 'error: unknown condition "runing"\nDid you mean this?\n\trunning\n',
    });
  });
});

describe('cancel', () => {
  it('tells what became of each', async () => {
    const pending = scheduler.workloads.find(({ number }) => number === 1042);
    if (pending) pending.state = 'WORKLOAD_STATE_CANCELLED';
    expect((await cli(['cancel', '1040', 'resnet', 'workload/1042', '--reason', 'enough'])).stdout).toBe(
      [
        'workload/1040 unchanged: it had ended (Failed)',
        'workload/1041 stopping (grace 30s)',
        'workload/1042 cancelled',
        '',
      ].join('\n'),
    );
    expect(scheduler.requests('CancelWorkloads')).toMatchObject([
      { workloads: ['1040', 'resnet', '1042'], reason: 'enough' },
    ]);
  });

  it('cancels nothing when there is no last one', async () => {
    scheduler.workloads = [];
    expect(await cli(['cancel', 'last'])).toMatchObject({
      code: 2,
      stderr: 'error: there is no workload yet, so "last" names none\n',
    });
  });
});

describe('queue', () => {
  it('creates with its figures', async () => {
    const argv = 'queue create vision --parent research --guarantee 4 --limit 8 --weight 0.5 --priority 50'.split(' ');
    expect(await cli(argv)).toEqual({ code: 0, stdout: 'queue/vision created\n', stderr: '' });
    expect(scheduler.requests('CreateQueue')).toMatchObject([
      { queue: { name: 'vision', parent: 'research', guaranteeGpus: 4, limitGpus: 8, weight: 0.5, priority: 50 } },
    ]);
  });

  it('creates with CPU, memory, parts of the cluster, shapes, and rules for its work', async () => {
    const argv = [
      ...'queue create vision --guarantee 2.5 --limit 8 --guarantee-cpus 64 --limit-cpus 0.5 --guarantee-memory 512GiB'.split(
        ' ',
      ),
      ...'--limit-memory 1T --user-limit 0.5 --scope pool=big,model=h100,guarantee=2,limit=4'.split(' '),
      '--scope',
      'model=A100 80GB,limit=1',
      ...'--shape 4x8,model=h100,level=rack --shape 1x2 --reclaim-min-runtime 10m --max-grace 30s'.split(' '),
      ...'--lend-max-min-runtime 5m --lend-max-grace 20s'.split(' '),
    ];
    expect(await cli(argv)).toMatchObject({ code: 0 });
    expect(scheduler.requests('CreateQueue')).toMatchObject([
      {
        queue: {
          guaranteeGpus: 2.5,
          guaranteeCpuMilli: 64_000,
          limitCpuMilli: 500,
          guaranteeMemoryMib: 524_288,
          limitMemoryMib: 1_048_576,
          userLimitGpus: 0.5,
          scopes: [
            { pool: 'big', gpuModel: 'h100', guaranteeGpus: 2, limitGpus: 4 },
            { pool: '', gpuModel: 'A100 80GB', guaranteeGpus: 0, limitGpus: 1 },
          ],
          shapes: [
            { count: 4, gpus: 8, gpuModel: 'h100', level: 'TOPOLOGY_LEVEL_RACK' },
            { count: 1, gpus: 2, gpuModel: '', level: 'TOPOLOGY_LEVEL_NODE' },
          ],
          reclaimMinRuntime: { seconds: 600 },
          preemptMinRuntime: null,
          maxGrace: { seconds: 30 },
          lendMaxMinRuntime: { seconds: 300 },
          lendMaxGrace: { seconds: 20 },
        },
      },
    ]);
  });

  it('takes away every figure that may be none', async () => {
    const flags = 'limit guarantee-cpus limit-cpus guarantee-memory limit-memory user-limit reclaim-min-runtime';
    const rest = 'preempt-min-runtime max-grace lend-max-min-runtime lend-max-grace idle-limit idle-gpus scope shape';
    const argv = `${flags} ${rest}`.split(' ').flatMap((flag) => [`--${flag}`, 'none']);
    await cli(['queue', 'update', 'vision', ...argv]);
    const [request] = scheduler.requests('UpdateQueue') as { queue: object; updateMask: { paths: string[] } }[];
    expect(request?.updateMask.paths).toEqual([
      'limit_gpus',
      'guarantee_cpu_milli',
      'limit_cpu_milli',
      'guarantee_memory_mib',
      'limit_memory_mib',
      'user_limit_gpus',
      'reclaim_min_runtime',
      'preempt_min_runtime',
      'max_grace',
      'lend_max_min_runtime',
      'lend_max_grace',
      'idle_limit',
      'idle_gpus',
      'scopes',
      'shapes',
    ]);
    expect(request?.queue).toMatchObject({ scopes: [], shapes: [], reclaimMinRuntime: null, maxGrace: null });
    expect(request?.queue).not.toHaveProperty('userLimitGpus');
  });

  it.each([
    [['--guarantee', '1.0005'], '--guarantee 1.0005 is no number of GPUs such as 8 or 0.5'],
    [['--guarantee', 'none'], '--guarantee none is no number of GPUs'],
    [['--limit', '-1'], '--limit -1 is no number of GPUs such as 8 or 0.5, nor "none"'],
    [['--limit-cpus', 'all'], '--limit-cpus all is no number of CPUs'],
    [['--limit-memory', '5K'], '--limit-memory 5K is no amount of memory'],
    [['--max-grace', 'long'], '--max-grace long is no time such as 90s'],
    [['--idle-gpus', '2h'], '--idle-gpus 2h is no policy such as warn=2h'],
    [['--idle-gpus', 'warn=soon'], '--idle-gpus warn=soon is no policy'],
    [['--idle-gpus', 'warn=1h,warn=2h'], '--idle-gpus warn=1h,warn=2h is no policy'],
    [['--weight', 'heavy'], '--weight heavy is no number'],
    [['--scope', 'pool=big'], '--scope pool=big is no scope\nWrite pool=NAME'],
    [['--scope', 'zone=a,guarantee=1'], '--scope zone=a,guarantee=1 is no scope'],
    [['--scope', 'pool=a,pool=b,limit=1'], 'is no scope'],
    [['--shape', '8'], '--shape 8 is no shape\nWrite COUNTxGPUS'],
    [['--shape', '4x8,level=city'], '--shape 4x8,level=city is no shape'],
  ])('refuses %j', async (flags, message) => {
    const { code, stderr } = await cli(['queue', 'update', 'vision', ...flags]);
    expect({ code, found: stderr.includes(message) }).toEqual({ code: 2, found: true });
    expect(scheduler.calls).toEqual([]);
  });

  it.each([
    ['off', { warnAfter: null, reclaimAfter: null }],
    ['warn=2h', { warnAfter: { seconds: 7_200 }, reclaimAfter: null }],
    ['reclaim=3h,warn=2h', { warnAfter: { seconds: 7_200 }, reclaimAfter: { seconds: 10_800 } }],
  ])('reads what becomes of idle GPUs: %s', async (text, expected) => {
    await cli(['queue', 'update', 'vision', '--idle-gpus', text]);
    expect(scheduler.requests('UpdateQueue')).toMatchObject([
      { queue: { idleGpus: expected }, updateMask: { paths: ['idle_gpus'] } },
    ]);
  });

  it.each([
    ['5000,per=week', 'says per=week; there are month, quarter, year'],
    ['5000,of=gpus', 'says of=gpus; there are gpu-hours, cost'],
    ['5000,then=stop', 'says then=stop; there are warn, stop-borrowing, end-borrowed'],
    ['5000,each=month', 'says "each=month"; there are of=, per=, from=, to=, then=, warn=, tell='],
    ['5000,per=month,per=year', 'says per= more than once'],
    ['5000,per=month,warn=most', 'says warn= with what is no percentage such as 80'],
    ['lots,per=month', 'begins with "lots", which is no amount such as 5000 or 0.5'],
  ])('says what is wrong with the budget %s', async (text, why) => {
    const { code, stderr } = await cli(['queue', 'update', 'vision', '--budget', text]);
    expect(code).toBe(2);
    expect(stderr).toContain(`error: --budget ${text} ${why}\nWrite a budget such as 5000,per=month`);
    expect(scheduler.requests('UpdateQueue')).toEqual([]);
  });

  it('reads a budget', async () => {
    const text = '800,of=cost,from=2026-10-01,to=2026-12-31,warn=50,warn=100,then=end-borrowed,tell=a@example.org';
    await cli(['queue', 'update', 'vision', '--budget', text]);
    expect(scheduler.requests('UpdateQueue')).toMatchObject([
      {
        queue: {
          budget: {
            amount: 800,
            unit: 'BUDGET_UNIT_COST',
            firstDay: '2026-10-01',
            lastDay: '2026-12-31',
            warnAt: [0.5, 1],
            whenSpent: 'BUDGET_ACTION_END_BORROWED',
            notify: ['a@example.org'],
          },
        },
      },
    ]);
  });

  it('passes warnings on', async () => {
    expect(await cli(['queue', 'create', 'big', '--guarantee', '16'])).toMatchObject({
      code: 0,
      stderr: 'warning: guarantees add up to 16 GPUs, the cluster has 8\n',
    });
  });

  it('updates what is given and nothing else; "none" lifts the limit', async () => {
    expect(await cli(['queue', 'update', 'vision', '--limit', 'none'])).toMatchObject({
      code: 0,
      stdout: 'queue/vision updated\n',
    });
    const [request] = scheduler.requests('UpdateQueue') as { queue: object; updateMask: object }[];
    expect(request?.updateMask).toEqual({ paths: ['limit_gpus'] });
    expect(request?.queue).not.toHaveProperty('limitGpus');
    expect(await cli(['queue', 'update', 'vision'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nothing to change'),
    });
  });

  it('deletes', async () => {
    expect(await cli(['queue', 'delete', 'vision', 'research'])).toMatchObject({
      code: 0,
      stdout: 'queue/vision deleted\nqueue/research deleted\n',
    });
  });

  it('never repeats a create or delete by itself', async () => {
    scheduler.failures.set('CreateQueue', [{ code: status.UNAVAILABLE, reason: 'UNAVAILABLE', message: 'gone' }]);
    expect(await cli(['queue', 'create', 'x'])).toMatchObject({ code: 1 });
    expect(scheduler.requests('CreateQueue')).toHaveLength(1);
  });

  it('suggests a verb', async () => {
    expect(await cli(['queue', 'creat', 'x'])).toMatchObject({
      code: 2,
      stderr: 'error: unknown command "creat" for "sluice queue"\nDid you mean this?\n\tcreate\n',
    });
  });
});

describe('cordon and uncordon', () => {
  it('say what they did', async () => {
    expect(await cli(['cordon', 'n1', 'node/n2', '--reason', 'fan swap'])).toMatchObject({
      code: 0,
      stdout: 'node/n1 cordoned\nnode/n2 cordoned\n',
    });
    expect(scheduler.requests('CordonNode')).toEqual([
      { name: 'n1', reason: 'fan swap' },
      { name: 'n2', reason: 'fan swap' },
    ]);
    expect(await cli(['uncordon', 'n1'])).toMatchObject({ code: 0, stdout: 'node/n1 uncordoned\n' });
  });

  it('tell an unknown node', async () => {
    expect(await cli(['cordon', 'n9'])).toMatchObject({ code: 1, stderr: 'error: node "n9" does not exist\n' });
  });

  it('gives up, and forgets, what is no more', async () => {
    scheduler.nodes = [{ name: 'n1' }];
    const bare = await cli(['node', 'fence', 'n1']);
    expect(bare).toMatchObject({ code: 2, stdout: '' });
    expect(bare.stderr).toContain('fencing a node needs --i-certify-it-is-off');
    expect(scheduler.requests('FenceNode')).toEqual([]);
    const fenced = await cli(['node', 'fence', 'node/n1', '--i-certify-it-is-off', '--reason', 'burnt']);
    expect(fenced).toMatchObject({ code: 0, stdout: 'node/n1 fenced, 1 allocation given up\n' });
    expect(scheduler.requests('FenceNode')).toMatchObject([{ name: 'n1', certifiedOff: true, reason: 'burnt' }]);
    expect(await cli(['node', 'remove', 'n1'])).toMatchObject({ code: 0, stdout: 'node/n1 removed\n' });
    const gpu = await cli(['node', 'remove-gpu', 'n1', 'GPU-7']);
    expect(gpu).toMatchObject({ code: 0, stdout: 'gpu/GPU-7 of node/n1 removed\n' });
    expect(scheduler.requests('RemoveGpu')).toEqual([{ node: 'n1', uuid: 'GPU-7' }]);
  });

  it('lists GPUs that are not healthy with every reason, and takes a word about one', async () => {
    const at = (seconds: number) => ({ seconds: Math.floor(Date.now() / 1_000) - seconds, nanos: 0 });
    const usual = { model: 'NVIDIA H100 80GB HBM3', memoryMib: 81_559 };
    const xid = {
      code: 'xid_119',
      message: 'Xid 119 (the GPU has to be reset)',
      time: at(300),
      endsWith: 'reboot',
    } as const;
    const hot = {
      code: 'thermal',
      message: 'slowed down',
      time: at(60),
      endsWith: 'time',
      untilTime: at(-1_200),
    } as const;
    scheduler.nodes = [
      {
        name: 'n1',
        inventory: {
          gpus: [
            { ...usual, uuid: 'GPU-0', index: 0, health: 'GPU_HEALTH_HEALTHY' },
            {
              ...usual,
              uuid: 'GPU-1',
              index: 1,
              health: 'GPU_HEALTH_DRAINING',
              healthMessage: 'Xid 119 (the GPU has to be reset)',
              marks: [xid, hot],
              workload: 7,
            },
            { ...usual, uuid: 'GPU-2', index: 2, health: 'GPU_HEALTH_LOST', healthMessage: 'GPU is lost' },
          ],
        },
      },
    ];
    const { stdout } = await cli(['gpu', 'list']);
    const rows = stdout.split('\n').map((line) => line.trim().replaceAll(/  +/g, ' | '));
    expect(rows).toEqual([
      'NODE | IDX | GPU | STATE | SINCE | WORKLOAD | ENDS WITH | WHY',
      expect.stringMatching(
        /^n1 \| 1 \| H100-80GB \| Draining \| 5m\S* \| 7 \| reboot, release \| Xid 119 \(the GPU has to be reset\)$/,
      ),
      expect.stringMatching(/^\d+s \| in (19|20)m\S* \| slowed down$/),
      'n1 | 2 | H100-80GB | Lost | - | - | its cause | GPU is lost',
      '',
    ]);
    expect((await cli(['gpu', 'list', 'n1', '--all', '-o', 'json'])).stdout).toContain('"uuid": "GPU-0"');
    const quarantined = await cli(['gpu', 'quarantine', 'node/n1', '1', '--reason', 'noise', '--stop']);
    expect(quarantined).toMatchObject({ code: 0, stdout: 'gpu/GPU-1 of node/n1 quarantined, 1 workload stopped\n' });
    expect(scheduler.requests('QuarantineGpu')).toEqual([{ node: 'n1', gpu: '1', reason: 'noise', stopWork: true }]);
    const released = await cli(['gpu', 'release', 'n1', 'gpu/1']);
    expect(released).toMatchObject({ code: 0, stdout: 'gpu/GPU-1 of node/n1 released\n' });
    expect(released.stderr).toContain('It is draining still');
    const reset = await cli(['gpu', 'reset', 'n1', '1', '--reason', 'hangs']);
    expect(reset).toMatchObject({
      code: 0,
      stdout: 'gpu/GPU-1 of node/n1 is reset once nothing runs there, and with it GPU-2\n',
    });
    expect((await cli(['gpu', 'reset', 'n1', '1', '--stop'])).stdout).toContain(', 1 workload stopped\n');
    expect(scheduler.requests('ResetGpu')).toEqual([
      { node: 'n1', gpu: '1', reason: 'hangs', stopWork: false },
      { node: 'n1', gpu: '1', reason: '', stopWork: true },
    ]);
    scheduler.nodes = [{ name: 'n1', inventory: { gpus: [{ ...usual, index: 0, health: 'GPU_HEALTH_HEALTHY' }] } }];
    expect((await cli(['gpu', 'list'])).stderr).toContain('The one GPU is healthy.');
  });

  it('says what the scheduler waits for, and releases what holds it', async () => {
    const { code, stdout } = await cli(['status']);
    expect(code).toBe(0);
    expect(stdout).toContain('Ready:    yes');
    expect(stdout).toContain('  4 nodes (n1, n2, n3, n4) that fell silent at once\n  the leases (at most 42s)\n');
    expect(stdout).toContain('brake_closed: 4 of 10');
    expect(JSON.parse((await cli(['status', '-o', 'json'])).stdout)).toMatchObject({ ready: true, waiting: [{}, {}] });
    expect((await cli(['brake', 'release', '--dry-run'])).stdout).toBe(
      'the brake is held by 4 silent nodes: n1, n2, n3, n4\n',
    );
    expect((await cli(['brake', 'release'])).stdout).toBe(
      'brake released, it was held by 4 silent nodes: n1, n2, n3, n4\n',
    );
    expect(scheduler.requests('ReleaseBrake')).toEqual([{ validateOnly: true }, { validateOnly: false }]);
    expect((await cli(['recovery', 'end'])).stdout).toBe('recovery ended; every known node was heard\n');
  });
});
