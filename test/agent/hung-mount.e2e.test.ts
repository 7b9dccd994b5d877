// A storage server that is gone: whoever asks for a file of it waits for ever. No task that names such a folder may keep its GPUs, or its gang,
// waiting with it, and the node is to blame, not the program.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PREPARE_LIMIT_MS } from '../../node-agent/runtime/runtime.js';
import { hasRemoteMounts } from '../../node-agent/runtime/remote-folders.js';
import { START_LIMIT_MS } from '../../scheduler/model/launch.js';
import { needs } from '../real-part.js';
import { AgentProcess } from './agent-process.js';
import { FakeScheduler } from './fake-scheduler.js';
import { orderOf, stopped } from './orders.js';

const MOUNT = fileURLToPath(new URL('hung-mount.py', import.meta.url));
/** More than the agent has threads for files. */
const MANY = 6;

test('a node gives a preparation up before the scheduler gives its gang up, so that the reason is told', () => {
  expect(PREPARE_LIMIT_MS).toBeLessThan(START_LIMIT_MS / 2);
});

test.each([
  ['36 35 0:39 / /nfs rw,relatime shared:1 - nfs4 server:/export rw', true],
  ['36 35 0:39 / /scratch rw - fuse.weka host rw', true],
  ['36 35 0:39 / /lustre rw master:1 propagate_from:2 - lustre mgs@tcp:/fs rw', true],
  ['36 35 98:0 / / rw - ext4 /dev/root rw\n37 36 0:40 / /tmp rw - tmpfs none rw', false],
  ['36 35 98:0 / /nfs4 rw - xfs /dev/fuse rw', false],
  ['', false],
])('knows by the mounts of a machine whether anything on it answers from elsewhere: %s', (mounts, expected) => {
  expect(hasRemoteMounts(mounts)).toBe(expected);
});

describe.runIf(needs('build') && needs('fuse'))('a task whose folder does not answer', () => {
  let hung: string;
  let agent: AgentProcess;
  let scheduler: FakeScheduler;

  beforeEach(async () => {
    hung = mkdtempSync(path.join(os.tmpdir(), 'sluice-hung-'));
    agent = new AgentProcess();
    scheduler = await FakeScheduler.start();
  });
  afterEach(async () => {
    await agent.dispose();
    scheduler.stop();
    rmSync(hung, { recursive: true, force: true });
  });

  function start(limit: string): void {
    const flags = ['--simulate', '2xH100', '--prepare-limit', limit];
    agent.startAs(['python3', MOUNT, hung], scheduler.address, flags);
  }

  const launch = (hold: boolean) => ({ launcher: 'LAUNCHER_NONE', hold, rank: 1, tasks: 2, processes: 2 }) as const;

  test('is never started, and the folder is named; meanwhile others run, however many hang', async () => {
    start('2s');
    const hanging = Array.from({ length: MANY }, (_, at) =>
      orderOf(['true'], at % 2 === 0 ? { workingDirectory: path.join(hung, 'w') } : { checkpointDirectory: hung }),
    );
    const other = orderOf(['true']);
    scheduler.order([...hanging, other]);
    expect((await scheduler.until(other.id, 'RELEASED')).exit).toMatchObject({ code: 0 });
    expect(hanging.filter(({ id }) => scheduler.observed(id)?.state === 'OBSERVED_STATE_RELEASED')).toEqual([]);
    for (const { id } of hanging) {
      const seen = await scheduler.until(id, 'RELEASED');
      expect(seen).toMatchObject({ neverStarted: true });
      expect(seen.exit?.message).toMatch(
        /^this node could not make it ready within 2\.0s: no answer from \/.*sluice-hung-[^,]*$/,
      );
    }
  });

  test('that was let go with its gang is never started, so that the gang has not to wait for it for ever', async () => {
    start('2s');
    const order = orderOf(['true'], { launch: launch(true) });
    scheduler.order([order]);
    await scheduler.until(order.id, 'READY');
    scheduler.order([{ ...order, launch: launch(false), workingDirectory: hung }]);
    expect(await scheduler.until(order.id, 'RELEASED')).toMatchObject({ neverStarted: true });
  });

  test('goes at once when it is told to stop', async () => {
    start('9m');
    const order = orderOf(['true'], { workingDirectory: hung });
    scheduler.order([order]);
    await scheduler.until(order.id, 'STARTING');
    scheduler.order([stopped(order, 0)]);
    const seen = await scheduler.until(order.id, 'RELEASED');
    expect(seen).toMatchObject({ neverStarted: true, exit: { message: 'it was stopped before it was started' } });
  });
});
