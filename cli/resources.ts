// The nouns of the command line: which words mean which resource, and how people name one workload, queue or node.
import { didYouMean, usageError } from './failure.js';
import { nearestNames } from '../common/nearest.js';
import type { SluiceClient } from './client.js';

/** What can be listed. */
export type Resource = 'workload' | 'queue' | 'node' | 'gpu';

/** Every word for each, the plural first: it is the one that messages use. */
const WORDS: Readonly<Record<Resource, readonly string[]>> = {
  workload: ['workloads', 'workload', 'wl', 'jobs', 'job', 'j'],
  queue: ['queues', 'queue', 'q', 'projects', 'project', 'accounts', 'account'],
  node: ['nodes', 'node', 'no'],
  gpu: ['gpus', 'gpu'],
};

/** The plural of each resource, for help. */
export const RESOURCES: readonly string[] = Object.values(WORDS).flatMap((words) => words.slice(0, 1));

/**
 * The resource a word means.
 * @param hint what else the word may have meant; null = nothing
 * @throws CliError (exit 2) with the nearest words
 */
export function resourceNamed(
  word: string,
  allowed: readonly Resource[] = ['workload', 'queue', 'node', 'gpu'],
  hint: string | null = null,
): Resource {
  const wanted = word.toLowerCase();
  const found = allowed.find((resource) => WORDS[resource].includes(wanted));
  if (found !== undefined) return found;
  const known = allowed.flatMap((resource) => WORDS[resource]);
  const close = nearestNames(wanted, known);
  throw usageError(
    `unknown resource "${word}"`,
    ...(close.length > 0 ? didYouMean(close) : [`Known: ${allowed.map((resource) => WORDS[resource][0]).join(', ')}.`]),
    ...(hint === null ? [] : [hint]),
  );
}

/**
 * Splits `job/1041` and checks that the noun is the wanted one; a bare `1041` is returned as it is.
 * @throws CliError (exit 2) when it names another resource
 */
export function selectorOf(resource: Resource, text: string): string {
  const slash = text.indexOf('/');
  if (slash < 0) return text;
  const named = resourceNamed(text.slice(0, slash));
  if (named !== resource) throw usageError(`"${text}" is a ${named}, but a ${resource} is wanted here`);
  return text.slice(slash + 1);
}

/**
 * What to send for a workload that somebody named: a number, a name, or `last` for the newest.
 * @throws CliError (exit 2) when it names something else; (exit 1) for `last` when there is none
 */
export async function workloadSelector(client: SluiceClient, text: string): Promise<string> {
  const selector = selectorOf('workload', text);
  if (selector === '')
    throw usageError(`"${text}" names no workload`, 'Give a number such as 1041, a name, or "last".');
  if (selector !== 'last') return selector;
  const newest = (await client.listWorkloads({ pageSize: 1 })).workloads[0];
  if (newest === undefined) throw usageError('there is no workload yet, so "last" names none');
  return String(newest.number);
}
