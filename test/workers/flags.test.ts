import { describe, expect, it } from 'vitest';
import { BadInput } from '../../node-agent/workers/bad-input.js';
import {
  decimal,
  describeFlags,
  integer,
  integerList,
  oneOf,
  parseFlags,
  requiredText,
} from '../../node-agent/workers/flags.js';

const FLAGS = {
  dataset: requiredText('DIR', 'where the data is'),
  learningRate: decimal({ min: 0, max: 1 }, 0.1, 'step size'),
  epochs: integer({ min: 1, max: 10 }, 5, 'rounds'),
  hidden: integerList({ min: 1, max: 100 }, 2, [64], 'layers'),
  device: oneOf(['auto', 'cpu'], 'auto', 'what to use'),
};

describe('flags', () => {
  it('reads --name=value and --name value, and falls back where nothing is given', () => {
    expect(parseFlags('train', FLAGS, ['--dataset=/x', '--learning-rate', '0.5', '--hidden=8,4'])).toEqual({
      dataset: '/x',
      learningRate: 0.5,
      epochs: 5,
      hidden: [8, 4],
      device: 'auto',
    });
  });

  it('takes an empty list for no hidden layer', () => {
    expect(parseFlags('train', FLAGS, ['--dataset=/x', '--hidden=']).hidden).toEqual([]);
  });

  it.each([
    ['a required flag is missing', [], 'train needs --dataset=DIR'],
    ['a flag is unknown', ['--dataset=/x', '--epoch=3'], 'unknown flag --epoch'],
    ['a flag is given twice', ['--dataset=/x', '--dataset=/y'], '--dataset is given twice'],
    ['a flag has no value', ['--dataset'], '--dataset needs a value'],
    ['a required value is empty', ['--dataset='], '--dataset=: expected a value'],
    ['a word stands alone', ['--dataset=/x', 'extra'], 'unexpected argument "extra"'],
    ['a number is none', ['--dataset=/x', '--epochs=many'], '--epochs=many: expected a whole number from 1 to 10'],
    ['a number is no whole one', ['--dataset=/x', '--epochs=1.5'], '--epochs=1.5: expected a whole number'],
    ['a number is out of bounds', ['--dataset=/x', '--epochs=11'], '--epochs=11: expected a whole number from 1 to 10'],
    [
      'a decimal is out of bounds',
      ['--dataset=/x', '--learning-rate=2'],
      '--learning-rate=2: expected a number from 0 to 1',
    ],
    ['a list is too long', ['--dataset=/x', '--hidden=1,2,3'], '--hidden=1,2,3: expected at most 2 numbers'],
    ['a word is not one of the few', ['--dataset=/x', '--device=tpu'], '--device=tpu: expected auto or cpu'],
  ])('refuses when %s', (_, argv, message) => {
    const parse = () => parseFlags('train', FLAGS, argv);
    expect(parse).toThrow(BadInput);
    expect(parse).toThrow(message);
  });

  it('describes every flag with its default', () => {
    expect(describeFlags(FLAGS)).toContain('--learning-rate=X');
    expect(describeFlags(FLAGS)).toContain('layers (default 64)');
    expect(describeFlags(FLAGS)).toContain('where the data is (required)');
  });
});
