// What a daemon answers that does not lead: the same error to every call, which names the leader. Nothing is read or changed.
import * as grpc from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { ApiError, toServiceError } from '../../common/errors.js';
import { sluice } from '../../common/proto.js';
import { reflection } from './server.js';

/** The trailing metadata that holds the leader's address, for clients that do not read error details. */
export const LEADER_KEY = 'sluice-leader';

/** What is known of who leads. */
export interface LeaderView {
  /** Where it answers, and since when; null = nobody leads, as far as can be seen. */
  readonly leader: { readonly address: string; readonly sinceMs: number } | null;
  /** Set while this daemon has become the leader and reads the state. */
  readonly isTakingOver: boolean;
}

/** Builds the server; it listens once it is bound. */
export function createStandbyServer(view: () => LeaderView): grpc.Server {
  const server = new grpc.Server();
  for (const member of Object.values(sluice)) {
    if (!('service' in member)) continue;
    const refusals = Object.entries(member.service).map(([name, method]) => [name, refusal(method, view)] as const);
    server.addService(member.service, Object.fromEntries(refusals));
  }
  new HealthImplementation({ '': 'NOT_SERVING' }).addToServer(server);
  reflection().addToServer(server);
  return server;
}

function refusal(method: grpc.MethodDefinition<object, object>, view: () => LeaderView): grpc.UntypedHandleCall {
  const error = (): grpc.ServiceError => {
    const { leader } = view();
    const told = toServiceError(notLeader(view()));
    if (leader !== null) told.metadata.set(LEADER_KEY, leader.address);
    return told;
  };
  if (method.responseStream) {
    const refuse = (
      call: grpc.ServerWritableStream<object, object> | grpc.ServerDuplexStream<object, object>,
    ): void => {
      call.on('error', () => undefined);
      call.emit('error', error());
    };
    return refuse;
  }
  return (_call: grpc.ServerUnaryCall<object, object>, callback: grpc.sendUnaryData<object>) => callback(error());
}

/** The one error that a daemon gives that does not lead. */
export function notLeader(view: LeaderView): ApiError {
  const { leader } = view;
  return new ApiError({
    code: grpc.status.UNAVAILABLE,
    reason: 'NOT_LEADER',
    message:
      `this scheduler stands by; ${leaderText(view)}\n` +
      'Nothing was changed. Give the addresses of all schedulers, --server A,B: the one that leads is found.',
    metadata: leader === null ? {} : { leader: leader.address, since: new Date(leader.sinceMs).toISOString() },
  });
}

/** `10.0.0.7:7443 leads since 2026-05-01T12:00:00.000Z`. */
export function leaderText({ leader, isTakingOver }: LeaderView): string {
  if (isTakingOver) return 'it is taking over and will answer in a moment';
  if (leader === null) return 'nobody leads just now; one of the schedulers takes over within seconds';
  return `${leader.address} leads since ${new Date(leader.sinceMs).toISOString()}`;
}
