// Requests that steer work and nodes: what the border takes, and what it refuses with which field.
import { describe, expect, test } from 'vitest';
import type { CreateMaintenanceRequest__Output } from '../../proto/gen/sluice/v1/CreateMaintenanceRequest.js';
import { LIMITS } from '../../scheduler/api/limits.js';
import { parseMaintenance, parseNodes, parsePriority, parseReason } from '../../scheduler/api/parse-steering.js';
import { maintenanceToProto } from '../../scheduler/api/to-proto.js';
import { parseWords } from '../../scheduler/api/validate.js';

const seconds = (count: number) => ({ seconds: count, nanos: 0 });
const DAY = 86_400;

function announced(fields: Partial<CreateMaintenanceRequest__Output> = {}): CreateMaintenanceRequest__Output {
  return { nodes: ['n1'], startTime: seconds(100), duration: seconds(7_200), every: null, reason: 'fans', ...fields };
}

describe('a maintenance', () => {
  test('is taken with its times in milliseconds, each node once', () => {
    expect(parseMaintenance(announced({ nodes: ['n2', 'n1', 'n2'], every: seconds(7 * DAY) }))).toEqual({
      nodes: ['n2', 'n1'],
      startMs: 100_000,
      durationMs: 7_200_000,
      everyMs: 7 * DAY * 1_000,
      reason: 'fans',
    });
    expect(parseMaintenance(announced({ startTime: null }))).toMatchObject({ startMs: null, everyMs: null });
  });

  test.each<[string, Partial<CreateMaintenanceRequest__Output>]>([
    ['nodes', { nodes: [] }],
    ['nodes', { nodes: Array.from({ length: LIMITS.nodes + 1 }, (_, index) => `n${index}`) }],
    ['duration', { duration: null }],
    ['duration', { duration: seconds(0) }],
    ['duration', { duration: seconds(-5) }],
    ['duration', { duration: seconds(31 * DAY) }],
    ['every', { every: seconds(3_600) }],
    ['every', { every: seconds(400 * DAY) }],
    ['start_time', { startTime: seconds(-1) }],
    ['start_time', { startTime: seconds(1e15) }],
    ['reason', { reason: 'x'.repeat(LIMITS.reasonLength + 1) }],
    ['reason', { reason: 'a\0b' }],
  ])('is refused for its %s: %j', (field, fields) => {
    expect(() => parseMaintenance(announced(fields))).toThrow(
      expect.objectContaining({ fields: [expect.objectContaining({ field })] }),
    );
  });

  test('is told with what it comes to now', () => {
    const maintenance = { id: 'M', startMs: 100_000, endMs: 200_000, everyMs: 1_000_000, reason: '' };
    const told = (nowMs: number) => maintenanceToProto({ maintenance, nodes: ['n1'] }, nowMs);
    expect(told(0)).toMatchObject({ active: false, nextStartTime: seconds(100), every: seconds(1_000) });
    expect(told(150_000)).toMatchObject({ active: true, nextStartTime: seconds(1_100) });
    expect(maintenanceToProto({ maintenance: { ...maintenance, everyMs: null }, nodes: [] }, 150_000)).toMatchObject({
      active: true,
      nextStartTime: null,
      every: null,
    });
  });
});

describe('requests that name workloads', () => {
  test('name at least one and at most so many', () => {
    expect(() => parseWords([])).toThrow('workloads: at least one is needed');
    expect(() => parseWords(Array.from({ length: LIMITS.words + 1 }, String))).toThrow('workloads');
    expect(parseNodes([])).toEqual([]);
    expect(() => parseNodes(Array.from({ length: LIMITS.nodes + 1 }, String))).toThrow('nodes');
  });

  test('have a priority and a reason within their limits', () => {
    expect([parsePriority(-LIMITS.priority), parsePriority(LIMITS.priority)]).toEqual([-1_000_000, 1_000_000]);
    expect(() => parsePriority(LIMITS.priority + 1)).toThrow('priority: 1000001 is out of range');
    expect(parseReason('x'.repeat(LIMITS.reasonLength))).toHaveLength(LIMITS.reasonLength);
    expect(() => parseReason('x'.repeat(LIMITS.reasonLength + 1))).toThrow('reason: has 1001 characters; at most 1000');
  });
});
