// deploy/compose.yaml as far as it can be held without containers: what it mounts is there, what it names is declared, and Prometheus
// and Grafana find at their end what their own files name.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { needs } from '../real-part.js';

/** What of the Compose specification (https://compose-spec.io) it uses; a key that is none of these is a slip of the finger. */
const service = z.strictObject({
  image: z.string().regex(/^[a-z0-9./-]+:[a-zA-Z0-9._-]+$/, 'an image with a version'),
  network_mode: z.enum(['host', 'bridge', 'none']).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  volumes: z.array(z.string().regex(/^[^:]+:\/[^:]+(:ro)?$/)).optional(),
});
const schema = z.strictObject({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()).optional(),
});

const FILE = 'deploy/compose.yaml';
const text = readFileSync(FILE, 'utf8');
const compose = schema.parse(parse(text));

interface Mount {
  readonly source: string;
  readonly target: string;
}

function mountsOf(name: string): readonly Mount[] {
  return (compose.services[name]?.volumes ?? []).map((volume) => {
    const [source = '', target = ''] = volume.split(':');
    return { source, target };
  });
}

/** The file of the repository that a service sees at this path; null = it sees none. */
function behind(name: string, inside: string): string | null {
  const mount = mountsOf(name)
    .filter(({ target }) => inside === target || inside.startsWith(`${target}/`))
    .toSorted((a, b) => b.target.length - a.target.length)[0];
  return mount === undefined ? null : path.join('deploy', mount.source, inside.slice(mount.target.length));
}

describe('the compose file', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-compose-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('mounts what is there, read-only, and volumes that it declares', () => {
    const volumes = Object.entries(compose.services).flatMap(([, { volumes: all = [] }]) => all);
    const folders = volumes.filter((volume) => volume.startsWith('.'));
    expect(folders.length).toBeGreaterThan(2);
    for (const volume of folders) {
      expect(existsSync(path.join('deploy', volume.split(':')[0] ?? ''))).toBe(true);
      expect(volume).toMatch(/:ro$/);
    }
    const named = volumes.filter((volume) => !volume.startsWith('.')).map((volume) => volume.split(':')[0]);
    expect(new Set(named)).toEqual(new Set(Object.keys(compose.volumes ?? {})));
  });

  test('refuses what is no part of the specification', () => {
    expect(schema.safeParse({ ...compose, service: {} }).success).toBe(false);
  });

  test.runIf(needs('prometheus'))('gives Prometheus a configuration with all that it names', () => {
    const flag = compose.services['prometheus']?.command?.find((word) => word.startsWith('--config.file='));
    const config = behind('prometheus', flag?.slice('--config.file='.length) ?? '');
    expect(config).not.toBeNull();
    // As in the container: the folder by itself, so that nothing is found which is not mounted.
    cpSync(path.dirname(config ?? ''), folder, { recursive: true });
    const { stdout, stderr, status } = spawnSync(
      'promtool',
      ['check', 'config', path.join(folder, path.basename(config ?? ''))],
      {
        encoding: 'utf8',
      },
    );
    expect([stderr, status]).toEqual(['', 0]);
    expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
  });

  test('gives Grafana its data source, on the port of Prometheus, and every dashboard', () => {
    const provisioning = behind('grafana', '/etc/grafana/provisioning');
    const read = (kind: string): unknown => {
      const [file = ''] = readdirSync(path.join(provisioning ?? '', kind));
      return parse(readFileSync(path.join(provisioning ?? '', kind, file), 'utf8'));
    };
    const { datasources } = z
      .object({ datasources: z.array(z.object({ type: z.string(), url: z.string() })) })
      .parse(read('datasources'));
    const variable = /\$\{?(\w+)/.exec(datasources[0]?.url ?? '')?.[1] ?? '';
    const url = compose.services['grafana']?.environment?.[variable] ?? '';
    const listens = compose.services['prometheus']?.command?.find((word) => word.startsWith('--web.listen-address='));
    expect(url).toBe(`http://${listens?.slice('--web.listen-address='.length)}`);
    const { providers } = z
      .object({ providers: z.array(z.object({ options: z.object({ path: z.string() }) })) })
      .parse(read('dashboards'));
    const inside = providers[0]?.options.path ?? '';
    const seen = behind('grafana', inside) ?? behind('grafana', `${inside}/sluice`);
    expect(readdirSync(seen ?? '').filter((name) => name.endsWith('.json')).length).toBeGreaterThan(4);
  });
});
