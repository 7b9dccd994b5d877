// The agent's way to its schedulers: what it leaves behind of those that did not answer.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { SchedulerConnection } from '../../node-agent/scheduler-connection.js';
import { eventually } from './eventually.js';
import { SILENT_LOG } from '../../simulator/faults/silent-log.js';

/** Longer than gRPC rests before it connects again of its own. */
const GRPC_REST_MS = 2_500;

/** An agent without a scheduler. */
function agentOf(ports: readonly number[]): { readonly connection: SchedulerConnection; readonly lost: () => number } {
  let lost = 0;
  const connection = new SchedulerConnection(
    { servers: ports.map((port) => `127.0.0.1:${port}`), token: null, tls: null },
    { opened: nothing, received: nothing, drained: nothing, closed: () => (lost += 1) },
    { clock: systemClock, random: () => 0, log: SILENT_LOG },
  );
  onTestFinished(() => connection.end());
  connection.start();
  return { connection, lost: () => lost };
}

test('however often an address refused, it is connected to once when it is there again', async () => {
  const before = [await listening(0), await listening(0)];
  const [port = 0, other = 0] = before.map((one) => one.port);
  await Promise.all(before.map((one) => one.close()));
  const { lost } = agentOf([port, other]);
  await eventually('each was tried five times', () => lost() >= 10);

  const again = await listening(port);
  await sleep(GRPC_REST_MS);
  expect(again.connections).toBe(1);
});

test('an address that takes the connection and says nothing is tried anew, over another connection', async () => {
  const silent = await listening(0);
  const { lost } = agentOf([silent.port, silent.port]);
  await eventually('it was given up and tried again', () => silent.connections > 1);
  expect(lost()).toBeGreaterThan(0);
});

interface Listening {
  readonly port: number;
  /** How many came. */
  readonly connections: number;
  close(): Promise<void>;
}

/** Takes connections and never answers. @param port 0 = a free one */
async function listening(port: number): Promise<Listening> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', nothing);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  onTestFinished(close);
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    close,
  };
}

function nothing(): void {}
