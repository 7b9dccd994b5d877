// Where notices may go, as the administrator set it.
import type { SmtpServer } from './mail-server.js';

/** Where notices may go. */
export interface NotifyConfig {
  /** Null = no webhooks. */
  readonly webhooksFile: string | null;
  readonly privateNetworks: readonly string[];
  /** Null = no e-mail. */
  readonly mail: {
    readonly server: SmtpServer;
    readonly passwordFile: string | null;
    readonly from: string;
    readonly domains: readonly string[];
  } | null;
}
