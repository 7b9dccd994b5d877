// Who may be told: addresses as users write them, origins as administrators permit them, and networks that are never reached.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../common/log.js';
import { isLocal, parseSmtp } from '../../scheduler/notify/mail-server.js';
import { AddressRule, parseNetworks } from '../../scheduler/notify/private-networks.js';
import { parseReceiver, parseWebhooks, Receivers } from '../../scheduler/notify/receivers.js';

const log = createLogger({ level: 'silent', name: 'test' });
const SECRET = 's'.repeat(16);

describe('an address', () => {
  const rule = new AddressRule([]);
  test.each([
    '127.0.0.1',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::7f00:1',
    '23::1',
    '2002:7f00:1::',
    '2001:db8::1',
    'fd00::1',
    'fe80::1',
    'ff02::1',
  ])('%s is none of the public internet', (address) => expect(rule.whyNot(address)).toContain('no public address'));

  test.each(['93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:2800:220:1::1', '::ffff:93.184.216.34'])(
    '%s is',
    (address) => expect(rule.whyNot(address)).toBeNull(),
  );

  test('may be reached where its network is permitted, and no other', () => {
    const permitting = new AddressRule(['10.1.0.0/16', 'fd00::/64']);
    expect(permitting.whyNot('10.1.2.3')).toBeNull();
    expect(permitting.whyNot('::ffff:10.1.2.3')).toBeNull();
    expect(permitting.whyNot('fd00::5')).toBeNull();
    expect(permitting.whyNot('10.2.0.1')).not.toBeNull();
    expect(permitting.whyNot('127.0.0.1')).not.toBeNull();
  });

  test('that a name resolves to is the one that counts', async () => {
    const looked = (one: AddressRule): Promise<string> =>
      new Promise((resolve) => {
        one.lookup('localhost', {}, (error, address) =>
          resolve(error === null ? (typeof address === 'string' ? address : 'several') : error.message),
        );
      });
    expect(await looked(rule)).toContain('no public address');
    expect(await looked(new AddressRule(['127.0.0.0/8', '::1/128']))).toMatch(/^(127\.0\.0\.1|::1)$/);
  });

  test.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'lab/8'])('%s is no network', (text) => {
    expect(parseNetworks([text])).toBeNull();
  });
});

describe('a receiver', () => {
  test.each([
    ['mailto:ada@example.org', 'mail'],
    ['https://ci.example.org/x?y=1', 'webhook'],
    ['http://[::1]:80/x', 'webhook'],
  ])('%s', (to, type) => expect(parseReceiver(to)).toMatchObject({ type }));

  test.each([
    'ada@example.org',
    'mailto:ada',
    'mailto:ada@example.org,bob@example.org',
    'mailto:ada@example.org?cc=bob@example.org',
    'mailto:a\r\nBcc: b@example.org',
    'ftp://example.org',
    'https://user:word@example.org/',
    'https://example.org/#part',
    `https://example.org/${'x'.repeat(500)}`,
  ])('is none: %j', (to) => expect(parseReceiver(to)).toBeTypeOf('string'));
});

describe('the file of webhooks', () => {
  test('is read line by line', () => {
    const text = `# ours\n\nhttps://ci.example.org ${SECRET}\r\n  http://ci.lab:8080\t${SECRET}  \n`;
    expect(parseWebhooks(text, 'f').map(({ origin }) => origin)).toEqual([
      'https://ci.example.org',
      'http://ci.lab:8080',
    ]);
  });

  test.each([
    ['ci.example.org secret', 'f:1: a line begins with an origin'],
    [`https://ci.example.org/path ${SECRET}`, 'f:1: a line begins with an origin'],
    ['\nhttps://ci.example.org word', 'f:2: the secret of https://ci.example.org has 4 characters; at least 16'],
    [`https://a.org ${SECRET} more`, 'nothing more'],
    [`https://a.org ${SECRET}\nhttps://a.org ${SECRET}`, 'f:2: https://a.org is there twice'],
  ])('says what is wrong with %j, and no secret', (text, says) => {
    expect(() => parseWebhooks(text, 'f')).toThrow(says);
    expect(() => parseWebhooks(text, 'f')).toThrow(expect.not.stringContaining(SECRET) as unknown as string);
  });
});

describe('what is permitted', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-notify-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const mail = {
    server: { host: 'localhost', port: 25, isTls: false, user: '' },
    passwordFile: null,
    from: 'sluice@example.org',
    domains: ['example.org'],
  };

  test('is nothing unless it is set', () => {
    const none = new Receivers({ webhooksFile: null, privateNetworks: [], mail: null }, log, () => 0);
    expect(none.whyNot('https://ci.example.org/')).toContain('sends no webhooks');
    expect(none.whyNot('mailto:ada@example.org')).toContain('sends no e-mail');
  });

  test('is what the file says: the whole origin first, names below a star, nothing that only looks like it', () => {
    const file = path.join(folder, 'webhooks');
    writeFileSync(
      file,
      `https://*.example.org wild-${SECRET}\nhttps://ci.example.org own-${SECRET}\nhttp://lab:8080 lab-${SECRET}\n`,
    );
    const some = new Receivers({ webhooksFile: file, privateNetworks: [], mail }, log, () => 0);
    const secret = (to: string) => some.secretFor(new URL(to));
    expect(secret('https://ci.example.org/x')).toBe(`own-${SECRET}`);
    expect(secret('https://CI.example.org:443/x')).toBe(`own-${SECRET}`);
    expect(secret('https://a.b.example.org/x')).toBe(`wild-${SECRET}`);
    expect(secret('http://lab:8080/')).toBe(`lab-${SECRET}`);
    for (const to of [
      'https://example.org/',
      'https://evilexample.org/',
      'https://ci.example.org.evil.net/',
      'https://ci.example.org:8443/',
      'http://ci.example.org/',
      'http://lab/',
      'https://evil.net/?.example.org',
    ]) {
      expect([to, secret(to)]).toEqual([to, null]);
      expect(some.whyNot(to)).toContain('is not in the file of webhooks');
    }
    expect(some.whyNot('mailto:ada@EXAMPLE.org')).toBeNull();
    expect(some.whyNot('mailto:ada@sub.example.org')).toContain('at example.org only');
  });

  test('follows the file, and stays as it was when it breaks', () => {
    let nowMs = 0;
    const file = path.join(folder, 'webhooks');
    const write = (text: string, at: number): void => {
      writeFileSync(file, text);
      utimesSync(file, at, at);
      nowMs += 10_000;
    };
    write(`https://a.org ${SECRET}\n`, 1);
    const some = new Receivers({ webhooksFile: file, privateNetworks: [], mail: null }, log, () => nowMs);
    expect(some.whyNot('https://a.org/')).toBeNull();
    write('nonsense\n', 2);
    expect(some.whyNot('https://a.org/')).toBeNull();
    write(`https://b.org ${SECRET}\n`, 3);
    expect(some.whyNot('https://a.org/')).not.toBeNull();
    expect(some.whyNot('https://b.org/')).toBeNull();
    expect(
      () => new Receivers({ webhooksFile: `${file}.gone`, privateNetworks: [], mail: null }, log, () => 0),
    ).toThrow('there is no such file');
  });
});

describe('a server for e-mail', () => {
  test.each([
    ['smtp://mail', { host: 'mail', port: 587, isTls: false, user: '' }],
    ['smtps://me%40x@mail:2465', { host: 'mail', port: 2465, isTls: true, user: 'me@x' }],
    ['smtp://[::1]:25', { host: '::1', port: 25, isTls: false, user: '' }],
  ])('%s', (text, server) => expect(parseSmtp(text)).toEqual(server));

  test.each(['mail:25', 'http://mail', 'smtp://me:word@mail', 'smtp://mail/path', 'smtp://mail?x=1'])(
    '%s is none',
    (text) => expect(parseSmtp(text)).toBeNull(),
  );

  test('is without encryption only on this machine', () => {
    expect(['localhost', '127.0.0.1', '127.8.0.1', '::1'].every((host) => isLocal({ host }))).toBe(true);
    expect(['mail', '10.0.0.1', '127.evil.net'].some((host) => isLocal({ host }))).toBe(false);
  });
});
