// Packages of other versions of Sluice, made from the one that is built, for tests of upgrades.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PACKAGE_ROOT } from '../../common/package-root.js';

/** What the other version is. */
export interface OtherVersion {
  /** Of its package.json. */
  readonly version: string;
  /** The number of its records' shape, one above ours; absent = the same as ours. */
  readonly schema?: number;
}

/**
 * Makes a package in a folder that is not there yet.
 * @returns the path of its program
 */
export function makeOtherVersion(folder: string, { version, schema }: OtherVersion): string {
  mkdirSync(folder);
  for (const part of ['dist', 'proto']) {
    cpSync(path.join(PACKAGE_ROOT, part), path.join(folder, part), { recursive: true });
  }
  symlinkSync(path.join(PACKAGE_ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const manifest = JSON.parse(readFileSync(path.join(PACKAGE_ROOT, 'package.json'), 'utf8')) as object;
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ ...manifest, version }));
  if (schema !== undefined) raiseSchema(path.join(folder, 'dist/scheduler/store/schema.js'), schema);
  return path.join(folder, 'dist/cli/main.js');
}

/** Its records are as ours are, under a later number: an older Sluice must refuse them all the same. */
function raiseSchema(file: string, schema: number): void {
  const text = readFileSync(file, 'utf8');
  const ours = new RegExp(`version: ${schema - 1}, upgrades: \\[(.*)\\]`);
  if (!ours.test(text)) throw new Error(`${file} has another shape than this expects: ${text}`);
  writeFileSync(
    file,
    text.replace(ours, `version: ${schema}, upgrades: [$1, { to: ${schema}, change: (record) => record }]`),
  );
}
