// Tasks that misbehave, with real processes in real control groups: each is contained, its end is told in words, and nothing of
// it is left.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toDuration } from '../../common/units.js';
import { LOG_CAP_BYTES } from '../../node-agent/runtime/runtime.js';
import { AllocationFolder } from '../../node-agent/runtime/allocation-folder.js';
import { findCgroupHome, foldersOf } from '../../node-agent/runtime/cgroup.js';
import type { DesiredAllocation } from '../../proto/gen/sluice/v1/DesiredAllocation.js';
import { needs } from '../real-part.js';
import { processesOf } from '../e2e/real-cluster.js';
import { AgentProcess } from './agent-process.js';
import { eventually } from './eventually.js';
import { FakeScheduler } from './fake-scheduler.js';
import { sh, stopped } from './orders.js';

/** A quarter more than a log may have. */
const LOG_BYTES = LOG_CAP_BYTES + LOG_CAP_BYTES / 4;
const GPU = { index: 0, model: 'NVIDIA H100', simulated: true, generation: 1 };

let scheduler: FakeScheduler;
let agent: AgentProcess;
/** Device files, where a task may reach them whoever it is. */
let devices: string;

beforeEach(async () => {
  scheduler = await FakeScheduler.start({ leaseMs: 60_000 });
  agent = new AgentProcess();
  devices = path.join('/dev/shm', `sluice-test-${process.pid}`);
});

afterEach(async () => {
  await agent.dispose();
  scheduler.stop();
  rmSync(devices, { recursive: true, force: true });
});

type Order = DesiredAllocation & { id: string };

/** Runs a task on a simulated GPU to its end. */
async function endOf(order: Order) {
  await eventually('it joined', () => scheduler.hellos.length > 0);
  const uuid = scheduler.hellos[0]?.inventory?.gpus[0]?.uuid ?? '';
  scheduler.order([{ ...order, gpus: [{ ...GPU, uuid }] }]);
  const seen = await scheduler.until(order.id, 'RELEASED');
  // The GPU came back clean, and no group is left: nothing of the task is.
  expect(seen.dirtyGpus).toEqual([]);
  await eventually('its groups are removed', () => groupsOf(order.id).every((group) => !existsSync(group)));
  return { message: seen.exit?.message ?? '', signal: seen.exit?.signal, code: seen.exit?.code };
}

function groupsOf(id: string): readonly string[] {
  const claim = new AllocationFolder(agent.folder(id)).readClaim();
  if (claim?.by !== 'supervisor' || claim.cgroup === null) throw new Error('it had no control group');
  return foldersOf({ group: claim.cgroup, limits: claim.limitGroups ?? {} });
}

function log(id: string): string {
  return readFileSync(path.join(agent.folder(id), 'log'), 'utf8');
}

describe.runIf(needs('build') && needs('cgroups'))('a task that', () => {
  test('forks twice, leaves its session and ignores SIGTERM ends after its grace, all of it', async () => {
    agent.start(scheduler.address);
    const order = sh(
      `trap '' TERM
       (setsid sh -c 'trap "" TERM; (exec env -i sleep 600 &) ; env -i sh -c "trap \\"\\" TERM; sleep 600; :" & sleep 600' &)
       echo up > up; while :; do sleep 0.1; done`,
    );
    scheduler.order([order]);
    await eventually('it runs', () => existsSync(path.join(agent.folder(order.id), 'work/up')));
    const group = groupsOf(order.id)[0] ?? '';
    const pids = await eventually('all of it is there', () => {
      const found = readFileSync(path.join(group, 'cgroup.procs'), 'utf8').trim().split('\n').map(Number);
      return found.length >= 5 ? found : null;
    });
    scheduler.order([stopped(order, 300)]);
    expect(await scheduler.until(order.id, 'RELEASED')).toMatchObject({
      stopSignalled: true,
      exit: { signal: 'SIGKILL' },
    });
    const states = pids.map((pid) =>
      existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '',
    );
    expect(states.filter((stat) => stat !== '' && !/\) [ZX] /.test(stat))).toEqual([]);
  });

  test('eats its memory is ended by the kernel, and that is told', async () => {
    agent.start(scheduler.address);
    // The one that eats is a child: the others must not wait for it for ever.
    const order = sh('tail /dev/zero & sleep 600', { memoryMib: 64, grace: toDuration(100) });
    expect(await endOf(order)).toMatchObject({
      signal: 'SIGKILL',
      message: expect.stringMatching(
        /^out of memory: the kernel killed processes of it, which used more than the 64 MiB it had asked for/,
      ),
    });
  });

  test('kills itself is not said to have run out of memory', async () => {
    agent.start(scheduler.address);
    expect(await endOf(sh('kill -9 $$', { memoryMib: 64 }))).toMatchObject({ signal: 'SIGKILL', message: '' });
  });

  test('floods the node with processes stays below its limit, and that is told', async () => {
    agent.start(scheduler.address, ['--simulate', '2xH100', '--task-processes', '40']);
    const order = sh('i=0; while [ $i -lt 200 ]; do sleep 600 & i=$((i+1)); done; exit 3');
    const end = await endOf(order);
    expect(end.message).toMatch(/^too many processes: it was refused another one .*, at its limit of 40$/);
    expect(end.code).not.toBe(0);
  });

  test('ends keeps nobody who comes into its groups at that moment, as a program run beside it may', async () => {
    agent.start(scheduler.address);
    const order = sh('touch up; while [ ! -e go ]; do sleep 0.01; done');
    scheduler.order([order]);
    const work = path.join(agent.folder(order.id), 'work');
    await eventually('it runs', () => existsSync(path.join(work, 'up')));
    const folder = new AllocationFolder(agent.folder(order.id));
    const { pid } = await eventually('its process is on record', () => folder.readRunning()?.process);
    const [group = ''] = groupsOf(order.id);
    // Each waits for the end of the main process, and goes in as soon as that is over.
    const enter = 'while kill -0 "$1" 2>&-; do :; done; echo 0 >"$0/cgroup.procs" && exec sleep 600';
    const intruders = [1, 2].map(() => spawn('sh', ['-c', enter, group, String(pid)], { stdio: 'ignore' }));
    try {
      writeFileSync(path.join(work, 'go'), '');
      await scheduler.until(order.id, 'RELEASED');
      await eventually('nobody is left of them', () =>
        intruders.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null),
      );
      expect(existsSync(group)).toBe(false);
    } finally {
      for (const intruder of intruders) intruder.kill('SIGKILL');
    }
  });

  test('fills its disk is ended, its folder is emptied, and that is told', async () => {
    agent.start(scheduler.address, ['--simulate', '2xH100', '--task-disk', '20MiB']);
    const order = sh('mkdir a; head -c 30M /dev/zero > a/b; sleep 600');
    expect(await endOf(order)).toMatchObject({
      signal: 'SIGKILL',
      message: expect.stringMatching(/^out of disk space: it had more than the 20 MiB/),
    });
    expect(readdirSync(path.join(agent.folder(order.id), 'work'))).toEqual([]);
  });

  test('fills its disk and shuts its folder ends alone: the others go on, and its folder is emptied all the same', async () => {
    const map = path.join(agent.stateDir, 'users.yaml');
    writeFileSync(map, 'ada: nobody\n');
    agent.start(scheduler.address, ['--simulate', '2xH100', '--task-disk', '20MiB', '--user-map', map]);
    const order = sh('mkdir a; head -c 30M /dev/zero > a/b; chmod 000 a; sleep 600', { owner: 'ada' });
    expect((await endOf(order)).message).toMatch(/^out of disk space: .*; its folder was emptied$/);
    expect(readdirSync(path.join(agent.folder(order.id), 'work'))).toEqual([]);
  });

  test('fills its disk with scratch files is ended, and they are gone', async () => {
    agent.start(scheduler.address, ['--simulate', '2xH100', '--task-disk', '20MiB']);
    const order = sh('head -c 30M /dev/zero > "$TMPDIR/big"; sleep 600');
    expect((await endOf(order)).message).toMatch(/^out of disk space: .*; its folder was emptied$/);
    expect(existsSync(path.join(agent.folder(order.id), 'tmp/big'))).toBe(false);
  });

  test('writes more than a gigabyte of log at full speed ends well: its file stays below its limit, the agent as small as before', async () => {
    agent.start(scheduler.address);
    await eventually('it joined', () => scheduler.hellos.length > 0);
    const mib = (pid: number, what: string) =>
      Number(new RegExp(`^${what}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
    const isSupervisor = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('supervisor.js');
    const holders = [agent.pid, ...processesOf(agent.stateDir).filter(isSupervisor)];
    expect(holders).toHaveLength(2);
    const beforeMib = new Map(holders.map((pid) => [pid, mib(pid, 'VmRSS')]));
    const line = 'x'.repeat(1_023);
    const order = sh(`yes ${line} | head -c ${LOG_BYTES}; echo the last word`);
    expect(await endOf(order)).toMatchObject({ code: 0 });
    const file = path.join(agent.folder(order.id), 'log');
    // Nothing moved: what is left stands where it was written, and the rest takes no room.
    expect(statSync(file).size).toBe(LOG_BYTES + 'the last word\n'.length);
    expect(statSync(file).blocks * 512).toBeLessThanOrEqual(LOG_CAP_BYTES);
    const tail = await scheduler.readLog({ allocation: order.id, offset: LOG_BYTES - 1_024 });
    expect(tail.data.toString()).toBe(`${line}\nthe last word\n`);
    const old = await scheduler.readLog({ allocation: order.id, offset: 0 });
    expect(old.offset).toBeGreaterThanOrEqual(LOG_BYTES - LOG_CAP_BYTES);
    expect(old.data.toString('latin1', 0, 1_024)).not.toContain('\0');
    for (const [pid, before] of beforeMib) expect(mib(pid, 'VmHWM') - before).toBeLessThan(100);
  }, 300_000);

  test('fills its disk with a file that it deleted is found out', async () => {
    agent.start(scheduler.address, ['--simulate', '2xH100', '--task-disk', '20MiB']);
    const order = sh('exec 9> hidden; rm hidden; head -c 30M /dev/zero >&9; sleep 600');
    expect((await endOf(order)).message).toMatch(/^out of disk space/);
  });

  test('opens a GPU that it was not granted is refused, by whatever file, and that is told', async () => {
    mkdirSync(devices);
    for (const minor of [3, 255]) spawnSync('mknod', [path.join(devices, `nvidia${minor}`), 'c', '195', String(minor)]);
    agent.start(scheduler.address);
    const order = sh(`cd ${devices}; cat nvidia3; cat nvidia255; mknod mine c 195 4; exit 5`);
    const end = await endOf(order);
    // Without the driver an open that is allowed finds no such device.
    expect(log(order.id)).toMatch(/nvidia3: Operation not permitted\n.*nvidia255: No such device or address\n/s);
    expect(existsSync(path.join(devices, 'mine'))).toBe(false);
    if (findCgroupHome()?.deviceFilter === true) {
      expect(end.message).toBe('refused GPUs: it tried 2 times to open a GPU that it was not granted');
    }
  });

  test('is a set-user-id program gets no rights by that', async () => {
    agent.start(scheduler.address);
    const order = sh('grep NoNewPrivs /proc/self/status');
    await endOf(order);
    expect(log(order.id)).toMatch(/^NoNewPrivs:\s+1$/m);
  });
});

describe.runIf(needs('build') && needs('cgroups'))('tasks of another user', () => {
  const users = (map: string) => {
    const file = path.join(agent.stateDir, 'users.yaml');
    writeFileSync(file, map);
    return ['--simulate', '2xH100', '--user-map', file];
  };
  const script = `id -u; id -G; grep -E "CapEff|CapBnd|NoNewPrivs" /proc/self/status; echo "$HOME $USER"; pwd
    touch mine "$SLUICE_CHECKPOINT_DIR/mine" && echo '{}' >> "$SLUICE_REPORT_FILE" && echo wrote
    cat ../spec.json; ls ..; cat "$SLUICE_STOP_FILE"; echo end`;

  test('have its groups, no capabilities, folders of their own, and see nothing of ours', async () => {
    agent.start(scheduler.address, users('ada: nobody\n'));
    const order = sh(script, { owner: 'ada' });
    await endOf(order);
    const text = log(order.id);
    const groups = spawnSync('id', ['-G', 'nobody'], { encoding: 'utf8' }).stdout.trim();
    expect(text).toMatch(new RegExp(`^65534\\n${groups}\\nCapEff:\\s+0+\\nCapBnd:\\s+0+\\nNoNewPrivs:\\s+1\\n`));
    expect(text).toContain(`/nonexistent nobody\n${agent.folder(order.id)}/work\nwrote\n`);
    expect(text).toMatch(/spec.json: Permission denied/);
    expect(text).toMatch(/cannot open directory '..': Permission denied/);
  });

  test('read the token of their task, which no other user does, and cannot put another file in its place', async () => {
    agent.start(scheduler.address, users('ada: nobody\nbob: daemon\n'));
    const hers = sh(
      `cat "$SLUICE_TOKEN_FILE"; stat -c "%u %a" "$SLUICE_TOKEN_FILE"; rm -f "$SLUICE_TOKEN_FILE"; echo x > "$SLUICE_TOKEN_FILE"
      ln -s /etc/passwd ../token.new; echo done; exec sleep 600`,
      { owner: 'ada', taskToken: 'sluice-task.of-ada' },
    );
    const token = path.join(agent.folder(hers.id), 'token');
    const his = sh(`cat "$SLUICE_TOKEN_FILE"; cat ${token}; rm -f ${token}; ls ${path.dirname(token)}; echo done`, {
      owner: 'bob',
      taskToken: 'sluice-task.of-bob',
    });
    await eventually('it joined', () => scheduler.hellos.length > 0);
    scheduler.order([hers]);
    await scheduler.until(hers.id, 'RUNNING');
    await eventually('she has tried', () => (log(hers.id).includes('done') ? true : null));
    expect(log(hers.id)).toMatch(/^sluice-task.of-ada\n65534 400\n/);
    expect(log(hers.id).match(/Permission denied/g)).toHaveLength(3);
    scheduler.order([hers, his]);
    await scheduler.until(his.id, 'RELEASED');
    expect(log(his.id)).toMatch(/^sluice-task.of-bob\n/);
    expect(log(his.id).match(/Permission denied/g)).toHaveLength(3);
    expect(log(his.id)).not.toContain('of-ada');
    expect(readFileSync(token, 'utf8')).toBe('sluice-task.of-ada\n');
  });

  test('of somebody who is no user here are refused in words', async () => {
    agent.start(scheduler.address, users('bob: nobody\n'));
    expect(await refusalOf(sh('id', { owner: 'ada' }))).toMatch(/^ada is no user here: the administrator of this node/);
    expect(await refusalOf(sh('id', { owner: 'bob', workingDirectory: '/root' }))).toMatch(
      /^the working directory \/root cannot be entered by user nobody/,
    );
  });

  test('are never root by a map', async () => {
    agent.start(scheduler.address, users('ada: root\n'));
    expect(await refusalOf(sh('id', { owner: 'ada' }))).toMatch(/^ada may not be root on this node/);
  });

  test('that name no program say so, as others do', async () => {
    agent.start(scheduler.address, users('ada: nobody\n'));
    expect(await refusalOf(sh('', { owner: 'ada', command: { argv: ['no-such-program'] } }))).toMatch(
      /^command not found: no-such-program is in no folder of PATH/,
    );
  });

  async function refusalOf(order: Order): Promise<string> {
    scheduler.order([order]);
    return (await scheduler.until(order.id, 'RELEASED')).exit?.message ?? '';
  }
});

describe.runIf(needs('build'))('where something cannot be enforced', () => {
  /** Somebody without rights: no control groups, no other users. */
  const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];

  test.runIf(process.geteuid?.() === 0)('tasks run all the same, and the agent says once what is missing', async () => {
    agent.startAs(asNobody, scheduler.address);
    const order = sh('exit 4', { memoryMib: 64 });
    scheduler.order([order]);
    expect(await scheduler.until(order.id, 'RELEASED')).toMatchObject({ exit: { code: 4 } });
    const lines = agent.output.split('\n').filter((line) => line.includes('not everything is enforced'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('no control groups');
    expect(lines[0]).toContain('a task may use more memory than it asked for');
    expect(lines[0]).toContain('all tasks run as the user of the agent');
  });

  test.runIf(process.geteuid?.() === 0)('an agent that is to refuse does, with what is missing', async () => {
    agent.startAs(asNobody, scheduler.address, ['--simulate', '2xH100', '--isolation', 'required']);
    expect(await agent.exitCode()).toBe(1);
    expect(agent.output).toMatch(
      /error: this node cannot hold tasks to all that --isolation required asks for:\n {2}- /,
    );
    expect(scheduler.hellos).toEqual([]);
  });
});
