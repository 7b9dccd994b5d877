// The SMTP server of a cluster, as its address says it.

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** Whether the connection begins encrypted (smtps). With smtp it becomes so by STARTTLS, but to this machine itself. */
  readonly isTls: boolean;
  /** Empty = none is asked for. */
  readonly user: string;
}

const USUAL_PORT = { smtp: 587, smtps: 465 } as const;

/** Reads `smtp://USER@HOST:PORT` or `smtps://…`; null = it is none. A password in it is refused: it would be shown. */
export function parseSmtp(text: string): SmtpServer | null {
  if (!URL.canParse(text)) return null;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text);
  const scheme = protocol.slice(0, -1);
  if (scheme !== 'smtp' && scheme !== 'smtps') return null;
  if (hostname === '' || password !== '' || (pathname !== '' && pathname !== '/') || search !== '' || hash !== '') {
    return null;
  }
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? USUAL_PORT[scheme] : Number(port),
    isTls: scheme === 'smtps',
    user: decodeURIComponent(username),
  };
}

/** Whether it is this machine. */
export function isLocal({ host }: Pick<SmtpServer, 'host'>): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
