// Light agents in a process of their own (see light-agents.ts), so that they do not share the event loop of whoever measures.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LightAgents } from './light-agents.js';

const AGENTS = fileURLToPath(new URL('./light-agents.js', import.meta.url));

/** The scheduler's flags for many of them: their heartbeats are slow, since they share the machine. */
export const SLOW_HEARTBEATS: readonly string[] = ['--heartbeat', '60s', '--lease', '10m', '--log-level', 'error'];

/** Starts them; they end when this side disconnects. */
export function startLightAgents(agents: LightAgents): ChildProcess {
  return fork(AGENTS, [JSON.stringify(agents)]);
}

/** Resolves once the agents say the word: all are welcome, or every GPU was given to a task. @throws Error when they end before */
export function says(agents: ChildProcess, word: 'ready' | 'full'): Promise<void> {
  return new Promise((resolve, reject) => {
    agents.on('message', (message) => {
      if (message === word) resolve();
    });
    agents.once('exit', (code) => reject(new Error(`the light agents ended with code ${code} before "${word}"`)));
  });
}
