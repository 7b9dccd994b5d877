// Original file: sluice/v1/agent.proto

import type { Welcome as _sluice_v1_Welcome, Welcome__Output as _sluice_v1_Welcome__Output } from '../../sluice/v1/Welcome.js';
import type { HeartbeatReply as _sluice_v1_HeartbeatReply, HeartbeatReply__Output as _sluice_v1_HeartbeatReply__Output } from '../../sluice/v1/HeartbeatReply.js';
import type { DesiredAllocations as _sluice_v1_DesiredAllocations, DesiredAllocations__Output as _sluice_v1_DesiredAllocations__Output } from '../../sluice/v1/DesiredAllocations.js';
import type { LogRead as _sluice_v1_LogRead, LogRead__Output as _sluice_v1_LogRead__Output } from '../../sluice/v1/LogRead.js';
import type { OriginRequest as _sluice_v1_OriginRequest, OriginRequest__Output as _sluice_v1_OriginRequest__Output } from '../../sluice/v1/OriginRequest.js';
import type { LogCancel as _sluice_v1_LogCancel, LogCancel__Output as _sluice_v1_LogCancel__Output } from '../../sluice/v1/LogCancel.js';
import type { ExecOpen as _sluice_v1_ExecOpen, ExecOpen__Output as _sluice_v1_ExecOpen__Output } from '../../sluice/v1/ExecOpen.js';
import type { TerminalNotice as _sluice_v1_TerminalNotice, TerminalNotice__Output as _sluice_v1_TerminalNotice__Output } from '../../sluice/v1/TerminalNotice.js';
import type { HealthAck as _sluice_v1_HealthAck, HealthAck__Output as _sluice_v1_HealthAck__Output } from '../../sluice/v1/HealthAck.js';

/**
 * What the scheduler sends.
 */
export interface ConnectResponse {
  'welcome'?: (_sluice_v1_Welcome | null);
  'heartbeatReply'?: (_sluice_v1_HeartbeatReply | null);
  'desired'?: (_sluice_v1_DesiredAllocations | null);
  'logRead'?: (_sluice_v1_LogRead | null);
  'originRequest'?: (_sluice_v1_OriginRequest | null);
  'logCancel'?: (_sluice_v1_LogCancel | null);
  'execOpen'?: (_sluice_v1_ExecOpen | null);
  'terminalNotice'?: (_sluice_v1_TerminalNotice | null);
  'healthAck'?: (_sluice_v1_HealthAck | null);
  'message'?: "welcome"|"heartbeatReply"|"desired"|"logRead"|"originRequest"|"logCancel"|"execOpen"|"terminalNotice"|"healthAck";
}

/**
 * What the scheduler sends.
 */
export interface ConnectResponse__Output {
  'welcome'?: (_sluice_v1_Welcome__Output | null);
  'heartbeatReply'?: (_sluice_v1_HeartbeatReply__Output | null);
  'desired'?: (_sluice_v1_DesiredAllocations__Output | null);
  'logRead'?: (_sluice_v1_LogRead__Output | null);
  'originRequest'?: (_sluice_v1_OriginRequest__Output | null);
  'logCancel'?: (_sluice_v1_LogCancel__Output | null);
  'execOpen'?: (_sluice_v1_ExecOpen__Output | null);
  'terminalNotice'?: (_sluice_v1_TerminalNotice__Output | null);
  'healthAck'?: (_sluice_v1_HealthAck__Output | null);
  'message'?: "welcome"|"heartbeatReply"|"desired"|"logRead"|"originRequest"|"logCancel"|"execOpen"|"terminalNotice"|"healthAck";
}
