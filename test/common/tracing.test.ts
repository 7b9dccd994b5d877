// Traces beside a collector: ids, limits, what the standard variables ask for, and that nobody pays who did not ask.
import { spawnSync } from 'node:child_process';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../common/log.js';
import { SpanQueue } from '../../common/tracing/span-queue.js';
import { formatTraceParent, parseTraceParent, spanIdOf, traceIdOf } from '../../common/tracing/trace-context.js';
import { queueLimits, tracesWanted } from '../../common/tracing/tracer.js';
import { needs } from '../real-part.js';

const log = createLogger({ level: 'silent', name: 'test' });
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('a trace context', () => {
  // The example of the standard, and what it says of each field.
  test.each([
    [`00-${TRACE}-00f067aa0ba902b7-01`, true],
    [`00-${TRACE}-00f067aa0ba902b7-00`, false],
    [`cc-${TRACE}-00f067aa0ba902b7-03-what-comes-later`, true],
  ])('is read: %s', (text, isSampled) => {
    expect(parseTraceParent(text)).toEqual({ traceId: TRACE, spanId: '00f067aa0ba902b7', isSampled });
  });

  test.each([
    '',
    'traceparent',
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${TRACE}-00f067aa0ba902b7-01-more`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${TRACE}-00f067aa0ba902b7`,
  ])('is none: %j', (text) => expect(parseTraceParent(text)).toBeNull());

  test('is written as it is read', () => {
    const text = `00-${TRACE}-00f067aa0ba902b7-01`;
    const context = parseTraceParent(text);
    expect(context === null ? '' : formatTraceParent(context)).toBe(text);
  });

  test('has the id that a ULID is in hexadecimal, and spans that follow from what they are about', () => {
    expect(traceIdOf('00000000000000000000000000')).toBe('0'.repeat(32));
    expect(traceIdOf('7ZZZZZZZZZZZZZZZZZZZZZZZZZ')).toBe('f'.repeat(32));
    expect(traceIdOf('0000000000000000000000001A')).toBe('2a'.padStart(32, '0'));
    expect(traceIdOf('no ULID')).toMatch(/^[0-9a-f]{32}$/);
    expect(spanIdOf('a', 'task')).toMatch(/^[0-9a-f]{16}$/);
    expect(spanIdOf('a', 'task')).toBe(spanIdOf('a', 'task'));
    expect(spanIdOf('a', 'task')).not.toBe(spanIdOf('a', 'run'));
  });
});

describe('the standard variables', () => {
  test.each([
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'x', OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }, true],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, false],
  ])('%j: %j', (env, wanted) => expect(tracesWanted(env)).toBe(wanted));

  test('say what is not spoken here', () => {
    expect(tracesWanted({ OTEL_TRACES_EXPORTER: 'zipkin' })).toMatchObject({
      problem: expect.stringContaining('zipkin') as string,
    });
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4317', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
    expect(tracesWanted(env)).toMatchObject({ problem: expect.stringContaining('http/json') as string });
  });

  test('set the limits; what is none is as if it were not set', () => {
    expect(queueLimits({})).toEqual({ maxSpans: 2_048, maxBatch: 512, delayMs: 5_000 });
    const env = { OTEL_BSP_MAX_QUEUE_SIZE: '10', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '99', OTEL_BSP_SCHEDULE_DELAY: '-1' };
    expect(queueLimits(env)).toEqual({ maxSpans: 10, maxBatch: 10, delayMs: 5_000 });
  });

  test.runIf(needs('build'))('unset load none of the packages', () => {
    const loaded = (env: object): string[] => {
      const script =
        "import { createRequire } from 'node:module';" +
        "const { openTracer } = await import('./dist/common/tracing/tracer.js');" +
        `await openTracer('x', ${JSON.stringify(env)}, { warn() {} });` +
        "const files = Object.keys(createRequire('file:///x.js').cache).filter((f) => f.includes('@opentelemetry'));" +
        'console.log(JSON.stringify(files)); process.exit(0)';
      const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
      return JSON.parse(stdout) as string[];
    };
    expect(loaded({})).toEqual([]);
    expect(loaded({ OTEL_TRACES_EXPORTER: 'otlp' }).length).toBeGreaterThan(10);
  });
});

describe('the queue of spans', () => {
  const span = {} as ReadableSpan;
  type Done = Parameters<SpanExporter['export']>[1];

  /** A collector that answers when it is told to. */
  function held() {
    const sent: { readonly count: number; readonly done: Done }[] = [];
    const exporter: SpanExporter = {
      export: (spans, done) => void sent.push({ count: spans.length, done }),
      shutdown: () => Promise.resolve(),
    };
    return { sent, exporter };
  }

  test('holds so many while a request is under way; what comes then is dropped and counted, and nobody waits', async () => {
    const { sent, exporter } = held();
    const queue = new SpanQueue(exporter, { maxSpans: 5, maxBatch: 2, delayMs: 1_000_000 }, log);
    for (let count = 0; count < 10; count += 1) queue.onEnd(span);
    // Two are on their way, five wait.
    expect(sent.map(({ count }) => count)).toEqual([2]);
    expect(queue.counts).toEqual({ exported: 0, failed: 0, dropped: 3 });
    const flushed = queue.forceFlush();
    while (queue.counts.exported < 7) {
      sent.at(-1)?.done({ code: 0 });
      await Promise.resolve();
    }
    await flushed;
    expect(sent.map(({ count }) => count)).toEqual([2, 2, 2, 1]);
    expect(queue.counts).toEqual({ exported: 7, failed: 0, dropped: 3 });
  });

  test('counts what was not taken, also where the exporter itself throws', async () => {
    const answers: (() => { code: number; error?: Error })[] = [
      () => ({ code: 1, error: new Error('refused') }),
      () => {
        throw new Error('no such thing');
      },
      () => ({ code: 0 }),
    ];
    const exporter: SpanExporter = {
      export: (_, done) => done(answers.shift()?.() ?? { code: 0 }),
      shutdown: () => Promise.resolve(),
    };
    const queue = new SpanQueue(exporter, { maxSpans: 5, maxBatch: 1, delayMs: 1_000_000 }, log);
    for (let count = 0; count < 3; count += 1) {
      queue.onEnd(span);
      await queue.forceFlush();
    }
    expect(queue.counts).toEqual({ exported: 1, failed: 2, dropped: 0 });
  });
});
