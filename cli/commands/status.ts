// `sluice status`: whether the scheduler is ready, what it waits for, and what happened to it.
import { formatDuration, fromDuration } from '../../common/units.js';
import type { GetStatusResponse__Output } from '../../proto/gen/sluice/v1/GetStatusResponse.js';
import type { DefineCommand, Invocation } from '../invocation.js';
import { moment } from '../presentation.js';
import { formatFields } from '../table.js';

interface Options {
  readonly output?: string;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Says whether the scheduler is ready, what it waits for, and what administrators have to know of.')
    .usage('[FLAGS]')
    .option('-o, --output <format>', 'json or yaml')
    .action(({ output }: Options) => status(invocation, output));
};

async function status(invocation: Invocation, output?: string): Promise<void> {
  const format = invocation.format(output, ['json', 'yaml']);
  const api = await invocation.client();
  const told = await api.getStatus();
  if (format === 'json' || format === 'yaml') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData(format, toProtoJson('GetStatusResponse', told));
    return;
  }
  invocation.host.stdout.write(statusText(told, invocation.nowMs));
}

function statusText(told: GetStatusResponse__Output, nowMs: number): string {
  const head = formatFields([
    ['Ready', told.ready ? 'yes' : 'no'],
    ['Agents', `${told.connectedAgents} connected`],
    ['Cluster', told.clusterId],
    ['History', `${told.lineage}, epoch ${told.epoch}, revision ${told.revision}`],
    ['Leader', told.leaderAddress === '' ? told.leaderId : `${told.leaderAddress} (${told.leaderId})`],
    ...(told.storeShared ? [['Standbys', standbysText(told, nowMs)] as const] : []),
  ]);
  const waiting = told.waiting.map(({ message, atMost }) => {
    const mostMs = fromDuration(atMost);
    return `  ${message}${mostMs === null ? '' : ` (at most ${formatDuration(mostMs)})`}\n`;
  });
  const incidents = told.incidents.map(({ time, kind, message, actor }) => {
    return `  ${moment(time, nowMs)}  ${kind}${actor === '' ? '' : ` by ${actor}`}: ${message}\n`;
  });
  return [
    head,
    ...(waiting.length === 0 ? [] : ['Waits for:\n', ...waiting]),
    ...(incidents.length === 0 ? [] : ['Incidents, the latest first:\n', ...incidents]),
  ].join('');
}

function standbysText({ standbys, standbysKnown }: GetStatusResponse__Output, nowMs: number): string {
  if (!standbysKnown) return 'not known: the store was not asked yet, or does not answer';
  if (standbys.length === 0) return 'none: when the leader fails, nobody takes over';
  return standbys.map(({ address, since }) => `${address} (since ${moment(since, nowMs)})`).join(', ');
}
