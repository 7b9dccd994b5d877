// The shape of what is on disk: data of every schema that ever was can be read for ever, an upgrade is done whole or not at all,
// and nobody changes a record without deciding what that means for the data that is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueueName, WorkloadNumber } from '../../common/ids.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { queueSpecToProto, specToProto } from '../../scheduler/api/spec-to-proto.js';
import { createMaintenance } from '../../scheduler/control/commands/maintenance.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { recover } from '../../scheduler/control/recovery.js';
import { Upkeep } from '../../scheduler/control/upkeep.js';
import { step } from '../../scheduler/engine/engine.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { markEnded, markReleased, markStarted, requestStop } from '../../scheduler/model/lifecycle.js';
import { openEmbeddedStore } from '../../scheduler/store/embedded.js';
import { CURRENT_SCHEMA, type Schema } from '../../scheduler/store/schema.js';
import type { StoredRecord } from '../../scheduler/store/state-store.js';
import { submission, Workshop } from '../control/workshop.js';
import { needs } from '../real-part.js';
import { commitNext, everything } from './samples.js';

const GOLDEN = path.join(PACKAGE_ROOT, 'test/store/golden');
const RECORDS = path.join(PACKAGE_ROOT, 'scheduler/model/records.ts');

interface Decision {
  readonly schema: number;
  /** Of the record types as they were then. */
  readonly fingerprint: string;
  /** What changed, and why data of before can be read. */
  readonly decision: string;
}

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(os.tmpdir(), 'sluice-schema-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

async function write(schema: Schema, records: readonly StoredRecord[]): Promise<void> {
  const store = await openEmbeddedStore({ dataDir, schema });
  await commitNext(store, await store.beginEpoch(), { puts: records });
  await store.close();
}

function golden(schema: number): readonly StoredRecord[] {
  const lines = readFileSync(path.join(GOLDEN, `schema-${schema}.jsonl`), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => {
    const [collection, key, value] = JSON.parse(line) as [string, string, object];
    return { collection, key, value } as StoredRecord;
  });
}

describe('the schema', () => {
  it('is decided upon whenever records change', () => {
    // Comments and layout are not part of it.
    const source = readFileSync(RECORDS, 'utf8')
      .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      .replaceAll(/\s+/g, ' ');
    const fingerprint = createHash('sha256').update(source).digest('hex').slice(0, 16);
    const decisions = JSON.parse(readFileSync(path.join(GOLDEN, 'decisions.json'), 'utf8')) as readonly Decision[];
    const last = decisions.at(-1);
    const advice =
      'scheduler/model/records.ts has changed. Decide: (a) what is new may be absent in old records, and that means ' +
      'something; or (b) raise CURRENT_SCHEMA.version, add the step and a golden file. Then add to ' +
      `test/store/golden/decisions.json: {"schema": N, "fingerprint": "${fingerprint}", "decision": "…"}`;
    expect(last?.fingerprint === fingerprint ? 'decided' : advice).toBe('decided');
    expect(last?.schema).toBe(CURRENT_SCHEMA.version);
    expect(decisions.map(({ schema }) => schema)).toEqual(
      decisions.map(({ schema }) => schema).toSorted((a, b) => a - b),
    );
    for (const { decision } of decisions) expect(decision.length).toBeGreaterThan(20);
  });

  it('has a step to every number, and golden data of every one', () => {
    const numbers = Array.from({ length: CURRENT_SCHEMA.version }, (_, index) => index + 1);
    const newest = path.join(GOLDEN, `schema-${CURRENT_SCHEMA.version}.jsonl`);
    // UPDATE_GOLDEN=1 writes that of a new schema; one that is there never changes.
    if (process.env['UPDATE_GOLDEN'] === '1' && !existsSync(newest)) writeFileSync(newest, goldenLines());
    expect(CURRENT_SCHEMA.upgrades.map(({ to }) => to)).toEqual(numbers.slice(1));
    expect(
      readdirSync(GOLDEN)
        .filter((name) => name.endsWith('.jsonl'))
        .sort(),
    ).toEqual(numbers.map((number) => `schema-${number}.jsonl`));
  });
});

describe.each(Array.from({ length: CURRENT_SCHEMA.version }, (_, index) => index + 1))(
  'data of schema %i',
  (schema) => {
    it('is brought up to the present, served and scheduled', async () => {
      const before = golden(schema);
      await write({ version: schema, upgrades: [] }, before);
      const store = await openEmbeddedStore({ dataDir });
      const view = new ClusterView();
      const { state, records } = await recover(store, view, () => 'never', 0);
      expect(records).toBe(before.length);
      for (const { id } of state.nodes.values()) view.setLiveness(id, 'ready');
      const nowMs = Date.UTC(2026, 10, 1);
      for (const { spec, number } of state.workloads.values()) expect(specToProto(spec, number).queue).toBe(spec.queue);
      for (const queue of state.queues.values()) expect(queueSpecToProto(queue).name).toBe(queue.name);
      const upkeep = new Upkeep(state);
      for (const _ of upkeep.take(nowMs)) expect(upkeep.isDue(nowMs)).toBeTypeOf('boolean');
      // What waits in it for a place is given one, with GPUs as today's engine counts them.
      const { decisions } = step(view, nowMs, 100_000);
      expect(decisions.some(({ type }) => type === 'bind')).toBe(true);
      await store.close();
    });

    it('lacks nothing afterwards that every record of today has', async () => {
      await write({ version: schema, upgrades: [] }, golden(schema));
      const store = await openEmbeddedStore({ dataDir });
      const today = commonShapes(golden(CURRENT_SCHEMA.version));
      const upgraded = commonShapes(await everything(store));
      const listed = (shapes: ReadonlyMap<string, ReadonlySet<string>>) =>
        [...shapes].map(([name, fields]) => `${name}: ${[...fields].sort().join(' ')}`);
      expect(listed(upgraded)).toEqual(listed(today));
      await store.close();
    });
  },
);

describe('an upgrade', () => {
  const script = `
    const { openEmbeddedStore } = await import(process.argv[1]);
    const killAt = Number(process.argv[3]);
    let changed = 0;
    const change = (record) => {
      changed += 1;
      if (changed === killAt) process.kill(process.pid, 'SIGKILL');
      return { ...record, value: { ...record.value, upgraded: true } };
    };
    const store = await openEmbeddedStore({ dataDir: process.argv[2],
      schema: { version: ${CURRENT_SCHEMA.version + 1}, upgrades: [{ to: ${CURRENT_SCHEMA.version + 1}, change }] } });
    await store.close();
    console.log(changed);`;
  const built = path.join(PACKAGE_ROOT, 'dist/scheduler/store/embedded.js');
  const args = (killAt: number) => ['--input-type=module', '-e', script, '--', built, dataDir, String(killAt)];
  const many = Array.from({ length: 3_000 }, (_, index) => ({
    collection: 'requests' as const,
    key: `ada/${index}`,
    value: { key: `ada/${index}`, digest: 'd'.repeat(64), workloads: [index as WorkloadNumber], timeMs: index },
  }));

  it.runIf(needs('build')).each([{ killAt: 1 }, { killAt: 1_500 }, { killAt: 3_000 }])(
    'killed at record $killAt of 3,000 leaves the old data whole, for the old version too',
    async ({ killAt }) => {
      await write(CURRENT_SCHEMA, many);
      expect(spawnSync(process.execPath, args(killAt)).signal).toBe('SIGKILL');
      const store = await openEmbeddedStore({ dataDir });
      expect(await everything(store)).toHaveLength(3_000);
      expect((await everything(store)).filter(({ value }) => 'upgraded' in value)).toEqual([]);
      await store.close();
    },
  );

  it.runIf(needs('build') && needs('strace'))(
    'killed while it writes leaves the old data or the new, whole',
    async () => {
      await write(CURRENT_SCHEMA, many);
      const seen = new Set<string>();
      for (const when of [1, 2, 4, 8, 12, 20, 40, 400]) {
        const inject = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=pwrite64,pwritev,writev,fdatasync'];
        const kill = ['-e', `inject=pwrite64,pwritev,writev,fdatasync:signal=KILL:when=${when}`];
        spawnSync('strace', [...inject, ...kill, process.execPath, ...args(0)], {
          encoding: 'utf8',
        });
        const old = await openEmbeddedStore({ dataDir }).catch((error: unknown) => error);
        if (old instanceof Error) {
          // Then the upgrade was done: the old version refuses it, and all records are of the new shape.
          expect(old.message).toMatch(
            /schema \d+.*reads up to schema \d+.*\n.*Run the newer version, or restore a backup/s,
          );
          seen.add('new');
          break;
        }
        const records = await everything(old as Awaited<ReturnType<typeof openEmbeddedStore>>);
        expect(records).toHaveLength(3_000);
        expect(records.filter(({ value }) => 'upgraded' in value)).toEqual([]);
        seen.add('old');
        await (old as Awaited<ReturnType<typeof openEmbeddedStore>>).close();
      }
      expect([...seen]).toEqual(['old', 'new']);
    },
  );
});

/** By collection (and part of it) the fields that all its records have. */
function commonShapes(records: readonly StoredRecord[]): ReadonlyMap<string, ReadonlySet<string>> {
  const shapes = new Map<string, Set<string>>();
  const note = (name: string, value: object): void => {
    const keys = Object.keys(value);
    const known = shapes.get(name);
    shapes.set(name, new Set(known === undefined ? keys : keys.filter((key) => known.has(key))));
  };
  for (const record of records) {
    note(record.collection, record.value);
    if (record.collection === 'nodes') for (const gpu of record.value.gpus) note('nodes.gpus', gpu);
    if (record.collection === 'allocations') for (const gpu of record.value.gpus) note('allocations.gpus', gpu);
    if (record.collection !== 'workloads') continue;
    note('workloads.spec', record.value.spec);
    for (const role of record.value.spec.roles) {
      note('workloads.spec.roles', role);
      note('workloads.spec.roles.request', role.request);
      note('workloads.spec.roles.rules', role.rules);
    }
    for (const placement of record.value.claim?.placements ?? []) note('workloads.claim.placements', placement);
  }
  return shapes;
}

/** A little of everything, as today's commands make it, as lines of a golden file. */
function goldenLines(): string {
  const shop = new Workshop();
  shop.nowMs = 1_790_000_000_000;
  shop.queue('research', { guaranteeGpus: 8, limitGpus: 64, guaranteeCpuMilli: 8_000 });
  shop.queue('vision', {
    parent: 'research' as QueueName,
    guaranteeGpus: 4,
    scopes: [{ pool: 'default', model: 'H100', guaranteeGpus: 0, limitGpus: 4 }],
    shapes: [{ count: 1, gpus: 2, pool: 'default', model: '', level: 'node' }],
  });
  const [first, second] = [shop.node('n1', 8), shop.node('n2', 8)];
  const startMs = shop.nowMs + 3_600_000;
  shop.run(createMaintenance({ nodes: ['n2'], startMs, durationMs: 60_000, everyMs: null, reason: 'fans' }));
  const queue = 'vision' as QueueName;
  const waits = shop.submit({ queue, name: 'waits' });
  const runs = shop.submit({ queue, name: 'runs', tasks: 2, timeLimitMs: 60_000 });
  const stops = shop.submit({ queue, name: 'stops' });
  const ended = shop.submit({ queue, name: 'ended' });
  shop.submit({ queue, name: 'after', dependencies: [{ workload: waits, condition: 'succeeded' }] });
  shop.submit({
    queue,
    name: 'half',
    request: { gpuMilli: 500 },
    retry: { max: 2, backoffMs: 1, maxBackoffMs: 2, codes: [75], neverCodes: [] },
  });
  shop.run(submit(submission([{ queue, name: 'asked' }], 'ada/r-1')));
  for (const number of [runs, stops, ended]) {
    for (const id of shop.place(number, first)) shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
  }
  const order = { reason: 'requeued', requestedMs: shop.nowMs, forWorkload: null, message: 'by ada' } as const;
  shop.change((draft) => requestStop(draft, stops, 'requeue', order));
  const [done] = shop.workload(ended).allocations;
  if (done === undefined) throw new Error('nothing was placed');
  const exit = { code: 0, signal: '', message: '' };
  shop.change((draft) => markEnded(draft, done, { exit, endedMs: shop.nowMs, ofItsOwn: true }, shop.nowMs));
  shop.change((draft) => markReleased(draft, done, 'clean', shop.nowMs));
  const placements = [{ task: 0, node: second, gpus: [0], parts: 7_000, instances: [] }];
  shop.decide({ type: 'claim', workload: waits, placements });
  const { state } = shop;
  const collections = ['meta', 'queues', 'nodes', 'workloads', 'allocations', 'requests'] as const;
  const lines = collections.flatMap((name) => {
    const table: ReadonlyMap<string, object> = name === 'meta' ? new Map([['cluster', state.meta]]) : state[name];
    return [...table].map(([key, value]) => JSON.stringify([name, key, value]));
  });
  return `${lines.join('\n')}\n`;
}
