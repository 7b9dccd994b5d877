import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLength, elementsAsJson, fromRuntime, packElements, toRuntime } from '../../node-agent/workers/tensor.js';
import type { Datatype, Element } from '../../node-agent/workers/tensor.js';

const ELEMENTS: readonly (readonly [Datatype, fc.Arbitrary<Element>])[] = [
  ['BOOL', fc.boolean()],
  ['UINT8', fc.integer({ min: 0, max: 255 })],
  ['UINT16', fc.integer({ min: 0, max: 65_535 })],
  ['UINT32', fc.integer({ min: 0, max: 2 ** 32 - 1 })],
  ['UINT64', fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  ['INT8', fc.integer({ min: -128, max: 127 })],
  ['INT16', fc.integer({ min: -32_768, max: 32_767 })],
  ['INT32', fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
  ['INT64', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  ['FP32', fc.float({ noNaN: true, noDefaultInfinity: true })],
  ['FP64', fc.double({ noNaN: true, noDefaultInfinity: true })],
  ['BYTES', fc.string({ unit: 'grapheme' })],
];

describe('tensors', () => {
  it.each(ELEMENTS)('%s elements survive the way to raw bytes, the runtime and JSON', (datatype, element) => {
    fc.assert(
      fc.property(fc.array(element), (elements) => {
        const tensor = { name: 't', datatype, shape: [elements.length], bytes: packElements(datatype, elements) };
        checkLength(tensor);
        const { type, data } = toRuntime(tensor);
        const back = fromRuntime('t', { type, data, dims: tensor.shape });
        expect(back).toEqual(tensor);
        const numbers = elements.map((value) => (typeof value === 'bigint' ? String(value) : JSON.stringify(value)));
        expect(elementsAsJson(back)).toBe(`[${numbers.join(',')}]`);
      }),
    );
  });

  it('reads bytes that begin at an odd address', () => {
    const bytes = new Uint8Array([9, 0, 0, 128, 63]).subarray(1);
    expect(elementsAsJson({ name: 't', datatype: 'FP32', shape: [1], bytes })).toBe('[1]');
  });

  it.each<readonly [string, Datatype, readonly Element[], string]>([
    ['a number is too large', 'INT8', [1, 200], 'element 1 is 200, expected -128 to 127 (INT8)'],
    ['a number is negative', 'UINT8', [-1], 'element 0 is -1, expected 0 to 255 (UINT8)'],
    ['a number is no whole one', 'INT32', [1.5], 'element 0 is 1.5, expected a whole number'],
    ['a number has lost digits', 'INT64', [2 ** 60], 'expected a number below 2^53'],
    ['a text stands for a number', 'FP32', ['1'], 'element 0 is "1", expected a number'],
    ['a number stands for a truth value', 'BOOL', [1], 'element 0 is 1, expected true or false'],
    ['a number stands for a text', 'BYTES', [1], 'element 0 is 1, expected text'],
    ['half precision comes as numbers', 'FP16', [1], 'FP16 elements can only be sent as raw bytes'],
  ])('are refused when %s', (_, datatype, elements, message) => {
    expect(() => packElements(datatype, elements)).toThrow(message);
  });

  it.each<readonly [string, Datatype, readonly number[], Uint8Array, string]>([
    ['too few bytes', 'FP32', [2, 3], new Uint8Array(20), 'needs 24 bytes of data, the request has 20'],
    ['a text beyond the end', 'BYTES', [1], Uint8Array.of(9, 0, 0, 0, 65), 'element 0 of BYTES ends beyond the data'],
    ['too many texts', 'BYTES', [1], packElements('BYTES', ['a', 'b']), 'needs 1 elements, the data has 2'],
  ])('are refused with %s', (_, datatype, shape, bytes, message) => {
    expect(() => checkLength({ datatype, shape, bytes })).toThrow(message);
  });
});
