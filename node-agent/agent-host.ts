// What an agent needs of its machine, as interfaces: the real machine has one form of it (machine-host.ts), a simulated one another,
// so that the same agent runs on both.
import type { AgentRecord } from './agent-journal.js';
import type { ExecHost } from './exec/exec-host.js';
import type { Recovered, RuntimeListener, RuntimeOptions, TaskRuntime } from './runtime/runtime.js';
import type { ConnectionListener, SchedulerConnection } from './scheduler-connection.js';

/** Keeps what the agent must not forget. */
export interface Journal {
  /** The newest content; null when this agent never ran. @throws Error in words when there is only damage */
  read(): AgentRecord | null;
  /** Resolves when this content, or a later one, is durable. */
  save(record: AgentRecord): Promise<void>;
  /** After the last write. */
  close(): Promise<void>;
}

/** Runs the tasks of the node. */
export type Runtime = Pick<
  TaskRuntime,
  | 'begin'
  | 'start'
  | 'go'
  | 'stop'
  | 'timeLeft'
  | 'kill'
  | 'leftovers'
  | 'readLog'
  | 'origin'
  | 'sweep'
  | 'measure'
  | 'keptUse'
  | 'keepUse'
  | 'live'
  | 'dismissSupervisor'
  | 'close'
>;

/** The one stream to the scheduler. */
export type Connection = Pick<SchedulerConnection, 'start' | 'proven' | 'send' | 'reset' | 'end'>;

/** Programs that people run inside live tasks. */
export type Execs = Pick<ExecHost, 'open' | 'close' | 'use' | 'notice'>;

/** One machine, as the agent of one state folder sees it. */
export interface AgentHost {
  /** Changes with every boot. */
  readonly bootId: string;
  /** Milliseconds since boot, suspend included; the same for all processes of the machine. */
  bootMs(): number;
  /** A new UUID. */
  newId(): string;
  /** An address of this machine that others may reach it at; empty = it has none but loopback. */
  ownAddress(): string;
  /** Runs a callback once the present turn of the event loop is over. */
  defer(callback: () => void): void;
  /** Takes the state folder for this agent alone. @returns gives it back @throws Error in words when another one has it */
  takeState(): () => void;
  readonly journal: Journal;
  /** Reads until when this node may run tasks, in ms since boot; null = there is no lease of this boot. */
  readLease(): number | null;
  writeLease(deadlineMs: number): void;
  /** Finds out what became of the tasks that the journal names. @throws Error when nobody can be reached who holds them */
  openRuntime(
    options: Pick<RuntimeOptions, 'rebooted' | 'gpuMemoryMib' | 'gpuDevice' | 'clusterId'>,
    known: readonly string[],
    listener: RuntimeListener,
  ): Promise<{ readonly runtime: Runtime; readonly recovered: ReadonlyMap<string, Recovered> }>;
  connect(listener: ConnectionListener): Connection;
  /** Runs what people ask for inside live tasks; null = nothing of that on this machine. */
  readonly execs: Execs | null;
}
