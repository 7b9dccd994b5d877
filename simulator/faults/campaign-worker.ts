// A thread of a campaign: lives the seeds it is given and tells what they came to.
import { parentPort } from 'node:worker_threads';
import type { Chunk } from './campaign.js';
import { liveChunk } from './chunk.js';

parentPort?.on('message', (chunk: Chunk) => {
  liveChunk(chunk).then(
    (result) => parentPort?.postMessage(result),
    // A fault of the simulator itself ends the campaign.
    (error: unknown) => {
      setImmediate(() => {
        throw error;
      });
    },
  );
});
