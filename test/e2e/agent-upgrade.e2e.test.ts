// An agent of another version takes over running work: the task goes on, so does whoever follows its log, and its exit code is its own.
// The earlier version is a package of its own, which is gone once the later one runs, as after an upgrade.
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { makeOtherVersion } from './other-version.js';
import { RealCluster } from './real-cluster.js';

const EARLIER = '0.0.9';

describe.runIf(needs('build'))('an upgrade of an agent', () => {
  const cluster = new RealCluster();
  const earlier = cluster.at('earlier-package');
  let program: string;
  let client: SluiceClient;

  beforeAll(async () => {
    program = makeOtherVersion(earlier, { version: EARLIER });
    await cluster.startScheduler();
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  test('leaves its work alone', async () => {
    const simulated = ['--simulate', '4xh100'];
    await cluster.startAgent('n1', simulated, program);
    expect(await client.getNode('n1')).toMatchObject({
      agentVersion: EARLIER,
      skews: [
        `this agent is ${EARLIER}, the scheduler ${PACKAGE_VERSION}: upgrade the agent; its tasks go on meanwhile`,
      ],
    });
    const gate = cluster.at('gate');
    const script = `echo "pid $$"; i=0; while [ ! -e ${gate} ]; do i=$((i+1)); echo $i; sleep 0.02; done; echo over; exit 42`;
    const command = { argv: ['/bin/sh', '-c', script] };
    await client.submitWorkloads({ specs: [{ name: 'work', queue: 'research', resources: { gpus: 1 }, command }] });
    const before = await cluster.untilWorkload(client, 'work', ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
    const pieces: Buffer[] = [];
    const following = (async () => {
      for await (const { data } of client.readLogs({ workload: 'work', follow: true })) pieces.push(data);
    })();

    expect(await cluster.endAgent('n1', 'SIGTERM')).toBe(0);
    rmSync(earlier, { recursive: true });
    await cluster.startAgent('n1', simulated);

    expect(await client.getNode('n1')).toMatchObject({ agentVersion: PACKAGE_VERSION, skews: [] });
    const after = await client.getWorkload('work');
    expect(after).toMatchObject({ state: 'WORKLOAD_STATE_RUNNING', attempt: 1, requeues: 0 });
    expect(after.allocations[0]?.id).toBe(before.allocations[0]?.id);
    writeFileSync(gate, '');
    const ended = await cluster.untilWorkload(client, 'work', ({ state }) => state === 'WORKLOAD_STATE_FAILED');
    expect(ended.allocations[0]?.exit).toMatchObject({ code: 42 });
    await following;
    // Every line once and in order, from the one process.
    const lines = Buffer.concat(pieces).toString().trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('pid '))).toHaveLength(1);
    expect(lines.slice(1)).toEqual([
      ...Array.from({ length: lines.length - 2 }, (_, index) => String(index + 1)),
      'over',
    ]);
    // And new work starts under the supervisor of the earlier version.
    await client.submitWorkloads({ specs: [{ name: 'next', queue: 'research', command: { argv: ['true'] } }] });
    await cluster.untilWorkload(client, 'next', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
  });
});
