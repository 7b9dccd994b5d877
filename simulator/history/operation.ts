// One call of a client as it was seen from outside: when it was sent, when its answer came, and what it said.

/** A workload as an answer shows it, cut down to what the law of one workload speaks of. */
export interface Seen {
  readonly number: number;
  readonly priority: number;
  /** The reason somebody gave for holding it back; null = it is not held. */
  readonly hold: string | null;
  readonly state: SeenState;
  /** Which try it is; 0 = it was never placed. */
  readonly attempt: number;
}

export type SeenState = 'pending' | 'starting' | 'running' | 'stopping' | EndState;
export type EndState = 'succeeded' | 'failed' | 'cancelled';

/** What a client asked of one workload. */
export type Request =
  /** Repeats itself harmlessly: it is sent with the same request id each time. */
  | { readonly kind: 'submit'; readonly priority: number }
  | { readonly kind: 'read' }
  | { readonly kind: 'prioritize'; readonly priority: number }
  | { readonly kind: 'hold'; readonly reason: string }
  | { readonly kind: 'release' }
  | { readonly kind: 'cancel' };

/** What the client was told. */
export type Answer =
  /** The number that the workload was given. */
  | { readonly kind: 'submitted'; readonly number: number }
  /** The workload after the call; what others asked meanwhile may show as well. */
  | { readonly kind: 'seen'; readonly seen: Seen }
  /** It was carried out, and that is all that was said. */
  | { readonly kind: 'done' }
  /** There is no such workload. */
  | { readonly kind: 'absent' }
  /** More than one workload stands where one belongs. */
  | { readonly kind: 'several'; readonly numbers: readonly number[] }
  /** The call broke: it was carried out, or will be, or never is. */
  | { readonly kind: 'unknown' };

/** A call on one workload. Moments are whole numbers that rise with every call sent and every answer received. */
export interface Operation {
  readonly request: Request;
  readonly answer: Answer;
  readonly invokedAt: number;
  /** Infinity for an unknown answer: it may still be carried out at any time. */
  readonly returnedAt: number;
}

/** In one line, for whoever has to find out what went wrong. */
export function describeOperation({ request, answer, invokedAt, returnedAt }: Operation): string {
  const { kind, ...asked } = request;
  const told = answer.kind === 'seen' ? answer.seen : answer;
  return `[${invokedAt}, ${returnedAt}] ${kind} ${JSON.stringify(asked)} -> ${JSON.stringify(told)}`;
}
