// Every worked example of docs/scheduling.md is true: its commands are run, and what they print and who then holds what is
// compared with the page. After a change of the scheduler that is meant, `UPDATE_DOCS=1 npx vitest run test/docs` writes the
// page anew; read what changed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { pascalCase } from '../../cli/presentation.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { PendingReason } from '../../scheduler/engine/decisions.js';
import { ExampleCluster } from './example-cluster.js';
import { type Example, type Part, readCommand, readExamples } from './example-page.js';

const PAGE = path.join(PACKAGE_ROOT, 'docs/scheduling.md');
const isUpdating = process.env['UPDATE_DOCS'] !== undefined;
const page = readFileSync(PAGE, 'utf8');
const examples = readExamples(page);

/** All of them: a new one does not compile until it stands here. */
const REASONS: Readonly<Record<PendingReason, true>> = {
  HELD: true,
  DEPENDENCY: true,
  BACKOFF: true,
  ARRAY_CAP: true,
  RECLAIMING: true,
  QUEUE_LIMIT: true,
  USER_LIMIT: true,
  GUARANTEE_EXHAUSTED: true,
  NO_SUCH_GPU: true,
  NODES_UNAVAILABLE: true,
  MAINTENANCE: true,
  FRAGMENTED: true,
  TOPOLOGY: true,
  CPU_OR_MEMORY: true,
  OWED_TO_OTHERS: true,
  RESERVED: true,
  RESOURCES: true,
  NOT_EVALUATED: true,
};

/** What the page says in one place, and what it ought to say. */
interface Told {
  readonly at: number;
  readonly is: string;
  readonly be: string;
}

const corrected: Told[] = [];

describe('docs/scheduling.md', () => {
  test('has examples', () => expect(examples.length).toBeGreaterThan(10));

  test('explains every reason for which work is pending, and what to do about it', () => {
    const [, table = ''] = page.split('## Why is it pending');
    const rows = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason = '']) => reason);
    expect(rows.toSorted()).toEqual(Object.keys(REASONS).map(pascalCase).toSorted());
  });

  // What has had no turn yet has one in a moment, so there is nothing to show.
  test.each(Object.keys(REASONS).filter((reason) => reason !== 'NOT_EVALUATED'))('shows how %s looks', (reason) => {
    const shown = examples.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'console' ? part.text : [])));
    expect(shown.join('')).toMatch(new RegExp(`: ${pascalCase(reason)}$|\\(${pascalCase(reason)}\\)$`, 'm'));
  });

  test.each(examples.map((example, index) => [`${index + 1}: ${example.title}`, example] as const))(
    'example %s is true',
    async (_, example) => {
      const told = await play(example);
      corrected.push(...told);
      const says = told.map(({ is, be }) => (isUpdating ? be : is));
      expect(says).toEqual(told.map(({ be }) => be));
    },
  );

  afterAll(() => {
    if (!isUpdating) return;
    let updated = page;
    for (const { at, is, be } of corrected.toReversed()) {
      updated = updated.slice(0, at) + be + updated.slice(at + is.length);
    }
    writeFileSync(PAGE, updated);
  });
});

async function play({ nodes, policy, parts }: Example): Promise<readonly Told[]> {
  const told: Told[] = [];
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-docs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const cluster = await ExampleCluster.start(nodes, policy);
  onTestFinished(() => cluster.close());
  const files = new Map<string, string>();
  const type = async (line: string): Promise<string> => {
    const command = readCommand(line);
    if (command === null) throw new Error(`no command: ${line}`);
    const printed = await cluster.run(command.words, command.user, files);
    return printed.replaceAll(`${folder}/`, '').replaceAll(/ +$/gm, '');
  };
  for (const part of parts) {
    if (part.type === 'setup') for (const line of part.commands) await type(`$ ${line}`);
    if (part.type === 'then') await cluster.let(part.happening);
    if (part.type === 'file') {
      const file = path.join(folder, part.name);
      writeFileSync(file, part.text);
      files.set(part.name, file);
    }
    if (part.type === 'console') told.push({ at: part.at, is: part.text, be: await replay(part, type) });
    if (part.type === 'picture') told.push({ at: part.at, is: part.text, be: cluster.draw(part.what) });
  }
  return told;
}

/** The block as it ought to be: each of its commands with what it prints now. */
async function replay(
  { text, lines }: Extract<Part, { readonly type: 'console' }>,
  type: (line: string) => Promise<string>,
): Promise<string> {
  const now: string[] = [];
  for (const line of text.split('\n')) {
    if (readCommand(line) === null) continue;
    const printed = (await type(line)).trimEnd().split('\n');
    now.push(line, ...(lines < 0 ? printed.slice(lines) : printed.slice(0, lines)));
  }
  return `${now.join('\n')}\n`;
}
