// What `sluice agent check` found, and how it is printed. Pure.

/** `missing`: an agent with these flags cannot do its work. `warning`: it can, but not all that it could. */
export type Verdict = 'ok' | 'warning' | 'missing';

export interface Finding {
  readonly subject: string;
  readonly verdict: Verdict;
  /** What is there, or what is not and what to do, in words. */
  readonly text: string;
}

/** 0 = an agent can work here, with warnings or without; 1 = something is missing. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 {
  return findings.some(({ verdict }) => verdict === 'missing') ? 1 : 0;
}

/** A table as the other commands print it, and one line that sums it up. */
export function formatFindings(findings: readonly Finding[]): string {
  const rows = [
    ['CHECK', 'RESULT', 'FOUND'],
    ...findings.map(({ subject, verdict, text }) => [subject, verdict, text]),
  ];
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const [first, second] = [width(0), width(1)];
  const lines = rows.map(([subject = '', verdict = '', text = '']) => {
    // What the driver or a scheduler said must not steer the terminal.
    // oxlint-disable-next-line no-control-regex
    const printable = text.replace(/[\u0000-\u001F\u007F]+/g, ' ');
    return `${subject.padEnd(first)}   ${verdict.padEnd(second)}   ${printable}\n`;
  });
  return `${lines.join('')}\n${summary(findings)}\n`;
}

function summary(findings: readonly Finding[]): string {
  const count = (wanted: Verdict) => findings.filter(({ verdict }) => verdict === wanted).length;
  const [missing, warnings] = [count('missing'), count('warning')];
  if (missing > 0) return `Not ready: ${missing} missing, ${warnings} to look at.`;
  return warnings > 0 ? `Ready, with ${warnings} to look at.` : 'Ready.';
}
