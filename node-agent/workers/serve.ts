import type { StopListener, TaskEnvironment } from './task-environment.js';
export const SERVE_FLAGS = {};
export async function runServe(_a: readonly string[], _e: TaskEnvironment, _s: StopListener): Promise<number> { return 1; }
