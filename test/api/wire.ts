// Requests as they arrive: encoded and decoded as gRPC does it, so that tests see the defaults and nulls of the real thing.
import { sluice } from '../../common/proto.js';
import type { QueueSpec, QueueSpec__Output } from '../../proto/gen/sluice/v1/QueueSpec.js';
import type { WorkloadSpec, WorkloadSpec__Output } from '../../proto/gen/sluice/v1/WorkloadSpec.js';

/** A spec with a queue and a program, and these fields. */
export function receivedSpec(fields: WorkloadSpec = {}): WorkloadSpec__Output {
  const specs = [{ queue: 'research', command: { argv: ['true'] }, ...fields }];
  const { requestSerialize, requestDeserialize } = sluice.WorkloadService.service.SubmitWorkloads;
  const [spec] = requestDeserialize(requestSerialize({ specs })).specs;
  if (spec === undefined) throw new Error('the wire lost the spec');
  return spec;
}

/** A queue with a name, and these fields. */
export function receivedQueue(fields: QueueSpec = {}): QueueSpec__Output {
  const { requestSerialize, requestDeserialize } = sluice.QueueService.service.CreateQueue;
  const { queue } = requestDeserialize(requestSerialize({ queue: { name: 'research', ...fields } }));
  if (queue === null) throw new Error('the wire lost the queue');
  return queue;
}
