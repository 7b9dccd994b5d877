// The Open Inference Protocol v2 over HTTP, with JSON tensors and the binary tensor data extension: a JSON header of
// Inference-Header-Content-Length bytes, then raw little-endian tensors. Also serves /metrics.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { BadInput, messageOf } from './bad-input.js';
import { PLATFORM, refuseParameters, SERVER_EXTENSIONS, SERVER_NAME } from './serve-protocol.js';
import { Refusal } from './served-model.js';
import type { GivenTensor, RefusalKind, ServedModel } from './served-model.js';
import type { ServingMetrics } from './serve-metrics.js';
import { elementsAsJson } from './tensor.js';
import type { Element, Tensor } from './tensor.js';

/** A listening server. */
export interface RestFront {
  /** http://host:port */
  readonly url: string;
  /** Takes no more requests and resolves when the running ones have ended. */
  drain(): Promise<void>;
  /** Cuts off what still runs. */
  forceClose(): void;
}

/** Where and how to listen. */
export interface RestFrontOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly maxRequestBytes: number;
}

const MAX_CONNECTIONS = 1024;
/** Bodies of all requests at once, in bodies of the largest size. */
const MAX_BODIES_IN_FLIGHT = 16;
/** A client gets this long for a whole request. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Dimensions by which a JSON array may be nested. */
const MAX_NESTING = 32;

const HEADER_LENGTH = 'inference-header-content-length';

/** Starts the server. @throws BadInput when the port cannot be had. */
export async function listenRest(
  model: ServedModel,
  metrics: ServingMetrics,
  options: RestFrontOptions,
): Promise<RestFront> {
  const bodies = createBodyReader(options.maxRequestBytes);
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    if (!model.ready()) response.setHeader('Connection', 'close');
    response.on('finish', () => {
      if (!model.ready()) server.closeIdleConnections();
    });
    void respond({ model, metrics, bodies, request, response });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const { port } = await listen(server, options);
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    drain: async () =>
      await new Promise((resolve, reject) =>
        server.close((error) => (error === undefined ? resolve() : reject(error))),
      ),
    forceClose: () => server.closeAllConnections(),
  };
}

async function listen(server: Server, { host, port }: RestFrontOptions): Promise<AddressInfo> {
  return await new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new BadInput(`cannot listen for HTTP on ${host}:${port}: ${error.message}`)),
    );
    server.listen(port, host, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the HTTP server has no port');
      resolve(address);
    });
  });
}

interface Exchange {
  readonly model: ServedModel;
  readonly metrics: ServingMetrics;
  readonly bodies: BodyReader;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** An answer before it is sent. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly (string | Uint8Array)[];
}

async function respond(exchange: Exchange): Promise<void> {
  const { response } = exchange;
  const answer = await route(exchange).catch((error: unknown) => errorAnswer(error));
  const parts = answer.body.map((part) => Buffer.from(part));
  const length = parts.reduce((total, part) => total + part.length, 0);
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': length });
  response.end(Buffer.concat(parts));
}

/** What a path names. */
type Target =
  | { readonly kind: 'metrics' | 'live' | 'ready' | 'server' }
  | { readonly kind: 'model' | 'model-ready' | 'infer'; readonly name: string; readonly version: string | undefined };

async function route(exchange: Exchange): Promise<Answer> {
  const { model, metrics, request } = exchange;
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const target = parsePath(pathname);
  if (target === undefined) throw new HttpError(404, `nothing is at ${pathname}`);
  const method = target.kind === 'infer' ? 'POST' : 'GET';
  if (request.method !== method) throw new HttpError(405, `${pathname} takes ${method} only`, { Allow: method });
  switch (target.kind) {
    case 'metrics': {
      const { contentType, text } = await metrics.expose();
      return { status: 200, headers: { 'Content-Type': contentType }, body: [text] };
    }
    case 'live':
      return json(200, { live: true });
    case 'ready':
      return json(model.ready() ? 200 : 503, { ready: model.ready() });
    case 'server':
      return json(200, { name: SERVER_NAME, version: PACKAGE_VERSION, extensions: SERVER_EXTENSIONS });
    case 'model':
      model.find(target.name, target.version);
      return json(200, { name: model.name, versions: [model.version], platform: PLATFORM, ...model.signature });
    case 'model-ready':
      model.find(target.name, target.version);
      return json(model.ready() ? 200 : 503, { name: model.name, ready: model.ready() });
    case 'infer':
      return await inferRoute(exchange, target.name, target.version);
  }
}

function parsePath(pathname: string): Target | undefined {
  const segments = pathname
    .replace(/^\/|\/$/g, '')
    .split('/')
    .map(decodeSegment);
  if (segments.length === 1 && segments[0] === 'metrics') return { kind: 'metrics' };
  const [root, collection, name, ...rest] = segments;
  if (root !== 'v2') return undefined;
  if (collection === undefined) return { kind: 'server' };
  if (collection === 'health' && rest.length === 0) {
    return name === 'live' ? { kind: 'live' } : name === 'ready' ? { kind: 'ready' } : undefined;
  }
  if (collection !== 'models' || name === undefined || name === '') return undefined;
  const version = rest[0] === 'versions' ? rest[1] : undefined;
  const actions = rest[0] === 'versions' ? rest.slice(2) : rest;
  if (rest[0] === 'versions' && version === undefined) return undefined;
  if (actions.length === 0) return { kind: 'model', name, version };
  if (actions.length > 1) return undefined;
  if (actions[0] === 'ready') return { kind: 'model-ready', name, version };
  return actions[0] === 'infer' ? { kind: 'infer', name, version } : undefined;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, `the path has an escape that is none: ${segment}`);
  }
}

async function inferRoute(exchange: Exchange, name: string, version: string | undefined): Promise<Answer> {
  const { model, metrics, request } = exchange;
  const body = await takeBody(exchange).catch((error: unknown) => {
    metrics.finished('rest', error instanceof Refusal ? error.kind : 'cancelled', 0);
    throw error;
  });
  try {
    return await model.measured('rest', async () => {
      model.find(name, version);
      return await infer(exchange, parseInferRequest(request, body.content));
    });
  } finally {
    body.release();
  }
}

async function takeBody({ model, bodies, request }: Exchange): Promise<HeldBody> {
  // Asked at the beginning of a request only: one that was begun before the request to stop is answered.
  if (!model.ready()) throw new Refusal('stopping', 'this server is about to stop and takes no new requests');
  return await bodies.read(request);
}

async function infer({ model, response }: Exchange, parsed: ParsedInfer): Promise<Answer> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const outputs = await model.infer({
    inputs: parsed.inputs,
    outputs: parsed.outputs.map((output) => output.name),
    signal: gone.signal,
  });
  const isBinary = (output: string): boolean =>
    parsed.outputs.find((asked) => asked.name === output)?.binary ?? parsed.binaryByDefault;
  return inferAnswer(model, parsed.id, outputs, isBinary);
}

const parametersSchema = z.record(z.string(), z.unknown()).optional();
const inferSchema = z.object({
  id: z.string().optional(),
  parameters: parametersSchema,
  inputs: z.array(
    z.object({
      name: z.string(),
      shape: z.array(z.number()),
      datatype: z.string(),
      parameters: parametersSchema,
      data: z.unknown().optional(),
    }),
  ),
  outputs: z.array(z.object({ name: z.string(), parameters: parametersSchema })).optional(),
});

interface ParsedInfer {
  readonly id: string | undefined;
  readonly inputs: readonly GivenTensor[];
  readonly outputs: readonly { readonly name: string; readonly binary: boolean | undefined }[];
  /** Whether outputs that say nothing about it are sent as binary data. */
  readonly binaryByDefault: boolean;
}

function parseInferRequest(request: IncomingMessage, body: Buffer): ParsedInfer {
  const headerLength = readHeaderLength(request, body.length);
  const { id, parameters, inputs, outputs } = parseHeader(body.subarray(0, headerLength));
  refuseParameters('the request', Object.keys(parameters ?? {}));
  let from = headerLength;
  const given = inputs.map((input): GivenTensor => {
    const { name, datatype, shape } = input;
    refuseParameters(`input "${name}"`, Object.keys(input.parameters ?? {}));
    const size = input.parameters?.['binary_data_size'];
    if (size === undefined)
      return { name, datatype, shape, content: { kind: 'elements', elements: flatten(name, input.data) } };
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || from + size > body.length) {
      const left = body.length - from;
      throw new Refusal(
        'invalid',
        `input "${name}": binary_data_size is ${JSON.stringify(size)}, the body has ${left} bytes left`,
      );
    }
    if (input.data !== undefined) throw new Refusal('invalid', `input "${name}" has both data and binary_data_size`);
    from += size;
    return { name, datatype, shape, content: { kind: 'raw', bytes: body.subarray(from - size, from) } };
  });
  if (from !== body.length) {
    throw new Refusal(
      'invalid',
      `the body has ${body.length - from} bytes more than its inputs, by binary_data_size, take`,
    );
  }
  const asked = (outputs ?? []).map((output) => {
    refuseParameters(`output "${output.name}"`, Object.keys(output.parameters ?? {}));
    return { name: output.name, binary: readFlag('binary_data', output.parameters) };
  });
  return { id, inputs: given, outputs: asked, binaryByDefault: readFlag('binary_data_output', parameters) ?? false };
}

function readHeaderLength(request: IncomingMessage, bodyLength: number): number {
  const text = request.headers[HEADER_LENGTH];
  if (text === undefined) return bodyLength;
  const length = typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(length <= bodyLength)) {
    throw new Refusal(
      'invalid',
      `Inference-Header-Content-Length is ${String(text)}, the body has ${bodyLength} bytes`,
    );
  }
  return length;
}

function parseHeader(content: Buffer): z.infer<typeof inferSchema> {
  try {
    return inferSchema.parse(JSON.parse(content.toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal('invalid', `the request is no JSON: ${error.message}`);
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    throw new Refusal(
      'invalid',
      `the request is no inference request: ${issue?.path.join('.') || 'body'}: ${issue?.message}`,
    );
  }
}

function readFlag(name: string, parameters: Readonly<Record<string, unknown>> | undefined): boolean | undefined {
  const value = parameters?.[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw new Refusal('invalid', `the parameter ${name} is ${JSON.stringify(value)}, expected true or false`);
}

/** Elements in row order, of an array that may be nested by dimension or flat. */
function flatten(name: string, data: unknown): readonly Element[] {
  if (!Array.isArray(data))
    throw new Refusal('invalid', `input "${name}" has no data: an array or binary_data_size is expected`);
  const elements: Element[] = [];
  const add = (values: readonly unknown[], depth: number): void => {
    for (const value of values) {
      if (Array.isArray(value) && depth < MAX_NESTING) add(value, depth + 1);
      else if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string')
        elements.push(value);
      else
        throw new Refusal('invalid', `input "${name}": element ${elements.length} is no number, text or truth value`);
    }
  };
  add(data, 1);
  return elements;
}

function inferAnswer(
  model: ServedModel,
  id: string | undefined,
  outputs: readonly Tensor[],
  isBinary: (output: string) => boolean,
): Answer {
  const described = outputs.map((tensor) => {
    const head = { name: tensor.name, datatype: tensor.datatype, shape: tensor.shape };
    if (isBinary(tensor.name))
      return JSON.stringify({ ...head, parameters: { binary_data_size: tensor.bytes.length } });
    return `${JSON.stringify(head).slice(0, -1)},"data":${dataAsJson(tensor)}}`;
  });
  const head = JSON.stringify({
    model_name: model.name,
    model_version: model.version,
    ...(id === undefined ? {} : { id }),
  });
  const text = `${head.slice(0, -1)},"outputs":[${described.join(',')}]}`;
  const binary = outputs.filter(({ name }) => isBinary(name)).map(({ bytes }) => bytes);
  if (binary.length === 0) return { status: 200, headers: { 'Content-Type': 'application/json' }, body: [text] };
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Inference-Header-Content-Length': String(Buffer.byteLength(text)),
  };
  return { status: 200, headers, body: [text, ...binary] };
}

function dataAsJson(tensor: Tensor): string {
  try {
    return elementsAsJson(tensor);
  } catch (error) {
    throw new Refusal('invalid', `output "${tensor.name}": ${messageOf(error)}`);
  }
}

/** A body in memory. */
interface HeldBody {
  readonly content: Buffer;
  /** Must be called once, when the content is not needed any more. */
  release(): void;
}

/** Reads whole bodies, within limits for one and for all at once. */
interface BodyReader {
  /** @throws Refusal when the body is too large, in an unknown encoding, or too many are held. */
  read(request: IncomingMessage): Promise<HeldBody>;
}

function createBodyReader(maxBytes: number): BodyReader {
  const maxHeldBytes = maxBytes * MAX_BODIES_IN_FLIGHT;
  let heldBytes = 0;
  const refusalAt = (bodyBytes: number): Refusal | undefined => {
    if (bodyBytes > maxBytes)
      return new Refusal('too-large', `the body has more than ${maxBytes} bytes, which is the limit`);
    if (heldBytes <= maxHeldBytes) return undefined;
    return new Refusal('overloaded', `the requests being read have more than ${maxHeldBytes} bytes: try again later`);
  };
  return {
    read: async (request) => {
      const encoding = request.headers['content-encoding'] ?? 'identity';
      let refusal =
        encoding === 'identity'
          ? undefined
          : new Refusal('invalid', `Content-Encoding ${encoding} is not supported: send the body as it is`);
      const chunks: Buffer[] = [];
      let ownBytes = 0;
      const release = (): void => {
        heldBytes -= ownBytes;
        ownBytes = 0;
      };
      try {
        for await (const chunk of request as AsyncIterable<Buffer>) {
          // A body that is refused is read to its end all the same: clients read the answer only after they sent it all.
          if (refusal !== undefined) continue;
          ownBytes += chunk.length;
          heldBytes += chunk.length;
          refusal = refusalAt(ownBytes);
          if (refusal === undefined) chunks.push(chunk);
        }
        if (refusal !== undefined) throw refusal;
        return { content: Buffer.concat(chunks), release };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

/** An answer other than 200 that is not about the model. */
class HttpError extends Error {
  override readonly name = 'HttpError';

  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** 499 is nobody's to read: the caller is gone. It is the number that proxies use in their logs for this. */
const STATUS: Readonly<Record<RefusalKind, number>> = {
  invalid: 400,
  'not-found': 404,
  'too-large': 413,
  overloaded: 503,
  stopping: 503,
  cancelled: 499,
  failed: 500,
};

function errorAnswer(error: unknown): Answer {
  const status = error instanceof HttpError ? error.status : STATUS[error instanceof Refusal ? error.kind : 'failed'];
  const headers = error instanceof HttpError ? error.headers : {};
  const answer = json(status, { error: messageOf(error) });
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

function json(status: number, body: object): Answer {
  return { status, headers: { 'Content-Type': 'application/json' }, body: [JSON.stringify(body)] };
}
