// Which user of this machine runs the tasks of whom: what the administrator said, and the user database.
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { whyUnusable } from '../../common/why-unusable.js';
import type { TaskUser } from './as-user.js';

/** Who runs tasks; nobody named = the agent's own user. */
export interface RunAs {
  /** For everybody who is not in the map; null = those are refused if there is a map. */
  readonly user: string | null;
  /** A file of YAML, `submitter: local user`; null = there is none. */
  readonly mapFile: string | null;
}

/** How long the user database may take, in ms: it may be a server that is away. */
const LOOKUP_LIMIT_MS = 10_000;
/** A map beyond that is none of ours. */
const MAX_MAP_CHARACTERS = 4 * 1024 * 1024;
/** How long its answer is used, in ms. */
const REMEMBERED_MS = 300_000;

const run = promisify(execFile);
const UserMap = z.record(z.string(), z.string().min(1));

/** Finds the users for tasks; remembers them for a while. */
export class TaskUsers {
  readonly #runAs: RunAs;
  readonly #known = new Map<string, { readonly user: TaskUser; readonly untilMs: number }>();
  #map: { readonly names: Readonly<Record<string, string>>; readonly writtenMs: number } | null = null;

  constructor(runAs: RunAs) {
    this.#runAs = runAs;
  }

  /** Whether tasks run as anybody else than the agent. */
  get areOthers(): boolean {
    return this.#runAs.user !== null || this.#runAs.mapFile !== null;
  }

  /**
   * The user for the work of a submitter; null = the agent's own.
   * @throws Error in words when there is none for it, or it cannot be found out
   */
  async find(owner: string): Promise<TaskUser | null> {
    if (!this.areOthers) return null;
    const name = this.#mapped(owner) ?? this.#runAs.user;
    if (name === null) {
      throw new Error(`${owner} is no user here: the administrator of this node adds a line to ${this.#runAs.mapFile}`);
    }
    const known = this.#known.get(name);
    if (known !== undefined && performance.now() < known.untilMs) return known.user;
    const user = await lookUp(name);
    // Whoever shall be root is named for it; a map that says so is a slip.
    if (user.uid === 0 && name !== this.#runAs.user) {
      throw new Error(`${owner} may not be ${name} on this node: only --run-as makes tasks run as root`);
    }
    this.#known.set(name, { user, untilMs: performance.now() + REMEMBERED_MS });
    return user;
  }

  /** Read anew when it changed. */
  #mapped(owner: string): string | undefined {
    const { mapFile } = this.#runAs;
    if (mapFile === null) return undefined;
    const writtenMs = statSync(mapFile).mtimeMs;
    if (this.#map?.writtenMs !== writtenMs) this.#map = { names: readUserMap(mapFile), writtenMs };
    return Object.hasOwn(this.#map.names, owner) ? this.#map.names[owner] : undefined;
  }
}

/** Reads `submitter: local user` lines. @throws Error in words */
export function readUserMap(file: string): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`the user map ${file} cannot be read: ${whyUnusable(error)}`, { cause: error });
  }
  if (text.length > MAX_MAP_CHARACTERS) {
    throw new Error(`the user map ${file} is larger than ${MAX_MAP_CHARACTERS} characters`);
  }
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new Error(`the user map ${file} is no YAML: ${(error as Error).message.trimEnd()}`, { cause: error });
  }
  const parsed = UserMap.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const { path = [], message } = parsed.error.issues[0] ?? {};
  const where = path.length === 0 ? '' : `${path.join('.')}: `;
  throw new Error(`${file} is no list of "submitter: local user": ${where}${message ?? ''}`);
}

/** @throws Error in words when there is no such user here: known at the start, it costs nobody's work */
export async function checkUser(name: string): Promise<void> {
  await lookUp(name);
}

async function lookUp(name: string): Promise<TaskUser> {
  const { stdout } = await run('getent', ['passwd', '--', name], { timeout: LOOKUP_LIMIT_MS }).catch(
    (error: NodeJS.ErrnoException & { killed?: boolean }) => {
      // It ends with 2 where there is no such user.
      if (Number(error.code) === 2) throw new Error(`there is no user ${name} on this node`);
      const why = error.killed === true ? `no answer in ${LOOKUP_LIMIT_MS / 1_000} s` : error.message;
      throw new Error(`the user ${name} could not be looked up on this node: ${why}`);
    },
  );
  return parsePasswd(stdout);
}

/** Reads a line of passwd(5). @throws Error when it is none */
export function parsePasswd(line: string): TaskUser {
  const [name = '', , uid = '', gid = '', , home = '/', loginShell = ''] = line.trim().split(':');
  if (!/^\d+$/.test(uid) || !/^\d+$/.test(gid)) throw new Error(`"${line.trim()}" is no user of this machine`);
  return { name, uid: Number(uid), gid: Number(gid), home, loginShell: loginShell || '/bin/sh' };
}
