// The line to the supervisor of tasks: how long one is waited for.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isAlive } from '../../node-agent/runtime/process-identity.js';
import { makeSureIsDead, SupervisorLink } from '../../node-agent/runtime/supervisor-link.js';
import { needs } from '../real-part.js';

describe.runIf(needs('build'))('a line to the supervisor', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('is waited for by an agent that stood still: what passed meanwhile is no waiting', async () => {
    const stateDir = mkdtempSync(path.join(tmpdir(), 'sluice-link-'));
    // Between any two looks at the clock the agent was stopped for a minute.
    const now = performance.now.bind(performance);
    let stoodStillMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now() + (stoodStillMs += 60_000));
    const link = await SupervisorLink.open({ stateDir }, { event: () => undefined, lost: () => undefined });
    expect(isAlive(link.identity)).toBe(true);
    link.close();
    await makeSureIsDead(link.identity);
    rmSync(stateDir, { recursive: true });
  });
});
