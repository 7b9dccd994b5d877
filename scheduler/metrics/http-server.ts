// The daemon's plain HTTP side: /metrics for Prometheus, /metrics/workloads for those who want
// series of each workload, /healthz (the process lives), /readyz (it can be used, or what
// it waits for; that it stands by).
import type { Registry } from 'prom-client';
import { type Page, type PageServer, servePages } from '../../common/http-pages.js';
import { waitingText, type Waiting } from '../fleet/readiness.js';

export interface HttpSources {
  /** Null = there are none yet. */
  readonly registry: () => Registry | null;
  readonly workloads: () => Registry | null;
  /** What the daemon waits for, in the order in which it comes about. */
  readonly waitingFor: () => readonly Waiting[];
  /** Who leads, in words, while this daemon stands by; null = it does not stand by. */
  readonly standby: () => string | null;
}

/** Serves the pages; resolves once it listens. */
export function serveHttp(
  address: { readonly host: string; readonly port: number },
  { registry, workloads, waitingFor, standby }: HttpSources,
): Promise<PageServer> {
  return servePages(address, {
    '/metrics': () => metricsOf(registry()),
    '/metrics/workloads': () => metricsOf(workloads()),
    '/healthz': () => ({ code: 200, body: 'ok\n' }),
    '/readyz': () => standing(standby()) ?? readiness(waitingFor()),
  });
}

/** Not ready, so that whoever chooses by this page reaches the one that leads; all is well nevertheless. */
function standing(who: string | null): Page | null {
  return who === null ? null : { code: 503, body: `standby; ${who}\n` };
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
