// The tokens that tasks are given: each is computed from the cluster's key and the id of its allocation, so that none is stored, and a
// daemon that takes over knows them all. Whether its task still runs is for whoever reads the state.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** No token that is made for people begins so: theirs have no dot. */
const PREFIX = 'sluice-task.';
const TOKEN = /^sluice-task\.([0-9A-Za-z]{1,64})\.([A-Za-z0-9_-]{43})$/;
/** What is signed begins with what it is for, so that the key may come to sign other things, too. */
const PURPOSE = 'task token 1';
const KEY_BYTES = 32;

/** A new key of a cluster: 256 random bits as base64url. */
export function generateTaskKey(): string {
  return randomBytes(KEY_BYTES).toString('base64url');
}

/** The token of an allocation; always the same under one key. About 5 µs. */
export function taskToken(key: string, allocation: string): string {
  return `${PREFIX}${allocation}.${signature(key, allocation).toString('base64url')}`;
}

/** Whether a secret claims to be the token of a task. */
export function looksLikeTaskToken(secret: string): boolean {
  return secret.startsWith(PREFIX);
}

/** The allocation that a token was made for; null = it was not made with this key. */
export function allocationOf(key: string, token: string): string | null {
  const [, allocation, told = ''] = TOKEN.exec(token) ?? [];
  if (allocation === undefined) return null;
  return timingSafeEqual(signature(key, allocation), Buffer.from(told, 'base64url')) ? allocation : null;
}

function signature(key: string, allocation: string): Buffer {
  return createHmac('sha256', Buffer.from(key, 'base64url')).update(`${PURPOSE}\n${allocation}`, 'utf8').digest();
}
