// The server's configuration as its users meet it: what wins over what, what is refused and how that reads.
import { DEFAULT_GPU_POLICY } from '../../scheduler/model/gpu-policy.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadServerConfig, type ServerConfig, serverSettings } from '../../scheduler/config.js';
import { DEFAULT_POLICY } from '../../scheduler/engine/policy.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

type Environment = Readonly<Record<string, string>>;

function load(argv: readonly string[], env: Environment = {}, yaml?: string) {
  if (yaml === undefined) return loadServerConfig(argv, { HOME: '/home/ada', ...env });
  writeFileSync(path.join(folder, 'server.yaml'), yaml);
  return loadServerConfig(['--config', path.join(folder, 'server.yaml'), ...argv], { HOME: '/home/ada', ...env });
}

function config(argv: readonly string[], env: Environment = {}, yaml?: string): ServerConfig {
  const loaded = load(argv, env, yaml);
  if (loaded.type === 'print') throw new Error(loaded.text);
  return loaded.config;
}

/** What is printed to stderr, without the file's folder. */
function refusal(argv: readonly string[], env: Environment = {}, yaml?: string): string {
  const loaded = load(argv, env, yaml);
  if (loaded.type !== 'print' || loaded.stream !== 'stderr') throw new Error(`not refused: ${JSON.stringify(loaded)}`);
  expect(loaded.exitCode).toBe(2);
  expect(loaded.text.trimEnd().split('\n').length).toBeLessThanOrEqual(3);
  return loaded.text.replaceAll(`${folder}/`, '');
}

function printed(argv: readonly string[], env: Environment = {}, yaml?: string): string {
  const loaded = load(argv, env, yaml);
  if (loaded.type !== 'print' || loaded.stream !== 'stdout') throw new Error(`not printed: ${JSON.stringify(loaded)}`);
  expect(loaded.exitCode).toBe(0);
  return loaded.text;
}

const SAFE = ['--tokens-file=/t', '--agent-tokens-file=/a', '--tls-cert=/c', '--tls-key=/k'];

describe('values', () => {
  it('has a default for everything', () => {
    expect(config([])).toEqual({
      listen: { host: '127.0.0.1', port: 7443 },
      http: { host: '127.0.0.1', port: 9465 },
      dataDir: '/home/ada/.local/share/sluice/server',
      redis: null,
      advertise: null,
      tokensFile: null,
      agentTokensFile: null,
      tls: null,
      heartbeatMs: 5000,
      leaseMs: 20_000,
      maxGraceMs: 3_600_000,
      fencing: {
        failoverMs: 60_000,
        orphanTtlMs: 300_000,
        brake: { nodes: 3, ratio: 0.3, windowMs: 120_000 },
        lostClusterId: null,
      },
      gpuHealth: DEFAULT_GPU_POLICY,
      prices: { currency: 'USD', ofModels: [] },
      usageRetention: { daysMs: 100 * 86_400_000, monthsMs: 1_830 * 86_400_000 },
      idleAfterMs: 15 * 60_000,
      logLevel: 'info',
      readyFile: null,
      retention: { finishedMs: 604_800_000, finishedCount: 100_000, requestMs: 604_800_000, requestCount: 2_000_000 },
      notify: { webhooksFile: null, privateNetworks: [], mail: null },
      policy: DEFAULT_POLICY,
    });
  });

  it('takes every setting from each source alike', () => {
    const texts: Readonly<Record<string, string>> = {
      listen: '[::1]:0',
      http: 'off',
      data_dir: '/d',
      store: 'rediss+sentinel://[::1],b:7/main',
      advertise: 'here:9',
      'redis.prefix': 'two',
      'redis.copies': '2',
      'redis.username': 'ada',
      'redis.password_file': '/pw',
      'redis.sentinel_username': 'sue',
      'redis.sentinel_password_file': '/spw',
      'redis.ca': '/rca',
      'redis.leader_hold': '5s',
      'redis.accept_weak': 'yes',
      tokens_file: '/t',
      agent_tokens_file: '/a',
      'tls.cert': '/c',
      'tls.key': '/k',
      'tls.client_ca': '/ca',
      heartbeat: '200ms',
      lease: '1m30s',
      max_grace: '0s',
      log_level: 'debug',
      ready_file: '/r',
      'fencing.failover': '2m',
      'fencing.orphans': '0s',
      'fencing.brake_nodes': '10',
      'fencing.brake_ratio': '0.5',
      'fencing.brake_window': '30s',
      'fencing.lost_cluster': '00000000-0000-4000-8000-00000000000c',
      'gpu_health.xid': '109=drain,63=ignore',
      'gpu_health.sxid': '12028=count',
      'gpu_health.reset': 'auto',
      'gpu_health.suspect_for': '5m',
      'gpu_health.repeat_workloads': '5',
      'gpu_health.repeat_users': '1',
      'gpu_health.repeat_window': '1d',
      'gpu_health.node_gpus': '0',
      'gpu_health.brake_nodes': '9',
      'gpu_health.brake_ratio': '0.4',
      'gpu_health.brake_window': '1m',
      'retention.finished_age': '2d',
      'retention.finished_count': '12',
      'retention.request_age': '8d',
      'retention.request_count': '3000000',
      'notify.webhooks_file': '/w',
      'notify.private_networks': '10.1.0.0/16,FD00::/8',
      'notify.smtp': 'smtps://sluice@mail.example.org',
      'notify.smtp_password_file': '/p',
      'notify.mail_from': 'sluice@example.org',
      'notify.mail_domains': 'example.org, lab.example.org',
      'usage.prices': 'h100=2.50,*=1',
      'usage.currency': 'EUR',
      'usage.idle_after': '1m',
      'usage.days_kept': '40d',
      'usage.months_kept': '1830d',
      'scheduling.placement': 'spread',
      'scheduling.placement_of': 'inference=pack,odd=pool=fragmentation',
      'scheduling.consolidation': 'off',
      'scheduling.max_moves': '3',
      'scheduling.max_disturbance': 'unlimited',
      'scheduling.reserve_after': '45s',
      'scheduling.max_reservations_per_pool': '0',
      'scheduling.saturation_multiplier': '1.5',
      'scheduling.broken_gang_grace': '0s',
      'scheduling.max_min_runtime': '2h',
      'scheduling.usage_half_life': '7d',
      'scheduling.usage_weight': '0.25',
    };
    expect(Object.keys(texts)).toEqual(serverSettings.map((setting) => setting.path));
    const expected: ServerConfig = {
      listen: { host: '::1', port: 0 },
      http: null,
      dataDir: '/d',
      redis: {
        address: {
          hosts: [
            { host: '::1', port: 26_379 },
            { host: 'b', port: 7 },
          ],
          sentinelName: 'main',
          tls: true,
        },
        prefix: 'two',
        copies: 2,
        username: 'ada',
        passwordFile: '/pw',
        sentinelUsername: 'sue',
        sentinelPasswordFile: '/spw',
        caFile: '/rca',
        leaderHoldMs: 5_000,
        acceptWeak: true,
      },
      advertise: { host: 'here', port: 9 },
      tokensFile: '/t',
      agentTokensFile: '/a',
      tls: { cert: '/c', key: '/k', clientCa: '/ca' },
      heartbeatMs: 200,
      leaseMs: 90_000,
      maxGraceMs: 0,
      fencing: {
        failoverMs: 120_000,
        orphanTtlMs: 0,
        brake: { nodes: 10, ratio: 0.5, windowMs: 30_000 },
        lostClusterId: '00000000-0000-4000-8000-00000000000c',
      },
      gpuHealth: {
        xid: { 63: 'ignore', 109: 'drain' },
        sxid: { 12_028: 'count' },
        reset: 'auto',
        suspectMs: 300_000,
        repeatWorkloads: 5,
        repeatUsers: 1,
        repeatWithinMs: 86_400_000,
        nodeGpus: 0,
        brakeNodes: 9,
        brakeRatio: 0.4,
        brakeWindowMs: 60_000,
      },
      notify: {
        webhooksFile: '/w',
        privateNetworks: ['10.1.0.0/16', 'fd00::/8'],
        mail: {
          server: { host: 'mail.example.org', port: 465, isTls: true, user: 'sluice' },
          passwordFile: '/p',
          from: 'sluice@example.org',
          domains: ['example.org', 'lab.example.org'],
        },
      },
      usageRetention: { daysMs: 40 * 86_400_000, monthsMs: 1_830 * 86_400_000 },
      idleAfterMs: 60_000,
      prices: {
        currency: 'EUR',
        ofModels: [
          { word: 'h100', perGpuHour: 2.5 },
          { word: '*', perGpuHour: 1 },
        ],
      },
      logLevel: 'debug',
      readyFile: '/r',
      retention: { finishedMs: 172_800_000, finishedCount: 12, requestMs: 691_200_000, requestCount: 3_000_000 },
      policy: {
        actions: ['allocate', 'reclaim', 'preempt', 'repair'],
        placement: 'spread',
        placementOf: { inference: 'pack', 'odd=pool': 'fragmentation' },
        reserveAfterMs: 45_000,
        maxReservationsPerPool: 0,
        maxMoves: 3,
        maxDisturbance: Infinity,
        saturationMultiplier: 1.5,
        brokenGangGraceMs: 0,
        maxMinRuntimeMs: 7_200_000,
        usageHalfLifeMs: 604_800_000,
        usageWeight: 0.25,
      },
    };
    const each = serverSettings.map((setting) => ({ ...setting, text: texts[setting.path] ?? '' }));
    expect(config(each.map(({ flag, text }) => `--${flag}=${text}`))).toEqual(expected);
    expect(config(each.flatMap(({ flag, text }) => [`--${flag}`, text]))).toEqual(expected);
    expect(config([], Object.fromEntries(each.map(({ variable, text }) => [variable, text])))).toEqual(expected);
    const yaml = each.map(({ path: name, text }) => {
      const [section, key] = name.includes('.') ? name.split('.') : [undefined, name];
      return section === undefined ? { [name]: text } : { [section]: { [key ?? '']: text } };
    });
    const merged = yaml.reduce<Record<string, unknown>>((all, one) => {
      const [[key, value] = ['', '']] = Object.entries(one);
      return { ...all, [key]: typeof value === 'string' ? value : { ...(all[key] as object), ...(value as object) } };
    }, {});
    expect(config([], {}, JSON.stringify(merged))).toEqual(expected);
  });

  it('lets a flag win over the environment, the environment over the file, the file over the default', () => {
    const yaml = 'lease: 31s\n';
    expect(config([], {}, yaml).leaseMs).toBe(31_000);
    expect(config([], { SLUICE_SERVER__LEASE: '32s' }, yaml).leaseMs).toBe(32_000);
    expect(config(['--lease=33s'], { SLUICE_SERVER__LEASE: '32s' }, yaml).leaseMs).toBe(33_000);
  });

  it('counts an empty variable as unset, and an empty flag as none', () => {
    expect(config([], { SLUICE_SERVER__READY_FILE: '' }, 'ready_file: /r\n').readyFile).toBe('/r');
    expect(config(['--ready-file='], {}, 'ready_file: /r\n').readyFile).toBeNull();
    expect(refusal(['--lease='])).toBe('error: --lease: lease: needs a value\n');
  });

  it('takes paths from where they were written', () => {
    expect(config([], {}, 'data_dir: data\n').dataDir).toBe(path.join(folder, 'data'));
    expect(config(['--data-dir=data'], {}, 'lease: 30s').dataDir).toBe(path.resolve('data'));
    expect(config(['--data-dir=~/data']).dataDir).toBe('/home/ada/data');
    expect(config([], {}, 'tls:\n  cert: c.pem\n  key: ../k.pem\n').tls).toEqual({
      cert: path.join(folder, 'c.pem'),
      key: path.join(path.dirname(folder), 'k.pem'),
      clientCa: null,
    });
  });

  it('reads numbers, empty sections and empty files', () => {
    expect(config([], {}, 'retention:\n  finished_count: 5\n  finished_age: 90\ntls:\n').retention).toMatchObject({
      finishedCount: 5,
      finishedMs: 90_000,
    });
    expect(config([], {}, '')).toEqual(config([]));
    expect(config([], {}, '# nothing\n')).toEqual(config([]));
  });

  it('takes the placement of pools as a section of a file too, and prints it as it reads it', () => {
    const yaml =
      'scheduling:\n  placement: pack\n  placement_of:\n    inference: spread\n    "big iron": fragmentation\n';
    const placements = { inference: 'spread', 'big iron': 'fragmentation' };
    expect(config([], {}, yaml).policy).toEqual({ ...DEFAULT_POLICY, placement: 'pack', placementOf: placements });
    const text = printed(['--print-config'], {}, yaml);
    expect(text).toMatch(/^ {2}placement_of: inference=spread,big iron=fragmentation +# file: .*server.yaml:3$/m);
    expect(config([], {}, text)).toEqual(config([], {}, yaml));
    expect(config(['--scheduling-placement-of='], {}, yaml).policy.placementOf).toEqual({});
  });

  it('knows no pool that is not named, whatever its name', () => {
    expect(config(['--scheduling-placement-of=a=pack']).policy.placementOf['constructor']).toBeUndefined();
  });

  it('takes what turns a rule of scheduling off', () => {
    const { policy } = config(['--scheduling-reserve-after=off', '--scheduling-usage-half-life=off']);
    expect(policy).toMatchObject({ reserveAfterMs: null, usageHalfLifeMs: null });
  });

  it('finds its file by the environment too', () => {
    const file = path.join(folder, 'other.yaml');
    writeFileSync(file, 'lease: 44s\n');
    expect(config([], { SLUICE_SERVER__CONFIG: file }).leaseMs).toBe(44_000);
  });
});

describe('what is refused, and how it reads', () => {
  it.each<{ argv?: string[]; env?: Environment; yaml?: string; says: string }>([
    { argv: ['--listne=x'], says: 'unknown flag --listne; did you mean "--listen"?' },
    { argv: ['--zzzzzzzz=1'], says: 'unknown flag --zzzzzzzz' },
    { argv: ['serve'], says: 'unexpected argument "serve": everything is a flag, see --help' },
    { argv: ['--listen'], says: '--listen needs a value: --listen=…' },
    { argv: ['--lease', '--http=off'], says: '--lease needs a value: --lease=…' },
    { argv: ['--lease=9s', '--lease=10s'], says: '--lease is given twice' },
    { argv: ['--print-config=yes'], says: '--print-config takes no value' },
    {
      env: { SLUICE_SERVER__LISTNE: 'x' },
      says: 'SLUICE_SERVER__LISTNE: no such setting; did you mean "SLUICE_SERVER__LISTEN"?',
    },
    {
      yaml: 'lease: 30s\nheartbaet: 5s\n',
      says: 'server.yaml:2: no such setting "heartbaet"; did you mean "heartbeat"?',
    },
    { yaml: '\ntls:\n  crt: x\n', says: 'server.yaml:3: no such setting "tls.crt"; did you mean "tls.cert"?' },
    { yaml: 'tls: yes\n', says: 'server.yaml:1: tls is a section: write its settings below it, indented' },
    { yaml: 'listen: [a, b]\n', says: 'server.yaml:1: listen takes one value, not a list or a section' },
    { yaml: '- a\n', says: 'server.yaml:1: the file must be settings, as "name: value" lines' },
    { yaml: 'lease: 30s\n\nlease: 31s\n', says: 'server.yaml:3: Map keys must be unique' },
    { yaml: 'http: off\nlisten: nowhere\n', says: 'server.yaml:2: listen: "nowhere" is not HOST:PORT' },
    { argv: ['--listen=127.0.0.1:70000'], says: '--listen: listen: "127.0.0.1:70000" is not HOST:PORT' },
    { argv: ['--http=on'], says: '--http: http: "on" is neither HOST:PORT' },
    { argv: ['--lease=soon'], says: '--lease: lease: "soon" is no duration, such as 90s, 15m or 1h30m' },
    { argv: ['--heartbeat=1ms'], says: '--heartbeat: heartbeat: "1ms" is out of range: 100ms to 1m00s' },
    {
      argv: ['--usage-prices=h100'],
      says: '"h100" is not MODEL=PRICE, such as h100=2.50, with a price from 0 to 1000000000',
    },
    { argv: ['--usage-prices=h100=-1'], says: 'is not MODEL=PRICE' },
    { argv: ['--usage-prices=h100=2,H100=3'], says: '"H100=3" is never used: "h100" comes before it' },
    { argv: ['--usage-prices=*=1,h100=3'], says: '"h100=3" is never used: "*" comes before it' },
    { argv: ['--retention-finished-count=1.5'], says: '"1.5" is not a whole number from 0 to 1000000' },
    { env: { SLUICE_SERVER__LOG_LEVEL: 'loud' }, says: 'SLUICE_SERVER__LOG_LEVEL: log_level: must be one of trace' },
    { yaml: 'listen:\n', says: 'server.yaml:1: listen: needs a value' },
    { argv: ['--lease=9s'], says: '--lease: lease: 9.0s must be at least 2 heartbeats of 5.0s' },
    { argv: ['--tokens-file=/t'], says: '--tokens-file: tokens_file is set and agent_tokens_file is not' },
    { argv: ['--agent-tokens-file=/t'], says: 'agent_tokens_file is set and tokens_file is not' },
    { argv: ['--tls-cert=/c'], says: '--tls-cert: tls.cert is set and tls.key is not: TLS needs both' },
    { argv: ['--tls-key=/c'], says: '--tls-key: tls.key is set and tls.cert is not' },
    {
      argv: ['--scheduling-placement=tight'],
      says: '--scheduling-placement: scheduling.placement: must be one of fragmentation, pack, spread',
    },
    {
      yaml: 'scheduling:\n  plaecment: pack\n',
      says: 'server.yaml:2: no such setting "scheduling.plaecment"; did you',
    },
    { argv: ['--scheduling-placement-of=pack'], says: '"pack" is not POOL=POLICY, such as inference=pack' },
    { argv: ['--scheduling-placement-of=a=tight'], says: '"a=tight": the policy must be one of fragmentation, pack' },
    { argv: ['--scheduling-placement-of=a=pack,a=spread'], says: 'pool "a" is named twice' },
    {
      argv: [`--scheduling-placement-of=${Array.from({ length: 1_001 }, (_, n) => `p${n}=pack`).join(',')}`],
      says: '1001 pools are too many; at most 1000',
    },
    {
      yaml: 'scheduling:\n  placement_of:\n    a: [pack]\n',
      says: 'server.yaml:2: scheduling.placement_of takes NAME: VALUE lines below it, with names without a comma',
    },
    {
      yaml: 'scheduling:\n  placement_of: [a, b]\n',
      says: 'server.yaml:2: scheduling.placement_of takes NAME: VALUE lines below it',
    },
    { yaml: 'scheduling:\n  placement_of:\n    "a,b": pack\n', says: 'names without a comma' },
    {
      yaml: 'scheduling:\n  placement_of:\n    a: tight\n',
      says: 'server.yaml:2: scheduling.placement_of: "a=tight": the',
    },
    { argv: ['--scheduling-consolidation=yes'], says: 'scheduling.consolidation: must be on or off' },
    { argv: ['--scheduling-max-moves=0'], says: '"0" is not a whole number from 1 to 1000' },
    { argv: ['--scheduling-max-disturbance=-1'], says: '"-1" is neither a number from 0 to 1000 nor "unlimited"' },
    {
      argv: ['--scheduling-reserve-after=never'],
      says: '"never" is no duration, such as 90s, 15m or 1h30m, or "off"',
    },
    { argv: ['--scheduling-saturation-multiplier=0.5'], says: '"0.5" is not a number from 1 to 1000' },
    { argv: ['--scheduling-usage-weight=1e3'], says: '"1e3" is not a number from 0 to 1000' },
    { argv: ['--scheduling-usage-half-life=5s'], says: '"5s" is out of range: 1m00s to 3650d00h, or "off"' },
    { argv: ['--scheduling-max-min-runtime=31d'], says: '"31d" is out of range: 0ms to 30d00h' },
    { argv: ['--tls-client-ca=/c'], says: '--tls-client-ca: tls.client_ca is set and tls.cert is not' },
  ])('$says', ({ argv, env, yaml, says }) => {
    expect(refusal(argv ?? [], env, yaml)).toContain(`error: `);
    expect(refusal(argv ?? [], env, yaml)).toContain(says);
  });

  it('a file that is not there', () => {
    expect(refusal(['--config', path.join(folder, 'none.yaml')])).toMatch(
      /cannot read the configuration none.yaml: ENOENT/,
    );
  });

  it('counts what it does not show', () => {
    const many = ['--lease=x', '--heartbeat=x', '--max-grace=x', '--http=x', '--listen=x'];
    expect(refusal(many)).toMatch(/^error: --listen: .*\n--http: .*\nand 3 more problems\n$/);
  });
});

describe('beyond this machine', () => {
  it.each(['127.0.0.1:7443', '127.9.9.9:1', 'localhost:7443', '[::1]:7443'])('%s needs nothing', (listen) => {
    expect(config([`--listen=${listen}`]).tokensFile).toBeNull();
  });

  it.each(['0.0.0.0:7443', '[::]:7443', '10.1.2.3:7443', 'gpu-head:7443', '127.evil.example:7443'])(
    '%s needs tokens and TLS, both',
    (listen) => {
      const flag = `--listen=${listen}`;
      expect(refusal([flag])).toContain('Not set: tokens_file, agent_tokens_file, tls.cert, tls.key.');
      expect(refusal([flag, ...SAFE.slice(0, 2)])).toContain('Not set: tls.cert, tls.key.');
      expect(refusal([flag, ...SAFE.slice(2)])).toContain('Not set: tokens_file, agent_tokens_file.');
      expect(config([flag, ...SAFE]).tls).toEqual({ cert: '/c', key: '/k', clientCa: null });
    },
  );
});

describe('what is printed', () => {
  it('lists every setting with where it is from, as YAML that gives the same again', () => {
    const flags = [...SAFE, '--http=off'];
    const text = printed(['--print-config', ...flags], { SLUICE_SERVER__LEASE: '30s' }, 'max_grace: 2h\n');
    expect(text).toMatch(/^http: off +# flag: --http$/m);
    expect(text).toMatch(/^lease: 30s +# environment: SLUICE_SERVER__LEASE$/m);
    expect(text).toMatch(/^max_grace: 2h +# file: .*server.yaml:1$/m);
    expect(text).toMatch(/^heartbeat: 5s +# default$/m);
    expect(text).toMatch(/^tls:\n {2}cert: \/c +# flag: --tls-cert$/m);
    expect(config([], {}, text)).toEqual(config(flags, { SLUICE_SERVER__LEASE: '30s' }, 'max_grace: 2h\n'));
  });

  it('prints no configuration that would be refused', () => {
    expect(refusal(['--print-config', '--listen=0.0.0.0:1'])).toContain('tokens and TLS are needed');
  });

  it('explains every setting in the help', () => {
    const text = printed(['--help']);
    expect(printed(['-h', '--lease=20s'])).toBe(text);
    for (const { flag, variable, description } of serverSettings) {
      expect(text).toContain(`  --${flag} `);
      expect(text).toContain(`      ${variable}\n`);
      expect(text).toContain(description);
    }
  });

  it('prints its version', () => {
    expect(printed(['--version'])).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
