// The cluster that docs/high-availability.md describes, from the files to copy of deploy/ha as they are: three Redis servers, three
// Sentinels, two schedulers, an agent, with TLS, tokens and the users of Redis. Three addresses of the loopback are the three machines.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { connect, type SluiceClient } from '../../cli/client.js';
import { freePort } from '../../common/free-port.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { askRedis } from '../../simulator/chaos/redis/ask-redis.js';
import { type Credentials, makeCredentials } from '../../simulator/chaos/redis/credentials.js';
import { killIfThere, processesOf, until } from './real-cluster.js';

const DEPLOY = path.join(PACKAGE_ROOT, 'deploy/ha');
const OURS = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const HOSTS = [1, 2, 3] as const;
const SECRET = 'secret-of-this-set-up';
/** The ports of the files. */
const PORTS = ['6379', '26379', '7443', '9465'] as const;

export type Host = (typeof HOSTS)[number];

export interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class DocumentedSetUp {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-documented-'));
  /** Of machines that nobody else uses. */
  readonly #network = `127.${64 + (process.pid % 64)}.${process.ppid % 250}`;
  readonly #ports = new Map<string, number>();
  readonly #processes = new Map<string, ChildProcess>();
  readonly #clients: SluiceClient[] = [];
  #credentials: Credentials | null = null;

  at(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  address(host: Host): string {
    return `${this.#network}.${host}`;
  }

  /** Where a scheduler of the files answers calls. */
  grpc(host: Host): string {
    return `${this.address(host)}:${this.#port('7443')}`;
  }

  /** What agents and people are given. */
  get servers(): string {
    return `${this.grpc(1)},${this.grpc(2)}`;
  }

  get credentials(): Credentials {
    if (this.#credentials === null) throw new Error('nothing was started yet');
    return this.#credentials;
  }

  /** The text of a file to copy, as it stands on a machine: hosts, secrets, ports and folders are those of this set-up. */
  file(name: string, host: Host): string {
    let text = readFileSync(path.join(DEPLOY, name), 'utf8');
    // The file is the same on all machines but for this one word.
    text = text.replace(/^advertise: HOST-1:/m, `advertise: HOST-${host}:`);
    text = text.replaceAll('CHANGE-ME', SECRET).replaceAll(/HOST-([123])/g, `${this.#network}.$1`);
    // On one machine of its own each may listen everywhere; here three share one.
    text = text.replaceAll('0.0.0.0', this.address(host));
    for (const port of PORTS) text = text.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(this.#port(port)));
    const folders = { '/etc/sluice': 'etc-sluice', '/etc/redis': 'etc-redis', '/var/lib/sluice': 'sluice' };
    for (const [there, here] of Object.entries(folders)) text = text.replaceAll(there, this.#of(host, here));
    return text;
  }

  /** Steps 1 and 2 of "Setting it up", without the schedulers. */
  async startRedis(): Promise<void> {
    for (const port of PORTS) this.#ports.set(port, await freePort());
    for (const host of HOSTS) {
      for (const folder of ['etc-sluice', 'etc-redis', 'redis', 'sentinel', 'sluice']) {
        mkdirSync(this.#of(host, folder), { recursive: true });
      }
      writeFileSync(this.#of(host, 'etc-redis/users.acl'), this.file('users.acl', host));
      const follows = host === 1 ? '' : `replicaof ${this.address(1)} ${this.#port('6379')}\n`;
      this.#startRedisPart(host, 'redis', `${this.file('redis.conf', host)}${follows}`);
    }
    await this.#untilReplicasFollow();
    for (const host of HOSTS) this.#startRedisPart(host, 'sentinel', this.file('sentinel.conf', host));
    await this.#untilSentinelsKnowAll();
    this.#credentials = makeCredentials(
      this.folder,
      HOSTS.map((host) => this.address(host)),
    );
    for (const host of HOSTS) {
      const etc = (name: string): string => this.#of(host, 'etc-sluice', name);
      writeFileSync(etc('server.yaml'), this.file('server.yaml', host));
      writeFileSync(etc('redis.password'), `${SECRET}-SLUICE\n`, { mode: 0o600 });
      for (const name of ['server.pem', 'server.key', 'tokens', 'agent-tokens']) copyFileSync(this.at(name), etc(name));
    }
  }

  /** Starts a scheduler with the command of the service file, and waits until it answers: as leader or standby. */
  async startScheduler(host: Host, program = OURS): Promise<void> {
    const command = /^ExecStart=\/usr\/bin\/sluice (.*)$/m.exec(this.file('sluice-server.service', host))?.[1];
    if (command === undefined) throw new Error('sluice-server.service starts no /usr/bin/sluice');
    const name = `scheduler-${host}`;
    const child = this.#spawn(name, process.execPath, [program, ...command.split(' ')]);
    await until(`${name} answers`, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${this.log(name)}`);
      return (await this.readiness(host)) === '' ? null : true;
    });
  }

  /** Step 3: an agent that knows both addresses. */
  async startAgent(name: string, gpus: string, program = OURS): Promise<void> {
    const flags = ['--server', this.servers, '--name', name, '--state-dir', this.at(name), '--simulate', gpus];
    const child = this.#spawn(name, process.execPath, [program, 'agent', ...flags, ...this.credentials.agentFlags]);
    const client = this.client();
    await until(`${name} is ready`, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${this.log(name)}`);
      const nodes = await client.allNodes();
      return nodes.some((node) => node.name === name && node.state === 'NODE_STATE_READY') || null;
    });
  }

  client(): SluiceClient {
    const { userToken, authority } = this.credentials;
    const client = connect({ server: this.servers, token: userToken, tlsCa: authority });
    this.#clients.push(client);
    return client;
  }

  /** What a person types after `sluice`; everybody else goes on meanwhile. */
  sluice(args: readonly string[], program = OURS): Promise<Answer> {
    const env = { ...process.env, SLUICE_SERVER: this.servers, HOME: this.folder };
    const child = spawn(process.execPath, [program, ...this.credentials.userFlags, ...args], { env });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (data: Buffer) => stdout.push(data));
    child.stderr.on('data', (data: Buffer) => stderr.push(data));
    return new Promise((resolve) =>
      child.once('close', (status) =>
        resolve({ status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
      ),
    );
  }

  /** The flags with which `sluice snapshot restore` finds the store of the files. */
  storeFlags(host: Host): readonly string[] {
    const store = /^store: (.*)$/m.exec(this.file('server.yaml', host))?.[1];
    if (store === undefined) throw new Error('server.yaml names no store');
    const password = this.#of(host, 'etc-sluice/redis.password');
    return ['--store', store, '--redis-username', 'sluice', '--redis-password-file', password];
  }

  /** What /readyz of a scheduler says; empty = nothing. */
  async readiness(host: Host): Promise<string> {
    const limit = AbortSignal.timeout(1_000);
    return fetch(`http://${this.address(host)}:${this.#port('9465')}/readyz`, { signal: limit }).then(
      (answer) => answer.text(),
      () => '',
    );
  }

  async untilStandsBy(host: Host): Promise<void> {
    await until(`scheduler ${host} stands by`, async () =>
      (await this.readiness(host)).includes('leads since') ? true : null,
    );
  }

  async untilLeads(host: Host): Promise<void> {
    await until(`scheduler ${host} leads`, async () =>
      (await this.readiness(host)).startsWith('ready') ? true : null,
    );
  }

  /** Ends what was started as `scheduler-1`, `n1` and so on by SIGTERM, as systemd does. @returns its exit code */
  async end(name: string): Promise<number | null> {
    const child = this.#processes.get(name);
    if (child === undefined) throw new Error(`there is no ${name}`);
    this.#processes.delete(name);
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    return gone;
  }

  log(name: string): string {
    return readFileSync(this.at(`${name}.log`), 'utf8');
  }

  /** The last words of everybody, for a failure. */
  lastWords(): string {
    const logs = readdirSync(this.folder).filter((file) => file.endsWith('.log'));
    return logs
      .map((file) => `--- ${file}\n${this.log(file.slice(0, -4)).split('\n').slice(-12).join('\n')}`)
      .join('\n');
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const child of this.#processes.values()) child.kill('SIGKILL');
    for (const pid of processesOf(this.folder)) killIfThere(pid);
    await until('every process is gone', () => (processesOf(this.folder).length === 0 ? true : null));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #of(host: Host, ...parts: string[]): string {
    return this.at(`host-${host}`, ...parts);
  }

  #port(documented: (typeof PORTS)[number]): number {
    const port = this.#ports.get(documented);
    if (port === undefined) throw new Error('no ports were chosen yet');
    return port;
  }

  #startRedisPart(host: Host, part: 'redis' | 'sentinel', text: string): void {
    const conf = this.#of(host, part, `${part}.conf`);
    // Machines of their own call from their own address; three on one machine have to be told.
    const own = `bind-source-addr ${this.address(host)}\n`;
    writeFileSync(conf, `${text.replace('/var/lib/redis', this.#of(host, part))}\n${own}`);
    if (!existsSync(conf)) throw new Error(`${conf} was not written`);
    this.#spawn(`${part}-${host}`, part === 'redis' ? 'redis-server' : 'redis-sentinel', [conf]);
  }

  #spawn(name: string, program: string, args: readonly string[]): ChildProcess {
    const log = openSync(this.at(`${name}.log`), 'a');
    const env = { ...process.env, HOME: this.folder };
    const child = spawn(program, args, { stdio: ['ignore', log, log], env });
    this.#processes.set(name, child);
    return child;
  }

  async #untilReplicasFollow(): Promise<void> {
    await until('both replicas follow', async () => {
      const said = await this.#ask(this.#port('6379'), { username: 'sluice', password: `${SECRET}-SLUICE` }, [
        'INFO',
        'replication',
      ]);
      return String(said).includes('connected_slaves:2') || null;
    });
  }

  async #untilSentinelsKnowAll(): Promise<void> {
    await until('the Sentinels know the replicas and each other', async () => {
      const about = await this.#ask(this.#port('26379'), {}, ['SENTINEL', 'MASTER', 'sluice']);
      if (!Array.isArray(about)) return null;
      const field = (name: string): unknown => about[about.indexOf(name) + 1];
      return (field('num-slaves') === '2' && field('num-other-sentinels') === '2') || null;
    });
  }

  /** One command to the first machine. @returns null when nobody answers */
  #ask(port: number, user: object, [command = '', ...args]: readonly string[]): Promise<unknown> {
    return askRedis({ ...user, host: this.address(1), port }, command, ...args);
  }
}
