// Real GPUs, read with nvidia-smi. Every run is a process group of its own with a time limit; what nvidia-smi says is
// read by the pure smi-*.ts; here it is put together with what we know: GPUs seen before, their baselines, their locks.
import path from 'node:path';
import type { Clock } from '../../common/clock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { GpuLocks, LOCK_FOLDERS } from './gpu-lock.js';
import {
  type Baseline,
  type BaselineLimits,
  DEFAULT_BASELINE_LIMITS,
  foreignUse,
  type GpuUse,
  judgeClean,
  learnBaseline,
} from './idle-baseline.js';
import { type CommandResult, ProcessGroups } from './process-group.js';
import type {
  Cleanliness,
  DiscoveredGpu,
  GpuLogger,
  GpuProvider,
  Inventory,
  ResetAnswer,
  Telemetry,
} from './provider.js';
import { ReadersAndReset } from './readers-and-reset.js';
import { SharedRead } from './shared-read.js';
import {
  COMPUTE_APPS_ARGUMENTS,
  type ComputeApp,
  readComputeApps,
  readTelemetry,
  TELEMETRY_ARGUMENTS,
} from './smi-csv.js';
import {
  EXIT_INFOROM_CORRUPTED,
  explainFailure,
  explainMissing,
  explainStuck,
  explainTimeout,
  explainTooLong,
  quote,
  sameBus,
} from './smi-failure.js';
import type { ReaderAnswer } from './smi-reader.js';
import { LIST_ARGUMENTS, migInstances, readMigDevices } from './smi-mig.js';
import { MAX_GPUS, type ReportedGpu } from './smi-report.js';
import { Nvml } from './nvml.js';
import { PCI_DEVICES, readPciSlot } from './pci-slot.js';
import { type LooksBack, lookAgain, NO_LOOKS, symptomsOf } from './symptoms.js';
import { readNvlinkGroups, TOPOLOGY_ARGUMENTS } from './smi-topology.js';

export interface NvidiaSmiOptions {
  /** After this a run of nvidia-smi is killed. Default 10,000. */
  readonly limitMs?: number;
  /** The same for a reset, which takes seconds for each GPU. Default 120,000. */
  readonly resetLimitMs?: number;
  /** Where nvidia-smi is looked for. Default: PATH of the agent. */
  readonly searchPath?: string;
  /** Where GPUs are locked against other agents of this host. Default: `LOCK_FOLDERS`. */
  readonly lockFolders?: readonly string[];
  readonly baselineLimits?: BaselineLimits;
  /** Where the kernel tells of PCI devices. Default: `PCI_DEVICES`. */
  readonly pciDevices?: string;
  /** NVIDIA's management library, for figures between inventories; absent or null = nvidia-smi is asked for them. */
  readonly nvmlLibrary?: string | null;
}

/** As the driver installs it. */
export const NVML_LIBRARY = 'libnvidia-ml.so.1';

const DEFAULT_SMI_LIMIT_MS = 10_000;
const RESET_LIMIT_MS = 120_000;

const READER = path.join(PACKAGE_ROOT, 'dist/node-agent/gpu/smi-reader.js');

/** The most the reader or a csv query may write. A csv row is about 100 bytes, a process a row. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** How often the topology of the same GPUs is asked for when the answer is of no use. */
const MAX_TOPOLOGY_TRIES = 3;

/** What is kept of a GPU from one look to the next. */
interface KnownGpu {
  readonly gpu: DiscoveredGpu;
  readonly baseline: Baseline | null;
  readonly looks: LooksBack;
}

/** What further questions told of the GPUs of a report. */
interface Layout {
  readonly nvlinkGroup: ReadonlyMap<string, number | null>;
  /** Null = a GPU is in MIG mode, and its instances cannot be listed. */
  readonly migDevices: ReturnType<typeof readMigDevices> | null;
}

/** What the csv queries told, or why they did not. */
type UseReading =
  | {
      readonly state: 'read';
      readonly apps: readonly ComputeApp[];
      readonly memory: readonly Telemetry[];
    }
  /** nvidia-smi ended with an error. */
  | { readonly state: 'failed'; readonly message: string }
  /** nvidia-smi is missing, hangs, or we are ending. */
  | { readonly state: 'no-answer'; readonly message: string };

type Csv = { readonly exitCode: number | null; readonly text: string } | { readonly problem: string };

/** The GPUs of this machine. Never rejects; see `GpuProvider`. */
export class NvidiaSmiProvider implements GpuProvider {
  readonly kind = 'nvidia-smi';
  readonly #limitMs: number;
  readonly #resetLimitMs: number;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #baselineLimits: BaselineLimits;
  readonly #groups: ProcessGroups;
  readonly #locks: GpuLocks;
  readonly #pciDevices: string;
  /** Null = figures come from nvidia-smi. */
  readonly #nvml: Nvml | null;
  readonly #logger: GpuLogger | undefined;

  /** Who asks about GPUs keeps them open, which a reset does not go with; and what is read in the midst of one is no fault. */
  readonly #turns = new ReadersAndReset();
  readonly #inventoryRead = new SharedRead(() => this.#turns.read(() => this.#readInventory()));
  readonly #telemetryRead = new SharedRead(() => this.#turns.read(() => this.#readTelemetry()));
  readonly #useRead = new SharedRead(() => this.#turns.read(() => this.#readUse([])));
  /** Looks at single GPUs, one after the other. */
  #singleReads: Promise<unknown> = Promise.resolve();

  /** In the order in which they were first seen, so that positions stay. */
  readonly #known = new Map<string, KnownGpu>();
  /** NVLink does not change while the machine runs: it is asked for once for the same GPUs. */
  #topology: { key: string; groups: readonly (number | null)[] | null; tries: number } = {
    key: '',
    groups: [],
    tries: 0,
  };
  #versions = { driverVersion: '', cudaVersion: '' };
  /** Null until the first `setBusy`. */
  #busy: ReadonlySet<string> | null = null;
  /** The last trouble written to the log, by what was read: it is told once, not every few seconds. */
  readonly #logged = new Map<string, string>();

  constructor(options: NvidiaSmiOptions, { clock, logger }: { readonly clock: Clock; readonly logger?: GpuLogger }) {
    this.#limitMs = options.limitMs ?? DEFAULT_SMI_LIMIT_MS;
    this.#resetLimitMs = options.resetLimitMs ?? RESET_LIMIT_MS;
    // Texts are compared, so nvidia-smi and the shell have to speak one language.
    const searchPath = options.searchPath ?? process.env['PATH'] ?? '';
    this.#environment = { ...process.env, PATH: searchPath, LC_ALL: 'C' };
    this.#baselineLimits = options.baselineLimits ?? DEFAULT_BASELINE_LIMITS;
    this.#groups = new ProcessGroups(clock);
    const { nvmlLibrary = null } = options;
    const nvmlOptions = { limitMs: this.#limitMs, environment: this.#environment };
    this.#nvml = nvmlLibrary === null ? null : new Nvml({ ...nvmlOptions, library: nvmlLibrary }, clock);
    this.#pciDevices = options.pciDevices ?? PCI_DEVICES;
    this.#locks = new GpuLocks(options.lockFolders ?? LOCK_FOLDERS);
    this.#logger = logger;
  }

  inventory(): Promise<Inventory> {
    return this.#inventoryRead.ask();
  }

  telemetry(): Promise<readonly Telemetry[]> {
    return this.#telemetryRead.ask();
  }

  async checkClean(uuids: readonly string[]): Promise<Cleanliness> {
    if (uuids.length === 0) return { state: 'clean' };
    const reading = await this.#useRead.ask();
    const verdict = this.#judge(uuids, reading);
    if (verdict.state !== 'unknown' || reading.state === 'no-answer') return verdict;
    // Another GPU may have spoilt the answer for all: some drivers stop at the first GPU they cannot open.
    const alone = this.#singleReads.then(() => this.#turns.read(() => this.#readUse(uuids)));
    this.#singleReads = alone;
    return this.#judge(uuids, await alone);
  }

  reset(uuids: readonly string[]): Promise<ResetAnswer> {
    return this.#turns.reset(async () => {
      await this.#nvml?.letGo();
      const result = await this.#groups.run({
        file: 'nvidia-smi',
        args: ['--gpu-reset', '-i', uuids.join(',')],
        environment: this.#environment,
        limitMs: this.#resetLimitMs,
        maxBytes: MAX_ANSWER_BYTES,
        answersBy: 'exit',
      });
      if (result.state !== 'answered') return { state: 'failed', message: this.#explain(result, this.#resetLimitMs) };
      if (result.exitCode === 0) return { state: 'done' };
      return { state: 'failed', message: explainFailure(result) };
    });
  }

  setBusy(uuids: ReadonlySet<string>): void {
    this.#busy = new Set(uuids);
  }

  async close(): Promise<void> {
    this.#nvml?.close();
    await this.#groups.close();
    this.#locks.releaseAll();
  }

  async #readInventory(): Promise<Inventory> {
    const busyBefore = this.#busy;
    const answer = await this.#runReader();
    if (answer.state === 'failed') return this.#unreadable(answer.problem);
    this.#tell('warning', answer.warning);
    this.#versions = { driverVersion: answer.report.driverVersion, cudaVersion: answer.report.cudaVersion };

    const reported = answer.report.gpus;
    const layout: Layout = {
      nvlinkGroup: await this.#readNvlink(reported),
      migDevices: reported.some(({ migMemoryMib }) => migMemoryMib !== null) ? await this.#readMig() : new Map(),
    };
    const isAtRest = (uuid: string) =>
      busyBefore !== null && this.#busy !== null && !busyBefore.has(uuid) && !this.#busy.has(uuid);
    for (const gpu of reported) if (gpu.uuid !== '') this.#see(gpu, layout, isAtRest(gpu.uuid));
    const unopened = [
      ...answer.unreachable,
      ...reported.filter(({ uuid }) => uuid === '').map(({ pciBusId, healthMessage: line }) => ({ pciBusId, line })),
    ];
    this.#loseUnlisted(new Set(reported.map(({ uuid }) => uuid)), unopened);
    return this.#answer(this.#problemOf(unopened));
  }

  /** Takes in one GPU of a report that tells its identity. */
  #see(reported: ReportedGpu, layout: Layout, atRest: boolean): void {
    const known = this.#known.get(reported.uuid);
    if (known === undefined && this.#known.size >= MAX_GPUS) return;
    const baseline = known?.baseline ?? null;
    const mig = this.#migOf(reported, layout, known?.gpu.mig ?? null);
    const { health, healthMessage } = withMig(this.#healthOf(reported, atRest ? baseline : undefined), mig);
    // A lost GPU tells nothing that could be compared.
    const isLost = reported.health === 'lost';
    const before = known?.looks ?? NO_LOOKS;
    const looks = isLost ? before : lookAgain(before, reported.signs);
    const symptoms = isLost ? [] : symptomsOf(reported.signs, looks);
    const slot = known === undefined ? readPciSlot(reported.pciBusId, this.#pciDevices) : null;
    const numaNode = slot === null ? known?.gpu.numaNode : (slot.numaNode ?? undefined);
    const cpuAffinity = slot === null ? known?.gpu.cpuAffinity : slot.cpuList || undefined;
    const computeMode = reported.computeMode || known?.gpu.computeMode;
    this.#known.set(reported.uuid, {
      looks,
      gpu: {
        uuid: reported.uuid,
        index: known?.gpu.index ?? this.#known.size,
        model: reported.model,
        // A lost GPU no longer tells its size.
        memoryMib: reported.memoryMib || (known?.gpu.memoryMib ?? 0),
        simulated: false,
        pciBusId: reported.pciBusId,
        minor: reported.minor ?? known?.gpu.minor ?? null,
        health,
        healthMessage,
        nvlinkGroup: mig === null ? (layout.nvlinkGroup.get(reported.uuid) ?? null) : null,
        mig: mig === 'unknown' ? (known?.gpu.mig ?? []) : mig,
        ...(computeMode === undefined ? {} : { computeMode }),
        ...(numaNode === undefined ? {} : { numaNode }),
        ...(cpuAffinity === undefined ? {} : { cpuAffinity }),
        ...(symptoms.length === 0 ? {} : { symptoms }),
        ...(reported.signs.uncorrected === null ? {} : { uncorrectedErrors: reported.signs.uncorrected }),
      },
      baseline: atRest ? learnBaseline(baseline, reported, this.#baselineLimits) : baseline,
    });
  }

  #migOf(
    { uuid, health, migMemoryMib, migPlaces }: ReportedGpu,
    { migDevices }: Layout,
    before: DiscoveredGpu['mig'],
  ): DiscoveredGpu['mig'] | 'unknown' {
    // A lost GPU no longer tells its mode.
    if (migMemoryMib === null) return health === 'lost' ? before : null;
    const listed = migDevices?.get(uuid);
    return listed === undefined ? 'unknown' : migInstances(listed, new Map(migMemoryMib), new Map(migPlaces));
  }

  /** The NVLink groups of the GPUs of a report, by UUID; empty when they cannot be told, which is no trouble. */
  async #readNvlink(reported: readonly ReportedGpu[]): Promise<ReadonlyMap<string, number | null>> {
    const uuids = reported.map(({ uuid }) => uuid);
    // Rows of the table count GPUs as the report does; with one that cannot be told, nobody knows which is which.
    if (uuids.length < 2 || uuids.includes('')) return new Map();
    const key = reported
      .map(({ uuid, migMemoryMib }) => `${uuid}${migMemoryMib === null ? '' : ' in MIG mode'}`)
      .join();
    if (this.#topology.key !== key) this.#topology = { key, groups: null, tries: 0 };
    const topology = this.#topology;
    if (topology.groups === null && topology.tries < MAX_TOPOLOGY_TRIES) {
      topology.tries += 1;
      const table = await this.#query(TOPOLOGY_ARGUMENTS);
      if (!('problem' in table) && table.exitCode === 0) topology.groups = readNvlinkGroups(table.text, uuids.length);
    }
    return new Map(uuids.map((uuid, position) => [uuid, topology.groups?.[position] ?? null]));
  }

  async #readMig(): Promise<Layout['migDevices']> {
    const list = await this.#query(LIST_ARGUMENTS);
    const trouble = 'problem' in list ? list.problem : list.exitCode === 0 ? '' : describe(list);
    this.#tell('MIG', trouble);
    // What could be listed counts: another GPU may be the one that fails.
    return 'problem' in list ? null : readMigDevices(list.text);
  }

  /** @param baseline undefined when one of our allocations may be on the GPU: then its use is not judged */
  #healthOf(
    reported: ReportedGpu,
    baseline: Baseline | null | undefined,
  ): Pick<DiscoveredGpu, 'health' | 'healthMessage'> {
    const lock = this.#locks.take(reported.uuid);
    if (reported.health === 'lost') return reported;
    if (lock.state === 'taken') {
      return { health: 'quarantined', healthMessage: `Another Sluice agent of this host has it (${lock.heldBy}).` };
    }
    if (lock.state === 'failed') {
      return {
        health: 'quarantined',
        healthMessage: `It cannot be locked against other agents of this host: ${quote(lock.message)}.`,
      };
    }
    if (reported.health !== 'healthy' || baseline === undefined) return reported;
    const stranger = foreignUse(baseline, reported, this.#baselineLimits);
    return stranger === null ? reported : { health: 'quarantined', healthMessage: stranger };
  }

  /** What was there before and is not in the report is lost. */
  #loseUnlisted(listed: ReadonlySet<string>, unopened: readonly { pciBusId: string; line: string }[]): void {
    for (const [uuid, { gpu, ...kept }] of this.#known) {
      if (listed.has(uuid)) continue;
      const reason = unopened.find(({ pciBusId }) => sameBus(pciBusId, gpu.pciBusId))?.line;
      const healthMessage = reason ?? 'nvidia-smi no longer lists it.';
      const { symptoms: _, ...rest } = gpu;
      this.#known.set(uuid, { ...kept, gpu: { ...rest, health: 'lost', healthMessage } });
    }
  }

  /** Trouble that no GPU in our list can carry. */
  #problemOf(unopened: readonly { pciBusId: string; line: string }[]): string {
    const gpus = [...this.#known.values()].map(({ gpu }) => gpu);
    const strange = unopened.filter(({ pciBusId }) => !gpus.some((gpu) => sameBus(pciBusId, gpu.pciBusId)));
    if (strange.length > 0) {
      const where = strange.map(({ pciBusId, line }) => `${pciBusId} (${quote(line)})`).join(', ');
      return `nvidia-smi cannot open every GPU of this machine: ${where}. The others are in use.`;
    }
    if (gpus.length > 0) return '';
    return 'nvidia-smi works but lists no GPU. Start the agent with --no-gpus if this machine has none.';
  }

  /** What was known stays listed, but nothing may be placed on it: nobody can see how it is. */
  #unreadable(problem: string): Inventory {
    for (const [uuid, known] of this.#known) {
      if (known.gpu.health !== 'healthy') continue;
      const gpu: DiscoveredGpu = {
        ...known.gpu,
        health: 'quarantined',
        healthMessage: `It cannot be read. ${problem}`,
      };
      this.#known.set(uuid, { ...known, gpu });
    }
    return this.#answer(problem);
  }

  #answer(problem: string): Inventory {
    this.#tell('inventory', problem);
    return { gpus: Array.from(this.#known.values(), ({ gpu }) => gpu), ...this.#versions, problem };
  }

  async #runReader(): Promise<ReaderAnswer> {
    const result = await this.#groups.run({
      file: process.execPath,
      args: [READER],
      environment: this.#environment,
      limitMs: this.#limitMs,
      maxBytes: MAX_ANSWER_BYTES,
      answersBy: 'first line',
    });
    if (result.state !== 'answered') return { state: 'failed', problem: this.#explain(result) };
    if (!result.stdout.endsWith('\n')) {
      const problem = `The reader of nvidia-smi's report broke (exit code ${result.exitCode}): ${quote(result.stderr)}`;
      return { state: 'failed', problem };
    }
    return JSON.parse(result.stdout) as ReaderAnswer;
  }

  async #readTelemetry(): Promise<readonly Telemetry[]> {
    const figures = await this.#nvml?.read();
    this.#tell('NVML', this.#nvml?.trouble ?? '');
    if (figures !== undefined && figures !== null && figures.length > 0) return figures;
    const csv = await this.#query(TELEMETRY_ARGUMENTS);
    const rows = 'problem' in csv ? [] : readTelemetry(csv.text);
    this.#tell('telemetry', rows.length > 0 ? '' : 'problem' in csv ? csv.problem : describe(csv));
    return rows;
  }

  /** @param uuids only these GPUs; empty = all */
  async #readUse(uuids: readonly string[]): Promise<UseReading> {
    const only = uuids.length === 0 ? [] : ['-i', uuids.join(',')];
    const apps = await this.#query([...COMPUTE_APPS_ARGUMENTS, ...only]);
    if ('problem' in apps) return { state: 'no-answer', message: apps.problem };
    const memory = await this.#query([...TELEMETRY_ARGUMENTS, ...only]);
    if ('problem' in memory) return { state: 'no-answer', message: memory.problem };
    // An error of the list of processes counts, or an empty list would pass for a clean GPU; unless both queries met
    // the same error: then it is that of another GPU, and the ones that have a row in both were read.
    const good = [0, EXIT_INFOROM_CORRUPTED, memory.exitCode].includes(apps.exitCode);
    if (!good) return { state: 'failed', message: describe(apps) };
    return { state: 'read', apps: readComputeApps(apps.text), memory: readTelemetry(memory.text) };
  }

  #judge(uuids: readonly string[], reading: UseReading): Cleanliness {
    if (reading.state !== 'read') return { state: 'unknown', message: reading.message };
    const suspects = uuids.map((uuid) => {
      const known = this.#known.get(uuid);
      const row = reading.memory.find((each) => each.uuid === uuid);
      const processes = reading.apps.filter((app) => app.uuid === uuid);
      const use: GpuUse | null = row === undefined ? null : { usedMib: row.memoryUsedMib, processes };
      const label = known === undefined ? uuid : `GPU ${known.gpu.index}`;
      return { uuid, label, baseline: known?.baseline ?? null, use };
    });
    const verdict = judgeClean(suspects, this.#baselineLimits);
    if (verdict.state === 'clean') for (const { uuid, use } of suspects) this.#learn(uuid, use);
    return verdict;
  }

  #learn(uuid: string, use: GpuUse | null): void {
    const known = this.#known.get(uuid);
    if (known === undefined || use === null) return;
    this.#known.set(uuid, { ...known, baseline: learnBaseline(known.baseline, use, this.#baselineLimits) });
  }

  async #query(args: readonly string[]): Promise<Csv> {
    const result = await this.#groups.run({
      file: 'nvidia-smi',
      args,
      environment: this.#environment,
      limitMs: this.#limitMs,
      maxBytes: MAX_ANSWER_BYTES,
      answersBy: 'exit',
    });
    if (result.state !== 'answered') return { problem: this.#explain(result) };
    return { exitCode: result.exitCode, text: result.stdout };
  }

  #explain(result: Exclude<CommandResult, { state: 'answered' }>, limitMs = this.#limitMs): string {
    switch (result.state) {
      case 'missing':
        return explainMissing(this.#environment['PATH'] ?? '');
      case 'not-started':
        return `nvidia-smi could not be started: ${quote(result.message)}.`;
      case 'timed-out':
        return explainTimeout(limitMs);
      case 'too-long':
        return explainTooLong(MAX_ANSWER_BYTES);
      case 'stuck':
        return explainStuck(result.pid, result.sinceMs);
      case 'closed':
        return 'The agent is ending.';
    }
  }

  /** Logs trouble when it changes. */
  #tell(what: 'inventory' | 'telemetry' | 'warning' | 'MIG' | 'NVML', trouble: string): void {
    if ((this.#logged.get(what) ?? '') === trouble) return;
    this.#logged.set(what, trouble);
    if (trouble !== '') this.#logger?.warn({ source: 'nvidia-smi', what }, trouble);
  }
}

type Health = Pick<DiscoveredGpu, 'health' | 'healthMessage'>;

/** A GPU in MIG mode of which no instance can be granted is of no use, and says why. */
function withMig(own: Health, mig: DiscoveredGpu['mig'] | 'unknown'): Health {
  if (own.health !== 'healthy' || mig === null) return own;
  if (mig === 'unknown')
    return { health: 'quarantined', healthMessage: 'MIG is on, but nvidia-smi -L does not list its instances.' };
  if (mig.length > 0) return own;
  const healthMessage =
    'MIG is on and no instance was made. Make some (nvidia-smi mig -cgi PROFILES -C), or turn it off: nvidia-smi -mig 0.';
  return { health: 'quarantined', healthMessage };
}

function describe({ exitCode, text }: { readonly exitCode: number | null; readonly text: string }): string {
  return explainFailure({ exitCode, stdout: text, stderr: '' });
}
