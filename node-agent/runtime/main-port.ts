// Whether the port on which the first process of a gang is to answer the others can be had: before any of the gang starts.
import { createServer } from 'node:net';

/** @returns in words, why not; null = it is free at this moment. A port of 0 is none */
export async function whyPortTaken(port: number): Promise<string | null> {
  if (port === 0) return null;
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE' || error.code === 'EACCES';
      // What else hinders us need not hinder the program.
      resolve(
        isTaken ? `port ${port}, on which its first process is to answer the others, is in use on this node` : null,
      );
    });
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
