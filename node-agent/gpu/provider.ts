// What the agent needs to know of GPUs, real or simulated.

/** One GPU as the driver, or a scenario, reports it. */
export interface DiscoveredGpu {
  readonly uuid: string;
  readonly index: number;
  readonly model: string;
  readonly memoryMib: number;
  readonly simulated: boolean;
  readonly pciBusId: string;
  readonly health: 'healthy' | 'lost' | 'quarantined';
  /** In words, when not healthy; empty = fine. */
  readonly healthMessage: string;
}

export interface Inventory {
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

/** A source of GPUs. No method rejects: what goes wrong is told in the answer. */
export interface GpuProvider {
  readonly kind: 'nvidia-smi' | 'simulated' | 'none';
  /** Reads the inventory afresh; at most `limitMs`, then the answer says so in `problem`. */
  inventory(): Promise<Inventory>;
  telemetry(): Promise<readonly Telemetry[]>;
  /** Looks at these GPUs now, not at the last telemetry. */
  checkClean(uuids: readonly string[]): Promise<Cleanliness>;
  /** Tells a simulated provider which GPUs are in use, so that its telemetry shows it; others ignore it. */
  setBusy(uuids: ReadonlySet<string>): void;
  close(): Promise<void>;
}
