// How fast this machine is at the three things that bound a scheduler: flushing to disk, answering a call, starting a process.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { ECHO_PATH } from './echo-server.js';
import { type Figure, figure, LEAST_RUNS, quantile, repeat } from './figure.js';
import type { BenchContext } from './registry.js';

const FLUSHES_A_RUN = 200;
const FLUSH_BYTES = 4096;
const CALLS_A_RUN = 4000;
const CALLS_IN_FLIGHT = 64;
/** About the size of a small request. */
const CALL_BYTES = 64;
const PROCESSES_A_RUN = 200;

/** The three figures, `LEAST_RUNS` runs each; takes some seconds. */
export async function benchMachine({ scratchFolder }: BenchContext): Promise<readonly Figure[]> {
  return [
    figure('machine.fsync_p50_ms', 'ms', await repeat(LEAST_RUNS, () => flushP50Ms(scratchFolder))),
    figure('machine.grpc_echo_per_s', '1/s', await withEchoServer((echo) => repeat(LEAST_RUNS, () => callsPerS(echo)))),
    figure('machine.spawn_per_s', '1/s', await repeat(LEAST_RUNS, spawnsPerS)),
  ];
}

/** Appends a page and flushes it, again and again. */
async function flushP50Ms(folder: string): Promise<number> {
  const file = await open(path.join(folder, 'flush'), 'w');
  const page = Buffer.alloc(FLUSH_BYTES, 1);
  const spansMs: number[] = [];
  for (let flush = 0; flush < FLUSHES_A_RUN; flush++) {
    const startMs = performance.now();
    await file.write(page);
    await file.datasync();
    spansMs.push(performance.now() - startMs);
  }
  await file.close();
  return quantile(spansMs, 0.5);
}

/** Unary calls over one connection to a server in a process of its own, always `CALLS_IN_FLIGHT` under way. */
async function callsPerS(call: (body: Buffer) => Promise<Buffer>): Promise<number> {
  const body = Buffer.alloc(CALL_BYTES, 1);
  return perSecond(CALLS_A_RUN, CALLS_IN_FLIGHT, () => call(body));
}

/** Starts the smallest program there is and waits for its end, as many at a time as there are cores. */
async function spawnsPerS(): Promise<number> {
  return perSecond(PROCESSES_A_RUN, availableParallelism(), async () => {
    await once(spawn('true', [], { stdio: 'ignore' }), 'exit');
  });
}

/** Does `count` things, `inFlight` at a time, and says how many a second. */
async function perSecond(count: number, inFlight: number, act: () => Promise<unknown>): Promise<number> {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await act();
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (count * 1000) / (performance.now() - startMs);
}

async function withEchoServer<T>(use: (call: (body: Buffer) => Promise<Buffer>) => Promise<T>): Promise<T> {
  const server = fork(fileURLToPath(new URL('./echo-server.js', import.meta.url)), ['serve']);
  try {
    const [port] = (await once(server, 'message')) as [number];
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    const same = (body: Buffer) => body;
    const call = (body: Buffer) =>
      new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest(ECHO_PATH, same, same, body, (error, reply) =>
          reply === undefined ? reject(error ?? new Error('no reply')) : resolve(reply),
        );
      });
    try {
      return await use(call);
    } finally {
      client.close();
    }
  } finally {
    server.kill();
  }
}
