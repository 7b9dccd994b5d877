// Terminals of tasks: their size, as programs on them see it, and who holds them.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { Terminal, USUAL_SIZE } from '../../node-agent/exec/terminal.js';
import { joinTerminal } from '../../node-agent/exec/terminal-client.js';
import { AllocationFolder } from '../../node-agent/runtime/allocation-folder.js';
import { ownIdentity } from '../../node-agent/runtime/process-identity.js';
import { needs } from '../real-part.js';

const TERMINAL_HOST = path.join(PACKAGE_ROOT, 'dist/node-agent/exec/terminal-host.js');

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

test.runIf(needs('build'))('a log that takes nothing more, on a full disk, ends no session', async () => {
  const folder = new AllocationFolder(mkdtempSync(path.join(os.tmpdir(), 'sluice-terminal-')));
  await folder.writeSpec({
    id: 'A',
    argv: ['/bin/sh', '-c', 'echo shown; read answer; exit "$answer"'],
    environment: { PATH: '/usr/bin:/bin' },
    workingDirectory: folder.path,
    checkpointDir: folder.path,
    lingerMs: 60_000,
    graceMs: 100,
    logCapBytes: 1_000_000,
    terminal: true,
  });
  folder.claim({ by: 'supervisor', supervisor: ownIdentity(), cgroup: null });
  const full = openSync('/dev/full', 'w');
  const host = spawn(process.execPath, [TERMINAL_HOST, folder.path], { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  try {
    let crash = '';
    host.stderr?.on('data', (chunk: Buffer) => (crash += chunk.toString()));
    let shown = '';
    const output = (data: Buffer): void => {
      if (!shown.includes('shown')) session.write(Buffer.from('7\n'));
      shown += data.toString();
    };
    const session = joinTerminal(folder.path, USUAL_SIZE, { output, errorOutput: output, ended: () => undefined });
    const [code] = (await once(host, 'close')) as [number | null];
    expect([code, crash]).toEqual([7, '']);
    expect(shown).toContain('shown');
  } finally {
    host.kill('SIGKILL');
    rmSync(folder.path, { recursive: true });
  }
});
