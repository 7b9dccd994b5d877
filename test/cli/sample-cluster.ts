// A small cluster as the scheduler would tell it: two nodes of four H100, three queues, and workloads in every state.
import { toTimestamp } from '../../common/units.js';
import type { ExplainWorkloadResponse } from '../../proto/gen/sluice/v1/ExplainWorkloadResponse.js';
import type { Gpu } from '../../proto/gen/sluice/v1/Gpu.js';
import type { Node } from '../../proto/gen/sluice/v1/Node.js';
import type { Queue } from '../../proto/gen/sluice/v1/Queue.js';
import type { Workload } from '../../proto/gen/sluice/v1/Workload.js';
import { FakeScheduler } from './fake-scheduler.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** So long before now. Ages in tests are of ten minutes and more, which read the same a few seconds later. */
export function ago(ms: number) {
  return toTimestamp(Date.now() - ms);
}

const MODEL = 'NVIDIA H100 80GB HBM3';

function gpu(node: number, index: number, change: Partial<Gpu> = {}): Gpu {
  return {
    uuid: `GPU-${node}${index}`,
    index,
    model: MODEL,
    memoryMib: 81_559,
    simulated: true,
    health: 'GPU_HEALTH_HEALTHY',
    pciBusId: `00000000:0${index}:00.0`,
    telemetry: { utilizationRatio: 0.5, memoryUsedMib: 40_000, temperatureCelsius: 60.4, powerWatts: 512 },
    ...change,
  };
}

export function sampleNodes(): Node[] {
  const common = {
    pool: 'h100',
    labels: { rack: 'a' },
    agentVersion: '0.1.0',
    registerTime: ago(41 * DAY),
    lastHeartbeatTime: ago(1500),
  };
  const machine = { cpuCount: 64, memoryMib: 524_288, driverVersion: '550.54', cudaVersion: '12.4' };
  return [
    {
      ...common,
      id: 'id-1',
      name: 'n1',
      state: 'NODE_STATE_READY',
      allocatedGpus: 4,
      workloads: [1041, 1045],
      inventory: {
        ...machine,
        gpus: [0, 1, 2, 3].map((index) => gpu(1, index, { workload: index < 2 ? 1041 : 1045 })),
      },
    },
    {
      ...common,
      id: 'id-2',
      name: 'n2',
      state: 'NODE_STATE_READY',
      cordoned: true,
      cordonReason: 'fan swap',
      skews: ['this agent is 0.1.0, the scheduler 0.2.0: upgrade the agent; its tasks go on meanwhile'],
      allocatedGpus: 0,
      inventory: {
        ...machine,
        gpus: [
          gpu(2, 0, { telemetry: null, simulated: false }),
          gpu(2, 1, {
            telemetry: null,
            simulated: false,
            health: 'GPU_HEALTH_LOST',
            healthMessage: 'fell off the bus',
          }),
        ],
      },
    },
  ];
}

export function sampleQueues(): Queue[] {
  return [
    {
      spec: { name: 'research', parent: '', guaranteeGpus: 4, limitGpus: 8, weight: 1, priority: 100 },
      use: {
        allocatedGpus: 6,
        borrowedGpus: 2,
        pendingGpus: 8,
        fairShareGpus: 5.5,
        unmetGuaranteeGpus: 0,
        runningWorkloads: 2,
        pendingWorkloads: 1,
        oldestPendingTime: ago(31 * MINUTE),
      },
      createTime: ago(3 * DAY),
    },
    {
      spec: { name: 'vision', parent: 'research', guaranteeGpus: 2, weight: 2, priority: 100 },
      use: { allocatedGpus: 0, fairShareGpus: 2, unmetGuaranteeGpus: 1 },
      createTime: ago(3 * DAY),
    },
    {
      spec: { name: 'product', parent: '', guaranteeGpus: 0, weight: 0.5, priority: 50 },
      use: {},
      createTime: ago(HOUR),
    },
  ];
}

/** A workload with what tests seldom care for filled in. */
export function workload(number: number, change: Partial<Workload>): Workload {
  return {
    number,
    uid: `UID-${number}`,
    owner: 'alice',
    state: 'WORKLOAD_STATE_PENDING',
    submitTime: ago(31 * MINUTE),
    ...change,
    spec: {
      name: `w${number}`,
      kind: 'WORKLOAD_KIND_TRAIN',
      queue: 'research',
      priority: 50,
      preemptible: true,
      tasks: 1,
      resources: { gpus: 2, gpuModel: '', pool: '' },
      command: { argv: ['python', 'train.py', '--note', 'two words'] },
      checkpoint: { grace: { seconds: 30, nanos: 0 } },
      ...change.spec,
    },
  };
}

function granted(indexes: readonly number[]) {
  return indexes.map((index) => ({ uuid: `GPU-1${index}`, index, model: MODEL, simulated: true, generation: 1 }));
}

export function sampleWorkloads(): Workload[] {
  return [
    workload(1040, {
      state: 'WORKLOAD_STATE_FAILED',
      message: 'task 0 ended with exit code 3',
      attempt: 1,
      startTime: ago(3 * HOUR),
      endTime: ago(2 * HOUR),
      spec: { name: 'tok-train' },
      allocations: [
        {
          id: 'A0',
          task: 0,
          node: 'n1',
          attempt: 1,
          gpus: granted([0]),
          state: 'ALLOCATION_STATE_RELEASED',
          startTime: ago(3 * HOUR),
          exit: { code: 3 },
        },
        {
          id: 'A1',
          task: 1,
          node: 'n1',
          attempt: 1,
          gpus: granted([1]),
          state: 'ALLOCATION_STATE_RELEASED',
          startTime: ago(3 * HOUR),
          stop: { reason: 'STOP_REASON_GANG_ENDED', message: 'task 0 ended' },
          exit: { signal: 'SIGTERM' },
        },
      ],
    }),
    workload(1041, {
      state: 'WORKLOAD_STATE_RUNNING',
      attempt: 2,
      requeues: 1,
      // Of its first attempt: what is told of its time is that of the present one.
      startTime: ago(89 * MINUTE),
      spec: {
        name: 'resnet',
        tasks: 2,
        resources: { gpus: 1, gpuModel: 'h100', pool: 'h100' },
        environment: [{ name: 'DEBUG', value: '1' }],
      },
      allocations: [
        {
          id: 'B0',
          task: 0,
          node: 'n1',
          attempt: 2,
          gpus: granted([0]),
          state: 'ALLOCATION_STATE_RUNNING',
          startTime: ago(47 * MINUTE),
          endpoints: [{ name: 'rest', url: 'http://127.0.0.1:8000' }],
        },
        {
          id: 'B1',
          task: 1,
          node: 'n1',
          attempt: 2,
          gpus: granted([1]),
          state: 'ALLOCATION_STATE_RUNNING',
          startTime: ago(47 * MINUTE),
        },
      ],
      checkpoint: { step: 1200, time: ago(12 * MINUTE), path: '/ckpt/1041/step-1200' },
      gpuTime: { seconds: 5400, nanos: 0 },
      lostGpuTime: { seconds: 900, nanos: 0 },
      events: [
        { time: ago(90 * MINUTE), type: 'submitted', message: 'by alice' },
        { time: ago(48 * MINUTE), type: 'requeued', message: 'reclaimed for 1039' },
      ],
    }),
    workload(1042, {
      pendingReason: 'QUEUE_LIMIT',
      message: 'research holds 6 of at most 8 GPUs and this needs 8',
      spec: { name: 'pretrain', tasks: 2, resources: { gpus: 4, gpuModel: 'h100' } },
    }),
    workload(1043, { message: 'not looked at yet', spec: { name: 'any-gpu', queue: 'product' } }),
  ];
}

export function sampleExplanation(): ExplainWorkloadResponse {
  return {
    number: 1042,
    state: 'WORKLOAD_STATE_PENDING',
    reason: 'QUEUE_LIMIT',
    summary: 'research holds 6 of at most 8 GPUs and this needs 8.',
    lines: [
      { title: 'Needs', text: '4 x H100 for each of 2 tasks' },
      { title: 'Quota', text: 'research: guarantee 4, allocated 6, limit 8' },
    ],
    estimate: 'unknown: it waits for work of its queue to end, or for a higher limit',
  };
}

/** A started scheduler that knows the sample cluster. */
export async function startSample(): Promise<FakeScheduler> {
  const scheduler = new FakeScheduler();
  refresh(scheduler);
  await scheduler.start();
  return scheduler;
}

/** The sample as of now. */
export function refresh(scheduler: FakeScheduler): void {
  scheduler.nodes = sampleNodes();
  scheduler.queues = sampleQueues();
  scheduler.workloads = sampleWorkloads();
  scheduler.explanation = sampleExplanation();
}
