// A real Prometheus that looks at a cluster of a test, with the repository's own configuration and rules.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import { freePort } from '../../common/free-port.js';
import { type RealCluster, until } from './real-cluster.js';

interface Answer {
  readonly error: string;
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [number, string];
  }[];
}

/** A Prometheus of the test's own, with the rules of the repository at the pace of a test. */
export class ObservingPrometheus {
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** @param patience what else of the rules is shorter in a test: texts of their file, and what takes their place */
  static async start(
    cluster: Pick<RealCluster, 'at'>,
    schedulers: string | readonly string[],
    agents: readonly string[],
    patience: Readonly<Record<string, string>> = {},
  ): Promise<ObservingPrometheus> {
    const folder = cluster.at('prometheus');
    mkdirSync(folder);
    // The same rules; only their patience is that of a test.
    const rules = readFileSync('dashboards/prometheus/sluice.rules.yml', 'utf8').replaceAll(
      /for: \d+[mh]$/gm,
      'for: 1s',
    );
    const quick = Object.entries(patience).reduce((text, [usual, short]) => {
      if (!text.includes(usual)) throw new Error(`no rule says ${usual}`);
      return text.replace(usual, short);
    }, rules);
    writeFileSync(`${folder}/sluice.rules.yml`, quick);
    const config = parse(readFileSync('dashboards/prometheus/prometheus.yml', 'utf8')) as {
      global: object;
      scrape_configs: { static_configs?: object[]; file_sd_configs?: object[] }[];
    };
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    for (const job of config.scrape_configs) {
      const targets = job.static_configs === undefined ? agents : [schedulers].flat();
      delete job.file_sd_configs;
      job.static_configs = [{ targets }];
    }
    writeFileSync(`${folder}/prometheus.yml`, stringify(config));
    const port = await freePort();
    const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
    const child = spawn('prometheus', [...flags, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'], {
      stdio: 'ignore',
    });
    const prometheus = new ObservingPrometheus(child, `http://127.0.0.1:${port}`);
    await prometheus.sees('up{job="sluice-scheduler"} == 1');
    return prometheus;
  }

  async ask(expr: string): Promise<Answer> {
    const response = await fetch(`${this.#url}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expr }),
    });
    const body = (await response.json()) as { error?: string; data?: { result: Answer['result'] } };
    return { error: body.error ?? '', result: body.data?.result ?? [] };
  }

  async sees(expr: string): Promise<void> {
    await until(`Prometheus sees ${expr}`, async () => {
      const { error, result } = await this.ask(expr).catch(() => ({ error: 'not up yet', result: [] }));
      return error === '' && result.length > 0 ? true : null;
    });
  }

  async firing(): Promise<readonly string[]> {
    const { result } = await this.ask('ALERTS{alertstate="firing"}');
    return result.map(({ metric }) => metric['alertname'] ?? '');
  }

  fires(alert: string): Promise<void> {
    return this.sees(`ALERTS{alertname="${alert}",alertstate="firing"}`);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await gone;
  }
}
