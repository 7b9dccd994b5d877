// `sluice completion SHELL` prints a script; the script asks `sluice __complete -- WORDS…` for what may come next, so that
// names of workloads, queues and nodes are today's.
import type { Command } from 'commander';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { hasEnded } from '../presentation.js';
import { RESOURCES, resourceNamed, type Resource } from '../resources.js';

/** Whoever presses Tab does not wait longer for names. */
const DEADLINE_MS = 1_000;
/** More candidates than these help nobody. */
const MAX_CANDIDATES = 200;

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_sluice() {
  local IFS=$'\\n'
  COMPREPLY=($(sluice __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _sluice sluice
`,
  zsh: `#compdef sluice
_sluice() {
  local -a found
  found=("\${(@f)$(sluice __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then compadd -a found; else _files; fi
}
compdef _sluice sluice
`,
  fish: `complete -c sluice -f -a '(sluice __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
complete -c sluice -n '__fish_seen_subcommand_from submit plan' -F
`,
};

export const define: DefineCommand = (command, invocation, load) => {
  if (command.name() === '__complete') {
    command
      .argument('[words...]')
      .action((words: readonly string[]) => complete(invocation, command.parent ?? command, words, load));
    return;
  }
  command
    .description('Prints a completion script; it completes commands, flags, and names that the scheduler knows.')
    .usage('SHELL')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText(
      'after',
      `
  bash:  source <(sluice completion bash)
  zsh:   source <(sluice completion zsh)
  fish:  sluice completion fish | source`,
    )
    .action((shell: string) => {
      const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
      if (script === undefined) throw usageError(`no completion for "${shell}"`, 'Known: bash, zsh, fish.');
      invocation.host.stdout.write(script);
    });
};

/** Prints what may stand in place of the last word. */
async function complete(
  invocation: Invocation,
  program: Command,
  words: readonly string[],
  load: (name: string) => Promise<void>,
): Promise<void> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? '';
  const found = await candidates(invocation, program, before, current, load).catch((error: unknown) => {
    // A prompt is no place for errors: without a scheduler there are just no names.
    if (error instanceof Error) return [];
    throw error;
  });
  for (const word of found.filter((each) => each.startsWith(current)).slice(0, MAX_CANDIDATES)) invocation.out(word);
}

async function candidates(
  invocation: Invocation,
  program: Command,
  before: readonly string[],
  current: string,
  load: (name: string) => Promise<void>,
): Promise<readonly string[]> {
  const visible = (parent: Command) =>
    parent
      .createHelp()
      .visibleCommands(parent)
      .map((command) => command.name());
  const [word, ...rest] = before.filter((each) => !each.startsWith('-'));
  const command = program.commands.find((each) => each.name() === word || each.aliases().includes(word ?? ''));
  if (word === undefined) return current.startsWith('-') ? flagsOf(program) : visible(program);
  if (command === undefined || before.includes('--')) return [];
  await load(command.name());
  const value = valuesFor(invocation, before.at(-1) ?? '', command.name());
  if (value !== null) return value;
  if (current.startsWith('-')) return [...flagsOf(command), ...flagsOf(program)];
  return argumentsFor(invocation, command, rest, visible(command));
}

function flagsOf(command: Command): readonly string[] {
  return command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]));
}

/** Values of a flag; null = the word before is no flag whose values are known. */
function valuesFor(invocation: Invocation, flag: string, command: string): Promise<readonly string[]> | null {
  const creates = command === 'run' || command === 'submit' || command === 'plan';
  switch (flag) {
    case '--queue':
    case '--parent':
    case '-A':
      return namesOf(invocation, 'queue');
    case '-n':
      return creates ? null : namesOf(invocation, 'queue');
    case '--node':
      return namesOf(invocation, 'node');
    case '--context':
      return contextNames(invocation);
    case '-o':
    case '--output':
      return Promise.resolve(['json', 'yaml', 'wide', 'name']);
    case '--state':
      return Promise.resolve(['pending', 'starting', 'running', 'stopping', 'succeeded', 'failed', 'cancelled']);
    case '--for':
      return Promise.resolve(['running', 'complete', 'failed', 'cancelled', 'ended']);
    default:
      return null;
  }
}

async function argumentsFor(
  invocation: Invocation,
  command: Command,
  given: readonly string[],
  verbs: readonly string[],
): Promise<readonly string[]> {
  const [first] = given;
  switch (command.name()) {
    case 'get':
    case 'describe':
      return first === undefined ? RESOURCES : namesOf(invocation, resourceNamed(first));
    case 'logs':
    case 'why':
    case 'wait':
    case 'cancel':
    case 'hold':
    case 'release':
    case 'requeue':
    case 'priority':
      return namesOf(invocation, 'workload');
    case 'cordon':
    case 'uncordon':
      return namesOf(invocation, 'node');
    case 'maintenance':
    case 'gpu':
      return first === undefined ? verbs : namesOf(invocation, 'node');
    case 'queue':
      return first === undefined ? verbs : first === 'create' ? [] : namesOf(invocation, 'queue');
    case 'plan':
      return first === 'queue' ? namesOf(invocation, 'queue') : verbs;
    case 'config':
      return first === undefined ? verbs : contextNames(invocation);
    case 'completion':
      return Object.keys(SCRIPTS);
    default:
      return [];
  }
}

async function contextNames(invocation: Invocation): Promise<readonly string[]> {
  return Object.keys((await invocation.config()).contexts);
}

async function namesOf(invocation: Invocation, resource: Resource): Promise<readonly string[]> {
  const api = await invocation.client(DEADLINE_MS);
  switch (resource) {
    case 'queue':
      return (await api.allQueues()).map(({ spec }) => spec?.name ?? '');
    case 'node':
    case 'gpu':
      return (await api.allNodes()).map(({ name }) => name);
    case 'workload': {
      const { workloads } = await api.listWorkloads({ pageSize: MAX_CANDIDATES });
      const live = workloads.filter(({ state }) => !hasEnded(state));
      const chosen = live.length > 0 ? live : workloads;
      return ['last', ...chosen.flatMap(({ number, spec }) => [String(number), spec?.name ?? ''])];
    }
  }
}
