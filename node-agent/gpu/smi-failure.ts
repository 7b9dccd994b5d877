// How nvidia-smi fails, in words for the person who has to repair it. It writes its reasons to stdout, not stderr.

/** What came of one run of nvidia-smi that ended by itself. */
export interface SmiOutput {
  /** Null = killed by a signal. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** nvidia-smi warns of a damaged infoROM with this exit code although the rest of its output is good. */
export const EXIT_INFOROM_CORRUPTED = 14;

/** The longest piece of foreign text we repeat, in characters. */
const MAX_QUOTE_CHARACTERS = 300;

/** What to do, by exit code. Source: the list of return values in the manual of nvidia-smi, 18 from reports in the field. */
const ADVICE: Readonly<Record<number, string>> = {
  4: 'Let the agent run as a user that may open /dev/nvidia*.',
  6: 'Start the agent with --no-gpus if this machine has none.',
  8: 'Attach the power cables of the GPU.',
  9: 'Load the kernel module (modprobe nvidia) or install the driver.',
  12: 'Install the driver completely: libnvidia-ml.so belongs to it.',
  15: 'Reset the GPU or reboot the machine.',
  18: 'Reboot, or unload and load the kernel modules: the driver was updated under a running one.',
};

/** nvidia-smi is not there at all. */
export function explainMissing(searchPath: string): string {
  return (
    `nvidia-smi was not found on PATH (${quote(searchPath)}). ` +
    'Install the NVIDIA driver, or start the agent with --no-gpus or --simulate.'
  );
}

/** nvidia-smi did not answer in time and was killed. */
export function explainTimeout(limitMs: number): string {
  return (
    `nvidia-smi did not answer within ${limitMs / 1000} s and was killed. ` +
    'Usually the driver is stuck on a broken GPU: look for Xid lines in the kernel log.'
  );
}

/** nvidia-smi was killed but does not go away, so no other is started. */
export function explainStuck(pid: number, sinceMs: number): string {
  return (
    `nvidia-smi (process group ${pid}) was killed ${Math.round(sinceMs / 1000)} s ago and does not end: ` +
    'it is stuck in the driver. No other is started. Reboot the machine.'
  );
}

/** nvidia-smi wrote more than anybody can mean. */
export function explainTooLong(maxBytes: number): string {
  return `nvidia-smi wrote more than ${maxBytes / 1024 / 1024} MiB and was killed.`;
}

/** nvidia-smi ended with an error, or without anything that can be read. */
export function explainFailure({ exitCode, stdout, stderr }: SmiOutput): string {
  const said = quote(stdout) || quote(stderr);
  const how =
    exitCode === 0
      ? 'nvidia-smi printed something that is no report'
      : `nvidia-smi failed (${exitCode === null ? 'killed by a signal' : `exit code ${exitCode}`})`;
  const advice = exitCode === null ? undefined : ADVICE[exitCode];
  return `${how}: ${said || 'it printed nothing'}${/[.!?…]$/.test(said) ? '' : '.'}${advice ? ` ${advice}` : ''}`;
}

/** A line that names a GPU the driver cannot reach, and where that GPU sits. */
export interface UnreachableGpu {
  readonly pciBusId: string;
  readonly line: string;
}

/**
 * Finds the lines that nvidia-smi writes for a GPU it cannot open, before the report of the others. Three spellings
 * are known: `GPU 0000:0B:00.0: …`, `GPU0000:07:00.0: …` and, from driver 610 on, `GPU1: 0000:34:00.0: …`.
 */
export function unreachableGpus(text: string): readonly UnreachableGpu[] {
  const pattern =
    /^.*device handle for GPU\s*(?:\d+:\s+)?([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]).*$/gm;
  return Array.from(text.matchAll(pattern), ([line, pciBusId = '']) => ({ pciBusId, line: quote(line) }));
}

/** Bus ids come with a domain of four or eight digits; this makes them comparable. */
export function sameBus(a: string, b: string): boolean {
  return a !== '' && shortBus(a) === shortBus(b);
}

function shortBus(busId: string): string {
  return busId.toLowerCase().replace(/^0000(?=[0-9a-f]{4}:)/, '');
}

/** Foreign text on one line, cut to a length one can read, without control characters. */
export function quote(text: string): string {
  const line = text
    .slice(0, 4 * MAX_QUOTE_CHARACTERS)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();
  return line.length <= MAX_QUOTE_CHARACTERS ? line : `${line.slice(0, MAX_QUOTE_CHARACTERS)}…`;
}
