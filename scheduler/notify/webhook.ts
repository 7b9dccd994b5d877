// Sends one webhook: a signed POST to an address that may be reached, no redirect followed, little of the answer read.
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { bodyOf, HEADERS, type Message, signatureOf } from './message.js';
import type { AddressRule } from './private-networks.js';

/** How a try went. `gone`: the receiver wants no more of it. */
export interface Sent {
  readonly outcome: 'delivered' | 'failed' | 'gone';
  /** In words. */
  readonly detail: string;
}

/** How long a receiver may take in all. */
const LIMIT_MS = 10_000;
/** So much of an answer is read, for the log. */
const MAX_ANSWER_BYTES = 256;
const GONE = 410;

/** Posts it once. Never rejects. */
export function postWebhook(
  url: URL,
  message: Message,
  { secret, rule, nowMs }: { readonly secret: string; readonly rule: AddressRule; readonly nowMs: number },
): Promise<Sent> {
  const body = bodyOf(message);
  const timestampSeconds = Math.floor(nowMs / 1_000);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A literal address is never looked up.
  const refused = isIP(host) === 0 ? null : rule.whyNot(host);
  if (refused !== null) return Promise.resolve({ outcome: 'failed', detail: refused });
  return new Promise((resolve) => {
    const end = (outcome: Sent['outcome'], detail: string): void => {
      clearTimeout(timer);
      request.destroy();
      resolve({ outcome, detail });
    };
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      // A connection of its own each time: the address is checked when it is made.
      agent: false,
      lookup: rule.lookup,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': `sluice/${PACKAGE_VERSION}`,
        connection: 'close',
        [HEADERS.event]: message.id,
        [HEADERS.timestamp]: timestampSeconds,
        [HEADERS.signature]: signatureOf(secret, timestampSeconds, body),
      },
    });
    const timer = setTimeout(() => end('failed', `no answer within ${LIMIT_MS / 1_000} s`), LIMIT_MS);
    request.on('error', (error) => end('failed', error.message));
    request.on('response', (response) => {
      const code = response.statusCode ?? 0;
      let answer = '';
      const done = (): void => {
        const said = answer.trim() === '' ? '' : `: ${answer.trim().slice(0, MAX_ANSWER_BYTES)}`;
        const isRedirect = code >= 300 && code < 400;
        const detail = `HTTP ${code}${isRedirect ? ' (redirects are not followed)' : said}`;
        if (code >= 200 && code < 300) end('delivered', `HTTP ${code}`);
        else end(code === GONE ? 'gone' : 'failed', detail);
      };
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        answer += chunk;
        if (answer.length >= MAX_ANSWER_BYTES) done();
      });
      response.on('end', done);
      response.on('error', done);
    });
    request.end(body);
  });
}
