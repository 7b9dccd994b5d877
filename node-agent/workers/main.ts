// The built-in programs of the node agent, one command each. They run as any program of a user's: flags, environment,
// SIGTERM, exit code. Exit codes: 0 done or stopped cleanly, 1 failed or below the threshold, 2 bad input.
import { BadInput, messageOf } from './bad-input.js';
import { describeFlags } from './flags.js';
import type { Flags } from './flags.js';
import { listenForStop, readTaskEnvironment } from './task-environment.js';

interface Command {
  readonly summary: string;
  /** Loads the command's code, which for training or serving is large. */
  readonly load: () => Promise<{ readonly flags: Flags; readonly run: (argv: readonly string[]) => Promise<number> }>;
}

const EXIT_FAILED = 1;
const EXIT_BAD_INPUT = 2;

// ONNX Runtime sends usage to its maker and keeps an id of the machine in the home folder, unless this is set before it is
// loaded (since 1.29). Threads of this process load it, so it has to be in the environment of the process itself.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';

const stop = listenForStop();
const environment = () => readTaskEnvironment(process.env);

const COMMANDS: Readonly<Record<string, Command>> = {
  dataset: {
    summary: 'write a data set of handwritten digits',
    load: async () => {
      const { DATASET_FLAGS, runDataset } = await import('./digits.js');
      return { flags: DATASET_FLAGS, run: runDataset };
    },
  },
  train: {
    summary: 'train a network on a data set, with checkpoints, and export it as ONNX',
    load: async () => {
      const { TRAIN_FLAGS, runTrain } = await import('./train.js');
      return { flags: TRAIN_FLAGS, run: (argv) => runTrain(argv, environment(), stop) };
    },
  },
  test: {
    summary: 'judge an ONNX model by the hold-out part of a data set',
    load: async () => {
      const { TEST_FLAGS, runTest } = await import('./test.js');
      return { flags: TEST_FLAGS, run: (argv) => runTest(argv, environment(), stop) };
    },
  },
  serve: {
    summary: 'serve an ONNX model over the Open Inference Protocol v2',
    load: async () => {
      const { SERVE_FLAGS, runServe } = await import('./serve.js');
      return { flags: SERVE_FLAGS, run: (argv) => runServe(argv, environment(), stop) };
    },
  },
};

process.exit(await runCommand(process.argv.slice(2)));

async function runCommand([name, ...argv]: readonly string[]): Promise<number> {
  try {
    if (name === '--help' || name === '-h') return say(usage());
    const command = name === undefined ? undefined : COMMANDS[name];
    if (command === undefined)
      throw new BadInput(`${name === undefined ? 'a command is missing' : `unknown command ${name}`}\n${usage()}`);
    const { flags, run } = await command.load();
    if (argv.includes('--help') || argv.includes('-h'))
      return say(`${name}: ${command.summary}\n${describeFlags(flags)}`);
    return await run(argv);
  } catch (error) {
    console.error(`error: ${messageOf(error)}`);
    if (error instanceof BadInput) return EXIT_BAD_INPUT;
    // Not foreseen: where it happened helps whoever has to mend it.
    const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line)) : [];
    if (frames.length > 0) console.error(frames.join('\n'));
    return EXIT_FAILED;
  }
}

function say(text: string): number {
  console.log(text);
  return 0;
}

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((command) => command.length));
  const rows = Object.entries(COMMANDS).map(([command, { summary }]) => `  ${command.padEnd(width)}  ${summary}`);
  return ['usage: main.js COMMAND --flag=value…', ...rows, '"COMMAND --help" lists its flags.'].join('\n');
}
