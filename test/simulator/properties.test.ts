// The laws of the engine on a few histories each; `npm run sim -- properties` checks as many as one likes.
import { describe, expect, it } from 'vitest';
import { breach, historyOfSeed, speaksOf } from '../../simulator/properties/check.js';
import { describe as inWords } from '../../simulator/properties/describe.js';
import { LAWS } from '../../simulator/properties/laws.js';

/** One seed, so that a run here says the same as a run there. */
const SEED = 700_000;
/** Of each law; those that play a history several times speak of fewer. */
const HISTORIES = 40;

describe('laws of the engine', () => {
  it.each(LAWS)('$name: $says', (law) => {
    const histories = Array.from({ length: HISTORIES }, (_, at) => historyOfSeed(SEED + at));
    const speaking = histories.filter((history) => speaksOf(law, history));
    expect(speaking.length).toBeGreaterThan(0);
    for (const history of speaking) {
      const error = breach(law, history);
      // One that fails by itself would be told by the law that nothing fails.
      expect(error === null ? null : [`seed ${history.seed}: ${error.message}`, ...inWords(history)]).toBeNull();
    }
  });
});

describe('a history in which it once did not hold', () => {
  // Where the histories of these seeds become other ones, they are as good as any.
  it.each([
    ['any-order', 1_000_000],
    ['nothing-idle', 1_000_053],
    ['what-if', 1_000_069],
    ['what-if', 1_000_277],
    ['nothing-missed', 1_000_353],
    ['nothing-missed', 1_000_563],
    ['fair-victims', 2_000_039],
    ['cut-anywhere', 2_000_094],
    ['what-if', 2_000_400],
    ['surplus-first', 2_000_597],
    ['evicted-once', 2_000_666],
    ['what-if', 4_000_205],
    ['agrees-with-reference', 4_000_550],
    ['nothing-missed', 5_000_009],
    ['agrees-with-reference', 6_000_534],
    ['what-if', 7_000_569],
    ['agrees-with-reference', 8_000_124],
    ['reaches-part', 11_000_011],
    ['nothing-missed', 11_000_205],
    ['explained', 11_000_237],
    ['reaches-guarantee', 12_000_051],
    ['nothing-missed', 14_000_240],
  ])('%s: %i', (name, seed) => {
    const law = LAWS.find((each) => each.name === name);
    expect(law && breach(law, historyOfSeed(seed))).toBeNull();
  });
});
