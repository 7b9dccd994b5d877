// A program of its own: reads the report of nvidia-smi, writes it to stdout as one line of JSON, and waits to be killed
// with all it started. The agent runs it because node-nvidia-smi has no time limit and cannot be stopped from inside.
//
// The package is asked first. It loses the output when anything stands on stderr, when a line precedes the XML, when
// there is more than 1 MiB of it, and on failure it loses the reason, which nvidia-smi prints to stdout. Then nvidia-smi is
// run once more without it, and what it prints is read with the package's own XML parser.
import { execFile } from 'node:child_process';
import smi from 'node-nvidia-smi';
import {
  explainFailure,
  explainMissing,
  explainTooLong,
  quote,
  type SmiOutput,
  unreachableGpus,
  type UnreachableGpu,
} from './smi-failure.js';
import { parseReport, readReport, type SmiReport } from './smi-report.js';

/** What the reader writes. */
export type ReaderAnswer =
  | {
      readonly state: 'report';
      readonly report: SmiReport;
      /** GPUs that nvidia-smi could not open. */
      readonly unreachable: readonly UnreachableGpu[];
      /** What nvidia-smi wrote to stderr beside a good report. */
      readonly warning: string;
    }
  | { readonly state: 'failed'; readonly problem: string };

/** More than a machine with 256 GPUs prints (8 H100 of driver 580 make 212 KiB). */
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;

async function main(): Promise<void> {
  // When the agent is gone its end of our stdin is closed: then nobody else would kill nvidia-smi. 0 is our own group.
  process.stdin.on('close', () => process.kill(0, 'SIGKILL'));
  process.stdin.resume();
  process.stdout.write(`${JSON.stringify(await read())}\n`);
}

async function read(): Promise<ReaderAnswer> {
  const report = await readByPackage();
  return report === null ? readByOurselves() : { state: 'report', report, unreachable: [], warning: '' };
}

/** @returns null when the package gives no report, for whatever reason: the second run finds out which */
function readByPackage(): Promise<SmiReport | null> {
  return new Promise((resolve) => {
    smi((error, tree) => resolve(error ? null : readReport(tree)));
  });
}

async function readByOurselves(): Promise<ReaderAnswer> {
  const output = await runSmi();
  if ('problem' in output) return { state: 'failed', problem: output.problem };
  const start = output.stdout.indexOf('<?xml');
  const report = start < 0 ? null : await parseReport(output.stdout.slice(start));
  if (report === null) return { state: 'failed', problem: explainFailure(output) };
  const unreachable = unreachableGpus(output.stdout.slice(0, start));
  return { state: 'report', report, unreachable, warning: quote(output.stderr) };
}

function runSmi(): Promise<SmiOutput | { readonly problem: string }> {
  return new Promise((resolve) => {
    execFile('nvidia-smi', ['-q', '-x'], { maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
      // A word as code comes from Node, not from nvidia-smi: it could not be started, or wrote too much.
      const code: unknown = error?.code;
      if (code === 'ENOENT') resolve({ problem: explainMissing(process.env['PATH'] ?? '') });
      else if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') resolve({ problem: explainTooLong(MAX_OUTPUT_BYTES) });
      else if (typeof code === 'string') resolve({ problem: `nvidia-smi could not be started: ${error?.message}.` });
      else resolve({ exitCode: error === null ? 0 : typeof code === 'number' ? code : null, stdout, stderr });
    });
  });
}

await main();
