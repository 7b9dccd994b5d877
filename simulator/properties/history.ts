// A history: a small cluster, its queues, and what happens to it, as plain data. Made from a seed, played by a world, made
// smaller by leaving things out. What happens names things by position, so that it means something whatever was left out.
import type { QueuePatch } from '../../scheduler/control/commands/queues.js';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import type { GpuHealth, Queue, Role, TopologyRule } from '../../scheduler/model/records.js';

/** What kind of cluster and work a history is about. */
export type Flavour =
  /** Everything there is. */
  | 'mixed'
  /** Far more work than GPUs, of one model, whole GPUs: all about shares, priorities and gangs. */
  | 'busy'
  /** As busy, with flat queues, no limits and single tasks only, so that force can tell what is owed. */
  | 'plain'
  /** Queues that are guaranteed shapes, on nodes in racks that fail and come back: all about whole cells. */
  | 'shapes'
  /** Only what the slow reference knows. */
  | 'referee'
  /** The same in two pools of which queues have guarantees and limits; all work with GPUs names its pool. */
  | 'parted'
  /** As busy, with two or three kinds of GPUs in two pools, of which queues have guarantees and limits. */
  | 'parts';

export interface History {
  readonly seed: number;
  readonly flavour: Flavour;
  readonly policy: EnginePolicy;
  readonly nodes: readonly NodePlan[];
  /** Parents before their children. */
  readonly queues: readonly QueuePlan[];
  readonly events: readonly Happening[];
}

export interface GpuPlan {
  readonly model: string;
  readonly memoryMib: number;
  readonly health: GpuHealth;
  readonly nvlinkGroup: number | null;
  /** Profiles of its instances; null = not in MIG mode. */
  readonly mig: readonly string[] | null;
}

export interface NodePlan {
  readonly name: string;
  readonly pool: string;
  /** The labels `rack` and `block`, and others. */
  readonly labels: Readonly<Record<string, string>>;
  readonly gpus: readonly GpuPlan[];
  readonly cpuCount: number;
  readonly memoryMib: number;
  readonly driverVersion: string;
}

export type QueuePlan = Omit<Queue, 'createdMs'>;

export interface WorkPlan {
  readonly roles: readonly Role[];
  readonly topology: TopologyRule | null;
  readonly priority: number;
  readonly preemptible: boolean;
  readonly timeLimitMs: number | null;
  readonly owner: string;
}

/** `which` counts through the workloads that have not ended, `queue` through the leaves, and begins again at their end. */
export type Happening =
  | { readonly do: 'submit'; readonly queue: number; readonly work: WorkPlan }
  | { readonly do: 'finish' | 'cancel' | 'requeue' | 'hold' | 'release' | 'checkpoint'; readonly which: number }
  | { readonly do: 'prioritize'; readonly which: number; readonly priority: number }
  /** One task ends by itself, with this exit code; null = it was lost. */
  | { readonly do: 'end'; readonly which: number; readonly task: number; readonly code: number | null }
  /** `down`: silent until its fence time passed; `silent`: not heard of; `ready`: heard of again. */
  | { readonly do: 'down' | 'silent' | 'ready' | 'cordon' | 'uncordon'; readonly node: number }
  | { readonly do: 'gpu'; readonly node: number; readonly gpu: number; readonly health: GpuHealth }
  | { readonly do: 'maintain'; readonly node: number; readonly inMs: number; readonly forMs: number }
  | { readonly do: 'quota'; readonly queue: number; readonly patch: QueuePatch }
  /** What was placed begins to run. */
  | { readonly do: 'begin' }
  /** What was told to stop is gone: all of it, one task, or one task's process but not yet its GPUs. */
  | { readonly do: 'leave'; readonly how: 'all' | 'one' | 'exit'; readonly which: number }
  | { readonly do: 'wait'; readonly ms: number }
  /** The engine decides until it has nothing more to say. */
  | { readonly do: 'decide' }
  /** It decides, all that was told to stop leaves, all that was placed begins, it decides again. */
  | { readonly do: 'cycle' };
