// The workload files that people copy from must be files that we accept.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatProblem, parseSpecs } from '../../cli/spec/parse.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';

const FOLDER = path.join(PACKAGE_ROOT, 'examples');
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));

describe('examples', () => {
  test.each(files)('%s is accepted', (file) => {
    const { documents, problems } = parseSpecs(readFileSync(path.join(FOLDER, file), 'utf8'), file);
    expect(problems.map(formatProblem)).toEqual([]);
    expect(documents).not.toEqual([]);
  });

  test('the README and the examples agree on the first workload', () => {
    const readme = readFileSync(path.join(PACKAGE_ROOT, 'README.md'), 'utf8');
    expect(readme).toContain(readFileSync(path.join(FOLDER, 'hello.yaml'), 'utf8').trimEnd());
  });
});
