// Bugs put into the scheduler and the agent on purpose, to show that the checkers bite. Each is an edit of built code, made while a module is
// loaded into a process of its own (mutant-hooks.ts): the product has no switch for it and cannot be run with one.

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
  readonly edits: readonly Edit[];
}

const LOOP = 'scheduler/control/loop.js';
const SUBMIT = 'scheduler/control/commands/submit.js';
const UPKEEP = 'scheduler/control/upkeep.js';
const CANCEL = 'scheduler/control/commands/cancel.js';
const LIFECYCLE = 'scheduler/model/lifecycle.js';
const FLEET = 'scheduler/fleet/fleet.js';
const LEASE = 'scheduler/fleet/lease.js';
const RECONCILE = 'scheduler/fleet/reconcile.js';
const DESIRED = 'scheduler/fleet/desired.js';
const SERVER_SESSION = 'scheduler/fleet/session.js';
const AGENT = 'node-agent/agent.js';
const SESSION = 'node-agent/session/session.js';
const MESSAGES = 'node-agent/messages.js';
const SLOTS = 'node-agent/session/slots.js';
const SUPERVISION = 'node-agent/runtime/supervision.js';

function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, edits: [{ file, find, replace }] };
}

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
  ),
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
  ),
  mutant('free GPUs when the task has ended', RECONCILE, "if (one.state !== 'released')\n        return;", ''),
  mutant('ignore GPUs that are not clean', RECONCILE, 'if (one.dirtyGpus.length > 0) {', 'if (false) {'),
  mutant('what an agent lost is not requeued', RECONCILE, "givenUp ? 'fail' : 'requeue'", "'cancel'"),
  mutant('obey the hello of an overtaken stream', FLEET, 'if (isOvertaken)', 'if (false)'),
  mutant('tell no agent of a stop', FLEET, '(before?.stop ?? null) !== (after?.stop ?? null)', 'false'),
  mutant('tell no agent of a new allocation', FLEET, 'isListed(before) !== isListed(after)', 'false'),
  mutant('list nothing to the agent', DESIRED, 'state.heldOn(node).map(', 'state.heldOn(node).slice(1).map('),
  mutant(
    'take a heartbeat for an answer without one',
    SERVER_SESSION,
    'this.#send({ heartbeatReply: { sequence } });',
    '',
  ),
  mutant(
    'start before the journal is durable',
    AGENT,
    'this.#runtime.start(output.allocation, this.#durable);',
    'this.#runtime.start(output.allocation, Promise.resolve());',
  ),
  mutant('skip the generation check', SLOTS, 'if (generation <= seen)', 'if (false)'),
  mutant('obey orders of the past', SESSION, 'if (revision < maxRevision) {', 'if (false) {'),
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
  },
  mutant(
    'the supervisor does not look at the lease',
    SUPERVISION,
    'return nowMs > leaseMs + task.lingerMs;',
    'return false;',
  ),
  mutant(
    'a repeated stop begins anew',
    SUPERVISION,
    'before !== null && before <= killAtMs ? null : killAtMs',
    'killAtMs',
  ),
  mutant(
    'release before it is clean',
    SESSION,
    "phase: 'exited', cleaning: { sinceMs: nowMs, nextMs: nowMs, asked: [] }",
    "phase: 'released', cleaning: null",
  ),
  mutant('start what is here already', SESSION, 'if (turn.state.allocations.has(order.id))', 'if (false)'),
  mutant('let run what nobody asked for', SESSION, 'if (isUnlisted)', 'if (false)'),
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
  mutant(
    'start beside who is in the way',
    SESSION,
    'if (inTheWay(order.gpus, holdersOf(turn.state)).length > 0)',
    'if (false)',
  ),
  mutant(
    'the journal forgets allocations',
    SESSION,
    'return { ...state.journal, allocations };',
    'return { ...state.journal, allocations: [] };',
  ),
  mutant('the stop of an order is ignored', SESSION, 'if (order?.stop)', 'if (false)'),
];
