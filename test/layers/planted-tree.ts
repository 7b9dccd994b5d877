// A throw-away checkout that holds nothing but this project's rules and a few planted files, so that tests can prove that
// the rules find what they forbid.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PACKAGE_ROOT } from '../../common/package-root.js';

const RULES = [
  'package.json',
  'tsconfig.json',
  '.oxlintrc.json',
  '.dependency-cruiser.cjs',
  'test/layers/check.mjs',
  'test/layers/lint-plugin.mjs',
];

export interface PlantedTree {
  readonly root: string;
  plant(file: string, source: string): void;
  remove(): void;
}

/** Makes a folder with the rules, and with this checkout's packages. */
export function createPlantedTree(): PlantedTree {
  const root = mkdtempSync(path.join(tmpdir(), 'sluice-rules-'));
  for (const file of RULES) cpSync(path.join(PACKAGE_ROOT, file), path.join(root, file));
  symlinkSync(path.join(PACKAGE_ROOT, 'node_modules'), path.join(root, 'node_modules'));
  return {
    root,
    plant(file, source) {
      const target = path.join(root, file);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, source);
    },
    remove: () => rmSync(root, { recursive: true }),
  };
}
