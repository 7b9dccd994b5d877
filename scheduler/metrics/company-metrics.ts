// How many daemons stand by, as the one that leads sees it.
import { Gauge, type Registry } from 'prom-client';
import type { Company } from '../control/company.js';

/** Puts it on a registry, where there can be any. */
export function registerCompanyMetrics(registry: Registry, { isShared, standbys }: Company): void {
  if (!isShared) return;
  new Gauge({
    name: 'sluice_standbys',
    help: 'Schedulers that stand by, as the one that leads sees them; 0 = nobody takes over. Only where a store can be shared.',
    registers: [registry],
    collect() {
      const known = standbys();
      // What is not known is not shown.
      if (known === null) this.remove();
      else this.set(known.length);
    },
  });
}
