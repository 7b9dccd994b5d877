// `server` and `agent`: their programs parse everything after the word themselves, so here is only the way to them; and
// `server step-down`, which asks one that runs.
import type { DefineCommand, Invocation } from '../invocation.js';

/** Help lists them; a run never gets here, since `runDaemon` takes over before any flag is parsed. */
export const define: DefineCommand = (command, invocation) => {
  command.usage('[FLAGS]').description(`Its own help: sluice ${command.name()} --help`);
  if (command.name() !== 'server') return;
  command
    .command('step-down')
    .usage('[FLAGS]')
    .description(
      'Lets another scheduler of the same store lead, at once: what is under way is finished, running work goes on.\n' +
        'The one that stepped down stands by. For administrators.',
    )
    .action(() => stepDown(invocation));
};

async function stepDown(invocation: Invocation): Promise<void> {
  const api = await invocation.client();
  // Asked first, so that it is known who steps down.
  await api.getVersion();
  const { server } = api;
  await api.stepDown();
  invocation.out(`${server} steps down; who leads next: sluice status`);
}

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
