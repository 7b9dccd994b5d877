// Thousands of agents in one process: they speak the agent's protocol and nothing is behind it. What they are to run they
// report as running at once, what they are to stop as released. A process of its own (light-agents-process.ts); it sends
// `ready` once all are welcome, and `full` once every GPU was given to a task.
import { randomUUID } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { present } from '../common/assert.js';
import { sluice } from '../common/proto.js';
import { fromDuration, toTimestamp } from '../common/units.js';
import type { ConnectRequest } from '../proto/gen/sluice/v1/ConnectRequest.js';
import type { ConnectResponse__Output } from '../proto/gen/sluice/v1/ConnectResponse.js';
import type { DesiredAllocation__Output } from '../proto/gen/sluice/v1/DesiredAllocation.js';
import type { Gpu } from '../proto/gen/sluice/v1/Gpu.js';
import type { ObservedAllocation } from '../proto/gen/sluice/v1/ObservedAllocation.js';

/** What the process is started with, as JSON. */
export interface LightAgents {
  /** `HOST:PORT` of the scheduler. */
  readonly server: string;
  readonly count: number;
  readonly gpusEach: number;
}

/** Below what the scheduler takes of one connection (see api/server.ts). */
const STREAMS_PER_CONNECTION = 500;
/** So many say hello at a time: each is a write to the store. */
const HELLOS_AT_A_TIME = 200;

type Stream = grpc.ClientDuplexStream<ConnectRequest, ConnectResponse__Output>;

const [argument] = process.argv.slice(2);
if (argument !== undefined) await run(JSON.parse(argument) as LightAgents);

async function run({ server, count, gpusEach }: LightAgents): Promise<void> {
  process.on('disconnect', () => process.exit());
  const connections = Array.from(
    { length: Math.ceil(count / STREAMS_PER_CONNECTION) },
    () => new sluice.AgentService(server, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  let heldGpus = 0;
  const noteHeld = (change: number) => {
    heldGpus += change;
    if (change > 0 && heldGpus === count * gpusEach) process.send?.('full');
  };
  for (let first = 0; first < count; first += HELLOS_AT_A_TIME) {
    const numbers = Array.from({ length: Math.min(HELLOS_AT_A_TIME, count - first) }, (_, at) => first + at);
    await Promise.all(
      numbers.map((number) =>
        join(
          present(connections[number % connections.length], 'connections', '').connect(),
          number,
          gpusEach,
          noteHeld,
        ),
      ),
    );
  }
  process.send?.('ready');
}

/**
 * Resolves once the scheduler welcomed it. Heartbeats go on after that, at the pace that it was told.
 * @param noteHeld called with the change whenever it is told to have tasks on more or fewer GPUs
 */
function join(stream: Stream, number: number, gpusEach: number, noteHeld: (change: number) => void): Promise<void> {
  const name = `light-${String(number).padStart(5, '0')}`;
  const gpus = Array.from({ length: gpusEach }, (_, index): Gpu => simulatedGpu(name, index));
  const nodeId = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const inventory = { gpus, cpuCount: 64, memoryMib: 1 << 20 };
  stream.write({ hello: { nodeId, name, pool: 'default', bootId: randomUUID(), agentVersion: 'light', inventory } });
  let heldGpus = 0;
  return new Promise((resolve, reject) => {
    stream.on('error', (error) => {
      reject(error);
      // A light agent does not come back; without it the figure would be of another cluster.
      process.exitCode = 1;
      process.disconnect?.();
    });
    stream.on('data', ({ welcome, desired }: ConnectResponse__Output) => {
      if (welcome) {
        beat(stream, fromDuration(welcome.heartbeatInterval) ?? 0);
        resolve();
      } else if (desired) {
        const gpusNow = desired.allocations.reduce((sum, { gpus: granted }) => sum + granted.length, 0);
        noteHeld(gpusNow - heldGpus);
        heldGpus = gpusNow;
        stream.write({ observed: { allocations: desired.allocations.map(obey) } });
      }
    });
  });
}

function beat(stream: Stream, everyMs: number): void {
  let sequence = 0;
  const send = () => {
    stream.write({ heartbeat: { sequence: ++sequence } });
    setTimeout(send, everyMs);
  };
  // Not all at once.
  setTimeout(send, Math.random() * everyMs);
}

function simulatedGpu(node: string, index: number): Gpu {
  const uuid = `GPU-${node}-${index}`;
  return { uuid, index, model: 'NVIDIA H100 80GB HBM3', memoryMib: 81_920, simulated: true };
}

function obey({ id, workload, attempt, task, stop }: DesiredAllocation__Output): ObservedAllocation {
  const now = toTimestamp(Date.now());
  const running = { id, workload, attempt, task, startTime: now };
  if (!stop) return { ...running, state: 'OBSERVED_STATE_RUNNING' };
  const exit = { signal: 'SIGTERM' };
  return { ...running, state: 'OBSERVED_STATE_RELEASED', endTime: now, exit, stopSignalled: true };
}
