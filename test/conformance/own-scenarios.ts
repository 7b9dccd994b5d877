// Scenarios of our own, each from one rule that is easy to get wrong, with the reason for its answer. Written in the format of
// the peer's (docs/conformance.md), so that both run through the same player.

/** A scenario in the file's format, with what it is for. */
interface OwnScenario {
  readonly why: string;
  readonly scenario: Record<string, unknown>;
}

interface Node {
  readonly name?: string;
  readonly gpus: number;
}

function node({ name = 'node0', gpus }: Node) {
  return { name, gpus, gpu_memory_mib: 100, cpus: 1_000, memory_bytes: 20_000_000_000 };
}

function queue(name: string, quota: number, more: Record<string, unknown> = {}) {
  return { name, quota_gpus: quota, over_quota_weight: 0, ...more };
}

const RUNS = { state: 'running', node: 'node0' };
const WAITS = { state: 'pending' };

/** A job of preemptible one-GPU tasks in queue0. */
function job(name: string, ageMinutes: number, tasks: readonly object[], more: Record<string, unknown> = {}) {
  return {
    name,
    queue: 'queue0',
    priority: 50,
    gpus_per_task: 1,
    min_tasks: 1,
    age_minutes: ageMinutes,
    tasks,
    ...more,
  };
}

/** Jobs that are expected to stand as one word says. */
function stand(words: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(words).map(([name, status]) => [name, { status }]));
}

/** Whole cycles: all actions. */
const STEADY = { kind: 'steady', rounds: { until_match: 2, stays_for: 5 } };

function oneAction(family: string) {
  return { kind: 'one_action', family };
}

export const OWN_SCENARIOS: readonly OwnScenario[] = [
  {
    why: 'Four GPUs among three equal queues: one each, and the last to the largest remainder; of equal ones to the oldest queue.',
    scenario: {
      id: 'own-remainder-to-oldest',
      family: 'allocate',
      ...STEADY,
      nodes: [node({ gpus: 4 })],
      queues: ['queue0', 'queue1', 'queue2'].map((name) => queue(name, 0, { over_quota_weight: 1 })),
      jobs: ['queue0', 'queue1', 'queue2'].flatMap((name) => [
        job(`${name}-old`, 2, [WAITS], { queue: name }),
        job(`${name}-new`, 1, [WAITS], { queue: name }),
      ]),
      expect: {
        jobs: stand({
          'queue0-old': 'running',
          'queue0-new': 'running',
          'queue1-old': 'running',
          'queue1-new': 'pending',
          'queue2-old': 'running',
          'queue2-new': 'pending',
        }),
        max_evictions: 0,
      },
    },
  },
  {
    why: 'The surplus goes to the queue of higher priority first, so the other one has no share of it left to keep.',
    scenario: {
      id: 'own-surplus-by-priority',
      family: 'reclaim',
      ...STEADY,
      nodes: [node({ gpus: 2 })],
      queues: [
        queue('queue0', 0, { over_quota_weight: 1, priority: 100 }),
        queue('queue1', 0, { over_quota_weight: 1, priority: 200 }),
      ],
      jobs: [
        job('holder', 2, [RUNS], { gpus_per_task: 2 }),
        job('taker', 1, [WAITS], { queue: 'queue1', gpus_per_task: 2 }),
      ],
      expect: { jobs: stand({ holder: 'pending', taker: 'running' }), max_evictions: 1, max_binds: 1 },
    },
  },
  {
    why: 'A limit holds even where GPUs are idle.',
    scenario: {
      id: 'own-limit',
      family: 'allocate',
      ...STEADY,
      nodes: [node({ gpus: 4 })],
      queues: [queue('queue0', 0, { over_quota_weight: 1, limit_gpus: 1 })],
      jobs: [job('first', 2, [WAITS]), job('second', 1, [WAITS])],
      expect: { jobs: stand({ first: 'running', second: 'pending' }), max_evictions: 0 },
    },
  },
  {
    why: 'A limit on CPU binds like one on GPUs.',
    scenario: {
      id: 'own-cpu-limit',
      ...oneAction('allocate'),
      nodes: [node({ gpus: 4 })],
      queues: [queue('queue0', 4, { limit_cpu_millis: 1_500 })],
      jobs: [job('first', 2, [WAITS], { cpus_per_task: 1 }), job('second', 1, [WAITS], { cpus_per_task: 1 })],
      expect: { jobs: stand({ first: 'binding', second: 'pending' }), max_binds: 1 },
    },
  },
  {
    why: 'An elastic workload gives its surplus before a younger one that has just what it needs gives anything.',
    scenario: {
      id: 'own-surplus-task-first',
      ...oneAction('reclaim'),
      nodes: [node({ gpus: 3 })],
      queues: [queue('queue0', 0), queue('queue1', 1)],
      jobs: [job('elastic', 5, [RUNS, RUNS]), job('rigid', 2, [RUNS]), job('owner', 1, [WAITS], { queue: 'queue1' })],
      expect: {
        tasks: stand({
          'elastic-0': 'running',
          'elastic-1': 'releasing',
          'rigid-0': 'running',
          'owner-0': 'pipelined',
        }),
        max_evictions: 1,
        max_binds: 0,
      },
    },
  },
  {
    why: 'If one task of a gang must wait for a GPU that is being released, the whole gang waits, idle GPUs or not.',
    scenario: {
      id: 'own-gang-waits-whole',
      ...oneAction('allocate'),
      nodes: [node({ gpus: 1 }), node({ name: 'node1', gpus: 1 })],
      queues: [queue('queue0', 2)],
      jobs: [
        job('leaver', 2, [{ state: 'releasing', node: 'node0' }]),
        job('gang', 1, [WAITS, WAITS], { min_tasks: 2 }),
      ],
      expect: { jobs: stand({ leaver: 'releasing', gang: 'pipelined' }), max_binds: 0, max_evictions: 0 },
    },
  },
  {
    why: 'A share goes onto a GPU that is shared already, so that the idle one stays whole.',
    scenario: {
      id: 'own-share-joins',
      ...oneAction('allocate'),
      nodes: [node({ gpus: 2 })],
      queues: [queue('queue0', 2)],
      jobs: [
        job('half', 2, [{ ...RUNS, gpu_groups: ['a'] }], { gpus_per_task: 0.5 }),
        job('other half', 1, [WAITS], { gpus_per_task: 0.5 }),
      ],
      expect: {
        jobs: {
          half: { status: 'running', node: 'node0', gpus: 0.5, gpu_groups: ['x'] },
          'other half': { status: 'binding', node: 'node0', gpus: 0.5, gpu_groups: ['x'] },
        },
      },
    },
  },
  {
    why: 'Work that is not preemptible stays within the quota of every queue above it, not only of its own.',
    scenario: {
      id: 'own-not-preemptible-within-parent',
      ...oneAction('allocate'),
      nodes: [node({ gpus: 4 })],
      queues: [
        queue('parent', 1, { over_quota_weight: 1 }),
        queue('queue0', 2, { parent: 'parent', over_quota_weight: 1 }),
      ],
      jobs: [
        job('fixed', 2, [WAITS], { gpus_per_task: 2, priority: 100 }),
        job('preemptible', 1, [WAITS], { gpus_per_task: 2 }),
      ],
      expect: { jobs: stand({ fixed: 'pending', preemptible: 'binding' }), max_binds: 1 },
    },
  },
  {
    why: 'Equal priority is not displaced, whoever is older.',
    scenario: {
      id: 'own-equal-priority-stays',
      ...oneAction('preempt'),
      nodes: [node({ gpus: 1 })],
      queues: [queue('queue0', 1)],
      jobs: [job('young', 1, [RUNS]), job('old', 5, [WAITS])],
      expect: { jobs: stand({ young: 'running', old: 'pending' }), max_evictions: 0 },
    },
  },
  {
    why: 'A queue that holds just its quota gives nothing, though the other one is below its own: there is less than was promised.',
    scenario: {
      id: 'own-at-quota-gives-nothing',
      family: 'reclaim',
      ...STEADY,
      nodes: [node({ gpus: 2 })],
      queues: [queue('queue0', 2), queue('queue1', 2)],
      jobs: [job('first', 3, [RUNS]), job('second', 2, [RUNS]), job('owner', 1, [WAITS], { queue: 'queue1' })],
      expect: {
        jobs: stand({ first: 'running', second: 'running', owner: 'pending' }),
        max_evictions: 0,
        max_binds: 0,
      },
    },
  },
  {
    why: 'Legality is tested before a victim is taken, so the last one may carry its queue below its quota: a task cannot be cut.',
    scenario: {
      id: 'own-last-victim-carries-below',
      ...oneAction('reclaim'),
      nodes: [node({ gpus: 2 })],
      queues: [queue('queue0', 1), queue('queue1', 1)],
      jobs: [job('wide', 2, [RUNS], { gpus_per_task: 2 }), job('owner', 1, [WAITS], { queue: 'queue1' })],
      expect: { jobs: stand({ wide: 'releasing', owner: 'pipelined' }), max_evictions: 1, max_binds: 0 },
    },
  },
  {
    why: 'One of two running tasks moves so that a preemptible one finds two GPUs together.',
    scenario: {
      id: 'own-consolidation-moves-one',
      ...oneAction('consolidation'),
      nodes: [node({ gpus: 2 }), node({ name: 'node1', gpus: 2 })],
      queues: [queue('queue0', 4)],
      jobs: [
        job('left', 3, [RUNS]),
        job('right', 2, [{ state: 'running', node: 'node1' }]),
        job('wide', 1, [WAITS], { gpus_per_task: 2 }),
      ],
      expect: {
        jobs: {
          left: { status: 'running', node: 'node0' },
          right: { status: 'pipelined', node: 'node0' },
          wide: { status: 'pipelined', node: 'node1' },
        },
        max_evictions: 1,
        max_binds: 0,
      },
    },
  },
  {
    why: 'Nobody is moved for work that is not preemptible.',
    scenario: {
      id: 'own-consolidation-for-preemptible-only',
      ...oneAction('consolidation'),
      nodes: [node({ gpus: 2 }), node({ name: 'node1', gpus: 2 })],
      queues: [queue('queue0', 4)],
      jobs: [
        job('left', 3, [RUNS]),
        job('right', 2, [{ state: 'running', node: 'node1' }]),
        job('wide', 1, [WAITS], { gpus_per_task: 2, priority: 100 }),
      ],
      expect: { jobs: stand({ left: 'running', right: 'running', wide: 'pending' }), max_evictions: 0, max_binds: 0 },
    },
  },
  {
    why: 'Surplus tasks come one at a time, and the order of queues is looked at again after each: both end with two.',
    scenario: {
      id: 'own-surplus-alternates',
      family: 'allocate',
      ...STEADY,
      nodes: [node({ gpus: 4 })],
      queues: ['queue0', 'queue1'].map((name) => queue(name, 0, { over_quota_weight: 1 })),
      jobs: [job('a', 2, [WAITS, WAITS, WAITS]), job('b', 1, [WAITS, WAITS, WAITS], { queue: 'queue1' })],
      expect: {
        tasks: stand({
          'a-0': 'running',
          'a-1': 'running',
          'a-2': 'pending',
          'b-0': 'running',
          'b-1': 'running',
          'b-2': 'pending',
        }),
        max_evictions: 0,
      },
    },
  },
  {
    why: 'Memory is counted exactly: twenty tasks of a gigabyte fill a node of twenty, and not one more comes.',
    scenario: {
      id: 'own-memory-to-the-byte',
      ...oneAction('allocate'),
      nodes: [node({ gpus: 0 })],
      queues: [queue('queue0', 0)],
      jobs: [
        job('twenty', 2, new Array(20).fill(WAITS), {
          gpus_per_task: 0,
          min_tasks: 20,
          memory_bytes_per_task: 1_000_000_000,
        }),
        job('one more', 1, [WAITS], { gpus_per_task: 0, memory_bytes_per_task: 1_000_000 }),
      ],
      expect: { jobs: stand({ twenty: 'binding', 'one more': 'pending' }), max_binds: 20 },
    },
  },
  {
    why: 'A gang that lost a task keeps running through its grace.',
    scenario: {
      id: 'own-broken-gang-has-grace',
      ...oneAction('stalegangeviction'),
      nodes: [node({ gpus: 1 })],
      queues: [queue('queue0', 2)],
      jobs: [job('gang', 1, [RUNS, WAITS], { min_tasks: 2 })],
      expect: { tasks: stand({ 'gang-0': 'running', 'gang-1': 'pending' }), max_evictions: 0 },
    },
  },
];
