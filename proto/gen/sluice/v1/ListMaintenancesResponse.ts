// Original file: sluice/v1/node.proto

import type { Maintenance as _sluice_v1_Maintenance, Maintenance__Output as _sluice_v1_Maintenance__Output } from '../../sluice/v1/Maintenance.js';

export interface ListMaintenancesResponse {
  'maintenances'?: (_sluice_v1_Maintenance)[];
  'nextPageToken'?: (string);
}

export interface ListMaintenancesResponse__Output {
  'maintenances': (_sluice_v1_Maintenance__Output)[];
  'nextPageToken': (string);
}
