// Original file: sluice/v1/queue.proto

import type { QueueScope as _sluice_v1_QueueScope, QueueScope__Output as _sluice_v1_QueueScope__Output } from '../../sluice/v1/QueueScope.js';
import type { ShapeGuarantee as _sluice_v1_ShapeGuarantee, ShapeGuarantee__Output as _sluice_v1_ShapeGuarantee__Output } from '../../sluice/v1/ShapeGuarantee.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { QueueBudget as _sluice_v1_QueueBudget, QueueBudget__Output as _sluice_v1_QueueBudget__Output } from '../../sluice/v1/QueueBudget.js';
import type { IdleGpuPolicy as _sluice_v1_IdleGpuPolicy, IdleGpuPolicy__Output as _sluice_v1_IdleGpuPolicy__Output } from '../../sluice/v1/IdleGpuPolicy.js';
import type { Long } from '@grpc/proto-loader';

export interface QueueSpec {
  /**
   * [a-z0-9-], at most 63 characters.
   */
  'name'?: (string);
  /**
   * Empty = top level.
   */
  'parent'?: (string);
  /**
   * GPUs the queue gets back on demand. Thousandths count.
   */
  'guaranteeGpus'?: (number | string);
  /**
   * The most GPUs it may hold. Unset = no limit.
   */
  'limitGpus'?: (number | string);
  /**
   * Its share of what is left over. Default 1; 0 = nothing beyond the guarantee.
   */
  'weight'?: (number | string);
  /**
   * Higher is served first from what is left over. Default 100.
   */
  'priority'?: (number);
  /**
   * CPU, in thousandths of a core, and memory it gets back on demand. Unset = as much as there is, so that GPUs decide.
   */
  'guaranteeCpuMilli'?: (number | string | Long);
  'guaranteeMemoryMib'?: (number | string | Long);
  /**
   * The most CPU and memory it may hold. Unset = no limit.
   */
  'limitCpuMilli'?: (number | string | Long);
  'limitMemoryMib'?: (number | string | Long);
  /**
   * Guarantees and limits for parts of the cluster. No two for the same part.
   */
  'scopes'?: (_sluice_v1_QueueScope)[];
  /**
   * How guaranteed GPUs lie together. All shapes together fit into the guarantee.
   */
  'shapes'?: (_sluice_v1_ShapeGuarantee)[];
  /**
   * The most GPUs one user may hold in it. Unset = no limit.
   */
  'userLimitGpus'?: (number | string);
  /**
   * How long its work runs before other queues may take its GPUs back. Unset = as the queue above. Capped by the cluster.
   */
  'reclaimMinRuntime'?: (_google_protobuf_Duration | null);
  /**
   * How long its work runs before higher priority work of its own may displace it. Unset = as the queue above. Capped too.
   */
  'preemptMinRuntime'?: (_google_protobuf_Duration | null);
  /**
   * The longest grace of what it runs on borrowed GPUs. Unset = as the queue above. Capped by the cluster.
   */
  'maxGrace'?: (_google_protobuf_Duration | null);
  /**
   * When it takes back what it is guaranteed and had lent: how long those who borrowed it may be in their min-runtime at most.
   * Unset = as the queue above.
   */
  'lendMaxMinRuntime'?: (_google_protobuf_Duration | null);
  /**
   * The longest grace that they have then. Unset = as the queue above.
   */
  'lendMaxGrace'?: (_google_protobuf_Duration | null);
  /**
   * How long its interactive work may be unused (nothing typed or shown, no GPU used) before it is ended, after a warning. Unset =
   * as the queue above; without any it is never ended for that.
   */
  'idleLimit'?: (_google_protobuf_Duration | null);
  /**
   * What it, with all below it, may use in a period. Unset = as much as it likes.
   */
  'budget'?: (_sluice_v1_QueueBudget | null);
  /**
   * What becomes of its other work whose GPUs are idle, services aside. Unset = as the queue above; without any nothing.
   */
  'idleGpus'?: (_sluice_v1_IdleGpuPolicy | null);
  '_limitGpus'?: "limitGpus";
  '_weight'?: "weight";
  '_priority'?: "priority";
  '_guaranteeCpuMilli'?: "guaranteeCpuMilli";
  '_guaranteeMemoryMib'?: "guaranteeMemoryMib";
  '_limitCpuMilli'?: "limitCpuMilli";
  '_limitMemoryMib'?: "limitMemoryMib";
  '_userLimitGpus'?: "userLimitGpus";
}

export interface QueueSpec__Output {
  /**
   * [a-z0-9-], at most 63 characters.
   */
  'name': (string);
  /**
   * Empty = top level.
   */
  'parent': (string);
  /**
   * GPUs the queue gets back on demand. Thousandths count.
   */
  'guaranteeGpus': (number);
  /**
   * The most GPUs it may hold. Unset = no limit.
   */
  'limitGpus'?: (number);
  /**
   * Its share of what is left over. Default 1; 0 = nothing beyond the guarantee.
   */
  'weight'?: (number);
  /**
   * Higher is served first from what is left over. Default 100.
   */
  'priority'?: (number);
  /**
   * CPU, in thousandths of a core, and memory it gets back on demand. Unset = as much as there is, so that GPUs decide.
   */
  'guaranteeCpuMilli'?: (number);
  'guaranteeMemoryMib'?: (number);
  /**
   * The most CPU and memory it may hold. Unset = no limit.
   */
  'limitCpuMilli'?: (number);
  'limitMemoryMib'?: (number);
  /**
   * Guarantees and limits for parts of the cluster. No two for the same part.
   */
  'scopes': (_sluice_v1_QueueScope__Output)[];
  /**
   * How guaranteed GPUs lie together. All shapes together fit into the guarantee.
   */
  'shapes': (_sluice_v1_ShapeGuarantee__Output)[];
  /**
   * The most GPUs one user may hold in it. Unset = no limit.
   */
  'userLimitGpus'?: (number);
  /**
   * How long its work runs before other queues may take its GPUs back. Unset = as the queue above. Capped by the cluster.
   */
  'reclaimMinRuntime': (_google_protobuf_Duration__Output | null);
  /**
   * How long its work runs before higher priority work of its own may displace it. Unset = as the queue above. Capped too.
   */
  'preemptMinRuntime': (_google_protobuf_Duration__Output | null);
  /**
   * The longest grace of what it runs on borrowed GPUs. Unset = as the queue above. Capped by the cluster.
   */
  'maxGrace': (_google_protobuf_Duration__Output | null);
  /**
   * When it takes back what it is guaranteed and had lent: how long those who borrowed it may be in their min-runtime at most.
   * Unset = as the queue above.
   */
  'lendMaxMinRuntime': (_google_protobuf_Duration__Output | null);
  /**
   * The longest grace that they have then. Unset = as the queue above.
   */
  'lendMaxGrace': (_google_protobuf_Duration__Output | null);
  /**
   * How long its interactive work may be unused (nothing typed or shown, no GPU used) before it is ended, after a warning. Unset =
   * as the queue above; without any it is never ended for that.
   */
  'idleLimit': (_google_protobuf_Duration__Output | null);
  /**
   * What it, with all below it, may use in a period. Unset = as much as it likes.
   */
  'budget': (_sluice_v1_QueueBudget__Output | null);
  /**
   * What becomes of its other work whose GPUs are idle, services aside. Unset = as the queue above; without any nothing.
   */
  'idleGpus': (_sluice_v1_IdleGpuPolicy__Output | null);
  '_limitGpus'?: "limitGpus";
  '_weight'?: "weight";
  '_priority'?: "priority";
  '_guaranteeCpuMilli'?: "guaranteeCpuMilli";
  '_guaranteeMemoryMib'?: "guaranteeMemoryMib";
  '_limitCpuMilli'?: "limitCpuMilli";
  '_limitMemoryMib'?: "limitMemoryMib";
  '_userLimitGpus'?: "userLimitGpus";
}
