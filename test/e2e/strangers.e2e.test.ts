// Clients that know nothing of us: they find the services by reflection, watch health, scrape metrics.
import * as grpc from '@grpc/grpc-js';
import { GrpcReflection } from 'grpc-js-reflection-client';
import { service as healthService } from 'grpc-health-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needs } from '../real-part.js';
import { RealCluster } from './real-cluster.js';

describe.runIf(needs('build'))('a stranger', () => {
  const cluster = new RealCluster();

  beforeAll(async () => {
    await cluster.startScheduler();
    await cluster.startAgent('n1');
    await cluster.client().createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
  });
  afterAll(() => cluster.stop());

  test('lists the services by reflection and submits a workload', async () => {
    const reflection = new GrpcReflection(cluster.grpc, grpc.ChannelCredentials.createInsecure());
    const services = await reflection.listServices();
    expect(services).toEqual(
      expect.arrayContaining([
        'sluice.v1.WorkloadService',
        'sluice.v1.QueueService',
        'sluice.v1.NodeService',
        'sluice.v1.LogService',
        'sluice.v1.AgentService',
        'sluice.v1.VersionService',
        'grpc.health.v1.Health',
      ]),
    );
    const descriptor = await reflection.getDescriptorBySymbol('sluice.v1.WorkloadService');
    const loaded = descriptor.getPackageObject({ keepCase: true, enums: String, longs: String });
    const { WorkloadService } = (loaded as unknown as { sluice: { v1: Record<string, grpc.ServiceClientConstructor> } })
      .sluice.v1;
    if (WorkloadService === undefined) throw new Error('reflection gave no WorkloadService');
    const client = new WorkloadService(cluster.grpc, grpc.credentials.createInsecure());
    const answer = await new Promise<{ workloads: { number: string }[] }>((resolve, reject) => {
      const specs = [{ name: 'hello', queue: 'research', resources: { gpus: 1 }, command: { argv: ['true'] } }];
      client['SubmitWorkloads']?.({ specs }, (error: Error | null, response: { workloads: { number: string }[] }) =>
        error === null ? resolve(response) : reject(error),
      );
    });
    client.close();
    const number = answer.workloads[0]?.number ?? '';
    const ours = cluster.client();
    await cluster.untilWorkload(ours, number, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
  });

  test('asks for the health of a service', async () => {
    const Health = grpc.makeGenericClientConstructor(healthService as grpc.ServiceDefinition, 'Health');
    const client = new Health(cluster.grpc, grpc.credentials.createInsecure());
    const check = (service: string) =>
      new Promise<{ status: string }>((resolve, reject) => {
        client['Check']?.({ service }, (error: Error | null, response: { status: string }) =>
          error === null ? resolve(response) : reject(error),
        );
      });
    expect((await check('')).status).toBe('SERVING');
    expect((await check('sluice.v1.QueueService')).status).toBe('SERVING');
    await expect(check('sluice.v1.NoService')).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
    client.close();
  });

  test('scrapes metrics and asks whether the daemon lives and is ready', async () => {
    const get = async (path: string) => {
      const response = await fetch(`http://${cluster.http}${path}`);
      return { code: response.status, text: await response.text() };
    };
    expect(await get('/healthz')).toEqual({ code: 200, text: 'ok\n' });
    expect(await get('/readyz')).toEqual({ code: 200, text: 'ready\n' });
    expect((await get('/nothing')).code).toBe(404);
    const { text } = await get('/metrics');
    expect(text).toMatch(
      /^sluice_gpus\{pool="default",model="[^"]*H100[^"]*",simulated="true",state="(idle|allocated)"\} \d/m,
    );
    expect(text).toMatch(/^sluice_queue_guaranteed_gpus\{queue="research"\} 4$/m);
    expect(text).toMatch(/^sluice_nodes\{pool="default",state="ready"\} 1$/m);
  });
});
