// A real Prometheus looks at a real cluster through a scripted life: work, a reclaim, an interruption, a lost node, a scheduler that
// is gone. Every panel of every dashboard then has an answer, and alerts fire for what happened and for nothing else.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { freePort } from '../../common/free-port.js';
import type { QueueBudget } from '../../proto/gen/sluice/v1/QueueBudget.js';
import { expandBraces } from '../dashboards/metric-names.js';
import { annotationsOf, dashboardFiles, queriesOf } from '../dashboards/queries.js';
import { needs } from '../real-part.js';
import { ObservingPrometheus as Prometheus } from './observing-prometheus.js';
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

  async function budget(name: string, amount: number, warnAt: number): Promise<void> {
    const of: QueueBudget = { amount, period: 'BUDGET_PERIOD_MONTH', warnAt: [warnAt] };
    await client.updateQueue({ queue: { name, budget: of }, updateMask: { paths: ['budget'] } });
  }

  async function live(): Promise<void> {
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4, limitGpus: 8 } });
    await client.createQueue({ queue: { name: 'product', guaranteeGpus: 4 } });
    await budget('research', 1_000_000, 0.8);
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
      const used = (await client.getQueue('research')).budgetUse?.used ?? 0;
      await budget('research', used * 10, 0.01);
      await prometheus.fires('SluiceQueueBudgetNearlySpent');
      await budget('research', used / 2, 0.01);
      await prometheus.fires('SluiceQueueBudgetSpent');
      await budget('research', 1_000_000, 0.8);
      await prometheus.sees('absent(ALERTS{alertname=~"SluiceQueueBudget.*",alertstate="firing"})');
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
