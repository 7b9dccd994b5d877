// A store in which an invariant is broken: the real daemon does not serve it, says which and why, and ends with 70.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { markStarted } from '../../scheduler/model/lifecycle.js';
import { META_KEY, type Allocation } from '../../scheduler/model/records.js';
import { openEmbeddedStore } from '../../scheduler/store/embedded.js';
import type { StoredRecord } from '../../scheduler/store/state-store.js';
import { Workshop } from '../control/workshop.js';
import { needs } from '../real-part.js';
import { until } from './real-cluster.js';

const SLUICE = path.join(import.meta.dirname, '../../bin/sluice.js');

let folder = '';
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Two workloads that run on a GPU each, as a store has them. */
function records(): StoredRecord[] {
  const shop = new Workshop();
  shop.queue('research');
  const node = shop.node('n1', 4);
  for (const number of [shop.submit(), shop.submit()])
    for (const id of shop.place(number, node)) shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
  const { state } = shop;
  const tables = {
    queues: state.queues,
    nodes: state.nodes,
    workloads: state.workloads,
    allocations: state.allocations,
  };
  return [
    { collection: 'meta', key: META_KEY, value: state.meta },
    ...Object.entries(tables).flatMap(([collection, table]) =>
      [...table].map(([key, value]) => ({ collection, key, value }) as StoredRecord),
    ),
  ];
}

/** Both tasks hold the GPU of the first. */
function withOneGpuForTwo(all: readonly StoredRecord[]): StoredRecord[] {
  const first = all.find(({ collection }) => collection === 'allocations')?.value as Allocation;
  return all.map((record) =>
    record.collection === 'allocations' ? { ...record, value: { ...record.value, gpus: first.gpus } } : record,
  );
}

async function startOn(all: readonly StoredRecord[]) {
  folder = mkdtempSync(path.join(tmpdir(), 'sluice-broken-'));
  const store = await openEmbeddedStore({ dataDir: folder });
  const { lineage, epoch, revision } = await store.beginEpoch();
  await store.commit({ lineage, epoch, revision: revision + 1, puts: all, deletes: [] });
  await store.close();
  const ready = path.join(folder, 'ready.json');
  const flags = ['server', '--data-dir', folder, '--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  const child = spawn(process.execPath, [SLUICE, ...flags, '--ready-file', ready]);
  const told = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told.stderr += text));
  const closed = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  await until('it serves or has ended', () => (existsSync(ready) || child.exitCode !== null ? true : null));
  const isServed = existsSync(ready);
  if (isServed) child.kill('SIGTERM');
  return { isServed, status: await closed, ...told };
}

test.runIf(needs('build'))('one GPU with two owners: exit code 70, the name, what was found, what to do', async () => {
  const { isServed, status, stderr, stdout } = await startOn(withOneGpuForTwo(records()));
  expect([isServed, status]).toEqual([false, 70]);
  expect(stderr).toMatch(/invariant "one_owner" does not hold: GPU GPU-n1-0: expected .*, found 14000/);
  expect(stderr).toContain('restore the last snapshot');
  expect(stdout).toContain('the daemon cannot go on');
  expect(stdout).toContain('one_owner');
});

test.runIf(needs('build'))('the same store without it is served', async () => {
  const { isServed, status } = await startOn(records());
  expect([isServed, status]).toEqual([true, 0]);
});
