// Notices of one daemon: what is permitted, how they are sent, and the test that users may ask for.
import type { QueueName, WorkloadNumber } from '../../common/ids.js';
import type { Clock } from '../../common/clock.js';
import type { Logger } from '../../common/log.js';
import type { NotifyConfig } from './notify-config.js';
import type { ControlLoop } from '../control/loop.js';
import type { ReadableState } from '../model/cluster-state.js';
import { Delivery } from './delivery.js';
import { sendMail } from './mail.js';
import type { Message, WorkloadMessage } from './message.js';
import { AddressRule } from './private-networks.js';
import { parseReceiver, Receivers } from './receivers.js';
import { postWebhook, type Sent } from './webhook.js';

export interface NotifierDependencies {
  readonly loop: ControlLoop;
  readonly state: Pick<ReadableState, 'notices' | 'meta'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this daemon leads for certain. */
  readonly isFresh: () => boolean;
  readonly random: () => number;
  readonly newUlid: (nowMs: number) => string;
}

/** Tests under way at once, and the pause after one: whoever may use the API may ask for them. */
const MAX_TESTS = 4;
const TEST_PAUSE_MS = 1_000;

export class Notifier {
  readonly #config: NotifyConfig;
  readonly #deps: NotifierDependencies;
  readonly #receivers: Receivers;
  readonly #rule: AddressRule;
  readonly delivery: Delivery;
  #tests = 0;

  /** @throws Error in words when the file of webhooks cannot be used */
  constructor(config: NotifyConfig, deps: NotifierDependencies) {
    this.#config = config;
    this.#deps = deps;
    this.#receivers = new Receivers(config, deps.log, () => deps.clock.monotonicMs());
    this.#rule = new AddressRule(config.privateNetworks);
    this.delivery = new Delivery({ ...deps, send: (to, message) => this.#send(to, message) });
  }

  /** Why nothing may be sent there, in words that go behind its name; null = it may. */
  whyNot(to: string): string | null {
    return this.#receivers.whyNot(to);
  }

  /** Sends a test, once; null = too many are under way. */
  async test(to: string, owner: string): Promise<Sent | null> {
    if (this.#tests >= MAX_TESTS) return null;
    this.#tests += 1;
    const { clock, newUlid, state } = this.#deps;
    const nowMs = clock.wallMs();
    const id = newUlid(nowMs);
    const workload: WorkloadMessage['workload'] = {
      number: 0 as WorkloadNumber,
      uid: id,
      name: 'test',
      kind: 'batch',
      queue: '' as QueueName,
      owner,
      state: 'pending',
      message: 'a test of notices: nothing happened to any workload',
      attempt: 0,
      submittedMs: nowMs,
      startedMs: null,
      endedMs: null,
    };
    try {
      return await this.#send(to, { id, type: 'test', timeMs: nowMs, workload, cluster: state.meta.clusterId });
    } finally {
      clock.after(TEST_PAUSE_MS, () => (this.#tests -= 1));
    }
  }

  async #send(to: string, message: Message): Promise<Sent> {
    // What was permitted when it was submitted need not be any more.
    const refused = this.whyNot(to);
    const receiver = parseReceiver(to);
    if (typeof receiver === 'string') return { outcome: 'gone', detail: receiver };
    if (refused !== null) return { outcome: 'gone', detail: refused };
    const { mail } = this.#config;
    if (receiver.type === 'mail') {
      return mail === null
        ? { outcome: 'gone', detail: 'no e-mail is sent' }
        : sendMail(receiver.address, message, mail);
    }
    const secret = this.#receivers.secretFor(receiver.url) ?? '';
    return postWebhook(receiver.url, message, { secret, rule: this.#rule, nowMs: this.#deps.clock.wallMs() });
  }
}
