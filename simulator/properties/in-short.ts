// Decisions in a few words, for reports.
import type { Decision } from '../../scheduler/engine/decisions.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';

/** Decisions in a few words. */
export function inShort(decisions: readonly Decision[]): string {
  return decisions.map(oneInShort).join('; ');
}

function oneInShort(decision: Decision): string {
  switch (decision.type) {
    case 'bind':
    case 'claim': {
      const places = decision.placements.map(
        ({ task, node, gpus, parts }) => `${task}@${node}:${gpus.join(',')}${parts === GPU_PARTS ? '' : `/${parts}`}`,
      );
      return `${decision.type} ${decision.workload} ${places.join(' ')}`;
    }
    case 'evict':
      return `evict ${decision.workload} (${decision.allocations.map((id) => id.replace(/^ULID0*/, '')).join(' ')}, ${decision.reason} for ${decision.forWorkload}: ${decision.message})`;
    case 'drop_claim':
      return `drop_claim ${decision.workload} (${decision.message})`;
  }
}
