// What daemons on a network need that machines of one's own would have: an authority, a certificate for the daemons, tokens.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const USER_TOKEN = 'token-of-the-users-under-fire';
const AGENT_TOKEN = 'token-of-the-agents-under-fire';

/** Files and texts with which everybody is let in. */
export interface Credentials {
  readonly userToken: string;
  /** PEM text. */
  readonly authority: string;
  readonly serverFlags: readonly string[];
  readonly agentFlags: readonly string[];
  /** For commands of the CLI. */
  readonly userFlags: readonly string[];
}

export function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version'], { stdio: 'ignore' }).status === 0;
}

/** Makes them in a folder that exists, for daemons at some IP addresses. */
export function makeCredentials(folder: string, addresses: readonly string[]): Credentials {
  const at = (name: string): string => path.join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-subj', '/CN=ca', '-days', '30', '-keyout', at('ca.key'), '-out', at('ca.pem'));
  writeFileSync(at('names'), `subjectAltName=${addresses.map((address) => `IP:${address}`).join(',')}\n`);
  openssl('req', ...key, '-subj', '/CN=server', '-keyout', at('server.key'), '-out', at('server.csr'));
  const signer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')];
  openssl('x509', '-req', '-in', at('server.csr'), ...signer, '-days', '30', '-out', at('server.pem'));
  for (const [name, text] of [
    ['tokens', `${hashed(USER_TOKEN)} users admin`],
    ['agent-tokens', `${hashed(AGENT_TOKEN)} *`],
    ['user-token', USER_TOKEN],
    ['agent-token', AGENT_TOKEN],
  ] as const) {
    writeFileSync(at(name), `${text}\n`, { mode: 0o600 });
  }
  const tokens = ['--tokens-file', at('tokens'), '--agent-tokens-file', at('agent-tokens')];
  return {
    userToken: USER_TOKEN,
    authority: readFileSync(at('ca.pem'), 'utf8'),
    serverFlags: [...tokens, '--tls-cert', at('server.pem'), '--tls-key', at('server.key')],
    agentFlags: ['--token-file', at('agent-token'), '--tls-ca', at('ca.pem')],
    userFlags: ['--token-file', at('user-token'), '--tls-ca', at('ca.pem')],
  };
}

function hashed(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('hex')}`;
}

function openssl(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`openssl: ${error.message}`);
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}: ${stderr.trim()}`);
}
