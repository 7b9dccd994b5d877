// Rich gRPC errors: made at the server's border, read by the CLI. The wire form is google.rpc.Status in the trailer
// `grpc-status-details-bin`, as every gRPC client library expects it.
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import path from 'node:path';
import { PACKAGE_ROOT } from './package-root.js';

/** One wrong field: its path as the user wrote it (`specs[0].resources.gpus`) and what is wrong with it. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** A quota that stands in the way. */
export interface QuotaViolation {
  /** What is limited, for example `queue/vision`. */
  readonly subject: string;
  readonly description: string;
}

/** What a rich error carries. */
export interface RichError {
  readonly code: grpc.status;
  /** What is wrong, why with numbers, what to do. At most three lines. */
  readonly message: string;
  /** UPPER_SNAKE, at most 63 characters, stable for programs. */
  readonly reason: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly FieldViolation[];
  readonly quotas?: readonly QuotaViolation[];
}

/** An error that becomes a rich gRPC status at the border. */
export class ApiError extends Error implements RichError {
  readonly code: grpc.status;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields: readonly FieldViolation[];
  readonly quotas: readonly QuotaViolation[];

  constructor(error: RichError) {
    super(error.message);
    this.name = 'ApiError';
    this.code = error.code;
    this.reason = error.reason;
    this.metadata = error.metadata ?? {};
    this.fields = error.fields ?? [];
    this.quotas = error.quotas ?? [];
  }
}

/** The `domain` of every ErrorInfo. */
const ERROR_DOMAIN = 'sluice';
const DETAILS_KEY = 'grpc-status-details-bin';

const root = protobuf.loadSync([
  path.join(PACKAGE_ROOT, 'proto/google/rpc/status.proto'),
  path.join(PACKAGE_ROOT, 'proto/google/rpc/error_details.proto'),
]);
const Status = root.lookupType('google.rpc.Status');
const detailTypes = {
  ErrorInfo: root.lookupType('google.rpc.ErrorInfo'),
  BadRequest: root.lookupType('google.rpc.BadRequest'),
  QuotaFailure: root.lookupType('google.rpc.QuotaFailure'),
};

/** Turns a rich error into what grpc-js sends. Source: the google.rpc error model (AIP-193). */
export function toServiceError(error: RichError): grpc.ServiceError {
  const details = [
    pack('ErrorInfo', { reason: error.reason, domain: ERROR_DOMAIN, metadata: error.metadata ?? {} }),
    ...(error.fields?.length ? [pack('BadRequest', { fieldViolations: error.fields })] : []),
    ...(error.quotas?.length ? [pack('QuotaFailure', { violations: error.quotas })] : []),
  ];
  const encoded = Status.encode(Status.fromObject({ code: error.code, message: error.message, details })).finish();
  const metadata = new grpc.Metadata();
  metadata.set(DETAILS_KEY, Buffer.from(encoded));
  return Object.assign(new Error(error.message), {
    name: 'ServiceError',
    code: error.code,
    details: error.message,
    metadata,
  });
}

/** Reads back what a server sent; a plain gRPC error becomes one with the code's name as reason. */
export function fromServiceError(error: grpc.ServiceError): RichError {
  const found = {
    code: error.code,
    message: error.details || error.message,
    reason: grpc.status[error.code] ?? 'UNKNOWN',
  };
  const raw = error.metadata?.get(DETAILS_KEY)[0];
  if (!(raw instanceof Buffer)) return found;
  const status = Status.toObject(Status.decode(raw)) as { details?: { type_url: string; value: Uint8Array }[] };
  return (status.details ?? []).reduce<RichError>((rich, { type_url: url, value }) => {
    const name = url.slice(url.lastIndexOf('.') + 1);
    if (!(name in detailTypes)) return rich;
    const type = detailTypes[name as keyof typeof detailTypes];
    const detail = type.toObject(type.decode(value)) as {
      reason?: string;
      metadata?: Record<string, string>;
      fieldViolations?: FieldViolation[];
      violations?: QuotaViolation[];
    };
    if (name === 'ErrorInfo') return { ...rich, reason: detail.reason ?? rich.reason, metadata: detail.metadata ?? {} };
    if (name === 'BadRequest') return { ...rich, fields: detail.fieldViolations ?? [] };
    return { ...rich, quotas: detail.violations ?? [] };
  }, found);
}

function pack(name: keyof typeof detailTypes, value: object): object {
  const type = detailTypes[name];
  return { type_url: `type.googleapis.com/google.rpc.${name}`, value: type.encode(type.fromObject(value)).finish() };
}
