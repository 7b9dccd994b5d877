// A port of this machine that nobody uses at the moment, for programs that must be told theirs before they listen.
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** A port of the loopback that was free a moment ago. Whoever can listen on port 0 should: another program may be quicker. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
