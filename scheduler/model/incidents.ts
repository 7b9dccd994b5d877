// The book of what administrators have to know of. Bounded; it is read by `sluice status`.
import type { Draft } from './draft.js';
import type { IncidentKind } from './records.js';

/** So many are kept, the oldest go. */
export const MAX_INCIDENTS = 1_000;

/** Notes what happened, or what somebody did about it. @param actor empty = the daemon itself */
export function noteIncident(
  draft: Draft,
  kind: IncidentKind,
  message: string,
  actor: string,
  { nowMs, newUlid }: { readonly nowMs: number; readonly newUlid: (nowMs: number) => string },
): void {
  const id = newUlid(nowMs);
  draft.put('incidents', id, { id, timeMs: nowMs, kind, message, actor });
  const surplus = draft.base.incidents.size + 1 - MAX_INCIDENTS;
  for (const old of [...draft.base.incidents.keys()].slice(0, Math.max(0, surplus))) draft.delete('incidents', old);
}
