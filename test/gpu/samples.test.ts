// Every recorded output of nvidia-smi and of the driver there is: the ones that the agent asks for are read as what they are,
// and every reader is given every file, since a driver may answer one question with the words of another.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readComputeApps, readTelemetry } from '../../node-agent/gpu/smi-csv.js';
import { explainFailure, unreachableGpus } from '../../node-agent/gpu/smi-failure.js';
import { readMigDevices } from '../../node-agent/gpu/smi-mig.js';
import { parseReport } from '../../node-agent/gpu/smi-report.js';
import { readNvlinkGroups } from '../../node-agent/gpu/smi-topology.js';
import { DriverErrorReader } from '../../node-agent/health/kernel-record.js';
import { needs, SHARED_FOLDER } from '../real-part.js';

const FOLDER = path.join(SHARED_FOLDER, 'gpu-samples');

/** What a reader makes of a text, as a count of what it found; 0 = nothing. */
const READERS: Readonly<Record<string, (text: string) => number | Promise<number>>> = {
  'report -q -x': async (text) => (await parseReport(text))?.gpus.length ?? 0,
  'list -L': (text) => readMigDevices(text).size,
  'topo -m': (text) => [8, 4, 2].find((count) => readNvlinkGroups(text, count) !== null) ?? 0,
  'csv of GPUs': (text) => readTelemetry(text).length,
  'csv of processes': (text) => readComputeApps(text).length,
  'GPUs that cannot be opened': (text) => unreachableGpus(text).length,
  'kernel log': (text) => new DriverErrorReader().read(text).length,
};

/** Files that a reader is meant for, and what others may find there. All others hold nothing for anybody. */
const MEANT: readonly (readonly [file: RegExp, reader: string])[] = [
  [/^xml\/.*\.xml$/, 'report -q -x'],
  [/^captures\/[^/]+\/L\.txt$/, 'list -L'],
  [/^captures\/[^/]+\/topo-m\.txt$/, 'topo -m'],
  [/^topo\//, 'topo -m'],
  [/^failures\/failures\.json$/, 'GPUs that cannot be opened'],
  [/^kernel-log\/(xid-lines\.txt|dmesg.*\.log)$/, 'kernel log'],
];
/** Cut off, or of one GPU, or of GPUs without a second one to be linked to: nothing can be said of their topology. */
const NO_TOPOLOGY = /first4rows|captures/;
/** `nvlink -s` names each GPU in the same words. */
const ALSO_LISTS = /nvlink/;
/** `--query-compute-apps` of a machine with processes has other columns than ours; uuid and pid stand where ours do. */
const ALSO_PROCESSES = /query-(compute|accounted)-apps\.csv$/;

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const below = path.join(folder, name);
    return statSync(below).isDirectory() ? filesBelow(below) : [path.relative(FOLDER, below)];
  });
}

describe.runIf(needs('shared'))('recorded samples', () => {
  const files = needs('shared') ? filesBelow(FOLDER).filter((file) => !/README|LICENSES/.test(file)) : [];

  it('are all there', () => expect(files.length).toBeGreaterThan(110));

  it.each(files)('%s', async (file) => {
    const text = readFileSync(path.join(FOLDER, file), 'utf8');
    const meant = MEANT.find(([pattern]) => pattern.test(file))?.[1];
    for (const [reader, count] of Object.entries(READERS)) {
      const found = await count(text);
      if (reader === meant) {
        if (!(reader === 'topo -m' && NO_TOPOLOGY.test(file)))
          expect({ [reader]: found > 0 }).toEqual({ [reader]: true });
      } else if (
        !(reader === 'csv of processes' && ALSO_PROCESSES.test(file)) &&
        !(reader === 'list -L' && ALSO_LISTS.test(file))
      ) {
        expect({ [reader]: found }).toEqual({ [reader]: 0 });
      }
    }
    // Whatever it is, it can be told to a person in a line.
    const words = explainFailure({ exitCode: 255, stdout: text, stderr: '' });
    expect(words.length).toBeLessThan(500);
    expect(words).not.toMatch(/\n/);
  });
});
