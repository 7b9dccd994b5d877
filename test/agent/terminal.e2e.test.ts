// The size of a terminal, as programs on it see it.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { Terminal } from '../../node-agent/exec/terminal.js';

test.each([
  { columns: 101, rows: 33, seen: '33 101' },
  // Of somebody whose own terminal has no size, as under a program that records it.
  { columns: 0, rows: 0, seen: '24 80' },
  { columns: 65_000, rows: 33, seen: '33 1000' },
])('$columns columns and $rows rows are seen as $seen', ({ seen, ...size }) => {
  const terminal = Terminal.open(size);
  try {
    const { stdout } = spawnSync('/bin/sh', ['-c', 'stty size <"$0"', terminal.slave], { encoding: 'utf8' });
    expect(stdout.trim()).toBe(seen);
  } finally {
    terminal.close();
  }
});
