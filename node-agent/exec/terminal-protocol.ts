// What is said over the socket of a terminal: to it, frames of what is typed and of sizes; from it, bytes as they are shown.
import type { Readable } from 'node:stream';
import type { TerminalSize } from './terminal.js';

/** The longest frame either side takes, in bytes. */
const MAX_FRAME_BYTES = 65_536;
const HEAD_BYTES = 5;
const INPUT = 0;
const SIZE = 1;
const NOTICE = 2;

export type TerminalFrame =
  | { readonly type: 'input'; readonly data: Buffer }
  | { readonly type: 'size'; readonly size: TerminalSize }
  /** A line for whoever looks at the terminal, not from its program. */
  | { readonly type: 'notice'; readonly text: string };

/** Where the terminal of a task's own program is joined. Reached through its open folder: a socket's path is limited to 107 bytes. */
export function terminalSocketIn(folderFd: number): string {
  return `/proc/self/fd/${folderFd}/terminal.sock`;
}

export function packFrame(frame: TerminalFrame): Buffer {
  const body =
    frame.type === 'input' ? frame.data : frame.type === 'notice' ? Buffer.from(frame.text) : packSize(frame.size);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(frame.type === 'input' ? INPUT : frame.type === 'notice' ? NOTICE : SIZE, 0);
  head.writeUInt32LE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** Calls back for every frame. What is none destroys the stream: the other side is not ours. */
export function onFrames(stream: Readable, take: (frame: TerminalFrame) => void): void {
  let rest = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD_BYTES) {
      const length = rest.readUInt32LE(1);
      if (length > MAX_FRAME_BYTES) {
        stream.destroy(new Error(`a frame above ${MAX_FRAME_BYTES} bytes`));
        return;
      }
      if (rest.length < HEAD_BYTES + length) return;
      take(unpackFrame(rest.readUInt8(0), rest.subarray(HEAD_BYTES, HEAD_BYTES + length)));
      rest = rest.subarray(HEAD_BYTES + length);
    }
  });
}

function packSize({ columns, rows }: TerminalSize): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt16LE(Math.min(Math.max(0, columns), 0xffff), 0);
  body.writeUInt16LE(Math.min(Math.max(0, rows), 0xffff), 2);
  return body;
}

function unpackFrame(type: number, body: Buffer): TerminalFrame {
  if (type === SIZE && body.length >= 4) {
    return { type: 'size', size: { columns: body.readUInt16LE(0), rows: body.readUInt16LE(2) } };
  }
  return type === NOTICE ? { type: 'notice', text: body.toString('utf8') } : { type: 'input', data: Buffer.from(body) };
}
