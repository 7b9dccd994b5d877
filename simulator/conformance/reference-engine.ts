// The slow reference, asked for one cycle: it takes records as they are, so there is nothing between.
import { decide } from '../reference/reference.js';
import type { EngineUnderTest } from './engine-under-test.js';

export const referenceEngine: EngineUnderTest = {
  decide(cluster, policy, nowMs) {
    return decide({ ...cluster, policy, nowMs });
  },
};
