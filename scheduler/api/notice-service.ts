// NoticeService: a test of where notices go.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import { toDuration } from '../../common/units.js';
import type { NoticeServiceHandlers } from '../../proto/gen/sluice/v1/NoticeService.js';
import { invalid } from '../control/refusals.js';
import type { Notifier } from '../notify/notifier.js';
import type { Handlers } from './handlers.js';
import type { ServiceDependencies } from './server.js';

/** What the API needs of notices. */
export type Notices = Pick<Notifier, 'whyNot' | 'test'>;

/** A daemon without any: everything is refused. */
export const NO_NOTICES: Notices = {
  whyNot: () => 'cannot be used: this cluster sends no notices',
  test: () => Promise.resolve(null),
};

export function noticeService(
  handlers: Handlers,
  { clock, notices = NO_NOTICES }: ServiceDependencies,
): NoticeServiceHandlers {
  return {
    SendTestNotice: handlers.unary('SendTestNotice', async ({ to }, principal) => {
      const refused = notices.whyNot(to);
      if (refused !== null) throw invalid([{ field: 'to', description: refused }]);
      const beganMs = clock.monotonicMs();
      const sent = await notices.test(to, principal.name);
      if (sent === null) throw tooMany();
      const took = toDuration(Math.round(clock.monotonicMs() - beganMs));
      return { delivered: sent.outcome === 'delivered', detail: sent.detail, took };
    }),
  };
}

function tooMany(): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'TOO_MANY_TESTS',
    message: 'other tests of notices are under way\nTry again in a few seconds.',
  });
}
