// The machine that the agent really runs on: its state folder, its processes, its network.
import { randomUUID } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import type { Clock } from '../common/clock.js';
import { lockFile } from '../common/file-lock.js';
import type { Logger } from '../common/log.js';
import { makeFolderSync } from '../common/make-folder.js';
import type { AgentHost } from './agent-host.js';
import { AgentJournal } from './agent-journal.js';
import { ExecHost } from './exec/exec-host.js';
import { ownAddress } from './runtime/addresses.js';
import { readLease, writeLease } from './runtime/lease-file.js';
import { BOOT_ID, bootMs } from './runtime/process-identity.js';
import { type RuntimeOptions, TaskRuntime } from './runtime/runtime.js';
import { type ConnectionOptions, SchedulerConnection } from './scheduler-connection.js';

const CA_FILE = 'scheduler-ca.pem';

/** What tells one agent of a machine from another one. */
export interface MachineHostOptions
  extends
    ConnectionOptions,
    Omit<RuntimeOptions, 'nodeName' | 'rebooted' | 'gpuMemoryMib' | 'gpuDevice' | 'clusterId' | 'scheduler'> {
  readonly name: string;
}

/** Makes the state folder if there is none. @throws Error in words when it cannot be made */
export function machineHost(
  options: MachineHostOptions,
  deps: { readonly clock: Clock; readonly random: () => number; readonly log: Logger },
): AgentHost {
  const { stateDir } = options;
  makeFolderSync(stateDir, 0o700);
  const scheduler = { servers: options.servers, caFile: handOnCa(options) };
  let connection: SchedulerConnection | null = null;
  return {
    bootId: BOOT_ID,
    bootMs,
    newId: randomUUID,
    ownAddress: () => ownAddress(networkInterfaces()),
    defer: setImmediate,
    takeState: () => {
      const lock = lockFile(path.join(stateDir, 'agent.lock'));
      if (lock.state !== 'taken') return lock.release;
      throw new Error(
        `another agent, ${lock.heldBy}, uses the state folder ${stateDir}\n` +
          'Give each agent of a machine its own --state-dir.',
      );
    },
    journal: new AgentJournal(stateDir, deps.log),
    readLease: () => readLease(stateDir),
    writeLease: (deadlineMs) => writeLease(stateDir, deadlineMs),
    openRuntime: (ofThisStart, known, listener) =>
      TaskRuntime.open({ ...options, ...ofThisStart, scheduler, nodeName: options.name }, known, listener, deps.log),
    connect: (listener) => {
      connection = new SchedulerConnection(options, listener, deps);
      return connection;
    },
    execs: new ExecHost(stateDir, () => connection?.openRelay() ?? null, deps.log),
  };
}

/** Puts the scheduler's authority where every task can read it; the file that the agent was given may be the agent's alone. */
function handOnCa({ stateDir, tls }: MachineHostOptions): string | null {
  if (tls === null) return null;
  const file = path.join(stateDir, CA_FILE);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, tls.ca, { mode: 0o644 });
  renameSync(draft, file);
  return file;
}
