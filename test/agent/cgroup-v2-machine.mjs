// Runs as the first program of a small virtual machine whose kernel has cgroup v2 alone: makes a supervisor run tasks that
// misbehave, prints how each ended, one line of JSON, and turns the machine off. cgroup-v2.e2e.test.ts starts it.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createConnection } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [supervisorProgram] = process.argv.slice(2);
const stateDir = '/run/sluice-v2';
const NO_LIMITS = { cpuMilli: 0, memoryMib: 0 };
const TASKS = {
  MEMORY: { argv: sh('tail /dev/zero & sleep 600'), limits: { ...NO_LIMITS, memoryMib: 32 } },
  PIDS: {
    argv: sh('i=0; while [ $i -lt 100 ]; do sleep 600 & i=$((i+1)); done; exit 3'),
    limits: { ...NO_LIMITS, processes: 20 },
  },
  ESCAPE: { argv: sh('(setsid env -i sleep 600 &); sleep 0.2; exit 7'), limits: NO_LIMITS },
  // What it was given, as its group says.
  LIMITS: {
    argv: sh('g=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); sleep 1; cat $g/cpu.weight $g/memory.max $g/pids.max'),
    limits: { cpuMilli: 2000, memoryMib: 64, processes: 50 },
  },
};

function sh(script) {
  return ['/bin/sh', '-c', script];
}

for (const id of Object.keys(TASKS)) {
  const folder = path.join(stateDir, 'allocations', id);
  mkdirSync(path.join(folder, 'work'), { recursive: true });
  const usual = { checkpointDir: '/run', lingerMs: 600_000, graceMs: 1000, logCapBytes: 1_000_000 };
  const spec = { id, environment: { PATH: '/usr/bin:/bin' }, workingDirectory: path.join(folder, 'work'), ...usual };
  writeFileSync(path.join(folder, 'spec.json'), JSON.stringify({ ...spec, ...TASKS[id] }));
}
spawn(process.execPath, [supervisorProgram, stateDir], { stdio: 'inherit', env: {} });
const socketFile = path.join(stateDir, 'supervisor.sock');
while (!existsSync(socketFile)) await sleep(50);
await sleep(100);
const ended = {};
let text = '';
let isolation = null;
const socket = createConnection(socketFile);
for (const id of Object.keys(TASKS)) {
  socket.write(`${JSON.stringify({ type: 'start', id, folder: path.join(stateDir, 'allocations', id) })}\n`);
}
socket.on('data', (chunk) => {
  text += chunk;
  const lines = text.split('\n');
  text = lines.pop();
  for (const event of lines.map((line) => JSON.parse(line))) {
    if (event.type === 'hello') isolation = event.isolation;
    if (event.type === 'ended') ended[event.id] = event.end;
  }
});
while (Object.keys(ended).length < Object.keys(TASKS).length) await sleep(50);
// Groups go when what was in them is gone.
const groups = Object.keys(TASKS).map(
  (id) => JSON.parse(readFileSync(path.join(stateDir, 'allocations', id, 'claim'), 'utf8')).cgroup,
);
for (let tries = 0; tries < 100 && groups.some((group) => existsSync(group)); tries += 1) await sleep(50);
// Dead ones stay in the list, since nobody reaps them here.
const search = 'grep -lE "\\(sleep\\) [^ZX]" /proc/[0-9]*/stat 2>/dev/null || :';
const left = execFileSync('/bin/sh', ['-c', search], { encoding: 'utf8' });
const limits = readFileSync(path.join(stateDir, 'allocations/LIMITS/log'), 'utf8');
writeSync(
  1,
  `\nRESULT ${JSON.stringify({ isolation, ended, limits, left, groups: groups.filter((group) => existsSync(group)) })}\n`,
);
await sleep(200);
writeFileSync('/proc/sysrq-trigger', 'o');
await sleep(10_000);
