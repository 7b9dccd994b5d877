// The command `sluice`: hands the process to the program and turns its answer into the exit code.
import { homedir } from 'node:os';
import { systemClock } from '../common/clock.js';
import type { Host, HostTerminal } from './invocation.js';
import { runCli } from './program.js';

/** `128 + SIGPIPE`, as a shell reports a writer whose reader went away. */
const EXIT_READER_GONE = 141;

// A library's use of what Node deprecates (gRPC over TLS to an IP address, for one) is nothing a user can act on.
process.noDeprecation = true;

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // `sluice get workloads | head` ends the reader first; that is no failure worth a stack.
    if (error.code === 'EPIPE') process.exit(EXIT_READER_GONE);
    throw error;
  });
}

const terminal: HostTerminal = {
  size: () => ({ columns: process.stdout.columns, rows: process.stdout.rows }),
  onResize(handler) {
    process.stdout.on('resize', handler);
    return () => process.stdout.off('resize', handler);
  },
  raw() {
    process.stdin.setRawMode(true);
    return () => process.stdin.setRawMode(false);
  },
};

const host: Host = {
  stdin: process.stdin,
  ...(process.stdin.isTTY && process.stdout.isTTY ? { terminal } : {}),
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  clock: systemClock,
  homeDirectory: homedir(),
  onInterrupt(handler) {
    // A closed terminal is a wish to end, too.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, handler);
    return () => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, handler);
    };
  },
  ...(process.stdin.isTTY ? { onKey } : {}),
};

/** Keys come one by one, without a newline, for as long as somebody listens. */
function onKey(handler: (key: string) => void): () => void {
  const { stdin } = process;
  const listener = (data: Buffer): void => handler(data.toString());
  stdin.setRawMode(true).resume().on('data', listener);
  return () => {
    stdin.off('data', listener).setRawMode(false).pause();
  };
}

// Not when nothing is left to be done: a connection to an address that takes it and then stays silent, while another one has answered,
// would keep the process for as long.
process.exit(await runCli(process.argv.slice(2), host));
