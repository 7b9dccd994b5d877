// Original file: sluice/v1/workload.proto

import type { TaskResources as _sluice_v1_TaskResources, TaskResources__Output as _sluice_v1_TaskResources__Output } from '../../sluice/v1/TaskResources.js';
import type { TopologyRule as _sluice_v1_TopologyRule, TopologyRule__Output as _sluice_v1_TopologyRule__Output } from '../../sluice/v1/TopologyRule.js';
import type { Command as _sluice_v1_Command, Command__Output as _sluice_v1_Command__Output } from '../../sluice/v1/Command.js';
import type { BuiltinProgram as _sluice_v1_BuiltinProgram, BuiltinProgram__Output as _sluice_v1_BuiltinProgram__Output } from '../../sluice/v1/BuiltinProgram.js';

/**
 * Equal tasks of a workload whose tasks are not all alike: launcher and workers, prefill and decode.
 */
export interface Role {
  /**
   * [a-z0-9-], at most 63 characters; no two roles of a workload share one.
   */
  'name'?: (string);
  /**
   * So many start together with those of the other roles, or none. Default 1.
   */
  'tasks'?: (number);
  /**
   * More than `tasks` = elastic: the surplus comes when there is room, and goes first. 0 = as many as `tasks`.
   */
  'maxTasks'?: (number);
  /**
   * What each task needs.
   */
  'resources'?: (_sluice_v1_TaskResources | null);
  /**
   * Where the tasks of this role belong together, beside what the workload asks for.
   */
  'topology'?: (_sluice_v1_TopologyRule | null);
  'command'?: (_sluice_v1_Command | null);
  'builtin'?: (_sluice_v1_BuiltinProgram | null);
  /**
   * None = the workload's program.
   */
  'program'?: "command"|"builtin";
}

/**
 * Equal tasks of a workload whose tasks are not all alike: launcher and workers, prefill and decode.
 */
export interface Role__Output {
  /**
   * [a-z0-9-], at most 63 characters; no two roles of a workload share one.
   */
  'name': (string);
  /**
   * So many start together with those of the other roles, or none. Default 1.
   */
  'tasks': (number);
  /**
   * More than `tasks` = elastic: the surplus comes when there is room, and goes first. 0 = as many as `tasks`.
   */
  'maxTasks': (number);
  /**
   * What each task needs.
   */
  'resources': (_sluice_v1_TaskResources__Output | null);
  /**
   * Where the tasks of this role belong together, beside what the workload asks for.
   */
  'topology': (_sluice_v1_TopologyRule__Output | null);
  'command'?: (_sluice_v1_Command__Output | null);
  'builtin'?: (_sluice_v1_BuiltinProgram__Output | null);
  /**
   * None = the workload's program.
   */
  'program'?: "command"|"builtin";
}
