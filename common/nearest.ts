// The "Did you mean?" of every message: the known names closest to a mistyped one. Words are short, lists are small.

/** The name closest to a mistyped one, or null when none is close (more edits than a third of its length). */
export function nearest(word: string, known: Iterable<string>): string | null {
  return nearestNames(word, known, 1)[0] ?? null;
}

/** From so many letters on a word may be the beginning of a name. */
const LEAST_BEGINNING = 3;

/** The names closest to a mistyped one, all equally close, at most `limit`, or those that it begins; often none. */
export function nearestNames(word: string, known: Iterable<string>, limit = 3): readonly string[] {
  const bound = Math.max(1, Math.ceil(word.length / 3));
  const close = [...new Set(known)]
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= bound && distance < candidate.length)
    .sort((a, b) => a.distance - b.distance || a.candidate.localeCompare(b.candidate));
  if (close.length === 0) return begunBy(word, known).slice(0, limit);
  return close
    .filter(({ distance }) => distance === close[0]?.distance)
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

function begunBy(word: string, known: Iterable<string>): readonly string[] {
  if (word.length < LEAST_BEGINNING) return [];
  return [...new Set(known)].filter((candidate) => candidate.toLowerCase().startsWith(word.toLowerCase())).sort();
}

/**
 * Edits that turn `a` into `b`: insert, delete, replace, or swap two neighbours.
 * Source: optimal string alignment distance, the restricted form of Damerau's.
 */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const best = Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(swapped ? Math.min(best, (beforePrevious[j - 2] ?? 0) + 1) : best);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
