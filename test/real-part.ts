// Says what a test needs beside Node and the npm packages. Missing, it is a skip with a reason on a developer's machine
// and a failure in CI, so that a green run means that the real thing was tested.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PACKAGE_ROOT } from '../common/package-root.js';
import { findCgroupHome } from '../node-agent/runtime/cgroup.js';

/** The folder of recorded real-world data (nvidia-smi captures, traces) that CI lays beside the checkout. */
export const SHARED_FOLDER = process.env['SLUICE_SHARED'] ?? path.join(PACKAGE_ROOT, '../shared');

interface RealPart {
  readonly present: () => boolean;
  /** What to do to get it, in one sentence. */
  readonly remedy: string;
  /** False for hardware: CI has none, so there it is a skip that says so, unless SLUICE_GPU_TESTS=1 demands it. */
  readonly inCi: boolean;
}

const PARTS = {
  shared: {
    present: () => existsSync(path.join(SHARED_FOLDER, 'gpu-samples')),
    remedy: `put the recorded data at ${SHARED_FOLDER} or name its folder in SLUICE_SHARED`,
    inCi: true,
  },
  build: {
    present: () => existsSync(path.join(PACKAGE_ROOT, 'dist/cli/main.js')),
    remedy: 'run "npm run build" first',
    inCi: true,
  },
  openssl: {
    present: () => runs('openssl', 'version'),
    remedy: 'install openssl; it makes the certificates of the test',
    inCi: true,
  },
  cc: {
    present: () => runs('cc', '--version'),
    remedy: 'install a C compiler (the package gcc)',
    inCi: true,
  },
  strace: {
    present: () => runs('strace', '-V'),
    remedy: 'install the package strace',
    inCi: true,
  },
  cgroups: {
    present: () => process.geteuid?.() === 0 && findCgroupHome()?.controllers.memory !== undefined,
    remedy: 'run this as root where control groups with a memory controller may be made',
    inCi: true,
  },
  namespaces: {
    present: () => process.geteuid?.() === 0 && runs('ip', '-V') && runs('nsenter', '--net=/proc/self/ns/net', 'true'),
    remedy: 'install the package iproute2, and run this as root where network namespaces may be made',
    inCi: true,
  },
  'user-mode-linux': {
    present: () => existsSync('/usr/bin/linux.uml') && process.geteuid?.() === 0,
    remedy: 'install the package user-mode-linux, and run this as root',
    inCi: true,
  },
  'registers-for-user-mode-linux': {
    present: () => !/^flags\s*:.* amx_tile/m.test(readFileSync('/proc/cpuinfo', 'utf8')),
    remedy:
      'run this on a processor without AMX: user-mode Linux 6.1 has no room for its registers, and panics at its first process',
    inCi: false,
  },
  fuse: {
    present: () => process.geteuid?.() === 0 && existsSync('/dev/fuse') && runs('unshare', '--mount', 'python3', '-V'),
    remedy: 'load the module fuse, install the package python3, and run this as root where file systems may be mounted',
    inCi: true,
  },
  mounts: {
    present: canMount,
    remedy: 'run this as root where file systems and loop devices may be mounted',
    inCi: true,
  },
  python3: {
    present: () => runs('python3', '--version'),
    remedy: 'install the package python3',
    inCi: true,
  },
  redis: {
    present: () => runs('redis-server', '--version') && runs('redis-sentinel', '--version'),
    remedy: 'install the packages redis-server and redis-sentinel',
    inCi: true,
  },
  prometheus: {
    present: () => runs('prometheus', '--version') && runs('promtool', '--version'),
    remedy: 'install the package prometheus; its server looks at a real cluster, its promtool at the rules',
    inCi: true,
  },
  'nvidia-smi': {
    present: () => runs('nvidia-smi', '-L'),
    remedy: 'run this on a machine with an NVIDIA GPU and its driver',
    inCi: process.env['SLUICE_GPU_TESTS'] === '1',
  },
} as const satisfies Record<string, RealPart>;

export type RealPartName = keyof typeof PARTS;

/**
 * Whether a real part is there, for `describe.runIf` and `test.runIf`.
 * @throws Error in CI when the part is missing and CI is to have it
 * @example describe.runIf(needs('shared'))('recorded captures', () => { … });
 */
export function needs(part: RealPartName): boolean {
  const { present, remedy, inCi } = PARTS[part];
  if (present()) return true;
  const message = `needs ${part}, which is not here: ${remedy}`;
  if (inCi && process.env['CI']) throw new Error(message);
  process.stderr.write(`skipped: ${message}\n`);
  return false;
}

function runs(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

/** Whether a tmpfs, and ext4 in a file, can be mounted here. */
function canMount(): boolean {
  const script =
    "set -e; d=$(mktemp -d); trap 'umount $d/t $d/l 2>/dev/null; rm -rf $d' EXIT; mkdir $d/t $d/l; " +
    'mount -t tmpfs -o size=1M none $d/t; truncate -s 8M $d/i; mkfs.ext4 -q -F $d/i; mount -o loop $d/i $d/l';
  return spawnSync('bash', ['-c', script], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}
