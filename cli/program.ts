// The command tree. Every command has a line here; its options and its code are loaded only once it is chosen, so that
// starting stays cheap. Also the one place where failures become text and an exit code.
import { Command, CommanderError } from 'commander';
import { PACKAGE_VERSION } from '../common/package-root.js';
import { nearestNames } from '../common/nearest.js';
import type { GlobalFlags } from './config.js';
import { commandFor, lessonFor } from './dialect.js';
import { CliError, describeFailure, didYouMean, EXIT, toolExitCode, usageError } from './failure.js';
import { Invocation, type DefineCommand, type Host } from './invocation.js';

interface CommandEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Not in help: for the completion scripts. */
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly define: DefineCommand }>;
}

interface CommandGroup {
  readonly title: string;
  readonly entries: readonly CommandEntry[];
}

const GROUPS: readonly CommandGroup[] = [
  {
    title: 'Start a cluster:',
    entries: [
      {
        name: 'dev',
        summary: 'try it: a scheduler and simulated nodes on this machine',
        load: () => import('./commands/dev.js'),
      },
      { name: 'server', summary: 'run the scheduler', load: () => import('./commands/daemons.js') },
      { name: 'agent', summary: 'run the agent of a GPU machine', load: () => import('./commands/daemons.js') },
    ],
  },
  {
    title: 'Create and control work (flags as in Slurm):',
    entries: [
      { name: 'run', summary: 'run a command and follow it to its end', load: () => import('./commands/run.js') },
      { name: 'alloc', summary: 'get a shell on granted GPUs', load: () => import('./commands/alloc.js') },
      { name: 'submit', summary: 'submit workloads from YAML files', load: () => import('./commands/submit.js') },
      {
        name: 'plan',
        summary: 'say what a submission or a change of a queue would do, and do nothing',
        load: () => import('./commands/plan.js'),
      },
      {
        name: 'cancel',
        aliases: ['delete'],
        summary: 'ask workloads to end',
        load: () => import('./commands/cancel.js'),
      },
      { name: 'hold', summary: 'keep workloads from starting', load: () => import('./commands/steer.js') },
      { name: 'release', summary: 'end a hold', load: () => import('./commands/steer.js') },
      { name: 'requeue', summary: 'stop workloads and let them wait again', load: () => import('./commands/steer.js') },
      { name: 'priority', summary: 'change the priority of workloads', load: () => import('./commands/steer.js') },
    ],
  },
  {
    title: 'Look (flags as in kubectl):',
    entries: [
      { name: 'get', summary: 'list workloads, queues, nodes or GPUs', load: () => import('./commands/get.js') },
      {
        name: 'describe',
        summary: 'show all about a workload, queue or node',
        load: () => import('./commands/describe.js'),
      },
      { name: 'top', summary: 'show all of it, live', load: () => import('./commands/top.js') },
      { name: 'logs', summary: 'print or follow what a workload prints', load: () => import('./commands/logs.js') },
      {
        name: 'attach',
        summary: 'join the terminal of interactive work again',
        load: () => import('./commands/alloc.js'),
      },
      {
        name: 'exec',
        summary: 'run a program or a shell inside a running task',
        load: () => import('./commands/exec.js'),
      },
      { name: 'cp', summary: 'copy files from and to a running task', load: () => import('./commands/cp.js') },
      { name: 'why', summary: 'say why a workload is where it is', load: () => import('./commands/why.js') },
      {
        name: 'status',
        summary: 'say whether the scheduler is ready, or what it waits for',
        load: () => import('./commands/status.js'),
      },
      { name: 'report', summary: 'tell what queues and users have used', load: () => import('./commands/report.js') },
      {
        name: 'stats',
        summary: 'tell what workloads used of what they asked for, and advise',
        load: () => import('./commands/stats.js'),
      },
      { name: 'wait', summary: 'wait until workloads run or end', load: () => import('./commands/wait.js') },
      {
        name: 'checkpoint',
        summary: 'inside a task: declare a checkpoint complete',
        load: () => import('./commands/checkpoint.js'),
      },
      {
        name: 'notify',
        summary: 'test where workloads send notices',
        load: () => import('./commands/notify.js'),
      },
    ],
  },
  {
    title: 'Administer:',
    entries: [
      { name: 'queue', summary: 'create, update or delete queues', load: () => import('./commands/queue.js') },
      { name: 'cordon', summary: 'keep new work off nodes', load: () => import('./commands/node.js') },
      { name: 'uncordon', summary: 'let new work onto nodes again', load: () => import('./commands/node.js') },
      { name: 'drain', summary: 'empty nodes, by a deadline', load: () => import('./commands/drain.js') },
      { name: 'node', summary: 'fence or remove a dead node, or a GPU', load: () => import('./commands/dead-node.js') },
      {
        name: 'gpu',
        summary: 'say which GPUs are not healthy; quarantine or release one',
        load: () => import('./commands/gpu.js'),
      },
      { name: 'brake', summary: 'release the brake for mass loss', load: () => import('./commands/brake.js') },
      { name: 'recovery', summary: 'end the recovery of a lost history', load: () => import('./commands/brake.js') },
      {
        name: 'maintenance',
        summary: 'announce when nodes are not to be used',
        load: () => import('./commands/maintenance.js'),
      },
      {
        name: 'snapshot',
        summary: 'save, inspect and restore backups of the scheduler',
        load: () => import('./commands/snapshot.js'),
      },
      { name: 'token', summary: 'make tokens for users and agents', load: () => import('./commands/token.js') },
    ],
  },
  {
    title: 'This command:',
    entries: [
      { name: 'config', summary: 'which scheduler to talk to', load: () => import('./commands/config.js') },
      {
        name: 'version',
        summary: 'versions of this command and of the scheduler',
        load: () => import('./commands/version.js'),
      },
      {
        name: 'completion',
        summary: 'completion for bash, zsh or fish',
        load: () => import('./commands/completion.js'),
      },
      { name: '__complete', summary: '', hidden: true, load: () => import('./commands/completion.js') },
    ],
  },
];

/** The one thing that `sluice server` is asked rather than is. */
const STEP_DOWN = 'step-down';

/**
 * Runs one command line.
 * @param argv without the interpreter and the script
 * @returns the exit code
 */
export async function runCli(argv: readonly string[], host: Host): Promise<number> {
  const words = rewriteHelp(argv);
  const [first, ...rest] = words;
  // The daemons parse the whole command line themselves.
  const isDaemon = first === 'agent' || (first === 'server' && rest[0] !== STEP_DOWN);
  if (isDaemon) return (await import('./commands/daemons.js')).runDaemon(first, rest);
  const program = new CliCommand('sluice');
  const invocation = new Invocation(host, () => program.opts<GlobalFlags>());
  try {
    buildProgram(program, invocation);
    refuseHelpOnNothing(program, words);
    await program.parseAsync([...words], { from: 'user' });
    return invocation.exitCode;
  } catch (error) {
    // Help and version end the parsing by throwing, too.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommanderError && error.code === 'commander.help') return withoutVerb(program, words, host);
    return report(error, argv, host);
  } finally {
    invocation.close();
  }
}

/** A program with every command named and none loaded. */
function buildProgram(program: Command, invocation: Invocation): void {
  program
    .description(
      'Shares the GPUs of many machines: guarantees every queue its part, lends what is idle, takes it back.',
    )
    .usage('COMMAND [ARGUMENTS] [FLAGS]')
    .version(PACKAGE_VERSION, '-V, --version', 'print the version of this command')
    .option(
      '--server <host:port,...>',
      'scheduler to talk to; of several the one that leads (SLUICE_SERVER; default 127.0.0.1:7443)',
    )
    .option('--token-file <file>', 'file that holds the token (SLUICE_TOKEN holds one itself)')
    .option('--tls-ca <file>', 'certificate of the authority to trust; switches TLS on')
    .option('--tls-cert <file>', 'own certificate, for a scheduler that asks for one')
    .option('--tls-key <file>', 'private key of that certificate')
    .option('--context <name>', 'context of the configuration to use (SLUICE_CONTEXT)')
    .helpOption('-h, --help', 'print help')
    .helpCommand(false)
    .configureHelp({
      subcommandTerm: (command) => command.name(),
      styleTitle: (title) => (title === 'Options:' ? 'Flags:' : title),
    })
    .configureOutput({ writeOut: (text) => void invocation.host.stdout.write(text), writeErr: () => undefined })
    .exitOverride()
    .showSuggestionAfterError(false)
    .addHelpText('after', TOP_HELP)
    .action(() => {
      const word = program.args[0];
      if (word === undefined) program.help();
      else throw unknownCommand(program, word);
    });
  const loaders = new Map<string, CommandEntry['load']>();
  for (const { title, entries } of GROUPS) {
    program.commandsGroup(title);
    for (const { name, aliases = [], summary, hidden = false, load } of entries) {
      program.command(name, { hidden }).summary(summary).aliases(aliases);
      loaders.set(name, load);
    }
  }
  // After the commands were made, since they inherit: only the top takes any word, to say that it is no command.
  program.allowExcessArguments();
  const loadCommand = async (name: string): Promise<void> => {
    const command = program.commands.find((candidate) => candidate.name() === name);
    const { define } = (await loaders.get(name)?.()) ?? {};
    if (command !== undefined && define !== undefined) define(command, invocation, loadCommand);
  };
  program.hook('preSubcommand', (_, command) => loadCommand(command.name()));
}

/** Commands that take a program to run, and what may stand before it. */
const SEPARATED: Readonly<Record<string, string>> = { run: '-G 1', plan: '-G 1', alloc: '-G 1', exec: 'WORKLOAD' };

const TOP_HELP = `
A first try:
  sluice dev                                  a cluster on this machine, with simulated GPUs
  sluice run -G 1 -- env                      in another terminal: run something on one GPU
  sluice get workloads                        what runs and what waits
  sluice why last                             why it waits

"sluice COMMAND --help" tells more about a command.`;

/** Most flags of a verb that the help of its command shows. */
const MAX_FLAGS_SHOWN = 8;

/** A command whose usage errors read as ours: what, the nearest right word, where to look. */
export class CliCommand extends Command {
  override createCommand(name: string): CliCommand {
    const command = new CliCommand(name).helpOption('-h, --help', 'print help').helpCommand(false);
    command.addHelpText(
      'after',
      () => `${command.#flagsOfVerbs()}\nFlags of all commands (--server, --context, ...): sluice --help`,
    );
    return command;
  }

  /** The flags of its verbs, where they are few: nobody looks for a flag in the help of a verb he does not know yet. */
  #flagsOfVerbs(): string {
    const helper = this.createHelp();
    const verbs = helper.visibleCommands(this).filter((verb) => verb.options.length > 0);
    return verbs
      .map((verb) => {
        const title = `\nFlags of ${verb.name()}:`;
        if (verb.options.length > MAX_FLAGS_SHOWN) return `${title} sluice ${this.name()} ${verb.name()} --help\n`;
        const width = Math.max(...verb.options.map((option) => helper.optionTerm(option).length));
        const lines = verb.options.map((option) => {
          return `  ${helper.optionTerm(option).padEnd(width)}  ${helper.optionDescription(option)}`;
        });
        return `${title}\n${lines.join('\n')}\n`;
      })
      .join('');
  }

  override error(message: string, options?: { readonly code?: string }): never {
    throw this.#explain(message.replace(/^error: /, '').trim(), options?.code ?? '');
  }

  #explain(message: string, code: string): CliError {
    const word = /'([^']*)'/.exec(message)?.[1] ?? '';
    const path = this.#path();
    const see = `See "${path} --help".`;
    switch (code) {
      case 'commander.unknownOption':
        return this.#unknownOption(word, see);
      case 'commander.unknownCommand':
        return unknownCommand(this, word);
      case 'commander.excessArguments':
        return usageError(`too many arguments for "${path}"`, see);
      case 'commander.missingArgument':
        return usageError(`an argument is missing: ${word.toUpperCase()}`, `Usage: ${path} ${this.usage()}`, see);
      default:
        return usageError(message.replaceAll("'", '"'), see);
    }
  }

  #unknownOption(flag: string, see: string): CliError {
    // A flag after a word that is no command: the word is the mistake.
    const [word = flag] = this.args;
    if (this.parent === null && !word.startsWith('-')) return unknownCommand(this, word);
    const lesson = lessonFor(this.name(), flag);
    if (lesson !== null) return usageError(lesson);
    const chain = [this, this.parent].filter((command) => command !== null);
    const known = chain.flatMap((command) => command.options.map((option) => option.long ?? ''));
    const close = flag.startsWith('--') ? nearestNames(flag, [...known.filter((name) => name !== ''), '--help']) : [];
    const before = SEPARATED[this.name()];
    const separator =
      before === undefined
        ? []
        : [`Flags of the program to run come after "--": sluice ${this.name()} ${before} -- PROGRAM --flag`];
    return usageError(`unknown flag "${flag}"`, ...(close.length > 0 ? didYouMean(close) : separator), see);
  }

  #path(): string {
    const parent = this.parent;
    return parent instanceof CliCommand ? `${parent.#path()} ${this.name()}` : this.name();
  }
}

function unknownCommand(parent: Command, word: string): CliError {
  const here = parent.parent === null ? commandFor(word) : null;
  if (here !== null) return usageError(`unknown command "${word}" for "sluice"`, `Here it is: ${here}`);
  const known = parent.commands.flatMap((command) => [command.name(), ...command.aliases()]);
  const close = nearestNames(word, known);
  const where = parent.parent === null ? 'sluice' : `sluice ${parent.name()}`;
  const hint = close.length > 0 ? didYouMean(close) : [`See "${where} --help".`];
  return usageError(`unknown command "${word}" for "${where}"`, ...hint);
}

/** `sluice help X` is `sluice X --help`. */
function rewriteHelp(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

/** Help on a command that there is not: the help of all would hide that. */
function refuseHelpOnNothing(program: Command, words: readonly string[]): void {
  const [first = '-'] = words;
  if (first.startsWith('-') || !words.some((word) => word === '--help' || word === '-h')) return;
  const isKnown = program.commands.some((command) => [command.name(), ...command.aliases()].includes(first));
  if (!isKnown) throw unknownCommand(program, first);
}

/** A command of verbs was given none: what verbs there are, as its help says them. */
function withoutVerb(program: Command, words: readonly string[], host: Host): number {
  const names = new Set(words);
  const group = program.commands.find((command) => names.has(command.name()));
  host.stderr.write(`error: ${group?.name() ?? 'the command'} needs a verb\n\n${group?.helpInformation() ?? ''}`);
  return toolExitCode(EXIT.usage, host.env);
}

/** Tells a failure: text on stderr, and under `-o json` an object on stdout. */
function report(error: unknown, argv: readonly string[], host: Host): number {
  const { exitCode, text, report: details } = describeFailure(error);
  if (wantsJson(argv, host.env)) host.stdout.write(`${JSON.stringify({ error: details }, null, 2)}\n`);
  host.stderr.write(`${text}\n`);
  return toolExitCode(exitCode, host.env);
}

/** Whether errors go to a program, too. Looks at the raw words, since parsing may be what failed. */
function wantsJson(argv: readonly string[], env: Host['env']): boolean {
  const end = argv.indexOf('--');
  const own = end < 0 ? argv : argv.slice(0, end);
  const asked = own.some(
    (word, index) =>
      ['-ojson', '-o=json', '--output=json', '--json'].includes(word) ||
      ((word === '-o' || word === '--output') && own[index + 1] === 'json'),
  );
  const other = own.some((word) => word.startsWith('-o') || word.startsWith('--output'));
  return asked || (!other && env['SLUICE_OUTPUT'] === 'json');
}
