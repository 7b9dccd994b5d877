// What only administrators may do.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import type { Principal } from '../auth/authenticator.js';

/** @throws PERMISSION_DENIED for anybody else. @param what `release the brake` */
export function requireAdmin({ name, role }: Principal, what: string): void {
  if (role === 'admin') return;
  throw new ApiError({
    code: status.PERMISSION_DENIED,
    reason: 'ADMIN_ONLY',
    message: `only administrators may ${what}; "${name}" has the role ${role}`,
    metadata: { role },
  });
}
