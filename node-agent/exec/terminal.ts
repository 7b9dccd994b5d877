// A pseudo-terminal: the master is ours, the slave is what a program takes for its terminal.
// Made by three calls into the C library that Node itself runs on, so that nothing has to be compiled or downloaded:
// node-pty, the usual package for it, has no prebuilt binary for Linux and would need a compiler on every machine.
import { closeSync, constants, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import koffi from 'koffi';

/** In characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export const USUAL_SIZE: TerminalSize = { columns: 80, rows: 24 };
/** Larger ones are a mistake, and some programs reserve memory for each character. */
const MAX_SIDE = 1_000;

// Linux, asm-generic/ioctls.h; the same on x86-64 and arm64.
const TIOCSWINSZ = 0x5414;
const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;

type Ioctl = (fd: number, request: number, argument: Buffer) => number;
let cachedIoctl: Ioctl | undefined;

function ioctl(fd: number, request: number, argument: Buffer): void {
  cachedIoctl ??= koffi.load(null).func('int ioctl(int fd, unsigned long request, void *argument)') as Ioctl;
  if (cachedIoctl(fd, request, argument) !== 0) throw new Error(`ioctl ${request} of a terminal failed`);
}

/** The master's side. */
export class Terminal {
  /** The device to be opened by the program that is to have it. */
  readonly slave: string;
  /** Reads what the program writes, writes what it reads. Ends with an error, EIO, when nobody has the slave any more. */
  readonly stream: ReadStream;
  readonly #fd: number;
  #closed = false;

  private constructor(fd: number, slave: string) {
    this.#fd = fd;
    this.slave = slave;
    this.stream = new ReadStream(fd);
    this.stream.once('close', () => (this.#closed = true));
  }

  /** @throws Error when this machine gives no terminals */
  static open(size: TerminalSize): Terminal {
    // Not to become the terminal of this process.
    const fd = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY);
    try {
      const number = Buffer.alloc(4);
      ioctl(fd, TIOCSPTLCK, number);
      ioctl(fd, TIOCGPTN, number);
      setSize(fd, size);
      return new Terminal(fd, `/dev/pts/${number.readInt32LE()}`);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Programs in the foreground learn of it by SIGWINCH. */
  resize(size: TerminalSize): void {
    if (!this.#closed) setSize(this.#fd, size);
  }

  /** Hangs up: programs in the foreground get SIGHUP. */
  close(): void {
    this.#closed = true;
    this.stream.destroy();
  }
}

function setSize(fd: number, { columns, rows }: TerminalSize): void {
  // A terminal that does not know its size says 0: one column would break every line.
  const bounded = (side: number, usual: number) => (side <= 0 ? usual : Math.min(side, MAX_SIDE));
  const size = Buffer.alloc(8);
  size.writeUInt16LE(bounded(rows, USUAL_SIZE.rows), 0);
  size.writeUInt16LE(bounded(columns, USUAL_SIZE.columns), 2);
  ioctl(fd, TIOCSWINSZ, size);
}

/**
 * The argument vector that starts a program with a terminal. A process that leads its session and has no terminal gets the one
 * that it opens; Node cannot do that between fork and exec, so a shell does, and is then replaced by the program.
 * @param folder where the program starts; entered by the shell, so that a folder that hangs does not hang us
 */
export function withTerminal(slave: string, folder: string, argv: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', 'cd "$1" || exit 126; shift; exec "$@" <"$0" >"$0" 2>&1', slave, folder, ...argv];
}

/** The same without a terminal. */
export function inFolder(folder: string, argv: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', 'cd "$0" || exit 126; exec "$@"', folder, ...argv];
}
