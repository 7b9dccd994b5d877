// Values for a spreadsheet.

/** Quoted where it has to be (RFC 4180). A spreadsheet would carry out what begins like a formula, so that gets a quote before it. */
export function csvField(text: string): string {
  const safe = /^[=+@\t\r]|^-(?!\d)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
