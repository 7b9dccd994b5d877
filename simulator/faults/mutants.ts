// Bugs put into the scheduler and the agent on purpose, to show that the checkers bite. Each is an edit of built code, made while a module is
// loaded into a process of its own (mutant-hooks.ts): the product has no switch for it and cannot be run with one.

import type { RedisThemeName } from './redis/themes.js';
import type { ThemeName } from './themes.js';

/** One edit: `find` stands exactly once in the file. */
interface Edit {
  /** Under dist/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** One bug. */
export interface Mutant {
  readonly name: string;
  /** More than one where a second defence would hide what the first one lets through. */
  readonly edits: readonly Edit[];
  /** The seeds of this theme are lived first, since it brings about what the bug is about; then those of all others. */
  readonly theme: ThemeName | RedisThemeName;
}

const LOOP = 'scheduler/control/loop.js';
const SUBMIT = 'scheduler/control/commands/submit.js';
const UPKEEP = 'scheduler/control/upkeep.js';
const CANCEL = 'scheduler/control/commands/cancel.js';
const VIEW_FEED = 'scheduler/control/view-feed.js';
const LAUNCH = 'scheduler/model/launch.js';
const GRACE = 'scheduler/model/grace.js';
const LIFECYCLE = 'scheduler/model/lifecycle.js';
const FLEET = 'scheduler/fleet/fleet.js';
const LEASE = 'scheduler/fleet/lease.js';
const RECONCILE = 'scheduler/fleet/reconcile.js';
const STRAYS = 'scheduler/fleet/strays.js';
const DESIRED = 'scheduler/fleet/desired.js';
const SERVER_SESSION = 'scheduler/fleet/session.js';
const AGENT = 'node-agent/agent.js';
const SESSION = 'node-agent/session/session.js';
const MESSAGES = 'node-agent/messages.js';
const SLOTS = 'node-agent/session/slots.js';
const WITNESS = 'scheduler/fleet/witness.js';
const NODES = 'scheduler/control/commands/nodes.js';
const ADOPTION = 'scheduler/model/adoption.js';
const HISTORY = 'scheduler/model/history.js';
const RECOVERY_HOLD = 'scheduler/fleet/recovery-hold.js';
const STEADY_CLOCK = 'common/steady-clock.js';
const TERMS = 'node-agent/session/terms.js';
const SUPERVISION = 'node-agent/runtime/supervision.js';

function mutant(name: string, file: string, find: string, replace: string, theme: ThemeName = 'anything'): Mutant {
  return { name, edits: [{ file, find, replace }], theme };
}

/** A scheduler that does not hear that an agent obeyed more than its store knows. */
const DEAF_TO_WITNESSES: Edit = {
  file: WITNESS,
  find: 'if (witness.lineage === lineage) {',
  replace: "if (witness.lineage === lineage) {\n        return { type: 'follows', knowsMore: false };",
};
/** An agent that obeys a lower revision than it did. */
const OBEYS_LOWER_REVISIONS: Edit = { file: SESSION, find: 'if (revision < maxRevision) {', replace: 'if (false) {' };
/** Tasks without a lease have all their grace, whenever that is noticed. */
const GRACE_FROM_NOTICING: Edit = {
  file: SUPERVISION,
  find: 'return Math.max(0, Math.min(graceMs, leaseMs + lingerMs + graceMs + LATE_MS - nowMs));',
  replace: 'return graceMs;',
};

export const MUTANTS: readonly Mutant[] = [
  mutant('answer before the flush', LOOP, 'await this.#deps.store.commit(', 'void this.#deps.store.commit('),
  mutant('read ahead of the disk', LOOP, 'if (this.#running)\n', 'if (false)\n'),
  mutant('forget what a request made', SUBMIT, 'if (requestKey !== null) {', 'if (false) {'),
  mutant(
    'do not look for a repeated request',
    SUBMIT,
    'const earlier = repeated(draft, submission);',
    'const earlier = null;',
  ),
  mutant('give a number again', SUBMIT, 'lastWorkload: last }', 'lastWorkload: Math.max(0, last - 1) }'),
  mutant(
    'try again what was cancelled',
    LIFECYCLE,
    "delayMs === null || workload.afterStop === 'cancel'",
    'delayMs === null',
    'haste',
  ),
  mutant(
    'accept and keep nothing',
    SUBMIT,
    'for (const workload of accepted)\n        draft.putWorkload(workload);',
    '',
  ),
  mutant('take dirty memory for clean', AGENT, "clean: answer.state === 'clean', dirtyGpus", 'clean: true, dirtyGpus'),
  mutant(
    'no heart beats',
    SESSION,
    "if (connection !== 'up' || heartbeat.nextMs === null || turn.nowMs < heartbeat.nextMs)",
    'if (true)',
  ),
  mutant(
    'say running of what is released',
    MESSAGES,
    "return 'OBSERVED_STATE_RELEASED';",
    "return 'OBSERVED_STATE_RUNNING';",
  ),
  mutant('no time ahead of the stop signal', GRACE, 'return graceMs + (earlySignal?.aheadMs ?? 0);', 'return graceMs;'),
  mutant('do not hear of checkpoints', RECONCILE, 'if (one.checkpoint !== null && isPresent)', 'if (false)'),
  mutant(
    'forget what was saved while no agent was there',
    AGENT,
    '{ ...one, end: taskEnd(one.end) }',
    "{ state: 'ended', end: taskEnd(one.end) }",
  ),
  mutant('cancel what has ended', CANCEL, 'if (isTerminal(workload.state))', 'if (false)'),
  mutant(
    'do not raise the generation',
    LIFECYCLE,
    'const generation = gpu.generation + 1;',
    'const generation = gpu.generation;',
  ),
  mutant(
    'a gang goes on without a task',
    LIFECYCLE,
    'if (failed !== undefined && workload.afterStop === null) {',
    'if (false) {',
    'gangs',
  ),
  mutant('let a gang go before all are ready', LAUNCH, '|| held.some(isAwaited)', '', 'gangs'),
  mutant(
    'start what is ready without a word',
    SESSION,
    'order.stop !== null || order.launch?.hold === true',
    'order.stop !== null',
    'gangs',
  ),
  mutant('nobody tells that all are ready', FLEET, 'holds(before) && !holds(after)', 'false', 'gangs'),
  mutant('who waits for another is forgotten', UPKEEP, 'if (progressed)', 'if (false)'),
  mutant(
    'give up what a silent node runs at once',
    LEASE,
    'return answeredMs + (leaseMs + linger)',
    'return answeredMs + 0 * (leaseMs + linger)',
  ),
  mutant(
    'forget that tasks linger',
    LEASE,
    'return answeredMs + (leaseMs + linger)',
    'return answeredMs + (leaseMs + 0 * linger)',
    'history',
  ),
  {
    name: 'free GPUs when the task has ended',
    edits: [
      {
        file: RECONCILE,
        find: "if (one.state !== 'released')\n        return;\n    noteDirty(draft, allocation, one);\n    markReleased(draft, allocation.id, 'clean'",
        replace: "noteDirty(draft, allocation, one);\n    markReleased(draft, allocation.id, 'clean'",
      },
      // What an agent still tells of an allocation that was let go would keep its GPUs from others.
      {
        file: STRAYS,
        find: "if (record.state !== 'released')",
        replace: "if (record.state !== 'released' || one.state === 'exited')",
      },
    ],
    theme: 'gpus',
  },
  mutant('ignore GPUs that are not clean', RECONCILE, 'if (dirtyGpus.length > 0)', 'if (false)', 'gpus'),
  mutant('what an agent lost is not requeued', RECONCILE, "givenUp ? 'fail' : 'requeue'", "'cancel'", 'machines'),
  mutant('obey the hello of an overtaken stream', FLEET, 'if (isOvertaken)', 'if (false)', 'streams'),
  mutant('tell no agent of a stop', FLEET, '(before?.stop ?? null) !== (after?.stop ?? null)', 'false'),
  mutant('tell no agent of a new allocation', FLEET, 'isListed(before) !== isListed(after)', 'false'),
  mutant('list nothing to the agent', DESIRED, 'state.heldOn(node).map(', 'state.heldOn(node).slice(1).map('),
  mutant(
    'take a heartbeat for an answer without one',
    SERVER_SESSION,
    'this.#send({ heartbeatReply: { sequence, revision: this.#deps.loop.position.revision } });',
    '',
  ),
  mutant(
    'tell no agent how far the history has come',
    SERVER_SESSION,
    'heartbeatReply: { sequence, revision: this.#deps.loop.position.revision }',
    'heartbeatReply: { sequence }',
    'history',
  ),
  mutant(
    'remember only what was obeyed',
    SESSION,
    "if (connection === 'up' && revision > heardRevision)",
    'if (false)',
    'history',
  ),
  mutant(
    'start before the journal is durable',
    AGENT,
    'this.#deps.health?.beforeStart(task, this.#durable) ?? this.#durable',
    'Promise.resolve()',
  ),
  {
    name: 'skip the generation check',
    // And the scheduler does not count on above what agents accepted, as it does after a loss of history.
    edits: [
      { file: SLOTS, find: 'if (generation <= seen)', replace: 'if (false)' },
      {
        file: ADOPTION,
        find: 'return generation === gpu.generation ? gpu : { ...gpu, generation };',
        replace: 'return gpu;',
      },
    ],
    theme: 'history',
  },
  { name: 'obey orders of the past', edits: [OBEYS_LOWER_REVISIONS, DEAF_TO_WITNESSES], theme: 'history' },
  {
    name: 'obey an old epoch',
    edits: [
      { file: TERMS, find: 'if (epoch < obeyed.maxEpoch)', replace: 'if (false)' },
      OBEYS_LOWER_REVISIONS,
      DEAF_TO_WITNESSES,
    ],
    theme: 'history',
  },
  { name: 'do not hear the witnesses of a lost past', edits: [DEAF_TO_WITNESSES], theme: 'history' },
  mutant('start without a lease', SESSION, 'if (turn.nowMs >= turn.state.leaseDeadlineMs)', 'if (false)'),
  mutant(
    'the lease never ends',
    SESSION,
    'const deadlineMs = sentMs + heartbeat.leaseMs;',
    'const deadlineMs = sentMs + 1e9;',
  ),
  {
    name: 'nobody looks at the lease',
    edits: [
      { file: SESSION, find: 'turn.nowMs > leaseDeadlineMs + one.grant.lingerMs &&', replace: 'false &&' },
      { file: SUPERVISION, find: 'return nowMs > leaseMs + task.lingerMs;', replace: 'return false;' },
    ],
    theme: 'silence',
  },
  mutant(
    'the supervisor does not look at the lease',
    SUPERVISION,
    'return nowMs > leaseMs + task.lingerMs;',
    'return false;',
    'orphans',
  ),
  {
    name: 'a repeated stop begins anew',
    edits: [
      { file: SUPERVISION, find: 'before !== null && before <= killAtMs ? null : killAtMs', replace: 'killAtMs' },
      GRACE_FROM_NOTICING,
    ],
    theme: 'orphans',
  },
  { name: 'grace without a lease begins when it is noticed', edits: [GRACE_FROM_NOTICING], theme: 'orphans' },
  mutant(
    'release before it is clean',
    SESSION,
    "phase: 'exited', cleaning: { sinceMs: nowMs, nextMs: nowMs, asked: [] }",
    "phase: 'released', cleaning: null",
  ),
  mutant(
    'start on what may not be clean',
    SESSION,
    "if (judgeDoubts(turn.state.doubts, order.gpus, turn.nowMs) === 'wait')",
    'if (false)',
    'journals',
  ),
  mutant(
    'forget a dirty GPU with the task that left it',
    SESSION,
    'turn.change({ doubts: withDoubts(turn.state.doubts, input.dirtyGpus, sinceMs, turn.nowMs) });',
    '',
    'gpus',
  ),
  mutant(
    'take what came while the engine was told of the rest for told',
    VIEW_FEED,
    "if (this.#phase === 'allocations')\n",
    'if (false)\n',
  ),
  mutant('begin anew without a doubt', AGENT, 'if (mayBeDirty)', 'if (false)', 'journals'),
  mutant('start what is here already', SESSION, 'if (turn.state.allocations.has(order.id))', 'if (false)'),
  mutant('let run what nobody asked for', SESSION, 'if (isUnlisted)', 'if (false)', 'history'),
  mutant(
    'forget what is still listed',
    SESSION,
    "phase !== 'released' || desired.has(grant.id)",
    "phase !== 'released'",
  ),
  mutant(
    'say nothing after coming back',
    SESSION,
    "const reconnected = this.state.connection === 'up' && this.#before.connection !== 'up';",
    'const reconnected = false;',
  ),
  {
    name: 'start beside who is in the way',
    // And the scheduler gives GPUs away on which something is that should not be.
    edits: [
      { file: SESSION, find: 'if (inTheWay(order.gpus, holdersOf(turn.state)).length > 0)', replace: 'if (false)' },
      {
        file: NODES,
        find: 'uuids.includes(gpu.uuid) && gpu.quarantine === undefined ?',
        replace: 'false ?',
      },
    ],
    theme: 'gpus',
  },
  mutant(
    'the journal forgets allocations',
    SESSION,
    'return { ...state.journal, allocations };',
    'return { ...state.journal, allocations: [] };',
  ),
  mutant('the stop of an order is ignored', SESSION, 'if (order?.stop)', 'if (false)'),
  mutant(
    'start what was ordered before the silence',
    SESSION,
    '|| !isDesiredNow || isLeaving)',
    '|| isLeaving)',
    'returns',
  ),
  mutant(
    'who was never started looks at no GPU that it shared',
    SESSION,
    'if (end.neverStarted && heldWhole)',
    'if (end.neverStarted)',
    'haste',
  ),
  mutant(
    'follow the time of day wherever it jumps',
    STEADY_CLOCK,
    'if (isFollowed || (this.#aheadMs === 0 && !isFar)) {',
    'if (true) {',
    'clocks',
  ),
  mutant(
    'place at once after a lost history',
    RECOVERY_HOLD,
    'return elapsedMs >= fenceMs || (awaited === 0 && elapsedMs >= newNodesMs);',
    'return true;',
    'history',
  ),
  mutant(
    'reuse numbers after a lost history',
    HISTORY,
    'const lastWorkload = aboveGiven(Math.max(meta.lastWorkload, lastGiven));',
    'const { lastWorkload } = meta;',
    'history',
  ),
  mutant(
    'spare what has no place any more after a lost history',
    RECONCILE,
    'else if (verdict.isOver)',
    'else if (false)',
    'history',
  ),
  mutant(
    'take over nothing after a lost history',
    RECONCILE,
    'past.knowsMore ? adoptAll(draft, id, observed, past.origins, nowMs) : NOTHING_ADOPTED',
    'NOTHING_ADOPTED',
    'history',
  ),
];
