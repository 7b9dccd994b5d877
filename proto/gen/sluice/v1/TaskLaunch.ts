// Original file: sluice/v1/agent.proto

import type { Launcher as _sluice_v1_Launcher, Launcher__Output as _sluice_v1_Launcher__Output } from '../../sluice/v1/Launcher.js';

/**
 * One task among those that work together.
 */
export interface TaskLaunch {
  'launcher'?: (_sluice_v1_Launcher);
  /**
   * True = make everything ready, say so, and wait: it starts once an order comes in which this is false. The rest may change
   * until then.
   */
  'hold'?: (boolean);
  /**
   * Its place among the tasks, from 0. Absent = it is none of those that are counted: without GPUs beside tasks that have some.
   */
  'rank'?: (number);
  /**
   * How many tasks are counted.
   */
  'tasks'?: (number);
  /**
   * The rank of its first process, and how many processes all tasks have together.
   */
  'firstProcess'?: (number);
  'processes'?: (number);
  /**
   * Where the first process answers the others, and on which port: no other gang on that node has it.
   */
  'mainAddress'?: (string);
  'mainPort'?: (number);
  /**
   * The names of the nodes of all counted tasks, by rank.
   */
  'nodes'?: (string)[];
  /**
   * How few and how many tasks it may come to have: more than one number = elastic.
   */
  'leastTasks'?: (number);
  'mostTasks'?: (number);
  '_rank'?: "rank";
}

/**
 * One task among those that work together.
 */
export interface TaskLaunch__Output {
  'launcher': (_sluice_v1_Launcher__Output);
  /**
   * True = make everything ready, say so, and wait: it starts once an order comes in which this is false. The rest may change
   * until then.
   */
  'hold': (boolean);
  /**
   * Its place among the tasks, from 0. Absent = it is none of those that are counted: without GPUs beside tasks that have some.
   */
  'rank'?: (number);
  /**
   * How many tasks are counted.
   */
  'tasks': (number);
  /**
   * The rank of its first process, and how many processes all tasks have together.
   */
  'firstProcess': (number);
  'processes': (number);
  /**
   * Where the first process answers the others, and on which port: no other gang on that node has it.
   */
  'mainAddress': (string);
  'mainPort': (number);
  /**
   * The names of the nodes of all counted tasks, by rank.
   */
  'nodes': (string)[];
  /**
   * How few and how many tasks it may come to have: more than one number = elastic.
   */
  'leastTasks': (number);
  'mostTasks': (number);
  '_rank'?: "rank";
}
