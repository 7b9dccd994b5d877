// Sends e-mail through the cluster's SMTP server. The package is loaded with the first e-mail; the password is read for each
// connection, so that a new one counts at once.
import { readFileSync } from 'node:fs';
import type { NotifyConfig } from './notify-config.js';
import { isLocal } from './mail-server.js';
import { mailOf, type Message } from './message.js';
import type { Sent } from './webhook.js';

const CONNECT_LIMIT_MS = 10_000;
const ANSWER_LIMIT_MS = 20_000;
/** Answers by which a server says that it will never take this e-mail: no such mailbox, not allowed. */
const NEVER = 550;

/** Sends it once. Never rejects. */
export async function sendMail(
  address: string,
  message: Message,
  { server, passwordFile, from }: NonNullable<NotifyConfig['mail']>,
): Promise<Sent> {
  try {
    const { createTransport } = await import('nodemailer');
    const { host, port, isTls, user } = server;
    const password = passwordFile === null ? '' : readFileSync(passwordFile, 'utf8').trim();
    const transport = createTransport({
      host,
      port,
      secure: isTls,
      // Without encryption only to this machine: what is said there nobody else hears.
      ...(isTls || isLocal(server) ? {} : { requireTLS: true }),
      ...(user === '' ? {} : { auth: { user, pass: password } }),
      connectionTimeout: CONNECT_LIMIT_MS,
      greetingTimeout: CONNECT_LIMIT_MS,
      socketTimeout: ANSWER_LIMIT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      const { response } = await transport.sendMail({
        from,
        to: address,
        ...mailOf(message),
        // The same however often it is sent: mailboxes show one.
        messageId: `<${message.id.replaceAll(/[^A-Za-z0-9.-]/g, '-')}@${from.slice(from.indexOf('@') + 1)}>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Sluice-Event-Id': message.id },
      });
      return { outcome: 'delivered', detail: response };
    } finally {
      transport.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'responseCode' in error ? Number(error.responseCode) : 0;
    const detail = error instanceof Error ? error.message : String(error);
    return { outcome: code === NEVER ? 'gone' : 'failed', detail };
  }
}
