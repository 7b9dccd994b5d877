// What people read: tables, names, times; and what programs read: protobuf-JSON.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationText, timestampText, toProtoJson } from '../../cli/proto-json.js';
import {
  age,
  bar,
  clockTime,
  exitText,
  modelWithMemory,
  nodeList,
  pascalCase,
  shortModel,
} from '../../cli/presentation.js';
import { Table, formatFields, printable, type Cell } from '../../cli/table.js';
import { toTimestamp } from '../../common/units.js';

describe('a table', () => {
  it('is left aligned with three spaces between columns and none at the end', () => {
    const rows: Cell[][] = [
      ['a', { text: 'Running', tone: 'good' }, ''],
      ['long-name', 'x', 'y'],
    ];
    expect(new Table(['NAME', 'S', 'LAST'], false).withTitles(rows)).toBe(
      ['NAME        S         LAST', 'a           Running', 'long-name   x         y', ''].join('\n'),
    );
  });

  it('aligns coloured cells by what is seen of them', () => {
    const table = new Table(['A', 'B'], true);
    expect(table.withTitles([[{ text: 'x', tone: 'bad' }, 'y']])).toBe('A   B\n\u001B[31mx\u001B[0m   y\n');
  });

  it('keeps the width of columns for rows that come later', () => {
    const table = new Table(['NAME', 'B'], false);
    table.withTitles([['long-name', 'x']]);
    expect(table.rows([['a', 'y']])).toBe('a           y\n');
  });

  it('puts every cell of a column at the same place, whatever they hold', () => {
    const word = fc.string({ maxLength: 12 }).map((text) => printable(text).trim() || '-');
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word, word), { minLength: 1, maxLength: 8 }), (rows) => {
        const lines = new Table(['A', 'B', 'C'], false).withTitles(rows).split('\n').slice(0, -1);
        const width = (column: 0 | 1) => Math.max(1, ...rows.map((row) => Array.from(row[column]).length));
        const second = width(0) + 3;
        const third = second + width(1) + 3;
        rows.forEach((row, index) => {
          const seen = Array.from(lines[index + 1] ?? '');
          expect(seen.slice(second, second + Array.from(row[1]).length).join('')).toBe(row[1]);
          expect(seen.slice(third).join('')).toBe(row[2]);
        });
        expect(lines).toHaveLength(rows.length + 1);
      }),
    );
  });

  it('shows no control characters', () => {
    expect(printable('a\u001B[31mb\r\nc\u202Ed\u0000')).toBe('a [31mb c d ');
  });

  it('aligns fields', () => {
    expect(
      formatFields(
        [
          ['A', '1'],
          ['Long', ''],
        ],
        '  ',
      ),
    ).toBe('  A:     1\n  Long:\n');
  });
});

describe('names', () => {
  it.each([
    ['NVIDIA H100 80GB HBM3', 'H100'],
    ['NVIDIA A100-SXM4-80GB', 'A100'],
    ['NVIDIA L40S', 'L40S'],
    ['NVIDIA GeForce RTX 4090', 'RTX4090'],
    ['NVIDIA RTX 6000 Ada Generation', 'RTX6000'],
    ['Tesla V100-SXM2-16GB', 'V100'],
    ['h100', 'h100'],
    ['', ''],
  ])('%s is %s for short', (model, short) => {
    expect(shortModel(model)).toBe(short);
  });

  it('of GPUs carry their memory as makers count it', () => {
    expect(modelWithMemory('NVIDIA H100 80GB HBM3', 81_559)).toBe('H100-80GB');
    expect(modelWithMemory('NVIDIA L4', 23_034)).toBe('L4-22GB');
    expect(modelWithMemory('NVIDIA L4', 0)).toBe('L4');
  });

  it.each([
    [['n1'], 'n1'],
    [['n1', 'n2', 'n3'], 'n[1-3]'],
    [['n3', 'n1', 'n2', 'n7'], 'n[1-3,7]'],
    [['h100-01', 'h100-02', 'l4-1'], 'h100-[01-02],l4-1'],
    [['n08', 'n09', 'n10'], 'n[08-10]'],
    [['n8', 'n9', 'n10'], 'n[8-10]'],
    [['n9', 'n09'], 'n9,n09'],
    [['alpha', 'beta'], 'alpha,beta'],
    [[], ''],
  ])('%j are written %s', (names, text) => {
    expect(nodeList(names)).toBe(text);
  });

  it('of nodes are cut when they are many', () => {
    const odd = Array.from({ length: 20 }, (_, index) => `n${index * 2 + 1}`);
    expect(nodeList(odd)).toBe('n[1,3,5,7,9,11,13,15,...]');
  });

  it('of reasons read as words', () => {
    expect(pascalCase('QUEUE_LIMIT')).toBe('QueueLimit');
  });
});

describe('times', () => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const HOUR = 60 * MINUTE;
  const DAY = 24 * HOUR;

  it.each([
    [0, '0:00'],
    [47 * MINUTE + 3 * SECOND, '47:03'],
    [3 * HOUR + 12 * MINUTE + 44 * SECOND, '3:12:44'],
    [6 * DAY + 2 * HOUR + 10 * MINUTE + 31 * SECOND, '6-02:10:31'],
    [-5, '0:00'],
  ])('a run of %d ms reads %s', (ms, text) => {
    expect(clockTime(ms)).toBe(text);
  });

  it.each([
    [14 * SECOND, '14s'],
    [119 * SECOND, '119s'],
    [5 * MINUTE + 30 * SECOND, '5m30s'],
    [31 * MINUTE, '31m'],
    [5 * HOUR + 12 * MINUTE, '5h12m'],
    [30 * HOUR, '30h'],
    [3 * DAY + 4 * HOUR, '3d4h'],
    [41 * DAY, '41d'],
    [-1, '0s'],
  ])('an age of %d ms reads %s', (ms, text) => {
    const nowMs = Date.UTC(2026, 0, 2);
    expect(age(toTimestamp(nowMs - ms), nowMs)).toBe(text);
  });

  it('of never is a dash', () => {
    expect(age(null, 0)).toBe('-');
  });

  it('for programs are RFC 3339 and seconds', () => {
    expect(timestampText({ seconds: 1_764_000_000, nanos: 0 })).toBe('2025-11-24T16:00:00Z');
    expect(timestampText({ seconds: 1_764_000_000, nanos: 120_000_000 })).toBe('2025-11-24T16:00:00.120Z');
    expect(timestampText({ seconds: 0, nanos: 1_500 })).toBe('1970-01-01T00:00:00.000001500Z');
    expect(durationText({ seconds: 3, nanos: 500_000_000 })).toBe('3.500s');
    expect(durationText({ seconds: 90 })).toBe('90s');
  });

  it('for programs say the same moment', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000_000 }), (ms) => {
        expect(Date.parse(timestampText(toTimestamp(ms) ?? {}))).toBe(ms);
      }),
    );
  });
});

describe('bars', () => {
  it('never leave their frame', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (part, whole) => {
          expect(bar(part, whole, 10)).toMatch(/^\[\|* *\]$/);
          expect(bar(part, whole, 10)).toHaveLength(12);
        },
      ),
    );
  });
});

describe('protobuf-JSON', () => {
  it('has bytes, maps, nested messages and lists, and leaves out what is absent', () => {
    expect(
      toProtoJson('Node', {
        name: 'n1',
        labels: { rack: 'a' },
        registerTime: null,
        workloads: [3],
        inventory: { gpus: [{ uuid: 'u', telemetry: null }] },
      }),
    ).toEqual({
      name: 'n1',
      labels: { rack: 'a' },
      workloads: [3],
      inventory: { gpus: [{ uuid: 'u' }] },
    });
    expect(toProtoJson('ReadLogsResponse', { data: Buffer.from('hi') })).toEqual({ data: 'aGk=' });
  });

  it('knows which oneof member is there by the member alone', () => {
    const spec = { command: { argv: ['x'] }, program: 'command', priority: 0, _priority: 'priority' };
    expect(toProtoJson('WorkloadSpec', spec)).toEqual({ command: { argv: ['x'] }, priority: 0 });
  });
});

describe('how a process ended', () => {
  it.each([
    [{ code: 1, signal: '', message: '' }, 'exit 1'],
    [{ signal: 'SIGKILL', message: '' }, 'SIGKILL'],
    [{ signal: 'SIGKILL', message: 'out of memory: the kernel killed processes of it' }, 'SIGKILL, out of memory'],
    [{ code: 5, signal: '', message: 'refused GPUs: it tried once' }, 'exit 5, refused GPUs'],
    [{ code: 5, signal: '', message: 'the out of memory: of somebody else' }, 'exit 5'],
    [{ signal: '', message: 'lost: its node was rebooted' }, 'lost: its node was rebooted'],
  ])('%j reads %s', (exit, text) => {
    expect(exitText(exit as Parameters<typeof exitText>[0])).toBe(text);
  });
});
