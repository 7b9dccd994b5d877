// Every collection of records, in the order in which stores hand them out.
import type { CollectionName } from '../model/records.js';

/** In the order in which `load` gives them: what others refer to comes first. */
const COLLECTIONS: Readonly<Record<CollectionName, true>> = {
  meta: true,
  queues: true,
  nodes: true,
  workloads: true,
  allocations: true,
  requests: true,
  incidents: true,
  usage: true,
  notices: true,
};
export const COLLECTION_NAMES = Object.keys(COLLECTIONS) as readonly CollectionName[];
