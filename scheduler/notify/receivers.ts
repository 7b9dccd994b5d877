// Who may be told: what users write as `to`, held against what the administrator permits.
import { readFileSync, statSync } from 'node:fs';
import type { Logger } from '../../common/log.js';
import { whyUnusable } from '../../common/why-unusable.js';
import type { NotifyConfig } from './notify-config.js';

/** Where a notice goes, as it is written. */
export type Receiver =
  { readonly type: 'webhook'; readonly url: URL } | { readonly type: 'mail'; readonly address: string };

/** One line of the file of webhooks. */
export interface PermittedOrigin {
  /** `https://ci.example.org`, `http://ci.lab:8080`, `https://*.example.org` */
  readonly origin: string;
  readonly secret: string;
}

/** The longest `to`. */
export const MAX_TO_LENGTH = 500;
const MAX_FILE_BYTES = 1024 * 1024;
const LEAST_SECRET_LENGTH = 16;
/** How often the file is looked at. */
const LOOK_MS = 5_000;
const MAILTO = /^mailto:([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)$/;
const ORIGIN = /^(https?):\/\/(\*\.)?([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?$/;

/** Reads a `to`; a text = why it is none. */
export function parseReceiver(to: string): Receiver | string {
  if (to.length > MAX_TO_LENGTH) return `has ${to.length} characters; at most ${MAX_TO_LENGTH}`;
  const address = MAILTO.exec(to)?.[1];
  if (address !== undefined) return { type: 'mail', address };
  if (to.startsWith('mailto:')) return `"${to}" names no address, such as mailto:ada@example.org`;
  if (!URL.canParse(to)) return `"${to}" is neither https://… nor mailto:…`;
  const url = new URL(to);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `"${to}" is neither https://… nor mailto:…`;
  if (url.username !== '' || url.password !== '')
    return 'has a password in it, which everybody who sees the workload would see';
  if (url.hash !== '') return `"${url.hash}" is never sent; leave it out`;
  return { type: 'webhook', url };
}

/** Reads the file of webhooks: `ORIGIN SECRET` a line. @throws Error in words that name the line and show no secret */
export function parseWebhooks(text: string, file: string): readonly PermittedOrigin[] {
  const found: PermittedOrigin[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const fail = (why: string): never => {
      throw new Error(`${file}:${index + 1}: ${why}`);
    };
    const [origin = '', secret = '', ...rest] = raw
      .replace(/^\s*#.*$/, '')
      .trim()
      .split(/\s+/);
    if (origin === '') continue;
    if (!ORIGIN.test(origin)) {
      fail('a line begins with an origin such as https://ci.example.org, https://*.example.org or http://ci.lab:8080');
    }
    if (secret.length < LEAST_SECRET_LENGTH) {
      fail(
        `the secret of ${origin} has ${secret.length} characters; at least ${LEAST_SECRET_LENGTH}: openssl rand -hex 32`,
      );
    }
    if (rest.length > 0) fail('a line is "ORIGIN SECRET" and nothing more');
    if (found.some((one) => one.origin === origin)) fail(`${origin} is there twice`);
    found.push({ origin, secret });
  }
  return found;
}

/** What is permitted; the file of webhooks is read anew when it changes. */
export class Receivers {
  readonly #config: NotifyConfig;
  readonly #log: Logger;
  readonly #nowMs: () => number;
  #origins: readonly PermittedOrigin[] = [];
  #stamp = '';
  #lookedMs = -Infinity;

  /** @throws Error in words when the file of webhooks cannot be used */
  constructor(config: NotifyConfig, log: Logger, nowMs: () => number) {
    this.#config = config;
    this.#log = log;
    this.#nowMs = nowMs;
    this.#read();
    this.#lookedMs = nowMs();
  }

  /** Why nothing may be sent there, in words that go behind its name; null = it may. */
  whyNot(to: string): string | null {
    const receiver = parseReceiver(to);
    if (typeof receiver === 'string') return receiver;
    if (receiver.type === 'mail') {
      const { mail } = this.#config;
      if (mail === null)
        return 'cannot be used: this cluster sends no e-mail (notify.smtp of the scheduler is not set)';
      const domain = receiver.address.slice(receiver.address.indexOf('@') + 1).toLowerCase();
      return mail.domains.includes(domain)
        ? null
        : `cannot be used: this cluster writes to addresses at ${mail.domains.join(', ')} only`;
    }
    if (this.#config.webhooksFile === null) {
      return 'cannot be used: this cluster sends no webhooks (notify.webhooks_file of the scheduler is not set)';
    }
    return this.secretFor(receiver.url) === null
      ? `cannot be used: ${receiver.url.origin} is not in the file of webhooks of this cluster; ask its administrator`
      : null;
  }

  /** What posts there are signed with; null = none may be sent. The whole origin goes before a wildcard. */
  secretFor(url: URL): string | null {
    this.#look();
    const exact = this.#origins.find(({ origin }) => origin === url.origin);
    return (exact ?? this.#origins.find(({ origin }) => isBelow(url, origin)))?.secret ?? null;
  }

  /** A file that cannot be read any more leaves what was read before in force, and that is said once. */
  #look(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#lookedMs < LOOK_MS) return;
    this.#lookedMs = nowMs;
    try {
      this.#read();
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      if (this.#stamp !== problem)
        this.#log.error({ problem }, 'the file of webhooks cannot be used; what it said before holds');
      this.#stamp = problem;
    }
  }

  #read(): void {
    const file = this.#config.webhooksFile;
    if (file === null) return;
    let text: string;
    try {
      const { ino, mtimeNs, size } = statSync(file, { bigint: true });
      const stamp = `${ino}/${mtimeNs}/${size}`;
      if (stamp === this.#stamp) return;
      if (size > MAX_FILE_BYTES) throw new Error(`${size} bytes are more than the ${MAX_FILE_BYTES} it may have`);
      text = readFileSync(file, 'utf8');
      this.#stamp = stamp;
    } catch (error) {
      throw new Error(`the file of webhooks ${file} cannot be read: ${whyUnusable(error)}`, { cause: error });
    }
    this.#origins = parseWebhooks(text, file);
  }
}

/** `https://*.example.org` is every name below example.org, on the usual port. */
function isBelow({ protocol, host }: URL, origin: string): boolean {
  const [, scheme, star, rest, port = ''] = ORIGIN.exec(origin) ?? [];
  return star !== undefined && protocol === `${scheme}:` && host.endsWith(`.${rest}${port}`);
}
