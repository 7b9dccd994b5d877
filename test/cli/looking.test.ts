// The commands that look: get, describe, why, version, against a scheduler that knows the sample cluster.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { cli as run, startCli, type CliOptions } from './run-cli.js';
import type { FakeScheduler } from './fake-scheduler.js';
import { refresh, startSample, workload } from './sample-cluster.js';

let scheduler: FakeScheduler;
beforeAll(async () => {
  scheduler = await startSample();
});
beforeEach(() => refresh(scheduler));
afterAll(() => scheduler.stop());

function cli(line: string, options: CliOptions = {}) {
  return run(line.split(' '), { ...options, env: { SLUICE_SERVER: scheduler.address, ...options.env } });
}

/** The lines of standard output of a run that must succeed. */
async function linesOf(line: string, options: CliOptions = {}): Promise<readonly string[]> {
  const { code, stdout, stderr } = await cli(line, options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  // Running times go on while the test runs.
  return stdout
    .replaceAll(/\b47:0\d/g, '47:0x')
    .trimEnd()
    .split('\n');
}

describe('get workloads', () => {
  it('shows states, GPUs, nodes and reasons, oldest first', async () => {
    expect(await linesOf('get workloads')).toEqual([
      'NUMBER   NAME        KIND    QUEUE      OWNER   STATUS    GPUS                NODES   TIME      NODELIST(REASON)',
      '1040     tok-train   train   research   alice   Failed    2xH100(SIMULATED)   1       1:00:00   n1 (exit 3)',
      '1041     resnet      train   research   alice   Running   2xH100(SIMULATED)   1       47:0x     n1',
      '1042     pretrain    train   research   alice   Pending   0/8xH100            -       0:00      (QueueLimit)',
      '1043     any-gpu     train   product    alice   Pending   0/2                 -       0:00      (not looked at yet)',
    ]);
  });

  it.each(['workload', 'wl', 'jobs', 'job', 'j', 'JOBS'])('is also get %s', async (noun) => {
    expect(await linesOf(`get ${noun} -o name`)).toEqual([
      'workload/1040',
      'workload/1041',
      'workload/1042',
      'workload/1043',
    ]);
  });

  it.each([
    ['get wl 1041', ['workload/1041']],
    ['get wl/1041', ['workload/1041']],
    ['get job resnet', ['workload/1041']],
    ['get wl last', ['workload/1043']],
    ['get wl 1040 resnet', ['workload/1040', 'workload/1041']],
    ['get wl --state pending,failed', ['workload/1040', 'workload/1042', 'workload/1043']],
    ['get wl -n product', ['workload/1043']],
  ])('chooses: %s', async (line, names) => {
    expect(await linesOf(`${line} -o name`)).toEqual(names);
  });

  it('lists all queues, whatever queue is charged', async () => {
    const env = { SLUICE_QUEUE: 'product' };
    expect(await linesOf('get wl -o name', { env })).toHaveLength(4);
    expect(await linesOf('get wl -A -o name', { env })).toHaveLength(4);
  });

  it('adds columns with -o wide', async () => {
    const [titles, first] = await linesOf('get wl 1041 -o wide');
    expect(titles).toMatch(/NODELIST\(REASON\) {3}PRIORITY {3}PREEMPTIBLE {3}POOL {3}REQUEUES {3}AGE$/);
    expect(first).toMatch(/n1 {17}50 {9}yes {11}h100 {3}1 {10}31m$/);
  });

  it('says on standard error that there are none, and succeeds', async () => {
    expect(await cli('get wl --state cancelled')).toEqual({ code: 0, stdout: '', stderr: 'No workloads found.\n' });
    expect(await cli('get wl -n nobody')).toMatchObject({ code: 0, stderr: 'No workloads found in queue nobody.\n' });
  });

  it('prints a list for programs, empty or not', async () => {
    const { stdout } = await cli('get wl -o json');
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'WorkloadList', items: [{ number: 1040 }, {}, {}, {}] });
    const none = await cli('get wl --state cancelled -o json');
    expect(JSON.parse(none.stdout)).toEqual({ kind: 'WorkloadList', items: [] });
  });

  it('prints one as the API has it: times, durations and enums in protobuf-JSON, no virtual fields', async () => {
    const item = JSON.parse((await cli('get wl 1041 -o json')).stdout) as Record<string, unknown>;
    expect(item).toMatchObject({
      number: 1041,
      state: 'WORKLOAD_STATE_RUNNING',
      gpuTime: '5400s',
      spec: { kind: 'WORKLOAD_KIND_TRAIN', checkpoint: { grace: '30s' }, priority: 50 },
    });
    expect(item['startTime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    expect(item).not.toHaveProperty('endTime');
    expect(Object.keys(item['spec'] as object)).not.toContain('program');
    expect(Object.keys(item['spec'] as object)).not.toContain('_priority');
  });

  it('prints the same as YAML', async () => {
    const [json, yaml] = await Promise.all([cli('get wl 1041 -o json'), cli('get wl 1041 -o yaml')]);
    expect(parse(yaml.stdout)).toEqual(JSON.parse(json.stdout));
  });

  it('takes the format of SLUICE_OUTPUT, and the flag before it', async () => {
    const env = { SLUICE_OUTPUT: 'json' };
    expect(JSON.parse((await cli('get wl', { env })).stdout)).toMatchObject({ kind: 'WorkloadList' });
    expect(await linesOf('get wl -o name', { env })).toHaveLength(4);
  });

  it('colours on a terminal only, and not with NO_COLOR', async () => {
    expect((await cli('get wl 1041', { isTTY: true })).stdout).toContain('\u001B[32mRunning\u001B[0m');
    expect((await cli('get wl 1041')).stdout).not.toContain('\u001B');
    expect((await cli('get wl 1041', { isTTY: true, env: { NO_COLOR: '1' } })).stdout).not.toContain('\u001B');
  });

  it('does not let names steer the terminal', async () => {
    scheduler.workloads.push(workload(1050, { message: '\u001B[2Jgone\nnext' }));
    const { stdout } = await cli('get wl 1050');
    scheduler.workloads.pop();
    expect(stdout).toContain('( [2Jgone next)');
  });
});

describe('get workloads --watch', () => {
  it('shows the table, then each change once, also what leaves the states asked for', async () => {
    const running = startCli(['get', 'wl', '--state', 'pending', '-w'], { env: { SLUICE_SERVER: scheduler.address } });
    const usual = scheduler.onWatch;
    const pending = scheduler.workloads.find(({ number }) => number === 1042);
    scheduler.onWatch = (_, sink) => {
      sink.send({ revision: 5, workload: pending });
      sink.send({ revision: 5, workload: scheduler.workloads.find(({ number }) => number === 1041) });
      sink.send({ revision: 5, caughtUp: true });
      sink.send({ revision: 6, workload: pending });
      sink.send({ revision: 7, workload: workload(1042, { state: 'WORKLOAD_STATE_CANCELLED' }) });
      sink.send({ revision: 8, workload: workload(1042, { state: 'WORKLOAD_STATE_CANCELLED' }) });
      sink.send({ revision: 9, workload: workload(1060, {}) });
      sink.fail({ code: 7, reason: 'ENOUGH', message: 'enough' });
    };
    const { code, stdout, stderr } = await running.result;
    scheduler.onWatch = usual;
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 6).join(' '))).toEqual([
      'NUMBER NAME KIND QUEUE OWNER STATUS',
      '1042 pretrain train research alice Pending',
      '1042 w1042 train research alice Cancelled',
      '1060 w1060 train research alice Pending',
      '',
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: enough\n' });
  });
});

describe('work on a node that is not heard', () => {
  it('is shown so by get, describe and why', async () => {
    const { workloads, explanation } = scheduler;
    const silence = 'it is running; not heard of: n1 for 2m00s';
    const silent = workloads.map((each) =>
      each.number === 1041
        ? { ...each, allocations: (each.allocations ?? []).map((one) => ({ ...one, unreachable: true })) }
        : each,
    );
    scheduler.workloads = silent;
    scheduler.explanation = { number: 1041, state: 'WORKLOAD_STATE_RUNNING', summary: silence };
    const [listed, described, why] = await Promise.all(
      ['get workloads 1041', 'describe workload 1041', 'why 1041'].map(async (line) =>
        (await linesOf(line)).join('\n'),
      ),
    );
    scheduler.workloads = workloads;
    scheduler.explanation = explanation;
    expect(listed).toContain('Running,Unreachable');
    expect(described).toContain(`Silent:      ${silence}`);
    expect(why).toMatch(/^Workload 1041 .* is Running for .* on n1\n {2}it is running; not heard of: n1 for 2m00s$/);
    expect((await linesOf('get workloads 1041')).join()).not.toContain('Unreachable');
  });
});

describe('a workload in words', () => {
  it.each([
    ['LAUNCHER_NONE', 'TASK RANK NODE', ['0 1 n1', '1 - n1']],
    ['LAUNCHER_PER_GPU', 'TASK NODE-RANK NODE', ['0 1 n1', '1 - n1']],
    [null, 'TASK NODE GPUS', ['0 n1', '1 n1']],
  ] as const)('says which rank each task is that works with others: %s', async (launcher, titles, rows) => {
    const { workloads } = scheduler;
    scheduler.workloads = workloads.map((each) => {
      if (each.number !== 1041 || launcher === null) return each;
      const ranked = (each.allocations ?? []).map((one) => (one.task === 0 ? { ...one, rank: 1 } : one));
      return { ...each, spec: { ...each.spec, launcher }, allocations: ranked };
    });
    const lines = (await linesOf('describe workload 1041')).map((line) => line.trim().replaceAll(/ +/g, ' '));
    scheduler.workloads = workloads;
    const at = lines.findIndex((line) => line.startsWith('TASK '));
    expect(lines[at]).toMatch(new RegExp(`^${titles} `));
    for (const [index, row] of rows.entries()) expect(lines[at + 1 + index]).toMatch(new RegExp(`^${row} `));
  });
});

describe('get workloads --watch -o json', () => {
  it('tells what is let go, of what was shown', async () => {
    const running = startCli(['get', 'wl', '-w', '-o', 'json'], { env: { SLUICE_SERVER: scheduler.address } });
    const usual = scheduler.onWatch;
    scheduler.onWatch = (_, sink) => {
      sink.send({ revision: 5, workload: workload(1042, { state: 'WORKLOAD_STATE_CANCELLED' }) });
      sink.send({ revision: 5, caughtUp: true });
      for (const removed of [1042, 7, 1042]) sink.send({ revision: 6, removed });
      sink.fail({ code: 7, reason: 'ENOUGH', message: 'enough' });
    };
    const { stdout } = await running.result;
    scheduler.onWatch = usual;
    const lines = stdout.split('\n').flatMap((line) => (line.startsWith('{"') ? [JSON.parse(line) as object] : []));
    expect(lines.slice(0, 2)).toMatchObject([{ number: 1042 }, { removed: 1042 }]);
    expect(stdout.match(/removed/g)).toHaveLength(1);
  });
});

describe('get queues, nodes, gpus', () => {
  it('shows the tree of queues with what each holds', async () => {
    expect(await linesOf('get queues')).toEqual([
      'NAME       GUARANTEED   ALLOCATED   BORROWED   LIMIT   FAIR-SHARE   UNMET   REQUESTED   WEIGHT   RUNNING   PENDING   OLDEST-PENDING',
      'research   4            6           2          8       5.5          0       8           1        2         1         31m',
      '  vision   2            0           0          none    2            1       0           2        0         0         -',
      'product    0            0           0          none    0            0       0           0.5      0         0         -',
    ]);
  });

  it('shows nodes and says which GPUs are simulated', async () => {
    expect(await linesOf('get nodes')).toEqual([
      'NAME   STATUS                  POOL   GPU                    GPUS(A/I/O/T)   GPU%   MEM%   JOBS   AGE',
      'n1     Ready                   h100   H100-80GB(SIMULATED)   4/0/0/4         50     49     2      41d',
      'n2     Ready,Cordoned,Skewed   h100   H100-80GB              0/0/2/2         -      -      0      41d',
    ]);
  });

  it('shows GPUs and says which are simulated', async () => {
    expect(await linesOf('get gpus')).toEqual([
      'NODE   IDX   GPU                    UTIL   MEMORY       TEMP   POWER   HEALTH   WORKLOAD',
      'n1     0     H100-80GB(SIMULATED)   50%    39.1/79.6G   60C    512W    OK       1041',
      'n1     1     H100-80GB(SIMULATED)   50%    39.1/79.6G   60C    512W    OK       1041',
      'n1     2     H100-80GB(SIMULATED)   50%    39.1/79.6G   60C    512W    OK       1045',
      'n1     3     H100-80GB(SIMULATED)   50%    39.1/79.6G   60C    512W    OK       1045',
      'n2     0     H100-80GB              -      -/79.6G      -      -       OK       -',
      'n2     1     H100-80GB              -      -/79.6G      -      -       Lost     -',
    ]);
  });

  it.each([
    ['get gpus --node n2 -o name', ['gpu/GPU-20', 'gpu/GPU-21']],
    ['get gpus n2 -o name', ['gpu/GPU-20', 'gpu/GPU-21']],
    ['get nodes n2 -o name', ['node/n2']],
    ['get nodes --pool h100 -o name', ['node/n1', 'node/n2']],
    ['get q vision -o name', ['queue/vision']],
  ])('chooses: %s', async (line, names) => {
    expect(await linesOf(line)).toEqual(names);
  });

  it('keeps a limit of none apart from a limit of 0 for programs', async () => {
    const { items } = JSON.parse((await cli('get queues -o json')).stdout) as { items: { spec: object }[] };
    expect(items[0]?.spec).toHaveProperty('limitGpus', 8);
    expect(items[1]?.spec).not.toHaveProperty('limitGpus');
  });

  it('refuses filters that would filter nothing', async () => {
    expect(await cli('get nodes --state ready')).toMatchObject({
      code: 2,
      stderr: 'error: --state is for workloads, not for nodes\n',
    });
    expect(await cli('get queues -w')).toMatchObject({
      code: 2,
      stderr: 'error: --watch is for workloads and nodes, not for queues\n',
    });
  });
});

describe('describing', () => {
  it('tells all about a workload', async () => {
    const text = (await linesOf('describe workload 1041')).join('\n');
    for (const part of [
      'Tasks:       2 with 1 GPU (h100) each',
      'GPUs:        2xH100(SIMULATED): no hardware behind them',
      "Program:     python train.py --note 'two words'",
      'Checkpoint:  step 1200, 12m ago, /ckpt/1041/step-1200',
      'At risk:     0.40 GPU hours since that checkpoint',
      'Attempt:     2, requeued 1 time',
      'GPU time:    1.50 GPU hours, of it lost 0.25 GPU hours',
      '  task 0 rest:  http://127.0.0.1:8000',
      '  0      n1     [0] H100(SIMULATED)   Running   47m       -      -',
      '  48m   requeued    reclaimed for 1039',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('tells of what waits by when it starts, as why does', async () => {
    expect((await linesOf('describe workload 1042')).join('\n')).toContain(
      'Starts:      unknown: it waits for work of its queue to end, or for a higher limit',
    );
    expect((await linesOf('describe workload 1041')).join('\n')).not.toContain('Starts:');
  });

  it('tells how the tasks of a failed workload ended, and which one decided', async () => {
    const text = (await linesOf('describe wl 1040')).join('\n');
    expect(text).toContain('Message:     task 0 ended with exit code 3');
    expect(text).toContain(
      '  1      n1     [1] H100(SIMULATED)   Released   3h        SIGTERM   GangEnded: task 0 ended',
    );
  });

  it('draws what a queue holds on one scale', async () => {
    const text = (await linesOf('describe queue research')).join('\n');
    expect(text).toContain('  Guaranteed:  [|||||||||||                             ] 4\n');
    expect(text).toContain('  Allocated:   [|||||||||||||||||                       ] 6, 2 of it borrowed\n');
    expect(text).toContain('  1042     pretrain   Pending   0/8xH100            0:00    (QueueLimit)');
  });

  it('says of a node why it is cordoned and what is wrong with its GPUs', async () => {
    const text = (await linesOf('describe node n2')).join('\n');
    expect(text).toContain('Cordoned:    fan swap');
    expect(text).toContain('Lost: fell off the bus');
    expect(text).toContain('Skew:        this agent is 0.1.0, the scheduler 0.2.0: upgrade the agent');
    expect((await linesOf('describe node/n1')).join('\n')).toContain('4 GPUs (SIMULATED: no hardware behind them)');
  });

  it('wants a name', async () => {
    expect(await cli('describe node')).toMatchObject({
      code: 2,
      stderr: 'error: which node?\nUsage: sluice describe node NAME\n',
    });
  });
});

describe('why', () => {
  it('tells the binding constraint of a pending workload', async () => {
    expect(await linesOf('why pretrain')).toEqual([
      'Workload 1042 (pretrain, queue research) is Pending for 31m: QueueLimit',
      '  research holds 6 of at most 8 GPUs and this needs 8.',
      '  Needs   4 x H100 for each of 2 tasks',
      '  Quota   research: guarantee 4, allocated 6, limit 8',
    ]);
  });

  it('tells in a line what others do', async () => {
    expect(await linesOf('why 1041')).toEqual(['Workload 1041 (resnet, queue research) is Running for 47m on n1']);
    expect(await linesOf('why 1040')).toEqual([
      'Workload 1040 (tok-train, queue research) ended 120m ago: Failed (exit 3)',
      '  task 0 ended with exit code 3',
    ]);
  });
});

describe('version', () => {
  it('needs no scheduler for the client alone', async () => {
    const { code, stdout } = await cli('version --client', { env: { SLUICE_SERVER: '127.0.0.1:1' } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Client: {3}\d+\.\d+\.\d+ \(Node v\d+/);
  });

  it('tells both', async () => {
    expect(await linesOf('version')).toEqual([
      expect.stringMatching(/^Client: {3}/),
      `Server:   0.1.0 (Node v20.20.2) at ${scheduler.address}`,
      'Cluster:  c-1',
      'Lineage:  l-1, epoch 3, revision 42',
      'Metrics:  http://127.0.0.1:9465/metrics',
    ]);
  });
});

describe('completion', () => {
  it.each([
    ['can', ['cancel']],
    ['get wo', ['workloads']],
    ['get --wa', ['--watch']],
    ['get --ser', ['--server']],
    ['get nodes n', ['n1', 'n2']],
    ['get wl -n re', ['research']],
    ['get wl --state pen', ['pending']],
    ['why pre', ['pretrain']],
    ['why la', ['last']],
    ['queue up', ['update']],
    ['queue delete vi', ['vision']],
    ['cordon ', ['n1', 'n2']],
    ['run -G 1 -- n', []],
  ])('sluice %s<Tab>', async (typed, found) => {
    const { code, stdout } = await run(['__complete', '--', ...typed.split(' ')], {
      env: { SLUICE_SERVER: scheduler.address },
    });
    expect({ code, words: stdout.split('\n').filter((word) => word !== '') }).toEqual({ code: 0, words: found });
  });

  it('offers no names, and no error, without a scheduler', async () => {
    const { code, stdout, stderr } = await run(['__complete', '--', 'why', ''], {
      env: { SLUICE_SERVER: '127.0.0.1:1' },
    });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it.each(['bash', 'zsh', 'fish'])('prints a script for %s', async (shell) => {
    expect((await linesOf(`completion ${shell}`)).join('\n')).toContain('sluice __complete --');
  });
});

describe('a command of verbs', () => {
  it.each(['queue', 'node', 'gpu', 'snapshot', 'token'])('%s without one says which there are', async (group) => {
    const { code, stdout, stderr } = await cli(group);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^error: ${group} needs a verb\n\nUsage: sluice ${group} [^]*\nCommands:\n`));
  });
});
