// Loads our .proto files once and hands out typed gRPC packages. The one place that fixes how messages look in TypeScript.
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import * as protoLoader from '@grpc/proto-loader';
import type { ProtoGrpcType as AgentProto } from '../proto/gen/agent.js';
import type { ProtoGrpcType as ClusterProto } from '../proto/gen/cluster.js';
import type { ProtoGrpcType as ExecProto } from '../proto/gen/exec.js';
import type { ProtoGrpcType as InferenceProto } from '../proto/gen/grpc_inference.js';
import type { ProtoGrpcType as LogProto } from '../proto/gen/log.js';
import type { ProtoGrpcType as NodeProto } from '../proto/gen/node.js';
import type { ProtoGrpcType as NoticeProto } from '../proto/gen/notice.js';
import type { ProtoGrpcType as PlanProto } from '../proto/gen/plan.js';
import type { ProtoGrpcType as QueueProto } from '../proto/gen/queue.js';
import type { ProtoGrpcType as SnapshotProto } from '../proto/gen/snapshot.js';
import type { ProtoGrpcType as UsageProto } from '../proto/gen/usage.js';
import type { ProtoGrpcType as VersionProto } from '../proto/gen/version.js';
import type { ProtoGrpcType as WorkloadProto } from '../proto/gen/workload.js';
import { PACKAGE_ROOT } from './package-root.js';

/** How messages look: camelCase fields, 64-bit integers as numbers, enums as names, defaults filled in. */
const LOADER_OPTIONS: protoLoader.Options = {
  keepCase: false,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
  includeDirs: [path.join(PACKAGE_ROOT, 'proto')],
};

const SLUICE_FILES = [
  'cluster',
  'workload',
  'queue',
  'node',
  'agent',
  'exec',
  'log',
  'notice',
  'plan',
  'snapshot',
  'usage',
  'version',
].map((name) => `sluice/v1/${name}.proto`);

/** The largest message either side takes, in bytes: gRPC's usual default, named so that errors and tests can cite it. */
export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** All of sluice.v1 as a package definition, as the reflection service wants it. */
export const sluicePackageDefinition = protoLoader.loadSync(SLUICE_FILES, LOADER_OPTIONS);

/** How messages of a type are written, for what is to be written before gRPC asks for it. @param name with its package */
export function wireFormOf<Message>(name: string): (message: Message) => Buffer {
  const definition = sluicePackageDefinition[name];
  const serialize = definition !== undefined && 'serialize' in definition ? definition.serialize : null;
  if (typeof serialize !== 'function') throw new Error(`${name} is no message of sluice.v1`);
  return (message) => serialize(message as object);
}

/** Clients and service definitions of sluice.v1. */
export const sluice = (
  grpc.loadPackageDefinition(sluicePackageDefinition) as unknown as AgentProto &
    ClusterProto &
    ExecProto &
    LogProto &
    NodeProto &
    NoticeProto &
    PlanProto &
    QueueProto &
    SnapshotProto &
    UsageProto &
    VersionProto &
    WorkloadProto
).sluice.v1;

/** Clients and service definition of the Open Inference Protocol v2; loaded on first use, since few programs need it. */
export function loadInference(): InferenceProto['inference'] {
  const definition = protoLoader.loadSync('inference/grpc_inference.proto', LOADER_OPTIONS);
  return (grpc.loadPackageDefinition(definition) as unknown as InferenceProto).inference;
}
