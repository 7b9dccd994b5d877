// `server` and `agent`: their programs parse everything after the word themselves, so here is only the way to them.
import type { DefineCommand } from '../invocation.js';

/** Help lists them; a run never gets here, since `runDaemon` takes over before any flag is parsed. */
export const define: DefineCommand = (command) => {
  command.usage('[FLAGS]').description(`Its own help: sluice ${command.name()} --help`);
};

/** Runs a daemon until it ends, and tells its exit code. */
export async function runDaemon(name: 'server' | 'agent', argv: string[]): Promise<number> {
  if (name === 'server') {
    const { runServer } = await import('../../scheduler/main.js');
    await runServer(argv);
  } else {
    const { runAgent } = await import('../../node-agent/main.js');
    await runAgent(argv);
  }
  return Number(process.exitCode ?? 0);
}
