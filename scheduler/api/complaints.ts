// Collects what is wrong with the fields of one message, so that a user learns of every mistake at once.
import type { FieldViolation } from '../../common/errors.js';
import { formatDuration } from '../../common/units.js';
import { invalid } from '../control/refusals.js';
import { LIMITS } from './limits.js';

const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/** What arithmetic with binary fractions may be off, in thousandths: 0.1 + 0.2 is a number of thousandths. */
const ROUNDING = 1e-3;

/** How much of a wrong value a message repeats. */
const SHOWN_LENGTH = 80;

export class Complaints {
  readonly #found: FieldViolation[] = [];

  add(field: string, description: string): void {
    this.#found.push({ field, description });
  }

  name(field: string, value: string, mayBeEmpty: boolean): void {
    if (value === '' && mayBeEmpty) return;
    if (value.length > LIMITS.nameLength || !NAME.test(value)) {
      this.add(field, `"${shown(value)}" must be 1 to ${LIMITS.nameLength} of a-z, 0-9 and "-", not at an end`);
    }
  }

  range(field: string, value: number, least: number, most: number): void {
    if (!Number.isFinite(value) || value < least || value > most) {
      this.add(field, `${value} is out of range; allowed are ${least} to ${most}`);
    }
  }

  /** A number of GPUs, which may be a fraction in thousandths. @returns the nearest number of thousandths, in GPUs */
  gpus(field: string, value: number): number {
    this.range(field, value, 0, LIMITS.gpus);
    const milli = Math.round(value * 1000);
    if (Number.isFinite(value) && Math.abs(value * 1000 - milli) > ROUNDING) {
      this.add(field, `${value} GPUs cannot be counted; they are counted in thousandths, such as 0.125`);
    }
    return milli / 1000;
  }

  span(field: string, ms: number, leastMs: number, mostMs: number, whose = 'allowed are'): void {
    if (!Number.isFinite(ms) || ms < leastMs || ms > mostMs) {
      const allowed = `${whose} ${leastMs === 0 ? 0 : formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
      this.add(field, `${formatDuration(ms)} is out of range; ${allowed}`);
    }
  }

  /** How many items a list has. */
  count(field: string, items: number, most: number): void {
    if (items > most) this.add(field, `${items} are too many; at most ${most}`);
  }

  text(field: string, value: string): void {
    if (value.includes('\0')) this.add(field, 'must not contain a NUL character');
  }

  /** A text that is compared with what nodes say of themselves. */
  word(field: string, value: string, mayBeEmpty: boolean): void {
    this.text(field, value);
    if (value.trim() === '' && !(mayBeEmpty && value === '')) this.add(field, 'is empty; leave it out for any');
    if (value.length > LIMITS.wordLength) {
      this.add(field, `"${shown(value)}..." has ${value.length} characters; at most ${LIMITS.wordLength}`);
    }
  }

  /** @throws ApiError INVALID_ARGUMENT with every complaint so far */
  throwIfAny(): void {
    if (this.#found.length > 0) throw invalid(this.#found);
  }
}

/** The beginning of a wrong value, for a message. */
export function shown(value: string): string {
  return value.slice(0, SHOWN_LENGTH);
}
