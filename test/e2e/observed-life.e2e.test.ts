// A real Prometheus looks at a real cluster through a scripted life: work, a reclaim, an interruption, a lost node, a scheduler that
// is gone. Every panel of every dashboard then has an answer, and alerts fire for what happened and for nothing else.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { SluiceClient } from '../../cli/client.js';
import { freePort } from '../../common/free-port.js';
import { expandBraces } from '../dashboards/metric-names.js';
import { annotationsOf, dashboardFiles, queriesOf } from '../dashboards/queries.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

const LIMIT_MS = 120_000;
/** A task that reports a checkpoint and goes on until it is told to stop. */
const WORK =
  'mkdir -p "$SLUICE_CHECKPOINT_DIR/step-1"; echo \'{"step": 1}\' > "$SLUICE_CHECKPOINT_DIR/step-1/COMPLETE"; ' +
  'trap "exit 0" TERM; while :; do sleep 0.05; done';

describe.runIf(needs('build') && needs('prometheus'))('a life that Prometheus sees', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;
  let prometheus: Prometheus;

  beforeAll(async () => {
    await cluster.startScheduler();
    const agents = [await freePort(), await freePort()];
    prometheus = await Prometheus.start(
      cluster,
      cluster.http,
      agents.map((port) => `127.0.0.1:${port}`),
    );
    client = cluster.client();
    for (const [at, name] of ['n1', 'n2'].entries()) {
      await cluster.startAgent(name, ['--simulate', '4xh100', '--http', `127.0.0.1:${agents[at]}`]);
    }
    await live();
  }, LIMIT_MS);
  afterAll(async () => {
    await prometheus.stop();
    await cluster.stop();
  });

  async function live(): Promise<void> {
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4, limitGpus: 8 } });
    await client.createQueue({ queue: { name: 'product', guaranteeGpus: 4 } });
    await prometheus.sees('sluice_queue_info');
    const program = { command: { argv: ['/bin/sh', '-c', WORK] } };
    const quick = { command: { argv: ['/bin/true'] } };
    const one = { resources: { gpus: 1 }, preemptible: true };
    await client.submitWorkloads({
      specs: Array.from({ length: 8 }, (_, at) => ({ name: `work-${at}`, queue: 'research', ...one, ...program })),
    });
    await prometheus.sees('sum(sluice_workloads{state="running"}) == 8');
    // Measurements come every ten seconds.
    await prometheus.sees('count(sluice_workload_gpu_utilization_ratio) == 8');
    await prometheus.sees('sum(sluice_workload_start_latency_seconds_count) == 8');
    await until('a checkpoint is known', async () => {
      const workloads = await client.allWorkloads({});
      return workloads.every(({ checkpoint }) => checkpoint !== null) ? true : null;
    });
    await client.submitWorkloads({ specs: [{ name: 'waits', queue: 'research', ...one, ...program }] });
    // A counter that has just come to be has not grown yet: everything happens twice.
    for (const [at, name] of ['release-1', 'release-2'].entries()) {
      await client.submitWorkloads({ specs: [{ name, queue: 'product', ...one, ...quick }] });
      await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
      await prometheus.sees(
        `sum(sluice_preemptions_total) == ${at + 1} and sum(sluice_workloads{state="running"}) == 8`,
      );
    }
    await prometheus.sees(
      'sum(increase(sluice_preemptions_total[1h])) > 0 and sum(increase(sluice_checkpoint_age_seconds_count[1h])) > 0',
    );
    await prometheus.sees('sum(increase(sluice_workload_run_seconds_count[1h])) > 0');
  }

  test('every panel has an answer', async () => {
    const problems: string[] = [];
    let asked = 0;
    for (const file of dashboardFiles()) {
      for (const { where, expr } of queriesOf(file)) {
        asked += 1;
        const { error, result } = await prometheus.ask(expr);
        if (error !== '') problems.push(`${where}: ${error}`);
        else if (result.length === 0) problems.push(`${where}: no data for ${expr}`);
      }
      for (const { where, expr } of annotationsOf(file)) {
        const { error } = await prometheus.ask(expr);
        if (error !== '') problems.push(`${where}: ${error}`);
      }
    }
    expect(problems).toEqual([]);
    expect(asked).toBeGreaterThan(80);
  });

  test('a panel that asks for nothing that exists is found', async () => {
    expect((await prometheus.ask('sluice_no_such_metric')).result).toEqual([]);
    expect((await prometheus.ask('sum(')).error).toContain('parse error');
  });

  test('every metric is shown somewhere, or listed for experts', async () => {
    const { result } = await prometheus.ask('count by (__name__) ({__name__=~"sluice_.+"})');
    const scraped = result.map(({ metric }) => (metric['__name__'] ?? '').replace(/_(bucket|count|sum)$/, ''));
    const shown = dashboardFiles().flatMap((file) => queriesOf(file).map(({ expr }) => expr));
    const rules = readFileSync('dashboards/prometheus/sluice.rules.yml', 'utf8');
    const experts = readFileSync('docs/observability.md', 'utf8').split('## For experts')[1] ?? '';
    const all = [...shown, rules, ...experts.split('`').flatMap(expandBraces)].join('\n');
    const lost = [...new Set(scraped)].filter((name) => !new RegExp(`\\b${name}(_bucket|_count|_sum)?\\b`).test(all));
    expect(lost).toEqual([]);
    expect(scraped.length).toBeGreaterThan(60);
  });

  test(
    'alerts are silent until their cause is there, and then fire',
    async () => {
      expect(await prometheus.firing()).toEqual([]);
      await cluster.endAgent('n2', 'SIGKILL');
      await prometheus.fires('SluiceNodeDown');
      await client.updateQueue({
        queue: { name: 'product', guaranteeGpus: 8 },
        updateMask: { paths: ['guarantee_gpus'] },
      });
      await client.submitWorkloads({
        specs: Array.from({ length: 8 }, (_, at) => ({
          name: `wanted-${at}`,
          queue: 'product',
          resources: { gpus: 1 },
          command: { argv: ['/bin/sh', '-c', WORK] },
        })),
      });
      await prometheus.fires('SluiceQuotaUnmet');
      await cluster.endScheduler('SIGKILL');
      await prometheus.fires('SluiceSchedulerDown');
      await cluster.startScheduler();
      await prometheus.sees('absent(ALERTS{alertname="SluiceSchedulerDown",alertstate="firing"})');
    },
    LIMIT_MS,
  );
});

interface Answer {
  readonly error: string;
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    readonly value: readonly [number, string];
  }[];
}

/** A Prometheus of the test's own, with the rules of the repository at the pace of a test. */
class Prometheus {
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  static async start(cluster: RealCluster, scheduler: string, agents: readonly string[]): Promise<Prometheus> {
    const folder = cluster.at('prometheus');
    mkdirSync(folder);
    // The same rules; only their patience is that of a test.
    const rules = readFileSync('dashboards/prometheus/sluice.rules.yml', 'utf8').replaceAll(
      /for: \d+[mh]$/gm,
      'for: 1s',
    );
    writeFileSync(`${folder}/sluice.rules.yml`, rules);
    const config = parse(readFileSync('dashboards/prometheus/prometheus.yml', 'utf8')) as {
      global: object;
      scrape_configs: { static_configs?: object[]; file_sd_configs?: object[] }[];
    };
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' };
    for (const job of config.scrape_configs) {
      const targets = job.static_configs === undefined ? agents : [scheduler];
      delete job.file_sd_configs;
      job.static_configs = [{ targets }];
    }
    writeFileSync(`${folder}/prometheus.yml`, stringify(config));
    const port = await freePort();
    const flags = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
    const child = spawn('prometheus', [...flags, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'], {
      stdio: 'ignore',
    });
    const prometheus = new Prometheus(child, `http://127.0.0.1:${port}`);
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
