// Traces by OpenTelemetry, as the standard variables OTEL_* say: off unless one of them names a collector. The packages (34 MB)
// are loaded only when they do, so that nobody else pays for them. What is wrong with the variables is told and never stops a daemon.
import type { Attributes, Context, SpanContext } from '@opentelemetry/api';
import { PACKAGE_VERSION } from '../package-root.js';
import type { Logger } from '../log.js';
import { SpanQueue, type SpanCounts, type SpanQueueLimits } from './span-queue.js';
import type { TraceContext } from './trace-context.js';

/** A span that is over. Times are ms since 1970. */
export interface FinishedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** The span above it; null = it is the first of its trace, for which the sampler decides. */
  readonly parent: TraceContext | null;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  /** In words, what went wrong; absent = nothing did. */
  readonly error?: string;
}

/** Where finished spans go. */
export interface Tracer {
  readonly counts: SpanCounts;
  record(span: FinishedSpan): void;
  /** Whether the sampler takes a trace that begins with a span of this name, below a client's span if there is one. */
  samples(traceId: string, name: string, parent: TraceContext | null): boolean;
  /** Sends what is left, for a moment. */
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
/** Without one named the exporter takes the collector on this machine. */
const EXPORTER = 'OTEL_TRACES_EXPORTER';
const PROTOCOLS = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'];
/** The usual limits of the standard, and the most that they may be raised to. */
const USUAL_SPANS = 2_048;
const USUAL_BATCH = 512;
const USUAL_DELAY_MS = 5_000;
const MOST_SPANS = 100_000;
const MOST_DELAY_MS = 3_600_000;

/** Whether the variables ask for traces, or why they are not sent although they do. */
export function tracesWanted(env: Environment): boolean | { readonly problem: string } {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  const exporter = env[EXPORTER] ?? '';
  if (exporter === 'none') return false;
  if (exporter !== '' && exporter !== 'otlp')
    return { problem: `${EXPORTER}=${exporter} is not spoken here; set otlp` };
  if (exporter === '' && ENDPOINTS.every((name) => (env[name] ?? '') === '')) return false;
  const protocol = PROTOCOLS.map((name) => env[name] ?? '').find((value) => value !== '') ?? '';
  if (protocol === 'grpc') {
    return { problem: 'OTLP over gRPC is not spoken here; set OTEL_EXPORTER_OTLP_PROTOCOL=http/json (port 4318)' };
  }
  return true;
}

/** The limits that the variables set; what is no number within reason is as if it were not set. */
export function queueLimits(env: Environment): SpanQueueLimits {
  const number = (name: string, usual: number, most: number): number => {
    const value = Number(env[name] ?? '');
    return Number.isInteger(value) && value > 0 && value <= most ? value : usual;
  };
  const maxSpans = number('OTEL_BSP_MAX_QUEUE_SIZE', USUAL_SPANS, MOST_SPANS);
  const maxBatch = Math.min(maxSpans, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', USUAL_BATCH, MOST_SPANS));
  return { maxSpans, maxBatch, delayMs: number('OTEL_BSP_SCHEDULE_DELAY', USUAL_DELAY_MS, MOST_DELAY_MS) };
}

/** Begins to trace, if the variables ask for it; null = they do not. Never fails. */
export async function openTracer(service: string, env: Environment, log: Logger): Promise<Tracer | null> {
  const wanted = tracesWanted(env);
  if (wanted === false) return null;
  if (wanted !== true) {
    log.warn(wanted, 'no traces are sent');
    return null;
  }
  try {
    return await open(service, env, log);
  } catch (error) {
    log.warn({ problem: error instanceof Error ? error.message : String(error) }, 'no traces are sent');
    return null;
  }
}

async function open(service: string, env: Environment, log: Logger): Promise<Tracer> {
  const [api, sdk, otlp, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const tell = (message: string): void => log.warn({ problem: message }, 'traces');
  const quiet = (): void => undefined;
  api.diag.setLogger({ error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet }, api.DiagLogLevel.WARN);
  const given = resources.detectResources({ detectors: [resources.envDetector] });
  const usual = resources.resourceFromAttributes({ 'service.name': service, 'service.version': PACKAGE_VERSION });
  const queue = new SpanQueue(new otlp.OTLPTraceExporter(), queueLimits(env), log);
  // The next span's ids: the SDK asks for them while it makes the span, which nothing can come between.
  let next = { traceId: '', spanId: '' };
  const provider = new sdk.NodeTracerProvider({
    resource: usual.merge(given),
    spanProcessors: [queue],
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
  });
  const tracer = provider.getTracer('sluice', PACKAGE_VERSION);
  const below = (parent: TraceContext | null): Context =>
    parent === null
      ? api.ROOT_CONTEXT
      : api.trace.setSpanContext(api.ROOT_CONTEXT, spanContextOf(parent, api.TraceFlags));
  return {
    counts: queue.counts,
    record: ({ name, traceId, spanId, parent, startMs, endMs, attributes, error }) => {
      next = { traceId, spanId };
      const span = tracer.startSpan(name, { startTime: startMs, attributes }, below(parent));
      if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: error });
      span.end(Math.max(startMs, endMs));
    },
    samples: (traceId, name, parent) => {
      next = { traceId, spanId: traceId.slice(0, 16) };
      const { traceFlags } = tracer.startSpan(name, {}, below(parent)).spanContext();
      return (traceFlags & api.TraceFlags.SAMPLED) !== 0;
    },
    close: () => queue.shutdown(),
  };
}

function spanContextOf(
  { traceId, spanId, isSampled }: TraceContext,
  flags: { readonly NONE: number; readonly SAMPLED: number },
): SpanContext {
  return { traceId, spanId, traceFlags: isSampled ? flags.SAMPLED : flags.NONE, isRemote: true };
}
