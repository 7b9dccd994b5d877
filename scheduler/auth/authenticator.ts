// Tells who calls, by bearer tokens: static ones whose digests lie in two files, one for people and programs, one for agents; and
// those that tasks were given.
// May assume that the configuration allows no tokens at all only where nobody but this machine can connect.
import { createHash, timingSafeEqual } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import type { Metadata } from '@grpc/grpc-js';
import { invariant } from '../../common/assert.js';
import { type Clock, systemClock } from '../../common/clock.js';
import { ApiError } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import { allocationOf, looksLikeTaskToken } from './task-token.js';
import {
  type AgentEntry,
  type FileVersion,
  parseAgentTokens,
  parseUserTokens,
  readTokenFile,
  type Role,
  TokenFileError,
  type UserEntry,
  versionOf,
} from './token-file.js';

/** What a caller wants to be taken for: a person or a program of theirs, a node-agent, a program inside a task. */
export type CallerKind = 'user' | 'agent' | 'task';

/** Who calls. */
export interface Principal {
  readonly kind: CallerKind;
  /** The owner of what it submits: the name in the tokens file, `agent` for agents, `task`, `local` where there are no tokens. */
  readonly name: string;
  readonly role: Role;
  /** The one node an agent's token is for; null = any. */
  readonly node: string | null;
  /** Of a task: its allocation, which may have ended since. Absent = it is none. */
  readonly allocation?: string;
}

export interface Authenticator {
  /**
   * @param peer the address of the caller, for the log
   * @param kinds who may make this call
   * @throws ApiError UNAUTHENTICATED (`TOKEN_MISSING`, `TOKEN_INVALID`); PERMISSION_DENIED (`TOKEN_FOR_AGENTS`,
   *   `TOKEN_FOR_USERS`, `TOKEN_FOR_TASKS`) when the token is good for another kind of caller
   */
  authenticate(metadata: Metadata, peer: string, kinds: readonly CallerKind[]): Principal;
}

export interface AuthenticatorOptions {
  /** Null = nobody needs a token. Both files or none. */
  readonly tokensFile: string | null;
  readonly agentTokensFile: string | null;
  /** The key that tokens of tasks are made with; null or absent = there are none. */
  readonly taskKey?: string | null;
}

/** How often the files are looked at for a change, at most. */
const CHECK_MS = 1000;
/** Longer ones are none of ours. */
const MAX_TOKEN_CHARACTERS = 512;
/** What a file of tokens may allow at most: the owner writes, the group reads. */
const WIDEST_MODE = 0o640;

const LOCAL: Omit<Principal, 'kind'> = { name: 'local', role: 'admin', node: null };

/**
 * Reads the files of tokens and watches them for changes. A change that cannot be used is logged, and the tokens before it
 * stay good: a slip of the pen must not lock everybody out.
 * @throws TokenFileError when a file cannot be used at the start
 */
export function createAuthenticator(
  options: AuthenticatorOptions,
  log: Logger,
  clock: Clock = systemClock,
): Authenticator {
  const { tokensFile, agentTokensFile } = options;
  if (tokensFile === null || agentTokensFile === null) {
    invariant(tokensFile === agentTokensFile, 'tokens are asked of users and agents, or of nobody', String(tokensFile));
    log.info('no tokens are asked for: every user of this machine may do everything');
    return { authenticate: (_metadata, _peer, [kind = 'user']) => ({ kind, ...LOCAL }) };
  }
  const files = new TokenFiles(tokensFile, agentTokensFile, log, clock);
  const { taskKey = null } = options;
  return {
    authenticate: (metadata, peer, kinds) => {
      const secret = bearerToken(metadata);
      const principal = looksLikeTaskToken(secret) ? taskOf(secret, taskKey) : files.current().find(digestOf(secret));
      if (principal === null) {
        log.warn({ peer, kinds }, 'refused a call: unknown token');
        throw invalid(
          'the token is not known here\nAsk the operator for one, or check which file or variable yours is from.',
        );
      }
      if (!kinds.includes(principal.kind)) {
        log.warn({ peer, kinds, principal: principal.name }, 'refused a call: token of another kind');
        throw wrongKind(principal.kind);
      }
      return principal;
    },
  };
}

function taskOf(secret: string, key: string | null): Principal | null {
  const allocation = key === null ? null : allocationOf(key, secret);
  return allocation === null ? null : { kind: 'task', name: 'task', role: 'user', node: null, allocation };
}

/** @throws ApiError UNAUTHENTICATED */
function bearerToken(metadata: Metadata): string {
  const [value, ...more] = metadata.get('authorization');
  if (value === undefined) {
    throw new ApiError({
      code: status.UNAUTHENTICATED,
      reason: 'TOKEN_MISSING',
      message:
        'this scheduler asks for a token and the call carries none\n' + 'Set SLUICE_TOKEN, or give --token-file FILE.',
    });
  }
  const secret = /^Bearer +(\S+)$/i.exec(String(value))?.[1];
  if (secret === undefined || more.length > 0 || secret.length > MAX_TOKEN_CHARACTERS) {
    throw invalid('the header "authorization" must be given once, as "Bearer TOKEN"');
  }
  return secret;
}

function invalid(message: string): ApiError {
  return new ApiError({ code: status.UNAUTHENTICATED, reason: 'TOKEN_INVALID', message });
}

/** What somebody is told whose token is good for other calls. */
const WRONG_KIND: Readonly<Record<CallerKind, { readonly reason: string; readonly message: string }>> = {
  agent: {
    reason: 'TOKEN_FOR_AGENTS',
    message: 'this token is for a node-agent and opens nothing else\nUse a token from the file of users.',
  },
  user: {
    reason: 'TOKEN_FOR_USERS',
    message: 'this token is for users, and an agent needs one of its own\nAsk the operator for a token of this node.',
  },
  task: {
    reason: 'TOKEN_FOR_TASKS',
    message:
      'this token is for the program of a task: it reads and cancels its own workload, and opens nothing else\n' +
      'For anything else give a token of yours: --token-file FILE.',
  },
};

function wrongKind(kind: CallerKind): ApiError {
  return new ApiError({ code: status.PERMISSION_DENIED, ...WRONG_KIND[kind] });
}

function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret, 'utf8').digest();
}

/** The tokens of both files at one time. */
class TokenTable {
  readonly #byPrefix = new Map<string, { readonly digest: Buffer; readonly principal: Principal }[]>();

  constructor(users: readonly UserEntry[], agents: readonly AgentEntry[]) {
    for (const { digest, principal, role } of users) {
      this.#add(digest, { kind: 'user', name: principal, role, node: null });
    }
    for (const { digest, node } of agents) this.#add(digest, { kind: 'agent', name: 'agent', role: 'user', node });
  }

  /**
   * Compares in constant time those whose first 32 bits agree. Finding them tells an attacker nothing: the digest of a guess
   * cannot be steered towards that of a token.
   */
  find(digest: Buffer): Principal | null {
    const candidates = this.#byPrefix.get(prefixOf(digest)) ?? [];
    return candidates.find((candidate) => timingSafeEqual(candidate.digest, digest))?.principal ?? null;
  }

  #add(hex: string, principal: Principal): void {
    const digest = Buffer.from(hex, 'hex');
    const prefix = prefixOf(digest);
    this.#byPrefix.set(prefix, [...(this.#byPrefix.get(prefix) ?? []), { digest, principal }]);
  }
}

function prefixOf(digest: Buffer): string {
  return digest.toString('hex', 0, 4);
}

/** The two files as they were last read. */
class TokenFiles {
  readonly #usersFile: string;
  readonly #agentsFile: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  #stamp: string;
  #table: TokenTable;
  /** What was last said about files that cannot be used, so that it is said once. */
  #complaint = '';
  #checkedMs: number;

  /** @throws TokenFileError when a file cannot be used */
  constructor(usersFile: string, agentsFile: string, log: Logger, clock: Clock) {
    this.#usersFile = usersFile;
    this.#agentsFile = agentsFile;
    this.#log = log;
    this.#clock = clock;
    this.#checkedMs = clock.monotonicMs();
    const versions = this.#versions();
    this.#stamp = stampOf(versions);
    this.#table = this.#read(versions);
  }

  /** As of at most {@link CHECK_MS} ago. */
  current(): TokenTable {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#checkedMs < CHECK_MS) return this.#table;
    this.#checkedMs = nowMs;
    try {
      const versions = this.#versions();
      const stamp = stampOf(versions);
      if (stamp === this.#stamp) return this.#table;
      // Before the reading, so that a file that cannot be used is complained about once and not every second.
      this.#stamp = stamp;
      this.#table = this.#read(versions);
      this.#log.info({ files: [this.#usersFile, this.#agentsFile] }, 'tokens were read anew');
      this.#complaint = '';
    } catch (error) {
      if (!(error instanceof TokenFileError)) throw error;
      if (error.message !== this.#complaint) {
        this.#log.error({ err: error }, 'the changed tokens cannot be used; those before the change stay good');
      }
      this.#complaint = error.message;
    }
    return this.#table;
  }

  #versions(): readonly FileVersion[] {
    return [this.#usersFile, this.#agentsFile].map(versionOf);
  }

  #read(versions: readonly FileVersion[]): TokenTable {
    const files = [this.#usersFile, this.#agentsFile];
    for (const [index, { mode }] of versions.entries()) {
      if ((mode & ~WIDEST_MODE) === 0) continue;
      const shown = mode.toString(8).padStart(4, '0');
      this.#log.warn(
        { file: files[index], mode: shown },
        'others may read or change this file of tokens; chmod it 0600',
      );
    }
    const users = parseUserTokens(readTokenFile(this.#usersFile), this.#usersFile);
    const agents = parseAgentTokens(readTokenFile(this.#agentsFile), this.#agentsFile);
    const userLines = new Map(users.map(({ digest, line }) => [digest, line]));
    for (const { digest, line } of agents) {
      const other = userLines.get(digest);
      if (other === undefined) continue;
      throw new TokenFileError(
        `${this.#agentsFile}:${line}: the same token as ${this.#usersFile}:${other}; a user's token must not open an agent's door`,
      );
    }
    return new TokenTable(users, agents);
  }
}

function stampOf(versions: readonly FileVersion[]): string {
  return versions.map(({ stamp }) => stamp).join(' ');
}
