// The Open Inference Protocol v2 over gRPC. Always answers with raw contents: the clients in use read nothing else.
import * as grpc from '@grpc/grpc-js';
import { toServiceError } from '../../common/errors.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { loadInference } from '../../common/proto.js';
import type { GRPCInferenceServiceHandlers } from '../../proto/gen/inference/GRPCInferenceService.js';
import type { InferTensorContents__Output } from '../../proto/gen/inference/InferTensorContents.js';
import type { ModelInferRequest__Output } from '../../proto/gen/inference/ModelInferRequest.js';
import type { ModelInferResponse } from '../../proto/gen/inference/ModelInferResponse.js';
import { BadInput, messageOf } from './bad-input.js';
import { PLATFORM, refuseParameters, SERVER_EXTENSIONS, SERVER_NAME } from './serve-protocol.js';
import { Refusal } from './served-model.js';
import type { GivenTensor, RefusalKind, ServedModel } from './served-model.js';
import type { Element } from './tensor.js';

/** A listening server. */
export interface GrpcFront {
  /** host:port */
  readonly address: string;
  /** Takes no more calls and resolves when the running ones have ended. */
  drain(): Promise<void>;
  /** Cuts off what still runs. */
  forceClose(): void;
}

/** Where and how to listen. */
export interface GrpcFrontOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly maxRequestBytes: number;
}

/** Calls at once on one connection; more wait in the client. */
const MAX_STREAMS = 256;

/** Starts the server. @throws BadInput when the port cannot be had. */
export async function listenGrpc(model: ServedModel, options: GrpcFrontOptions): Promise<GrpcFront> {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': options.maxRequestBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': MAX_STREAMS,
  });
  server.addService(loadInference().GRPCInferenceService.service, handlersFor(model));
  const wanted = `${options.host.includes(':') ? `[${options.host}]` : options.host}:${options.port}`;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(wanted, grpc.ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new BadInput(`cannot listen for gRPC on ${wanted}: ${error.message}`));
    });
  });
  return {
    address: `${wanted.slice(0, wanted.lastIndexOf(':'))}:${port}`,
    drain: async () =>
      await new Promise((resolve, reject) =>
        server.tryShutdown((error) => (error === undefined ? resolve() : reject(error))),
      ),
    forceClose: () => server.forceShutdown(),
  };
}

function handlersFor(model: ServedModel): GRPCInferenceServiceHandlers {
  return {
    ServerLive: unary(async () => ({ live: true })),
    ServerReady: unary(async () => ({ ready: model.ready() })),
    ModelReady: unary(async ({ request }) => {
      model.find(request.name, request.version);
      return { ready: model.ready() };
    }),
    ServerMetadata: unary(async () => ({
      name: SERVER_NAME,
      version: PACKAGE_VERSION,
      extensions: [...SERVER_EXTENSIONS],
    })),
    ModelMetadata: unary(async ({ request }) => {
      model.find(request.name, request.version);
      const copy = ({ name, datatype, shape }: ServedModel['signature']['inputs'][number]) => ({
        name,
        datatype,
        shape: [...shape],
      });
      return {
        name: model.name,
        versions: [model.version],
        platform: PLATFORM,
        inputs: model.signature.inputs.map(copy),
        outputs: model.signature.outputs.map(copy),
        properties: { ...model.properties },
      };
    }),
    ModelInfer: unary(async (call) => await model.measured('grpc', async () => await infer(model, call))),
  };
}

async function infer(
  model: ServedModel,
  call: grpc.ServerUnaryCall<ModelInferRequest__Output, ModelInferResponse>,
): Promise<ModelInferResponse> {
  const { request } = call;
  model.find(request.modelName, request.modelVersion);
  refuseParameters('the request', Object.keys(request.parameters));
  for (const { name, parameters } of request.outputs) refuseParameters(`output "${name}"`, Object.keys(parameters));
  const gone = new AbortController();
  call.on('cancelled', () => gone.abort());
  const outputs = await model.infer({
    inputs: readInputs(request),
    outputs: request.outputs.map(({ name }) => name),
    signal: gone.signal,
  });
  return {
    modelName: model.name,
    modelVersion: model.version,
    id: request.id,
    outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] })),
    rawOutputContents: outputs.map(({ bytes }) => bytes),
  };
}

function readInputs({ inputs, rawInputContents }: ModelInferRequest__Output): readonly GivenTensor[] {
  if (rawInputContents.length > 0 && rawInputContents.length !== inputs.length) {
    throw new Refusal(
      'invalid',
      `${inputs.length} inputs but ${rawInputContents.length} raw_input_contents: with raw contents every input has one`,
    );
  }
  return inputs.map(({ name, datatype, shape, parameters, contents }, index): GivenTensor => {
    refuseParameters(`input "${name}"`, Object.keys(parameters));
    const bytes = rawInputContents[index];
    const elements = contents === null ? [] : typedElements(datatype, contents);
    if (bytes === undefined) return { name, datatype, shape, content: { kind: 'elements', elements } };
    if (elements.length > 0) throw new Refusal('invalid', `input "${name}" has both contents and raw_input_contents`);
    return { name, datatype, shape, content: { kind: 'raw', bytes } };
  });
}

/** The field of the message in which the protocol puts elements of this datatype. */
function typedElements(datatype: string, contents: InferTensorContents__Output): readonly Element[] {
  switch (datatype) {
    case 'BOOL':
      return contents.boolContents;
    case 'INT8':
    case 'INT16':
    case 'INT32':
      return contents.intContents;
    case 'INT64':
      return contents.int64Contents;
    case 'UINT8':
    case 'UINT16':
    case 'UINT32':
      return contents.uintContents;
    case 'UINT64':
      return contents.uint64Contents;
    case 'FP32':
      return contents.fp32Contents;
    case 'FP64':
      return contents.fp64Contents;
    case 'BYTES':
      return contents.bytesContents;
    default:
      // Not ours to judge: the model refuses a datatype that it does not take.
      return [];
  }
}

function unary<Request, Response>(
  handle: (call: grpc.ServerUnaryCall<Request, Response>) => Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    handle(call).then(
      (response) => callback(null, response),
      (error: unknown) => callback(toStatus(error)),
    );
  };
}

const STATUS: Readonly<Record<RefusalKind, { readonly code: grpc.status; readonly reason: string }>> = {
  invalid: { code: grpc.status.INVALID_ARGUMENT, reason: 'INVALID_REQUEST' },
  'not-found': { code: grpc.status.NOT_FOUND, reason: 'MODEL_NOT_FOUND' },
  'too-large': { code: grpc.status.RESOURCE_EXHAUSTED, reason: 'REQUEST_TOO_LARGE' },
  overloaded: { code: grpc.status.RESOURCE_EXHAUSTED, reason: 'QUEUE_FULL' },
  stopping: { code: grpc.status.UNAVAILABLE, reason: 'STOPPING' },
  cancelled: { code: grpc.status.CANCELLED, reason: 'CALLER_GONE' },
  failed: { code: grpc.status.INTERNAL, reason: 'INFERENCE_FAILED' },
};

function toStatus(error: unknown): grpc.ServiceError {
  const { code, reason } = STATUS[error instanceof Refusal ? error.kind : 'failed'];
  return toServiceError({ code, reason, message: messageOf(error) });
}
