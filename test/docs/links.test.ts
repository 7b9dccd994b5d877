// Links between our pages must lead somewhere, and every page must be reachable from an index.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';

const inDocs = readdirSync(path.join(PACKAGE_ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...inDocs.filter((file) => file.endsWith('.md')).map((file) => path.join('docs', file)),
];

describe('documentation', () => {
  test.each(pages)('every link of %s leads somewhere', (page) => {
    const broken = linksOf(page).filter((target) => !existsSync(path.join(PACKAGE_ROOT, target)));
    expect(broken).toEqual([]);
  });

  test('every page is linked from an index', () => {
    const indices = ['README.md', 'docs/README.md', 'docs/runbooks/README.md', 'docs/internals/README.md'];
    const linked = new Set(indices.flatMap(linksOf));
    expect(pages.filter((page) => !linked.has(page) && page !== 'README.md')).toEqual([]);
  });
});

/** Targets inside the checkout, relative to its root. */
function linksOf(page: string): readonly string[] {
  const text = readFileSync(path.join(PACKAGE_ROOT, page), 'utf8');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
    .map((target) => path.join(path.dirname(page), target));
}
