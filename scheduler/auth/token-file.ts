// Reads files of token digests: one token a line, what it may be used for behind it. Pure but for the reading itself.
import { readFileSync, statSync } from 'node:fs';

/** Who may use the API, as one line of the users' file says. */
export interface UserEntry {
  readonly digest: string;
  readonly line: number;
  readonly principal: string;
  readonly role: Role;
}

/** Which node a token is for, as one line of the agents' file says; null = any. */
export interface AgentEntry {
  readonly digest: string;
  readonly line: number;
  readonly node: string | null;
}

export const ROLES = ['user', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A file of tokens that cannot be used; the message names file and line. */
export class TokenFileError extends Error {
  override readonly name = 'TokenFileError';
}

/** What tells one version of a file from the next without reading it. */
export interface FileVersion {
  readonly stamp: string;
  /** Permission bits, for example 0o600. */
  readonly mode: number;
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** At about 100 bytes a line this is what the largest file holds. */
const MAX_ENTRIES = 40_000;
const DIGEST = /^sha256:([0-9a-f]{64})$/;
/** Also the owner of workloads and the first half of a request's key, which is why it has no slash. */
const PRINCIPAL = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$/;
const NODE = /^[a-z0-9][a-z0-9.-]{0,62}$/;

/** `sha256:<hex> <principal> [role]` a line; the role is `user` when absent. @throws {@link TokenFileError} */
export function parseUserTokens(text: string, file: string): readonly UserEntry[] {
  return parse(text, file, ([principal = '', role = 'user', ...rest], fail) => {
    if (!PRINCIPAL.test(principal)) fail(`"${principal}" is no name: 1 to 63 of letters, digits and . _ @ + -`);
    if (!isRole(role)) fail(`"${role}" is no role: ${ROLES.join(', ')}`);
    if (rest.length > 0) fail(`"${rest.join(' ')}" is too much: a line is "sha256:HEX NAME [ROLE]"`);
    return { principal, role: role as Role };
  });
}

/** `sha256:<hex> <node name or *>` a line. @throws {@link TokenFileError} */
export function parseAgentTokens(text: string, file: string): readonly AgentEntry[] {
  return parse(text, file, ([node = '', ...rest], fail) => {
    if (node !== '*' && !NODE.test(node)) fail(`"${node}" is no node: a node's name, or * for any`);
    if (rest.length > 0) fail(`"${rest.join(' ')}" is too much: a line is "sha256:HEX NODE"`);
    return { node: node === '*' ? null : node };
  });
}

/** @throws {@link TokenFileError} when the file cannot be read */
export function readTokenFile(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > MAX_FILE_BYTES) throw new Error(`${size} bytes are more than the ${MAX_FILE_BYTES} it may have`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw cannotRead(file, error);
  }
}

/** @throws {@link TokenFileError} when the file is not there */
export function versionOf(file: string): FileVersion {
  try {
    const { ino, mtimeNs, size, mode } = statSync(file, { bigint: true });
    return { stamp: `${ino}/${mtimeNs}/${size}`, mode: Number(mode) & 0o777 };
  } catch (error) {
    throw cannotRead(file, error);
  }
}

function cannotRead(file: string, error: unknown): TokenFileError {
  return new TokenFileError(
    `cannot read the tokens file ${file}: ${error instanceof Error ? error.message : String(error)}`,
    {
      cause: error,
    },
  );
}

function isRole(word: string): word is Role {
  return (ROLES as readonly string[]).includes(word);
}

interface Entry {
  readonly digest: string;
  readonly line: number;
}

function parse<Use extends object>(
  text: string,
  file: string,
  parseUse: (words: readonly string[], fail: (why: string) => never) => Use,
): readonly (Entry & Use)[] {
  const entries: (Entry & Use)[] = [];
  const seenAt = new Map<string, number>();
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const fail = (why: string): never => {
      throw new TokenFileError(`${file}:${line}: ${why}`);
    };
    const [first = '', ...words] = raw
      .replace(/(^|\s)#.*$/, '')
      .trim()
      .split(/\s+/);
    if (first === '') continue;
    // The word itself is not shown: it may be a token that somebody forgot to hash.
    const digest = DIGEST.exec(first)?.[1];
    if (digest === undefined) {
      return fail(
        'a line begins with sha256: and 64 lower-case hexadecimal digits, as `sluice token hash` prints them',
      );
    }
    const before = seenAt.get(digest);
    if (before !== undefined) fail(`the same token as in line ${before}`);
    if (entries.length >= MAX_ENTRIES) fail(`more than ${MAX_ENTRIES} tokens`);
    seenAt.set(digest, line);
    entries.push({ digest, line, ...parseUse(words, fail) });
  }
  return entries;
}
