// Which of several schedulers is asked: the one that leads. Daemons that stand by say so and name the leader; those that are
// gone say nothing. It keeps one set of stubs an address and moves from one to the next; when to move is its user's to say.
import * as grpc from '@grpc/grpc-js';
import { MAX_MESSAGE_BYTES, sluice } from '../common/proto.js';

/** The first pause before an address is tried again; each time twice as long … */
export const RECONNECT_FIRST_MS = 200;
/** … up to this. */
export const RECONNECT_SLOWEST_MS = 5_000;
/** How long an address that was not heard of yet may take to be connected to, when there are others. */
const CONNECT_LIMIT_MS = 2_000;
/** More addresses than a cluster has daemons are a mistake. */
export const MAX_SERVERS = 16;

/** How to reach one address, settled. */
export interface ChannelSettings {
  readonly credentials: grpc.ChannelCredentials;
  /** With several addresses a link that was cut has to be noticed while there is still time to ask another one. */
  readonly isOneOfSeveral: boolean;
}

/** One address, with a stub for each service, all over one channel. */
export class Stubs {
  readonly server: string;
  readonly workloads: InstanceType<typeof sluice.WorkloadService>;
  readonly queues: InstanceType<typeof sluice.QueueService>;
  readonly nodes: InstanceType<typeof sluice.NodeService>;
  readonly logs: InstanceType<typeof sluice.LogService>;
  readonly plans: InstanceType<typeof sluice.PlanService>;
  readonly snapshots: InstanceType<typeof sluice.SnapshotService>;
  readonly version: InstanceType<typeof sluice.VersionService>;
  readonly cluster: InstanceType<typeof sluice.ClusterService>;
  readonly usage: InstanceType<typeof sluice.UsageService>;
  readonly stats: InstanceType<typeof sluice.StatsService>;
  readonly execs: InstanceType<typeof sluice.ExecService>;
  readonly notices: InstanceType<typeof sluice.NoticeService>;

  constructor(server: string, { credentials, isOneOfSeveral }: ChannelSettings) {
    this.server = server;
    const options: grpc.ClientOptions = {
      // Repeating is decided per call by the client, which knows of the other addresses: a policy of the scheduler's would hide them.
      'grpc.service_config_disable_resolution': 1,
      'grpc.initial_reconnect_backoff_ms': RECONNECT_FIRST_MS,
      'grpc.max_reconnect_backoff_ms': isOneOfSeveral ? 1_000 : RECONNECT_SLOWEST_MS,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      // Notices a peer that vanished without closing the connection; only while a call is open.
      'grpc.keepalive_time_ms': isOneOfSeveral ? 3_000 : 30_000,
      'grpc.keepalive_timeout_ms': isOneOfSeveral ? 3_000 : 10_000,
    };
    this.workloads = new sluice.WorkloadService(server, credentials, options);
    const shared: grpc.ClientOptions = { ...options, channelOverride: this.workloads.getChannel() };
    this.queues = new sluice.QueueService(server, credentials, shared);
    this.nodes = new sluice.NodeService(server, credentials, shared);
    this.logs = new sluice.LogService(server, credentials, shared);
    this.plans = new sluice.PlanService(server, credentials, shared);
    this.snapshots = new sluice.SnapshotService(server, credentials, shared);
    this.version = new sluice.VersionService(server, credentials, shared);
    this.cluster = new sluice.ClusterService(server, credentials, shared);
    this.usage = new sluice.UsageService(server, credentials, shared);
    this.stats = new sluice.StatsService(server, credentials, shared);
    this.execs = new sluice.ExecService(server, credentials, shared);
    this.notices = new sluice.NoticeService(server, credentials, shared);
  }

  /**
   * Connects. An address that refuses is given up at once: gRPC would try it again and again until the deadline, and nobody
   * would ask the one that has taken over meanwhile.
   * @returns what prevents it, in words; null = it is connected
   */
  connected(deadline: Date): Promise<string | null> {
    const channel = this.workloads.getChannel();
    return new Promise((resolve) => {
      const look = (): void => {
        // To ask for a connection of a channel that was closed meanwhile would open it again, for ever.
        const known = channel.getConnectivityState(false);
        const state = known === grpc.connectivityState.IDLE ? channel.getConnectivityState(true) : known;
        if (state === grpc.connectivityState.READY) resolve(null);
        else if (state === grpc.connectivityState.TRANSIENT_FAILURE) resolve('it takes no connection');
        else if (state === grpc.connectivityState.SHUTDOWN) resolve('this client was closed');
        else {
          channel.watchConnectivityState(state, deadline, (error) => {
            if (error === undefined) look();
            else resolve(`no connection within ${CONNECT_LIMIT_MS / 1_000} s`);
          });
        }
      };
      look();
    });
  }

  close(): void {
    // They share one channel, which the first closes.
    this.workloads.close();
  }
}

/** Several addresses of which one leads. */
export class LeaderFinder {
  readonly servers: readonly string[];
  readonly #settings: Omit<ChannelSettings, 'isOneOfSeveral'>;
  readonly #stubs = new Map<string, Stubs>();
  #at = 0;
  /** Whether the present address answered as a leader since it was moved to. */
  #isProven = false;
  /** Addresses that failed since one led. */
  #moves = 0;

  constructor(servers: readonly string[], settings: Omit<ChannelSettings, 'isOneOfSeveral'>) {
    this.servers = servers;
    this.#settings = settings;
  }

  get hasSeveral(): boolean {
    return this.servers.length > 1;
  }

  /** The address in use. */
  get current(): Stubs {
    const server = this.servers[this.#at] ?? '';
    const known = this.#stubs.get(server);
    if (known !== undefined) return known;
    const made = new Stubs(server, { ...this.#settings, isOneOfSeveral: this.hasSeveral });
    this.#stubs.set(server, made);
    return made;
  }

  /**
   * Connects to the address in use when nothing is known of it and there are others to try: an address that takes no
   * packets would otherwise hold a call until its deadline.
   * @returns what prevents it; null = go on
   */
  async ready(wallMs: number): Promise<string | null> {
    if (!this.hasSeveral || this.#isProven) return null;
    return this.current.connected(new Date(wallMs + CONNECT_LIMIT_MS));
  }

  /** The address answered as a leader does. */
  proven(server: string): void {
    if (server !== this.current.server) return;
    this.#isProven = true;
    this.#moves = 0;
  }

  /**
   * Moves on from an address that does not lead: to the one it names, if that is one of ours, else to the next. Calls that failed
   * together move once.
   * @returns whether every address was tried since the last pause, so that it is time for one
   */
  moveFrom(server: string, leader: string | null): boolean {
    if (!this.hasSeveral) return true;
    if (server !== this.current.server) return false;
    this.#isProven = false;
    this.#moves += 1;
    const named = leader === null ? -1 : this.servers.indexOf(leader);
    this.#at = named === -1 || named === this.#at ? (this.#at + 1) % this.servers.length : named;
    return this.#moves % this.servers.length === 0;
  }

  close(): void {
    for (const stubs of this.#stubs.values()) stubs.close();
  }
}

/** `a:1,b:2` as addresses, in order, each once. */
export function splitServers(text: string): readonly string[] {
  return [...new Set(text.split(',').map((one) => one.trim()))];
}
