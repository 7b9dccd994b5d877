// Who gets in: tokens of users and of agents, files that change, files that are wrong.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Metadata, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../common/clock.js';
import { ApiError } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import { generateToken, hashToken } from '../../common/token.js';
import { type Authenticator, type CallerKind, createAuthenticator } from '../../scheduler/auth/authenticator.js';
import { generateTaskKey, taskToken } from '../../scheduler/auth/task-token.js';
import { parseAgentTokens, parseUserTokens } from '../../scheduler/auth/token-file.js';

let folder: string;
let users: string;
let agents: string;
let nowMs: number;
let logged: { readonly level: string; readonly facts: object; readonly message: string }[];

const clock: Clock = { wallMs: () => nowMs, monotonicMs: () => nowMs, after: () => ({ cancel: () => undefined }) };

function recordingLog(): Logger {
  const line =
    (level: string) =>
    (facts: object | string, message = ''): void => {
      logged.push(typeof facts === 'string' ? { level, facts: {}, message: facts } : { level, facts, message });
    };
  const log = { trace: line('trace'), debug: line('debug'), info: line('info'), warn: line('warn') };
  return { ...log, error: line('error'), fatal: line('fatal'), child: recordingLog };
}

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-auth-'));
  users = path.join(folder, 'tokens');
  agents = path.join(folder, 'agent-tokens');
  nowMs = 1000;
  logged = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(file: string, ...lines: readonly string[]): void {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
}

function authenticator(): Authenticator {
  return createAuthenticator({ tokensFile: users, agentTokensFile: agents }, recordingLog(), clock);
}

function bearing(...values: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (const value of values) metadata.add('authorization', value);
  return metadata;
}

/** The principal's name, or the code and reason of the refusal. */
function outcome(auth: Authenticator, metadata: Metadata, kind: CallerKind): string {
  try {
    const { name, role, node, kind: found } = auth.authenticate(metadata, 'ipv4:10.0.0.9:1', [kind]);
    return `${found} ${name} ${role} ${node ?? '*'}`;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    expect(error.message.split('\n').length).toBeLessThanOrEqual(3);
    return `${status[error.code]} ${error.reason}`;
  }
}

describe('tokens', () => {
  it('are 256 random bits with a prefix, and are stored as their digest', () => {
    const made = new Set(Array.from({ length: 100 }, generateToken));
    expect(made.size).toBe(100);
    for (const token of made) expect(token).toMatch(/^sluice-[A-Za-z0-9_-]{43}$/);
    // As `printf %s secret | sha256sum` prints it.
    expect(hashToken('secret')).toBe('sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b');
  });
});

describe('callers', () => {
  const ada = generateToken();
  const root = generateToken();
  const anyNode = generateToken();
  const oneNode = generateToken();

  let auth: Authenticator;
  beforeEach(() => {
    write(users, '# people', `${hashToken(ada)} ada`, '', `  ${hashToken(root)}   root@ops  admin  # night shift`);
    write(agents, `${hashToken(anyNode)} *`, `${hashToken(oneNode)} gpu-07`);
    auth = authenticator();
  });

  it.each<{ what: string; values: string[]; kind: CallerKind; is: string }>([
    { what: 'a user', values: [`Bearer ${ada}`], kind: 'user', is: 'user ada user *' },
    { what: 'a user with a role', values: [`bearer   ${root}`], kind: 'user', is: 'user root@ops admin *' },
    { what: 'an agent of any node', values: [`Bearer ${anyNode}`], kind: 'agent', is: 'agent agent user *' },
    { what: 'an agent of one node', values: [`Bearer ${oneNode}`], kind: 'agent', is: 'agent agent user gpu-07' },
    { what: 'nobody', values: [], kind: 'user', is: 'UNAUTHENTICATED TOKEN_MISSING' },
    { what: 'no agent', values: [], kind: 'agent', is: 'UNAUTHENTICATED TOKEN_MISSING' },
    { what: 'a stranger', values: ['Bearer sluice-guess'], kind: 'user', is: 'UNAUTHENTICATED TOKEN_INVALID' },
    { what: 'half a token', values: [`Bearer ${ada.slice(0, -1)}`], kind: 'user', is: 'UNAUTHENTICATED TOKEN_INVALID' },
    {
      what: 'the digest itself',
      values: [`Bearer ${hashToken(ada)}`],
      kind: 'user',
      is: 'UNAUTHENTICATED TOKEN_INVALID',
    },
    { what: 'another scheme', values: [`Basic ${ada}`], kind: 'user', is: 'UNAUTHENTICATED TOKEN_INVALID' },
    { what: 'a bare token', values: [ada], kind: 'user', is: 'UNAUTHENTICATED TOKEN_INVALID' },
    {
      what: 'two tokens',
      values: [`Bearer ${ada}`, `Bearer ${root}`],
      kind: 'user',
      is: 'UNAUTHENTICATED TOKEN_INVALID',
    },
    { what: 'a huge one', values: [`Bearer ${'x'.repeat(513)}`], kind: 'user', is: 'UNAUTHENTICATED TOKEN_INVALID' },
    { what: 'a user as agent', values: [`Bearer ${root}`], kind: 'agent', is: 'PERMISSION_DENIED TOKEN_FOR_USERS' },
    { what: 'an agent as user', values: [`Bearer ${anyNode}`], kind: 'user', is: 'PERMISSION_DENIED TOKEN_FOR_AGENTS' },
  ])('$what: $is', ({ values, kind, is }) => {
    expect(outcome(auth, bearing(...values), kind)).toBe(is);
  });

  describe('that are tasks', () => {
    const key = generateTaskKey();
    const token = taskToken(key, '01KAALLOCATION');
    const withKey = (taskKey: string | null) =>
      createAuthenticator({ tokensFile: users, agentTokensFile: agents, taskKey }, recordingLog(), clock);

    it('are known by the key alone, under another daemon too', () => {
      expect(withKey(key).authenticate(bearing(`Bearer ${token}`), 'peer', ['user', 'task'])).toEqual({
        kind: 'task',
        name: 'task',
        role: 'user',
        node: null,
        allocation: '01KAALLOCATION',
      });
      expect(token).toBe(taskToken(key, '01KAALLOCATION'));
    });

    it('are nobody else, and nobody else is one', () => {
      expect(outcome(withKey(key), bearing(`Bearer ${token}`), 'user')).toBe('PERMISSION_DENIED TOKEN_FOR_TASKS');
      expect(outcome(withKey(key), bearing(`Bearer ${token}`), 'agent')).toBe('PERMISSION_DENIED TOKEN_FOR_TASKS');
      expect(outcome(withKey(key), bearing(`Bearer ${root}`), 'task')).toBe('PERMISSION_DENIED TOKEN_FOR_USERS');
    });

    it.each([
      ['made with another key', generateTaskKey(), token],
      ['where there is no key', null, token],
      ['of another allocation', key, token.replace('01KAALLOCATION', '01KAALLOCATIOM')],
      ['cut short', key, token.slice(0, -1)],
      ['with something behind it', key, `${token}A`],
      ['without a signature', key, 'sluice-task.01KAALLOCATION.'],
      ['of nothing', key, 'sluice-task.'],
    ])('are not let in with a token %s', (_, taskKey, said) => {
      expect(outcome(withKey(taskKey), bearing(`Bearer ${said}`), 'task')).toBe('UNAUTHENTICATED TOKEN_INVALID');
    });

    it('differ in every allocation and under every key', () => {
      const made = new Set(['a', 'b', 'c'].flatMap((id) => [taskToken(key, id), taskToken(generateTaskKey(), id)]));
      expect(made.size).toBe(6);
    });
  });

  it('are refused with whatever text they come', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme-ascii', maxLength: 60 }),
        fc.constantFrom('user', 'agent'),
        (text, kind) => {
          expect(outcome(auth, bearing(`Bearer ${text}`), kind)).toBe('UNAUTHENTICATED TOKEN_INVALID');
        },
      ),
    );
  });

  it('never have their token in the log', () => {
    outcome(auth, bearing(`Bearer ${root}`), 'agent');
    outcome(auth, bearing('Bearer sluice-guess'), 'user');
    const text = JSON.stringify(logged);
    expect(logged).toHaveLength(2);
    expect(text).toContain('10.0.0.9');
    expect(text).not.toContain(root);
    expect(text).not.toContain('sluice-guess');
  });
});

describe('without tokens', () => {
  it('everybody is local, and that is said once', () => {
    const auth = createAuthenticator({ tokensFile: null, agentTokensFile: null }, recordingLog(), clock);
    expect(outcome(auth, bearing(), 'user')).toBe('user local admin *');
    expect(outcome(auth, bearing('Bearer whatever'), 'agent')).toBe('agent local admin *');
    expect(logged.map(({ message }) => message)).toEqual([
      'no tokens are asked for: every user of this machine may do everything',
    ]);
  });

  it('is not meant when only one file is named', () => {
    const options = { tokensFile: users, agentTokensFile: null };
    expect(() => createAuthenticator(options, recordingLog(), clock)).toThrow('tokens are asked of users and agents');
  });
});

describe('files that change', () => {
  const ada = generateToken();
  const bob = generateToken();
  const agent = generateToken();

  beforeEach(() => {
    write(users, `${hashToken(ada)} ada`);
    write(agents, `${hashToken(agent)} *`);
  });

  it('are read anew, at most every second', () => {
    const auth = authenticator();
    write(users, `${hashToken(bob)} bob`);
    nowMs += 999;
    expect(outcome(auth, bearing(`Bearer ${ada}`), 'user')).toBe('user ada user *');
    nowMs += 1;
    expect(outcome(auth, bearing(`Bearer ${ada}`), 'user')).toBe('UNAUTHENTICATED TOKEN_INVALID');
    expect(outcome(auth, bearing(`Bearer ${bob}`), 'user')).toBe('user bob user *');
  });

  it('stay as they were while they are wrong, which is said once', () => {
    const auth = authenticator();
    const good = `${hashToken(bob)} bob`;
    for (const wrong of [() => write(users, good, 'oops'), () => rmSync(users)]) {
      logged = [];
      wrong();
      for (let second = 0; second < 3; second += 1) {
        nowMs += 1000;
        expect(outcome(auth, bearing(`Bearer ${ada}`), 'user')).toBe('user ada user *');
        expect(outcome(auth, bearing(`Bearer ${bob}`), 'user')).toBe('UNAUTHENTICATED TOKEN_INVALID');
      }
      expect(logged.filter(({ level }) => level === 'error')).toHaveLength(1);
    }
    write(users, good);
    nowMs += 1000;
    expect(outcome(auth, bearing(`Bearer ${bob}`), 'user')).toBe('user bob user *');
  });

  it('may not come to share a token', () => {
    const auth = authenticator();
    write(agents, `${hashToken(ada)} *`);
    nowMs += 1000;
    expect(outcome(auth, bearing(`Bearer ${ada}`), 'agent')).toBe('PERMISSION_DENIED TOKEN_FOR_USERS');
    expect(JSON.stringify(logged.map(({ facts }) => String(Object.values(facts)[0])))).toContain('agent-tokens:1');
  });
});

describe('files at the start', () => {
  const good = `${hashToken('a')} ada`;

  it.each([
    { mode: 0o600, warns: false },
    { mode: 0o640, warns: false },
    { mode: 0o400, warns: false },
    { mode: 0o644, warns: true },
    { mode: 0o660, warns: true },
    { mode: 0o700, warns: true },
  ])('of mode $mode warn: $warns', ({ mode, warns }) => {
    write(users, good);
    write(agents);
    chmodSync(users, mode);
    authenticator();
    expect(logged.filter(({ level }) => level === 'warn')).toHaveLength(warns ? 1 : 0);
  });

  it('must be there, and share no token', () => {
    write(users, good);
    expect(authenticator).toThrow(/cannot read the tokens file .*agent-tokens: ENOENT/);
    write(agents, '', `${hashToken('a')} gpu-1`);
    expect(authenticator).toThrow(/agent-tokens:2: the same token as .*tokens:1/);
  });
});

describe('lines', () => {
  const digest = hashToken('x');

  it.each([
    { text: 'sluice-secret ada', why: 'a line begins with sha256: and 64 lower-case hexadecimal digits' },
    { text: `${digest.toUpperCase()} ada`, why: 'a line begins with sha256:' },
    { text: `${digest}0 ada`, why: 'a line begins with sha256:' },
    { text: digest, why: '"" is no name' },
    { text: `${digest} a/b`, why: '"a/b" is no name' },
    { text: `${digest} ${'a'.repeat(64)}`, why: 'is no name' },
    { text: `${digest} ada king`, why: '"king" is no role: user, admin' },
    { text: `${digest} ada admin too much`, why: '"too much" is too much' },
    { text: `${digest} ada\n${digest} bob`, why: 'the same token as in line 2' },
  ])('of users: $why', ({ text, why }) => {
    const line = text.includes('\n') ? 3 : 2;
    expect(() => parseUserTokens(`# head\n${text}\n`, '/etc/tokens')).toThrow(`/etc/tokens:${line}: `);
    expect(() => parseUserTokens(`# head\n${text}\n`, '/etc/tokens')).toThrow(why);
    expect(() => parseUserTokens(`# head\n${text}\n`, '/etc/tokens')).not.toThrow('secret');
  });

  it.each([
    { text: digest, why: '"" is no node' },
    { text: `${digest} GPU_7`, why: '"GPU_7" is no node' },
    { text: `${digest} gpu-7 admin`, why: '"admin" is too much' },
  ])('of agents: $why', ({ text, why }) => {
    expect(() => parseAgentTokens(text, 'f')).toThrow(`f:1: ${why}`);
  });

  it('may have comments, blank lines, and ends of every system', () => {
    expect(parseUserTokens(`#x\r\n\r\n${digest}\tada # y\r\n   # z`, 'f')).toEqual([
      { digest: digest.slice(7), line: 3, principal: 'ada', role: 'user' },
    ]);
    expect(parseAgentTokens('', 'f')).toEqual([]);
  });
});
