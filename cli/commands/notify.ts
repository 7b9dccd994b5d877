// `sluice notify test TO`: sends a test of what workloads would send, and says how that went.
import { formatDuration, fromDuration } from '../../common/units.js';
import { CliError, EXIT } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { withScheme } from '../spec/notify.js';

/** The scheduler waits for a receiver 10 s, for a server that takes e-mail up to 30. */
const LIMIT_MS = 60_000;

export const define: DefineCommand = (command, invocation) => {
  command.description('What users are told of their workloads, by webhook and e-mail.').usage('test TO');
  command
    .command('test')
    .usage('TO')
    .description(
      'Has the scheduler send one test to https://… or to an address, once, and says how that went.\n' +
        'Workloads ask for notices with "notify" in their file, or with "sluice run --notify end,fail=TO".',
    )
    .argument('<to>', 'https://ci.example.org/hooks/sluice, or ada@example.org')
    .action((to: string) => test(invocation, to));
};

async function test(invocation: Invocation, to: string): Promise<void> {
  const api = await invocation.client(LIMIT_MS);
  const sent = api.sendTestNotice({ to: withScheme(to) });
  const { delivered, detail, took } = await invocation.working(() => `sending a test to ${to}`, sent);
  const lasted = formatDuration(fromDuration(took) ?? 0);
  if (!delivered) {
    const message = `the test was not taken, after ${lasted}: ${detail}`;
    throw new CliError(EXIT.failed, { code: 'UNAVAILABLE', reason: 'NOT_DELIVERED', message });
  }
  invocation.out(`delivered in ${lasted}: ${detail}`);
}
