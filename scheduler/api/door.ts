// The one address of a daemon, held from its start to its end, whatever answers behind it: a standby, a term, a standby again. A connection belongs
// to the server that it was opened for and is cut with it, also one that is still at its TLS handshake. gRPC knows nothing of that one yet: once the
// handshake was done, a server that was shut down long ago would answer it, and for ever.
import { lookup } from 'node:dns/promises';
import net, { type AddressInfo } from 'node:net';
import type { ConnectionInjector, Server, ServerCredentials } from '@grpc/grpc-js';
import { cannotListen } from '../../common/http-pages.js';

export interface DoorSettings {
  readonly host: string;
  readonly port: number;
  /** A connection could not be taken, as when the machine has no memory left for it; those that come later may be. */
  readonly onProblem: (error: Error) => void;
}

/** Use {@link Door.open}. */
export class Door {
  /** HOST:PORT, with the port that was given. */
  readonly address: string;
  readonly port: number;
  readonly #listeners: readonly net.Server[];
  readonly #connections = new Set<net.Socket>();
  /** Null = nobody answers just now. */
  #injector: ConnectionInjector | null = null;

  private constructor({ host, port, onProblem }: DoorSettings, listeners: readonly net.Server[]) {
    this.address = `${shown(host)}:${port}`;
    this.port = port;
    this.#listeners = listeners;
    for (const listener of listeners) {
      listener.on('connection', (connection) => this.#take(connection));
      // Unheard it would end the process, with all who are connected.
      listener.on('error', onProblem);
    }
  }

  /**
   * Listens on every address that the host stands for. Until {@link serve} whoever comes is sent away.
   * @throws Error in words when it can listen on none of them
   */
  static async open(settings: DoorSettings): Promise<Door> {
    const { host, port } = settings;
    const listeners: net.Server[] = [];
    let problem: Error | null = null;
    let bound = port;
    try {
      for (const { address } of await lookup(host, { all: true })) {
        try {
          const listener = await listen(address, bound);
          listeners.push(listener);
          bound = (listener.address() as AddressInfo).port;
        } catch (error) {
          problem ??= asError(error);
        }
      }
    } catch (error) {
      problem = asError(error);
    }
    if (listeners.length === 0) {
      throw cannotListen(`${shown(host)}:${port}`, '--listen', problem ?? new Error('it stands for no address'));
    }
    return new Door({ ...settings, port: bound }, listeners);
  }

  /** From now on this server answers. Connections of the one before are cut. */
  serve(server: Server, credentials: ServerCredentials): void {
    this.cut();
    this.#injector = server.createConnectionInjector(credentials);
  }

  /** Whoever comes from now on is sent away; who is there stays. */
  shut(): void {
    this.#injector = null;
  }

  /** Ends every connection at once, and sends away whoever comes. */
  cut(): void {
    this.shut();
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
  }

  /** Gives the address up. */
  close(): void {
    for (const listener of this.#listeners) listener.close();
    this.cut();
  }

  #take(connection: net.Socket): void {
    if (this.#injector === null) {
      connection.destroy();
      return;
    }
    this.#connections.add(connection);
    connection.once('close', () => this.#connections.delete(connection));
    // A connection that breaks says so to its server as well, or had none yet.
    connection.on('error', () => undefined);
    this.#injector.injectConnection(connection);
  }
}

function listen(address: string, port: number): Promise<net.Server> {
  const listener = net.createServer();
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, address, () => {
      listener.off('error', reject);
      resolve(listener);
    });
  });
}

function shown(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
