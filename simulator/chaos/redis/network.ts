// The machines of a cluster that needs a network: each in a network namespace of its own behind one switch, so that any line
// between two of them can be cut, both ways or one. Where namespaces cannot be made, all share the loopback of this machine.
import { spawnSync } from 'node:child_process';
import { freePort } from '../../../common/free-port.js';

/** One machine of the cluster. */
export interface Place {
  readonly name: string;
  /** Its IP address. */
  readonly address: string;
}

/** Mends one cut; nothing when that was done. */
export type Mend = () => void;

/** What a cluster of several machines is connected by. */
export interface Network {
  readonly kind: 'namespaces' | 'loopback';
  add(name: string): Place;
  /** A port that is free there; the same for all places with namespaces. */
  port(place: Place, usual: number): Promise<number>;
  /** The command that runs a program there. */
  command(place: Place, program: readonly [string, ...string[]]): readonly [string, ...string[]];
  /** Where the users are; null = they share the loopback. */
  readonly users: Place | null;
  /** Takes a machine off the network. Not on loopback. @returns what puts it back */
  isolate(place: Place): Mend;
  /** Nothing that `from` sends reaches `to`; what `to` sends still arrives. Not on loopback. @returns what mends it */
  silence(from: Place, to: Place): Mend;
  /** Mends everything. */
  heal(): void;
  close(): void;
}

/** Where the users are: this process. */
const USERS_PLACE = 'users';
const SWITCH = 'switch';
const BRIDGE = 'bridge0';
const LAST_OCTET = 250;

/** Why there can be no namespaces here, in words; null = there can. */
export function whyNoNamespaces(): string | null {
  if (process.getuid?.() !== 0) return 'network namespaces: making them needs root';
  try {
    const network = new NamespaceNetwork();
    try {
      network.isolate(network.add('try'));
    } finally {
      network.close();
    }
    return null;
  } catch (error) {
    return `network namespaces: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A network of namespaces, each with one line to a bridge in a namespace of its own. */
export class NamespaceNetwork implements Network {
  readonly kind = 'namespaces';
  /** The kernel takes its time with what was removed: the next network of this process has names and addresses of its own. */
  static #networks = 0;
  readonly #number = NamespaceNetwork.#networks++;
  readonly #prefix = `sl${process.pid.toString(36)}${this.#number.toString(36)}`;
  readonly #subnet = `10.${64 + ((process.pid + this.#number) % 128)}.${(process.pid >> 7) % 250}`;
  #places = 0;
  readonly #made: string[] = [];
  readonly #cuts = new Map<string, Mend>();
  readonly users: Place;

  constructor() {
    try {
      const bridge = this.#make(SWITCH);
      ip('-n', bridge, 'link', 'add', 'name', BRIDGE, 'type', 'bridge');
      ip('-n', bridge, 'link', 'set', BRIDGE, 'up');
      this.users = this.#line(USERS_PLACE);
      ip('link', 'set', this.#outer(this.users), 'up');
      ip('addr', 'add', `${this.users.address}/24`, 'dev', this.#outer(this.users));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  add(name: string): Place {
    const namespace = this.#make(name);
    const place = this.#line(name);
    ip('link', 'set', this.#outer(place), 'netns', namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'set', this.#outer(place), 'up');
    ip('-n', namespace, 'addr', 'add', `${place.address}/24`, 'dev', this.#outer(place));
    return place;
  }

  port(_place: Place, usual: number): Promise<number> {
    return Promise.resolve(usual);
  }

  /** `ip netns exec` would hide the control groups of the machine with a /sys of its own. */
  command({ name }: Place, program: readonly [string, ...string[]]): readonly [string, ...string[]] {
    return ['nsenter', `--net=/run/netns/${this.#namespace(name)}`, ...program];
  }

  isolate(place: Place): Mend {
    const switching = (way: string): void => {
      ip('-n', this.#namespace(SWITCH), 'link', 'set', this.#inner(place), way);
    };
    return this.#cut(
      `line of ${place.name}`,
      () => switching('down'),
      () => switching('up'),
    );
  }

  silence(from: Place, to: Place): Mend {
    const where = from.name === USERS_PLACE ? [] : ['-n', this.#namespace(from.name)];
    const routing = (verb: string): void => ip(...where, 'route', verb, 'blackhole', `${to.address}/32`);
    return this.#cut(
      `${from.name} to ${to.name}`,
      () => routing('add'),
      () => routing('del'),
    );
  }

  heal(): void {
    for (const mend of this.#cuts.values()) mend();
  }

  close(): void {
    // Lines go with the namespaces that hold one end of them.
    for (const namespace of this.#made.splice(0)) ip('netns', 'del', namespace);
  }

  /** A line of two ends: one at the bridge, the other still here. */
  #line(name: string): Place {
    this.#places += 1;
    if (this.#places > LAST_OCTET) throw new RangeError(`a network has room for ${LAST_OCTET} places`);
    const place: Place = { name, address: `${this.#subnet}.${this.#places}` };
    const bridge = this.#namespace(SWITCH);
    ip('link', 'add', this.#outer(place), 'type', 'veth', 'peer', 'name', this.#inner(place), 'netns', bridge);
    ip('-n', bridge, 'link', 'set', this.#inner(place), 'master', BRIDGE, 'up');
    return place;
  }

  /** Two faults may ask for the same cut: the first to mend it does. */
  #cut(what: string, make: () => void, undo: () => void): Mend {
    const known = this.#cuts.get(what);
    if (known !== undefined) return known;
    make();
    const mend = (): void => {
      if (this.#cuts.delete(what)) undo();
    };
    this.#cuts.set(what, mend);
    return mend;
  }

  #make(name: string): string {
    const namespace = this.#namespace(name);
    ip('netns', 'add', namespace);
    this.#made.push(namespace);
    return namespace;
  }

  #namespace(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  /** Names of lines are short: at most 15 letters. */
  #outer({ address }: Place): string {
    return `${this.#prefix}o${address.slice(address.lastIndexOf('.') + 1)}`;
  }

  #inner({ address }: Place): string {
    return `${this.#prefix}i${address.slice(address.lastIndexOf('.') + 1)}`;
  }
}

/** Everything on 127.0.0.1, each with ports of its own. */
export class LoopbackNetwork implements Network {
  readonly kind = 'loopback';
  readonly users = null;

  add(name: string): Place {
    return { name, address: '127.0.0.1' };
  }

  port(): Promise<number> {
    return freePort();
  }

  command(_place: Place, program: readonly [string, ...string[]]): readonly [string, ...string[]] {
    return program;
  }

  isolate(): Mend {
    throw new Error('nothing can be cut off on loopback');
  }

  silence(): Mend {
    throw new Error('nothing can be silenced on loopback');
  }

  heal(): void {
    // Nothing can be cut.
  }

  close(): void {
    // Nothing was made.
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`ip: ${error.message}`);
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`);
}
