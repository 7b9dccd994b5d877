// Proves that `npm run layers` finds what it forbids: each case is one more module in a tree that is otherwise in order.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createPlantedTree, type PlantedTree } from './planted-tree.js';

/** Every module that a case below imports or is imported by. */
const MODULES = [
  'bench/main.ts',
  'cli/main.ts',
  'common/ids.ts',
  'common/proto.ts',
  'node-agent/main.ts',
  'node-agent/session/session.ts',
  'proto/gen/agent.ts',
  'scheduler/api/server.ts',
  'scheduler/control/loop.ts',
  'scheduler/engine/engine.ts',
  'scheduler/fleet/session.ts',
  'scheduler/main.ts',
  'scheduler/metrics/metrics.ts',
  'scheduler/model/records.ts',
  'scheduler/store/embedded.ts',
  'scheduler/store/state-store.ts',
  'test/engine/builder.ts',
];

/** Where the import comes from, what it says, and the rule that refuses it. */
const FORBIDDEN = [
  ['scheduler/model/records.ts', "import '../engine/engine.js';", 'model-is-the-bottom'],
  ['scheduler/model/records.ts', "import type { here } from '../control/loop.js';", 'model-is-the-bottom'],
  ['scheduler/model/records.ts', "import '../../common/proto.js';", 'model-is-the-bottom'],
  ['scheduler/engine/engine.ts', "import '../control/loop.js';", 'engine-sees-the-model'],
  ['scheduler/engine/engine.ts', "import '../store/state-store.js';", 'engine-sees-the-model'],
  ['scheduler/engine/engine.ts', "import '../../proto/gen/agent.js';", 'engine-sees-the-model'],
  ['scheduler/engine/engine.ts', "import 'node:fs';", 'pure-core-has-no-platform'],
  ['scheduler/model/records.ts', "import 'fs';", 'pure-core-has-no-platform'],
  ['scheduler/engine/engine.ts', "import 'pino';", 'pure-core-has-no-platform'],
  ['node-agent/session/session.ts', "import 'node:child_process';", 'pure-core-has-no-platform'],
  ['scheduler/control/loop.ts', "import '../api/server.js';", 'control-decides-below-the-api'],
  ['scheduler/control/loop.ts', "import '../store/embedded.js';", 'only-main-picks-the-store'],
  ['scheduler/api/server.ts', "import '../store/embedded.js';", 'only-main-picks-the-store'],
  ['scheduler/fleet/session.ts', "import '../store/state-store.js';", 'edges-use-control'],
  ['scheduler/metrics/metrics.ts', "import '../main.js';", 'edges-use-control'],
  ['scheduler/main.ts', "import '../node-agent/main.js';", 'scheduler-knows-no-agent'],
  ['node-agent/main.ts', "import '../scheduler/model/records.js';", 'agent-shares-messages-only'],
  ['cli/main.ts', "import '../scheduler/api/server.js';", 'cli-is-a-client'],
  ['cli/main.ts', "import '../scheduler/main.js';", 'cli-loads-daemons-lazily'],
  ['cli/main.ts', "import '../bench/main.js';", 'nobody-imports-programs'],
  ['common/ids.ts', "import '../scheduler/model/records.js';", 'common-stands-alone'],
  ['proto/gen/agent.ts', "import '../../common/ids.js';", 'proto-stands-alone'],
  ['scheduler/main.ts', "import '../test/engine/builder.js';", 'nobody-imports-tests'],
  ['scheduler/main.ts', "import 'vitest';", 'product-needs-no-dev-packages'],
  ['scheduler/main.ts', "import 'js-yaml-that-nobody-has';", 'everything-resolves'],
  ['scheduler/main.ts', "import './moved-away.js';", 'everything-resolves'],
  ['common/proto.ts', "import 'long';", 'declared-packages-only'],
] as const;

const ALLOWED = [
  ['scheduler/engine/fit.ts', "import '../model/records.js';\nimport type {} from '../../common/ids.js';"],
  ['scheduler/control/loop.ts', "import '../engine/engine.js';\nimport '../store/state-store.js';"],
  ['scheduler/fleet/session.ts', "import '../control/loop.js';\nimport '../../proto/gen/agent.js';"],
  ['scheduler/store/embedded.ts', "import './state-store.js';\nimport '../model/records.js';"],
  ['cli/main.ts', "void import('../scheduler/main.js');\nvoid import('../node-agent/main.js');"],
  ['common/proto.ts', "import type {} from '../proto/gen/agent.js';"],
  ['test/engine/builder.ts', "import '../../scheduler/store/embedded.js';\nimport 'vitest';"],
] as const;

describe('who may import whom', () => {
  const trees: PlantedTree[] = [];
  afterAll(() => trees.forEach((tree) => tree.remove()));

  /** A tree in order, with `planted` on top. */
  function treeWith(planted: readonly { readonly file: string; readonly source: string }[]): PlantedTree {
    const tree = createPlantedTree();
    trees.push(tree);
    for (const file of MODULES) tree.plant(file, 'export const here = true;\n');
    tree.plant('scheduler/main.ts', "import './store/embedded.js';\nimport './control/loop.js';\n");
    for (const { file, source } of planted) tree.plant(file, source);
    return tree;
  }

  test('a tree in order passes', () => {
    const inOrder = ALLOWED.map(([file, source]) => ({ file, source }));
    expect(checkLayers(treeWith(inOrder))).toMatchObject({ status: 0, problems: '' });
  });

  describe('every forbidden import is found', () => {
    // All are planted in one tree, since a run takes half a second.
    const cases = FORBIDDEN.map(([file, source, rule], index) => ({
      file: `${path.posix.dirname(file)}/planted-${index}.ts`,
      source,
      rule,
    }));
    const found = checkLayers(treeWith(cases));

    test.each(cases)('$file: $source', ({ file, rule }) => {
      expect(found.problems).toMatch(new RegExp(`^${file} -> [^\n]*\n  ${rule}: `, 'm'));
    });

    test('and nothing else', () => {
      expect(found.status).toBe(1);
      const blamed = new Set([...found.problems.matchAll(/^(\S+) -> /gm)].map(([, file]) => file));
      expect(blamed).toEqual(new Set(cases.map(({ file }) => file)));
    });
  });

  test('a cycle between folders is found, through types too; inside a folder types may name each other', () => {
    const { status, problems } = checkLayers(
      treeWith([
        { file: 'scheduler/api/pages.ts', source: "import type {} from '../fleet/lease.js';" },
        { file: 'scheduler/fleet/lease.ts', source: "import '../api/pages.js';" },
        { file: 'scheduler/engine/fit.ts', source: "import type {} from './place.js';" },
        { file: 'scheduler/engine/place.ts', source: "import './fit.js';" },
      ]),
    );
    expect(problems).toContain('no-cycles-between-folders');
    expect(problems).not.toContain('scheduler/engine');
    expect(status).toBe(1);
  });

  test('a cruiser that sees no module fails instead of passing', () => {
    const blind = 'module.exports = { forbidden: [], options: { parser: "swc", exclude: { path: "." } } };';
    const { status, problems } = checkLayers(treeWith([{ file: '.dependency-cruiser.cjs', source: blind }]));
    expect(problems).toContain('not seen by dependency-cruiser: ');
    expect(status).toBe(1);
  });

  test('an empty tree fails', () => {
    const empty = createPlantedTree();
    trees.push(empty);
    const { status, problems } = checkLayers(empty);
    expect(problems).toContain('no sources');
    expect(status).toBe(1);
  });
});

function checkLayers({ root }: PlantedTree): { status: number | null; problems: string } {
  const run = spawnSync(process.execPath, ['test/layers/check.mjs', root], { cwd: root, encoding: 'utf8' });
  return { status: run.status, problems: run.stderr };
}
