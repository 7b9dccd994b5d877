// The scheduler daemon: reads the configuration, runs until it is told to stop. Here and in daemon.ts and term.ts the scheduler meets
// the machine's clock, randomness, disk and network; nowhere else.
import { renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InvariantViolation } from '../common/assert.js';
import { exitAtOnce } from '../common/exit-at-once.js';
import { createLogger } from '../common/log.js';
import { PACKAGE_VERSION } from '../common/package-root.js';
import { backendOf } from './backend.js';
import { loadServerConfig } from './config.js';
import { Daemon } from './daemon.js';

/** Exit code after a failed write or a broken invariant: what is on disk is right, going on would not be. */
const EXIT_FATAL = 70;

/** `sluice server`: runs until SIGTERM or SIGINT. */
export async function runServer(argv: readonly string[]): Promise<void> {
  const loaded = loadServerConfig(argv, process.env);
  if (loaded.type === 'print') {
    process[loaded.stream].write(loaded.text);
    process.exitCode = loaded.exitCode;
    return;
  }
  const { config } = loaded;
  const log = createLogger({ level: config.logLevel, name: 'sluice-server' });
  const fail = (error: unknown): never => {
    log.fatal({ err: error }, 'the daemon cannot go on');
    process.stderr.write(`sluice server: ${error instanceof Error ? error.message : String(error)}\n`);
    exitAtOnce(EXIT_FATAL);
  };
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);

  let hasAnswered = false;
  const daemon = new Daemon({
    config,
    log,
    backend: backendOf(config, log),
    onAnswering: (addresses) => {
      hasAnswered ||= addresses.role === 'leader';
      log.info({ ...addresses, version: PACKAGE_VERSION }, addresses.role === 'leader' ? 'serving' : 'standing by');
      if (config.readyFile !== null) announce(config.readyFile, { ...addresses, pid: process.pid });
    },
    onFatal: fail,
  });

  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) exitAtOnce(1);
    stopping = true;
    log.info({ signal }, 'stopping; agents and their tasks go on');
    daemon.stop();
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  await daemon.run().catch((error: unknown) => (hasAnswered ? fail(error) : refuse(error)));
  log.info('stopped');
  exitAtOnce(0);

  function refuse(error: unknown): never {
    // What is stored must not be served, and nobody should try again before a person has looked at it.
    if (error instanceof InvariantViolation) fail(error);
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    exitAtOnce(1);
  }
}

/** Tells where the daemon answers, in a file that appears whole. */
function announce(file: string, addresses: object): void {
  writeFileSync(`${file}.tmp`, `${JSON.stringify(addresses)}\n`);
  renameSync(`${file}.tmp`, file);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runServer(process.argv.slice(2));
