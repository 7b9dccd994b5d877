// Holds scheduler and agents to finding out about a loss: who is told, with an answer, of more than an older copy of the disk has, and
// lives on until it meets a scheduler that goes on from that copy, is a witness of what was lost.
import type { ConnectionListener } from '../../node-agent/scheduler-connection.js';
import type { ConnectResponse, ConnectResponse__Output } from '../../proto/gen/sluice/v1/ConnectResponse.js';
import type { Incident } from '../../scheduler/model/records.js';
import type { StorePosition } from '../../scheduler/store/state-store.js';
import type { SimProcess } from './machine.js';
import type { StoredImage } from './store.js';
import type { LawName } from './violation.js';

type Place = Pick<StorePosition, 'lineage' | 'revision'>;

/** The process of an agent that lived when the disk was put back, and what it knew. */
interface Knowing {
  readonly node: string;
  readonly process: SimProcess;
  readonly heard: Place;
  readonly kept: StorePosition;
  /** The losses that the copy tells of. */
  readonly noted: ReadonlySet<string>;
  /** It was welcomed by a scheduler that goes on from the copy. */
  hasMet: boolean;
}

export class HearingChecker {
  readonly #report: (law: LawName, message: string) => void;
  /** Where the scheduler stood when the last answer left for a node, by its sequence. */
  readonly #answers = new Map<string, Map<number, Place>>();
  /** The agent of each node that lives, or lived last, and the most that it was told of. */
  readonly #heard = new Map<string, { readonly process: SimProcess; readonly place: Place }>();
  #knowing: Knowing[] = [];

  constructor(report: (law: LawName, message: string) => void) {
    this.#report = report;
  }

  /** Something leaves the scheduler for a node. @param position what the scheduler knows to be durable */
  sending(node: string, { heartbeatReply }: ConnectResponse, position: Place): void {
    if (!heartbeatReply) return;
    const answers = this.#answers.get(node) ?? new Map<number, Place>();
    this.#answers.set(node, answers.set(Number(heartbeatReply.sequence), position));
  }

  /** What an agent hears, heard here first. */
  overhear(node: string, process: SimProcess, listener: ConnectionListener): ConnectionListener {
    return {
      opened: () => listener.opened(),
      received: (message) => {
        this.#received(node, process, message);
        listener.received(message);
      },
      closed: () => listener.closed(),
      drained: () => listener.drained(),
    };
  }

  #received(node: string, process: SimProcess, { heartbeatReply, welcome }: ConnectResponse__Output): void {
    if (welcome) for (const one of this.#knowing) if (one.process === process) one.hasMet = true;
    if (!heartbeatReply) return;
    const place = this.#answers.get(node)?.get(Number(heartbeatReply.sequence));
    const known = this.#heard.get(node);
    if (place === undefined) return;
    const isMore =
      known?.process !== process || known.place.lineage !== place.lineage || known.place.revision < place.revision;
    if (isMore) this.#heard.set(node, { process, place });
  }

  /** An older copy of the disk was put in its place. @param isTold it begins a history of its own, as a restored backup does */
  lostHistory({ image }: StoredImage, isTold: boolean): void {
    // Whoever met nobody since the last time may not have told of it, and is asked now by another copy.
    this.#knowing = [];
    if (isTold) return;
    const { position } = image;
    for (const [node, { process, place }] of this.#heard) {
      if (place.lineage !== position.lineage || place.revision <= position.revision) continue;
      this.#knowing.push({
        node,
        process,
        heard: place,
        kept: position,
        noted: new Set(lossesNoted(image)),
        hasMet: false,
      });
    }
    // What is told from now on is counted anew: numbers of the lost part are given again.
    this.#heard.clear();
  }

  /** To be called once every agent was heard. */
  check({ image }: StoredImage): void {
    for (const { node, process, heard, kept, noted, hasMet } of this.#knowing) {
      if (!hasMet || !process.alive || lossesNoted(image).some((id) => !noted.has(id))) continue;
      const what = `${node} was told of revision ${heard.revision}, the disk that was put back had ${kept.revision}`;
      this.#report('I28 a loss is announced', `${what}, they met, and no loss of history was noted`);
    }
  }
}

function lossesNoted({ tables }: StoredImage['image']): readonly string[] {
  const incidents = [...(tables.get('incidents')?.values() ?? [])] as readonly Incident[];
  return incidents.filter(({ kind }) => kind === 'history_lost').map(({ id }) => id);
}
