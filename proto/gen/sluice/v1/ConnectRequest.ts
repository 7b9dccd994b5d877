// Original file: sluice/v1/agent.proto

import type { AgentHello as _sluice_v1_AgentHello, AgentHello__Output as _sluice_v1_AgentHello__Output } from '../../sluice/v1/AgentHello.js';
import type { Heartbeat as _sluice_v1_Heartbeat, Heartbeat__Output as _sluice_v1_Heartbeat__Output } from '../../sluice/v1/Heartbeat.js';
import type { ObservedAllocations as _sluice_v1_ObservedAllocations, ObservedAllocations__Output as _sluice_v1_ObservedAllocations__Output } from '../../sluice/v1/ObservedAllocations.js';
import type { InventoryReport as _sluice_v1_InventoryReport, InventoryReport__Output as _sluice_v1_InventoryReport__Output } from '../../sluice/v1/InventoryReport.js';
import type { TelemetryReport as _sluice_v1_TelemetryReport, TelemetryReport__Output as _sluice_v1_TelemetryReport__Output } from '../../sluice/v1/TelemetryReport.js';
import type { LogData as _sluice_v1_LogData, LogData__Output as _sluice_v1_LogData__Output } from '../../sluice/v1/LogData.js';
import type { Origin as _sluice_v1_Origin, Origin__Output as _sluice_v1_Origin__Output } from '../../sluice/v1/Origin.js';
import type { HealthReport as _sluice_v1_HealthReport, HealthReport__Output as _sluice_v1_HealthReport__Output } from '../../sluice/v1/HealthReport.js';

/**
 * What an agent sends.
 */
export interface ConnectRequest {
  'hello'?: (_sluice_v1_AgentHello | null);
  'heartbeat'?: (_sluice_v1_Heartbeat | null);
  'observed'?: (_sluice_v1_ObservedAllocations | null);
  'inventory'?: (_sluice_v1_InventoryReport | null);
  'telemetry'?: (_sluice_v1_TelemetryReport | null);
  'logData'?: (_sluice_v1_LogData | null);
  'origin'?: (_sluice_v1_Origin | null);
  'health'?: (_sluice_v1_HealthReport | null);
  'message'?: "hello"|"heartbeat"|"observed"|"inventory"|"telemetry"|"logData"|"origin"|"health";
}

/**
 * What an agent sends.
 */
export interface ConnectRequest__Output {
  'hello'?: (_sluice_v1_AgentHello__Output | null);
  'heartbeat'?: (_sluice_v1_Heartbeat__Output | null);
  'observed'?: (_sluice_v1_ObservedAllocations__Output | null);
  'inventory'?: (_sluice_v1_InventoryReport__Output | null);
  'telemetry'?: (_sluice_v1_TelemetryReport__Output | null);
  'logData'?: (_sluice_v1_LogData__Output | null);
  'origin'?: (_sluice_v1_Origin__Output | null);
  'health'?: (_sluice_v1_HealthReport__Output | null);
  'message'?: "hello"|"heartbeat"|"observed"|"inventory"|"telemetry"|"logData"|"origin"|"health";
}
