// `sluice agent check`: what it prints, its exit code, and that it tells a scheduler that answers from one that does not.
import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { sluice } from '../../common/proto.js';
import { toTimestamp } from '../../common/units.js';
import { exitCodeOf, formatFindings } from '../../node-agent/check/finding.js';
import { checkSchedulers } from '../../node-agent/check/machine-check.js';

const NOW_MS = 1_800_000_000_000;
const servers: grpc.Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.forceShutdown();
});

/** A scheduler that can only tell its version and its time. */
async function schedulerOf(version: string, wallMs: number): Promise<string> {
  const server = new grpc.Server();
  server.addService(sluice.VersionService.service, {
    GetVersion: (_call: unknown, answer: grpc.sendUnaryData<object>) =>
      answer(null, { version, serverTime: toTimestamp(wallMs) }),
  });
  servers.push(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return `127.0.0.1:${port}`;
}

const check = (...addresses: string[]) => checkSchedulers({ servers: addresses, token: null, tls: null }, () => NOW_MS);

describe('the check of schedulers', () => {
  it('is content with one of the same version and time', async () => {
    const findings = await check(await schedulerOf(PACKAGE_VERSION, NOW_MS));
    expect(findings.map(({ subject, verdict }) => `${subject} ${verdict}`)).toEqual([
      'scheduler ok',
      'version ok',
      'clock ok',
    ]);
  });

  it('warns of another version and another time', async () => {
    const findings = await check(await schedulerOf('999.0.0', NOW_MS + 60_000));
    expect(findings.filter(({ verdict }) => verdict === 'warning').map(({ subject }) => subject)).toEqual([
      'version',
      'clock',
    ]);
    expect(exitCodeOf(findings)).toBe(0);
  });

  it('misses it when none answers, and only warns of one among several', async () => {
    // Nobody listens on port 1.
    const nobody = await check('127.0.0.1:1');
    expect(exitCodeOf(nobody)).toBe(1);
    expect(formatFindings(nobody)).toMatch(
      /scheduler +missing +127\.0\.0\.1:1 cannot be reached \(connect ECONNREFUSED 127\.0\.0\.1:1\): start it, .+\n\nNot ready: 1 missing, 0 to look at\.\n$/,
    );
    const one = await check('127.0.0.1:1', await schedulerOf(PACKAGE_VERSION, NOW_MS));
    expect(one.map(({ verdict }) => verdict)).toEqual(['warning', 'ok', 'ok', 'ok']);
  });
});

describe('what is printed', () => {
  it('lets no finding steer the terminal', () => {
    const text = formatFindings([{ subject: 'GPUs', verdict: 'ok', text: 'a\u001B[31mb\nc' }]);
    expect(text).toBe('CHECK   RESULT   FOUND\nGPUs    ok       a [31mb c\n\nReady.\n');
  });
});
