// Holds the rules of who may import whom (.dependency-cruiser.cjs) against the sources, and proves that it saw them all:
// a cruiser without a working parser finds nothing wrong because it finds nothing.
// Usage: node test/layers/check.mjs [ROOT]
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { cruise } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';

const root = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, '../..'));
const FOLDERS = [
  'bench',
  'cli',
  'common',
  'dashboards',
  'examples',
  'node-agent',
  'proto',
  'scheduler',
  'simulator',
  'test',
];

const sources = readdirSync(root, { recursive: true })
  .filter((file) => FOLDERS.includes(file.split(path.sep)[0]) && file.endsWith('.ts'))
  .toSorted();
const folders = FOLDERS.filter((folder) => sources.some((file) => file.startsWith(folder + path.sep)));

process.chdir(root);
const options = await extractOptions(path.join(root, '.dependency-cruiser.cjs'));
const { output } = await cruise(folders, { ...options, baseDir: root });

const cruised = new Set(output.modules.map((module) => module.source));
const unseen = sources.filter((file) => !cruised.has(file));
const imports = output.modules
  .filter((module) => sources.includes(module.source))
  .reduce((sum, module) => sum + module.dependencies.length, 0);

const problems = output.summary.violations.map(
  ({ from, to, rule, cycle }) =>
    `${from} -> ${cycle ? cycle.map((step) => step.name).join(' -> ') : to}\n  ${rule.name}: ${commentOf(rule.name)}`,
);
if (sources.length === 0) problems.push(`no sources under ${root}`);
if (unseen.length > 0) problems.push(`not seen by dependency-cruiser: ${unseen.join(', ')}`);
if (sources.length > 1 && imports === 0) problems.push('no import seen in any source: the parser does not work');

for (const problem of problems) console.error(problem);
console.log(`layers: ${sources.length} modules, ${imports} imports, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;

function commentOf(name) {
  return options.ruleSet.forbidden.find((rule) => rule.name === name).comment;
}
