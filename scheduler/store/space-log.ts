// Says in the log when room on the disk becomes little, none, or enough again, also while nobody asks for anything.
import type { Clock, Timer } from '../../common/clock.js';
import type { Logger } from '../../common/log.js';
import type { SpaceReport } from './space.js';

/** How often is looked. */
const LOOK_MS = 5_000;

export interface RoomToTell {
  readonly clock: Pick<Clock, 'after'>;
  /** Throws when the file system cannot be asked: the disk is gone, and the daemon must stop. */
  readonly report: () => SpaceReport;
  /** What is filling up, as people call it: `the disk`. */
  readonly place: string;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly onFatal: (error: unknown) => void;
}

/** Begins to look. */
export function tellOfRoom({ clock, report, place, log, onFatal }: RoomToTell): { readonly stop: () => void } {
  let told: SpaceReport['state'] = 'ample';
  let timer: Timer | null = null;
  const look = (): void => {
    try {
      const { state, freeBytes, lowBelowBytes, criticalBelowBytes } = report();
      const facts = { state, freeBytes, lowBelowBytes, criticalBelowBytes };
      if (state !== told && state === 'ample') log.info(facts, `${place} has room again; everything is taken`);
      else if (state !== told && state === 'low')
        log.warn(facts, `${place} is nearly full: only completions and cancels are taken`);
      else if (state !== told) log.error(facts, `${place} is full: nothing is placed any more`);
      told = state;
    } catch (error) {
      onFatal(error);
      return;
    }
    timer = clock.after(LOOK_MS, look);
  };
  look();
  return { stop: () => timer?.cancel() };
}
