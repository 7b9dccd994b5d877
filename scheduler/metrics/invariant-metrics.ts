// Metrics of the invariants: every name is there from the start, so that an alert needs no first case.
import { Counter, type Registry } from 'prom-client';
import type { ControlLoop } from '../control/loop.js';
import { INVARIANT_NAMES } from '../control/invariants/catalog.js';

/** Registers what is checked and what was found. Read from the guard when a scrape comes. */
export function registerInvariantMetrics(registry: Registry, loop: Pick<ControlLoop, 'invariants'>): void {
  const registers = [registry];
  new Counter({
    name: 'sluice_invariant_violations_total',
    help: 'Findings against an invariant. Most stop the daemon before anything is written; the others are counted here.',
    labelNames: ['invariant'],
    registers,
    collect() {
      this.reset();
      const { violations } = loop.invariants.figures;
      for (const invariant of INVARIANT_NAMES) this.inc({ invariant }, violations[invariant]);
    },
  });
  new Counter({
    name: 'sluice_invariant_checks_total',
    help: 'Changes of records held against the invariants before they were written, and records looked at by audits.',
    labelNames: ['of'],
    registers,
    collect() {
      this.reset();
      const { changes, audited } = loop.invariants.figures;
      this.inc({ of: 'commits' }, changes);
      this.inc({ of: 'audits' }, audited);
    },
  });
}
