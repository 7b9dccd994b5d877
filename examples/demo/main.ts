// `npm run demo`: the main job of Sluice from an empty folder to answered inference requests, with nothing but Node.
// Starts what it needs, tells the story step by step, stops everything it started. Exit 0 = every step was checked.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { formatDuration } from '../../common/units.js';
import { DemoCluster } from './cluster.js';
import { howToLook } from './grafana.js';
import { bold, dim, green, red, say, title } from './print.js';
import { createStory, type Step } from './story.js';

const HELP = `npm run demo [-- OPTIONS]

  --keep     leave the cluster running at the end, for exploration, until Ctrl-C
  --grafana  the same, with a Prometheus that looks at it (where it is installed) and what Grafana needs
  --real     offer this machine's NVIDIA GPUs (one agent) instead of eight simulated ones
  --help     this text
`;

/** Exit code of a demo that was interrupted. */
const EXIT_INTERRUPTED = 130;

await main();

async function main(): Promise<void> {
  const options = readOptions();
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-demo-'));
  const cluster = new DemoCluster(folder, options.real, options.grafana);
  const interrupted = interruption();
  const beganMs = performance.now();
  const outcome = await Promise.race([tell(createStory(cluster)), interrupted.then(() => 'interrupted' as const)]);
  if (outcome === 'done' && (options.keep || options.grafana)) {
    say();
    say(bold('The cluster keeps running. Try, in another terminal:'));
    say(cluster.hints());
    if (cluster.watched !== null) {
      say();
      say(bold('Look at it:'));
      say(howToLook(cluster.watched));
    }
    say('Ctrl-C here stops everything.');
    await interrupted;
  }
  await cluster.stop();
  const took = formatDuration(performance.now() - beganMs);
  if (outcome === 'done') {
    rmSync(folder, { recursive: true, force: true });
    process.stdout.write(`\n${green('Done')} in ${took}; everything that was started is stopped.\n`);
    process.exit(0);
  }
  process.stdout.write(`\nEverything that was started is stopped. ${dim(`Files of this run: ${folder}`)}\n`);
  process.exit(outcome === 'interrupted' ? EXIT_INTERRUPTED : 1);
}

function readOptions(): { readonly keep: boolean; readonly grafana: boolean; readonly real: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        keep: { type: 'boolean' },
        grafana: { type: 'boolean' },
        real: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    return { keep: values.keep === true, grafana: values.grafana === true, real: values.real === true };
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}

/** Resolves with the first Ctrl-C or SIGTERM. Further ones are ignored: stopping is under way and must not be cut short. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (signal: string): void => {
      process.stdout.write(`\n${signal}: stopping everything that was started...\n`);
      resolve();
    };
    process.once('SIGINT', () => stop('Interrupted'));
    process.once('SIGTERM', () => stop('Terminated'));
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', () => undefined);
    process.on('SIGHUP', () => resolve());
  });
}

/** Carries out the steps; a failure says which step and shows the log that belongs to it. */
async function tell(steps: readonly Step[]): Promise<'done' | 'failed'> {
  for (const [index, step] of steps.entries()) {
    title(index + 1, steps.length, step.title);
    try {
      await step.run();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      process.stdout.write(`\n${red(`Step ${index + 1} (${step.title}) failed:`)} ${why}\n`);
      for (const { name, tail } of await step.logs()) process.stdout.write(`\n${dim(`--- ${name}`)}\n${tail}\n`);
      return 'failed';
    }
  }
  return 'done';
}
