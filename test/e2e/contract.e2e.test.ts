// What a program is told of its time, of where its results go and of why it has to stop, with real processes.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { DRAIN_PREFIX } from '../../common/drain.js';
import { toDuration } from '../../common/units.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

/** Waits for its stop, says why it came, and leaves. */
const UNTIL_STOPPED = `trap 'echo "told: $(cat "$SLUICE_STOP_FILE")"; exit 0' TERM; echo waiting; while :; do sleep 0.05; done`;

describe.runIf(needs('build'))('what a program is told', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  async function submit(script: string, spec: WorkloadSpec = {}): Promise<number> {
    const usual = { queue: 'research', resources: { gpus: 1 }, command: { argv: ['/bin/sh', '-c', script] } };
    const { workloads } = await client.submitWorkloads({ specs: [{ ...usual, ...spec }] });
    return Number(workloads[0]?.number);
  }

  function logOf(allocation: string): string {
    const file = cluster.at('n1', 'allocations', allocation, 'log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  const ended = (number: number): Promise<Workload__Output> =>
    cluster.untilWorkload(client, number, ({ endTime }) => endTime !== null);

  async function untilAllWait(number: number, tasks: number): Promise<readonly string[]> {
    return until(`${tasks} tasks of ${number} wait`, async () => {
      const { allocations } = await client.getWorkload(String(number));
      const ids = allocations.map(({ id }) => id);
      return ids.length === tasks && ids.every((id) => logOf(id).includes('waiting')) ? ids : null;
    });
  }

  test('how many seconds its time limit leaves, from its first line on and again later; nothing without a limit', async () => {
    const script = `first=$(cat "$SLUICE_TIME_LEFT_FILE"); echo "first $first"
      until [ "$(cat "$SLUICE_TIME_LEFT_FILE")" -lt "$first" ]; do sleep 0.1; done
      echo "later $(cat "$SLUICE_TIME_LEFT_FILE")"`;
    const limited = await submit(script, { timeLimit: toDuration(3_600_000) });
    const free = await submit('ls "$SLUICE_TIME_LEFT_FILE" 2>/dev/null || echo no limit');
    const log = logOf((await ended(limited)).allocations[0]?.id ?? '');
    const [, first, later] = /^first (\d+)\nlater (\d+)\n$/.exec(log) ?? [];
    expect({ log, first: Number(first) <= 3_600 && Number(first) > 3_500 }).toMatchObject({ first: true });
    expect(Number(later)).toBeLessThan(Number(first));
    expect(logOf((await ended(free)).allocations[0]?.id ?? '')).toBe('no limit\n');
  });

  test('where its results and outputs go, which the next attempt sees, and the user afterwards', async () => {
    const script = `echo "{\\"sample\\": $SLUICE_ATTEMPT, \\"ok\\": true}" >> "$SLUICE_RESULTS"
      echo "attempt $SLUICE_ATTEMPT" >> "$SLUICE_OUTPUT_DIR/model"; [ "$SLUICE_ATTEMPT" -gt 1 ] || exit 75`;
    const number = await submit(script, { name: 'judged' });
    expect(await ended(number)).toMatchObject({ state: 'WORKLOAD_STATE_SUCCEEDED', attempt: 2 });
    const { clusterId } = await client.getVersion();
    const folder = cluster.at('shared', 'outputs', `judged-${number}-${clusterId.slice(0, 6)}`);
    expect(readFileSync(path.join(folder, 'model'), 'utf8')).toBe('attempt 1\nattempt 2\n');
    const results = [1, 2].map((attempt) => readFileSync(path.join(folder, `results-${attempt}-0.jsonl`), 'utf8'));
    expect(results.map((lines) => JSON.parse(lines) as unknown)).toEqual([
      { sample: 1, ok: true },
      { sample: 2, ok: true },
    ]);
  });

  test('where its scratch files go, which are gone with it, and that what it did not use is taken back', async () => {
    const script = `touch "$TMPDIR/mine" && mkdir "$TMPDIR/shut" && touch "$TMPDIR/shut/file" && chmod 000 "$TMPDIR/shut"
      echo "in $TMPDIR"; stat -c "%a" "$TMPDIR"; ls -d "$SLUICE_OUTPUT_DIR" "$SLUICE_CHECKPOINT_DIR"`;
    const workload = await ended(await submit(script, { name: 'tidy' }));
    expect(workload.state).toBe('WORKLOAD_STATE_SUCCEEDED');
    const id = workload.allocations[0]?.id ?? '';
    const scratch = cluster.at('n1', 'allocations', id, 'tmp');
    const [first, mode, ...made] = logOf(id).trimEnd().split('\n');
    expect([first, mode, made.length]).toEqual([`in ${scratch}`, '700', 2]);
    expect(made.filter((folder) => existsSync(folder))).toEqual([]);
    await until('the scratch files are gone', () => (existsSync(scratch) ? null : true));
  });

  test('that it is the one that leaves while the others go on, when the workload becomes smaller', async () => {
    const number = await submit(UNTIL_STOPPED, { tasks: 1, maxTasks: 4 });
    const tasks = await untilAllWait(number, 4);
    const urgent = await submit('true', { priority: 90, resources: { gpus: 2 } });
    await ended(urgent);
    const told = tasks.map((id) => /"reason":"(\w+)"/.exec(logOf(id))?.[1] ?? 'nothing').toSorted();
    expect(told).toEqual(['RESIZE', 'RESIZE', 'nothing', 'nothing']);
    expect((await client.getWorkload(String(number))).attempt).toBe(1);
    await client.cancelWorkloads({ workloads: [String(number)] });
    await ended(number);
    expect(logOf(tasks[0] ?? '')).toContain('"reason":"CANCELLED"');
  });

  test('that its node is drained', async () => {
    const number = await submit(UNTIL_STOPPED);
    const [id = ''] = await untilAllWait(number, 1);
    await client.createMaintenance({
      nodes: ['n1'],
      duration: toDuration(3_600_000),
      reason: `${DRAIN_PREFIX}new fans`,
    });
    await until('it is told', () => (logOf(id).includes('told: ') ? true : null));
    expect(logOf(id)).toMatch(/^told: \{"reason":"DRAIN","term":".*","deadline":".*"\}$/m);
    await client.cancelWorkloads({ workloads: [String(number)] });
    await ended(number);
  });
});
