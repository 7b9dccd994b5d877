// Which setting wins: flag, environment, context, default.
import { describe, expect, it } from 'vitest';
import { NO_CONFIG, configPath, resolveSettings, withContext, type ConfigFile } from '../../cli/config.js';

const FILE: ConfigFile = {
  currentContext: 'lab',
  contexts: {
    lab: { server: 'lab:7443', token_file: '/lab/token', tls_ca: '/lab/ca.pem', queue: 'vision' },
    home: { server: 'home:7443', token: 'plain' },
  },
};

describe('precedence', () => {
  it.each([
    ['flag', { server: 'flag:1' }, { SLUICE_SERVER: 'env:1' }, FILE, { value: 'flag:1', origin: 'flag' }],
    ['environment', {}, { SLUICE_SERVER: 'env:1' }, FILE, { value: 'env:1', origin: 'environment' }],
    ['context', {}, {}, FILE, { value: 'lab:7443', origin: 'context' }],
    ['default', {}, {}, NO_CONFIG, { value: '127.0.0.1:7443', origin: 'default' }],
    ['an empty variable is none', {}, { SLUICE_SERVER: '' }, NO_CONFIG, { value: '127.0.0.1:7443', origin: 'default' }],
  ] as const)('of the server: %s', (_, flags, env, file, expected) => {
    expect(resolveSettings(flags, env, file).server).toEqual(expected);
  });

  it.each([
    ['flag', { context: 'home' }, { SLUICE_CONTEXT: 'lab' }, 'home:7443'],
    ['environment', {}, { SLUICE_CONTEXT: 'home' }, 'home:7443'],
    ['file', {}, {}, 'lab:7443'],
  ] as const)('of the context: %s', (_, flags, env, server) => {
    expect(resolveSettings(flags, env, FILE).server.value).toBe(server);
  });

  it.each([
    ['a file by flag beats a token of the environment', { tokenFile: '/f' }, { SLUICE_TOKEN: 't' }, null, '/f'],
    ['a token of the environment beats a file of the context', {}, { SLUICE_TOKEN: 't' }, 't', null],
    ['a file of the context', {}, {}, null, '/lab/token'],
    ['a token of the context', { context: 'home' }, {}, 'plain', null],
  ] as const)('of the token: %s', (_, flags, env, token, tokenFile) => {
    const settings = resolveSettings(flags, env, FILE);
    expect([settings.token.value, settings.tokenFile.value]).toEqual([token, tokenFile]);
  });

  describe('of what a task was given', () => {
    const GIVEN = { SLUICE_TASK_SERVER: 'task:1', SLUICE_TOKEN_FILE: '/given', SLUICE_TASK_CA: '/ca' };
    it.each([
      ['alone it is used', {}, {}, NO_CONFIG, ['task:1', null, '/given', '/ca']],
      ['not for a server that somebody named', { server: 'flag:1' }, {}, NO_CONFIG, ['flag:1', null, null, null]],
      ['nor for that of a context', {}, {}, FILE, ['lab:7443', null, '/lab/token', '/lab/ca.pem']],
      ['a token of the environment goes before it', {}, { SLUICE_TOKEN: 't' }, NO_CONFIG, ['task:1', 't', null, '/ca']],
      ['a file by flag, too', { tokenFile: '/f' }, {}, NO_CONFIG, ['task:1', null, '/f', '/ca']],
      [
        'without a server it is nothing',
        {},
        { SLUICE_TASK_SERVER: '' },
        NO_CONFIG,
        ['127.0.0.1:7443', null, null, null],
      ],
    ] as const)('%s', (_, flags, env, file, expected) => {
      const { server, token, tokenFile, tlsCa } = resolveSettings(flags, { ...GIVEN, ...env }, file);
      expect([server.value, token.value, tokenFile.value, tlsCa.value]).toEqual(expected);
    });
  });

  it('of the queue', () => {
    expect(resolveSettings({}, {}, FILE).queue).toEqual({ value: 'vision', origin: 'context' });
    expect(resolveSettings({}, { SLUICE_QUEUE: 'mine' }, FILE).queue).toEqual({ value: 'mine', origin: 'environment' });
    expect(resolveSettings({}, {}, NO_CONFIG).queue.value).toBeNull();
  });

  it.each(['constructor', '__proto__', 'nope'])('refuses the unknown context %s', (name) => {
    expect(() => resolveSettings({ context: name }, {}, FILE)).toThrow(`context "${name}" does not exist`);
  });
});

describe('the file', () => {
  it.each([
    [{ SLUICE_CONFIG: '/x/y.yaml' }, '/x/y.yaml'],
    [{ XDG_CONFIG_HOME: '/xdg' }, '/xdg/sluice/config.yaml'],
    [{ XDG_CONFIG_HOME: 'relative' }, '/home/a/.config/sluice/config.yaml'],
    [{}, '/home/a/.config/sluice/config.yaml'],
  ])('lies where %j says', (env, expected) => {
    expect(configPath(env, '/home/a')).toBe(expected);
  });

  it('is changed in one context only; null takes a value out', () => {
    const changed = withContext(FILE, 'lab', { server: 'new:1', tls_ca: null });
    expect(changed.contexts).toEqual({
      lab: { server: 'new:1', token_file: '/lab/token', queue: 'vision' },
      home: FILE.contexts['home'],
    });
  });
});
