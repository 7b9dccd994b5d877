// The parts below the agent with real processes: who may start, how everything of a task is ended, how logs stay small.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeMarker } from '../../common/checkpoint-marker.js';
import { sluice } from '../../common/proto.js';
import { parseDesired } from '../../node-agent/messages.js';
import { AllocationFolder } from '../../node-agent/runtime/allocation-folder.js';
import { killCgroup, pidsInCgroup, removeCgroup } from '../../node-agent/runtime/cgroup.js';
import { CheckpointWatch, lastCheckpoint, resumePoint } from '../../node-agent/runtime/checkpoints.js';
import { awaits, giveNotice } from '../../node-agent/runtime/early-signal.js';
import { readLease, writeLease } from '../../node-agent/runtime/lease-file.js';
import { holdBelowCap, readExtent } from '../../node-agent/runtime/log-cap.js';
import { bootMs, identify, isAlive, type ProcessIdentity } from '../../node-agent/runtime/process-identity.js';
import { endTree, processesOf } from '../../node-agent/runtime/process-tree.js';
import { parseEndpoints, ReportWatch } from '../../node-agent/runtime/report-watch.js';
import { TaskUsers } from '../../node-agent/runtime/run-as.js';
import { TaskRuntime } from '../../node-agent/runtime/runtime.js';
import { SUPERVISOR_PROGRAM } from '../../node-agent/runtime/supervisor-link.js';
import { onLines, sendLine, type SupervisorEvent } from '../../node-agent/runtime/supervisor-protocol.js';
import { TaskLogs } from '../../node-agent/runtime/task-logs.js';
import type { Checkpoint, DesiredAllocation } from '../../node-agent/session/allocation.js';
import type { DesiredAllocation as Order } from '../../proto/gen/sluice/v1/DesiredAllocation.js';
import type { DesiredAllocations__Output } from '../../proto/gen/sluice/v1/DesiredAllocations.js';
import { needs } from '../real-part.js';
import { eventually } from './eventually.js';
import { newId, sh } from './orders.js';

let dir: string;
let children: ChildProcess[];

beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'sluice-runtime-'));
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const pid of workingIn(dir)) process.kill(pid, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** What a failed test left running: processes whose working directory is below the folder. */
function workingIn(folder: string): readonly number[] {
  const listed = spawnSync('/bin/sh', ['-c', 'ls -l /proc/[0-9]*/cwd 2>/dev/null'], { encoding: 'utf8' }).stdout;
  return listed.split('\n').flatMap((line) => {
    const [, pid, cwd] = /\/proc\/(\d+)\/cwd -> (.*)$/.exec(line) ?? [];
    return cwd?.startsWith(`${folder}/`) === true ? [Number(pid)] : [];
  });
}

/** An order as its agent reads it. */
function asRead(order: Order): DesiredAllocation {
  const { responseSerialize, responseDeserialize } = sluice.AgentService.service.Connect;
  const { desired } = responseDeserialize(responseSerialize({ desired: { allocations: [order] } }));
  const [read] = (desired as DesiredAllocations__Output).allocations.map(parseDesired);
  if (read === undefined) throw new Error('an order is read');
  return read;
}

/** Starts a shell script as a task would be: leader of a session, marked with an allocation. */
function startMarked(script: string, id: string): ChildProcess {
  const child = spawn('/bin/sh', ['-c', script], {
    cwd: dir,
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env['PATH'], SLUICE_ALLOCATION_ID: id },
  });
  children.push(child);
  return child;
}

function readPid(file: string): Promise<number> {
  return eventually(file, () => {
    const text = existsSync(path.join(dir, file)) ? readFileSync(path.join(dir, file), 'utf8').trim() : '';
    return text === '' ? null : Number(text);
  });
}

const TREE = `trap "" TERM; (sleep 600 & echo $! > child; wait) &
  setsid sh -c 'trap "" TERM; echo $$ > own-session; sleep 600; sleep 600' &
  (setsid sh -c 'echo $$ > double-forked; sleep 600; sleep 600' &)
  wait; wait`;

describe('ending everything a task forked', () => {
  test('without control groups: by group, session, descent and mark', async () => {
    const id = newId();
    const main = startMarked(TREE, id);
    const root = identify(main.pid ?? 0);
    const pids = await Promise.all(['child', 'own-session', 'double-forked'].map(readPid));
    const bystander = startMarked('exec sleep 600', newId());
    const tree = { allocation: id, root, cgroup: null };
    expect(processesOf(tree).map(({ pid }) => pid)).toEqual(expect.arrayContaining([main.pid, ...pids]));
    expect(await endTree(tree, 5_000)).toEqual([]);
    expect(processesOf(tree)).toEqual([]);
    for (const pid of pids) {
      const identity = identify(pid);
      expect(identity === null || !isAlive(identity)).toBe(true);
    }
    expect(isAlive(identify(bystander.pid ?? 0) ?? { pid: 0, startTime: '', bootId: '' })).toBe(true);
  });

  test('without control groups, long after the main process: by the mark alone', async () => {
    const id = newId();
    const main = startMarked(`(setsid sh -c 'echo $$ > left; sleep 600; sleep 600' &); exit 0`, id);
    const root = identify(main.pid ?? 0);
    const left = await readPid('left');
    await eventually('the main process is gone', () => main.exitCode !== null);
    expect(processesOf({ allocation: id, root, cgroup: null }).map(({ pid }) => pid)).toContain(left);
    expect(await endTree({ allocation: id, root, cgroup: null }, 5_000)).toEqual([]);
  });

  for (const [version, hierarchy] of [
    ['version 2', '/sys/fs/cgroup/unified'],
    ['version 1 freezer', '/sys/fs/cgroup/freezer'],
  ] as const) {
    test.runIf(isWritable(hierarchy))(`with a control group of ${version}`, async () => {
      const group = path.join(hierarchy, `sluice-test-${process.pid}`);
      mkdirSync(group);
      try {
        startMarked(`echo $$ > ${group}/cgroup.procs; ${TREE}`, newId());
        await Promise.all(['child', 'own-session', 'double-forked'].map(readPid));
        expect(pidsInCgroup(group).length).toBeGreaterThanOrEqual(4);
        killCgroup(group);
        expect(await endTree({ allocation: 'none', root: null, cgroup: group }, 5_000)).toEqual([]);
        expect(pidsInCgroup(group)).toEqual([]);
      } finally {
        await eventually('the group can be removed', () => removeCgroup(group));
      }
    });
  }
});

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

describe.runIf(needs('build'))('supervisors', () => {
  /** A supervisor on a state folder of its own, and a line to it. */
  async function supervise(name: string): Promise<{ readonly socket: Socket; readonly events: SupervisorEvent[] }> {
    const stateDir = path.join(dir, name);
    mkdirSync(stateDir, { recursive: true });
    children.push(spawn(process.execPath, [SUPERVISOR_PROGRAM, stateDir, '0'], { stdio: 'ignore', env: {} }));
    const file = path.join(stateDir, 'supervisor.sock');
    // The file is there a moment before anybody listens.
    for (;;) {
      await eventually('the supervisor binds its socket', () => existsSync(file));
      const socket = createConnection(file);
      const events: SupervisorEvent[] = [];
      onLines(socket, (message) => events.push(message as SupervisorEvent));
      let refused = false;
      socket.on('error', () => (refused = true));
      await eventually('hello', () => refused || events.length > 0);
      if (!refused) return { socket, events };
    }
  }

  async function folderOf(id: string, argv: readonly string[], lingerMs = 60_000): Promise<AllocationFolder> {
    const folder = new AllocationFolder(path.join(dir, 'allocations', id));
    mkdirSync(folder.work, { recursive: true });
    await folder.writeSpec({
      id,
      argv,
      environment: { PATH: '/usr/bin:/bin', SLUICE_ALLOCATION_ID: id },
      workingDirectory: folder.work,
      checkpointDir: folder.work,
      lingerMs,
      graceMs: 100,
      logCapBytes: 1_000_000,
    });
    return folder;
  }

  test('of eight that are told to start one allocation at once, one does', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, (_, index) => supervise(`s${index}`)));
    const id = newId();
    const folder = await folderOf(id, ['/bin/sh', '-c', 'echo ran; sleep 0.2']);
    for (const { socket } of all) sendLine(socket, { type: 'start', id, folder: folder.path });
    await eventually('all answered', () => all.every(({ events }) => events.length > 1));
    await eventually('it ended', () => folder.readEnd());
    const answers = all.map(({ events }) => events[1]?.type);
    expect(answers.filter((answer) => answer === 'started')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'refused')).toHaveLength(7);
    expect(readFileSync(folder.log, 'utf8')).toBe('ran\n');
    for (const { socket } of all) socket.destroy();
  });

  test('what the agent claimed is never started', async () => {
    const { socket, events } = await supervise('s');
    const id = newId();
    const folder = await folderOf(id, ['/bin/sh', '-c', 'echo ran']);
    expect(folder.claim({ by: 'agent' })).toBe(true);
    expect(folder.claim({ by: 'agent' })).toBe(false);
    sendLine(socket, { type: 'start', id, folder: folder.path });
    await eventually('it answers', () => events.length > 1);
    expect(events[1]).toEqual({ type: 'refused', id });
    expect(existsSync(folder.log)).toBe(false);
    socket.destroy();
  });

  /** A supervisor on the folder that runs one task, which has begun. */
  async function superviseTask(): Promise<{
    readonly id: string;
    readonly folder: AllocationFolder;
    readonly main: ProcessIdentity;
    readonly killSupervisor: () => Promise<unknown>;
  }> {
    const { socket } = await supervise('.');
    const supervisor = children.at(-1);
    const id = newId();
    const folder = await folderOf(id, ['/bin/sh', '-c', 'while :; do sleep 0.01; done']);
    sendLine(socket, { type: 'start', id, folder: folder.path });
    const { process: main } = await eventually('it runs', () => folder.readRunning());
    const killSupervisor = (): Promise<unknown> => {
      supervisor?.kill('SIGKILL');
      return eventually('the supervisor is gone', () => (supervisor?.signalCode === 'SIGKILL' ? true : null));
    };
    return { id, folder, main, killSupervisor };
  }

  function openRuntime(known: readonly string[], ended: (id: string) => void): ReturnType<typeof TaskRuntime.open> {
    const ignore = (): void => undefined;
    return TaskRuntime.open(
      {
        stateDir: dir,
        sharedDir: dir,
        nodeName: 'n',
        environment: {},
        gpuMemoryMib: () => null,
        gpuDevice: () => null,
        holding: {
          users: new TaskUsers({ user: null, mapFile: null }),
          maxProcesses: 0,
          workLimitBytes: null,
          bindsCpus: false,
          demands: { isRoot: false, hasOwnUsers: false, hasGpus: false },
          isRequired: false,
        },
        rebooted: false,
        supervisorIdleLeaveMs: 0,
      },
      known,
      { ready: ignore, started: ignore, ended, checkpoint: ignore, endpoints: ignore },
      pino({ enabled: false }),
    );
  }

  test('a prolog that fails before the preparation is over ends its task, and not the agent', async () => {
    const unheard: unknown[] = [];
    const note = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', note);
    const ended: string[] = [];
    const { runtime } = await openRuntime([], (one) => ended.push(one));
    runtime.begin();
    const order = asRead(sh('true'));
    runtime.start(order, Promise.reject(new Error('the prolog failed: exit code 3')));
    await eventually('its end is told', () => (ended.length > 0 ? true : null));
    process.off('unhandledRejection', note);
    expect(unheard).toEqual([]);
    expect(ended).toEqual([order.id]);
    await runtime.dismissSupervisor();
    await runtime.close();
  });

  test('what has ended is not started when it is asked for again, also where a power cut took its claim', async () => {
    const ended: string[] = [];
    const { runtime } = await openRuntime([], (one) => ended.push(one));
    runtime.begin();
    const order = asRead(sh('touch ran'));
    const folder = new AllocationFolder(path.join(dir, 'allocations', order.id));
    await folder.create();
    const end = { neverStarted: false, code: null, signal: '', message: 'lost: its node was rebooted' };
    folder.writeEnd({ ...end, startedMs: null, endedMs: 1, stopSignalled: false, left: [] });
    runtime.start(order, Promise.resolve());
    await eventually('its end is told', () => (ended.length > 0 ? true : null));
    expect(ended).toEqual([order.id]);
    expect(folder.readClaim()).toBeNull();
    expect(folder.readEnd()?.message).toBe('lost: its node was rebooted');
    await runtime.dismissSupervisor();
    await runtime.close();
  });

  test('a task that ends while its agent begins is told once somebody listens', async () => {
    const { id, folder, killSupervisor } = await superviseTask();
    const ended: string[] = [];
    const { runtime, recovered } = await openRuntime([id], (one) => ended.push(one));
    expect(recovered.get(id)).toMatchObject({ state: 'running' });
    await killSupervisor();
    await eventually('its end is written down', () => folder.readEnd());
    // Goes to the next supervisor, and that is there once the tasks of this one are settled.
    await runtime.dismissSupervisor();
    expect(ended).toEqual([]);
    runtime.begin();
    await eventually('its end is told', () => (ended.length > 0 ? true : null));
    expect(ended).toEqual([id]);
    await runtime.close();
  });

  test('a task of a dead supervisor that the journal has lost is ended before the agent says what it has', async () => {
    const { folder, main, killSupervisor } = await superviseTask();
    await killSupervisor();
    expect(isAlive(main)).toBe(true);
    const { runtime, recovered } = await openRuntime([], () => undefined);
    expect(recovered.size).toBe(0);
    expect(isAlive(main)).toBe(false);
    expect(folder.readEnd()?.message).toContain('lost');
    await runtime.close();
  });

  test('a task of a dead supervisor is ended while what became of another one cannot be found out yet', async () => {
    const { id, main, killSupervisor } = await superviseTask();
    await killSupervisor();
    const other = newId();
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const create = Object.getOwnPropertyDescriptor(AllocationFolder.prototype, 'create')
      ?.value as () => Promise<boolean>;
    const spy = vi.spyOn(AllocationFolder.prototype, 'create').mockImplementation(async function (
      this: AllocationFolder,
    ) {
      if (this.path.endsWith(other)) await held;
      return create.call(this);
    });
    const opening = openRuntime([other, id], () => undefined);
    await eventually('it is ended', () => (isAlive(main) ? null : true));
    goOn();
    const { runtime, recovered } = await opening;
    expect([...recovered.keys()]).toEqual([other, id]);
    spy.mockRestore();
    await runtime.close();
  });

  test('an order that comes when the node may run nothing any more is not carried out', async () => {
    const { socket, events } = await supervise('s');
    const [late, inTime] = [newId(), newId()];
    // Both may go on for a minute without a lease.
    writeLease(path.join(dir, 's'), Math.max(0, bootMs() - 60_500));
    const lateFolder = await folderOf(late, ['/bin/sh', '-c', 'echo ran']);
    sendLine(socket, { type: 'start', id: late, folder: lateFolder.path });
    await eventually('it answers', () => events.length > 1);
    expect(events[1]).toEqual({ type: 'refused', id: late });
    expect(existsSync(lateFolder.log)).toBe(false);
    // Nobody's: its agent sees to it that it never starts, and says so.
    expect(lateFolder.readClaim()).toBeNull();
    writeLease(path.join(dir, 's'), bootMs());
    const folder = await folderOf(inTime, ['/bin/sh', '-c', 'echo ran']);
    sendLine(socket, { type: 'start', id: inTime, folder: folder.path });
    await eventually('it ended', () => folder.readEnd());
    expect(readFileSync(folder.log, 'utf8')).toBe('ran\n');
    socket.destroy();
  });

  test('a task is stopped when the lease is over, also while the lease cannot be read', async () => {
    mkdirSync(path.join(dir, 's', 'lease'), { recursive: true });
    const { socket, events } = await supervise('s');
    const id = newId();
    const folder = await folderOf(id, ['/bin/sh', '-c', 'exec sleep 600'], 3_000);
    sendLine(socket, { type: 'start', id, folder: folder.path });
    await eventually('it answers', () => events.length > 1);
    expect(events[1]).toMatchObject({ type: 'started', id });
    expect(await eventually('it ended', () => folder.readEnd())).toMatchObject({
      signal: 'SIGTERM',
      stopSignalled: true,
    });
    expect(readFileSync(folder.stop, 'utf8')).toContain('NODE_LOST');
    socket.destroy();
  });

  test('an order that was given under a lease that is over is not carried out, though there is a new lease', async () => {
    const { socket, events } = await supervise('s');
    writeLease(path.join(dir, 's'), bootMs() + 60_000);
    const id = newId();
    const folder = await folderOf(id, ['/bin/sh', '-c', 'echo ran']);
    sendLine(socket, { type: 'start', id, folder: folder.path, notAfterMs: bootMs() - 1 });
    await eventually('it answers', () => events.length > 1);
    expect(events[1]).toEqual({ type: 'refused', id });
    expect(existsSync(folder.log)).toBe(false);
    socket.destroy();
  });

  test('an agent that stood still until its lease was over orders nothing that it had begun to prepare', async () => {
    const ended: string[] = [];
    const { runtime } = await openRuntime([], (one) => ended.push(one));
    runtime.begin();
    const order = asRead(sh('true'));
    // Held up for as long as the journal is not on the disk: meanwhile the lease passes.
    let goOn = (): void => undefined;
    runtime.start(order, new Promise<void>((resolve) => (goOn = resolve)));
    writeLease(dir, bootMs() - order.lingerMs - 1_000);
    goOn();
    await eventually('its end is told', () => (ended.length > 0 ? true : null));
    const end = new AllocationFolder(path.join(dir, 'allocations', order.id)).readEnd();
    expect(end).toMatchObject({
      neverStarted: true,
      message: 'its node had no lease any more when it was to be started',
    });
    await runtime.dismissSupervisor();
    await runtime.close();
  });

  test('a second one on the same folder leaves at once, and the last one leaves when nobody needs it', async () => {
    const { socket } = await supervise('s');
    const second = spawn(process.execPath, [SUPERVISOR_PROGRAM, path.join(dir, 's'), '0'], {
      stdio: 'ignore',
      env: {},
    });
    children.push(second);
    await eventually('the second one is gone', () => (second.exitCode === null ? null : { code: second.exitCode }));
    expect(children[0]?.exitCode).toBeNull();
    socket.destroy();
    await eventually('the first one is gone', () => (children[0]?.exitCode === null ? null : true));
  });

  test('a log is held below its cap and its writer never notices', async () => {
    const { socket, events } = await supervise('s');
    const id = newId();
    const folder = await folderOf(id, [
      '/bin/sh',
      '-c',
      'i=0; while [ ! -e go ]; do i=$((i+1)); printf "%0999d\\n" $i; [ $((i % 100)) = 0 ] && sleep 0.01; done; echo done; exit 9',
    ]);
    sendLine(socket, { type: 'start', id, folder: folder.path });
    // The cap is looked at now and then, so a fast writer is above it for a moment; without it the log would only grow.
    await eventually('old parts were dropped', () => (readExtent(folder.log).first > 0 ? true : null));
    // The cap is looked at now and then, so a fast writer is above it for a moment; without it the log would only grow.
    await eventually('much was written and little is kept', () => {
      const { size, blocks } = statSync(folder.log);
      return size > 6_000_000 && blocks * 512 < 4_000_000 ? true : null;
    });
    writeFileSync(path.join(folder.work, 'go'), '');
    await eventually('it ended', () => events.some(({ type }) => type === 'ended'));
    expect(folder.readEnd()).toMatchObject({ code: 9 });
    const logs = new TaskLogs(() => false);
    const request = { offset: 0, maxBytes: 65_536, wait: false };
    const piece = await logs.read(id, folder.log, request, new AbortController().signal);
    expect(piece.offset).toBe(readExtent(folder.log).first);
    expect(piece.data.includes(0)).toBe(false);
    expect(readFileSync(folder.log, 'utf8').endsWith('\ndone\n')).toBe(true);
    socket.destroy();
  });
});

describe('the log of a task', () => {
  test('offsets stay what they were when the oldest part is dropped', async () => {
    const log = path.join(dir, 'log');
    const line = (number: number) => `${String(number).padStart(1_023, '.')}\n`;
    const count = 512;
    appendFileSync(log, Array.from({ length: count }, (_, index) => line(index)).join(''));
    holdBelowCap(log, count * 1_024);
    expect(readExtent(log)).toEqual({ base: 0, first: 0 });
    holdBelowCap(log, 100 * 1_024);
    const { base, first } = readExtent(log);
    expect(first).toBe((count - 50) * 1_024);
    const logs = new TaskLogs(() => false);
    const at = await logs.read('a', log, { offset: 0, maxBytes: 1_024, wait: false }, new AbortController().signal);
    expect(at.offset).toBe(first);
    expect(String(at.data)).toBe(line(count - 50));
    appendFileSync(log, line(count));
    const last = await logs.read(
      'a',
      log,
      { offset: count * 1_024, maxBytes: 5_000, wait: false },
      new AbortController().signal,
    );
    expect({ text: String(last.data), end: last.end }).toEqual({ text: line(count), end: true });
    expect(base === 0 || base === first).toBe(true);
  });
});

describe('the lease file', () => {
  test('is read back, replaced by later ones, and means nothing in another boot', () => {
    expect(readLease(dir)).toBeNull();
    writeLease(dir, 123_456_780);
    expect(readLease(dir)).toBe(123_456_780);
    writeLease(dir, 1_500);
    expect(readLease(dir)).toBe(1_500);
    const text = readFileSync(path.join(dir, 'lease'), 'utf8');
    writeFileSync(path.join(dir, 'lease'), text.replace(/ .*/, ' 00000000-0000-0000-0000-000000000000'));
    expect(readLease(dir)).toBeNull();
  });

  test('counts on the clock that /proc/uptime shows', () => {
    const shown = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1_000;
    expect(Math.abs(bootMs() - shown)).toBeLessThan(1_000);
  });
});

describe('what a program reports', () => {
  test('endpoints: the last of each name; other lines and half lines are passed over', () => {
    const line = (name: string, url: string) => JSON.stringify({ type: 'endpoint', name, url });
    const text = [
      line('rest', 'a'),
      'no json',
      '{"type":"progress"}',
      line('grpc', 'b'),
      line('rest', 'c'),
      line('late', 'd'),
    ];
    expect(parseEndpoints(text.join('\n'))).toEqual([
      { name: 'rest', url: 'c' },
      { name: 'grpc', url: 'b' },
    ]);
  });

  test('checkpoints: the highest step wins, then the latest; incomplete ones never count', async () => {
    const seen: Checkpoint[] = [];
    const watch = new CheckpointWatch(dir, 7, (checkpoint) => seen.push(checkpoint));
    const declare = (name: string, content: string) => {
      mkdirSync(path.join(dir, name));
      writeFileSync(path.join(dir, name, 'COMPLETE'), content);
    };
    mkdirSync(path.join(dir, 'half'));
    declare('b', '{"step":20}');
    await eventually('b is seen', () => (seen.at(-1)?.step === 20 ? true : null));
    declare('a', '{"step":10}');
    declare('c', 'no json');
    writeFileSync(path.join(dir, 'half', 'COMPLETE'), '{"step":30}');
    await eventually('half is complete now', () => (seen.at(-1)?.step === 30 ? true : null));
    declare('last', '{"step":40}');
    await watch.close();
    expect(seen.map(({ step }) => step)).toEqual([20, 30, 40]);
    expect(seen.at(-1)?.path).toBe(path.join(dir, 'last'));
  });

  test('whatever a program makes of its checkpoint folder and its report, its agent goes on', async () => {
    // A link to itself: neither can be read, watched or asked about any more.
    for (const name of ['checkpoints', 'report']) symlinkSync(name, path.join(dir, name));
    const seen: Checkpoint[] = [];
    const watch = new CheckpointWatch(path.join(dir, 'checkpoints'), 7, (checkpoint) => seen.push(checkpoint));
    const report = new ReportWatch(path.join(dir, 'report'), () => undefined);
    await watch.close();
    report.close();
    expect(seen).toEqual([]);
    expect(spawnSync('mkfifo', [path.join(dir, 'pipe')]).status).toBe(0);
    // Who opened it as a file would wait for a writer for ever.
    const pipe = new ReportWatch(path.join(dir, 'pipe'), () => undefined);
    pipe.close();
    expect((await resumePoint({ asked: null, dir, workload: 7, attempt: 2, tasks: 1 })).checkpoint).toBeNull();
  });

  test('checkpoints: one folder that is written again and again is followed', async () => {
    const seen: Checkpoint[] = [];
    const watch = new CheckpointWatch(dir, 7, (checkpoint) => seen.push(checkpoint));
    const last = path.join(dir, 'last');
    mkdirSync(last);
    for (const step of [10, 20]) {
      await writeMarker(last, { step, attempt: 1, workload: 0, allocation: '' });
      await eventually(`step ${step} is seen`, () => (seen.at(-1)?.step === step ? true : null));
      rmSync(path.join(last, 'COMPLETE'));
    }
    await watch.close();
    // Its attempt was ended while it wrote: what was complete before is what there is to go on from.
    const asked = { step: 20, timeMs: 0, path: last };
    const order = { asked, dir, workload: 7, attempt: 2, tasks: 2 };
    expect(await resumePoint(order)).toMatchObject({
      checkpoint: null,
      note: `checkpoint ${last} is not complete any more: it starts from the beginning`,
    });
    mkdirSync(path.join(dir, 'older'));
    await writeMarker(path.join(dir, 'older'), { step: 15, attempt: 1, workload: 0, allocation: '' });
    expect((await resumePoint(order)).checkpoint).toMatchObject({ step: 15, path: path.join(dir, 'older') });
    await writeMarker(last, { step: 20, attempt: 1, workload: 0, allocation: '' });
    expect(await resumePoint(order)).toEqual({ checkpoint: asked, note: null });
  });

  test('checkpoints: one that nobody could tell of is found, by a gang only if it is surely of an earlier attempt', async () => {
    const declared = async (step: number, attempt: number) => {
      const folder = path.join(dir, `step-${step}`);
      mkdirSync(folder);
      await writeMarker(folder, { step, attempt, workload: 0, allocation: '' });
      return { step, timeMs: 0, path: folder };
    };
    const asked = await declared(10, 1);
    await declared(20, 1);
    await declared(30, 2);
    await declared(40, 0);
    const found = async (tasks: number) =>
      (await resumePoint({ asked, dir, workload: 7, attempt: 2, tasks })).checkpoint?.step;
    expect([await found(1), await found(4)]).toEqual([40, 20]);
    expect((await resumePoint({ asked: null, dir, workload: 7, attempt: 1, tasks: 4 })).checkpoint).toBeNull();
    expect((await resumePoint({ asked: null, dir, workload: 7, attempt: 1, tasks: 1 })).checkpoint?.step).toBe(40);
  });

  test('checkpoints: those of another workload in the same folder never count, whatever their step', async () => {
    const declared = async (step: number, workload: number) => {
      const folder = path.join(dir, `step-${step}`);
      mkdirSync(folder);
      await writeMarker(folder, { step, attempt: 1, workload, allocation: '' });
      return folder;
    };
    const [own] = [await declared(10, 7), await declared(99, 8)];
    expect(await lastCheckpoint(dir, 7)).toMatchObject({ step: 10, path: own });
    const again = { asked: null, dir, workload: 7, attempt: 2, tasks: 1 };
    expect((await resumePoint(again)).checkpoint).toMatchObject({ step: 10, path: own });
    expect((await resumePoint({ ...again, workload: 8 })).checkpoint).toMatchObject({ step: 99 });
    expect((await resumePoint({ ...again, workload: 9 })).checkpoint).toBeNull();
  });

  test('a signal ahead of the stop signal reaches those alone that catch it or wait for it', async () => {
    const main = startMarked(
      `(trap 'echo noticed > noticed' USR1; echo $$ > catching; while :; do sleep 0.05; done) &
       sleep 600 & echo $! > unaware; wait`,
      newId(),
    );
    await readPid('catching');
    const unaware = identify(await readPid('unaware'));
    const tree = { allocation: 'none', root: identify(main.pid ?? 0), cgroup: null };
    giveNotice(tree, 'SIGNOSUCH');
    await eventually('the one that catches it noticed', () => {
      giveNotice(tree, 'SIGUSR1');
      return existsSync(path.join(dir, 'noticed')) ? true : null;
    });
    expect(unaware !== null && isAlive(unaware)).toBe(true);
    expect(main.exitCode).toBeNull();
    expect(await endTree(tree, 5_000)).toEqual([]);
    expect(awaits('SigBlk:\t0000000000000200\nSigCgt:\t0000000000000000', 10)).toBe(true);
    expect(awaits('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000200\nSigCgt:\t0000000000000800', 10)).toBe(false);
  });
});
