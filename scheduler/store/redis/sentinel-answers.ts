// What the Sentinels answered when they were asked who the primary is, in words for people. ioredis tells of each of them by itself, and of
// all together only that they "are unreachable", also when every one of them answered, and knows no primary of that name.
import type { RedisOptions } from 'ioredis';

/** How ioredis tells of a Sentinel that knows no such primary: by its second question, or, where that one is not asked, by the first. */
const KNOWS_NONE = /No such master with that name|got an invalid reply: null$/;
/** How it tells that it has asked all of them, and why the last one did not answer. */
const ALL_ASKED = /^All sentinels are unreachable.*?(?:Last error: (.*))?$/s;

/** One round of questions after the other. */
export class SentinelAnswers {
  readonly #options: Pick<RedisOptions, 'sentinels' | 'name'>;
  #knowNone = 0;
  #silent = 0;
  #isUnknown = false;

  constructor(options: Pick<RedisOptions, 'sentinels' | 'name'>) {
    this.#options = options;
  }

  /** Whether in the last round every Sentinel answered, and none knows a primary of that name: waiting does not help. */
  get isUnknown(): boolean {
    return this.#isUnknown;
  }

  /** One Sentinel could not say who the primary is. */
  failed({ message }: Error): void {
    if (KNOWS_NONE.test(message)) this.#knowNone += 1;
    else this.#silent += 1;
  }

  /** @returns what to tell people of an error of the connection; ends the round when it is about all Sentinels */
  inWords(error: Error): Error {
    const all = ALL_ASKED.exec(error.message);
    if (all === null) return error;
    const [knowNone, silent] = [this.#knowNone, this.#silent];
    this.#knowNone = 0;
    this.#silent = 0;
    this.#isUnknown = knowNone > 0 && silent === 0;
    const { name = '', sentinels = [] } = this.#options;
    const where = sentinels.map(({ host = '', port = 0 }) => `${host}:${port}`).join(', ');
    if (this.#isUnknown) {
      return new Error(
        `the Sentinels at ${where} answer, and none of them knows a primary named "${name}"\n` +
          'Give the name that their "sentinel monitor NAME …" lines have: redis+sentinel://HOST:PORT,…/NAME.',
      );
    }
    const some = knowNone === 0 ? '' : `; ${knowNone} of them answered, and know no primary named "${name}"`;
    return new Error(`no Sentinel at ${where} says who the primary is: ${all[1] ?? 'none answers'}${some}`);
  }
}
