// A few pages of plain HTTP for machines that look: metrics, health. No page is large, none changes anything.
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Page {
  readonly code: number;
  readonly body: string;
  /** The content type; default plain text. */
  readonly type?: string;
}

/** By path: `/metrics`. */
export type Pages = Readonly<Record<string, (headers: IncomingHttpHeaders) => Page | Promise<Page>>>;

/** A server that answers. */
export interface PageServer {
  /** HOST:PORT as it was bound. */
  readonly address: string;
  /** Cuts every connection. */
  close(): Promise<void>;
}

const TEXT = 'text/plain; charset=utf-8';
const REQUEST_LIMIT_MS = 30_000;
const HEADERS_LIMIT_MS = 10_000;
const MAX_CONNECTIONS = 256;

/**
 * Serves the pages; resolves once it listens.
 * @throws Error in words when nothing can listen there
 */
export async function servePages(
  { host, port }: { readonly host: string; readonly port: number },
  pages: Pages,
): Promise<PageServer> {
  const server = createServer((request, response) => void answer(request, response, pages));
  server.requestTimeout = REQUEST_LIMIT_MS;
  server.headersTimeout = HEADERS_LIMIT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(`${host}:${port}`, '--http', error)));
    server.listen(port, host, resolve);
  });
  return { address: addressOf(server), close: () => close(server) };
}

/** Why nothing can listen there, and with which flag to choose another place. */
export function cannotListen(address: string, flag: string, cause: Error): Error {
  const why = cause.message.includes('EADDRINUSE') ? 'another program listens there' : cause.message;
  return new Error(`cannot listen on ${address}: ${why}\nStop it, or choose another address with ${flag}.`, { cause });
}

function addressOf(server: Server): string {
  const bound = server.address() as AddressInfo;
  return `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function answer(request: IncomingMessage, response: ServerResponse, pages: Pages): Promise<void> {
  const { code, body, type } = await pageFor(request, pages);
  response.writeHead(code, { 'content-type': type ?? TEXT, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? '' : body);
}

async function pageFor({ method, url, headers }: IncomingMessage, pages: Pages): Promise<Page> {
  if (method !== 'GET' && method !== 'HEAD') return { code: 405, body: `${method} is not answered here; use GET\n` };
  // What a client sends as a path need not be one.
  const path = URL.canParse(url ?? '/', 'http://localhost') ? new URL(url ?? '/', 'http://localhost').pathname : '';
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return { code: 404, body: `there are ${Object.keys(pages).join(', ')} here\n` };
  try {
    return await page(headers);
  } catch (error) {
    return { code: 500, body: `${path} cannot be made: ${error instanceof Error ? error.message : String(error)}\n` };
  }
}
