// Proves that `npm run lint` finds what it forbids: each case is a planted file, all of them linted in one run.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { createPlantedTree } from './planted-tree.js';

/** A folder, what a file in it says, and the rule that refuses it. */
const FORBIDDEN = [
  // Everywhere.
  ['common', 'export const parse = (text: any) => String(text);', 'typescript(no-explicit-any)'],
  ['common', 'export const first = (list: number[]) => list[0]!;', 'typescript(no-non-null-assertion)'],
  ['cli', 'async function save() {}\nsave();\nexport {};', 'typescript(no-floating-promises)'],
  ['cli', '[1].forEach(async () => {});\nexport {};', 'typescript(no-misused-promises)'],
  [
    'cli',
    "export function code(state: 'up' | 'down') {\n  switch (state) {\n    case 'up': return 0;\n  }\n  return 1;\n}",
    'typescript(switch-exhaustiveness-check)',
  ],
  ['cli', "throw 'up';", 'typescript(only-throw-error)'],
  ['cli', 'try { JSON.parse(""); } catch {}', 'eslint(no-empty)'],
  ['cli', "import 'fs';", 'unicorn(prefer-node-protocol)'],
  ['bench', "import './planted-9.js';", 'import(no-cycle)'],
  ['bench', "import './planted-8.js';", 'import(no-cycle)'],
  // No shell between us and a program.
  ['node-agent/runtime', "import { exec } from 'node:child_process';\nexec('ls');", 'eslint(no-restricted-imports)'],
  [
    'node-agent/runtime',
    "import { execSync } from 'node:child_process';\nexecSync('ls');",
    'eslint(no-restricted-imports)',
  ],
  ['node-agent/runtime', "import * as cp from 'node:child_process';\ncp.exec('ls');", 'eslint(no-restricted-imports)'],
  ['node-agent/runtime', "import cp from 'node:child_process';\ncp.exec('ls');", 'eslint(no-restricted-imports)'],
  ['node-agent/runtime', "import { exec } from 'child_process';\nexec('ls');", 'eslint(no-restricted-imports)'],
  ['node-agent/runtime', "const cp = await import('node:child_process');\ncp.exec('ls');", 'sluice(no-shell)'],
  [
    'node-agent/runtime',
    "import { spawn } from 'node:child_process';\nspawn('ls', { shell: true });",
    'sluice(no-shell)',
  ],
  ['cli', "import { spawn } from 'node:child_process';\nspawn('ls', { shell: '/bin/sh' });", 'sluice(no-shell)'],
  ['cli', "import { spawn } from 'node:child_process';\nspawn('ls', { 'shell': true });", 'sluice(no-shell)'],
  // The pure parts: no clock, no randomness, no platform.
  ['scheduler/model', 'export const now = Date.now();', 'eslint(no-restricted-globals)'],
  ['scheduler/engine', 'export const now = new Date();', 'eslint(no-restricted-globals)'],
  ['scheduler/engine', 'export const now = globalThis.Date.now();', 'eslint(no-restricted-globals)'],
  ['scheduler/engine', 'export const now = performance.now();', 'eslint(no-restricted-globals)'],
  ['scheduler/control', 'setTimeout(() => {}, 1);', 'eslint(no-restricted-globals)'],
  ['scheduler/fleet', 'setInterval(() => {}, 1);', 'eslint(no-restricted-globals)'],
  ['node-agent/session', 'export const home = process.env;', 'eslint(no-restricted-globals)'],
  ['node-agent/session', "export const page = () => fetch('http://127.0.0.1');", 'eslint(no-restricted-globals)'],
  ['scheduler/engine', 'export const dice = Math.random();', 'eslint(no-restricted-properties)'],
  ['scheduler/engine', 'export const { random } = Math;', 'eslint(no-restricted-properties)'],
  ['scheduler/engine', "import { readFileSync } from 'node:fs';\nreadFileSync('/x');", 'import(no-nodejs-modules)'],
  ['scheduler/model', "console.log('here');", 'eslint(no-console)'],
  // The innermost parts answer at once and are given their ids.
  ['scheduler/engine', 'export async function step() {}', 'sluice(no-async)'],
  [
    'scheduler/model',
    'export const later = (): Promise<void> => never();\ndeclare function never(): never;',
    'sluice(no-async)',
  ],
  ['node-agent/session', 'export const step = async () => {};', 'sluice(no-async)'],
  [
    'scheduler/model',
    "import { createUlidMaker } from '../../common/ids.js';\nexport const make = createUlidMaker();",
    'eslint(no-restricted-imports)',
  ],
] as const;

const ALLOWED = [
  ['bench', "import type { There } from './in-order-1.js';\nexport type Here = There;"],
  ['bench', "import './in-order-0.js';\nexport type There = string;"],
  ['proto/gen', 'export const generated: any = 1;'],
  ['node-agent/runtime', "import { spawn } from 'node:child_process';\nspawn('ls', ['-l'], { shell: false });"],
  ['node-agent/runtime', 'export const started = Date.now();'],
  ['scheduler/control', 'export async function commit(write: () => Promise<void>) {\n  await write();\n}'],
  ['scheduler/engine', 'export const step = (nowMs: number) => Math.floor(nowMs);'],
  ['scheduler/engine', "import type { NodeId } from '../../common/ids.js';\nexport type Place = NodeId;"],
] as const;

const forbidden = FORBIDDEN.map(([folder, source, rule], index) => ({
  file: `${folder}/planted-${index}.ts`,
  source,
  rule,
}));
const allowed = ALLOWED.map(([folder, source], index) => ({ file: `${folder}/in-order-${index}.ts`, source }));
const found = lint();

describe('lint', () => {
  test.each(forbidden)('$file: $source', ({ file, rule }) => {
    expect(found.get(file)).toContain(rule);
  });

  test.each(allowed)('$file may: $source', ({ file }) => {
    expect(found.get(file) ?? []).toEqual([]);
  });
});

/** The names of the rules that each planted file broke. */
function lint(): ReadonlyMap<string, readonly string[]> {
  const tree = createPlantedTree();
  try {
    tree.plant('common/ids.ts', "export type NodeId = string;\nexport const createUlidMaker = () => () => '';\n");
    for (const { file, source } of [...forbidden, ...allowed]) tree.plant(file, source);
    const oxlint = path.join(PACKAGE_ROOT, 'node_modules/oxlint/bin/oxlint');
    const run = spawnSync(process.execPath, [oxlint, '--type-aware', '--format=json'], {
      cwd: tree.root,
      encoding: 'utf8',
      maxBuffer: 16 * 1024 * 1024,
    });
    const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: { filename: string; code: string }[] };
    const rules = new Map<string, string[]>();
    for (const { filename, code } of diagnostics) rules.set(filename, [...(rules.get(filename) ?? []), code]);
    return rules;
  } finally {
    tree.remove();
  }
}
