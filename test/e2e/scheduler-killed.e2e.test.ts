// kill -9 of the scheduler at random moments while work is submitted: what was acknowledged is there, nothing is there
// twice, nothing is executed twice.
import { randomInt, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

const ROUNDS = 20;
const WORKLOADS = 200;
const AT_ONCE = 16;

const cluster = new RealCluster();
afterAll(() => cluster.stop());

test.runIf(needs('build'))(
  `${ROUNDS} rounds of ${WORKLOADS} submissions with the scheduler killed among them`,
  async () => {
    await cluster.startScheduler();
    for (const name of ['n1', 'n2']) await cluster.startAgent(name, ['--simulate', '16xh100']);
    const client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 32 } });
    const executions = cluster.at('executions');
    const acknowledged: number[] = [];
    let lostReplies = 0;

    const submitOne = async (): Promise<void> => {
      const request = {
        requestId: randomUUID(),
        specs: [
          {
            name: 'tick',
            queue: 'research',
            resources: { gpus: 1 },
            command: { argv: ['/bin/sh', '-c', `echo "$SLUICE_WORKLOAD $SLUICE_ALLOCATION_ID" >> ${executions}`] },
          },
        ],
      };
      // A user whose call breaks asks again with the same request id until there is an answer.
      await until('a submission is acknowledged', async () => {
        try {
          const { workloads } = await client.submitWorkloads(request);
          acknowledged.push(...workloads.map(({ number }) => number));
          return true;
        } catch (error) {
          lostReplies += 1;
          if (error instanceof Error && /cannot reach|UNAVAILABLE|deadline/i.test(error.message)) return null;
          throw error;
        }
      });
    };

    for (let round = 0; round < ROUNDS; round += 1) {
      const target = acknowledged.length + WORKLOADS;
      const killAt = acknowledged.length + randomInt(1, WORKLOADS);
      let left = WORKLOADS;
      const submitters = Array.from({ length: AT_ONCE }, async () => {
        for (; left > 0;) {
          left -= 1;
          await submitOne();
        }
      });
      await until('the moment to kill', () => (acknowledged.length >= killAt ? true : null));
      await cluster.endScheduler('SIGKILL');
      await cluster.startScheduler();
      await Promise.all(submitters);
      expect(acknowledged).toHaveLength(target);
    }

    const total = ROUNDS * WORKLOADS;
    const existing = await until('everything has ended', async () => {
      const open = await client.allWorkloads(
        {
          pageSize: 1,
          states: [
            'WORKLOAD_STATE_PENDING',
            'WORKLOAD_STATE_STARTING',
            'WORKLOAD_STATE_RUNNING',
            'WORKLOAD_STATE_STOPPING',
          ],
        },
        1,
      );
      return open.length === 0 ? client.allWorkloads({ pageSize: 1_000 }) : null;
    });
    const lines = readFileSync(executions, 'utf8').trim().split('\n');
    const executed = new Map<number, number>();
    for (const line of lines) {
      const number = Number(line.split(' ')[0]);
      executed.set(number, (executed.get(number) ?? 0) + 1);
    }
    const numbers = new Set(existing.map(({ number }) => number));
    const figures = {
      rounds: ROUNDS,
      acknowledged: acknowledged.length,
      lostReplies,
      existing: existing.length,
      lost: acknowledged.filter((number) => !numbers.has(number)).length,
      acknowledgedTwice: acknowledged.length - new Set(acknowledged).size,
      executed: executed.size,
      executedTwice: [...executed.values()].filter((count) => count > 1).length,
      succeeded: existing.filter(({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED').length,
    };
    process.stdout.write(`scheduler killed: ${JSON.stringify(figures)}\n`);
    expect(figures).toMatchObject({
      acknowledged: total,
      existing: total,
      lost: 0,
      acknowledgedTwice: 0,
      executed: total,
      executedTwice: 0,
      succeeded: total,
    });
  },
  600_000,
);
