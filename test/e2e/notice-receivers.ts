// What takes notices in a test: an HTTP server that does as it is told, and a server that takes e-mail by SMTP.
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** One post as it came. */
export interface Post {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks. */
export class HookServer {
  readonly #server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      this.posts.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString('utf8') });
      // A path that answers never stands for a host that hangs.
      if (path.startsWith('/hang')) return;
      const { code, headers = {} } = this.answers[path] ?? { code: 204 };
      response.writeHead(code, headers).end();
    });
  });
  readonly posts: Post[] = [];
  /** What a path answers; others answer 204. */
  readonly answers: Record<string, { readonly code: number; readonly headers?: Readonly<Record<string, string>> }> = {};

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The events that came to a path, each as often as it came. */
  events(path: string): readonly { readonly id: string; readonly type: string; readonly name: string }[] {
    return this.posts
      .filter((post) => post.path === path)
      .map(({ body }) => JSON.parse(body) as { id: string; type: string; workload: { name: string } })
      .map(({ id, type, workload }) => ({ id, type, name: workload.name }));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** One e-mail as it came. */
export interface Letter {
  readonly user: string;
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

/** As much of RFC 5321 as one client needs, with AUTH PLAIN, on one connection after the other. */
export class MailServer {
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  readonly letters: Letter[] = [];
  /** What RCPT TO is answered with. */
  recipient = '250 ok';

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    let rest = '';
    let data: string[] | null = null;
    let letter = { user: '', from: '', to: '' };
    const take = (line: string): void => {
      if (data !== null) {
        if (line !== '.') {
          data.push(line.replace(/^\.\./, '.'));
          return;
        }
        this.letters.push({ ...letter, text: data.join('\n') });
        data = null;
        say('250 queued');
        return;
      }
      const [verb = '', ...words] = line.split(' ');
      switch (verb.toUpperCase()) {
        case 'EHLO':
          say('250-test');
          say('250 AUTH PLAIN');
          return;
        case 'AUTH':
          letter = {
            ...letter,
            user: Buffer.from(words[1] ?? '', 'base64')
              .toString('utf8')
              .replaceAll('\0', ' ')
              .trim(),
          };
          say('235 ok');
          return;
        case 'MAIL':
          letter = { ...letter, from: line };
          say('250 ok');
          return;
        case 'RCPT':
          letter = { ...letter, to: line };
          say(this.recipient);
          return;
        case 'DATA':
          data = [];
          say('354 go on');
          return;
        case 'QUIT':
          say('221 bye');
          socket.end();
          return;
        default:
          say('250 ok');
      }
    };
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      rest += chunk;
      const lines = rest.split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) take(line);
    });
    say('220 test');
  }
}
