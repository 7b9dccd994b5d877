// A control loop on a store in memory, with everything real but the disk.
import { systemClock, type Clock } from '../../common/clock.js';
import { createUlidMaker, type QueueName } from '../../common/ids.js';
import type { Command } from '../../scheduler/control/command.js';
import { createQueue } from '../../scheduler/control/commands/queues.js';
import { ControlLoop } from '../../scheduler/control/loop.js';
import { recover } from '../../scheduler/control/recovery.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { MemoryStore } from './memory-store.js';
import { ONLY_GPUS_COUNT } from '../../scheduler/model/requests.js';

export async function loopOn(
  store = new MemoryStore(),
  clock: Clock = systemClock,
  isFresh: () => boolean = () => true,
) {
  const view = new ClusterView();
  const { state, position } = await recover(store, view, () => 'cluster', clock.wallMs());
  const fatal: unknown[] = [];
  const newUlid = createUlidMaker();
  const onFatal = (error: unknown) => {
    fatal.push(error);
    if (process.env['DEBUG_FATAL']) console.error(error);
  };
  const loop = new ControlLoop({ store, state, view, clock, newUlid, position, defer: setImmediate, onFatal, isFresh });
  return { loop, store, state, fatal };
}

export const queue = (name: string): Command<unknown> =>
  createQueue(
    {
      name: name as QueueName,
      parent: null,
      guaranteeGpus: 0,
      limitGpus: null,
      weight: 1,
      priority: 100,
      ...ONLY_GPUS_COUNT,
    },
    false,
  );
