// The daemon's plain HTTP side: /metrics for Prometheus, /healthz (the process lives), /readyz (it can be used, or what
// it waits for).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { waitingText, type Waiting } from '../fleet/readiness.js';

export interface HttpSources {
  /** Null = there are none yet. */
  readonly registry: () => Registry | null;
  /** What the daemon waits for, in the order in which it comes about. */
  readonly waitingFor: () => readonly Waiting[];
}

/** Serves the three pages; resolves once it listens. */
export async function serveHttp(
  { host, port }: { readonly host: string; readonly port: number },
  sources: HttpSources,
): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer((request, response) => {
    void answer(request, response, sources);
  });
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  server.maxConnections = 256;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(`${host}:${port}`, '--http', error)));
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  const shown = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return { server, address: `${shown}:${bound.port}` };
}

/** Why nothing can listen there, and with which flag to choose another place. */
export function cannotListen(address: string, flag: string, cause: Error): Error {
  const why = cause.message.includes('EADDRINUSE') ? 'another program listens there' : cause.message;
  return new Error(`cannot listen on ${address}: ${why}\nStop it, or choose another address with ${flag}.`, { cause });
}

async function answer(request: IncomingMessage, response: ServerResponse, sources: HttpSources): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, `${request.method} is not answered here; use GET\n`);
  } else if (path === '/metrics') {
    const registry = sources.registry();
    if (registry === null) send(response, 503, 'there are no metrics before the store was read\n');
    else send(response, 200, await registry.metrics(), registry.contentType);
  } else if (path === '/healthz') {
    send(response, 200, 'ok\n');
  } else if (path === '/readyz') {
    const waiting = sources.waitingFor();
    const isReady = !waiting.some(({ blocksReadiness }) => blocksReadiness);
    const lines = waiting.map((one) => `waiting for ${waitingText(one)}\n`);
    send(response, isReady ? 200 : 503, [...(isReady ? ['ready\n'] : []), ...lines].join(''));
  } else {
    send(response, 404, 'there are /metrics, /healthz and /readyz here\n');
  }
}

function send(response: ServerResponse, code: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
