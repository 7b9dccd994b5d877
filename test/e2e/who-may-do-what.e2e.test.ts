// Who may call what: every RPC of every service in proto/, called by everybody there is, as a table. An RPC without a line in it fails.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromServiceError } from '../../common/errors.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { loadInference, sluice } from '../../common/proto.js';
import { needs } from '../real-part.js';
import { RealCluster, until } from './real-cluster.js';

/** Of a workload of alice. `task` is a program in one of her other workloads, `agent` the one of the node that all of it runs on. */
const CALLERS = ['nobody', 'stranger', 'other', 'alice', 'root', 'task', 'agent'] as const;
type Caller = (typeof CALLERS)[number];
const MAY = 'may';

/** What each caller is told, in the order of {@link CALLERS}. */
const RIGHTS = {
  //                 nobody           stranger         other                alice             root              task                      agent
  users: /*      */ ['TOKEN_MISSING', 'TOKEN_INVALID', MAY, MAY, MAY, 'TOKEN_FOR_TASKS', 'TOKEN_FOR_AGENTS'],
  usersAndTasks: ['TOKEN_MISSING', 'TOKEN_INVALID', MAY, MAY, MAY, 'TOKEN_FOR_OWN_WORKLOAD', 'TOKEN_FOR_AGENTS'],
  listsOwn: /*   */ ['TOKEN_MISSING', 'TOKEN_INVALID', MAY, MAY, MAY, MAY, 'TOKEN_FOR_AGENTS'],
  owner: /*      */ [
    'TOKEN_MISSING',
    'TOKEN_INVALID',
    'NOT_YOUR_WORKLOAD',
    MAY,
    MAY,
    'TOKEN_FOR_TASKS',
    'TOKEN_FOR_AGENTS',
  ],
  ownerAndTasks: [
    'TOKEN_MISSING',
    'TOKEN_INVALID',
    'NOT_YOUR_WORKLOAD',
    MAY,
    MAY,
    'TOKEN_FOR_OWN_WORKLOAD',
    'TOKEN_FOR_AGENTS',
  ],
  admins: /*     */ [
    'TOKEN_MISSING',
    'TOKEN_INVALID',
    'ADMIN_ONLY',
    'ADMIN_ONLY',
    MAY,
    'TOKEN_FOR_TASKS',
    'TOKEN_FOR_AGENTS',
  ],
  agents: /*     */ [
    'TOKEN_MISSING',
    'TOKEN_INVALID',
    'TOKEN_FOR_USERS',
    'TOKEN_FOR_USERS',
    'TOKEN_FOR_USERS',
    'TOKEN_FOR_TASKS',
    MAY,
  ],
  everybody: /*  */ ['TOKEN_MISSING', 'TOKEN_INVALID', MAY, MAY, MAY, MAY, MAY],
  /** The Open Inference Protocol is spoken by what workloads serve, not by the scheduler. */
  elsewhere: CALLERS.map(() => 'UNIMPLEMENTED'),
} as const satisfies Record<string, readonly string[]>;

/** A request that does as little as it can where it is let through: of a node that there is not, of what is only validated. */
type Line = readonly [right: keyof typeof RIGHTS, request?: object];

const HERS = { workload: 'hers' };
const HER_WORK = { workloads: ['hers'] };
const GPU = { node: 'ghost', gpu: '0', reason: 'fan' };
const SPEC = { queue: 'research', name: 'asked', command: { argv: ['true'] } };

const TABLE: Readonly<Record<string, Line>> = {
  'sluice.v1.AgentService/Connect': ['agents', { heartbeat: {} }],
  'sluice.v1.AgentService/Relay': ['agents', { id: 'none' }],
  'sluice.v1.ClusterService/EndRecovery': ['admins', { validateOnly: true }],
  'sluice.v1.ClusterService/GetStatus': ['users'],
  'sluice.v1.ClusterService/ReleaseBrake': ['admins', { validateOnly: true }],
  'sluice.v1.ClusterService/StepDown': ['admins'],
  'sluice.v1.ExecService/Exec': ['owner', { start: { ...HERS, command: { argv: ['true'] } } }],
  'sluice.v1.LogService/ReadLogs': ['owner', { ...HERS, follow: true }],
  'sluice.v1.NodeService/CancelMaintenance': ['admins', { id: 'M' }],
  'sluice.v1.NodeService/CordonNode': ['admins', { name: 'ghost' }],
  'sluice.v1.NodeService/CreateMaintenance': ['admins', { nodes: ['ghost'], duration: { seconds: 60 }, reason: 'fan' }],
  'sluice.v1.NodeService/FenceNode': ['admins', { name: 'ghost', certifiedOff: true }],
  'sluice.v1.NodeService/GetNode': ['users', { name: 'n1' }],
  'sluice.v1.NodeService/ListMaintenances': ['users'],
  'sluice.v1.NodeService/ListNodes': ['users'],
  'sluice.v1.NodeService/QuarantineGpu': ['admins', GPU],
  'sluice.v1.NodeService/ReleaseGpu': ['admins', GPU],
  'sluice.v1.NodeService/RemoveGpu': ['admins', { node: 'ghost', uuid: 'GPU-1' }],
  'sluice.v1.NodeService/RemoveNode': ['admins', { name: 'ghost' }],
  'sluice.v1.NodeService/ResetGpu': ['admins', GPU],
  'sluice.v1.NodeService/UncordonNode': ['admins', { name: 'ghost' }],
  'sluice.v1.NodeService/WatchNodes': ['users'],
  'sluice.v1.NoticeService/SendTestNotice': ['users', { to: 'nowhere' }],
  'sluice.v1.PlanService/PlanQueueChange': ['users', { delete: 'research' }],
  'sluice.v1.PlanService/PlanWorkload': ['users', { specs: [SPEC] }],
  'sluice.v1.QueueService/CreateQueue': ['admins', { queue: { name: 'research' } }],
  'sluice.v1.QueueService/DeleteQueue': ['admins', { name: 'ghost' }],
  'sluice.v1.QueueService/GetQueue': ['users', { name: 'research' }],
  'sluice.v1.QueueService/ListQueues': ['users'],
  'sluice.v1.QueueService/UpdateQueue': [
    'admins',
    { queue: { name: 'ghost', weight: 9 }, updateMask: { paths: ['weight'] } },
  ],
  'sluice.v1.SnapshotService/SaveSnapshot': ['admins'],
  'sluice.v1.StatsService/GetWorkloadStats': ['users', HERS],
  'sluice.v1.StatsService/ListWorkloadStats': ['users'],
  'sluice.v1.UsageService/GetUsage': ['users'],
  'sluice.v1.VersionService/GetVersion': ['everybody'],
  'sluice.v1.WorkloadService/ExplainWorkload': ['users', HERS],
  'sluice.v1.WorkloadService/GetWorkload': ['usersAndTasks', HERS],
  'sluice.v1.WorkloadService/HoldWorkloads': ['owner', { ...HER_WORK, ownerMayRelease: true }],
  'sluice.v1.WorkloadService/ListWorkloads': ['listsOwn'],
  'sluice.v1.WorkloadService/PrioritizeWorkloads': ['owner', { ...HER_WORK, priority: 60 }],
  'sluice.v1.WorkloadService/ReleaseWorkloads': ['owner', HER_WORK],
  'sluice.v1.WorkloadService/SubmitWorkloads': ['users', { specs: [SPEC], validateOnly: true }],
  'sluice.v1.WorkloadService/WatchWorkloads': ['users'],
  // What ends or stops hers comes last.
  'sluice.v1.WorkloadService/RequeueWorkloads': ['owner', HER_WORK],
  'sluice.v1.WorkloadService/CancelWorkloads': ['ownerAndTasks', HER_WORK],
  'inference.GRPCInferenceService/ModelInfer': ['elsewhere'],
  'inference.GRPCInferenceService/ModelMetadata': ['elsewhere'],
  'inference.GRPCInferenceService/ModelReady': ['elsewhere'],
  'inference.GRPCInferenceService/ServerLive': ['elsewhere'],
  'inference.GRPCInferenceService/ServerMetadata': ['elsewhere'],
  'inference.GRPCInferenceService/ServerReady': ['elsewhere'],
};

/** What somebody is told who is let through, and names what is not there or cannot be. */
const LET_THROUGH: readonly grpc.status[] = [
  grpc.status.NOT_FOUND,
  grpc.status.ALREADY_EXISTS,
  grpc.status.INVALID_ARGUMENT,
  grpc.status.FAILED_PRECONDITION,
];

/** `sluice.v1.WorkloadService/GetWorkload` of every RPC that the .proto files name. */
function rpcsInProto(): readonly string[] {
  const folder = path.join(PACKAGE_ROOT, 'proto');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.proto'));
  return files.flatMap((file) => {
    const text = readFileSync(path.join(folder, file), 'utf8').replaceAll(/\/\/.*$/gm, '');
    const name = /^package ([\w.]+);/m.exec(text)?.[1] ?? '';
    return [...text.matchAll(/^service (\w+) \{([^]*?)^\}/gm)].flatMap(([, service, body = '']) =>
      [...body.matchAll(/^\s*rpc (\w+)/gm)].map(([, rpc]) => `${name}.${service}/${rpc}`),
    );
  });
}

test('every RPC in proto/ has its line in the table of who may call it', () => {
  expect(rpcsInProto().toSorted()).toEqual(Object.keys(TABLE).toSorted());
});

describe.runIf(needs('build'))('a daemon that asks for tokens', () => {
  const files = new RealCluster();
  const secrets: Record<Caller, string> = {
    nobody: '',
    stranger: 'guess',
    other: 'other-secret',
    alice: 'alice-secret',
    root: 'root-secret',
    task: '',
    agent: 'n1-secret',
  };
  let cluster: RealCluster;
  let channel: grpc.Client;

  beforeAll(async () => {
    const digest = (token: string) => `sha256:${createHash('sha256').update(token).digest('hex')}`;
    const write = (name: string, ...lines: string[]) =>
      writeFileSync(files.at(name), `${lines.join('\n')}\n`, { mode: 0o600 });
    write(
      'users',
      `${digest('other-secret')} other`,
      `${digest('alice-secret')} alice`,
      `${digest('root-secret')} root admin`,
    );
    write('agents', `${digest('n1-secret')} n1`, `${digest('n2-secret')} n2`);
    write('n1', 'n1-secret');
    const serverFlags = ['--tokens-file', files.at('users'), '--agent-tokens-file', files.at('agents')];
    cluster = new RealCluster({ serverFlags, token: 'alice-secret' });
    await cluster.startScheduler();
    channel = new grpc.Client(cluster.grpc, grpc.credentials.createInsecure());
    await cluster.startAgent('n1', ['--simulate', '2xh100', '--token-file', files.at('n1')]);
    await cluster.client('root-secret').createQueue({ queue: { name: 'research', guaranteeGpus: 2 } });
    const script = `echo started; cp "$SLUICE_TOKEN_FILE" ${files.at('task')}; exec sleep 600`;
    for (const [name, argv] of [
      ['beside', ['/bin/sh', '-c', script]],
      ['hers', ['/bin/sh', '-c', 'echo started; exec sleep 600']],
    ] as const) {
      const spec = { name, queue: 'research', resources: { gpus: 1 }, command: { argv: [...argv] } };
      await cluster.client().submitWorkloads({ specs: [spec] });
      await cluster.untilWorkload(cluster.client(), name, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
    }
    secrets.task = await until('the token of a task', () => {
      const text = existsSync(files.at('task')) ? readFileSync(files.at('task'), 'utf8').trim() : '';
      return text === '' ? null : text;
    });
  });
  afterAll(async () => {
    channel.close();
    await cluster.stop();
    await files.stop();
  });

  /** Calls with one request and tells how the first answer reads: `may`, or the reason of a refusal. */
  function answerTo(rpc: string, secret: string, request: object = {}): Promise<string> {
    const { path: at, requestSerialize, responseDeserialize, requestStream, responseStream } = definitionOf(rpc);
    const metadata = new grpc.Metadata();
    if (secret !== '') metadata.set('authorization', `Bearer ${secret}`);
    return new Promise((resolve, reject) => {
      const told = (error: grpc.ServiceError | null): void => {
        if (error === null || LET_THROUGH.includes(error.code)) return resolve(MAY);
        const { code, reason, message } = fromServiceError(error);
        const isRefusal = [grpc.status.UNAUTHENTICATED, grpc.status.PERMISSION_DENIED, grpc.status.UNIMPLEMENTED];
        return isRefusal.includes(code) ? resolve(reason) : reject(new Error(`${rpc}: ${reason}: ${message}`));
      };
      if (!requestStream && !responseStream) {
        channel.makeUnaryRequest(at, requestSerialize, responseDeserialize, request, metadata, told);
        return;
      }
      const open = (): grpc.ClientReadableStream<object> => {
        if (!requestStream) {
          return channel.makeServerStreamRequest(at, requestSerialize, responseDeserialize, request, metadata);
        }
        const both = channel.makeBidiStreamRequest(at, requestSerialize, responseDeserialize, metadata);
        both.write(request);
        return both;
      };
      const call = open();
      call.on('error', told);
      call.on('end', () => told(null));
      call.on('data', () => {
        told(null);
        call.cancel();
      });
    });
  }

  test.each(Object.entries(TABLE))('%s', async (rpc, [right, request]) => {
    const told: Record<string, string> = {};
    for (const caller of CALLERS) told[caller] = await answerTo(rpc, secrets[caller], request);
    expect(told).toEqual(Object.fromEntries(CALLERS.map((caller, index) => [caller, RIGHTS[right][index]])));
  });

  test('takes no agent for another node than the one its token is for', async () => {
    const { id } = await cluster.client().getNode('n1');
    const other = '0f5c3c1e-6b8f-4d43-9d1c-2f7a4a1b9c55';
    for (const claim of [
      { nodeId: other, name: 'n1' },
      { nodeId: id, name: 'n1' },
      { nodeId: id, name: 'n2' },
    ]) {
      const hello = { ...claim, bootId: 'b', inventory: {} };
      expect(await answerTo('sluice.v1.AgentService/Connect', 'n2-secret', { hello })).toBe('WRONG_NODE');
    }
    expect((await cluster.client().getNode('n1')).state).toBe('NODE_STATE_READY');
  });

  test('lets the owner release what an administrator held only where that was left to the owner, also after it was killed', async () => {
    const [alice, root] = [cluster.client(), cluster.client('root-secret')];
    const spec = { name: 'later', queue: 'research', resources: { gpus: 2 }, command: { argv: ['true'] } };
    await alice.submitWorkloads({ specs: [spec] });
    const later = { workloads: ['later'] };
    await root.holdWorkloads({ ...later, reason: 'looks broken' });
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    expect(await answerTo('sluice.v1.WorkloadService/ReleaseWorkloads', 'alice-secret', later)).toBe('HELD_BY_ADMIN');
    expect(await alice.getWorkload('later')).toMatchObject({
      hold: 'held by administrator root: looks broken',
      adminHold: true,
    });
    await root.holdWorkloads({ ...later, reason: '', ownerMayRelease: true });
    await alice.releaseWorkloads(later);
    expect(await alice.getWorkload('later')).toMatchObject({ hold: '', adminHold: false });
  });
});

function definitionOf(rpc: string): grpc.MethodDefinition<object, object> {
  const services = [...Object.values(sluice), ...Object.values(loadInference())];
  const methods = services.flatMap((member) =>
    'service' in member ? (Object.values(member.service) as grpc.MethodDefinition<object, object>[]) : [],
  );
  const found = methods.find((method) => method.path === `/${rpc}`);
  if (found === undefined) throw new Error(`common/proto.ts loads no ${rpc}`);
  return found;
}
