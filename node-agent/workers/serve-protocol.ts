// What REST and gRPC say in the same words.
import { Refusal } from './served-model.js';

/** Name of the server in its metadata. */
export const SERVER_NAME = 'sluice';
/** Extensions of the protocol that are understood. */
export const SERVER_EXTENSIONS: readonly string[] = ['binary_tensor_data'];
/** What the protocol calls an ONNX model. */
export const PLATFORM = 'onnx_onnxv1';

/** Parameters of other servers' extensions that change what an answer means: to pass over them would be a wrong answer. */
const UNSUPPORTED_PARAMETERS: readonly string[] = [
  'classification',
  'shared_memory_region',
  'shared_memory_offset',
  'shared_memory_byte_size',
  'sequence_id',
];

/** @throws Refusal when one of the parameters asks for something this server cannot do. */
export function refuseParameters(where: string, names: readonly string[]): void {
  const refused = names.find((name) => UNSUPPORTED_PARAMETERS.includes(name));
  if (refused !== undefined)
    throw new Refusal('invalid', `${where} has the parameter "${refused}", which is not supported`);
}
