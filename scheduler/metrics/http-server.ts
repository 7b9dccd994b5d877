// The daemon's plain HTTP side: /metrics for Prometheus, /healthz (the process lives), /readyz (it can be used, or what
// it waits for).
import type { Registry } from 'prom-client';
import { type Page, type PageServer, servePages } from '../../common/http-pages.js';
import { waitingText, type Waiting } from '../fleet/readiness.js';

export interface HttpSources {
  /** Null = there are none yet. */
  readonly registry: () => Registry | null;
  /** What the daemon waits for, in the order in which it comes about. */
  readonly waitingFor: () => readonly Waiting[];
}

/** Serves the three pages; resolves once it listens. */
export function serveHttp(
  address: { readonly host: string; readonly port: number },
  { registry, waitingFor }: HttpSources,
): Promise<PageServer> {
  return servePages(address, {
    '/metrics': async () => {
      const all = registry();
      if (all === null) return { code: 503, body: 'there are no metrics before the store was read\n' };
      return { code: 200, body: await all.metrics(), type: all.contentType };
    },
    '/healthz': () => ({ code: 200, body: 'ok\n' }),
    '/readyz': () => readiness(waitingFor()),
  });
}

function readiness(waiting: readonly Waiting[]): Page {
  const isReady = !waiting.some(({ blocksReadiness }) => blocksReadiness);
  const lines = waiting.map((one) => `waiting for ${waitingText(one)}\n`);
  return { code: isReady ? 200 : 503, body: [...(isReady ? ['ready\n'] : []), ...lines].join('') };
}
