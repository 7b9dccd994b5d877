// The budget of a queue in a real cluster: people are warned, borrowing stops when it is spent and what waits says why, a scheduler
// that is killed knows all of it, and a raised budget lets work start at once.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { HookServer } from './notice-receivers.js';
import { RealCluster, until } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const run = promisify(execFile);
const LIMIT_MS = 120_000;

describe.runIf(needs('build'))('a budget', () => {
  const flags = ['--notify-private-networks=127.0.0.1/32'];
  const cluster = new RealCluster({ serverFlags: flags });
  let hooks: HookServer;
  let client: SluiceClient;

  beforeAll(async () => {
    hooks = await new HookServer().start();
    writeFileSync(cluster.at('webhooks'), `${hooks.origin} a-secret-of-the-test-0123456789\n`);
    flags.push(`--notify-webhooks-file=${cluster.at('webhooks')}`);
    await cluster.startScheduler();
    await cluster.startAgent('n1', ['--simulate', '4xh100']);
    client = cluster.client();
  }, LIMIT_MS);
  afterAll(async () => {
    await cluster.stop();
    await hooks.stop();
  });

  const sluice = async (...argv: readonly string[]): Promise<string> => {
    const env = { ...process.env, SLUICE_SERVER: cluster.grpc };
    const { stdout, stderr } = await run(process.execPath, [SLUICE, ...argv], { env });
    return stdout + stderr;
  };
  const submit = (name: string): Promise<unknown> =>
    client.submitWorkloads({
      specs: [
        {
          name,
          queue: 'vision',
          preemptible: true,
          resources: { gpus: 1 },
          command: { argv: ['sleep', '600'] },
        },
      ],
    });
  const told = (type: string): boolean => hooks.posts.some(({ body }) => body.includes(`"queue.${type}"`));

  test(
    'that is spent stops borrowing, with words, over a scheduler that is killed, until it is raised',
    async () => {
      await sluice('queue', 'create', 'research', '--guarantee', '1');
      await sluice('queue', 'create', 'vision', '--parent', 'research', '--guarantee', '1');
      for (const name of ['one', 'two']) {
        await submit(name);
        await cluster.untilWorkload(client, name, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
      }
      // Seven seconds of one GPU.
      const words = `warn=50,warn=100,then=stop-borrowing,tell=${hooks.origin}/told`;
      await sluice('queue', 'update', 'research', '--budget', `0.002,per=month,${words}`);
      await until('it is spent', async () =>
        (await client.getQueue('research')).budgetUse?.isSpent === true ? true : null,
      );
      await until('the webhook is told', () => (told('budget_spent') ? true : null));
      await submit('three');
      const why = await until('the reason is there', async () => {
        const text = await sluice('why', 'three');
        return text.includes('budget') ? text : null;
      });
      expect(why).toMatch(
        /The budget of queue research is spent: 0\.00\d\d? of 0\.002 GPU-hours, until \d{4}-\d\d-01; borrowing stops: it holds 2 of the 1 GPU it is guaranteed, and this asks for 1\./,
      );
      // What runs goes on.
      expect((await client.allWorkloads({})).map(({ state }) => state).toSorted()).toEqual([
        'WORKLOAD_STATE_PENDING',
        'WORKLOAD_STATE_RUNNING',
        'WORKLOAD_STATE_RUNNING',
      ]);
      expect(await sluice('get', 'queues')).toMatch(/^NAME .* BUDGET\nresearch .* \d+ %\n {2}vision .* -\n$/);
      expect(await sluice('describe', 'queue', 'research')).toMatch(
        /Budget:?\n\s+Used:? .*GPU-hours[^]*Spent:? +it gets nothing above/,
      );
      expect(await sluice('report', 'budget', '-o', 'csv')).toMatch(
        /^QUEUE,[^\n]*\nresearch,0.002,GPU-h,.*,stop-borrowing,spent\n$/,
      );
      expect(await sluice('status')).toContain('the budget of queue research is spent');

      const before = hooks.posts.length;
      await cluster.endScheduler('SIGKILL');
      await cluster.startScheduler();
      await until('the agent is back', async () => {
        const nodes = await client.allNodes();
        return nodes.every(({ state }) => state === 'NODE_STATE_READY') ? true : null;
      });
      expect((await client.getQueue('research')).budgetUse).toMatchObject({ isSpent: true });
      expect(await sluice('why', 'three')).toContain('The budget of queue research is spent');

      await sluice('queue', 'update', 'research', '--budget', `100,per=month,${words}`);
      await cluster.untilWorkload(client, 'three', ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
      await until('the webhook is told again', () => (told('budget_renewed') ? true : null));
      // The restart told nothing anew.
      expect(hooks.posts.slice(before).filter(({ body }) => body.includes('"queue.budget_spent"'))).toEqual([]);

      await sluice('queue', 'update', 'research', '--budget', `0.002,per=month,then=end-borrowed`);
      await until('only the guarantee is held', async () =>
        (await client.getQueue('research')).use?.allocatedGpus === 1 ? true : null,
      );
      const [one, two, three] = (await client.allWorkloads({})).toSorted((a, b) => a.number - b.number);
      expect([one?.state, two?.state, three?.state]).toEqual([
        'WORKLOAD_STATE_RUNNING',
        'WORKLOAD_STATE_PENDING',
        'WORKLOAD_STATE_PENDING',
      ]);
    },
    LIMIT_MS,
  );

  test('that makes no sense is refused with what is wrong', async () => {
    const refusal = async (budget: string): Promise<string> => {
      try {
        return await sluice('queue', 'update', 'vision', '--budget', budget);
      } catch (error) {
        return (error as { readonly stderr: string }).stderr;
      }
    };
    expect(await refusal('often')).toContain('--budget often begins with "often", which is no amount such as 5000');
    expect(await refusal('5')).toContain('is required: a month, a quarter or a year, or a first and a last day');
    expect(await refusal('5,per=month,of=cost')).toContain('this cluster has no prices; set usage.prices');
    expect(await refusal('5,from=2026-02-30,to=2026-01-01')).toContain('"2026-02-30" is no day');
    expect(await refusal('5,from=2026-03-01,to=2026-01-01')).toContain('2026-01-01 is before 2026-03-01');
    expect(await refusal('5,per=month,warn=2000')).toContain('20 is out of range; allowed are 0.01 to 10');
    expect(await refusal('5,per=month,tell=http://nowhere.example/')).toContain('queue.budget.notify[0]');
  });
});
