// All metrics of a serving process. Served by the REST port under /metrics.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RefusalKind } from './served-model.js';

/** How a request came in. */
export type Protocol = 'rest' | 'grpc';

/** How a request ended. */
export type Outcome = 'ok' | RefusalKind;

/** What the metrics say about the model and its queue. */
export interface ServingFacts {
  readonly model: string;
  readonly version: string;
  readonly provider: string;
  /** Requests that may wait. */
  readonly queueLimit: number;
  /** Requests that wait or run now. */
  readonly pending: () => number;
}

/** The metrics of one process. */
export interface ServingMetrics {
  /** Counts an inference request that ended. */
  finished(protocol: Protocol, outcome: Outcome, seconds: number): void;
  /** The text that Prometheus reads, and its content type. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** From 0.1 ms, a small network on a CPU, to 10 s. */
const DURATION_BUCKETS_S = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Makes the metrics. */
export function createServingMetrics(facts: ServingFacts): ServingMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'sluice_model_requests_total',
    help: 'Inference requests that ended, by protocol and outcome.',
    labelNames: ['protocol', 'outcome'] as const,
    registers,
  });
  const duration = new Histogram({
    name: 'sluice_model_request_duration_seconds',
    help: 'Time from a whole request to its answer.',
    labelNames: ['protocol'] as const,
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  new Gauge({
    name: 'sluice_model_pending_requests',
    help: 'Inference requests that wait or run.',
    registers,
    collect() {
      this.set(facts.pending());
    },
  });
  new Gauge({
    name: 'sluice_model_queue_limit_requests',
    help: 'Inference requests that may wait; more are refused.',
    registers,
  }).set(facts.queueLimit);
  new Gauge({
    name: 'sluice_model_info',
    help: 'Always 1; says what is served and what computes.',
    labelNames: ['model', 'version', 'provider'] as const,
    registers,
  }).set({ model: facts.model, version: facts.version, provider: facts.provider }, 1);

  return {
    finished: (protocol, outcome, seconds) => {
      requests.inc({ protocol, outcome });
      if (outcome === 'ok') duration.observe({ protocol }, seconds);
    },
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
