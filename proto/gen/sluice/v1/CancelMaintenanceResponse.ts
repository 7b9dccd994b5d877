// Original file: sluice/v1/node.proto

import type { Maintenance as _sluice_v1_Maintenance, Maintenance__Output as _sluice_v1_Maintenance__Output } from '../../sluice/v1/Maintenance.js';

export interface CancelMaintenanceResponse {
  /**
   * As it was, with the nodes that are free of it now.
   */
  'maintenance'?: (_sluice_v1_Maintenance | null);
}

export interface CancelMaintenanceResponse__Output {
  /**
   * As it was, with the nodes that are free of it now.
   */
  'maintenance': (_sluice_v1_Maintenance__Output | null);
}
