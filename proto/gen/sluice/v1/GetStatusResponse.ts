// Original file: sluice/v1/cluster.proto

import type { Waiting as _sluice_v1_Waiting, Waiting__Output as _sluice_v1_Waiting__Output } from '../../sluice/v1/Waiting.js';
import type { Incident as _sluice_v1_Incident, Incident__Output as _sluice_v1_Incident__Output } from '../../sluice/v1/Incident.js';
import type { Standby as _sluice_v1_Standby, Standby__Output as _sluice_v1_Standby__Output } from '../../sluice/v1/Standby.js';
import type { Long } from '@grpc/proto-loader';

export interface GetStatusResponse {
  'ready'?: (boolean);
  'waiting'?: (_sluice_v1_Waiting)[];
  'clusterId'?: (string);
  'lineage'?: (string);
  'epoch'?: (number | string | Long);
  'revision'?: (number | string | Long);
  'leaderId'?: (string);
  'connectedAgents'?: (number);
  /**
   * The latest first, at most 20.
   */
  'incidents'?: (_sluice_v1_Incident)[];
  /**
   * Where the one that leads answers.
   */
  'leaderAddress'?: (string);
  /**
   * Whether several daemons can share its store.
   */
  'storeShared'?: (boolean);
  /**
   * Those that take over when it is gone, as it saw them some seconds ago.
   */
  'standbys'?: (_sluice_v1_Standby)[];
  /**
   * Whether it knows them.
   */
  'standbysKnown'?: (boolean);
}

export interface GetStatusResponse__Output {
  'ready': (boolean);
  'waiting': (_sluice_v1_Waiting__Output)[];
  'clusterId': (string);
  'lineage': (string);
  'epoch': (number);
  'revision': (number);
  'leaderId': (string);
  'connectedAgents': (number);
  /**
   * The latest first, at most 20.
   */
  'incidents': (_sluice_v1_Incident__Output)[];
  /**
   * Where the one that leads answers.
   */
  'leaderAddress': (string);
  /**
   * Whether several daemons can share its store.
   */
  'storeShared': (boolean);
  /**
   * Those that take over when it is gone, as it saw them some seconds ago.
   */
  'standbys': (_sluice_v1_Standby__Output)[];
  /**
   * Whether it knows them.
   */
  'standbysKnown': (boolean);
}
