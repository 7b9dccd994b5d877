// What the demo needs to be looked at in Grafana: a folder with Prometheus's configuration and Grafana's provisioning for just this
// cluster, and a Prometheus, where one is installed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../common/free-port.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';

const OURS = path.join(PACKAGE_ROOT, 'dashboards');
const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;
const POLL_MS = 100;

/** Where the metrics are: HOST:PORT of each. */
export interface Scraped {
  readonly scheduler: string;
  readonly agents: readonly string[];
}

/** What is ready to be looked at. */
export interface Watched {
  readonly folder: string;
  /** Null = Prometheus is not installed here. */
  readonly prometheusUrl: string | null;
  stop(): Promise<void>;
}

/** Writes the folder, and starts Prometheus where it is installed. @throws Error when it does not answer */
export async function watch(folder: string, scraped: Scraped): Promise<Watched> {
  writeConfiguration(folder, scraped);
  const isInstalled = spawnSync('prometheus', ['--version'], { stdio: 'ignore' }).status === 0;
  if (!isInstalled) return { folder, prometheusUrl: null, stop: () => Promise.resolve() };
  const address = `127.0.0.1:${await freePort()}`;
  const log = openSync(path.join(folder, 'prometheus.log'), 'a');
  const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
  const child = spawn('prometheus', [...flags, `--web.listen-address=${address}`], { stdio: ['ignore', log, log] });
  const prometheusUrl = `http://${address}`;
  await answers(child, `${prometheusUrl}/-/ready`, path.join(folder, 'prometheus.log'));
  return { folder, prometheusUrl, stop: () => end(child) };
}

/** What to do to see it. */
export function howToLook({ folder, prometheusUrl }: Watched): string {
  const url = prometheusUrl ?? 'http://127.0.0.1:9090';
  const start =
    prometheusUrl === null
      ? [`Prometheus is not installed here; where it is:  prometheus --config.file=${folder}/prometheus.yml`]
      : [`Prometheus: ${prometheusUrl}   (alerts: ${prometheusUrl}/alerts)`];
  return [
    ...start,
    'Grafana with all dashboards, at http://127.0.0.1:3000 in the folder Sluice:',
    `  docker run --rm --network host -e GF_AUTH_ANONYMOUS_ENABLED=true -e SLUICE_PROMETHEUS_URL=${url} \\`,
    `    -v ${folder}/provisioning:/etc/grafana/provisioning -v ${folder}/dashboards:/etc/grafana/dashboards/sluice grafana/grafana`,
    `A Grafana that runs already: add ${url} as a Prometheus data source and import ${folder}/dashboards/*.json`,
  ].join('\n');
}

function writeConfiguration(folder: string, { scheduler, agents }: Scraped): void {
  mkdirSync(folder, { recursive: true });
  cpSync(path.join(OURS, 'grafana'), path.join(folder, 'dashboards'), { recursive: true });
  cpSync(path.join(OURS, 'provisioning'), path.join(folder, 'provisioning'), { recursive: true });
  cpSync(path.join(OURS, 'prometheus/sluice.rules.yml'), path.join(folder, 'sluice.rules.yml'));
  const configuration = readFileSync(path.join(OURS, 'prometheus/prometheus.yml'), 'utf8')
    .replaceAll('localhost:9465', scheduler)
    .replaceAll(/(scrape|evaluation)_interval: 15s/g, '$1_interval: 2s');
  writeFileSync(path.join(folder, 'prometheus.yml'), configuration);
  writeFileSync(path.join(folder, 'sluice-agents.json'), JSON.stringify([{ targets: agents }]));
}

async function answers(child: ChildProcess, url: string, logFile: string): Promise<void> {
  const deadlineMs = performance.now() + START_LIMIT_MS;
  for (;;) {
    const isReady = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      throw new Error(`Prometheus does not answer:\n${readFileSync(logFile, 'utf8').slice(-1_000)}`);
    }
    await sleep(POLL_MS);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await gone;
  clearTimeout(kill);
}
