// Dashboards, rules and runbooks as files: made from their sources, valid by the published schemas, complete.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { dashboards } from '../../dashboards/boards.js';
import { needs, SHARED_FOLDER } from '../real-part.js';
import { expandBraces } from './metric-names.js';
import { dashboardFiles, queriesOf } from './queries.js';

const RULES = 'dashboards/prometheus/sluice.rules.yml';
const RULE_TESTS = 'dashboards/prometheus/sluice.rules.test.yml';
const RUNBOOKS = 'docs/runbooks';

interface Rule {
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const alerts = rules.filter(({ alert }) => alert !== undefined);

describe('dashboards', () => {
  test('are what their sources make', () => {
    const made = Object.entries(dashboards()).map(([name, json]) => [`${name}.json`, JSON.parse(JSON.stringify(json))]);
    expect(Object.fromEntries(dashboardFiles().map(({ file, json }) => [file, json]))).toEqual(
      Object.fromEntries(made),
    );
  });

  test('have names and panels of their own, with words for what each shows', () => {
    const files = dashboardFiles();
    expect(new Set(files.map(({ json }) => json.uid)).size).toBe(files.length);
    for (const { json } of files) {
      const titles = json.panels.map(({ title }) => title);
      expect(new Set(titles).size).toBe(titles.length);
      for (const panel of json.panels) expect(panel).toHaveProperty('description', expect.stringMatching(/\.$/));
    }
  });

  describe.runIf(needs('shared'))('by the schemas of Grafana', () => {
    const folder = path.join(SHARED_FOLDER, 'prototypes/grafana/jsonschema');
    const load = (name: string): object =>
      JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')) as object;
    // The schemas name formats and keywords that only Grafana knows.
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

    test.each(dashboardFiles())('$file is valid', ({ json }) => {
      const isValid = ajv.compile(load('dashboard'));
      expect(isValid(json) ? [] : isValid.errors).toEqual([]);
    });

    test('a wrong key is found', () => {
      const [first] = dashboardFiles();
      const isValid = ajv.compile(load('dashboard'));
      expect(isValid({ ...first?.json, refreshh: '5s' })).toBe(false);
    });
  });
});

describe('alerts', () => {
  test('say what, why, how bad, and where to read on', () => {
    const poor = alerts.filter(({ annotations = {}, labels }) => {
      const isComplete = Object.keys(annotations).toSorted().join(' ') === 'description runbook_url summary';
      return !isComplete || !['critical', 'warning', 'info'].includes(labels?.severity ?? '');
    });
    expect(poor.map(({ alert }) => alert)).toEqual([]);
    const pages = alerts.map(({ annotations = {} }) => readFileSync(annotations['runbook_url'] ?? '', 'utf8'));
    expect(pages.filter((page) => !page.startsWith('# Sluice'))).toEqual([]);
  });

  test('have a runbook each, and each runbook an alert', () => {
    const pages = readdirSync(RUNBOOKS).filter((file) => file !== 'README.md');
    const named = new Set(alerts.map(({ annotations = {} }) => path.basename(annotations['runbook_url'] ?? '')));
    expect(pages.toSorted()).toEqual([...named].toSorted());
    const index = readFileSync(path.join(RUNBOOKS, 'README.md'), 'utf8');
    for (const page of pages) expect(index).toContain(`(${page})`);
  });

  test('are each tried by a unit test', () => {
    const tried = readFileSync(RULE_TESTS, 'utf8');
    expect(alerts.map(({ alert = '' }) => alert).filter((alert) => !tried.includes(alert))).toEqual([]);
  });

  test('are silent in a busy cluster that has something of all that they look at', () => {
    const { tests } = parse(readFileSync(RULE_TESTS, 'utf8')) as {
      tests: { name: string; input_series: { series: string }[]; promql_expr_test?: { expr: string }[] }[];
    };
    const busy = tests.find(({ name }) => name === 'a busy cluster in which nothing is wrong raises nothing');
    const fed = new Set(busy?.input_series.map(({ series }) => series.replace(/\{.*/, '')));
    const recorded = rules.filter(({ alert }) => alert === undefined).map(({ expr }) => expr);
    const asked = [...alerts.map(({ expr }) => expr), ...recorded.filter((expr) => expr.includes('cycle_duration'))]
      .flatMap((expr) => expr.match(/\b(?:sluice|nodejs)_\w+/g) ?? [])
      .filter((name) => !fed.has(name));
    expect([...new Set(asked)]).toEqual([]);
    expect(
      busy?.promql_expr_test?.map(({ expr }) => expr).every((expr) => expr === 'ALERTS{alertstate="firing"}'),
    ).toBe(true);
  });

  describe.runIf(needs('prometheus'))('by promtool', () => {
    test.each([
      ['rules are valid', ['check', 'rules', RULES]],
      ['each fires for its cause and not without', ['test', 'rules', RULE_TESTS]],
      ['the example configuration is valid', ['check', 'config', 'dashboards/prometheus/prometheus.yml']],
    ])('%s', (_what, args) => {
      const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', timeout: 60_000 });
      expect({ status, failures: /FAILED[^]*/.exec(stdout + stderr)?.[0] ?? '' }).toEqual({ status: 0, failures: '' });
    });
  });
});

describe.runIf(needs('build'))('runbooks', () => {
  const helps = new Map<string, string>();
  const help = (...words: readonly string[]): string => {
    const known = helps.get(words.join(' '));
    if (known !== undefined) return known;
    const { stdout, stderr } = spawnSync(process.execPath, ['dist/cli/main.js', ...words, '--help'], {
      encoding: 'utf8',
    });
    helps.set(words.join(' '), stdout + stderr);
    return stdout + stderr;
  };

  test('name commands that there are', () => {
    const all = readdirSync(RUNBOOKS).flatMap((file) => [
      ...readFileSync(path.join(RUNBOOKS, file), 'utf8').matchAll(/`sluice ([a-z][a-z-]*)((?: [a-z-]+)*)/g),
    ]);
    expect(all.length).toBeGreaterThan(10);
    const isThere = (verb: string, text: string): boolean => new RegExp(`^ +${verb}\\b`, 'm').test(text);
    const known = help();
    const unknown = all.filter(([, verb = '', rest = '']) => {
      const [second = ''] = rest.trim().split(' ');
      if (!isThere(verb, known)) return true;
      const own = help(verb);
      return own.includes('\nCommands:') && second !== '' && !isThere(second, own);
    });
    expect(unknown.map(([text]) => text)).toEqual([]);
  });
});

test('no dashboard asks for a metric that does not exist', () => {
  const manual = ['docs/administration.md', 'docs/observability.md']
    .map((page) => readFileSync(page, 'utf8'))
    .join('\n');
  const documented = new Set(
    // Braces at the end are labels, of which only the beginning may have been matched.
    manual.match(/\bsluice_[a-z_{},]+/g)?.flatMap((name) => expandBraces(name.replace(/\{[a-z_,]*\}?$/, ''))),
  );
  const asked = dashboardFiles().flatMap((file) =>
    queriesOf(file).flatMap(({ expr }) => expr.match(/\bsluice_\w+/g) ?? []),
  );
  const unknown = [...asked, ...rules.flatMap(({ expr }) => expr.match(/\bsluice_\w+/g) ?? [])]
    .map((name) => name.replace(/_(bucket|count|sum)$/, ''))
    .filter((name) => !documented.has(name));
  expect([...new Set(unknown)]).toEqual([]);
});
