// Reads from `nvidia-smi topo -m` which GPUs reach each other over NVLink. Pure. The table changes with driver and
// machine: columns of network cards and affinities come and go behind those of the GPUs, so only the latter are read.

/** Arguments of nvidia-smi for `readNvlinkGroups`. */
export const TOPOLOGY_ARGUMENTS = ['topo', '-m'] as const;

/** nvidia-smi underlines the header even when nobody can see it. */
// oxlint-disable-next-line no-control-regex
const UNDERLINE = /\u001b\[[0-9;]*m/g;
const LINK = /^(X|NV\d+|SYS|NODE|PHB|PXB|PIX|PSB)$/;

/**
 * Groups of GPUs in which each reaches each other over NVLink, by position in the order of nvidia-smi; null for a GPU
 * that shares NVLink with no other. Groups are made from the first GPU on, each taking whoever is linked to all it has:
 * the hybrid mesh of a DGX-1 gives its two halves, an NVSwitch machine one group, bridges pairs.
 *
 * @param count how many GPUs there must be
 * @returns null when the table is not whole, or not about so many GPUs: then nothing is known
 */
export function readNvlinkGroups(table: string, count: number): readonly (number | null)[] | null {
  const links = readLinks(table);
  if (links === null || links.length !== count) return null;
  const groups: (number | null)[] = links.map(() => null);
  let next = 0;
  for (let first = 0; first < links.length; first += 1) {
    if (groups[first] !== null) continue;
    const members = [first];
    for (let other = first + 1; other < links.length; other += 1) {
      if (groups[other] === null && members.every((member) => links[member]?.[other] === true)) members.push(other);
    }
    if (members.length === 1) continue;
    for (const member of members) groups[member] = next;
    next += 1;
  }
  return groups;
}

/** Who is linked to whom by NVLink; null when a row or a cell of the GPUs is missing or the two directions disagree. */
function readLinks(table: string): readonly (readonly boolean[])[] | null {
  const lines = table.replaceAll(UNDERLINE, '').split('\n');
  const header = lines.findIndex((line) => /^\s*GPU0\s/.test(`${line} `) && !/\sX\s/.test(line));
  if (header < 0) return null;
  const count = (lines[header] ?? '').split(/\s+/).filter((word) => /^GPU\d+$/.test(word)).length;
  const rows = Array.from({ length: count }, (_, index) => cellsOf(lines.slice(header + 1), index, count));
  if (rows.some((row) => row === null)) return null;
  const cells = rows.filter((row) => row !== null);
  const consistent = cells.every((row, index) =>
    row.every(
      (cell, other) => (cell === 'X') === (index === other) && isNvlink(cell) === isNvlink(cells[other]?.[index]),
    ),
  );
  return consistent ? cells.map((row) => row.map(isNvlink)) : null;
}

/** The first `count` cells of a GPU's row; null when it is not there, or not whole. */
function cellsOf(lines: readonly string[], index: number, count: number): readonly string[] | null {
  const row = lines.map((line) => line.trim().split(/\s+/)).find(([name]) => name === `GPU${index}`);
  const cells = row?.slice(1, count + 1) ?? [];
  return cells.length === count && cells.every((cell) => LINK.test(cell)) ? cells : null;
}

function isNvlink(cell: string | undefined): boolean {
  return cell?.startsWith('NV') === true;
}
