// The IDX file format, in which the handwritten digits of LeCun, Cortes and Burges were published: two zero bytes, a type
// byte (8 = unsigned byte), the number of dimensions, each dimension as a big-endian 32-bit number, then the values.
import { BadInput } from './bad-input.js';

/** An array of unsigned bytes with a shape, last dimension fastest. */
export interface ByteArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

const TYPE_UNSIGNED_BYTE = 8;
const HEADER_BYTES = 4;
const GZIP_MAGIC = 0x1f8b;

/**
 * Reads an IDX file of unsigned bytes.
 * @param file its path, for messages.
 * @param dimensions how many dimensions are expected: 1 for labels, 3 for images (samples × rows × columns).
 * @throws BadInput
 */
export function decodeIdx(file: string, content: Buffer, dimensions: number): ByteArray {
  const headerBytes = HEADER_BYTES + 4 * dimensions;
  if (content.length >= 2 && content.readUInt16BE(0) === GZIP_MAGIC) {
    throw new BadInput(`${file} is compressed with gzip: unpack it first (gunzip)`);
  }
  if (content.length < headerBytes) {
    throw new BadInput(`${file} is not an IDX file: ${content.length} bytes, the header alone takes ${headerBytes}`);
  }
  const expected = Buffer.from([0, 0, TYPE_UNSIGNED_BYTE, dimensions]);
  if (!content.subarray(0, HEADER_BYTES).equals(expected)) {
    const found = content.subarray(0, HEADER_BYTES).toString('hex');
    throw new BadInput(
      `${file} begins with ${found}, expected ${expected.toString('hex')} (IDX, unsigned bytes, ${dimensions} dimensions)`,
    );
  }
  const shape = Array.from({ length: dimensions }, (_, index) => content.readUInt32BE(HEADER_BYTES + 4 * index));
  const count = shape.reduce((product, size) => product * size, 1);
  if (content.length !== headerBytes + count) {
    throw new BadInput(
      `${file} has ${content.length} bytes, expected ${headerBytes + count}: its header says ${shape.join(' × ')} values`,
    );
  }
  return { shape, values: content.subarray(headerBytes) };
}

/** Makes the content of an IDX file. */
export function encodeIdx({ shape, values }: ByteArray): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + 4 * shape.length);
  header.writeUInt8(TYPE_UNSIGNED_BYTE, 2);
  header.writeUInt8(shape.length, 3);
  shape.forEach((size, index) => header.writeUInt32BE(size, HEADER_BYTES + 4 * index));
  return Buffer.concat([header, values]);
}
