// Bearer tokens as both ends see them: how one is made, and what is written down of it. The secret itself is kept nowhere.
import { createHash, randomBytes } from 'node:crypto';

/** So that people and secret scanners recognise one. */
const PREFIX = 'sluice-';
/** 256 bits: no use in guessing, so a plain digest without salt is enough to store. */
const SECRET_BYTES = 32;
/** A longer one is a file of something else. */
const MAX_TOKEN_CHARACTERS = 4_096;

/** A new token, for example `sluice-3q2-…`: 256 random bits as base64url behind a prefix. */
export function generateToken(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64url');
}

/** What a tokens file holds of a token: `sha256:` and 64 hexadecimal digits. */
export function hashToken(secret: string): string {
  return `sha256:${createHash('sha256').update(secret, 'utf8').digest('hex')}`;
}

/**
 * Whether a text can be sent as a token at all: no header takes line breaks, control characters or more than ASCII.
 * @returns why not, without a word of it: it may be a secret all the same; null = it can
 */
export function whyNoToken(secret: string): string | null {
  if (secret === '') return 'it is empty';
  if (secret.length > MAX_TOKEN_CHARACTERS) return `it has more than ${MAX_TOKEN_CHARACTERS} characters`;
  return /^[!-~]+$/.test(secret) ? null : 'it holds spaces, line breaks or other characters that no token has';
}
