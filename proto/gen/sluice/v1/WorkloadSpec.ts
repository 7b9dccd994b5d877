// Original file: sluice/v1/workload.proto

import type { WorkloadKind as _sluice_v1_WorkloadKind, WorkloadKind__Output as _sluice_v1_WorkloadKind__Output } from '../../sluice/v1/WorkloadKind.js';
import type { TaskResources as _sluice_v1_TaskResources, TaskResources__Output as _sluice_v1_TaskResources__Output } from '../../sluice/v1/TaskResources.js';
import type { Command as _sluice_v1_Command, Command__Output as _sluice_v1_Command__Output } from '../../sluice/v1/Command.js';
import type { BuiltinProgram as _sluice_v1_BuiltinProgram, BuiltinProgram__Output as _sluice_v1_BuiltinProgram__Output } from '../../sluice/v1/BuiltinProgram.js';
import type { EnvironmentVariable as _sluice_v1_EnvironmentVariable, EnvironmentVariable__Output as _sluice_v1_EnvironmentVariable__Output } from '../../sluice/v1/EnvironmentVariable.js';
import type { CheckpointPolicy as _sluice_v1_CheckpointPolicy, CheckpointPolicy__Output as _sluice_v1_CheckpointPolicy__Output } from '../../sluice/v1/CheckpointPolicy.js';

/**
 * What a user asks for.
 */
export interface WorkloadSpec {
  /**
   * [a-z0-9-], at most 63 characters. Empty = generated from the kind.
   */
  'name'?: (string);
  'kind'?: (_sluice_v1_WorkloadKind);
  /**
   * The leaf queue that is charged.
   */
  'queue'?: (string);
  /**
   * Higher goes first inside the queue. Default 50; services 100.
   */
  'priority'?: (number);
  /**
   * Whether it may lose its GPUs to others. Default: services no, all others yes.
   * Work that is not preemptible stays within the guarantees of its queue and of every queue above it.
   */
  'preemptible'?: (boolean);
  /**
   * Number of tasks. They start all together or not at all. Default 1.
   */
  'tasks'?: (number);
  /**
   * What each task needs.
   */
  'resources'?: (_sluice_v1_TaskResources | null);
  'command'?: (_sluice_v1_Command | null);
  'builtin'?: (_sluice_v1_BuiltinProgram | null);
  'environment'?: (_sluice_v1_EnvironmentVariable)[];
  /**
   * Absolute folder on the node to start in. Empty = a folder of the task's own.
   */
  'workingDirectory'?: (string);
  'checkpoint'?: (_sluice_v1_CheckpointPolicy | null);
  '_priority'?: "priority";
  '_preemptible'?: "preemptible";
  'program'?: "command"|"builtin";
}

/**
 * What a user asks for.
 */
export interface WorkloadSpec__Output {
  /**
   * [a-z0-9-], at most 63 characters. Empty = generated from the kind.
   */
  'name': (string);
  'kind': (_sluice_v1_WorkloadKind__Output);
  /**
   * The leaf queue that is charged.
   */
  'queue': (string);
  /**
   * Higher goes first inside the queue. Default 50; services 100.
   */
  'priority'?: (number);
  /**
   * Whether it may lose its GPUs to others. Default: services no, all others yes.
   * Work that is not preemptible stays within the guarantees of its queue and of every queue above it.
   */
  'preemptible'?: (boolean);
  /**
   * Number of tasks. They start all together or not at all. Default 1.
   */
  'tasks': (number);
  /**
   * What each task needs.
   */
  'resources': (_sluice_v1_TaskResources__Output | null);
  'command'?: (_sluice_v1_Command__Output | null);
  'builtin'?: (_sluice_v1_BuiltinProgram__Output | null);
  'environment': (_sluice_v1_EnvironmentVariable__Output)[];
  /**
   * Absolute folder on the node to start in. Empty = a folder of the task's own.
   */
  'workingDirectory': (string);
  'checkpoint': (_sluice_v1_CheckpointPolicy__Output | null);
  '_priority'?: "priority";
  '_preemptible'?: "preemptible";
  'program'?: "command"|"builtin";
}
