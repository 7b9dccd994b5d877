// Original file: sluice/v1/workload.proto

import type { WorkloadKind as _sluice_v1_WorkloadKind, WorkloadKind__Output as _sluice_v1_WorkloadKind__Output } from '../../sluice/v1/WorkloadKind.js';
import type { TaskResources as _sluice_v1_TaskResources, TaskResources__Output as _sluice_v1_TaskResources__Output } from '../../sluice/v1/TaskResources.js';
import type { Command as _sluice_v1_Command, Command__Output as _sluice_v1_Command__Output } from '../../sluice/v1/Command.js';
import type { BuiltinProgram as _sluice_v1_BuiltinProgram, BuiltinProgram__Output as _sluice_v1_BuiltinProgram__Output } from '../../sluice/v1/BuiltinProgram.js';
import type { EnvironmentVariable as _sluice_v1_EnvironmentVariable, EnvironmentVariable__Output as _sluice_v1_EnvironmentVariable__Output } from '../../sluice/v1/EnvironmentVariable.js';
import type { CheckpointPolicy as _sluice_v1_CheckpointPolicy, CheckpointPolicy__Output as _sluice_v1_CheckpointPolicy__Output } from '../../sluice/v1/CheckpointPolicy.js';
import type { Role as _sluice_v1_Role, Role__Output as _sluice_v1_Role__Output } from '../../sluice/v1/Role.js';
import type { TopologyRule as _sluice_v1_TopologyRule, TopologyRule__Output as _sluice_v1_TopologyRule__Output } from '../../sluice/v1/TopologyRule.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { RetryPolicy as _sluice_v1_RetryPolicy, RetryPolicy__Output as _sluice_v1_RetryPolicy__Output } from '../../sluice/v1/RetryPolicy.js';
import type { Dependency as _sluice_v1_Dependency, Dependency__Output as _sluice_v1_Dependency__Output } from '../../sluice/v1/Dependency.js';
import type { ArraySpec as _sluice_v1_ArraySpec, ArraySpec__Output as _sluice_v1_ArraySpec__Output } from '../../sluice/v1/ArraySpec.js';
import type { OnDisconnect as _sluice_v1_OnDisconnect, OnDisconnect__Output as _sluice_v1_OnDisconnect__Output } from '../../sluice/v1/OnDisconnect.js';
import type { Launcher as _sluice_v1_Launcher, Launcher__Output as _sluice_v1_Launcher__Output } from '../../sluice/v1/Launcher.js';
import type { NotifyRule as _sluice_v1_NotifyRule, NotifyRule__Output as _sluice_v1_NotifyRule__Output } from '../../sluice/v1/NotifyRule.js';

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
   * Higher goes first inside the queue. Default 50; services 100, interactive work 75.
   */
  'priority'?: (number);
  /**
   * Whether it may lose its GPUs to others. Default: services no, all others yes.
   * Work that is not preemptible stays within the guarantees of its queue and of every queue above it.
   */
  'preemptible'?: (boolean);
  /**
   * Number of tasks. They start all together or not at all. Default 1. Not together with roles.
   */
  'tasks'?: (number);
  /**
   * What each task needs. Not together with roles.
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
  /**
   * More than `tasks` = elastic: the surplus comes when there is room, and goes first. 0 = as many as `tasks`.
   */
  'maxTasks'?: (number);
  /**
   * Tasks that are not all alike, in one gang. Tasks are numbered through the roles in order, each role having room for
   * its max_tasks. Empty = tasks and resources describe them all.
   */
  'roles'?: (_sluice_v1_Role)[];
  /**
   * Where all tasks belong together.
   */
  'topology'?: (_sluice_v1_TopologyRule | null);
  /**
   * How long an attempt may run, from its start. Unset = without end.
   */
  'timeLimit'?: (_google_protobuf_Duration | null);
  'retry'?: (_sluice_v1_RetryPolicy | null);
  /**
   * It is not started before all of them hold.
   */
  'dependencies'?: (_sluice_v1_Dependency)[];
  /**
   * Set = this is submitted as so many equal workloads.
   */
  'array'?: (_sluice_v1_ArraySpec | null);
  /**
   * Unspecified = linger for one task, stop for several and for services.
   */
  'onDisconnect'?: (_sluice_v1_OnDisconnect);
  /**
   * How tasks that work together are started. Unspecified = as none, and a workload of one task is told of no others.
   */
  'launcher'?: (_sluice_v1_Launcher);
  /**
   * Whom to tell of what becomes of it.
   */
  'notify'?: (_sluice_v1_NotifyRule)[];
  /**
   * True = standard error of its tasks goes into a log of its own. False = into one log with standard output, in the order in which
   * both were written.
   */
  'separateStderr'?: (boolean);
  '_priority'?: "priority";
  '_preemptible'?: "preemptible";
  /**
   * May be left out only when every role has a program of its own.
   */
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
   * Higher goes first inside the queue. Default 50; services 100, interactive work 75.
   */
  'priority'?: (number);
  /**
   * Whether it may lose its GPUs to others. Default: services no, all others yes.
   * Work that is not preemptible stays within the guarantees of its queue and of every queue above it.
   */
  'preemptible'?: (boolean);
  /**
   * Number of tasks. They start all together or not at all. Default 1. Not together with roles.
   */
  'tasks': (number);
  /**
   * What each task needs. Not together with roles.
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
  /**
   * More than `tasks` = elastic: the surplus comes when there is room, and goes first. 0 = as many as `tasks`.
   */
  'maxTasks': (number);
  /**
   * Tasks that are not all alike, in one gang. Tasks are numbered through the roles in order, each role having room for
   * its max_tasks. Empty = tasks and resources describe them all.
   */
  'roles': (_sluice_v1_Role__Output)[];
  /**
   * Where all tasks belong together.
   */
  'topology': (_sluice_v1_TopologyRule__Output | null);
  /**
   * How long an attempt may run, from its start. Unset = without end.
   */
  'timeLimit': (_google_protobuf_Duration__Output | null);
  'retry': (_sluice_v1_RetryPolicy__Output | null);
  /**
   * It is not started before all of them hold.
   */
  'dependencies': (_sluice_v1_Dependency__Output)[];
  /**
   * Set = this is submitted as so many equal workloads.
   */
  'array': (_sluice_v1_ArraySpec__Output | null);
  /**
   * Unspecified = linger for one task, stop for several and for services.
   */
  'onDisconnect': (_sluice_v1_OnDisconnect__Output);
  /**
   * How tasks that work together are started. Unspecified = as none, and a workload of one task is told of no others.
   */
  'launcher': (_sluice_v1_Launcher__Output);
  /**
   * Whom to tell of what becomes of it.
   */
  'notify': (_sluice_v1_NotifyRule__Output)[];
  /**
   * True = standard error of its tasks goes into a log of its own. False = into one log with standard output, in the order in which
   * both were written.
   */
  'separateStderr': (boolean);
  '_priority'?: "priority";
  '_preemptible'?: "preemptible";
  /**
   * May be left out only when every role has a program of its own.
   */
  'program'?: "command"|"builtin";
}
