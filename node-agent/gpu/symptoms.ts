// What looks at one GPU over time say of its health. Pure. Heat and corrected errors come and go: they count for as long as
// they are within the last looks, so that a state does not flap with every reading.
import type { GpuSymptom } from './provider.js';
import type { Signs } from './smi-report.js';

/** Looks that are remembered: ten minutes, at one a minute. */
export const REMEMBERED_LOOKS = 10;
/** Slowed down by heat at so many of them it is no passing thing (gpud: 0.6 events a minute over 10 minutes). */
export const PERSISTENT_LOOKS = 6;
/** So many corrected memory errors between two looks are a burst. */
export const BURST_ERRORS = 100;

/** What is remembered of the looks at one GPU. */
export interface LooksBack {
  /** Newest last: whether heat held it down, and whether corrected errors came in a burst. */
  readonly looks: readonly { readonly isHot: boolean; readonly isBurst: boolean }[];
  readonly corrected: number | null;
}

export const NO_LOOKS: LooksBack = { looks: [], corrected: null };

/** Remembers one more look. */
export function lookAgain(before: LooksBack, { isHot, corrected }: Signs): LooksBack {
  const more = corrected === null || before.corrected === null ? 0 : corrected - before.corrected;
  const looks = [...before.looks, { isHot, isBurst: more >= BURST_ERRORS }].slice(-REMEMBERED_LOOKS);
  return { looks, corrected: corrected ?? before.corrected };
}

/** What is wrong with it. */
export function symptomsOf(signs: Signs, { looks }: LooksBack): readonly GpuSymptom[] {
  const hot = looks.filter(({ isHot }) => isHot).length;
  const found: (GpuSymptom | null)[] = [
    signs.recoveryAction === '' ? null : { kind: 'recovery_action', detail: signs.recoveryAction },
    signs.remapFailure
      ? {
          kind: 'row_remap_failure',
          detail: 'rows of its memory failed and could not be remapped: it has to be replaced',
        }
      : null,
    signs.remapPending
      ? { kind: 'row_remap_pending', detail: 'rows of its memory wait to be remapped at the next reset' }
      : null,
    signs.retirementPending
      ? { kind: 'page_retirement_pending', detail: 'pages of its memory wait to be retired at the next reset' }
      : null,
    hot >= PERSISTENT_LOOKS
      ? { kind: 'thermal_persistent', detail: 'heat holds its clocks down most of the time: look at its cooling' }
      : null,
    hot > 0 && hot < PERSISTENT_LOOKS
      ? { kind: 'thermal', detail: 'heat held its clocks down within the last ten minutes' }
      : null,
    looks.some(({ isBurst }) => isBurst)
      ? { kind: 'ecc_corrected_burst', detail: `${BURST_ERRORS} or more memory errors were corrected within a minute` }
      : null,
  ];
  return found.filter((one) => one !== null);
}
