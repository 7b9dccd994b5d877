// The built agent with real processes, against a scheduler of the test's own: exits, stops, kills, crashes, leases, logs.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { present } from '../../common/assert.js';
import type { AllocationId } from '../../common/ids.js';
import { createLogger } from '../../common/log.js';
import { toDuration } from '../../common/units.js';
import { AgentJournal, type AgentRecord } from '../../node-agent/agent-journal.js';
import { AllocationFolder } from '../../node-agent/runtime/allocation-folder.js';
import { identify, isAlive } from '../../node-agent/runtime/process-identity.js';
import { needs } from '../real-part.js';
import { AgentProcess, untilGone } from './agent-process.js';
import { eventually } from './eventually.js';
import { FakeScheduler } from './fake-scheduler.js';
import { newId, orderOf, sh, stopped } from './orders.js';

let scheduler: FakeScheduler;
let agent: AgentProcess;

beforeEach(async () => {
  scheduler = await FakeScheduler.start();
  agent = new AgentProcess();
});

afterEach(async () => {
  scheduler.stop();
  await agent.dispose();
});

/** The pid a task wrote into a file of its working directory. */
function pidIn(id: string, file: string) {
  return eventually(`${file} of ${id}`, () => {
    const at = path.join(agent.folder(id), 'work', file);
    const text = existsSync(at) ? readFileSync(at, 'utf8').trim() : '';
    return text === '' ? null : identify(Number(text));
  });
}

describe.runIf(needs('build'))('how a task ends', () => {
  beforeEach(() => agent.start(scheduler.address));

  test.each([
    ['exit 0', sh('exit 0'), { code: 0, signal: '' }, ''],
    ['exit 42', sh('exit 42'), { code: 42, signal: '' }, ''],
    ['a signal', sh('kill -SEGV $$'), { signal: 'SIGSEGV' }, ''],
    ['a code that looks like a signal', sh('exit 139'), { code: 139, signal: '' }, ''],
    [
      'a name in no folder of PATH',
      orderOf(['no-such-program']),
      { code: 127 },
      'command not found: no-such-program is in',
    ],
    ['a path that is not there', orderOf(['/no/such']), { code: 127 }, 'command not found: /no/such does not exist'],
    ['a file that may not be executed', orderOf(['/etc/passwd']), { code: 126 }, 'not executable: /etc/passwd'],
    [
      'a working directory that is not there',
      sh('true', { workingDirectory: '/no/such' }),
      { code: 126 },
      'the working directory /no/such does not exist on this node',
    ],
    ['no program', orderOf([]), { code: 126 }, 'the order names no program'],
  ])('%s', async (_, order, exit, message) => {
    scheduler.order([order]);
    const seen = await scheduler.until(order.id, 'RELEASED');
    expect(seen.exit).toMatchObject(exit);
    expect(seen.exit?._code).toBe('code' in exit ? 'code' : undefined);
    expect(seen.exit?.message).toContain(message);
    expect(seen).toMatchObject({ neverStarted: false, stopSignalled: false });
    if (message !== '') expect(await scheduler.wholeLog(order.id)).toContain(`sluice: ${message}`);
  });

  test('a missing interpreter is told apart from a missing program', async () => {
    const script = path.join(agent.stateDir, 'script');
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 });
    const order = orderOf([script]);
    scheduler.order([order]);
    const seen = await scheduler.until(order.id, 'RELEASED');
    expect(seen.exit).toMatchObject({ code: 127 });
    expect(seen.exit?.message).toContain('interpreter');
  });

  test('the argument vector is verbatim: no shell sees it', async () => {
    const order = orderOf(['/bin/echo', '$HOME', '*', 'a  b', '; exit 3']);
    scheduler.order([order]);
    await scheduler.until(order.id, 'RELEASED');
    expect(await scheduler.wholeLog(order.id)).toBe('$HOME * a  b ; exit 3\n');
  });

  test('what the main process leaves behind ends with it', async () => {
    const order = sh('(setsid sleep 600 & echo $! > daemon); exit 0');
    scheduler.order([order]);
    await scheduler.until(order.id, 'RELEASED');
    const daemon = Number(readFileSync(path.join(agent.folder(order.id), 'work/daemon'), 'utf8'));
    const identity = identify(daemon);
    expect(identity === null || !isAlive(identity)).toBe(true);
  });
});

describe.runIf(needs('build'))('stopping', () => {
  beforeEach(() => agent.start(scheduler.address));

  test('stop file, then the signal, then time to save: the end is the program’s own', async () => {
    const order = sh('trap "cat $SLUICE_STOP_FILE; exit 3" TERM; echo up; while :; do sleep 0.02; done');
    scheduler.order([order]);
    await scheduler.until(order.id, 'RUNNING');
    const up = await scheduler.readLog({ allocation: order.id, offset: 0, wait: true });
    expect(String(up.data)).toBe('up\n');
    scheduler.order([stopped(order, 20_000)]);
    const seen = await scheduler.until(order.id, 'RELEASED');
    expect(seen).toMatchObject({ exit: { code: 3 }, stopSignalled: true });
    expect(scheduler.history.get(order.id)).toContain('OBSERVED_STATE_STOPPING');
    const stop = (await scheduler.wholeLog(order.id)).split('\n').find((line) => line.startsWith('{')) ?? '';
    expect(JSON.parse(stop)).toMatchObject({ reason: 'RECLAIMED', deadline: expect.stringMatching(/^\d{4}-.*Z$/) });
  });

  test('who ignores the signal is killed after the grace, with setsid, double fork and all', async () => {
    const order = sh(
      `trap "" TERM; echo $$ > main; (sleep 600 & echo $! > child; wait) &
       setsid sh -c 'trap "" TERM; echo $$ > own-session; sleep 600; sleep 600' &
       (setsid sh -c 'echo $$ > double-forked; exec env -i sleep 600' &) ; wait; wait; wait`,
    );
    scheduler.order([order]);
    const tree = await Promise.all(
      ['main', 'child', 'own-session', 'double-forked'].map((file) => pidIn(order.id, file)),
    );
    expect(tree.map(isAlive)).toEqual([true, true, true, true]);
    scheduler.order([stopped(order, 300)]);
    const seen = await scheduler.until(order.id, 'RELEASED');
    expect(seen).toMatchObject({ exit: { signal: 'SIGKILL' }, stopSignalled: true });
    expect(tree.map(isAlive)).toEqual([false, false, false, false]);
  });

  test('what is no longer listed is ended and forgotten', async () => {
    const order = sh('echo $$ > main; trap "" TERM; while :; do sleep 1; done');
    scheduler.order([order]);
    const main = await pidIn(order.id, 'main');
    scheduler.order([]);
    await eventually('it is forgotten', () => (scheduler.observed(order.id) === undefined ? true : null));
    expect(isAlive(main)).toBe(false);
    expect(await scheduler.wholeLog(order.id)).toBe('');
  });
});

describe.runIf(needs('build'))('crashes', () => {
  test('an agent that is killed and started again has lost nothing: the task, its exit code, its log', async () => {
    agent.start(scheduler.address);
    const order = sh('echo before; while [ ! -e go ]; do sleep 0.02; done; echo after; exit 42');
    scheduler.order([order]);
    await scheduler.until(order.id, 'RUNNING');
    await agent.end('SIGKILL');
    await eventually('the stream is gone', () => !scheduler.connected);
    writeFileSync(path.join(agent.folder(order.id), 'work/go'), '');
    await eventually('the task ended', () => existsSync(path.join(agent.folder(order.id), 'exit.json')));
    agent.start(scheduler.address);
    const seen = await scheduler.until(order.id, 'RELEASED');
    expect(seen.exit).toMatchObject({ code: 42 });
    expect(scheduler.hellos.at(-1)?.allocations[0]).toMatchObject({ id: order.id, exit: { code: 42 } });
    expect(await scheduler.wholeLog(order.id)).toBe('before\nafter\n');
  });

  test('a task that still runs is adopted, not started again', async () => {
    agent.start(scheduler.address);
    const order = sh('echo run >> ../runs; while [ ! -e go ]; do sleep 0.02; done; exit 7');
    scheduler.order([order]);
    await scheduler.until(order.id, 'RUNNING');
    await agent.end('SIGKILL');
    agent.start(scheduler.address);
    await eventually('it says hello again', () => scheduler.hellos.length === 2);
    expect(scheduler.hellos[1]?.nodeId).toBe(scheduler.hellos[0]?.nodeId);
    expect(scheduler.hellos[1]).toMatchObject({
      clusterId: 'c1',
      lineage: 'l1',
      maxEpoch: 1,
      maxRevision: 1,
      allocations: [{ id: order.id, state: 'OBSERVED_STATE_RUNNING' }],
    });
    writeFileSync(path.join(agent.folder(order.id), 'work/go'), '');
    expect((await scheduler.until(order.id, 'RELEASED')).exit).toMatchObject({ code: 7 });
    expect(readFileSync(path.join(agent.folder(order.id), 'runs'), 'utf8')).toBe('run\n');
  });

  test.each([
    ['whoever has forgotten that', (record: AgentRecord) => record],
    // As when the newest slot cannot be read any more, and the one before it is of another boot.
    [
      'also when its journal knows of no agent of this boot',
      (record: AgentRecord) => ({ ...record, bootId: 'another' }),
    ],
  ])('an agent that begins anew starts nothing on a GPU that is not clean, %s', async (_, change) => {
    const scenario = path.join(agent.stateDir, 'dirty.yaml');
    writeFileSync(scenario, 'gpus: [{ model: h100, count: 2 }]\nevents: [{ at: 0s, gpu: 0, dirty: true }]\n');
    const flags = ['--simulate', scenario];
    agent.start(scheduler.address, flags);
    await eventually('it joined', () => scheduler.hellos.length === 1);
    await agent.end('SIGKILL');
    const journal = new AgentJournal(agent.stateDir, createLogger({ level: 'silent', name: 'test' }));
    await journal.save(change(present(journal.read(), 'the agent left a journal', '')));
    await journal.close();
    agent.start(scheduler.address, flags);
    await eventually('it says hello again', () => scheduler.hellos.length === 2);
    const orders = scheduler.hellos[1]?.inventory?.gpus.map(({ uuid }, index) =>
      sh('exit 0', { gpus: [{ uuid, index, model: 'H100', simulated: true, generation: 1 }] }),
    );
    const [dirty, clean] = orders ?? [];
    if (dirty === undefined || clean === undefined) throw new Error('two GPUs were expected');
    scheduler.order([dirty, clean]);
    // Both came in one message, and only this one was ever begun.
    await scheduler.until(clean.id, 'RELEASED');
    expect(scheduler.observed(dirty.id)).toBeUndefined();
    expect(existsSync(agent.folder(dirty.id))).toBe(false);
  });

  test('a task that its journal has lost is ended before the agent says that it has no trace of it', async () => {
    agent.start(scheduler.address);
    const order = sh('echo $$ > main; trap "" TERM; while :; do sleep 0.01; done');
    scheduler.order([order]);
    const main = await pidIn(order.id, 'main');
    await scheduler.until(order.id, 'RUNNING');
    await agent.end('SIGKILL');
    // As when the newest slot cannot be read any more: the one before it is taken.
    const journal = new AgentJournal(agent.stateDir, createLogger({ level: 'silent', name: 'test' }));
    const record = journal.read();
    if (record === null) throw new Error('the agent left no journal');
    await journal.save({ ...record, allocations: [] });
    await journal.close();
    scheduler.order([]);
    agent.start(scheduler.address);
    await eventually('it says hello again', () => scheduler.hellos.length === 2);
    expect(scheduler.hellos[1]?.allocations).toEqual([]);
    expect(isAlive(main)).toBe(false);
    // Nothing of that is its program's doing.
    expect(new AllocationFolder(agent.folder(order.id)).readEnd()).toMatchObject({ stopSignalled: true });
  });

  test('a supervisor that is killed: its tasks are ended and reported as lost, and the next task runs', async () => {
    agent.start(scheduler.address);
    const order = sh('echo $$ > main; trap "" TERM; while :; do echo chatty; sleep 0.01; done');
    scheduler.order([order]);
    const main = await pidIn(order.id, 'main');
    process.kill(agent.supervisorOf(order.id).pid, 'SIGKILL');
    const seen = await scheduler.until(order.id, 'RELEASED');
    expect(seen.exit).toMatchObject({ signal: '' });
    expect(seen.exit?._code).toBeUndefined();
    expect(seen.exit?.message).toContain('lost');
    expect(seen.neverStarted).toBe(false);
    expect(isAlive(main)).toBe(false);
    const claim = new AllocationFolder(agent.folder(order.id)).readClaim();
    if (claim?.by !== 'supervisor') throw new Error('the supervisor had claimed it');
    if (claim.cgroup !== null) expect(existsSync(claim.cgroup)).toBe(false);
    const next = sh('exit 5');
    scheduler.order([next]);
    expect((await scheduler.until(next.id, 'RELEASED')).exit).toMatchObject({ code: 5 });
  });

  test('agent and supervisor killed: the next agent ends what runs and reports it as lost', async () => {
    agent.start(scheduler.address);
    const order = sh('echo $$ > main; while :; do sleep 0.01; done');
    scheduler.order([order]);
    const main = await pidIn(order.id, 'main');
    const supervisor = agent.supervisorOf(order.id);
    await agent.end('SIGKILL');
    process.kill(supervisor.pid, 'SIGKILL');
    await untilGone(supervisor);
    expect(isAlive(main)).toBe(true);
    agent.start(scheduler.address);
    expect((await scheduler.until(order.id, 'RELEASED')).exit?.message).toContain('lost');
    expect(isAlive(main)).toBe(false);
  });

  test('an intent that was never carried out is claimed by the agent and reported as never started', async () => {
    agent.start(scheduler.address);
    await eventually('it joined', () => scheduler.hellos.length === 1);
    await agent.end('SIGKILL');
    const id = newId();
    const journal = new AgentJournal(agent.stateDir, createLogger({ level: 'silent', name: 'test' }));
    const record = journal.read();
    if (record === null) throw new Error('the agent left no journal');
    const grant = { id: id as AllocationId, workload: 7, attempt: 1, task: 0, gpus: [], lingerMs: 0, graceMs: 0 };
    await journal.save({ ...record, allocations: [{ grant, refusal: null }] });
    await journal.close();
    scheduler.order([sh('echo ran > ../ran', { id })]);
    agent.start(scheduler.address);
    expect(await scheduler.until(id, 'RELEASED')).toMatchObject({ neverStarted: true });
    expect(existsSync(path.join(agent.folder(id), 'ran'))).toBe(false);
  });

  test('SIGTERM: the agent leaves, the task goes on', async () => {
    agent.start(scheduler.address);
    const order = sh('echo $$ > main; while :; do sleep 0.05; done');
    scheduler.order([order]);
    const main = await pidIn(order.id, 'main');
    expect(await agent.end('SIGTERM')).toBe(0);
    expect(isAlive(main)).toBe(true);
    expect(agent.output).toContain('tasks go on');
  });

  test('SIGTERM with --stop-tasks-on-exit: tasks get their signal and their grace first', async () => {
    agent.start(scheduler.address, ['--no-gpus', '--stop-tasks-on-exit']);
    const order = sh(
      'echo $$ > main; trap "cat $SLUICE_STOP_FILE; echo saved; exit 0" TERM; while :; do sleep 0.02; done',
    );
    scheduler.order([order]);
    const main = await pidIn(order.id, 'main');
    const supervisor = agent.supervisorOf(order.id);
    expect(await agent.end('SIGTERM')).toBe(0);
    expect(isAlive(main)).toBe(false);
    const log = readFileSync(path.join(agent.folder(order.id), 'log'), 'utf8');
    expect(log).toContain('saved\n');
    // It is requeued: a program that saves nothing when it is cancelled has to save now.
    expect(log).toContain('"reason":"MAINTENANCE"');
    await untilGone(supervisor);
  });

  test('a second agent on a state folder is refused in words', async () => {
    agent.start(scheduler.address);
    await eventually('it joined', () => scheduler.hellos.length === 1);
    const { pid } = agent;
    agent.start(scheduler.address);
    const second = await agent.exitCode();
    expect(second).toBe(1);
    expect(agent.output).toContain(`another agent, process ${pid}, uses the state folder`);
    process.kill(pid, 'SIGKILL');
  });
});

describe.runIf(needs('build'))('the lease', () => {
  test('over while the agent is dead: the supervisor stops the task by itself', async () => {
    scheduler.cut({ leaseMs: 1_500 });
    agent.start(scheduler.address);
    const order = sh('echo $$ > main; trap "cp $SLUICE_STOP_FILE ../why" TERM; while :; do sleep 0.02; done', {
      linger: toDuration(200),
      grace: toDuration(300),
    });
    scheduler.order([order]);
    const main = await pidIn(order.id, 'main');
    await agent.end('SIGKILL');
    expect(isAlive(main)).toBe(true);
    await untilGone(main);
    await eventually('its end is on record', () => existsSync(path.join(agent.folder(order.id), 'exit.json')));
    expect(JSON.parse(readFileSync(path.join(agent.folder(order.id), 'why'), 'utf8'))).toMatchObject({
      reason: 'NODE_LOST',
    });
    agent.start(scheduler.address);
    expect(await scheduler.until(order.id, 'RELEASED')).toMatchObject({
      exit: { signal: 'SIGKILL' },
      stopSignalled: true,
    });
  });

  test('no answers: nothing new starts, and what runs is stopped after its linger', async () => {
    scheduler.cut({ leaseMs: 1_000 });
    agent.start(scheduler.address);
    const first = sh('echo $$ > main; while :; do sleep 0.02; done', { linger: toDuration(500) });
    scheduler.order([first]);
    const main = await pidIn(first.id, 'main');
    scheduler.answersHeartbeats = false;
    await untilGone(main);
    const second = sh('exit 0');
    scheduler.order([first, second]);
    const { heartbeats } = scheduler;
    await eventually('it beats on', () => scheduler.heartbeats > heartbeats + 2);
    expect(scheduler.observed(second.id)).toBeUndefined();
    scheduler.answersHeartbeats = true;
    await scheduler.until(second.id, 'RELEASED');
  });

  test('a broken stream is opened again, and nothing is lost or done twice', async () => {
    agent.start(scheduler.address);
    const order = sh('echo run >> ../runs; while [ ! -e go ]; do sleep 0.02; done; exit 3');
    scheduler.order([order]);
    await scheduler.until(order.id, 'RUNNING');
    scheduler.cut();
    writeFileSync(path.join(agent.folder(order.id), 'work/go'), '');
    expect((await scheduler.until(order.id, 'RELEASED')).exit).toMatchObject({ code: 3 });
    expect(scheduler.hellos.length).toBeGreaterThan(1);
    expect(readFileSync(path.join(agent.folder(order.id), 'runs'), 'utf8')).toBe('run\n');
  });

  test('orders of a lower revision are refused', async () => {
    agent.start(scheduler.address);
    const order = sh('echo $$ > main; while :; do sleep 0.02; done');
    scheduler.order([order], { revision: 10 });
    const main = await pidIn(order.id, 'main');
    scheduler.order([], { revision: 9 });
    await eventually('the agent left and came back', () => scheduler.hellos.length > 1);
    expect(isAlive(main)).toBe(true);
    expect(agent.output).toContain('orders of revision 9 refused');
  });
});

describe.runIf(needs('build'))('what a task gets and tells', () => {
  beforeEach(() => agent.start(scheduler.address, ['--simulate', '2xH100', '--pool', 'default']));

  test('its environment is made from nothing, and holds what it was granted', async () => {
    await eventually('it joined', () => scheduler.hellos.length === 1);
    const gpus = (scheduler.hellos[0]?.inventory?.gpus ?? []).map(({ uuid, index, model }) => ({
      uuid,
      index,
      model,
      simulated: true,
      generation: 3,
    }));
    expect(gpus).toHaveLength(2);
    const order = orderOf(['/usr/bin/env'], {
      gpus,
      restartCount: 2,
      attempt: 3,
      environment: [
        { name: 'MINE', value: 'yes' },
        { name: 'LD_PRELOAD', value: '/evil.so' },
        { name: 'SLUICE_NODE', value: 'other' },
        { name: 'CUDA_VISIBLE_DEVICES', value: 'all' },
      ],
    });
    scheduler.order([order]);
    await scheduler.until(order.id, 'RELEASED');
    const lines = (await scheduler.wholeLog(order.id)).trim().split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'MINE=yes',
        'SLUICE_NODE=n1',
        `SLUICE_ALLOCATION_ID=${order.id}`,
        'SLUICE_NUM_GPUS=2',
        'SLUICE_RESTART_COUNT=2',
        'SLUICE_ATTEMPT=3',
        'SLUICE_SIMULATED_GPUS=1',
        `CUDA_VISIBLE_DEVICES=${gpus.map(({ uuid }) => uuid).join(',')}`,
        'sluice: variable "LD_PRELOAD" was not passed on: users may not set it',
        'sluice: variable "SLUICE_NODE" was not passed on: users may not set it',
      ]),
    );
    expect(lines.filter((line) => /^(LD_PRELOAD|SECRET_OF_THE_AGENT|NODE_)/.test(line))).toEqual([]);
  });

  test('checkpoints that are declared complete are told, the last one with the end; endpoints too', async () => {
    const order = sh(
      `cd "$SLUICE_CHECKPOINT_DIR"; mkdir s9 s10 half
       echo '{"type":"endpoint","name":"rest","url":"http://127.0.0.1:8000"}' >> "$SLUICE_REPORT_FILE"
       echo '{"step":9}' > s9/COMPLETE
       while [ ! -e go ]; do sleep 0.02; done
       echo '{"step":10}' > s10/COMPLETE`,
    );
    scheduler.order([order]);
    const first = await eventually('the first checkpoint', () => scheduler.observed(order.id)?.checkpoint);
    expect(first).toMatchObject({ step: 9 });
    const endpoints = await eventually('the endpoint', () => {
      const found = scheduler.observed(order.id)?.endpoints ?? [];
      return found.length > 0 ? found : null;
    });
    expect(endpoints).toEqual([{ name: 'rest', url: 'http://127.0.0.1:8000' }]);
    writeFileSync(path.join(path.dirname(first.path), 'go'), '');
    const seen = await scheduler.until(order.id, 'RELEASED');
    expect(seen.checkpoint).toMatchObject({ step: 10, path: path.join(path.dirname(first.path), 's10') });
    expect(first.path).toBe(path.join(agent.stateDir, 'shared/checkpoints/train-mnist-7-c1/s9'));
  });

  test.each([
    ['visible here', true],
    ['not visible here', false],
  ])('a checkpoint to resume from that is %s', async (_, visible) => {
    const folder = path.join(agent.stateDir, 'checkpoint');
    if (visible) {
      mkdirSync(folder);
      writeFileSync(path.join(folder, 'COMPLETE'), '');
    }
    const order = sh('echo "from ${SLUICE_RESUME_FROM-the beginning}"', {
      resume: { step: 5, path: folder, time: { seconds: 1, nanos: 0 } },
    });
    scheduler.order([order]);
    await scheduler.until(order.id, 'RELEASED');
    const log = await scheduler.wholeLog(order.id);
    if (visible) expect(log).toBe(`from ${folder}\n`);
    else expect(log).toMatch(/^sluice: checkpoint .* is not visible on this node.*\nfrom the beginning\n$/);
  });

  test('what another cluster left on the same storage under the same number is never gone on from', async () => {
    // As its agents named the folder, and as agents of before did.
    for (const name of ['train-mnist-7-c0', 'train-mnist-7']) {
      const left = path.join(agent.stateDir, 'shared/checkpoints', name, 'last');
      mkdirSync(left, { recursive: true });
      writeFileSync(path.join(left, 'COMPLETE'), '{"step": 900}');
    }
    const order = sh('echo "${SLUICE_RESUME_FROM:-from the beginning} in $SLUICE_CHECKPOINT_DIR"', {
      attempt: 2,
      restartCount: 1,
    });
    scheduler.order([order]);
    await scheduler.until(order.id, 'RELEASED');
    const own = path.join(agent.stateDir, 'shared/checkpoints/train-mnist-7-c1');
    expect(await scheduler.wholeLog(order.id)).toBe(`from the beginning in ${own}\n`);
  });

  test('workloads that name the same checkpoint folder each go on from their own, whose step is lower or not', async () => {
    const shared = { checkpointDirectory: path.join(agent.stateDir, 'named') };
    const saving = (workload: number, step: number) =>
      sh(
        `mkdir -p "$SLUICE_CHECKPOINT_DIR/last" && echo '{"step": ${step}}' > "$SLUICE_CHECKPOINT_DIR/last/COMPLETE"`,
        {
          workload,
          ...shared,
        },
      );
    const [low, high] = [saving(11, 5), saving(12, 900)];
    scheduler.order([low, high]);
    const lowSeen = await scheduler.until(low.id, 'RELEASED');
    await scheduler.until(high.id, 'RELEASED');
    expect(lowSeen.checkpoint).toMatchObject({
      step: 5,
      path: path.join(agent.stateDir, 'named/train-mnist-11-c1/last'),
    });
    // Its scheduler has not heard of any: the node finds it by itself.
    const again = sh('echo "${SLUICE_RESUME_FROM:-from the beginning}"', {
      ...shared,
      workload: 11,
      attempt: 2,
      restartCount: 1,
    });
    const third = sh('echo "${SLUICE_RESUME_FROM:-from the beginning}"', {
      ...shared,
      workload: 13,
      attempt: 2,
      restartCount: 1,
    });
    scheduler.order([again, third]);
    await scheduler.until(again.id, 'RELEASED');
    expect(await scheduler.wholeLog(again.id)).toMatch(/named\/train-mnist-11-c1\/last\n$/);
    await scheduler.until(third.id, 'RELEASED');
    expect(await scheduler.wholeLog(third.id)).toBe('from the beginning\n');
  });

  test('a log is followed while it grows, in pieces, to its end', async () => {
    const order = sh('echo one; while [ ! -e go ]; do sleep 0.02; done; echo two; exit 1');
    scheduler.order([order]);
    const one = await eventually('the log', () => scheduler.observed(order.id)).then(() =>
      scheduler.readLog({ allocation: order.id, offset: 0, wait: true }),
    );
    expect(one).toMatchObject({ offset: 0, end: false, error: '' });
    expect(String(one.data)).toBe('one\n');
    expect(await scheduler.readLog({ allocation: order.id, offset: 4, wait: false })).toMatchObject({ end: false });
    const waiting = scheduler.readLog({ allocation: order.id, offset: 4, wait: true });
    writeFileSync(path.join(agent.folder(order.id), 'work/go'), '');
    expect(String((await waiting).data)).toBe('two\n');
    expect(await scheduler.readLog({ allocation: order.id, offset: 8, wait: true })).toMatchObject({ end: true });
    expect(String((await scheduler.readLog({ allocation: order.id, offset: 1, maxBytes: 2, wait: false })).data)).toBe(
      'ne',
    );
  });

  test('the log of something that never ran here is refused in words', async () => {
    await eventually('it joined', () => scheduler.connected);
    const data = await scheduler.readLog({ allocation: newId(), offset: 0, wait: true });
    expect(data.error).toContain('node n1 has no log of allocation');
  });

  test('GPUs are released after they were looked at, and given again only with a higher generation', async () => {
    await eventually('it joined', () => scheduler.hellos.length === 1);
    const uuid = scheduler.hellos[0]?.inventory?.gpus[0]?.uuid ?? '';
    const gpu = (generation: number) => [{ uuid, index: 0, model: 'H100', simulated: true, generation }];
    const first = sh('exit 0', { gpus: gpu(1) });
    scheduler.order([first]);
    expect((await scheduler.until(first.id, 'RELEASED')).dirtyGpus).toEqual([]);
    const stale = sh('echo ran > ../ran', { gpus: gpu(1) });
    scheduler.order([stale]);
    expect(await scheduler.until(stale.id, 'RELEASED')).toMatchObject({ neverStarted: true });
    const next = sh('exit 4', { gpus: gpu(2) });
    scheduler.order([next]);
    expect((await scheduler.until(next.id, 'RELEASED')).exit).toMatchObject({ code: 4 });
  });
});

describe.runIf(needs('build') && spawnSync('openssl', ['version']).status === 0)('a scheduler with TLS', () => {
  test('gets the agent’s certificate and token', async () => {
    const at = (name: string) => path.join(agent.stateDir, name);
    const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl('req', '-x509', ...newKey, '-subj', '/CN=ca', '-days', '2', '-keyout', at('ca.key'), '-out', at('ca.pem'));
    writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1\n');
    for (const name of ['server', 'n1']) {
      openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`));
      const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('ext')];
      openssl('x509', '-req', '-in', at(`${name}.csr`), ...signer, '-days', '2', '-out', at(`${name}.pem`));
    }
    writeFileSync(at('token'), 'secret-of-n1\n');
    const pair = { cert_chain: readFileSync(at('server.pem')), private_key: readFileSync(at('server.key')) };
    const credentials = grpc.ServerCredentials.createSsl(readFileSync(at('ca.pem')), [pair], true);
    const secure = await FakeScheduler.start({}, credentials);
    try {
      const tls = ['--tls-ca', at('ca.pem'), '--tls-cert', at('n1.pem'), '--tls-key', at('n1.key')];
      agent.start(secure.address, ['--no-gpus', '--token-file', at('token'), ...tls]);
      await eventually('it joined', () => secure.hellos.length === 1);
      expect(secure.tokens).toEqual(['Bearer secret-of-n1']);
    } finally {
      secure.stop();
    }
  });
});
