// Runs the built programs as the agent does: as processes with flags, environment and signals. Needs `npm run build`.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';

/** The built entry point. */
export const MAIN = path.join(PACKAGE_ROOT, 'dist/node-agent/workers/main.js');
/** No step of a test takes longer, on a slow machine either. */
const DEADLINE_MS = 90_000;

/** A running or ended program. */
export interface Program {
  readonly child: ChildProcess;
  /** What it wrote so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when it ended. The code is null when a signal killed it. */
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  /** Resolves with the match when the standard output matches. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts a program. Nothing of the caller's own environment that begins with SLUICE_ or CUDA_ reaches it. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build`);
  const inherited = Object.entries(process.env).filter(([name]) => !/^(SLUICE|CUDA)_/.test(name));
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...Object.fromEntries(inherited), CUDA_VISIBLE_DEVICES: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const deadline = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  child.on('exit', () => clearTimeout(deadline));
  return {
    child,
    ended,
    stdout: () => stdout,
    stderr: () => stderr,
    until: async (pattern) =>
      await new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(stdout);
          if (match !== null) resolve(match);
        };
        child.stdout.on('data', look);
        void ended.then(({ code }) => reject(new Error(`ended with ${code} before ${pattern}:\n${stdout}${stderr}`)));
        look();
      }),
  };
}

/** Runs a program to its end. */
export async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  return await start(args, env).ended;
}

/** A folder that is there until the end of the test, or until `dispose` where no test runs. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-workers-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
