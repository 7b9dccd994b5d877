// `sluice config`: named schedulers in the configuration file, as kubectl's contexts.
import path from 'node:path';
import { contextNamed, withContext, writeConfig, type Context, type Settings } from '../config.js';
import { usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';

import type { Cell } from '../table.js';

interface SetOptions {
  readonly current?: boolean;
  readonly queue?: string;
}

const EXAMPLES = `
Examples:
  sluice config set-context lab --server gpu-master:7443 --tls-ca ca.pem --token-file token
  sluice config use-context lab
  sluice config set-context --current --queue vision
  sluice config view --origin`;

export const define: DefineCommand = (command, invocation) => {
  command
    .description(
      'Which scheduler this command talks to, and as whom: flags, then environment, then the context in use.',
    )
    .usage('VERB [FLAGS]')
    .addHelpText('after', EXAMPLES);
  command
    .command('get-contexts')
    .usage('')
    .description('Lists the contexts of the configuration file; * marks the one in use.')
    .action(() => getContexts(invocation));
  command
    .command('use-context')
    .usage('NAME')
    .description('Makes a context the one in use.')
    .argument('<name>', 'an existing context')
    .action((name: string) => useContext(invocation, name));
  command
    .command('set-context')
    .usage('NAME [FLAGS] | --current [FLAGS]')
    .description(
      'Makes or changes a context, with the global flags --server, --token-file, --tls-ca, --tls-cert, --tls-key and --queue.',
    )
    .argument('[name]', 'a new or existing context; left out with --current')
    .option('--current', 'the context in use')
    .option('--queue <name>', 'queue to charge unless told otherwise')
    .action((name: string | undefined, options: SetOptions) => setContext(invocation, name, options));
  command
    .command('view')
    .usage('[FLAGS]')
    .description('Shows the settings in effect.')
    .option('--origin', 'also where each comes from')
    .option('-o, --output <format>', 'json or yaml')
    .action((options: ViewOptions) => view(invocation, options));
};

async function getContexts(invocation: Invocation): Promise<void> {
  const { currentContext, contexts } = await invocation.config();
  const names = Object.keys(contexts);
  if (names.length === 0) {
    invocation.note(`No contexts found in ${invocation.configPath}.`);
    return;
  }
  const rows = names.map((name): readonly Cell[] => {
    const context = contexts[name];
    return [name === currentContext ? '*' : '', name, context?.server ?? '-', context?.queue ?? '-'];
  });
  invocation.printTable(['CURRENT', 'NAME', 'SERVER', 'QUEUE'], rows);
}

async function useContext(invocation: Invocation, name: string): Promise<void> {
  const config = await invocation.config();
  contextNamed(config, name);
  await writeConfig(invocation.configPath, { ...config, currentContext: name });
  invocation.out(`Switched to context "${name}".`);
}

async function setContext(invocation: Invocation, word: string | undefined, options: SetOptions): Promise<void> {
  const config = await invocation.config();
  const name = options.current === true ? config.currentContext : word;
  if (options.current === true && word !== undefined) throw usageError(`name a context or say --current, not both`);
  if (name === undefined || name === null) {
    throw usageError(
      options.current === true ? 'no context is in use' : 'no context named',
      'Make one: sluice config set-context NAME --server HOST:PORT',
    );
  }
  const { server, tokenFile, tlsCa, tlsCert, tlsKey } = invocation.flags;
  const change: Context = {
    ...(server === undefined ? {} : { server }),
    // A context is used in other folders than the one it was made in.
    ...(tokenFile === undefined ? {} : { token_file: path.resolve(tokenFile) }),
    ...(tlsCa === undefined ? {} : { tls_ca: path.resolve(tlsCa) }),
    ...(tlsCert === undefined ? {} : { tls_cert: path.resolve(tlsCert) }),
    ...(tlsKey === undefined ? {} : { tls_key: path.resolve(tlsKey) }),
    ...(options.queue === undefined ? {} : { queue: options.queue }),
  };
  if (Object.keys(change).length === 0) {
    throw usageError('nothing to set', 'Give --server, --token-file, --tls-ca, --tls-cert, --tls-key or --queue.');
  }
  const isNew = !Object.hasOwn(config.contexts, name);
  // The first context is the one in use: whoever makes one wants to use it.
  const currentContext = config.currentContext ?? name;
  await writeConfig(invocation.configPath, { ...withContext(config, name, change), currentContext });
  invocation.out(`Context "${name}" ${isNew ? 'created' : 'modified'}.`);
}

interface ViewOptions {
  readonly origin?: boolean;
  readonly output?: string;
}

async function view(invocation: Invocation, options: ViewOptions): Promise<void> {
  const settings = await invocation.settings();
  const format = invocation.format(options.output, ['json', 'yaml']);
  const shown = TITLES.map(([key, title]) => ({ title, ...settings[key], value: shownValue(key, settings) }));
  if (format === 'json' || format === 'yaml') {
    const entries = shown.map(({ title, value, origin }) => [
      title,
      options.origin === true ? { value, origin } : value,
    ]);
    await invocation.printData(format, { file: invocation.configPath, ...Object.fromEntries(entries) });
    return;
  }
  invocation.note(`File: ${invocation.configPath}`);
  invocation.printTable(
    options.origin === true ? ['SETTING', 'VALUE', 'ORIGIN'] : ['SETTING', 'VALUE'],
    shown.map(({ title, value, origin }) => [title, value ?? '-', ...(options.origin === true ? [origin] : [])]),
  );
}

const TITLES: readonly (readonly [keyof Settings, string])[] = [
  ['context', 'context'],
  ['server', 'server'],
  ['token', 'token'],
  ['tokenFile', 'token_file'],
  ['tlsCa', 'tls_ca'],
  ['tlsCert', 'tls_cert'],
  ['tlsKey', 'tls_key'],
  ['queue', 'queue'],
];

/** A token is a secret: it is said to be there, not what it is. */
function shownValue(key: keyof Settings, settings: Settings): string | null {
  const { value } = settings[key];
  return key === 'token' && value !== null ? '(hidden)' : value;
}
