// What may be done with a GPU: the worst of what its agent reports, what proves it not free, and the marks that the scheduler
// keeps against it. Pure functions on one GPU's record; who puts marks, and why, is none of their business.
import type { Gpu, GpuFault, GpuHealth, GpuMark } from './records.js';

/** Marks that one GPU keeps; what comes after is in the book of incidents only. */
export const MAX_MARKS = 16;
/** Faults that one GPU remembers; the oldest go. */
export const MAX_FAULTS = 32;
/** Characters of foreign text that a record keeps. */
export const MAX_DETAIL_CHARACTERS = 300;

const SEVERITY: Readonly<Record<GpuHealth, number>> = { healthy: 0, suspect: 1, draining: 2, quarantined: 3, lost: 4 };

/** Whether one state is worse than another one. */
export function isWorse(health: GpuHealth, than: GpuHealth): boolean {
  return SEVERITY[health] > SEVERITY[than];
}

/** The GPU with `health` and its message as they follow from all that is known of it. */
export function withHealth(gpu: Gpu): Gpu {
  const { reported, ...rest } = gpu;
  const own = reported ?? ownWord(gpu);
  const words = [own, ...held(gpu)];
  const health = words.reduce<GpuHealth>(
    (worst, word) => (isWorse(word.health, worst) ? word.health : worst),
    'healthy',
  );
  const messages = words.filter((word) => word.health === health && word.healthMessage !== '');
  const healthMessage = [...new Set(messages.map((word) => word.healthMessage))].join('; ');
  const isOwn = own.health === health && own.healthMessage === healthMessage;
  return isOwn ? { ...rest, health, healthMessage } : { ...rest, health, healthMessage, reported: own };
}

/** The GPU as its agent now reports it. What is held against it stays. */
export function withReport(gpu: Gpu, report: Pick<Gpu, 'health' | 'healthMessage'>): Gpu {
  const { health, healthMessage } = report;
  return withHealth({ ...gpu, health, healthMessage, reported: { health, healthMessage } });
}

/** The GPU with one more mark. One with the same code and state is not put twice: the first, with its time, stays. */
export function withMark(gpu: Gpu, mark: GpuMark): Gpu {
  const marks = gpu.marks ?? [];
  const same = marks.find(({ code, health }) => code === mark.code && health === mark.health);
  if (same !== undefined) {
    // What ends by time begins anew.
    if (same.endsWith !== 'time' || same.untilMs === mark.untilMs) return gpu;
    return withMarks(
      gpu,
      marks.map((one) => (one === same ? { ...same, untilMs: mark.untilMs, message: mark.message } : one)),
    );
  }
  return marks.length >= MAX_MARKS ? gpu : withMarks(gpu, [...marks, mark]);
}

/** The GPU without the marks that a condition names. */
export function withoutMarks(gpu: Gpu, isOver: (mark: GpuMark) => boolean): Gpu {
  const marks = gpu.marks ?? [];
  return marks.some(isOver)
    ? withMarks(
        gpu,
        marks.filter((mark) => !isOver(mark)),
      )
    : gpu;
}

/** The GPU without anything that the scheduler holds against it: a person looked after it. */
export function cleared(gpu: Gpu): Gpu {
  const { marks: _marks, faults: _faults, ...rest } = gpu;
  return unquarantined(rest);
}

/** The GPU after its machine booted anew: nothing of an earlier task is left on it, and its driver began afresh. */
export function rebooted(gpu: Gpu): Gpu {
  return unquarantined(withoutMarks(gpu, ({ endsWith }) => endsWith === 'reboot' || endsWith === 'time'));
}

/** The GPU without a doubt about who uses it. */
export function unquarantined(gpu: Gpu): Gpu {
  const { quarantine, quarantinedFor: _for, ...rest } = gpu;
  if (quarantine === undefined) return 'quarantinedFor' in gpu ? withHealth(rest) : withHealth(gpu);
  return withHealth({ ...rest, reported: gpu.reported ?? ownWord(gpu) });
}

/** The GPU with one more fault. */
export function withFault(gpu: Gpu, fault: GpuFault): Gpu {
  return { ...gpu, faults: [...(gpu.faults ?? []), fault].slice(-MAX_FAULTS) };
}

/** When the next mark of it ends by itself; null = none does. */
export function nextMarkEndMs({ marks = [] }: Gpu): number | null {
  const ends = marks.flatMap(({ untilMs }) => untilMs ?? []);
  return ends.length === 0 ? null : Math.min(...ends);
}

/** The state as people are told it: a GPU that drains and holds nothing has drained. */
export function shownHealth(gpu: Gpu, isHeld: boolean): GpuHealth {
  return gpu.health === 'draining' && !isHeld ? 'quarantined' : gpu.health;
}

function withMarks(gpu: Gpu, marks: readonly GpuMark[]): Gpu {
  const { marks: _, ...rest } = gpu;
  // What the agent alone says must be known before the marks go, else their word would pass for its own.
  const reported = gpu.reported ?? ownWord(gpu);
  return withHealth(marks.length === 0 ? { ...rest, reported } : { ...rest, reported, marks });
}

/** What the agent says when nothing else was noted. Earlier versions overwrote it with their own word. */
function ownWord({ health, healthMessage, quarantine }: Gpu): { health: GpuHealth; healthMessage: string } {
  return quarantine !== undefined && health === 'quarantined'
    ? { health: 'healthy', healthMessage: '' }
    : { health, healthMessage };
}

/** What the scheduler holds against it. */
function held({ quarantine, marks = [] }: Gpu): { health: GpuHealth; healthMessage: string }[] {
  const own = marks.map(({ health, message }) => ({ health, healthMessage: message }));
  return quarantine === undefined ? own : [...own, { health: 'quarantined', healthMessage: quarantine }];
}
