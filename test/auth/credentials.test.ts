// The server's TLS: what is wrong with its files is named, and what is right makes a server that clients can trust.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { serverCredentials } from '../../scheduler/auth/credentials.js';

const DAY_MS = 86_400_000;
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

let folder: string;
const at = (name: string): string => path.join(folder, name);

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

function makeAuthority(name: string): void {
  const newKey = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(...newKey, '-subj', `/CN=${name}`, '-days', '30', '-keyout', `${name}.key`, '-out', `${name}.pem`);
}

function makeLeaf(name: string, authority: string): void {
  writeFileSync(at('ext'), 'subjectAltName=DNS:localhost\n');
  const newKey = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(...newKey, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  const signer = ['-CA', `${authority}.pem`, '-CAkey', `${authority}.key`, '-CAcreateserial'];
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-days', '30', '-extfile', 'ext', '-out', `${name}.pem`);
}

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-tls-'));
  if (!hasOpenssl) return;
  makeAuthority('ca');
  makeAuthority('other-ca');
  makeLeaf('server', 'ca');
  makeLeaf('client', 'ca');
  makeLeaf('stranger', 'other-ca');
  writeFileSync(at('garbage.pem'), 'not PEM\n');
  openssl('ec', '-in', 'server.key', '-aes128', '-passout', 'pass:x', '-out', 'locked.key');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const files = (change: Partial<Record<'cert' | 'key' | 'clientCa', string>>) => {
  const { cert = 'server.pem', key = 'server.key', clientCa } = change;
  return { tls: { cert: at(cert), key: at(key), clientCa: clientCa === undefined ? null : at(clientCa) } };
};

it('is switched off without files', async () => {
  expect(await serverCredentials({ tls: null })).toBeInstanceOf(grpc.ServerCredentials);
});

describe.runIf(hasOpenssl)('files that cannot be used are named', () => {
  it.each([
    { change: { cert: 'none.pem' }, says: /cannot read tls\.cert .*none\.pem: ENOENT/ },
    { change: { key: 'none.key' }, says: /cannot read tls\.key .*none\.key: ENOENT/ },
    { change: { clientCa: 'none.pem' }, says: /cannot read tls\.client_ca .*none\.pem: ENOENT/ },
    { change: { cert: 'garbage.pem' }, says: /tls\.cert .*garbage\.pem is no certificate in PEM/ },
    { change: { key: 'garbage.pem' }, says: /tls\.key .*garbage\.pem is no private key in PEM without a password/ },
    { change: { key: 'locked.key' }, says: /tls\.key .*locked\.key is no private key in PEM without a password/ },
    { change: { clientCa: 'garbage.pem' }, says: /tls\.client_ca .*garbage\.pem is no certificate in PEM/ },
    {
      change: { key: 'client.key' },
      says: /client\.key does not belong to the certificate .*server\.pem \(CN ?= ?server\)/,
    },
  ])('$says', async ({ change, says }) => {
    await expect(serverCredentials(files(change))).rejects.toThrow(says);
  });

  it('and certificates out of their time', async () => {
    const atTime = (wallMs: number) => serverCredentials(files({}), { ...systemClock, wallMs: () => wallMs });
    await expect(atTime(Date.now() + 31 * DAY_MS)).rejects.toThrow(/server\.pem expired on /);
    await expect(atTime(Date.now() - DAY_MS)).rejects.toThrow(/server\.pem is good only from /);
  });
});

describe.runIf(hasOpenssl)('a server', () => {
  const read = (name: string): Buffer => readFileSync(at(name));

  /** Whether a client reaches a server with these credentials. */
  async function reaches(server: grpc.ServerCredentials, client: grpc.ChannelCredentials): Promise<boolean> {
    const grpcServer = new grpc.Server();
    const port = await new Promise<number>((resolve, reject) => {
      grpcServer.bindAsync('localhost:0', server, (error, bound) => (error ? reject(error) : resolve(bound)));
    });
    const caller = new grpc.Client(`localhost:${port}`, client);
    const connected = await new Promise<boolean>((resolve) => {
      const echo = (bytes: Buffer): Buffer => bytes;
      const deadline = { deadline: Date.now() + 5000 };
      // No such method: UNIMPLEMENTED comes from a server that was reached.
      caller.makeUnaryRequest('/none/None', echo, echo, Buffer.alloc(0), deadline, (error) =>
        resolve(error?.code === grpc.status.UNIMPLEMENTED),
      );
    });
    caller.close();
    grpcServer.forceShutdown();
    return connected;
  }

  it('is trusted by clients that know its authority', async () => {
    const credentials = await serverCredentials(files({}));
    expect(await reaches(credentials, grpc.credentials.createSsl(read('ca.pem')))).toBe(true);
    expect(await reaches(credentials, grpc.credentials.createSsl(read('other-ca.pem')))).toBe(false);
    expect(await reaches(credentials, grpc.credentials.createInsecure())).toBe(false);
  });

  it('with an authority of clients lets in only those', async () => {
    const credentials = await serverCredentials(files({ clientCa: 'ca.pem' }));
    const client = (name: string) =>
      grpc.credentials.createSsl(read('ca.pem'), read(`${name}.key`), read(`${name}.pem`));
    expect(await reaches(credentials, client('client'))).toBe(true);
    expect(await reaches(credentials, client('stranger'))).toBe(false);
    expect(await reaches(credentials, grpc.credentials.createSsl(read('ca.pem')))).toBe(false);
  });
});
