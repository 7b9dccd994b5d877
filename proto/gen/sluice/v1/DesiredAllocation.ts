// Original file: sluice/v1/agent.proto

import type { WorkloadKind as _sluice_v1_WorkloadKind, WorkloadKind__Output as _sluice_v1_WorkloadKind__Output } from '../../sluice/v1/WorkloadKind.js';
import type { GrantedGpu as _sluice_v1_GrantedGpu, GrantedGpu__Output as _sluice_v1_GrantedGpu__Output } from '../../sluice/v1/GrantedGpu.js';
import type { Command as _sluice_v1_Command, Command__Output as _sluice_v1_Command__Output } from '../../sluice/v1/Command.js';
import type { BuiltinProgram as _sluice_v1_BuiltinProgram, BuiltinProgram__Output as _sluice_v1_BuiltinProgram__Output } from '../../sluice/v1/BuiltinProgram.js';
import type { EnvironmentVariable as _sluice_v1_EnvironmentVariable, EnvironmentVariable__Output as _sluice_v1_EnvironmentVariable__Output } from '../../sluice/v1/EnvironmentVariable.js';
import type { Checkpoint as _sluice_v1_Checkpoint, Checkpoint__Output as _sluice_v1_Checkpoint__Output } from '../../sluice/v1/Checkpoint.js';
import type { StopOrder as _sluice_v1_StopOrder, StopOrder__Output as _sluice_v1_StopOrder__Output } from '../../sluice/v1/StopOrder.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { ArrayIndex as _sluice_v1_ArrayIndex, ArrayIndex__Output as _sluice_v1_ArrayIndex__Output } from '../../sluice/v1/ArrayIndex.js';
import type { TaskLaunch as _sluice_v1_TaskLaunch, TaskLaunch__Output as _sluice_v1_TaskLaunch__Output } from '../../sluice/v1/TaskLaunch.js';
import type { EarlySignal as _sluice_v1_EarlySignal, EarlySignal__Output as _sluice_v1_EarlySignal__Output } from '../../sluice/v1/EarlySignal.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface DesiredAllocation {
  'id'?: (string);
  'workload'?: (number | string | Long);
  'workloadName'?: (string);
  'kind'?: (_sluice_v1_WorkloadKind);
  'queue'?: (string);
  'pool'?: (string);
  'attempt'?: (number);
  'task'?: (number);
  'tasks'?: (number);
  /**
   * How often the workload was requeued before this attempt.
   */
  'restartCount'?: (number);
  'gpus'?: (_sluice_v1_GrantedGpu)[];
  'command'?: (_sluice_v1_Command | null);
  'builtin'?: (_sluice_v1_BuiltinProgram | null);
  'environment'?: (_sluice_v1_EnvironmentVariable)[];
  'workingDirectory'?: (string);
  'checkpointDirectory'?: (string);
  /**
   * The complete checkpoint to go on from. Absent = from the beginning.
   */
  'resume'?: (_sluice_v1_Checkpoint | null);
  /**
   * Set when the task has to stop.
   */
  'stop'?: (_sluice_v1_StopOrder | null);
  /**
   * How long it may run on without a lease.
   */
  'linger'?: (_google_protobuf_Duration | null);
  /**
   * Grace for a stop that the agent decides by itself (lease lost).
   */
  'grace'?: (_google_protobuf_Duration | null);
  /**
   * CPU and memory set aside for it, in thousandths of a core and in MiB. 0 = none is set aside.
   */
  'cpuMilli'?: (number | string | Long);
  'memoryMib'?: (number | string | Long);
  /**
   * Its role and its place among the tasks of that role. Empty = the workload has no roles.
   */
  'role'?: (string);
  'roleRank'?: (number);
  /**
   * The most tasks that its role has.
   */
  'roleTasks'?: (number);
  /**
   * Its workload's place in an array. Absent = none.
   */
  'array'?: (_sluice_v1_ArrayIndex | null);
  /**
   * What the scheduler has to know to go on with the workload should its own history be lost. The agent keeps it as it is
   * for as long as it keeps the allocation. Empty once the task has started: it was sent before.
   */
  'origin'?: (string);
  /**
   * Who submitted its workload. A node may run it as a user of its own for that name.
   */
  'owner'?: (string);
  /**
   * The span of the task, as a W3C traceparent: handed to the task as TRACEPARENT. Empty = it is not traced.
   */
  'traceParent'?: (string);
  /**
   * What it is told of the tasks that it works with. Absent = it works alone, or has started: it was told before.
   */
  'launch'?: (_sluice_v1_TaskLaunch | null);
  /**
   * Sent before the stop signal. A stop order's grace is then the time for both, from the order to the kill.
   */
  'earlySignal'?: (_sluice_v1_EarlySignal | null);
  /**
   * When its time limit passes, by the scheduler's clock (see Welcome.server_time). Absent = it has none, or its gang does not run yet.
   */
  'deadline'?: (_google_protobuf_Timestamp | null);
  /**
   * How long its gang may run, once it does. Absent = without a limit.
   */
  'timeLimit'?: (_google_protobuf_Duration | null);
  /**
   * The token by which its program calls the scheduler. Empty = it gets none, or has started: it was sent before.
   */
  'taskToken'?: (string);
  /**
   * Its standard error goes into a log of its own.
   */
  'separateStderr'?: (boolean);
  'program'?: "command"|"builtin";
}

export interface DesiredAllocation__Output {
  'id': (string);
  'workload': (number);
  'workloadName': (string);
  'kind': (_sluice_v1_WorkloadKind__Output);
  'queue': (string);
  'pool': (string);
  'attempt': (number);
  'task': (number);
  'tasks': (number);
  /**
   * How often the workload was requeued before this attempt.
   */
  'restartCount': (number);
  'gpus': (_sluice_v1_GrantedGpu__Output)[];
  'command'?: (_sluice_v1_Command__Output | null);
  'builtin'?: (_sluice_v1_BuiltinProgram__Output | null);
  'environment': (_sluice_v1_EnvironmentVariable__Output)[];
  'workingDirectory': (string);
  'checkpointDirectory': (string);
  /**
   * The complete checkpoint to go on from. Absent = from the beginning.
   */
  'resume': (_sluice_v1_Checkpoint__Output | null);
  /**
   * Set when the task has to stop.
   */
  'stop': (_sluice_v1_StopOrder__Output | null);
  /**
   * How long it may run on without a lease.
   */
  'linger': (_google_protobuf_Duration__Output | null);
  /**
   * Grace for a stop that the agent decides by itself (lease lost).
   */
  'grace': (_google_protobuf_Duration__Output | null);
  /**
   * CPU and memory set aside for it, in thousandths of a core and in MiB. 0 = none is set aside.
   */
  'cpuMilli': (number);
  'memoryMib': (number);
  /**
   * Its role and its place among the tasks of that role. Empty = the workload has no roles.
   */
  'role': (string);
  'roleRank': (number);
  /**
   * The most tasks that its role has.
   */
  'roleTasks': (number);
  /**
   * Its workload's place in an array. Absent = none.
   */
  'array': (_sluice_v1_ArrayIndex__Output | null);
  /**
   * What the scheduler has to know to go on with the workload should its own history be lost. The agent keeps it as it is
   * for as long as it keeps the allocation. Empty once the task has started: it was sent before.
   */
  'origin': (string);
  /**
   * Who submitted its workload. A node may run it as a user of its own for that name.
   */
  'owner': (string);
  /**
   * The span of the task, as a W3C traceparent: handed to the task as TRACEPARENT. Empty = it is not traced.
   */
  'traceParent': (string);
  /**
   * What it is told of the tasks that it works with. Absent = it works alone, or has started: it was told before.
   */
  'launch': (_sluice_v1_TaskLaunch__Output | null);
  /**
   * Sent before the stop signal. A stop order's grace is then the time for both, from the order to the kill.
   */
  'earlySignal': (_sluice_v1_EarlySignal__Output | null);
  /**
   * When its time limit passes, by the scheduler's clock (see Welcome.server_time). Absent = it has none, or its gang does not run yet.
   */
  'deadline': (_google_protobuf_Timestamp__Output | null);
  /**
   * How long its gang may run, once it does. Absent = without a limit.
   */
  'timeLimit': (_google_protobuf_Duration__Output | null);
  /**
   * The token by which its program calls the scheduler. Empty = it gets none, or has started: it was sent before.
   */
  'taskToken': (string);
  /**
   * Its standard error goes into a log of its own.
   */
  'separateStderr': (boolean);
  'program'?: "command"|"builtin";
}
