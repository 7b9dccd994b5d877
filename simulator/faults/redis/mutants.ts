// Bugs of a scheduler that shares its store, put in on purpose: each is seen within the seeds of its theme.
import type { Mutant } from '../mutants.js';
import type { RedisThemeName } from './themes.js';

const STORE = 'scheduler/store/redis/redis-store.js';
const LEADERSHIP = 'scheduler/store/redis/redis-leadership.js';
const RECOVERY = 'scheduler/control/recovery.js';
const RECONCILE = 'scheduler/fleet/reconcile.js';
const WITNESS = 'scheduler/fleet/witness.js';
/** What the scripts do on a real server is done here in a world. */
const SCRIPTS = 'simulator/faults/redis/data.js';

function mutant(name: string, theme: RedisThemeName, ...edits: readonly (readonly [string, string, string])[]): Mutant {
  return { name, theme, edits: edits.map(([file, find, replace]) => ({ file, find, replace })) };
}

const NO_WAIT = [
  STORE,
  'return copies === 0 || (await port.waitForCopies(copies, copyLimitMs)) >= copies;',
  'return true;',
] as const;
/** Agents that know of no more than they obeyed; those that heard of what was lost would tell of it before harm is done. */
const UNTOLD_HOW_FAR = [
  'scheduler/fleet/session.js',
  'heartbeatReply: { sequence, revision: this.#deps.loop.position.revision }',
  'heartbeatReply: { sequence }',
] as const;
/** A leader that never learns that another one leads. */
const NEVER_DEPOSED = [
  [LEADERSHIP, 'return !this.#isOver && this.#options.clock.bootMs() < this.#freshUntilMs;', 'return true;'],
  [LEADERSHIP, 'if (claim !== null && claim.card.id !== card.id) {', 'if (false) {'],
] as const;

export const REDIS_MUTANTS: readonly Mutant[] = [
  mutant('publish before there are copies', 'doubt', NO_WAIT),
  // It would find out while idle that another one began a term.
  mutant('a deposed leader goes on', 'split', ...NEVER_DEPOSED, [
    STORE,
    'else if (!isSameTerm(head, known)) {',
    'else if (false) {',
  ]),
  mutant('renew a claim whoever has it', 'takeover', [
    SCRIPTS,
    'if (held !== null && held.card.id !== card.id)',
    'if (false)',
  ]),
  mutant('the script ignores the revision', 'doubt', [
    SCRIPTS,
    'if (!follows || before.revision !== batch.after)',
    'if (!follows)',
  ]),
  mutant('take a doubtful answer for a success', 'doubt', [
    STORE,
    'if (doubtful.length > 0 || !copies.isCopied)',
    'if (false)',
  ]),
  mutant('take what stands in our place for ours', 'takeover', [STORE, 'if (!isOurs)', 'if (false)'], ...NEVER_DEPOSED),
  mutant('say nothing of a copy that may lack commits', 'lost copies', [
    RECOVERY,
    "if ((loss !== null || doubt !== null) && leaderId !== '') {",
    "if (loss !== null && leaderId !== '') {",
  ]),
  mutant(
    'place at once on a copy that may lack commits',
    'lost placement',
    [RECOVERY, "recovery: { why: 'copy_changed', sinceMs: nowMs, adopted: 0 }", 'recovery: null'],
    UNTOLD_HOW_FAR,
  ),
  mutant('do not hear agents that know more than a promoted copy', 'lost copies', [
    WITNESS,
    'if (!isBeyondUs && !isBeyondNext)',
    'if (true)',
  ]),
  mutant('adopt nothing after a lost suffix', 'lost copies', [
    RECONCILE,
    'past.knowsMore ? adoptAll(draft, id, observed, past.origins, nowMs) : NOTHING_ADOPTED',
    'NOTHING_ADOPTED',
  ]),
  mutant('take an emptied Redis for a new one', 'redis anything', [
    RECOVERY,
    'if (before === null && lostClusterId !== null) {',
    'if (false) {',
  ]),
  mutant('take what a returning leader knew for what the records have', 'lost copies', [
    RECOVERY,
    '{ ...left, revision: position.revision }',
    'left',
  ]),
  mutant('be content with one copy too few', 'doubt', [
    STORE,
    '(await port.waitForCopies(copies, copyLimitMs)) >= copies',
    '(await port.waitForCopies(copies, copyLimitMs)) >= copies - 1',
  ]),
  mutant('settle a doubt without copies', 'doubt', [
    STORE,
    'const { done } = await port.writeHead(head, head);',
    'return true; const done = true;',
  ]),
];
