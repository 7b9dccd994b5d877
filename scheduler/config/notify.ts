// Settings of `notify`: where workloads may have notices sent. Nothing is sent anywhere unless they say so.
import { z } from 'zod';
import { setting } from '../../common/config.js';
import { parseSmtp, type SmtpServer } from '../notify/mail-server.js';
import type { NotifyConfig } from '../notify/notify-config.js';
import { parseNetworks } from '../notify/private-networks.js';
import { file } from './values.js';

/** The settings of this section. */
export const notifySettings = z.strictObject({
  webhooks_file: setting(file(), {
    description:
      'Where webhooks may go, one "ORIGIN SECRET" a line, such as "https://ci.example.org 3f9…"; posts are signed with the ' +
      'secret. Read anew when it changes. Without it there are no webhooks.',
    value: 'FILE',
    default: null,
    isPath: true,
  }),
  private_networks: setting(networks(), {
    description:
      'Networks within your own that webhooks may reach: 10.1.0.0/16,127.0.0.1/32. Others that are not public are refused, ' +
      'whatever a name resolves to.',
    value: 'CIDR,…',
    default: null,
    isMap: true,
  }),
  smtp: setting(smtp(), {
    description:
      'The server that takes e-mail: smtp://USER@HOST:587 (STARTTLS) or smtps://USER@HOST:465. Without it there is none.',
    value: 'URL',
    default: null,
  }),
  smtp_password_file: setting(file(), {
    description: 'The password of that user, on one line.',
    value: 'FILE',
    default: null,
    isPath: true,
  }),
  mail_from: setting(address(), {
    description: 'Whom e-mail comes from. Needed for e-mail.',
    value: 'ADDRESS',
    default: null,
  }),
  mail_domains: setting(domains(), {
    description: 'Who may be written to, by what follows the @: example.org,lab.example.org. Needed for e-mail.',
    value: 'DOMAIN,…',
    default: null,
    isMap: true,
  }),
});

type Values = z.output<typeof notifySettings>;

/** What they come to. */
export function toNotify(values: Values): NotifyConfig {
  const { smtp: server, mail_from: from, mail_domains: domainsGiven } = values;
  return {
    webhooksFile: values.webhooks_file,
    privateNetworks: values.private_networks,
    mail:
      server === null || from === null
        ? null
        : { server, from, passwordFile: values.smtp_password_file, domains: domainsGiven },
  };
}

/** What no setting can know by itself: e-mail needs all of its settings. */
export function notifyProblems(values: Values, where: (name: string) => string): readonly string[] {
  const { smtp: server, smtp_password_file: password, mail_from: from, mail_domains: domainsGiven } = values;
  const problem = (name: string, what: string): string[] => [
    `${where(`notify.${name}`)}: notify.${name} is set and ${what}`,
  ];
  if (server === null) {
    if (from !== null) return problem('mail_from', 'notify.smtp is not: no server takes the e-mail');
    if (password !== null) return problem('smtp_password_file', 'notify.smtp is not: no server takes the e-mail');
    return [];
  }
  if (from === null) return problem('smtp', 'notify.mail_from is not: e-mail comes from somebody');
  if (domainsGiven.length === 0) return problem('smtp', 'notify.mail_domains is not: say who may be written to');
  if (password !== null && server.user === '') return problem('smtp_password_file', 'notify.smtp names no user');
  return [];
}

const ADDRESS = /^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/;

function address() {
  return z
    .string()
    .nullable()
    .transform((given, context): string | null => {
      if (given === null || given === '') return null;
      if (ADDRESS.test(given)) return given;
      context.addIssue({ code: 'custom', message: `"${given}" is no address, such as sluice@example.org` });
      return z.NEVER;
    });
}

function domains() {
  return list((word) => /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/.test(word), 'is no domain, such as example.org');
}

function networks() {
  return list((word) => parseNetworks([word]) !== null, 'is no network, such as 10.1.0.0/16');
}

function list(isOne: (word: string) => boolean, why: string) {
  return z
    .string()
    .nullable()
    .transform((given, context): readonly string[] => {
      const words = (given ?? '').split(',').map((word) => word.trim());
      const some = words.filter((word) => word !== '').map((word) => word.toLowerCase());
      const wrong = some.find((word) => !isOne(word));
      if (wrong === undefined) return some;
      context.addIssue({ code: 'custom', message: `"${wrong}" ${why}` });
      return z.NEVER;
    });
}

function smtp() {
  return z
    .string()
    .nullable()
    .transform((given, context): SmtpServer | null => {
      if (given === null || given === '') return null;
      const server = parseSmtp(given);
      if (server !== null) return server;
      const message = `"${given}" is no server for e-mail, such as smtp://USER@HOST:587; its password goes into notify.smtp_password_file`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    });
}
