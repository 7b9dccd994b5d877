// `npm run dashboards [-- --check]`: writes the dashboards as Grafana reads them, or says which files are not what the sources
// make. Exit code 1: they are not.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PACKAGE_ROOT } from '../common/package-root.js';
import { dashboards } from './boards.js';

const FOLDER = path.join(PACKAGE_ROOT, 'dashboards/grafana');

const files = Object.entries(dashboards()).map(
  ([name, board]) => [`${name}.json`, `${JSON.stringify(board, null, 2)}\n`] as const,
);
if (process.argv.includes('--check')) {
  const stale = files.filter(([name, text]) => readOrEmpty(path.join(FOLDER, name)) !== text).map(([name]) => name);
  for (const name of stale)
    console.error(`dashboards/grafana/${name} is not what its source makes: npm run dashboards`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, text] of files) writeFileSync(path.join(FOLDER, name), text);
}
console.log(`${files.length} dashboards`);

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
