// Reads the examples out of a page: `<!-- cluster: {n1: 4xh100} -->` begins one and says which nodes there are. What follows
// it, up to the next one, is played in order: `<!-- setup … -->` commands nobody sees, `<!-- then 10m -->` what happens by
// itself, blocks of `console` (commands and what they print; `console 2` = the first two lines of each, `console -2` = the last),
// of `cluster` (who holds what) and of `yaml NAME` (a file).
import { parse } from 'yaml';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import type { NodeSketch } from './example-cluster.js';

export type Part =
  | { readonly type: 'setup'; readonly commands: readonly string[] }
  | { readonly type: 'then'; readonly happening: string }
  | { readonly type: 'file'; readonly name: string; readonly text: string }
  | { readonly type: 'console'; readonly lines: number; readonly text: string; readonly at: number }
  | { readonly type: 'picture'; readonly what: string; readonly text: string; readonly at: number };

/** Nodes by name, and under `policy` how this scheduler schedules otherwise than usual. */
type Sketch = Readonly<Record<string, NodeSketch>> & { readonly policy?: Partial<EnginePolicy> };

export interface Example {
  /** The last heading before it. */
  readonly title: string;
  readonly nodes: Readonly<Record<string, NodeSketch>>;
  readonly policy: Partial<EnginePolicy>;
  readonly parts: readonly Part[];
}

const MARKS = new RegExp(
  [
    /^<!-- cluster:\s*(?<nodes>[^]*?)-->/,
    /^<!-- setup\n(?<setup>[^]*?)-->/,
    /^<!-- then (?<then>.*?) -->/,
    /^#+ (?<title>.*)$/,
    /^```(?<kind>\w+) ?(?<info>[^\n]*)\n(?<text>[^]*?)^```$/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gm',
);

/** All examples of a page, in order. @throws when one that is shown belongs to no cluster */
export function readExamples(page: string): readonly Example[] {
  const examples: (Omit<Example, 'parts'> & { readonly parts: Part[] })[] = [];
  let title = '';
  for (const match of page.matchAll(MARKS)) {
    const groups: Record<string, string | undefined> = match.groups ?? {};
    if (groups['title'] !== undefined) title = groups['title'];
    if (groups['nodes'] !== undefined) {
      const { policy = {}, ...nodes } = parse(groups['nodes']) as Sketch;
      examples.push({ title, nodes, policy, parts: [] });
    }
    const part = partOf(groups, match.index + match[0].indexOf('\n') + 1);
    if (part === null) continue;
    const example = examples.at(-1);
    if (example === undefined) throw new Error(`no cluster is there for: ${match[0]}`);
    example.parts.push(part);
  }
  return examples;
}

function partOf(groups: Readonly<Record<string, string | undefined>>, at: number): Part | null {
  const { setup, then, kind, info = '', text = '' } = groups;
  if (setup !== undefined) return { type: 'setup', commands: setup.trim().split('\n') };
  if (then !== undefined) return { type: 'then', happening: then };
  if (kind === 'yaml' && info !== '') return { type: 'file', name: info, text };
  if (kind === 'console') return { type: 'console', lines: Number(info || Infinity), text, at };
  if (kind === 'cluster') return { type: 'picture', what: info, text, at };
  return null;
}

/** A command as typed: `$ sluice …`, or `bob$ sluice …` for another user than usual. */
export function readCommand(line: string): { readonly user: string; readonly words: readonly string[] } | null {
  const [, user = '', command = ''] = /^(\w*)\$ (.*)$/.exec(line) ?? [];
  if (command === '') return null;
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '');
  if (words.shift() !== 'sluice') throw new Error(`only sluice can be run: ${line}`);
  return { user, words };
}
