// The daemon's plain HTTP side: /metrics for Prometheus, /metrics/workloads for those who want
// series of each workload, /healthz (the process lives), /readyz (it can be used, or what
// it waits for; that it stands by).
import type { IncomingHttpHeaders } from 'node:http';
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
    '/metrics': (headers) => metricsOf(registry(), headers),
    '/metrics/workloads': (headers) => metricsOf(workloads(), headers),
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

async function metricsOf(registry: Registry | null, headers: IncomingHttpHeaders): Promise<Page> {
  if (registry === null) return { code: 503, body: 'there are no metrics before the store was read\n' };
  return { code: 200, body: await textOf(registry, limitFor(headers)), type: registry.contentType };
}

/**
 * What looks at the state waits for the commit in flight. On a disk that hangs that is for ever, and then the rest has to be told
 * all the more: that a daemon leads, how many commands wait, when a turn last ended.
 */
const METRIC_LIMIT_MS = 3_000;

/** Prometheus says how long it waits; half of that is enough for what is not stuck. */
function limitFor(headers: IncomingHttpHeaders): number {
  const seconds = Number(headers['x-prometheus-scrape-timeout-seconds']);
  return seconds > 0 ? Math.min(METRIC_LIMIT_MS, seconds * 500) : METRIC_LIMIT_MS;
}

/** All metrics; those that do not answer in time are left out. */
export async function textOf(registry: Registry, limitMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(''), limitMs);
  });
  const names = registry.getMetricsAsArray().map(({ name }) => name);
  const texts = names.map((name) => Promise.race([registry.getSingleMetricAsString(name), isLate]));
  try {
    const found = await Promise.all(texts);
    return `${found.filter((text) => text !== '').join('\n\n')}\n`;
  } finally {
    clearTimeout(timer);
  }
}
