// Turns one moment of a store into the bytes of a snapshot file, while the daemon goes on: compression runs beside the event
// loop, and the rest is done in short slices with a rest after each.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Clock } from '../../../common/clock.js';
import type { StoredRecord } from '../state-store.js';
import { headerLine, type SnapshotHeader, trailerLine } from './format.js';

/** How long the event loop is held at once, about. */
const SLICE_MS = 2;
/** How long others have it after each slice, at least. */
const REST_MS = 2;
/** The clock is looked at after so many records: a large one takes about 10 us. */
const RECORDS_A_LOOK = 32;
/** Text is handed to the compressor in pieces of about so many characters. */
const PIECE_CHARACTERS = 64 * 1024;
/** One message of the API carries a piece of this size well. */
const CHUNK_BYTES = 256 * 1024;
/** Fast rather than small: it halves the time against the default and the file is a tenth of the text all the same. */
const COMPRESSION_LEVEL = 1;

/** The file, piece by piece. Reads the records as fast as the pieces are taken, and no faster. */
export async function* snapshotBytes(
  header: SnapshotHeader,
  records: AsyncIterable<StoredRecord>,
  clock: Clock,
): AsyncGenerator<Buffer, void> {
  const hash = createHash('sha256');
  const first = Buffer.from(headerLine(header));
  hash.update(first);
  yield first;
  const counted = { records: 0 };
  const gzip = createGzip({ level: COMPRESSION_LEVEL, chunkSize: CHUNK_BYTES });
  const text = Readable.from(lines(records, clock, counted), { objectMode: false });
  text.once('error', (error) => gzip.destroy(error));
  try {
    for await (const chunk of text.pipe(gzip)) {
      hash.update(chunk as Buffer);
      yield chunk as Buffer;
    }
  } finally {
    text.destroy();
    gzip.destroy();
  }
  yield Buffer.from(trailerLine({ records: counted.records, sha256: hash.digest('hex') }));
}

async function* lines(
  records: AsyncIterable<StoredRecord>,
  clock: Clock,
  counted: { records: number },
): AsyncGenerator<string, void> {
  let piece = '';
  let sliceBeganMs = clock.monotonicMs();
  for await (const { collection, key, value } of records) {
    piece += `${JSON.stringify([collection, key, value])}\n`;
    counted.records += 1;
    if (counted.records % RECORDS_A_LOOK === 0 && clock.monotonicMs() - sliceBeganMs >= SLICE_MS) {
      await new Promise<void>((resolve) => clock.after(REST_MS, resolve));
      sliceBeganMs = clock.monotonicMs();
    }
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}
