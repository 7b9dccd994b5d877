// `sluice token create`: makes a token, keeps only its digest where the scheduler looks, and hands the secret over once.
import { appendFile, writeFile } from 'node:fs/promises';
import { generateToken, hashToken } from '../../common/token.js';
import { failure, usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';

interface Options {
  readonly addTo: string;
  readonly agent?: boolean;
  readonly role?: string;
  readonly out?: string;
}

/** As the scheduler takes them. */
const PRINCIPAL = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$/;
const NODE = /^(\*|[a-z0-9][a-z0-9.-]{0,62})$/;
const ROLES = ['user', 'admin'];
/** For its owner alone. */
const SECRET_MODE = 0o600;

export const define: DefineCommand = (command, invocation) => {
  command.description('Makes tokens for users and agents.').usage('create NAME --add-to FILE [FLAGS]');
  command
    .command('create')
    .description(
      "Makes a token and adds its digest to one of the scheduler's files of tokens, which is read anew by itself.\n" +
        'The token is printed once, or written to --out; nobody can find it out afterwards.',
    )
    .argument('<name>', 'the user, or with --agent the node ("*" = any node)')
    .requiredOption('--add-to <file>', 'the tokens_file or agent_tokens_file of the scheduler; made if it is not there')
    .option('--agent', 'for the agent of a node')
    .option('--role <role>', `of a user: ${ROLES.join(' or ')}`)
    .option('--out <file>', 'write the token there, for --token-file; the file must not exist')
    .action((name: string, options: Options) => create(invocation, name, options));
};

async function create(invocation: Invocation, name: string, { addTo, agent, role, out }: Options): Promise<void> {
  if (agent === true && role !== undefined) throw usageError('an agent has no role', 'Leave out --role or --agent.');
  if (role !== undefined && !ROLES.includes(role)) {
    throw usageError(`unknown role "${role}"`, `Choose one of: ${ROLES.join(', ')}.`);
  }
  if (!(agent === true ? NODE : PRINCIPAL).test(name)) {
    throw usageError(`"${name}" is no name of a ${agent === true ? 'node' : 'user'}`, 'See docs/administration.md.');
  }
  const token = generateToken();
  const words = [hashToken(token), name, ...(agent === true ? [] : [role ?? 'user'])];
  try {
    // The secret first: a digest whose token is lost would be a line that nobody can use or explain.
    if (out !== undefined) await writeFile(out, `${token}\n`, { mode: SECRET_MODE, flag: 'wx' });
    await appendFile(addTo, `${words.join(' ')}\n`, { mode: SECRET_MODE });
  } catch (error) {
    throw failure('TOKEN_NOT_WRITTEN', error instanceof Error ? error.message : String(error));
  }
  if (out === undefined) invocation.out(token);
  invocation.note(
    `${agent === true ? 'node' : 'user'} "${name}" added to ${addTo}${out === undefined ? '' : `; the token is in ${out}`}`,
  );
}
