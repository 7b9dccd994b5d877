// A server is closed within its time, whoever still holds a connection: also one who never finished the TLS handshake.
import * as grpc from '@grpc/grpc-js';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { closeServer } from '../../scheduler/term.js';
import { needs } from '../real-part.js';

test.runIf(needs('openssl'))(
  'a handshake that was never finished does not hold the shutdown',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sluice-close-'));
    const at = (name: string): string => path.join(folder, name);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('key')];
    spawnSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=server', '-days', '2', '-out', at('pem')]);
    const server = new grpc.Server();
    const pair = { cert_chain: readFileSync(at('pem')), private_key: readFileSync(at('key')) };
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createSsl(null, [pair]), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    const silent = connect(port, '127.0.0.1');
    try {
      await once(silent, 'connect');
      // One round over the loopback later the server has taken it.
      silent.write(Buffer.from([0x16, 0x03, 0x01]));
      const second = connect(port, '127.0.0.1');
      await once(second, 'connect');
      second.destroy();
      await closeServer(server, 50, systemClock);
      expect(silent.destroyed).toBe(false);
    } finally {
      silent.destroy();
      rmSync(folder, { recursive: true });
    }
  },
  20_000,
);
