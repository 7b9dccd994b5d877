// The address of a daemon stays while what answers behind it changes, and nobody is left with a server that is gone.
import * as grpc from '@grpc/grpc-js';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { fromServiceError } from '../../common/errors.js';
import { sluice } from '../../common/proto.js';
import { Door } from '../../scheduler/api/door.js';
import { createStandbyServer } from '../../scheduler/api/standby-server.js';
import { needs } from '../real-part.js';

const plain = grpc.ServerCredentials.createInsecure();
const problems: string[] = [];
const doors: Door[] = [];
const servers: grpc.Server[] = [];
const clients: grpc.Client[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const door of doors.splice(0)) door.close();
  for (const server of servers.splice(0)) server.forceShutdown();
});

async function open(host = '127.0.0.1', port = 0): Promise<Door> {
  const door = await Door.open({ host, port, onProblem: (error) => problems.push(error.message) });
  doors.push(door);
  return door;
}

/** A server that can be told by its answer. */
function named(name: string): grpc.Server {
  const server = createStandbyServer(() => ({ leader: { address: name, sinceMs: 0 }, isTakingOver: false }));
  servers.push(server);
  return server;
}

/** Who answers at an address; a client may be used again and again. */
function asker(address: string): () => Promise<string> {
  const client = new sluice.ClusterService(address, grpc.credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.use_local_subchannel_pool': 1,
  });
  clients.push(client);
  return () =>
    new Promise((resolve) => {
      client.getStatus({}, { deadline: Date.now() + 5_000 }, (error) => {
        const told = error === null ? undefined : fromServiceError(error);
        resolve(told?.metadata?.['leader'] ?? error?.details ?? 'an answer');
      });
    });
}

describe('a door', () => {
  test('keeps its address, and what is behind it changes for those who are connected', async () => {
    const door = await open();
    const one = named('one');
    door.serve(one, plain);
    const ask = asker(door.address);
    expect(await ask()).toBe('one');
    door.serve(named('two'), plain);
    one.forceShutdown();
    await expect.poll(ask, { timeout: 10_000 }).toBe('two');
    expect(door.address).toBe(`127.0.0.1:${door.port}`);
  });

  test('that is shut sends newcomers away, and leaves alone who is there; cut, nobody is there any more', async () => {
    const door = await open();
    door.serve(named('one'), plain);
    const ask = asker(door.address);
    expect(await ask()).toBe('one');
    door.shut();
    expect(await ask()).toBe('one');
    expect(await asker(door.address)()).not.toBe('one');
    door.cut();
    await expect.poll(ask, { timeout: 10_000 }).not.toBe('one');
  });

  test('stands at every address of a name', async () => {
    const door = await open('localhost');
    door.serve(named('one'), plain);
    expect(await asker(`127.0.0.1:${door.port}`)()).toBe('one');
    expect(door.address).toBe(`localhost:${door.port}`);
  });

  test('goes on when a connection could not be taken', async () => {
    const made = vi.spyOn(net, 'createServer');
    const door = await open();
    const listener = made.mock.results.at(-1)?.value as net.Server;
    made.mockRestore();
    door.serve(named('one'), plain);
    // So says Node when the system refuses to hand a connection over.
    listener.emit('error', new Error('accept ENOBUFS'));
    listener.emit('error', new Error('accept ENOMEM'));
    expect(problems).toEqual(['accept ENOBUFS', 'accept ENOMEM']);
    expect(await asker(door.address)()).toBe('one');
  });

  test('says who is in the way, and which flag helps', async () => {
    const { port } = await open();
    await expect(open('127.0.0.1', port)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program listens there\nStop it, or choose another address with --listen.`,
    );
    await expect(open('no-such-host.invalid')).rejects.toThrow(/cannot listen on no-such-host/);
  });
});

test.runIf(needs('openssl'))('a handshake that ends after its server did is not answered by it', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-door-'));
  try {
    const at = (name: string): string => path.join(folder, name);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('key')];
    spawnSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=server', '-days', '2', '-out', at('pem')]);
    const pair = { cert_chain: readFileSync(at('pem')), private_key: readFileSync(at('key')) };
    const secure = (): grpc.ServerCredentials => grpc.ServerCredentials.createSsl(null, [pair]);
    const door = await open();
    const one = named('one');
    door.serve(one, secure());
    const slow = net.connect(door.port, '127.0.0.1');
    slow.on('error', () => undefined);
    await once(slow, 'connect');
    // The first bytes of a handshake; one round over the loopback later the server has them.
    slow.write(Buffer.from([0x16, 0x03, 0x01]));
    const second = net.connect(door.port, '127.0.0.1');
    await once(second, 'connect');
    second.destroy();
    const gone = once(slow, 'close');
    door.serve(named('two'), secure());
    one.forceShutdown();
    await gone;
    expect(slow.destroyed).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
