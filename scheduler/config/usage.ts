// Settings of `usage`: what GPU time costs.
import { z } from 'zod';
import { setting } from '../../common/config.js';
import type { Prices } from '../model/prices.js';
import { pairsOf, text } from './values.js';

/** The most a GPU hour may cost, in any currency. */
const MAX_PRICE = 1_000_000_000;

/** The settings of this section. */
export const usageSettings = z.strictObject({
  prices: setting(gpuPrices(), {
    description:
      'What an hour of a GPU costs, by words of its model, the first that occurs; "*" for all others: h100=2.50,a100=1.60,*=1.',
    value: 'MODEL=PRICE,…',
    default: null,
    isMap: true,
  }),
  currency: setting(text(), {
    description: 'What prices are in, as reports show it.',
    value: 'WORD',
    default: 'USD',
  }),
});

/** What they come to. */
export function toPrices({ currency, prices }: z.output<typeof usageSettings>): Prices {
  return { currency, ofModels: prices };
}

/** `MODEL=PRICE,MODEL=PRICE`. */
function gpuPrices() {
  return z
    .string()
    .nullable()
    .transform((given, context): Prices['ofModels'] => {
      const ofModels: { word: string; perGpuHour: number }[] = [];
      for (const pair of pairsOf(given)) {
        const [word = '', price = '', ...rest] = pair.split('=').map((part) => part.trim());
        const perGpuHour = Number(price);
        if (word === '' || price === '' || rest.length > 0 || !(perGpuHour >= 0 && perGpuHour <= MAX_PRICE)) {
          const message = `"${pair}" is not MODEL=PRICE, such as h100=2.50, with a price from 0 to ${MAX_PRICE}`;
          context.addIssue({ code: 'custom', message });
          return z.NEVER;
        }
        const before = ofModels.find((one) => one.word === '*' || one.word.toLowerCase() === word.toLowerCase());
        if (before !== undefined) {
          context.addIssue({ code: 'custom', message: `"${pair}" is never used: "${before.word}" comes before it` });
          return z.NEVER;
        }
        ofModels.push({ word, perGpuHour });
      }
      return ofModels;
    });
}
