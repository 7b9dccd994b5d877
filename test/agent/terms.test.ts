// Whose orders an agent obeys, row by row.
import { describe, expect, test } from 'vitest';
import { judgeTerm, MAX_PAST_LINEAGES, type ObeyedTerm, withTerm } from '../../node-agent/session/terms.js';

const OBEYED: ObeyedTerm = {
  clusterId: 'c',
  lineage: 'l',
  maxEpoch: 5,
  leaderId: 'one',
  collidedEpoch: 2,
  pastLineages: ['older'],
};
const SAME = { clusterId: 'c', lineage: 'l', epoch: 5, leaderId: 'one' };

describe('who asks to be obeyed', () => {
  test.each([
    ['the same leader', SAME, 'obey'],
    ['a later epoch, whoever leads', { ...SAME, epoch: 6, leaderId: 'two' }, 'obey'],
    ['a leader that does not say who it is', { ...SAME, leaderId: '' }, 'obey'],
    ['an epoch that is over', { ...SAME, epoch: 4 }, 'its epoch 4 is over'],
    ['another leader of the same epoch', { ...SAME, leaderId: 'two' }, 'EPOCH_COLLISION: epoch 5'],
    ['an epoch that two leaders claimed', { ...SAME, epoch: 2 }, 'two leaders claimed epoch 2'],
    ['another cluster', { ...SAME, clusterId: 'd', epoch: 9 }, 'it leads cluster d'],
    ['a history that was left', { ...SAME, lineage: 'older', epoch: 9 }, 'it goes on with history older'],
    ['another history above ours', { ...SAME, lineage: 'newer', epoch: 6 }, 'obey'],
    ['another history not above ours', { ...SAME, lineage: 'newer', epoch: 5 }, 'its epoch 5 is not above 5'],
  ])('%s', (_, presented, expected) => {
    const verdict = judgeTerm(OBEYED, presented);
    expect(verdict.type === 'obey' ? 'obey' : verdict.why).toContain(expected);
    expect(verdict.type === 'refuse' && verdict.isCollision).toBe(expected.startsWith('EPOCH_COLLISION'));
  });

  test('a node that never obeyed anybody obeys', () => {
    const nobody = { clusterId: '', lineage: '', maxEpoch: 0, leaderId: '', collidedEpoch: 0, pastLineages: [] };
    expect(judgeTerm(nobody, SAME)).toEqual({ type: 'obey' });
    expect(withTerm(nobody, SAME)).toMatchObject({ clusterId: 'c', lineage: 'l', maxEpoch: 5, pastLineages: [] });
  });

  test('the history that is left is remembered, the oldest are forgotten in the end', () => {
    let obeyed = OBEYED;
    for (let round = 1; round <= 100; round += 1) {
      obeyed = withTerm(obeyed, { ...SAME, lineage: `l${round}`, epoch: 5 + round });
      const before = round === 1 ? 'l' : `l${round - 1}`;
      expect(judgeTerm(obeyed, { ...SAME, lineage: before, epoch: 1_000 }).type).toBe('refuse');
    }
    expect(obeyed.pastLineages).toHaveLength(MAX_PAST_LINEAGES);
  });
});
