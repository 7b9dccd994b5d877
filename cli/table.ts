// Prints tables as kubectl does: left aligned, three spaces between columns, no lines. Assumes nothing of what is in them,
// not even that it is free of control characters.

/** How a cell may look on a terminal that shows colours. */
export type Tone = 'good' | 'busy' | 'bad' | 'dim' | 'strong';

/** One cell: text, or text with a tone. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

const GAP = '   ';

const SGR: Readonly<Record<Tone, string>> = { good: '32', busy: '33', bad: '31', dim: '2', strong: '1' };

/** Colours a text, or leaves it as it is. */
export function paint(text: string, tone: Tone, colours: boolean): string {
  return colours && text !== '' ? `\u001B[${SGR[tone]}m${text}\u001B[0m` : text;
}

/** Replaces what could move the cursor or break a line: text from elsewhere must not steer the reader's terminal. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]+/g, ' ');
}

/** A table whose rows may come one by one: columns keep the width they once had. */
export class Table {
  readonly #titles: readonly string[];
  readonly #widths: number[];
  readonly #colours: boolean;

  constructor(titles: readonly string[], colours: boolean) {
    this.#titles = titles;
    this.#widths = titles.map(widthOf);
    this.#colours = colours;
  }

  /** The title line, and then the rows; columns are widened for them first. */
  withTitles(rows: readonly (readonly Cell[])[]): string {
    this.#widen(rows);
    return this.#line(this.#titles) + this.rows(rows);
  }

  /** More rows, each line ended by a newline. */
  rows(rows: readonly (readonly Cell[])[]): string {
    this.#widen(rows);
    return rows.map((row) => this.#line(row)).join('');
  }

  #widen(rows: readonly (readonly Cell[])[]): void {
    for (const row of rows) {
      for (const [column, cell] of row.entries()) {
        this.#widths[column] = Math.max(this.#widths[column] ?? 0, widthOf(textOf(cell)));
      }
    }
  }

  #line(cells: readonly Cell[]): string {
    const padded = cells.map((cell, column) => {
      const text = textOf(cell);
      const last = column === cells.length - 1;
      const padding = last ? '' : ' '.repeat(Math.max(0, (this.#widths[column] ?? 0) - widthOf(text)));
      return (typeof cell === 'string' ? text : paint(text, cell.tone, this.#colours)) + padding;
    });
    return `${padded.join(GAP).trimEnd()}\n`;
  }
}

/** A list of `Title:  text` lines with the texts aligned, as `describe` shows them. */
export function formatFields(fields: readonly (readonly [title: string, text: string])[], indent = ''): string {
  const width = Math.max(0, ...fields.map(([title]) => title.length + 1));
  return fields
    .map(([title, text]) => `${indent}${`${title}:`.padEnd(width)}  ${printable(text)}`.trimEnd() + '\n')
    .join('');
}

/** Two columns without titles, the first padded, as `why` shows its facts. */
export function formatColumns(rows: readonly (readonly [title: string, text: string])[], indent: string): string {
  const width = Math.max(0, ...rows.map(([title]) => title.length));
  return rows
    .map(([title, text]) => `${indent}${title.padEnd(width)}${GAP}${printable(text)}`.trimEnd() + '\n')
    .join('');
}

function textOf(cell: Cell): string {
  return printable(typeof cell === 'string' ? cell : cell.text);
}

function widthOf(text: string): number {
  return Array.from(text).length;
}
