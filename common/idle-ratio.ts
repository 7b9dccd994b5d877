// When a GPU counts as idle: one figure for agents, scheduler and `sluice top`.

/** Below this a GPU counts as idle: a display server, a health check or a notebook's heartbeat uses less. */
export const IDLE_BELOW_RATIO = 0.05;
