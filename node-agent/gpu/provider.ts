// What the agent needs to know of GPUs, real or simulated.

/** One hardware slice of a GPU in MIG mode. */
export interface MigInstance {
  /** As CUDA_VISIBLE_DEVICES takes it. */
  readonly uuid: string;
  /** As `nvidia-smi` names it: `3g.20gb`. */
  readonly profile: string;
  readonly memoryMib: number;
  /** Its numbers on its GPU, which name its capability devices; absent = not told. */
  readonly place?: MigPlace;
}

/** Where a MIG instance is on its GPU. */
export interface MigPlace {
  readonly gpuInstance: number;
  readonly computeInstance: number;
}

/** One GPU as the driver, or a scenario, reports it. */
export interface DiscoveredGpu {
  /** What identifies it, also over reboots: `GPU-` and a UUID. */
  readonly uuid: string;
  /** Its position in the list; keeps the same while the provider lives, also when another GPU falls out of the list. */
  readonly index: number;
  /** As the driver names it: `NVIDIA H100 80GB HBM3`. */
  readonly model: string;
  readonly memoryMib: number;
  readonly simulated: boolean;
  readonly pciBusId: string;
  /** N of its device file /dev/nvidiaN, which need not be its index; null = it has none, or it is not known. */
  readonly minor: number | null;
  /**
   * `lost`: the driver answers for it with an error, or no longer lists it. `quarantined`: it is there, but nothing new
   * may be placed on it: something else uses it, its hardware asks for repair, or it could not be read just now.
   */
  readonly health: 'healthy' | 'lost' | 'quarantined';
  /** In words, when not healthy; empty = fine. */
  readonly healthMessage: string;
  /** GPUs with the same number reach each other over NVLink; null = not known, none. */
  readonly nvlinkGroup: number | null;
  /** Its instances, in the order of their numbers; null = not in MIG mode. */
  readonly mig: readonly MigInstance[] | null;
  /** As the driver names it: `Default`, `Exclusive_Process`; absent = not told. */
  readonly computeMode?: string;
  /** The NUMA node that its slot is next to; absent = not known, or the machine has one only. */
  readonly numaNode?: number;
  /** The CPUs next to its slot, as Linux lists them: `0-31,64-95`; absent = not known. */
  readonly cpuAffinity?: string;
  /** What is wrong with it now, though it works; absent = nothing. What follows, the scheduler decides. */
  readonly symptoms?: readonly GpuSymptom[];
  /** Uncorrectable memory errors since its driver began; absent or null = not told. */
  readonly uncorrectedErrors?: number | null;
}

/** Something that is wrong with a GPU for as long as it is read. */
export interface GpuSymptom {
  readonly kind:
    | 'recovery_action'
    | 'row_remap_pending'
    | 'row_remap_failure'
    | 'page_retirement_pending'
    | 'thermal'
    | 'thermal_persistent'
    | 'ecc_corrected_burst';
  /** In words; the same for as long as it is the same. */
  readonly detail: string;
}

export interface Inventory {
  /** All GPUs known since the provider was made: one that vanishes stays in the list as `lost`. */
  readonly gpus: readonly DiscoveredGpu[];
  readonly driverVersion: string;
  readonly cudaVersion: string;
  /** In words, when GPUs could not be read: nvidia-smi is missing, hangs or fails. Empty = fine. */
  readonly problem: string;
}

export interface Telemetry {
  readonly uuid: string;
  /** 0 to 1; null = not reported. */
  readonly utilizationRatio: number | null;
  readonly memoryUsedMib: number | null;
  readonly temperatureCelsius: number | null;
  readonly powerWatts: number | null;
}

/** Whether GPUs are as free of traces as before a task: no process, memory at its baseline. */
export type Cleanliness =
  | { readonly state: 'clean' }
  | { readonly state: 'dirty'; readonly gpus: readonly string[]; readonly message: string }
  /** It could not be found out; ask again. */
  | { readonly state: 'unknown'; readonly message: string };

/** How a reset went, as far as the driver tells. */
export type ResetAnswer = { readonly state: 'done' } | { readonly state: 'failed'; readonly message: string };

/** A source of GPUs. No method rejects: what goes wrong is told in the answer. */
export interface GpuProvider {
  readonly kind: 'nvidia-smi' | 'simulated' | 'none';
  /**
   * Reads the inventory afresh. Each question to the driver (report, MIG instances, topology) takes at most the
   * provider's `limitMs`; when the report takes longer the answer says so in `problem`.
   * Calls do not pile up: whoever asks while a read is under way shares the next one.
   */
  inventory(): Promise<Inventory>;
  /** One entry a GPU that answered; empty when nothing could be read. */
  telemetry(): Promise<readonly Telemetry[]>;
  /** Looks at these GPUs now, not at the last telemetry. */
  checkClean(uuids: readonly string[]): Promise<Cleanliness>;
  /**
   * Tells which GPUs belong to allocations that are not released yet. Call it before the first inventory, with the
   * allocations that survived a restart, and before a task starts: what happens on any other GPU is then known to be
   * somebody else's doing. Until the first call nothing is judged so. A simulated provider shows it in its telemetry.
   */
  setBusy(uuids: ReadonlySet<string>): void;
  /** Resets these GPUs together. Whoever asks about GPUs meanwhile is answered after it. */
  reset(uuids: readonly string[]): Promise<ResetAnswer>;
  /** Ends what is under way and gives back what is locked. */
  close(): Promise<void>;
}

/** Where a provider tells what a person should look into; a pino logger fits. */
export interface GpuLogger {
  warn(fields: object, message: string): void;
}
