// Hooks as real programs: limits, environment, output that is kept, and who is blamed.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import type { AllocationId } from '../../common/ids.js';
import { systemClock } from '../../common/clock.js';
import { createLogger } from '../../common/log.js';
import { AgentHealth } from '../../node-agent/health/agent-health.js';
import { healthFile } from '../../node-agent/health/health-file.js';
import { HealthWatch } from '../../node-agent/health/health-watch.js';
import { type HookOptions, Hooks, MAX_KEPT_OUTPUTS } from '../../node-agent/health/hooks.js';
import { machineHealth } from '../../node-agent/health/machine-health.js';
import type { Grant } from '../../node-agent/session/allocation.js';
import type { HealthEvent } from '../../proto/gen/sluice/v1/HealthEvent.js';

const log = createLogger({ level: 'silent', name: 'test' });
const deps = { clock: systemClock, log };
const NO_GPUS = { gpus: [], driverVersion: '', cudaVersion: '', problem: '' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sluice-hooks-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function script(text: string, name = 'hook.sh'): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

function task(id = 'A1'): Grant {
  const gpu = { uuid: 'GPU-a', index: 3, model: '', simulated: true, generation: 1, parts: 7_000, instance: '' };
  return { id: id as AllocationId, workload: 7, attempt: 2, task: 1, gpus: [gpu], lingerMs: 0, graceMs: 0 } as Grant;
}

function hooksOf(options: Partial<HookOptions>): Hooks {
  return new Hooks({ everyMs: 60_000, ...options }, { node: 'n1', folder: path.join(folder, 'out') }, deps);
}

test.each<[string, string, string | null]>([
  ['passes', 'exit 0', null],
  ['fails without a word', 'exit 7', 'exit code 7'],
  ['says why, last', 'echo one; echo "no scratch" >&2; exit 3', 'exit code 3: no scratch'],
  ['is killed', 'kill -9 $$', 'ended by a signal'],
  ['hangs, and so does its child', 'sleep 1000 & sleep 1000', 'it did not end within 1 s and was killed'],
  ['prints without end', 'yes', 'it printed more than 1 MiB and was killed'],
])('a prolog that %s', async (_, text, why) => {
  const hooks = hooksOf({ prolog: { file: script(text), limitMs: why?.includes('1 s') ? 1_000 : 30_000 } });
  expect(await hooks.prolog(task())).toEqual(why === null ? { state: 'passed' } : { state: 'failed', why });
});

describe('a hook', () => {
  it('is told of its task, and nothing of the environment of others', async () => {
    process.env['SECRET_OF_THE_AGENT'] = 'x';
    const hooks = hooksOf({ epilog: { file: script('env | sort'), limitMs: 10_000 } });
    await hooks.epilog(task());
    delete process.env['SECRET_OF_THE_AGENT'];
    const kept = readFileSync(path.join(folder, 'out/A1.epilog.log'), 'utf8');
    expect(kept).toContain('SLUICE_ALLOCATION_ID=A1\n');
    expect(kept).toContain('SLUICE_GPU_INDEXES=3\nSLUICE_GPU_UUIDS=GPU-a\nSLUICE_HOOK=epilog\nSLUICE_NODE=n1\n');
    expect(kept).toContain('SLUICE_WORKLOAD=7\n');
    expect(kept).not.toContain('SECRET');
  });

  it('leaves its last outputs behind, not all of them', async () => {
    const hooks = hooksOf({ prolog: { file: '/bin/true', limitMs: 10_000 } });
    for (let count = 0; count < MAX_KEPT_OUTPUTS + 2; count += 1) await hooks.prolog(task(`A${count}`));
    expect(readdirSync(path.join(folder, 'out'))).toHaveLength(MAX_KEPT_OUTPUTS);
  });

  it('that is no program is refused when the agent starts', () => {
    const start = (file: string) => () => {
      const hooks = { everyMs: 1_000, prolog: { file, limitMs: 1_000 } };
      machineHealth({ node: 'n1', stateDir: folder, hooks, readsKernelLog: false }, deps);
    };
    writeFileSync(path.join(folder, 'plain'), '#!/bin/sh\n', { mode: 0o644 });
    expect(start(path.join(folder, 'missing'))).toThrow(/the hook .*missing cannot be run: there is no such file/);
    expect(start(path.join(folder, 'plain'))).toThrow(/plain cannot be run: it is not executable\nMake it so: chmod/);
    // A folder has the same bit, and means something else by it.
    expect(start(folder)).toThrow(/cannot be run: it is no file/);
  });
});

describe('the agent', () => {
  async function agent(options: Partial<HookOptions>) {
    const sent: HealthEvent[] = [];
    const problems: string[] = [];
    const watch = new HealthWatch({
      ...deps,
      bootId: 'b',
      kernelMs: () => 0,
      file: healthFile(folder),
      kernelLog: null,
    });
    const health = new AgentHealth(watch, hooksOf(options), deps);
    await health.begin(NO_GPUS, {
      send: (events) => sent.push(...events),
      lookAtGpus: () => undefined,
      problemChanged: () => problems.push(health.problem),
    });
    return { health, sent, problems };
  }

  it('starts nothing after a prolog that failed, and blames the node first', async () => {
    const { health, sent } = await agent({ prolog: { file: script('echo no scratch; exit 3'), limitMs: 9_000 } });
    await expect(health.beforeStart(task(), Promise.resolve())).rejects.toThrow(
      'the prolog failed: exit code 3: no scratch',
    );
    expect(sent).toMatchObject([{ kind: 'prolog_failed', allocation: 'A1', detail: 'exit code 3: no scratch' }]);
    await health.close();
  });

  it('blames nobody for a prolog that it did not wait for', async () => {
    const { health, sent } = await agent({ prolog: { file: script('sleep 1000'), limitMs: 60_000 } });
    const start = health.beforeStart(task(), Promise.resolve());
    const refused = start.then(
      () => 'started',
      (error: unknown) => (error as Error).message,
    );
    await expect.poll(() => existsSync(folder)).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    await health.close();
    expect(await refused).toBe('its agent ended during the prolog');
    expect(sent).toEqual([]);
  });

  it('runs the epilog of a task once, however often it looks whether its GPUs are clean', async () => {
    const { health, sent } = await agent({
      epilog: { file: script(`echo x >> ${folder}/runs; exit 1`), limitMs: 9_000 },
    });
    await Promise.all([health.beforeRelease(task()), health.beforeRelease(task())]);
    await health.beforeRelease(task());
    expect(readFileSync(path.join(folder, 'runs'), 'utf8')).toBe('x\n');
    expect(sent).toMatchObject([{ kind: 'epilog_failed', allocation: 'A1' }]);
    health.forget('A1');
    await health.beforeRelease(task());
    expect(readFileSync(path.join(folder, 'runs'), 'utf8')).toBe('x\nx\n');
    await health.close();
  });

  it('knows the word of the health check before it says hello, and follows it', async () => {
    const file = script(`test ! -e ${folder}/bad || { echo disk full; exit 1; }`);
    writeFileSync(path.join(folder, 'bad'), '');
    const { health, problems } = await agent({ healthCheck: { file, limitMs: 9_000 }, everyMs: 20 });
    expect(health.problem).toBe('the health check fails: exit code 1: disk full');
    rmSync(path.join(folder, 'bad'));
    await expect.poll(() => health.problem).toBe('');
    expect(problems).toEqual(['the health check fails: exit code 1: disk full', '']);
    await health.close();
  });
});
