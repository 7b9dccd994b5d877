// A line between two processes that can be cut: every connection to the scheduler runs through one of these.
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { invariant } from '../../common/assert.js';

/** One connection through the line. */
interface Pair {
  readonly inner: Socket;
  readonly outer: Socket;
}

/** Directions in which nothing comes through: up is from whoever connected. */
export interface Silence {
  readonly up: boolean;
  readonly down: boolean;
}

/** A TCP line on loopback to a port that may have nobody behind it at times. */
export class Proxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isRefusing = false;
  /** Bytes in a silent direction wait: whoever sends sees an open line on which nothing is answered. */
  #silent: Silence = { up: false, down: false };

  private constructor(server: Server, target: () => number) {
    this.#server = server;
    server.on('connection', (inner) => this.#open(inner, target()));
  }

  /** Listens on a free port. `target` is asked at each connection. */
  static async open(target: () => number): Promise<Proxy> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new Proxy(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  /** `HOST:PORT` to connect to. */
  get address(): string {
    const address = this.#server.address();
    invariant(address !== null && typeof address === 'object', 'an open line has a port', 'proxy');
    return `127.0.0.1:${address.port}`;
  }

  /** Breaks every connection; new ones are taken. */
  reset(): void {
    for (const { inner, outer } of this.#pairs) {
      inner.destroy();
      outer.destroy();
    }
  }

  /** Breaks every connection and takes none. */
  refuse(): void {
    this.#isRefusing = true;
    this.reset();
  }

  /** Lets nothing through in the directions named, and breaks nothing. */
  silence(directions: Silence): void {
    this.#silent = directions;
    for (const pair of this.#pairs) this.#settle(pair);
  }

  /** A sound line again. */
  heal(): void {
    this.#isRefusing = false;
    this.silence({ up: false, down: false });
  }

  async close(): Promise<void> {
    this.#isRefusing = true;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.reset();
    await closed;
  }

  #open(inner: Socket, port: number): void {
    if (this.#isRefusing) {
      inner.destroy();
      return;
    }
    const outer = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true });
    const pair = { inner, outer };
    this.#pairs.add(pair);
    const over = (): void => {
      this.#pairs.delete(pair);
      inner.destroy();
      outer.destroy();
    };
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      // A broken line is what this is for; the other side of it sees it end.
      from.on('error', over);
      from.on('close', over);
      from.on('end', () => to.end());
      from.on('data', (bytes: Buffer) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => this.#settle(pair));
    }
    this.#settle(pair);
  }

  #settle({ inner, outer }: Pair): void {
    for (const [socket, to, isSilent] of [
      [inner, outer, this.#silent.up],
      [outer, inner, this.#silent.down],
    ] as const) {
      if (isSilent || to.writableNeedDrain) socket.pause();
      else socket.resume();
    }
  }
}
