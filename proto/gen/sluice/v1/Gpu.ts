// Original file: sluice/v1/node.proto

import type { GpuHealth as _sluice_v1_GpuHealth, GpuHealth__Output as _sluice_v1_GpuHealth__Output } from '../../sluice/v1/GpuHealth.js';
import type { GpuTelemetry as _sluice_v1_GpuTelemetry, GpuTelemetry__Output as _sluice_v1_GpuTelemetry__Output } from '../../sluice/v1/GpuTelemetry.js';
import type { MigInstance as _sluice_v1_MigInstance, MigInstance__Output as _sluice_v1_MigInstance__Output } from '../../sluice/v1/MigInstance.js';
import type { GpuHolder as _sluice_v1_GpuHolder, GpuHolder__Output as _sluice_v1_GpuHolder__Output } from '../../sluice/v1/GpuHolder.js';
import type { GpuSymptom as _sluice_v1_GpuSymptom, GpuSymptom__Output as _sluice_v1_GpuSymptom__Output } from '../../sluice/v1/GpuSymptom.js';
import type { GpuMark as _sluice_v1_GpuMark, GpuMark__Output as _sluice_v1_GpuMark__Output } from '../../sluice/v1/GpuMark.js';
import type { Long } from '@grpc/proto-loader';

export interface Gpu {
  'uuid'?: (string);
  'index'?: (number);
  'model'?: (string);
  'memoryMib'?: (number | string | Long);
  /**
   * True = no hardware behind it.
   */
  'simulated'?: (boolean);
  'health'?: (_sluice_v1_GpuHealth);
  'healthMessage'?: (string);
  'pciBusId'?: (string);
  /**
   * The workload that holds it, or the first of those that hold a part of it; 0 = free.
   */
  'workload'?: (number | string | Long);
  'telemetry'?: (_sluice_v1_GpuTelemetry | null);
  /**
   * GPUs of one node with the same number reach each other over NVLink. Absent = none, or not known.
   */
  'nvlinkGroup'?: (number);
  /**
   * In MIG mode its instances are granted, never the GPU itself.
   */
  'migEnabled'?: (boolean);
  'migInstances'?: (_sluice_v1_MigInstance)[];
  /**
   * Everybody who holds it, or a part of it.
   */
  'holders'?: (_sluice_v1_GpuHolder)[];
  /**
   * As the driver names it: "Default", "Exclusive_Process", "Prohibited". Empty = not told.
   */
  'computeMode'?: (string);
  /**
   * The NUMA node that its PCI slot is nearest to. Absent = not known, or the machine has one only.
   */
  'numaNode'?: (number);
  /**
   * The CPUs of that NUMA node, as Linux lists them: "0-31,64-95". Empty = not known.
   */
  'cpuAffinity'?: (string);
  /**
   * What is wrong with it at this moment, as its agent reads it.
   */
  'symptoms'?: (_sluice_v1_GpuSymptom)[];
  /**
   * What the scheduler holds against it, the worst first. Empty = nothing.
   */
  'marks'?: (_sluice_v1_GpuMark)[];
  '_nvlinkGroup'?: "nvlinkGroup";
  '_numaNode'?: "numaNode";
}

export interface Gpu__Output {
  'uuid': (string);
  'index': (number);
  'model': (string);
  'memoryMib': (number);
  /**
   * True = no hardware behind it.
   */
  'simulated': (boolean);
  'health': (_sluice_v1_GpuHealth__Output);
  'healthMessage': (string);
  'pciBusId': (string);
  /**
   * The workload that holds it, or the first of those that hold a part of it; 0 = free.
   */
  'workload': (number);
  'telemetry': (_sluice_v1_GpuTelemetry__Output | null);
  /**
   * GPUs of one node with the same number reach each other over NVLink. Absent = none, or not known.
   */
  'nvlinkGroup'?: (number);
  /**
   * In MIG mode its instances are granted, never the GPU itself.
   */
  'migEnabled': (boolean);
  'migInstances': (_sluice_v1_MigInstance__Output)[];
  /**
   * Everybody who holds it, or a part of it.
   */
  'holders': (_sluice_v1_GpuHolder__Output)[];
  /**
   * As the driver names it: "Default", "Exclusive_Process", "Prohibited". Empty = not told.
   */
  'computeMode': (string);
  /**
   * The NUMA node that its PCI slot is nearest to. Absent = not known, or the machine has one only.
   */
  'numaNode'?: (number);
  /**
   * The CPUs of that NUMA node, as Linux lists them: "0-31,64-95". Empty = not known.
   */
  'cpuAffinity': (string);
  /**
   * What is wrong with it at this moment, as its agent reads it.
   */
  'symptoms': (_sluice_v1_GpuSymptom__Output)[];
  /**
   * What the scheduler holds against it, the worst first. Empty = nothing.
   */
  'marks': (_sluice_v1_GpuMark__Output)[];
  '_nvlinkGroup'?: "nvlinkGroup";
  '_numaNode'?: "numaNode";
}
