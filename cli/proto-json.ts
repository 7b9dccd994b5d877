// API messages as protobuf-JSON, for `-o json` and `-o yaml`: RFC 3339 times, durations like "3.5s", enums by name.
// One departure from the canonical form: 64-bit integers are JSON numbers, since ours stay below 2^53 and scripts compare
// them. Assumes messages as common/proto.ts hands them out.
import { sluicePackageDefinition } from '../common/proto.js';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The part of a descriptor that is needed here. Source: google/protobuf/descriptor.proto. */
interface FieldDescriptor {
  readonly name: string;
  readonly type: string;
  readonly typeName: string;
  readonly label: string;
}
interface MessageDescriptor {
  readonly field: readonly FieldDescriptor[];
  readonly nestedType: readonly (MessageDescriptor & {
    readonly name: string;
    readonly options?: { mapEntry?: boolean } | null;
  })[];
}

const PACKAGE = 'sluice.v1';

/**
 * One message as JSON.
 * @param typeName its name in sluice.v1, for example `Workload`
 */
export function toProtoJson(typeName: string, message: object): { readonly [key: string]: Json } {
  return convertMessage(lookUp(typeName), message as Readonly<Record<string, unknown>>);
}

/** A list as JSON: `{"kind": "WorkloadList", "items": […]}`. */
export function toListJson(typeName: string, messages: readonly object[]): { readonly [key: string]: Json } {
  return { kind: `${typeName}List`, items: messages.map((message) => toProtoJson(typeName, message)) };
}

/** A protobuf Timestamp in RFC 3339, UTC, with as many digits of a second as needed. */
export function timestampText(time: { readonly seconds?: unknown; readonly nanos?: unknown }): string {
  const seconds = Number(time.seconds ?? 0);
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}${fractionText(Number(time.nanos ?? 0))}Z`;
}

/** A protobuf Duration as seconds: `3.5s`. */
export function durationText(duration: { readonly seconds?: unknown; readonly nanos?: unknown }): string {
  return `${Number(duration.seconds ?? 0)}${fractionText(Number(duration.nanos ?? 0))}s`;
}

function fractionText(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.endsWith('000000') ? digits.slice(0, 3) : digits.endsWith('000') ? digits.slice(0, 6) : digits}`;
}

function lookUp(typeName: string): MessageDescriptor {
  const entry = sluicePackageDefinition[`${PACKAGE}.${typeName}`];
  if (entry === undefined || !('type' in entry)) throw new Error(`${PACKAGE} has no message ${typeName}`);
  return entry.type as unknown as MessageDescriptor;
}

function convertMessage(
  descriptor: MessageDescriptor,
  message: Readonly<Record<string, unknown>>,
): { readonly [key: string]: Json } {
  const result: Record<string, Json> = {};
  // Walking the descriptor, not the message, leaves out the virtual oneof fields.
  for (const field of descriptor.field) {
    const value = message[field.name];
    if (value === undefined || value === null) continue;
    result[field.name] = convertField(descriptor, field, value);
  }
  return result;
}

function convertField(parent: MessageDescriptor, field: FieldDescriptor, value: unknown): Json {
  const map = parent.nestedType.find((nested) => nested.name === field.typeName && nested.options?.mapEntry === true);
  if (map !== undefined) return value as { readonly [key: string]: Json };
  if (field.label === 'LABEL_REPEATED') return (value as readonly unknown[]).map((item) => convertValue(field, item));
  return convertValue(field, value);
}

function convertValue(field: FieldDescriptor, value: unknown): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (field.type !== 'TYPE_MESSAGE') return value as Json;
  const name = field.typeName.replace(/^\./, '');
  if (name === 'google.protobuf.Timestamp') return timestampText(value as object);
  if (name === 'google.protobuf.Duration') return durationText(value as object);
  return convertMessage(lookUp(name.replace(`${PACKAGE}.`, '')), value as Readonly<Record<string, unknown>>);
}
