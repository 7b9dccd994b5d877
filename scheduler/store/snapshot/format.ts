// What a snapshot file looks like, so that any Sluice, and any person with zcat, can read it:
//
//   one line of JSON    what it is: format, schema, version of Sluice, cluster, position, time
//   gzip                one line of JSON a record: [collection, key, value]
//   one line of JSON    {"records": N, "sha256": of all bytes before this line}
//
// The last line comes last, so a file that was cut off says so by lacking it. Pure; files are read in read.ts.
import { z } from 'zod';
import { StoreUnusable } from '../data-folder.js';
import type { StorePosition } from '../state-store.js';

/** Raised when an older Sluice could no longer read the file, whatever the schema of the records in it. */
const FORMAT_VERSION = 1;
const FORMAT = 'sluice-snapshot';
/** The first line is shorter than this. */
export const MAX_HEADER_BYTES = 4096;
/** The last line, with the line feeds around it, is shorter than this. */
export const MAX_TRAILER_BYTES = 256;

/** What a snapshot holds. */
export interface SnapshotHeader extends StorePosition {
  /** The schema of its records. */
  readonly schema: number;
  /** The version of Sluice that saved it. */
  readonly writtenBy: string;
  readonly clusterId: string;
  readonly savedMs: number;
}

export interface SnapshotTrailer {
  readonly records: number;
  /** Hex; of all that is before the trailer. */
  readonly sha256: string;
}

const HEADER = z.object({
  format: z.literal(FORMAT),
  formatVersion: z.int().min(1),
  schema: z.int().min(1),
  writtenBy: z.string(),
  clusterId: z.string(),
  lineage: z.string().min(1),
  epoch: z.int().min(0),
  revision: z.int().min(0),
  savedMs: z.number(),
});
const TRAILER = z.object({ records: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

export function headerLine(header: SnapshotHeader): string {
  return `${JSON.stringify({ format: FORMAT, formatVersion: FORMAT_VERSION, ...header })}\n`;
}

export function trailerLine(trailer: SnapshotTrailer): string {
  return `\n${JSON.stringify(trailer)}\n`;
}

/** @throws {@link StoreUnusable} when this is no snapshot, or one of a later format */
export function parseHeader(file: string, line: string): SnapshotHeader {
  const parsed = HEADER.safeParse(parseJson(line));
  if (!parsed.success) throw notASnapshot(file);
  const { format: _format, formatVersion, ...header } = parsed.data;
  if (formatVersion > FORMAT_VERSION) {
    throw new StoreUnusable(
      'NEWER_SCHEMA',
      `${file} was saved by Sluice ${header.writtenBy} in format ${formatVersion}; this Sluice reads up to ${FORMAT_VERSION}.\n` +
        'Nothing was changed. Use the newer version.',
    );
  }
  return header;
}

/** @returns null when this is no trailer */
export function parseTrailer(line: string): SnapshotTrailer | null {
  const parsed = TRAILER.safeParse(parseJson(line));
  return parsed.success ? parsed.data : null;
}

export function notASnapshot(file: string): StoreUnusable {
  return new StoreUnusable(
    'UNREADABLE',
    `${file} is not a snapshot of Sluice.\nNothing was changed. Snapshots are made with: sluice snapshot save FILE`,
  );
}

export function cutOff(file: string): StoreUnusable {
  return new StoreUnusable(
    'UNREADABLE',
    `${file} is cut off: its last line, which tells that it is whole, is missing.\nNothing was changed. Use another snapshot.`,
  );
}

/** @param what is wrong, in words */
export function damaged(file: string, what: string): StoreUnusable {
  return new StoreUnusable('UNREADABLE', `${file} is damaged: ${what}.\nNothing was changed. Use another snapshot.`);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    // What is no JSON is none of our lines; the caller says so.
    return null;
  }
}
