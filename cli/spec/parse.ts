// Reads workload files: YAML text → API specs, or every mistake with file, line, column and field. Pure; nothing is sent
// and no file is opened here.
import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  type Alias,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import { nearest } from '../../common/nearest.js';
import { toDuration } from '../../common/units.js';
import type { EarlySignal } from '../../proto/gen/sluice/v1/EarlySignal.js';
import type { Role } from '../../proto/gen/sluice/v1/Role.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { launcherOf } from './launcher.js';
import { toNotifyRule, withScheme } from './notify.js';
import { ON_DISCONNECT } from './on-disconnect.js';
import type { SignalAhead } from './quantities.js';
import { conflictsIn, toResources, type ResourceParts } from './resources.js';
import { NOT_YET, SAID_OTHERWISE, keysAt, workloadSchema, type RoleDocument, type WorkloadDocument } from './schema.js';

/** Files beyond this size are not read. */
export const MAX_SPEC_BYTES = 4 * 1024 * 1024;
/** The most workloads in one submission. The API has the same limit. */
export const MAX_SPECS = 1_000;
/** Aliases of one document, counted as often as they are expanded. */
const MAX_ALIASES = 1_000;
/** Written values are shown in messages up to this length. */
const MAX_SHOWN_LENGTH = 40;

/** One mistake. */
export interface SpecProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Such as `resources.gpu`; empty = the document. */
  readonly field: string;
  readonly message: string;
}

/** One workload of a file. */
export interface SpecDocument {
  readonly file: string;
  readonly spec: WorkloadSpec;
  /** Where a field is written, or the nearest thing around it. */
  locate(path: readonly (string | number)[]): { readonly line: number; readonly column: number };
}

export interface ParsedFile {
  readonly documents: readonly SpecDocument[];
  /** In reading order. With any problem the documents must not be sent. */
  readonly problems: readonly SpecProblem[];
}

type Path = readonly (string | number)[];

/** Reads one file. `file` is only for messages. */
export function parseSpecs(text: string, file: string): ParsedFile {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const documents = Array.isArray(parsed) ? parsed.filter((document) => !isEmpty(document)) : [];
  const syntax = (Array.isArray(parsed) ? parsed : [parsed]).flatMap((document) =>
    document.errors.map((error) => problemAt(file, lines, error.pos[0], '', syntaxMessage(error.code, error.message))),
  );
  // What a broken text seems to say would only bring more, and wrong, complaints.
  if (syntax.length > 0) return { documents: [], problems: inOrder(syntax) };
  if (documents.length === 0) {
    return {
      documents: [],
      problems: [problemAt(file, lines, 0, '', 'is empty; see docs/workload-spec.md for an example')],
    };
  }
  if (documents.length > MAX_SPECS) {
    const message = `has ${documents.length} workloads; at most ${MAX_SPECS} can be submitted at once`;
    return { documents: [], problems: [problemAt(file, lines, 0, '', message)] };
  }
  const checked = documents.map((document) => checkDocument(document, file, lines));
  return {
    documents: checked.flatMap(({ document }) => document),
    problems: inOrder(checked.flatMap(({ problems }) => problems)),
  };
}

/** `train.yaml:7:11: resources.gpu: must be …` */
export function formatProblem({ file, line, column, field, message }: SpecProblem): string {
  return `${file}:${line}:${column}: ${field === '' ? '' : `${field}: `}${message}`;
}

/**
 * The place in a document of a field that the API complained of.
 * @param apiField as in the API, relative to the spec: `resources.gpus`, `environment[0].name`
 */
export function problemFromApi(document: SpecDocument, apiField: string, message: string): SpecProblem {
  const path = documentPath(apiField, document.spec);
  const { line, column } = document.locate(path);
  return { file: document.file, line, column, field: fieldText(path), message };
}

/** Nothing between two `---`. */
function isEmpty({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && contents.source === '');
}

function checkDocument(
  document: Document.Parsed,
  file: string,
  lines: LineCounter,
): { readonly document: readonly SpecDocument[]; readonly problems: readonly SpecProblem[] } {
  const locate = (path: Path) => positionOf(lines, offsetOf(document, path, 'value'));
  const problems: SpecProblem[] = [];
  const complain = (path: Path, message: string, at: 'key' | 'value' = 'value') =>
    problems.push(problemAt(file, lines, offsetOf(document, path, at), fieldText(path), message));

  const aliases = new Aliases(document);
  const plain = toPlain(document.contents, [], aliases);
  if (aliases.exhausted) {
    complain([], `has more than ${MAX_ALIASES} aliases once they are expanded`);
    return { document: [], problems };
  }
  const result = workloadSchema.safeParse(plain);
  for (const issue of result.error?.issues ?? []) {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) complain([...path, key], unknownKey(key, keysAt(path)), 'key');
    } else if (issue.code === 'invalid_key') {
      complain(path, issue.issues[0]?.message ?? 'is no valid key', 'key');
    } else {
      complain(path, issue.message + shownValue(document, path));
    }
  }
  for (const { path, message } of crossFieldProblems(plain)) complain(path, message, 'key');
  for (const { path, message } of result.success ? resourceProblems(result.data) : []) complain(path, message, 'key');
  if (problems.length > 0 || !result.success) return { document: [], problems };
  return { document: [{ file, spec: toSpec(result.data), locate }], problems: [] };
}

/** What no single field can know. Looks at the raw document, so that it speaks up even when fields are wrong, too. */
function crossFieldProblems(plain: unknown): readonly { readonly path: Path; readonly message: string }[] {
  if (!isMapping(plain)) return [];
  const has = (key: string) => Object.hasOwn(plain, key);
  const roles: readonly unknown[] = Array.isArray(plain['roles']) ? plain['roles'] : [];
  const found: { path: Path; message: string }[] = [...programProblems(plain, [])];
  roles.forEach((role, index) => {
    if (isMapping(role)) found.push(...programProblems(role, ['roles', index]));
  });
  const everyRoleHasOne =
    roles.length > 0 && roles.every((role) => isMapping(role) && ('run' in role || 'builtin' in role));
  if (!has('run') && !has('builtin') && !everyRoleHasOne) {
    found.push({ path: [], message: 'has no program: say run: COMMAND, or builtin: train, test or serve' });
  }
  if (has('roles') && has('resources')) {
    found.push({ path: ['resources'], message: 'cannot be together with roles; say them in each role' });
  }
  return found;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Of a workload or a role, at its place in the document. */
function programProblems(
  plain: Readonly<Record<string, unknown>>,
  at: Path,
): readonly { readonly path: Path; readonly message: string }[] {
  const has = (key: string) => Object.hasOwn(plain, key);
  const found: { path: Path; message: string }[] = [];
  if (has('run') && has('builtin')) {
    const whose = at.length === 0 ? 'workload' : 'role';
    found.push({ path: [...at, 'builtin'], message: `cannot be together with run: a ${whose} has one program` });
  }
  if (has('args') && !has('builtin')) {
    found.push({
      path: [...at, 'args'],
      message: 'is for builtin programs; with run, write arguments into the command',
    });
  }
  return found;
}

/** What two fields of a checked document say differently. */
function resourceProblems(document: WorkloadDocument): readonly { readonly path: Path; readonly message: string }[] {
  const all = [
    { at: [], resources: document.resources },
    ...(document.roles ?? []).map(({ resources }, index) => ({ at: ['roles', index], resources })),
  ];
  return all.flatMap(({ at, resources }) =>
    conflictsIn(partsOf(resources)).map(({ part, why }) => ({
      path: [...at, 'resources', part === 'minGpuMemoryMib' ? 'min_gpu_memory' : part],
      message: why,
    })),
  );
}

const KIND_OF_BUILTIN = { train: 'train', test: 'test', serve: 'service' } as const;
const KINDS = {
  train: 'WORKLOAD_KIND_TRAIN',
  test: 'WORKLOAD_KIND_TEST',
  service: 'WORKLOAD_KIND_SERVICE',
  batch: 'WORKLOAD_KIND_BATCH',
  interactive: 'WORKLOAD_KIND_INTERACTIVE',
} as const;

/** A checked document in the API's form. What is left out stays left out: the scheduler knows the defaults. */
function toSpec(document: WorkloadDocument): WorkloadSpec {
  const { checkpoint, builtin, roles, topology, time, retry, after, array, notify } = document;
  const kind = document.kind ?? (builtin === undefined ? 'batch' : KIND_OF_BUILTIN[builtin]);
  return {
    name: document.name ?? '',
    kind: KINDS[kind],
    queue: document.queue ?? '',
    ...(document.priority === undefined ? {} : { priority: document.priority }),
    ...(document.preemptible === undefined ? {} : { preemptible: document.preemptible }),
    ...(roles === undefined ? toTasks(document.resources) : { roles: roles.map(toRole) }),
    ...(topology === undefined ? {} : { topology }),
    ...(time === undefined || time === 0 ? {} : { timeLimit: toDuration(time) }),
    ...(retry === undefined ? {} : { retry: toRetry(retry) }),
    ...(after === undefined ? {} : { dependencies: [...after] }),
    ...(array === undefined ? {} : { array }),
    ...toProgram(document),
    environment: Object.entries(document.env ?? {}).map(([name, value]) => ({ name, value })),
    workingDirectory: document.workdir ?? '',
    ...(document.launcher === undefined ? {} : { launcher: launcherOf(document.launcher) }),
    ...(document.on_disconnect === undefined ? {} : { onDisconnect: ON_DISCONNECT[document.on_disconnect] }),
    ...(checkpoint === undefined
      ? {}
      : {
          checkpoint: {
            directory: checkpoint.dir ?? '',
            grace: toDuration(checkpoint.grace ?? null),
            ...(checkpoint.signal === undefined ? {} : { earlySignal: toEarlySignal(checkpoint.signal) }),
          },
        }),
    ...(document.separate_stderr === true ? { separateStderr: true } : {}),
    ...(notify === undefined ? {} : { notify: notify.map(({ on, to }) => toNotifyRule(on, withScheme(to))) }),
  };
}

function toEarlySignal({ signal, aheadMs }: SignalAhead): EarlySignal {
  return { signal, ahead: toDuration(aheadMs) };
}

function toRole(role: RoleDocument): Role {
  return {
    name: role.name,
    ...toTasks(role.resources),
    ...(role.topology === undefined ? {} : { topology: role.topology }),
    ...toProgram(role),
  };
}

function toTasks(resources: WorkloadDocument['resources']): Pick<WorkloadSpec, 'tasks' | 'maxTasks' | 'resources'> {
  const { least, most } = resources?.tasks ?? { least: 1, most: 1 };
  return {
    tasks: least,
    ...(most > least ? { maxTasks: most } : {}),
    resources: toResources(partsOf(resources)),
  };
}

function partsOf(resources: WorkloadDocument['resources']): ResourceParts {
  return {
    gpu: resources?.gpu,
    gpuMemoryMib: resources?.gpu_memory,
    mig: resources?.mig,
    cpuMilli: resources?.cpu,
    memoryMib: resources?.memory,
    pool: resources?.pool,
    models: resources?.models,
    minGpuMemoryMib: resources?.min_gpu_memory,
    minDriver: resources?.min_driver,
    labels: resources?.constraint,
    nodes: resources?.nodelist,
  };
}

function toRetry(retry: NonNullable<WorkloadDocument['retry']>): NonNullable<WorkloadSpec['retry']> {
  const { max, backoff, on_exit_codes: codes, never_on_exit_codes: neverCodes } = retry;
  return {
    max,
    ...(backoff === undefined
      ? {}
      : { backoff: toDuration(backoff.firstMs), maxBackoff: toDuration(backoff.longestMs) }),
    ...(codes === undefined ? {} : { codes }),
    ...(neverCodes === undefined ? {} : { neverCodes }),
  };
}

function toProgram({
  run,
  builtin,
  args,
}: Pick<WorkloadDocument, 'run' | 'builtin' | 'args'>): Pick<WorkloadSpec, 'command' | 'builtin'> {
  if (builtin !== undefined) {
    return {
      builtin: { name: builtin, args: Object.entries(args ?? {}).map(([name, value]) => `--${name}=${value}`) },
    };
  }
  if (run === undefined) return {};
  return { command: { argv: typeof run === 'string' ? ['/bin/sh', '-c', run] : [...run] } };
}

/** The API's field → ours. Fields that we derive lead to what they come from. */
function documentPath(apiField: string, spec: WorkloadSpec): Path {
  const parts = apiField
    .replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    .split(/[.[\]]+/)
    .filter((part) => part !== '');
  return partsToPath(parts, spec);
}

/** Where parts of a resource are written. */
const RESOURCE_KEYS: Readonly<Record<string, string>> = {
  pool: 'pool',
  gpuMemoryMib: 'gpu_memory',
  gpuModels: 'models',
  migProfile: 'mig',
  cpuMilli: 'cpu',
  memoryMib: 'memory',
  minGpuMemoryMib: 'min_gpu_memory',
  minDriver: 'min_driver',
  nodeLabels: 'constraint',
  nodes: 'nodelist',
};

function partsToPath(
  parts: readonly string[],
  spec: Pick<WorkloadSpec, 'command' | 'builtin' | 'environment' | 'roles'>,
): Path {
  const [first = '', second, third] = parts;
  switch (first) {
    case 'roles': {
      const role = spec.roles?.[Number(second)];
      return role === undefined ? ['roles'] : ['roles', Number(second), ...partsToPath(parts.slice(2), role)];
    }
    case 'tasks':
    case 'maxTasks':
      return ['resources', 'tasks'];
    case 'resources':
      return second === undefined ? ['resources'] : ['resources', RESOURCE_KEYS[second] ?? 'gpu'];
    case 'command':
      // A text became three words, of which only the last is the user's.
      return spec.command?.argv?.[0] === '/bin/sh' || third === undefined ? ['run'] : ['run', Number(third)];
    case 'program':
      return [];
    case 'builtin':
      return second === 'args' ? ['args', ...argumentName(spec, third)] : ['builtin'];
    case 'environment':
      return ['env', ...variableName(spec, second)];
    case 'workingDirectory':
      return ['workdir'];
    case 'checkpoint':
      return ['checkpoint', ...(second === undefined ? [] : [CHECKPOINT_KEYS[second] ?? second])];
    case 'timeLimit':
      return ['time'];
    case 'retry':
      return second === undefined ? ['retry'] : ['retry', RETRY_KEYS[second] ?? second];
    case 'dependencies':
      return ['after', ...(second === undefined ? [] : [Number(second)])];
    case 'array':
    case 'topology':
      return [first];
    default:
      return first === '' ? [] : [first];
  }
}

const CHECKPOINT_KEYS: Readonly<Record<string, string>> = { directory: 'dir', earlySignal: 'signal' };

const RETRY_KEYS: Readonly<Record<string, string>> = {
  maxBackoff: 'backoff',
  codes: 'on_exit_codes',
  neverCodes: 'never_on_exit_codes',
};

function variableName(spec: Pick<WorkloadSpec, 'environment'>, index: string | undefined): Path {
  const name = spec.environment?.[Number(index)]?.name;
  return name === undefined ? [] : [name];
}

function argumentName(spec: Pick<WorkloadSpec, 'builtin'>, index: string | undefined): Path {
  const name = /^--([^=]*)/.exec(spec.builtin?.args?.[Number(index)] ?? '')?.[1];
  return name === undefined ? [] : [name];
}

/** Where scalars count as they are written: `1.10` is not 1.1 to a program that gets it, nor as a version of a driver. */
function isVerbatim(path: Path): boolean {
  const [first, , third] = path;
  if (path.length >= 2 && (first === 'env' || first === 'args' || first === 'run')) return true;
  if (first === 'roles' && path.length >= 4 && (third === 'args' || third === 'run')) return true;
  return path.at(-1) === 'min_driver' || path.at(-2) === 'constraint' || path.at(-2) === 'models';
}

/** Follows aliases, and counts: a few lines of them can expand to gigabytes, or into themselves. */
class Aliases {
  readonly #document: Document.Parsed;
  #left = MAX_ALIASES;

  constructor(document: Document.Parsed) {
    this.#document = document;
  }

  /** What the alias stands for; null once there were too many. */
  resolve(alias: Alias): unknown {
    this.#left -= 1;
    return this.#left < 0 ? null : alias.resolve(this.#document);
  }

  get exhausted(): boolean {
    return this.#left < 0;
  }
}

/** A node as plain data. */
function toPlain(node: unknown, path: Path, aliases: Aliases): unknown {
  if (isAlias(node)) return toPlain(aliases.resolve(node), path, aliases);
  if (isScalar(node)) {
    return isVerbatim(path) && typeof node.value !== 'string' && node.value !== null
      ? (node.source ?? JSON.stringify(node.value))
      : node.value;
  }
  if (isSeq(node)) return node.items.map((item, index) => toPlain(item, [...path, index], aliases));
  if (!isMap(node)) return null;
  return Object.fromEntries(
    node.items.map((pair) => {
      const key = keyText(pair);
      return [key, toPlain(pair.value, [...path, key], aliases)];
    }),
  );
}

function keyText(pair: Pair): string {
  return String(isScalar(pair.key) ? pair.key.value : pair.key);
}

/** Where a path is written; what is not there counts as where its parent is. */
function offsetOf(document: Document.Parsed, path: Path, at: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, part] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((candidate) => keyText(candidate) === String(part));
      if (pair === undefined) return offset;
      const last = depth === path.length - 1;
      const keyOffset = startOf(pair.key) ?? offset;
      offset = last && at === 'key' ? keyOffset : (startOf(pair.value) ?? keyOffset);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = startOf(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function startOf(node: unknown): number | null {
  return (node as Node | null | undefined)?.range?.[0] ?? null;
}

/** `, not "many"`: what is written there, when it is short and a scalar. */
function shownValue(document: Document.Parsed, path: Path): string {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isScalar(node) || node.value === null) return node === undefined || !isScalar(node) ? '' : ', not empty';
  const written =
    typeof node.value === 'string' ? JSON.stringify(node.value) : (node.source ?? JSON.stringify(node.value));
  return written.length <= MAX_SHOWN_LENGTH ? `, not ${written}` : `, not ${written.slice(0, MAX_SHOWN_LENGTH - 3)}...`;
}

function unknownKey(key: string, known: readonly string[]): string {
  if (Object.hasOwn(SAID_OTHERWISE, key)) return SAID_OTHERWISE[key] ?? '';
  const close = nearest(key, known);
  if (close !== null) return `unknown field; did you mean "${close}"?`;
  if (NOT_YET.includes(key)) return 'is not supported in this release';
  return known.length === 0 ? 'unknown field' : `unknown field; known: ${known.join(', ')}`;
}

const SYNTAX_MESSAGES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab cannot indent in YAML; use spaces',
  DUPLICATE_KEY: 'this key is there twice; remove one',
};

function syntaxMessage(code: string, message: string): string {
  return SYNTAX_MESSAGES[code] ?? `not valid YAML: ${message}`;
}

function problemAt(file: string, lines: LineCounter, offset: number, field: string, message: string): SpecProblem {
  return { file, ...positionOf(lines, offset), field, message };
}

function positionOf(lines: LineCounter, offset: number): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function fieldText(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

function inOrder(problems: readonly SpecProblem[]): readonly SpecProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
