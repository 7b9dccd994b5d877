// `sluice version`: which command this is and which scheduler answers.
import { PACKAGE_VERSION } from '../../common/package-root.js';
import type { DefineCommand, Invocation } from '../invocation.js';

import { formatFields } from '../table.js';

interface Options {
  readonly client?: boolean;
  readonly output?: string;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Prints the version of this command and of the scheduler it reaches.')
    .usage('[FLAGS]')
    .option('--client', 'only this command; asks no scheduler')
    .option('-o, --output <format>', 'json or yaml')
    .action((options: Options) => version(invocation, options));
};

async function version(invocation: Invocation, options: Options): Promise<void> {
  const format = invocation.format(options.output, ['json', 'yaml']);
  const client = { version: PACKAGE_VERSION, nodeVersion: process.version };
  if (format === 'table') invocation.out(`Client:   ${client.version} (Node ${client.nodeVersion})`);
  if (options.client === true) {
    if (format === 'json' || format === 'yaml') await invocation.printData(format, { client });
    return;
  }
  const api = await invocation.client();
  const server = await api.getVersion();
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, { client, server: toProtoJson('GetVersionResponse', server) });
    return;
  }
  invocation.host.stdout.write(
    formatFields([
      ['Server', `${server.version} (Node ${server.nodeVersion}) at ${api.server}`],
      ['Cluster', server.clusterId],
      ['Lineage', `${server.lineage}, epoch ${server.epoch}, revision ${server.revision}`],
      ['Metrics', server.metricsUrl || 'switched off'],
    ]),
  );
}
