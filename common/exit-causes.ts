// The causes that a message of a task's end begins with, before a colon: an agent writes them, and lists show them alone.
export const EXIT_CAUSE = {
  memory: 'out of memory',
  disk: 'out of disk space',
  processes: 'too many processes',
  gpus: 'refused GPUs',
} as const;

/** The cause that a message begins with; null = it begins with none. */
export function causeOf(message: string): string | null {
  return Object.values(EXIT_CAUSE).find((cause) => message.startsWith(`${cause}:`)) ?? null;
}
