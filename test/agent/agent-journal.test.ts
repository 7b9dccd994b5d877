// What the agent remembers survives torn writes, and damage is never taken for a new node.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GPU_PARTS } from '../../common/gpu-parts.js';
import { createLogger } from '../../common/log.js';
import { AgentJournal, formatSlot, newAgentRecord, parseSlot } from '../../node-agent/agent-journal.js';

const log = createLogger({ level: 'silent', name: 'test' });
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'sluice-journal-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function written(revisions: readonly number[]): Promise<void> {
  const journal = new AgentJournal(dir, log);
  journal.read();
  for (const maxRevision of revisions) await journal.save({ ...newAgentRecord('n', 'boot'), nodeId: 'n', maxRevision });
  await journal.close();
}

function slot(index: 0 | 1): string {
  return path.join(dir, `agent.${index}.json`);
}

describe("the agent's journal", () => {
  test('is empty for a new node, then gives back the last content', async () => {
    expect(new AgentJournal(dir, log).read()).toBeNull();
    await written([1, 2, 3]);
    expect(new AgentJournal(dir, log).read()).toMatchObject({ nodeId: 'n', maxRevision: 3 });
    await written([4]);
    expect(new AgentJournal(dir, log).read()).toMatchObject({ maxRevision: 4 });
  });

  test('of an agent that knew of whole GPUs only is read as what it meant', () => {
    const gpu = { uuid: 'g', index: 0, model: 'H100', simulated: true, generation: 3 };
    const { wholeGenerations: _, ...record } = newAgentRecord('n', 'boot');
    const old = {
      ...record,
      generations: { g: 3 },
      allocations: [{ grant: { id: 'a', workload: 1, attempt: 1, task: 0, gpus: [gpu] }, refusal: null }],
    };
    writeFileSync(slot(1), formatSlot({ sequence: 1, record: old as unknown as ReturnType<typeof newAgentRecord> }));
    const read = new AgentJournal(dir, log).read();
    expect(read).toMatchObject({ generations: { g: 3 }, wholeGenerations: { g: 3 } });
    expect(read?.allocations[0]?.grant.gpus).toEqual([{ ...gpu, parts: GPU_PARTS, instance: '' }]);
  });

  test('many saves at once become few writes, the last one counts', async () => {
    const journal = new AgentJournal(dir, log);
    const saves = [1, 2, 3, 4, 5].map((maxRevision) => journal.save({ ...newAgentRecord('n', 'boot'), maxRevision }));
    await Promise.all(saves);
    await journal.close();
    expect(new AgentJournal(dir, log).read()).toMatchObject({ maxRevision: 5 });
    expect(readFileSync(slot(0)).length + readFileSync(slot(1)).length).toBeLessThanOrEqual(2 * 4_096);
  });

  test('a torn write costs at most the write that was under way', async () => {
    await written([1, 2]);
    const newer = [0, 1].find((index) => parseSlot(readFileSync(slot(index as 0 | 1), 'utf8'))?.sequence === 2) as
      0 | 1;
    writeFileSync(slot(newer), readFileSync(slot(newer)).subarray(0, 100));
    expect(new AgentJournal(dir, log).read()).toMatchObject({ maxRevision: 1 });
    await written([7]);
    expect(new AgentJournal(dir, log).read()).toMatchObject({ maxRevision: 7 });
  });

  test('damage in both copies stops the agent instead of making a new node', async () => {
    await written([1, 2]);
    for (const index of [0, 1] as const) writeFileSync(slot(index), 'garbage');
    expect(() => new AgentJournal(dir, log).read()).toThrow(/damaged.*\n.*Restore one/);
  });

  test('no single changed byte of its content goes unnoticed', () => {
    const bytes = formatSlot({ sequence: 9, record: { ...newAgentRecord('n', 'boot'), nodeId: 'nä' } });
    const used = bytes.toString('utf8').trimEnd().length;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: used - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        return parseSlot(damaged.toString('utf8')) === null;
      }),
    );
    expect(parseSlot(bytes.toString('utf8'))).toMatchObject({ sequence: 9, record: { nodeId: 'nä' } });
  });
});
