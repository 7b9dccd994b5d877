// Our dashboards: what an administrator, a team lead and an engineer look at first. Each question of theirs is a panel.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { bars, board, gauges, lines, rows, stacked, tile } from './panels.js';

const POOL = { name: 'pool', of: 'sluice_gpus' };
const QUEUE = { name: 'queue', of: 'sluice_queue_info' };
const NODE = { name: 'node', of: 'sluice_node_up' };

/** Every dashboard, by the name of its file. */
export function dashboards(): Readonly<Record<string, Dashboard>> {
  return {
    overview: overview(),
    queues: queues(),
    scheduler: scheduler(),
    fleet: fleet(),
    workload: workload(),
  };
}

function overview(): Dashboard {
  const gpus = (state: string): string => `sum(sluice_gpus{pool=~"$pool",state="${state}"})`;
  return board('overview', 'Overview', 'The whole cluster at a glance: who holds what, what waits, what is wasted.', [
    POOL,
  ])
    .withPanel(tile('GPUs', 'All that nodes have reported.', 'short', 'sum(sluice_gpus{pool=~"$pool"})'))
    .withPanel(tile('Allocated', 'In part or whole.', 'short', gpus('allocated')))
    .withPanel(tile('Idle', 'Free and usable.', 'short', `${gpus('idle')} or vector(0)`))
    .withPanel(
      tile(
        'Unavailable',
        'On nodes that are away or cordoned, or unhealthy.',
        'short',
        `${gpus('unavailable')} or vector(0)`,
        [{ color: 'orange', from: 1 }],
      ),
    )
    .withPanel(
      tile(
        'Held, not used',
        'Held by tasks and below 5 % for 15 minutes.',
        'short',
        'sum(sluice_gpu_idle_allocated{pool=~"$pool"}) or vector(0)',
        [{ color: 'orange', from: 1 }],
      ),
    )
    .withPanel(
      tile(
        'Pending',
        'Workloads that wait, for whatever reason.',
        'short',
        'sum(sluice_workloads_pending) or vector(0)',
      ),
    )
    .withPanel(
      stacked('GPUs by queue', 'Who holds them.', 'short', [
        'sum by (queue) (sluice_queue_allocated_gpus) > 0',
        '{{queue}}',
      ]),
    )
    .withPanel(
      stacked('GPUs by state', 'Allocated, idle, unavailable.', 'short', [
        'sum by (state) (sluice_gpus{pool=~"$pool"})',
        '{{state}}',
      ]),
    )
    .withPanel(
      stacked('GPUs held by model', 'Parts of shared GPUs added up.', 'short', [
        'sum by (pool, model) (sluice_gpus_held{pool=~"$pool"})',
        '{{pool}} {{model}}',
      ]),
    )
    .withPanel(
      lines('GPU utilization', 'Of all GPUs, as the agents measure it.', 'percentunit', [
        'avg by (model) (sluice_gpu_utilization_ratio)',
        '{{model}}',
      ]),
    )
    .withPanel(
      stacked('Pending by reason', 'What workloads wait for.', 'short', [
        'sum by (reason) (sluice_workloads_pending)',
        '{{reason}}',
      ]),
    )
    .withPanel(
      lines(
        'Wait until the first start',
        'Of workloads that started in the last hour.',
        's',
        ['histogram_quantile(0.5, sum by (le) (increase(sluice_workload_wait_seconds_bucket[1h])))', 'median'],
        ['histogram_quantile(0.95, sum by (le) (increase(sluice_workload_wait_seconds_bucket[1h])))', '95 %'],
      ),
    )
    .withPanel(stacked('Nodes', 'By state.', 'short', ['sum by (state) (sluice_nodes{pool=~"$pool"})', '{{state}}']))
    .withPanel(
      rows(
        'Alerts',
        'What Prometheus holds against us now.',
        'value',
        'count by (alertname, severity, alertstate) (ALERTS{alertname=~"Sluice.*"}) or label_replace(vector(0), "alertname", "none", "", "")',
      ),
    )
    .build();
}

function queues(): Dashboard {
  const of = (name: string): string => `sluice_queue_${name}{queue=~"$queue"}`;
  return board('queues', 'Queues and quotas', 'What each queue is guaranteed, holds, borrows, waits for and loses.', [
    QUEUE,
  ])
    .withPanel(
      gauges(
        'Guaranteed, held, borrowed',
        'A queue above its guarantee borrows what others do not use.',
        'short',
        [of('guaranteed_gpus'), '{{queue}} guaranteed'],
        [of('allocated_gpus'), '{{queue}} held'],
        [of('borrowed_gpus'), '{{queue}} borrowed'],
      ),
    )
    .withPanel(
      lines('Held of the guarantee', 'Above 1 it borrows.', 'percentunit', [
        `${of('allocated_gpus')} / (${of('guaranteed_gpus')} > 0)`,
        '{{queue}}',
      ]),
    )
    .withPanel(
      lines(
        'Held and fair share',
        'The fair share is what a queue may expect at present.',
        'short',
        [of('allocated_gpus'), '{{queue}} held'],
        [of('fair_share_gpus'), '{{queue}} fair share'],
      ),
    )
    .withPanel(lines('Requested', 'GPUs that pending workloads ask for.', 'short', [of('requested_gpus'), '{{queue}}']))
    .withPanel(
      lines(
        'Guarantee that cannot be met',
        'Wanted, guaranteed, and not there: bad hardware, or promises above capacity.',
        'short',
        [of('unmet_guarantee_gpus'), '{{queue}}'],
      ),
    )
    .withPanel(
      lines('Limit', 'The most a queue may hold; queues without one are absent.', 'short', [
        of('limit_gpus'),
        '{{queue}}',
      ]),
    )
    .withPanel(
      bars('Taken back and preempted', 'By whom, from whom, in an hour.', 'short', [
        'sum by (by_queue, victim_queue, reason) (increase(sluice_preemptions_total{victim_queue=~"$queue"}[1h]))',
        '{{by_queue}} from {{victim_queue}}: {{reason}}',
      ]),
    )
    .withPanel(
      bars(
        'GPU time',
        'Within the guarantee and borrowed, in an hour. A leaf queue borrows above its own guarantee, be it from the queue above.',
        's',
        ['sum by (queue, kind) (increase(sluice_queue_gpu_seconds_total{queue=~"$queue"}[1h]))', '{{queue}}: {{kind}}'],
      ),
    )
    .withPanel(
      lines(
        'Budget',
        'How much of it is used in the present period, and where people are warned; queues without one are absent.',
        'percentunit',
        [of('budget_used_ratio'), '{{queue}} used'],
        [of('budget_warn_ratio'), '{{queue}} warns'],
      ),
    )
    .withPanel(
      lines('Budget: days left', 'Until the period ends and all of it is there again.', 'd', [
        `(${of('budget_end_timestamp_seconds')} - time()) / 86400`,
        '{{queue}}',
      ]),
    )
    .withPanel(
      lines('Budget: borrowing stopped', '1 = it is spent, and the queue gets nothing above its guarantee.', 'short', [
        of('budget_stops_borrowing'),
        '{{queue}}',
      ]),
    )
    .withPanel(
      lines('GPU time lost to interruptions', 'Since the last complete checkpoint, an hour.', 's', [
        'sum by (victim_queue) (increase(sluice_preemption_lost_gpu_seconds_total{victim_queue=~"$queue"}[1h]))',
        '{{victim_queue}}',
      ]),
    )
    .withPanel(
      bars(
        'GPU time wasted',
        'Idle in the hands of tasks, lost to interruptions, of attempts that failed: in an hour.',
        's',
        [
          'sum by (queue, kind) (increase(sluice_queue_wasted_gpu_seconds_total{queue=~"$queue"}[1h]))',
          '{{queue}}: {{kind}}',
        ],
      ),
    )
    .withPanel(
      lines('Wait until the first start (95 %)', 'Of workloads that started in the last hour.', 's', [
        'histogram_quantile(0.95, sum by (le, queue) (increase(sluice_workload_wait_seconds_bucket{queue=~"$queue"}[1h])))',
        '{{queue}}',
      ]),
    )
    .withPanel(
      lines('Oldest pending', 'How long it has waited.', 's', [
        'sluice_workloads_oldest_pending_seconds{queue=~"$queue"}',
        '{{queue}}',
      ]),
    )
    .withPanel(
      stacked('Workloads', 'By state.', 'short', [
        'sum by (state) (sluice_workloads{queue=~"$queue",state!~"succeeded|failed|cancelled"})',
        '{{state}}',
      ]),
    )
    .withPanel(
      lines('Held and not used', 'GPUs below 5 % for 15 minutes.', 'short', [
        'sum by (queue) (sluice_gpu_idle_allocated{queue=~"$queue"}) or sum by (queue) (sluice_queue_info{queue=~"$queue"} * 0)',
        '{{queue}}',
      ]),
    )
    .withPanel(
      gauges(
        'Advice',
        'Running workloads that ask for more than they use; sluice stats --findings names them.',
        'short',
        ['sum by (kind) (sluice_advice_workloads)', '{{kind}}'],
      ),
    )
    .withPanel(
      bars(
        'Submitted and ended',
        'In five minutes.',
        'short',
        ['sum by (queue) (increase(sluice_workloads_submitted_total{queue=~"$queue"}[5m]))', '{{queue}} submitted'],
        [
          'sum by (queue, outcome) (increase(sluice_workloads_finished_total{queue=~"$queue"}[5m]))',
          '{{queue}} {{outcome}}',
        ],
      ),
    )
    .withPanel(
      lines('Run time (median)', 'From the first start to the end, of workloads that ended in the last hour.', 's', [
        'histogram_quantile(0.5, sum by (le, queue) (increase(sluice_workload_run_seconds_bucket{queue=~"$queue"}[1h])))',
        '{{queue}}',
      ]),
    )
    .build();
}

function scheduler(): Dashboard {
  const rate = (metric: string, by: string): string => `sum by (${by}) (rate(${metric}[$__rate_interval]))`;
  const quantile = (q: number, metric: string, by = ''): string =>
    `histogram_quantile(${q}, sum by (le${by === '' ? '' : `, ${by}`}) (rate(${metric}_bucket[$__rate_interval])))`;
  return board(
    'scheduler',
    'Scheduler internals',
    'For those who run the daemon: its turns, its decisions, its store, its API.',
    [],
  )
    .withPanel(tile('Leads', '1 = a daemon decides.', 'short', 'sum(sluice_scheduler_leader) or vector(0)'))
    .withPanel(tile('Daemons', 'That lead or stand by.', 'short', 'count(sluice_scheduler_leader) or vector(0)'))
    .withPanel(
      tile(
        'Last turn',
        'How long ago the one writer finished a turn; it turns when there is something to do.',
        's',
        'time() - max(sluice_scheduler_last_cycle_timestamp_seconds)',
      ),
    )
    .withPanel(tile('Agents', 'With a session.', 'short', 'sum(sluice_agents_connected)'))
    .withPanel(tile('Watchers', 'Clients that watch.', 'short', 'sum(sluice_watchers)'))
    .withPanel(
      tile(
        'Broken invariants',
        'Findings against what always holds: none is right.',
        'short',
        'sum(sluice_invariant_violations_total) or vector(0)',
        [{ color: 'red', from: 1 }],
      ),
    )
    .withPanel(tile('Room', 'Left on the disk of the store.', 'bytes', 'min(sluice_store_free_bytes)'))
    .withPanel(
      lines(
        'Turns',
        'Time of one turn by phase.',
        's',
        [quantile(0.5, 'sluice_scheduler_cycle_duration_seconds', 'phase'), '{{phase}} median'],
        [quantile(0.99, 'sluice_scheduler_cycle_duration_seconds', 'phase'), '{{phase}} 99 %'],
      ),
    )
    .withPanel(
      lines(
        'Take-overs',
        'Terms of leading that began, and that were lost against the will of their daemon, in an hour.',
        'short',
        ['sum(increase(sluice_scheduler_terms_total[1h]))', 'begun'],
        ['sum(increase(sluice_scheduler_leadership_lost_total[1h]))', 'lost'],
      ),
    )
    .withPanel(
      lines(
        'Steps of the engine',
        'Time of one.',
        's',
        [quantile(0.5, 'sluice_scheduler_step_duration_seconds'), 'median'],
        [quantile(0.99, 'sluice_scheduler_step_duration_seconds'), '99 %'],
      ),
    )
    .withPanel(
      lines('Decisions', 'That were carried out.', 'ops', [
        rate('sluice_scheduler_decisions_total', 'action'),
        '{{action}}',
      ]),
    )
    .withPanel(
      lines('Searches for GPUs to take back', 'cut_short: not found within the budget.', 'ops', [
        rate('sluice_scheduler_searches_total', 'outcome'),
        '{{outcome}}',
      ]),
    )
    .withPanel(
      lines(
        'Commands',
        'Carried out, and those that wait.',
        'short',
        [rate('sluice_scheduler_commands_total', 'job'), 'a second'],
        ['sum(sluice_scheduler_commands_waiting)', 'waiting'],
      ),
    )
    .withPanel(
      lines('Event loop', 'How late the process is: its pulse.', 's', [
        'max by (job, instance) (nodejs_eventloop_lag_p99_seconds)',
        '{{job}} {{instance}}',
      ]),
    )
    .withPanel(
      lines('Calls', 'Of the API.', 'ops', [
        rate('sluice_rpc_duration_seconds_count', 'method, code'),
        '{{method}} {{code}}',
      ]),
    )
    .withPanel(
      lines('Time of calls (99 %)', 'From arrival to the end; streams last as long as they are read.', 's', [
        quantile(0.99, 'sluice_rpc_duration_seconds', 'method'),
        '{{method}}',
      ]),
    )
    .withPanel(
      lines('Stops', 'How long tasks took to stop, clean or killed.', 's', [
        'histogram_quantile(0.95, sum by (le, outcome) (increase(sluice_preemption_grace_seconds_bucket[1h])))',
        '{{outcome}} 95 %',
      ]),
    )
    .withPanel(
      lines(
        'Starts',
        'From the decision to the running program.',
        's',
        [
          'histogram_quantile(0.5, sum by (le, pool) (increase(sluice_workload_start_latency_seconds_bucket[1h])))',
          '{{pool}} median',
        ],
        [
          'histogram_quantile(0.99, sum by (le, pool) (increase(sluice_workload_start_latency_seconds_bucket[1h])))',
          '{{pool}} 99 %',
        ],
      ),
    )
    .withPanel(
      lines('Promises', 'Of GPUs that are being given back: made, kept, dropped.', 'ops', [
        rate('sluice_claims_total', 'event'),
        '{{event}}',
      ]),
    )
    .withPanel(
      lines('Memory', 'Of the processes.', 'bytes', [
        'max by (job, instance) (process_resident_memory_bytes)',
        '{{job}} {{instance}}',
      ]),
    )
    .withPanel(
      rows(
        'Call a person',
        'Each of these is 0 on a good day.',
        'value',
        [
          'label_replace(sum(sluice_brake_closed), "what", "brake closed", "", "")',
          'label_replace(sum(sluice_fence_violations_total), "what", "ran on after its fence time", "", "")',
          'label_replace(sum(sluice_history_lost_total), "what", "history lost", "", "")',
          'label_replace(sum(sluice_orphans_total), "what", "tasks nobody asked for", "", "")',
          'label_replace(sum(sluice_scheduler_stalls_total), "what", "stalls of the daemon", "", "")',
        ].join(' or '),
      ),
    )
    .build();
}

function fleet(): Dashboard {
  const gpu = (metric: string): string => `${metric}{node=~"$node"}`;
  const each = '{{node}} {{gpu}}';
  return board('fleet', 'GPU fleet', 'Each node and each GPU: heard or silent, hot or cold, busy or idle.', [NODE])
    .withPanel(tile('Nodes up', 'Their agent is heard.', 'short', 'sum(sluice_node_up{node=~"$node"})'))
    .withPanel(
      tile(
        'Silent',
        'Known, not heard, not cordoned.',
        'short',
        'count(sluice_node_up{node=~"$node"} == 0 and on (node) sluice_node_schedulable == 1) or vector(0)',
        [{ color: 'red', from: 1 }],
      ),
    )
    .withPanel(
      tile(
        'Cordoned',
        'By a person or a drain.',
        'short',
        'count(sluice_node_schedulable{node=~"$node"} == 0) or vector(0)',
      ),
    )
    .withPanel(
      tile(
        'Drivers that hang',
        'Nodes whose GPUs cannot be read.',
        'short',
        'count(sluice_agent_gpus_readable{node=~"$node"} == 0) or vector(0)',
        [{ color: 'red', from: 1 }],
      ),
    )
    .withPanel(tile('Power', 'Of all GPUs.', 'watt', `sum(${gpu('sluice_gpu_power_watts')})`))
    .withPanel(
      tile('Hottest', 'Of all GPUs.', 'celsius', `max(${gpu('sluice_gpu_temperature_celsius')})`, [
        { color: 'orange', from: 80 },
        { color: 'red', from: 85 },
      ]),
    )
    .withPanel(
      stacked('GPUs by health', 'Only healthy ones take new work.', 'short', [
        'sum by (state) (sluice_gpu_state)',
        '{{state}}',
      ]),
    )
    .withPanel(
      bars('Xids', 'Faults that drivers told of, by number, in ten minutes; "other" = not in the policy.', 'short', [
        'sum by (xid) (increase(sluice_gpu_xid_total[10m])) or label_replace(vector(0), "xid", "none", "", "")',
        'Xid {{xid}}',
      ]),
    )
    .withPanel(
      lines('Utilization', 'Share of time in which the GPU worked.', 'percentunit', [
        gpu('sluice_gpu_utilization_ratio'),
        each,
      ]),
    )
    .withPanel(
      lines('Memory in use', 'Of what the GPU has.', 'percentunit', [
        `${gpu('sluice_gpu_memory_used_bytes')} / ${gpu('sluice_gpu_memory_bytes')}`,
        each,
      ]),
    )
    .withPanel(lines('Temperature', 'Of each GPU.', 'celsius', [gpu('sluice_gpu_temperature_celsius'), each]))
    .withPanel(lines('Power of each GPU', 'As the driver says.', 'watt', [gpu('sluice_gpu_power_watts'), each]))
    .withPanel(
      lines('Energy', 'By node, an hour.', 'joule', [
        `sum by (node) (increase(${gpu('sluice_gpu_energy_joules_total')}[1h]))`,
        '{{node}}',
      ]),
    )
    .withPanel(lines('Nodes', '1 = heard.', 'short', ['sluice_node_up{node=~"$node"}', '{{node}}']))
    .withPanel(
      bars('Changes of nodes', 'Times a node became ready, unknown or down; many of one node: it flaps.', 'short', [
        'increase(sluice_node_state_changes_total{node=~"$node"}[10m]) or on (node) sluice_node_up{node=~"$node"} * 0',
        '{{node}}',
      ]),
    )
    .withPanel(
      lines('Not heard for', 'Since the last heartbeat.', 's', [
        'time() - sluice_node_last_heartbeat_timestamp_seconds{node=~"$node"}',
        '{{node}}',
      ]),
    )
    .withPanel(
      stacked('Tasks', 'On each node, by phase.', 'short', ['sluice_agent_tasks{node=~"$node"}', '{{node}} {{phase}}']),
    )
    .withPanel(rows('GPUs', 'What there is.', 'here', gpu('sluice_gpu_info')))
    .withPanel(rows('Agents', 'Versions and sources of GPUs.', 'here', 'sluice_agent_info{node=~"$node"}'))
    .withPanel(
      lines('Sessions', '1 = the agent has one with a scheduler.', 'short', [
        'sluice_agent_connected{node=~"$node"}',
        '{{node}}',
      ]),
    )
    .build();
}

function workload(): Dashboard {
  const its = (metric: string): string => `${metric}{workload=~"$workload"}`;
  return board(
    'workload',
    'Workload',
    'One workload: its GPUs, its ranks, its interruptions. Needs a scrape of /metrics/workloads.',
    [{ name: 'workload', of: 'sluice_workload_info', single: true }],
  )
    .withPanel(tile('GPUs', 'Held now.', 'short', its('sluice_workload_gpus')))
    .withPanel(tile('Restarts', 'Attempts beyond the first.', 'short', its('sluice_workload_restarts')))
    .withPanel(tile('Lost', 'GPU time lost by interruptions.', 's', its('sluice_workload_lost_gpu_seconds')))
    .withPanel(
      tile('Utilization', 'Mean of its GPUs.', 'percentunit', `avg(${its('sluice_workload_gpu_utilization_ratio')})`),
    )
    .withPanel(
      tile(
        'Spread',
        'Between its busiest and its idlest GPU: a straggler holds the others up.',
        'percentunit',
        `max(${its('sluice_workload_gpu_utilization_ratio')}) - min(${its('sluice_workload_gpu_utilization_ratio')})`,
      ),
    )
    .withPanel(rows('What it is', 'Name, queue, user, state.', 'here', its('sluice_workload_info')))
    .withPanel(
      lines('Utilization of each rank', 'Share of time in which its GPU worked.', 'percentunit', [
        its('sluice_workload_gpu_utilization_ratio'),
        'task {{task}} on {{node}} GPU {{gpu}}',
      ]),
    )
    .withPanel(
      lines('Memory of each rank', 'In use on its GPU.', 'bytes', [
        its('sluice_workload_gpu_memory_used_bytes'),
        'task {{task}} on {{node}} GPU {{gpu}}',
      ]),
    )
    .withPanel(
      lines('Age of checkpoints', 'When workloads of all queues were interrupted, in an hour.', 's', [
        'histogram_quantile(0.5, sum by (le, queue) (increase(sluice_checkpoint_age_seconds_bucket[1h])))',
        '{{queue}} median',
      ]),
    )
    .build();
}
