// A workload's trace as a collector gets it from real daemons: one tree from submit to end, over scheduler and agent, over a scheduler
// that was killed on the way; and a collector that is gone, which nobody notices.
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect, type SluiceClient } from '../../cli/client.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';
import { type ReceivedSpan, SpanReceiver } from './span-receiver.js';

const LIMIT_MS = 120_000;
const CLIENT = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' };

describe.runIf(needs('build'))('traces', () => {
  let receiver: SpanReceiver;
  let cluster: RealCluster;
  let client: SluiceClient;
  const begin = async (environment: Readonly<Record<string, string>>): Promise<void> => {
    cluster = new RealCluster({ environment: { OTEL_BSP_SCHEDULE_DELAY: '50', ...environment } });
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  };
  beforeEach(async () => {
    receiver = await SpanReceiver.start();
  });
  afterEach(async () => {
    await cluster.stop();
    await receiver.stop();
  });

  const submit = async (name: string, script: string, by = client): Promise<void> => {
    await by.submitWorkloads({
      specs: [
        {
          name,
          queue: 'research',
          resources: { gpus: 1 },
          preemptible: true,
          command: { argv: ['/bin/sh', '-c', script] },
        },
      ],
    });
  };
  const received = (wanted: (spans: readonly ReceivedSpan[]) => boolean): Promise<true> =>
    until(
      'the spans',
      () => (wanted(receiver.spans) ? true : null),
      () => JSON.stringify(receiver.spans.map(({ name, attributes }) => [name, attributes['sluice.workload']])),
    );

  test(
    'follow a workload from submit to its end, over scheduler, agent and a scheduler that was killed',
    async () => {
      await begin({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
      const file = cluster.at('parent');
      await submit('traced', `echo "$TRACEPARENT" > ${file}; while [ ! -e ${cluster.at('go')} ]; do sleep 0.05; done`);
      const { number, uid } = await cluster.untilWorkload(
        client,
        'traced',
        ({ state }) => state === 'WORKLOAD_STATE_RUNNING',
      );
      await received((spans) => spans.some(({ name }) => name === 'dispatch'));
      await cluster.endScheduler('SIGKILL');
      await cluster.startScheduler();
      await submit('opens', `touch ${cluster.at('go')}`);
      await cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
      const mine = () => receiver.spans.filter(({ attributes }) => attributes['sluice.workload'] === number);
      await received(() => ['workload', 'clean'].every((one) => mine().some(({ name }) => name === one)));

      const spans = mine();
      const idOf = (name: string) => spans.find((span) => span.name === name)?.spanId ?? name;
      const tree = Object.fromEntries(
        spans.map(({ name, service, parentSpanId }) => [
          name,
          `${service} below ${spans.find(({ spanId }) => spanId === parentSpanId)?.name ?? 'nothing'}`,
        ]),
      );
      expect(tree).toEqual({
        workload: 'sluice-server below nothing',
        submit: 'sluice-server below workload',
        queue: 'sluice-server below workload',
        decide: 'sluice-server below queue',
        commit: 'sluice-server below queue',
        attempt: 'sluice-server below workload',
        task: 'sluice-server below attempt',
        dispatch: 'sluice-server below task',
        start: 'sluice-agent below task',
        run: 'sluice-agent below task',
        clean: 'sluice-agent below task',
      });
      expect(spans).toHaveLength(Object.keys(tree).length);
      // The trace's id is the workload's ULID in hexadecimal, and the task knows its own span.
      expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
      expect(readFileSync(file, 'utf8').trim()).toBe(`00-${spans[0]?.traceId}-${idOf('task')}-01`);
      expect(uid).toHaveLength(26);
      const of = (name: string): ReceivedSpan => {
        const found = spans.find((span) => span.name === name);
        if (found === undefined) throw new Error(`no span ${name}`);
        return found;
      };
      for (const { startMs, endMs } of spans) expect(endMs).toBeGreaterThanOrEqual(startMs);
      const workload = of('workload');
      expect(of('submit').startMs).toBe(workload.startMs);
      expect(of('queue').endMs).toBe(of('task').startMs);
      expect(of('run').startMs).toBe(of('start').endMs);
      expect(of('clean').startMs).toBe(of('run').endMs);
      // It ran over the death of the scheduler.
      expect(of('run').endMs).toBeGreaterThan(of('dispatch').endMs);
      expect(workload.endMs).toBeGreaterThanOrEqual(of('run').startMs);
      expect(workload.attributes).toMatchObject({
        'sluice.state': 'succeeded',
        'sluice.attempts': 1,
        'sluice.queue': 'research',
      });
    },
    LIMIT_MS,
  );

  test(
    "go on with the client's trace, and show failures and what came back",
    async () => {
      await begin({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_RESOURCE_ATTRIBUTES: 'service.name=gpus' });
      const traced = connect({ server: cluster.grpc, traceParent: `00-${CLIENT.trace}-${CLIENT.span}-01` });
      await submit('fails', 'exit 3', traced);
      traced.close();
      await cluster.untilWorkload(client, 'fails', ({ state }) => state === 'WORKLOAD_STATE_FAILED');
      const isEnd = ({ name }: ReceivedSpan) => name === 'workload';
      await received((spans) => spans.some(isEnd) && spans.some(({ name }) => name === 'run'));
      const first = receiver.spans.find(isEnd);
      expect(first).toMatchObject({ traceId: CLIENT.trace, parentSpanId: CLIENT.span, service: 'gpus' });
      expect(first?.error).toContain('3');
      expect(receiver.spans.find(({ name }) => name === 'task')?.attributes).toMatchObject({ 'process.exit.code': 3 });
      expect(receiver.spans.every(({ traceId }) => traceId === CLIENT.trace)).toBe(true);

      await submit('again', 'trap "exit 0" TERM; while :; do sleep 0.05; done');
      const { number } = await cluster.untilWorkload(
        client,
        'again',
        ({ state }) => state === 'WORKLOAD_STATE_RUNNING',
      );
      await client.requeueWorkloads({ workloads: [String(number)], reason: 'a test' });
      await cluster.untilWorkload(
        client,
        number,
        ({ attempt, state }) => attempt === 2 && state === 'WORKLOAD_STATE_RUNNING',
      );
      await client.cancelWorkloads({ workloads: [String(number)] });
      const names = () =>
        receiver.spans
          .filter(({ attributes }) => attributes['sluice.workload'] === number)
          .map(({ name, attributes }) => `${name} ${attributes['sluice.attempt'] ?? ''}`);
      await received(() => names().includes('attempt 2') && names().includes('workload '));
      expect(names()).toEqual(expect.arrayContaining(['queue 1', 'attempt 1', 'stop 1', 'queue 2', 'attempt 2']));
    },
    LIMIT_MS,
  );

  test(
    'are sampled as the standard variables say, and a task is told',
    async () => {
      await begin({
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_TRACES_SAMPLER: 'always_off',
      });
      const file = cluster.at('parent');
      await submit('unsampled', `echo "$TRACEPARENT" > ${file}`);
      await cluster.untilWorkload(client, 'unsampled', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
      expect(readFileSync(file, 'utf8')).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00\n$/);
      await cluster.endAgent('n1', 'SIGTERM');
      await cluster.endScheduler('SIGTERM');
      expect(receiver.spans).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'that no collector takes are counted, and nobody waits for them',
    async () => {
      receiver.code = 400;
      await begin({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_MAX_QUEUE_SIZE: '4' });
      for (const name of ['one', 'two']) {
        await submit(name, 'true');
        await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
      }
      const lost = await until('lost spans are counted', async () => {
        const text = await (await fetch(`http://${cluster.http}/metrics`)).text();
        return /^sluice_trace_spans_total\{outcome="failed"\} [1-9]/m.test(text) ? text : null;
      });
      expect(lost).toMatch(/^sluice_trace_spans_total\{outcome="exported"\} 0$/m);
      expect(readFileSync(cluster.at('scheduler.log'), 'utf8').match(/traces cannot be sent/g)).toHaveLength(1);
    },
    LIMIT_MS,
  );

  test(
    'cost nothing when nobody asked for them: the packages are not loaded, a client may hand its own through',
    async () => {
      await begin({});
      const file = cluster.at('parent');
      await submit('plain', `echo "[$TRACEPARENT]" > ${file}`);
      await cluster.untilWorkload(client, 'plain', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
      expect(readFileSync(file, 'utf8')).toBe('[]\n');
      const traced = connect({ server: cluster.grpc, traceParent: `00-${CLIENT.trace}-${CLIENT.span}-01` });
      await submit('handed', `echo "$TRACEPARENT" > ${file}`, traced);
      traced.close();
      await cluster.untilWorkload(client, 'handed', ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
      expect(readFileSync(file, 'utf8')).toBe(`00-${CLIENT.trace}-${CLIENT.span}-01\n`);
      expect(await (await fetch(`http://${cluster.http}/metrics`)).text()).not.toContain('sluice_trace_spans');
      expect(receiver.posts).toBe(0);
    },
    LIMIT_MS,
  );
});
