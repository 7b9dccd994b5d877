// Which GPUs reach each other over NVLink: the recorded tables of real machines, whole and cut, and written oddities.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNvlinkGroups } from '../../node-agent/gpu/smi-topology.js';
import { needs, SHARED_FOLDER } from '../real-part.js';

/** A table from its cells, as `0-1,2-3` links. */
function table(count: number, links: readonly (readonly [number, number])[]): string {
  const linked = (a: number, b: number) => links.some(([x, y]) => (x === a && y === b) || (x === b && y === a));
  const names = Array.from({ length: count }, (_, index) => `GPU${index}`);
  const rows = names.map((name, a) => {
    const cells = names.map((_, b) => (a === b ? ' X ' : linked(a, b) ? 'NV4' : 'SYS'));
    return `${name}\t${cells.join('\t')}\t0-19\t0\t\tN/A`;
  });
  return `\t\u001b[4m${names.join('\t')}\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\u001b[0m\n${rows.join('\n')}\n`;
}

describe('written tables', () => {
  it('bridges make pairs, who is alone is in no group', () => {
    const links = [
      [0, 3],
      [1, 4],
    ] as const;
    expect(readNvlinkGroups(table(5, links), 5)).toEqual([0, 1, null, 0, 1]);
  });

  it('a chain is no group: each has to reach each', () => {
    const links = [
      [0, 1],
      [1, 2],
    ] as const;
    expect(readNvlinkGroups(table(3, links), 3)).toEqual([0, 0, null]);
  });

  it('sixteen GPUs, whose names grow longer', () => {
    const all = Array.from({ length: 16 }, (_, a) =>
      Array.from({ length: 16 }, (_unused, b) => [a, b] as const),
    ).flat();
    expect(readNvlinkGroups(table(16, all), 16)).toEqual(Array.from({ length: 16 }, () => 0));
  });

  const whole = table(3, [[0, 1]]);
  it.each([
    ['nothing', '', 3],
    ['another number of GPUs', whole, 4],
    ['a failure', 'Failed to initialize NVML: Driver/library version mismatch\n', 3],
    ['a missing row', whole.replace(/^GPU1.*\n/m, ''), 3],
    ['a row cut off', whole.replace(/(GPU2\tSYS).*/, '$1'), 3],
    ['a word nobody knows', whole.replace('NV4', 'WARP'), 3],
    ['directions that disagree', whole.replace('NV4', 'SYS'), 3],
    ['a row without itself', whole.replace(' X ', 'SYS'), 3],
  ])('nothing is known from %s', (_, text, count) => {
    expect(readNvlinkGroups(text, count)).toBeNull();
  });
});

const ONE_OF_8 = [0, 0, 0, 0, 0, 0, 0, 0];
const NONE_OF_8 = ONE_OF_8.map(() => null);

/** Recorded table → GPUs, and their groups; null = cut, so nothing is known. */
const RECORDED: Readonly<Record<string, readonly [number, readonly (number | null)[] | null]>> = {
  'a100-8x-nv12-respaced': [8, ONE_OF_8],
  'dgx-a100-first4rows-nvswitch-pxb-sys-cut': [8, null],
  'dgx1-v100-8x-nv1-nv2-pix-sys': [8, [0, 0, 0, 0, 1, 1, 1, 1]],
  'dual-3090-sys-numa-na-one-row': [2, [null, null]],
  'dual-nv2-nvlink': [2, [0, 0]],
  'dual-phb': [2, [null, null]],
  'h100-8x-nv18': [8, ONE_OF_8],
  'h100-8x-nvswitch-pix-node-sys-nics-cut': [8, ONE_OF_8],
  'l40s-4x-node-sys-nics': [4, [null, null, null, null]],
  'pcie-8x-pix-pxb-phb-sys': [8, NONE_OF_8],
};

describe.runIf(needs('shared'))('recorded tables', () => {
  const folder = path.join(SHARED_FOLDER, 'gpu-samples');
  const files = needs('shared') ? readdirSync(path.join(folder, 'topo')).map((file) => file.replace('.txt', '')) : [];

  it('has an expectation for each', () => {
    expect(files.toSorted()).toEqual(Object.keys(RECORDED).toSorted());
  });

  it.each(files)('%s', (file) => {
    const [count, groups] = RECORDED[file] ?? [0, null];
    expect(readNvlinkGroups(readFileSync(path.join(folder, 'topo', `${file}.txt`), 'utf8'), count)).toEqual(groups);
  });

  it.each(['h100-80gb-hbm3-590.48.01', 'h100-mig-590.48.01', 'l40s-595.80', 'rtx4080super-595.71.05'])(
    'the only GPU of %s, whose header is underlined',
    (machine) => {
      const text = readFileSync(path.join(folder, 'captures', machine, 'topo-m.txt'), 'utf8');
      expect(text).toContain('\u001b[4m');
      expect(readNvlinkGroups(text, 1)).toEqual([null]);
    },
  );
});
