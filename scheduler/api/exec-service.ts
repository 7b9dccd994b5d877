// ExecService: programs that people run inside live tasks. Decides who may, finds the task and its node's agent, and carries
// bytes between the two until one end is gone. It keeps no more of them than a few messages: a slow reader on one side stops
// the reading on the other.
import { randomUUID } from 'node:crypto';
import type * as grpc from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import type { ExecRequest__Output } from '../../proto/gen/sluice/v1/ExecRequest.js';
import type { ExecResponse, ExecResponse__Output } from '../../proto/gen/sluice/v1/ExecResponse.js';
import type { ExecServiceHandlers } from '../../proto/gen/sluice/v1/ExecService.js';
import type { ExecStart__Output } from '../../proto/gen/sluice/v1/ExecStart.js';
import type { RelayRequest__Output } from '../../proto/gen/sluice/v1/RelayRequest.js';
import type { RelayResponse } from '../../proto/gen/sluice/v1/RelayResponse.js';
import type { Principal } from '../auth/authenticator.js';
import { noWorkload } from '../control/refusals.js';
import type { ExecRelays } from '../fleet/exec-relays.js';
import { isTerminal, type ReadableState } from '../model/cluster-state.js';
import { maxTasks } from '../model/requests.js';
import type { Allocation, Workload } from '../model/records.js';
import type { Handlers } from './handlers.js';
import { requireOwner } from './owners.js';
import type { ServiceDependencies } from './server.js';

/** The most bytes of one message of input. */
export const MAX_INPUT_BYTES = 65_536;
/** Messages on their way to one end before the other end is read no further. */
const MAX_UNDER_WAY = 4;
/** Longest arguments, all together, in bytes: what a program can be started with on Linux is 128 KiB an argument. */
const MAX_COMMAND_BYTES = 131_072;

/** An agent's end of an exec. */
export type RelayStream = grpc.ServerDuplexStream<RelayRequest__Output, RelayResponse>;

type ClientStream = grpc.ServerDuplexStream<ExecRequest__Output, ExecResponse>;

/** The handlers of ExecService. */
export function execService(
  handlers: Handlers,
  deps: ServiceDependencies,
  relays: ExecRelays<RelayStream>,
): ExecServiceHandlers {
  return {
    Exec: handlers.duplex('Exec', (client: ClientStream, principal, left) =>
      exec(deps, relays, client, principal, left),
    ),
  };
}

async function exec(
  { loop, fleet, log }: ServiceDependencies,
  relays: ExecRelays<RelayStream>,
  client: ClientStream,
  principal: Principal,
  left: AbortSignal,
): Promise<void> {
  const giveBack = relays.takePlace();
  try {
    const start = checkStart(await firstMessage(client, left));
    if (start === null) return;
    const { allocation, node, workload } = await loop.read((state) => {
      const found = findTask(state, start, principal);
      return { ...found, node: state.node(found.allocation.node)?.name ?? found.allocation.node };
    });
    const session = fleet.session(allocation.node);
    if (session === undefined) throw nodeAway(node);
    const id = randomUUID();
    const ask = (): void => session.openExec({ id, allocation: allocation.id, start });
    const relay = await relays.expect(id, allocation.node, ask, left);
    if (relay === null) return;
    log.info(
      { principal: principal.name, workload: workload.number, task: start.task, node, what: start.what },
      'exec',
    );
    await carry(client, relay, { node, allocation: allocation.id }, left);
  } finally {
    giveBack();
  }
}

/** Waits for the first message. @returns null = the client is gone */
function firstMessage(client: ClientStream, left: AbortSignal): Promise<ExecRequest__Output | null> {
  return new Promise((resolve) => {
    client.once('data', (message: ExecRequest__Output) => {
      client.pause();
      resolve(message);
    });
    client.once('end', () => resolve(null));
    left.addEventListener('abort', () => resolve(null), { once: true });
  });
}

function checkStart(message: ExecRequest__Output | null): ExecStart__Output | null {
  if (message === null) return null;
  const { start } = message;
  const problem = !start
    ? 'the first message of an exec says what to start'
    : start.what === undefined
      ? 'the exec names neither a program nor a copy'
      : start.command !== null && start.command !== undefined
        ? wrongCommand(start.command.argv)
        : null;
  if (problem !== null || !start) {
    throw new ApiError({ code: status.INVALID_ARGUMENT, reason: 'INVALID_ARGUMENT', message: problem ?? '' });
  }
  return start;
}

function wrongCommand(argv: readonly string[]): string | null {
  if (argv.length === 0 || argv[0] === '') return 'the program to run has no name';
  const bytes = argv.reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0);
  return bytes > MAX_COMMAND_BYTES
    ? `the program and its arguments are ${bytes} bytes; at most ${MAX_COMMAND_BYTES} can be passed on`
    : null;
}

/** The running task that is meant. @throws ApiError when there is none, or when it is not the caller's */
function findTask(
  state: ReadableState,
  { workload: word, task }: ExecStart__Output,
  principal: Principal,
): { readonly workload: Workload; readonly allocation: Allocation } {
  const workload = state.findWorkload(word);
  if (workload === undefined) throw noWorkload(state.meta, word);
  requireOwner(workload, principal, 'run programs in it');
  if (task < 0 || task >= maxTasks(workload.spec)) {
    throw new ApiError({
      code: status.NOT_FOUND,
      reason: 'TASK_NOT_FOUND',
      message: `workload ${workload.number} has no task ${task}; its tasks are 0 to ${maxTasks(workload.spec) - 1}`,
    });
  }
  const allocation = workload.allocations.map((id) => state.allocation(id)).findLast((one) => one?.task === task);
  if (allocation === undefined || isTerminal(workload.state)) throw notRunning(workload, task, null);
  if (allocation.state !== 'running' && allocation.state !== 'stopping') throw notRunning(workload, task, allocation);
  return { workload, allocation };
}

/** Carries messages both ways until the exec ended, or the client left. */
function carry(
  client: ClientStream,
  relay: RelayStream,
  where: { readonly node: string; readonly allocation: string },
  left: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const over = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      left.removeEventListener('abort', leave);
      relay.end();
      settle();
    };
    const leave = (): void => over(resolve);
    const toClient = steady(relay, (message: ExecResponse, done) => void client.write(message, done));
    const toRelay = steady(client, (message: RelayResponse, done) => void relay.write(message, done));
    relay.on('data', ({ message }: RelayRequest__Output) => {
      if (message === null || isOver) return;
      toClient(withoutNulls(message));
      if (message.end) over(resolve);
    });
    for (const event of ['end', 'error', 'cancelled', 'close']) relay.on(event, () => over(() => reject(agentLeft())));
    client.on('data', (message: ExecRequest__Output) => {
      if (isOver) return;
      if ((message.input?.length ?? 0) > MAX_INPUT_BYTES || message.start) over(() => reject(badMessage()));
      else toRelay({ message });
    });
    // The client has said all it had to say; that it is gone is told by `left`.
    client.on('end', () => !isOver && toRelay({ message: { inputEnd: {} } }));
    left.addEventListener('abort', leave, { once: true });
    client.write({ started: where });
    client.resume();
    if (left.aborted) leave();
  });
}

/** Writes what it is given, and reads the source no further while too much of it is under way. */
function steady<Message>(
  source: Pick<grpc.ServerDuplexStream<unknown, unknown>, 'pause' | 'resume'>,
  write: (message: Message, done: () => void) => void,
): (message: Message) => void {
  let underWay = 0;
  return (message) => {
    underWay += 1;
    if (underWay === MAX_UNDER_WAY) source.pause();
    write(message, () => {
      underWay -= 1;
      if (underWay === MAX_UNDER_WAY - 1) source.resume();
    });
  };
}

/** What is read has every field, absent ones as null; what is written must have only those that are set. */
function withoutNulls({ message, ...fields }: ExecResponse__Output): ExecResponse {
  const set = message === undefined ? undefined : fields[message];
  return message === undefined ? {} : { [message]: set };
}

function notRunning({ number, state, gate }: Workload, task: number, allocation: Allocation | null): ApiError {
  const why =
    allocation !== null && !isTerminal(state)
      ? `task ${task} of workload ${number} is ${allocation.state}`
      : `workload ${number} is ${state}${gate === null ? '' : ` (${gate.message})`}`;
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'TASK_NOT_RUNNING',
    message: `${why}; programs are run in running tasks only\nSee: sluice why ${number}`,
  });
}

function nodeAway(node: string): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'NODE_NOT_READY',
    message: `the task runs on node ${node}, whose agent is not connected\nTry again once it is back.`,
  });
}

function agentLeft(): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'EXEC_LOST',
    // An agent that died ends nothing any more: a program that neither reads nor prints stays as long as the task.
    message:
      "the connection to the node's agent broke; the task itself goes on, and what ran over it ends, at the latest with the task\n" +
      'Look what is left before you run it again: sluice exec WORKLOAD -- ps x',
  });
}

function badMessage(): ApiError {
  return new ApiError({
    code: status.INVALID_ARGUMENT,
    reason: 'INVALID_ARGUMENT',
    message: `an exec starts once, and a message of input holds at most ${MAX_INPUT_BYTES} bytes`,
  });
}
