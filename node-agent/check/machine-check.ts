// Looks at this machine as an agent would find it, for `sluice agent check`. Starts no task, and asks the scheduler for nothing
// but its version. Control groups are tried by making one, as an agent does at its start.
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { connectionProblem } from '../../common/connection-problem.js';
import { fromServiceError } from '../../common/errors.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { sluice } from '../../common/proto.js';
import { fromTimestamp } from '../../common/units.js';
import type { GetVersionResponse__Output } from '../../proto/gen/sluice/v1/GetVersionResponse.js';
import type { GpuProvider } from '../gpu/provider.js';
import { findCgroupHome } from '../runtime/cgroup.js';
import { isolationOf } from '../runtime/holding.js';
import { ISOLATION_REMEDY, type IsolationDemands, missingIsolation } from '../runtime/isolation.js';
import { forbidNewPrivileges } from '../runtime/no-new-privileges.js';
import type { ConnectionOptions } from '../scheduler-connection.js';
import type { Finding } from './finding.js';
import { clockSkew, type Side, versionSkew } from '../../common/skew.js';

/** How long a scheduler may take to answer, in ms. */
const ANSWER_LIMIT_MS = 5_000;
/** Less free space than this is told of, in bytes: logs and journals of a busy node fill it within a day. */
const LITTLE_SPACE_BYTES = 5 * 2 ** 30;
const GIB = 2 ** 30;

/** What an agent would be started with. */
export interface CheckOptions {
  readonly connection: ConnectionOptions;
  readonly stateDir: string;
  /** Null = not given. */
  readonly sharedDir: string | null;
  readonly demands: IsolationDemands;
  readonly isolationRequired: boolean;
  /** In words, why tasks cannot run as other users. */
  readonly canSwitchUser: true | string;
  readonly http: { readonly host: string; readonly port: number } | null;
  readonly gpus: GpuProvider;
  readonly wallMs: () => number;
}

/** Looks at everything, in the order in which it is printed. */
export async function checkMachine(options: CheckOptions): Promise<readonly Finding[]> {
  const { demands, isolationRequired, canSwitchUser, connection, http } = options;
  const gpus = await checkGpus(options.gpus);
  await options.gpus.close();
  return [
    ...gpus,
    ...checkHolding(demands, isolationRequired),
    checkUserSwitch(canSwitchUser, demands.hasOwnUsers),
    checkFolder('state folder', options.stateDir),
    options.sharedDir === null
      ? warning('shared folder', 'none given: a training that loses its node starts over; give --shared-dir')
      : checkFolder('shared folder', options.sharedDir),
    ...(http === null ? [] : [await checkPort(http)]),
    ...(await checkSchedulers(connection, options.wallMs)),
  ];
}

const ok = (subject: string, text: string): Finding => ({ subject, verdict: 'ok', text });
const warning = (subject: string, text: string): Finding => ({ subject, verdict: 'warning', text });
const missing = (subject: string, text: string): Finding => ({ subject, verdict: 'missing', text });

async function checkGpus(provider: GpuProvider): Promise<Finding[]> {
  if (provider.kind === 'none') return [ok('GPUs', 'none wanted (--no-gpus): only tasks that need none')];
  const { gpus, driverVersion, cudaVersion, problem } = await provider.inventory();
  if (problem !== '') return [missing('GPUs', problem)];
  if (gpus.length === 0) return [missing('GPUs', 'the driver lists none; give --no-gpus if that is meant')];
  const models = [...new Set(gpus.map(({ model }) => model))];
  const counted = models.map((model) => `${gpus.filter((gpu) => gpu.model === model).length} x ${model}`).join(', ');
  return [
    ok('GPUs', provider.kind === 'simulated' ? `${counted}, SIMULATED` : counted),
    ok('driver', `${driverVersion || 'version not told'}, CUDA ${cudaVersion || 'not told'}`),
    ...gpus
      .filter(({ health }) => health !== 'healthy')
      .map(({ index, uuid, health, healthMessage }) =>
        warning(`GPU ${index}`, `${health}: ${healthMessage || 'the driver does not say why'} (${uuid})`),
      ),
  ];
}

/** This process gives up new privileges to find out whether it can; it ends after the check. */
function checkHolding(demands: IsolationDemands, isRequired: boolean): Finding[] {
  const found = isolationOf(findCgroupHome(), forbidNewPrivileges());
  const controllers = Object.keys(found.controllers).join(', ') || 'no controllers';
  const groups =
    found.cgroup === null
      ? (isRequired ? missing : warning)('control groups', `none can be made here. ${ISOLATION_REMEDY}`)
      : ok('control groups', `version ${found.cgroup}; ${controllers}`);
  const lost = missingIsolation(found, demands).map((text) => (isRequired ? missing : warning)('isolation', text));
  return [groups, ...(lost.length === 0 ? [ok('isolation', 'tasks are held to what they were granted')] : lost)];
}

function checkUserSwitch(able: true | string, isWanted: boolean): Finding {
  if (able === true) return ok('user switch', 'tasks can run as other users');
  return (isWanted ? missing : warning)('user switch', `tasks run as the user of the agent: ${able}`);
}

/** A folder that is not there yet is judged by the one in which it would be made. */
function checkFolder(subject: string, folder: string): Finding {
  let there = folder;
  while (!existsSync(there)) there = path.dirname(there);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch {
    return missing(subject, `${there} cannot be written by this user`);
  }
  const { bavail, bsize } = statfsSync(there);
  const freeBytes = bavail * bsize;
  const text = `${folder}${there === folder ? '' : ' (to be made)'}, ${(freeBytes / GIB).toFixed(1)} GiB free`;
  return freeBytes < LITTLE_SPACE_BYTES ? warning(subject, `${text}: little for the logs of tasks`) : ok(subject, text);
}

function checkPort({ host, port }: { readonly host: string; readonly port: number }): Promise<Finding> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error) =>
      resolve(missing('metrics port', `${host}:${port} cannot be taken: ${error.message}`)),
    );
    server.listen(port, host, () => server.close(() => resolve(ok('metrics port', `${host}:${port} is free`))));
  });
}

/** How gRPC begins to say that there was none. */
const NO_CONNECTION = 'No connection established';

/** Asks every address; version and clock are those of the first one that answers. */
export async function checkSchedulers(connection: ConnectionOptions, wallMs: () => number): Promise<Finding[]> {
  const answers = await Promise.all(connection.servers.map((server) => ask(server, connection, wallMs)));
  const heard = answers.find((one) => one.theirs !== null);
  const findings = answers.map(({ server, theirs, standsBy, why }) => {
    if (theirs !== null) return ok('scheduler', `${server} answers`);
    if (standsBy) return ok('scheduler', `${server} stands by: ${why.split('\n')[0]}`);
    const words = why.startsWith(NO_CONNECTION)
      ? `${server} cannot be reached (${connectionProblem(why)}): start it, or give its address with --server`
      : `${server}: ${why}`;
    return (heard === undefined ? missing : warning)('scheduler', words);
  });
  if (heard === undefined || heard.theirs === null) return findings;
  const { ours, theirs } = heard;
  const late = versionSkew(ours, theirs);
  const off = clockSkew(ours, theirs);
  return [
    ...findings,
    late === null ? ok('version', `${ours.version}, as the scheduler`) : warning('version', late),
    theirs.wallMs === null
      ? warning('clock', 'this scheduler does not tell its time')
      : off === null
        ? ok('clock', "as the scheduler's, within 2 s")
        : warning('clock', off),
  ];
}

interface Answer {
  readonly server: string;
  /** This side at the moment in the middle between question and answer. */
  readonly ours: Side;
  readonly theirs: Side | null;
  /** It is a scheduler that does not lead. */
  readonly standsBy: boolean;
  readonly why: string;
}

function ask(server: string, { token, tls }: ConnectionOptions, wallMs: () => number): Promise<Answer> {
  const credentials =
    tls === null
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(tls.ca, tls.client?.key, tls.client?.certificate);
  const client = new sluice.VersionService(server, credentials);
  const metadata = new grpc.Metadata();
  if (token !== null) metadata.set('authorization', `Bearer ${token}`);
  const askedMs = wallMs();
  return new Promise((resolve) => {
    const answered = (error: grpc.ServiceError | null, answer?: GetVersionResponse__Output) => {
      client.close();
      const ours = { version: PACKAGE_VERSION, wallMs: (askedMs + wallMs()) / 2 };
      if (error !== null || answer === undefined) {
        const { message, reason } = error === null ? { message: 'no answer', reason: '' } : fromServiceError(error);
        resolve({ server, ours, theirs: null, standsBy: reason === 'NOT_LEADER', why: message });
        return;
      }
      const theirs = { version: answer.version, wallMs: fromTimestamp(answer.serverTime) };
      resolve({ server, ours, theirs, standsBy: false, why: '' });
    };
    client.getVersion({}, metadata, { deadline: Date.now() + ANSWER_LIMIT_MS }, answered);
  });
}
