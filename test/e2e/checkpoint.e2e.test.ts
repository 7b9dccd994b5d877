// A real program that counts, taken off its GPUs at random moments in every way there is: what it loses is no more than it did
// since its last complete checkpoint. The programs are the ones of examples/, in shell and in Node.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import { needs } from '../real-part.js';
import { killIfThere, processesOf, RealCluster, until } from './real-cluster.js';

/** It saves its count so often. */
const EVERY = 7;
const GOAL = 120;

const PROGRAMS = {
  sh: { argv: ['/bin/sh', path.join(PACKAGE_ROOT, 'examples/checkpoint.sh')], signal: 'USR1' },
  Node: { argv: [process.execPath, path.join(PACKAGE_ROOT, 'examples/checkpoint.mjs')], signal: 'USR2' },
} as const;

describe.runIf(needs('build'))('a program that checkpoints', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  async function submit(spec: WorkloadSpec): Promise<number> {
    const usual = { queue: 'research', resources: { gpus: 4 } };
    const { workloads } = await client.submitWorkloads({ specs: [{ ...usual, ...spec }] });
    return Number(workloads[0]?.number);
  }

  function counting(language: keyof typeof PROGRAMS, spec: WorkloadSpec = {}): WorkloadSpec {
    const figures = { COUNT_TO: GOAL, COUNT_PAUSE: 0.05, COUNT_EVERY: EVERY };
    const environment = Object.entries(figures).map(([name, value]) => ({ name, value: String(value) }));
    return { command: { argv: [...PROGRAMS[language].argv] }, environment, ...spec };
  }

  const read = (number: number) => client.getWorkload(String(number));

  /** What an attempt printed. */
  function logOf({ allocations }: Workload__Output): string {
    return readFileSync(cluster.at('n1', 'allocations', allocations[0]?.id ?? '', 'log'), 'utf8');
  }

  function last(log: string, word: 'count' | 'saved'): number {
    return Number([...log.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].at(-1)?.[1] ?? 0);
  }

  function beginning(log: string): number {
    return Number(/begins at (\d+)/.exec(log)?.[1] ?? NaN);
  }

  /** Waits until the present attempt has counted so far that a random moment of its life is there. */
  async function untilSomewhere(number: number): Promise<Workload__Output> {
    const further = 1 + Math.floor(Math.random() * 20);
    return until(`workload ${number} counts ${further} further`, async () => {
      const now = await read(number);
      if (now.state !== 'WORKLOAD_STATE_RUNNING') return null;
      const log = logOf(now);
      return last(log, 'count') - beginning(log) >= further ? now : null;
    });
  }

  async function untilNextAttempt(number: number, attempt: number): Promise<Workload__Output> {
    return cluster.untilWorkload(
      client,
      number,
      (now) => now.attempt > attempt && now.state === 'WORKLOAD_STATE_RUNNING' && logOf(now).includes('begins at'),
    );
  }

  const WAYS: Readonly<Record<string, (number: number) => Promise<void>>> = {
    'a requeue': async (number) => {
      await client.requeueWorkloads({ workloads: [String(number)] });
    },
    'a preemption': async () => {
      const urgent = await submit({ priority: 90, command: { argv: ['true'] } });
      await cluster.untilWorkload(client, urgent, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    },
    'the end of its supervisor': () => {
      const [supervisor] = processesOf(cluster.at('n1')).filter((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('runtime/supervisor.js'),
      );
      process.kill(supervisor ?? 0, 'SIGKILL');
      return Promise.resolve();
    },
    'a node that is fenced': async () => {
      await cluster.endAgent('n1', 'SIGKILL');
      for (const pid of processesOf(cluster.at('n1'))) killIfThere(pid);
      await cluster.startAgent('n1');
    },
  };

  test.each(['sh', 'Node'] as const)('in %s loses at most what it did since its last checkpoint', async (language) => {
    const number = await submit(counting(language, { checkpoint: { grace: { seconds: 5 } } }));
    const losses: number[] = [];
    for (const [way, takeOff] of Object.entries(WAYS)) {
      const before = await untilSomewhere(number);
      await takeOff(number);
      const after = await untilNextAttempt(number, before.attempt);
      const log = logOf(before);
      const [reached, begun] = [last(log, 'count'), beginning(logOf(after))];
      expect(begun, `${way}: after ${log}`).toBeGreaterThanOrEqual(Math.max(beginning(log), last(log, 'saved')));
      expect(reached - begun, `${way}: after ${log}`).toBeLessThanOrEqual(EVERY);
      expect(after.requeues).toBe(before.requeues + 1);
      losses.push(reached - begun);
    }
    const done = await cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    expect(done).toMatchObject({ attempt: 5, requeues: 4, retries: 0, checkpoint: { step: GOAL - (GOAL % EVERY) } });
    expect(logOf(done)).toContain(`counted to ${GOAL}`);
    // Told to stop, it saves: only those that were ended without a word may lose anything.
    expect(losses.slice(0, 2)).toEqual([0, 0]);
  });

  test.each(['sh', 'Node'] as const)('in %s is told ahead of its stop signal, and why', async (language) => {
    const { signal } = PROGRAMS[language];
    // A shell around it does not know the signal, and would end by it.
    const argv = [
      '/bin/sh',
      '-c',
      '"$@"; code=$?; echo "ended with $code"; exit $code',
      'sh',
      ...PROGRAMS[language].argv,
    ];
    const early = { signal, ahead: { seconds: 300 } };
    const number = await submit(counting(language, { command: { argv }, checkpoint: { earlySignal: early } }));
    const before = await untilSomewhere(number);
    const urgent = await submit({ priority: 90, command: { argv: ['true'] } });
    await cluster.untilWorkload(client, urgent, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
    const log = logOf(before);
    expect(log).toMatch(/^stopped at \d+: \{"reason":"PREEMPTED","term":".*","deadline":".*"\}$/m);
    expect(log).toContain('ended with 75');
    const [, term = '', deadline = ''] = /"term":"(.*?)","deadline":"(.*?)"/.exec(log) ?? [];
    expect(Date.parse(deadline) - Date.parse(term)).toBeGreaterThanOrEqual(29_000);
    const after = await untilNextAttempt(number, before.attempt);
    expect(beginning(logOf(after))).toBe(last(log, 'count'));
    expect(readdirSync(cluster.at('shared', 'checkpoints')).length).toBeGreaterThan(0);
    await client.cancelWorkloads({ workloads: [String(number)] });
    await cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_CANCELLED');
  });
});
