// The command `serve`: serves one ONNX model over the Open Inference Protocol v2 until it is told to stop.
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { integer, oneOf, optionalText, parseFlags, patternText, requiredText } from './flags.js';
import { openInferenceSession, readModelFile } from './inference-session.js';
import type { InferenceSession } from './inference-session.js';
import { listenGrpc } from './serve-grpc.js';
import type { GrpcFront } from './serve-grpc.js';
import { createServingMetrics } from './serve-metrics.js';
import { listenRest } from './serve-rest.js';
import type { RestFront } from './serve-rest.js';
import { serveModel } from './served-model.js';
import { appendReport, describeStop, EXIT_INTERRUPTED } from './task-environment.js';
import type { StopListener, TaskEnvironment } from './task-environment.js';

const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const NAME_IN_WORDS = 'letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 128';

/** Flags of the command `serve`. */
export const SERVE_FLAGS = {
  model: requiredText('FILE', 'the .onnx file to serve'),
  name: patternText(NAME_PATTERN, NAME_IN_WORDS, 'model', 'NAME', 'name of the model in requests'),
  version: patternText(NAME_PATTERN, NAME_IN_WORDS, '1', 'VERSION', 'version of the model in requests'),
  host: patternText(/^[A-Za-z0-9.:-]+$/, 'a host name or an address', '127.0.0.1', 'HOST', 'address to listen on'),
  advertiseHost: optionalText('HOST', 'name under which others reach this machine, for the reported addresses'),
  restPort: integer({ min: 0, max: 65_535 }, 0, 'port for REST and /metrics; 0 takes a free one'),
  grpcPort: integer({ min: 0, max: 65_535 }, 0, 'port for gRPC; 0 takes a free one'),
  maxQueued: integer({ min: 1, max: 1_000_000 }, 256, 'requests that may wait; more are refused'),
  maxRequestMib: integer({ min: 1, max: 1024 }, 16, 'largest request, in MiB'),
  device: oneOf(['auto', 'cpu', 'gpu'], 'auto', 'what to compute on'),
};

/** What still runs this long after the request to stop is cut off. */
const DRAIN_LIMIT_MS = 20_000;
const EXIT_CUT_OFF = 1;

/** Runs the command. @returns the exit code. @throws BadInput */
export async function runServe(argv: readonly string[], env: TaskEnvironment, stop: StopListener): Promise<number> {
  const flags = parseFlags('serve', SERVE_FLAGS, argv);
  const file = await readModelFile(flags.model);
  const session = await openInferenceSession(file, {
    gpus: env.gpus,
    device: flags.device,
    maxQueued: flags.maxQueued,
  });
  console.log(`provider ${session.provider.name}: ${session.provider.why}`);
  const metrics = createServingMetrics({
    model: flags.name,
    version: flags.version,
    provider: session.provider.name,
    queueLimit: flags.maxQueued,
    pending: () => session.pending(),
  });
  const model = serveModel({ name: flags.name, version: flags.version }, file, session, metrics);
  const maxRequestBytes = flags.maxRequestMib * 1024 * 1024;
  const rest = await listenRest(model, metrics, { host: flags.host, port: flags.restPort, maxRequestBytes });
  const grpc = await listenGrpc(model, { host: flags.host, port: flags.grpcPort, maxRequestBytes });
  await announce(env.reportFile, advertised(flags.host, flags.advertiseHost), rest, grpc);

  const death = await Promise.race([session.ended, stop.requested]);
  if (death !== undefined) throw new Error(`the inference thread ended: ${death}`);
  console.log(`stop requested: ${await describeStop(stop, env.stopFile)}`);
  model.stopTaking();
  const finished = await drain(rest, grpc, session);
  if (!finished) return EXIT_CUT_OFF;
  return stop.cause() === 'SIGINT' ? EXIT_INTERRUPTED : 0;
}

async function announce(
  reportFile: string | undefined,
  toOthers: (address: string) => string,
  rest: RestFront,
  grpc: GrpcFront,
): Promise<void> {
  const restUrl = toOthers(rest.url);
  const grpcUrl = toOthers(grpc.address);
  await appendReport(reportFile, { type: 'endpoint', name: 'rest', url: restUrl });
  await appendReport(reportFile, { type: 'endpoint', name: 'grpc', url: grpcUrl });
  console.log(`serving: REST ${restUrl} gRPC ${grpcUrl}`);
}

/** Replaces the address listened on, which for "every address" means nothing to others. */
function advertised(host: string, advertiseHost: string | undefined): (address: string) => string {
  const isWildcard = host === '0.0.0.0' || host === '::';
  const name = advertiseHost ?? (isWildcard ? os.hostname() : host);
  return (address) => address.replace(host.includes(':') ? `[${host}]` : host, name.includes(':') ? `[${name}]` : name);
}

/** @returns whether all that ran could finish. */
async function drain(rest: RestFront, grpc: GrpcFront, session: InferenceSession): Promise<boolean> {
  const limit = new AbortController();
  const drained = Promise.all([rest.drain(), grpc.drain()]).then(() => true);
  const expired = sleep(DRAIN_LIMIT_MS, false, { signal: limit.signal }).catch(() => false);
  const finished = await Promise.race([drained, expired]);
  limit.abort();
  if (!finished) {
    console.log(`${session.pending()} requests had not ended after ${DRAIN_LIMIT_MS / 1000} s and are cut off`);
    rest.forceClose();
    grpc.forceClose();
  }
  await session.close();
  console.log('stopped');
  return finished;
}
