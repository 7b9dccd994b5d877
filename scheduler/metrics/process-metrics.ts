// Metrics of the process and of its part among several daemons: made once, shown beside those of whatever term it leads, and alone
// while it stands by.
import { collectDefaultMetrics, Counter, Gauge, type Metric, Registry } from 'prom-client';
import { PACKAGE_VERSION } from '../../common/package-root.js';

/** The part of this process among the daemons of a cluster. */
class RoleMetrics {
  readonly registry = new Registry();
  /** 1 = it decides, 0 = it stands by. */
  readonly leader = new Gauge({
    name: 'sluice_scheduler_leader',
    help: '1 = this daemon decides, 0 = it stands by.',
    registers: [this.registry],
  });
  readonly terms = new Counter({
    name: 'sluice_scheduler_terms_total',
    help: 'How often this daemon began to lead since its start.',
    registers: [this.registry],
  });
  readonly losses = new Counter({
    name: 'sluice_scheduler_leadership_lost_total',
    help: 'How often it lost that against its will.',
    registers: [this.registry],
  });

  constructor() {
    // It watches the garbage collector and the event loop, and never stops.
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'sluice_build_info',
      help: 'Always 1.',
      labelNames: ['version', 'node_version'],
      registers: [this.registry],
    }).set({ version: PACKAGE_VERSION, node_version: process.version }, 1);
  }
}

let made: RoleMetrics | null = null;

/** Those of this process. */
export function roleMetrics(): RoleMetrics {
  made ??= new RoleMetrics();
  return made;
}

/** All of them, to be shown in another registry too. */
export function processMetrics(): readonly Metric[] {
  const { registry } = roleMetrics();
  return registry.getMetricsAsArray().flatMap(({ name }) => registry.getSingleMetric(name) ?? []);
}
