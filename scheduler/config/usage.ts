// Settings of `usage`: what GPU time costs, and how long it is told apart.
import { z } from 'zod';
import { setting } from '../../common/config.js';
import type { Prices } from '../model/prices.js';
import type { UsageRetention } from '../model/usage-history.js';
import { DAY_MS, duration, pairsOf, text } from './values.js';

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
  idle_after: setting(duration(1_000, 30 * DAY_MS), {
    description: 'A held GPU that did nothing for so long counts as idle, from the beginning of that time.',
    value: 'DURATION',
    default: '15m',
  }),
  days_kept: setting(duration(31 * DAY_MS, 3650 * DAY_MS), {
    description: 'How long usage is told apart by day; after that by month.',
    value: 'DURATION',
    default: '100d',
  }),
  months_kept: setting(duration(62 * DAY_MS, 36_500 * DAY_MS), {
    description: 'How long usage is told apart by month; after that all of it is one sum.',
    value: 'DURATION',
    default: '1830d',
  }),
});

/** How long it is told apart. */
export function toUsageRetention(values: z.output<typeof usageSettings>): UsageRetention {
  return { daysMs: values.days_kept, monthsMs: values.months_kept };
}

/** What they come to. */
export function toPrices({ currency, prices }: Pick<z.output<typeof usageSettings>, 'currency' | 'prices'>): Prices {
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
