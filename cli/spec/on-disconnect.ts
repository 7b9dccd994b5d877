// What becomes of tasks whose node loses contact, in the words of documents and flags.

export const ON_DISCONNECT = {
  stop: 'ON_DISCONNECT_STOP',
  linger: 'ON_DISCONNECT_LINGER',
  keep: 'ON_DISCONNECT_KEEP',
} as const;
