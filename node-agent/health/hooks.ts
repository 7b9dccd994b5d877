// Programs of the site that the agent runs: before a task (prolog), after it (epilog), and now and then (health check). Each is a
// process group of its own with a time limit, gets nothing of the user's environment, and what it prints is kept.
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../common/clock.js';
import type { Logger } from '../../common/log.js';
import { type CommandResult, ProcessGroups } from '../gpu/process-group.js';
import { quote } from '../gpu/smi-failure.js';
import type { Grant } from '../session/allocation.js';

export interface Hook {
  /** An executable file. */
  readonly file: string;
  readonly limitMs: number;
}

/** Absent = there is none. */
export interface HookOptions {
  readonly prolog?: Hook;
  readonly epilog?: Hook;
  readonly healthCheck?: Hook;
  /** Between two health checks. */
  readonly everyMs: number;
}

/** A longer epilog would make GPUs count as not clean (see `CLEAN_LIMIT_MS`). */
export const MAX_EPILOG_MS = 50_000;
/** What one run may print. */
const MAX_OUTPUT_BYTES = 1024 * 1024;
/** Outputs that are kept, the newest. */
export const MAX_KEPT_OUTPUTS = 200;

type HookName = 'prolog' | 'epilog' | 'health-check';
export type HookOutcome =
  | { readonly state: 'passed' }
  /** `why` begins with how it failed: `exit code 3: no scratch`. */
  | { readonly state: 'failed'; readonly why: string }
  /** The agent is ending: nothing is known. */
  | { readonly state: 'closed' };

const PASSED: HookOutcome = { state: 'passed' };

/** The hooks of one node. */
export class Hooks {
  readonly #options: HookOptions;
  readonly #folder: string;
  readonly #node: string;
  readonly #log: Logger;
  /** One for each hook, so that one that is stuck in the kernel does not keep the others from running. */
  readonly #groups: Readonly<Record<HookName, ProcessGroups>>;

  /** @param folder where outputs are kept */
  constructor(
    options: HookOptions,
    about: { readonly node: string; readonly folder: string },
    { clock, log }: { readonly clock: Clock; readonly log: Logger },
  ) {
    this.#options = options;
    this.#node = about.node;
    this.#folder = about.folder;
    this.#log = log;
    const [prolog, epilog, check] = [new ProcessGroups(clock), new ProcessGroups(clock), new ProcessGroups(clock)];
    this.#groups = { prolog, epilog, 'health-check': check };
  }

  /** Time between two health checks, in ms; null = there is none. */
  get checkEveryMs(): number | null {
    return this.#options.healthCheck === undefined ? null : this.#options.everyMs;
  }

  get hasProlog(): boolean {
    return this.#options.prolog !== undefined;
  }

  prolog(task: Grant): Promise<HookOutcome> {
    return this.#run('prolog', this.#options.prolog, task);
  }

  epilog(task: Grant): Promise<HookOutcome> {
    return this.#run('epilog', this.#options.epilog, task);
  }

  healthCheck(): Promise<HookOutcome> {
    return this.#run('health-check', this.#options.healthCheck, null);
  }

  async close(): Promise<void> {
    await Promise.all(Object.values(this.#groups).map((group) => group.close()));
  }

  async #run(name: HookName, hook: Hook | undefined, task: Grant | null): Promise<HookOutcome> {
    if (hook === undefined) return PASSED;
    const result = await this.#groups[name].run({
      file: hook.file,
      args: [],
      environment: this.#environment(name, task),
      limitMs: hook.limitMs,
      maxBytes: MAX_OUTPUT_BYTES,
      answersBy: 'exit',
    });
    if (result.state === 'closed') return result;
    if (result.state === 'answered') this.#keep(task?.id ?? 'node', name, `${result.stdout}${result.stderr}`);
    const why = whyFailed(hook, result);
    if (why === null) return PASSED;
    this.#log.error({ hook: name, file: hook.file, allocation: task?.id }, `the ${name} failed: ${why}`);
    return { state: 'failed', why };
  }

  #environment(name: HookName, task: Grant | null): NodeJS.ProcessEnv {
    const own = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', SLUICE_HOOK: name };
    if (task === null) return { ...own, SLUICE_NODE: this.#node };
    return {
      ...own,
      SLUICE_NODE: this.#node,
      SLUICE_ALLOCATION_ID: task.id,
      SLUICE_WORKLOAD: String(task.workload),
      SLUICE_ATTEMPT: String(task.attempt),
      SLUICE_TASK: String(task.task),
      SLUICE_GPU_UUIDS: task.gpus.map(({ uuid, instance }) => instance || uuid).join(','),
      SLUICE_GPU_INDEXES: task.gpus.map(({ index }) => index).join(','),
    };
  }

  /** Keeps what it printed, and lets the oldest go. */
  #keep(what: string, name: HookName, output: string): void {
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(path.join(this.#folder, `${what}.${name}.log`), output, { mode: 0o600 });
      const kept = readdirSync(this.#folder);
      if (kept.length <= MAX_KEPT_OUTPUTS) return;
      const byAge = kept
        .map((file) => ({ file, timeMs: statSync(path.join(this.#folder, file)).mtimeMs }))
        .toSorted((a, b) => a.timeMs - b.timeMs);
      for (const { file } of byAge.slice(0, kept.length - MAX_KEPT_OUTPUTS)) rmSync(path.join(this.#folder, file));
    } catch (error) {
      this.#log.warn({ err: error }, `the output of the ${name} cannot be kept`);
    }
  }
}

/** In words, with the last line that it printed; null = it passed. */
function whyFailed({ file, limitMs }: Hook, result: Exclude<CommandResult, { state: 'closed' }>): string | null {
  switch (result.state) {
    case 'answered': {
      if (result.exitCode === 0) return null;
      const lines = `${result.stdout}\n${result.stderr}`.split('\n').filter((line) => line.trim() !== '');
      const said = quote(lines.at(-1) ?? '');
      const how = result.exitCode === null ? 'ended by a signal' : `exit code ${result.exitCode}`;
      return said === '' ? how : `${how}: ${said}`;
    }
    case 'missing':
      return `${file} does not exist, or its interpreter`;
    case 'not-started':
      return `${file} could not be started: ${quote(result.message)}`;
    case 'timed-out':
      return `it did not end within ${limitMs / 1_000} s and was killed`;
    case 'too-long':
      return `it printed more than ${MAX_OUTPUT_BYTES / 1024 / 1024} MiB and was killed`;
    case 'stuck':
      return `an earlier run of it (process group ${result.pid}) was killed ${Math.round(result.sinceMs / 1_000)} s ago and does not end`;
  }
}
