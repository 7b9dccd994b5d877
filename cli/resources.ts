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
 * What to send for a workload that somebody named: a number, a name, `last` for the newest, or `1043_7` for the one with
 * index 7 in the array of workload 1043.
 * @throws CliError (exit 2) when it names something else; (exit 1) for `last` when there is none
 */
export async function workloadSelector(client: SluiceClient, text: string): Promise<string> {
  const selector = selectorOf('workload', text);
  if (selector === '')
    throw usageError(`"${text}" names no workload`, 'Give a number such as 1041, a name, or "last".');
  const place = /^(\d{1,12})_(\d{1,9})$/.exec(selector);
  if (place !== null) return inArray(client, place[1] ?? '', Number(place[2]));
  if (selector !== 'last') return selector;
  const newest = (await client.listWorkloads({ pageSize: 1 })).workloads[0];
  if (newest === undefined) throw usageError('there is no workload yet, so "last" names none');
  return String(newest.number);
}

/** The number of the workload with this index in the array that a workload belongs to. */
async function inArray(client: SluiceClient, number: string, index: number): Promise<string> {
  const { arrayPlace, spec } = await client.getWorkload(number);
  const array = spec?.array ?? null;
  if (arrayPlace === null || array === null) throw usageError(`workload ${number} is in no array`);
  const place = index - array.firstIndex;
  if (place < 0 || place >= array.size) {
    const last = array.firstIndex + array.size - 1;
    throw usageError(`the array of workload ${number} has no index ${index}`, `It has ${array.firstIndex} to ${last}.`);
  }
  return String(arrayPlace.first + place);
}

/**
 * Splits `1041/3`, `llm-sft/3` or `job/1041/3`: a workload and one of its tasks, the first without one.
 * @throws CliError (exit 2) when it names something else
 */
export function taskSelector(text: string): { readonly workload: string; readonly task: number } {
  const parts = text.split('/');
  const [first = '', ...rest] = parts;
  const hasNoun = WORDS.workload.includes(first.toLowerCase());
  const [workload = '', task = '0', ...more] = hasNoun && rest.length > 0 ? rest : parts;
  if (workload === '' || !/^\d{1,9}$/.test(task) || more.length > 0) {
    throw usageError(`"${text}" names no task`, 'Write a workload, or a workload and the number of a task: 1041/3');
  }
  return { workload, task: Number(task) };
}
