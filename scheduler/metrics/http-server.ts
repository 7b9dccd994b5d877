// The daemon's plain HTTP side: /metrics for Prometheus, /metrics/workloads for those who want
// series of each workload, /healthz (the process lives), /readyz (it can be used, or what
// it waits for).
import type { Registry } from 'prom-client';
import { type Page, type PageServer, servePages } from '../../common/http-pages.js';
import { waitingText, type Waiting } from '../fleet/readiness.js';

export interface HttpSources {
  /** Null = there are none yet. */
  readonly registry: () => Registry | null;
  readonly workloads: () => Registry | null;
  /** What the daemon waits for, in the order in which it comes about. */
  readonly waitingFor: () => readonly Waiting[];
}

/** Serves the pages; resolves once it listens. */
export function serveHttp(
  address: { readonly host: string; readonly port: number },
  { registry, workloads, waitingFor }: HttpSources,
): Promise<PageServer> {
  return servePages(address, {
    '/metrics': () => metricsOf(registry()),
    '/metrics/workloads': () => metricsOf(workloads()),
    '/healthz': () => ({ code: 200, body: 'ok\n' }),
    '/readyz': () => readiness(waitingFor()),
  });
}

function readiness(waiting: readonly Waiting[]): Page {
  const isReady = !waiting.some(({ blocksReadiness }) => blocksReadiness);
  const lines = waiting.map((one) => `waiting for ${waitingText(one)}\n`);
  return { code: isReady ? 200 : 503, body: [...(isReady ? ['ready\n'] : []), ...lines].join('') };
}

async function metricsOf(registry: Registry | null): Promise<Page> {
  if (registry === null) return { code: 503, body: 'there are no metrics before the store was read\n' };
  return { code: 200, body: await registry.metrics(), type: registry.contentType };
}
