// What people may write as a scenario, and what they are told when they slip.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadScenario } from '../../node-agent/gpu/create.js';
import { parseScenario, parseShortScenario, ScenarioError } from '../../node-agent/gpu/scenario.js';

describe('the short form', () => {
  it.each([
    ['4xH100', 4, 'NVIDIA H100 80GB HBM3', 81_559],
    ['4xh100', 4, 'NVIDIA H100 80GB HBM3', 81_559],
    ['8 x a100', 8, 'NVIDIA A100-SXM4-80GB', 81_920],
    ['l40s', 1, 'NVIDIA L40S', 46_068],
    ['2xl4', 2, 'NVIDIA L4', 23_034],
    ['1xt4', 1, 'Tesla T4', 15_360],
    ['64xb200', 64, 'NVIDIA B200', 183_359],
  ])('%s', (text, count, model, memoryMib) => {
    const scenario = parseShortScenario(text);
    expect(scenario?.gpus).toHaveLength(count);
    expect(scenario?.gpus[0]).toMatchObject({ model, memoryMib });
    expect(scenario?.events).toEqual([]);
  });

  it('mixes models', () => {
    expect(parseShortScenario('2xl40s,1xt4')?.gpus.map(({ model }) => model)).toEqual([
      'NVIDIA L40S',
      'NVIDIA L40S',
      'Tesla T4',
    ]);
  });

  it.each(['scenario.yaml', './h100', '/etc/sluice/gpus', ''])('takes %j for a file', (text) => {
    expect(parseShortScenario(text)).toBeNull();
  });

  it.each([
    ['4xh101', /no GPU model "h101".*b200, h200, h100, a100, l40s, l4, t4/],
    ['0xh100', /0 GPUs asked for; a simulated node has 1 to 64/],
    ['65xh100', /65 GPUs asked for/],
    ['999999999xh100', /65 GPUs asked for/],
  ])('refuses %s', (text, message) => {
    expect(() => parseShortScenario(text)).toThrow(ScenarioError);
    expect(() => parseShortScenario(text)).toThrow(message);
  });
});

const WHOLE = `
seed: 42
gpus:
  - { model: NVIDIA H100 80GB HBM3, memory: 80G, count: 2 }
  - model: Home Made
    memory: 12288 MiB
  - { model: a100, mig: [3g.40gb, 1g.10gb] }
nvlink: [[0, 1]]
cpus: 64
memory: 2T
utilization: { busy: 85-99, idle: 0 }
events:
  - { at: 60s, gpu: 1, lost: true, for: 30s }
  - { at: 10s, hang: 20s }
  - { at: 2m, dirty: true, gpu: 0 }
`;

describe('a file', () => {
  it('is read whole', () => {
    expect(parseScenario(WHOLE, 'x.yaml')).toEqual({
      seed: 42,
      gpus: [
        {
          model: 'NVIDIA H100 80GB HBM3',
          memoryMib: 81_920,
          idleWatts: 70,
          fullWatts: 700,
          nvlinkGroup: 0,
          mig: null,
        },
        {
          model: 'NVIDIA H100 80GB HBM3',
          memoryMib: 81_920,
          idleWatts: 70,
          fullWatts: 700,
          nvlinkGroup: 0,
          mig: null,
        },
        { model: 'Home Made', memoryMib: 12_288, idleWatts: 30, fullWatts: 300, nvlinkGroup: null, mig: null },
        {
          model: 'NVIDIA A100-SXM4-80GB',
          memoryMib: 81_920,
          idleWatts: 60,
          fullWatts: 400,
          nvlinkGroup: null,
          mig: [
            { profile: '3g.40gb', memoryMib: 40_960 },
            { profile: '1g.10gb', memoryMib: 10_240 },
          ],
        },
      ],
      cpuCount: 64,
      memoryMib: 2_097_152,
      busyUtilizationRatio: { from: 0.85, to: 0.99 },
      idleUtilizationRatio: { from: 0, to: 0 },
      events: [
        { kind: 'lost', atMs: 60_000, forMs: 30_000, gpu: 1 },
        { kind: 'hang', atMs: 10_000, forMs: 20_000 },
        { kind: 'dirty', atMs: 120_000, forMs: null, gpu: 0 },
      ],
    });
  });

  it('needs no more than a model', () => {
    expect(parseScenario('gpus: [{model: h100}]', 'x.yaml').gpus).toMatchObject([{ model: 'NVIDIA H100 80GB HBM3' }]);
  });

  const withEvent = (event: string) =>
    `gpus: [{model: h100, count: 2}]\nevents:\n  - { at: 1s, gpu: 0, lost: true }\n  - ${event}\n`;

  it.each([
    ['gpus: [{model: h100]', /^x\.yaml:1: /],
    ['', /^x\.yaml:1: the file: /],
    ['seed: 1\n', /^x\.yaml:1: gpus: /],
    ['gpus: []', /^x\.yaml:1: gpus: /],
    ['gpus:\n  - model: Nameless\n', /^x\.yaml:2: gpus\.0\.memory: is needed, since "Nameless" is none of b200/],
    ['gpus:\n  - model: h100\n    memory: much\n', /^x\.yaml:3: gpus\.0\.memory: "much" is no memory size/],
    ['gpus:\n  - model: h100\n    count: 0\n', /^x\.yaml:3: gpus\.0\.count: /],
    ['gpus:\n  - model: h100\n    colour: red\n', /^x\.yaml:2: gpus\.0: .*colour/],
    ['gpus: [{model: h100}]\nseeds: 3\n', /^x\.yaml:1: the file: .*seeds/],
    ['gpus: [{model: h100}]\n\nutilization:\n  busy: 99-85\n', /^x\.yaml:4: utilization\.busy: "99-85" is no range/],
    ['gpus: [{model: h100}]\nutilization:\n  idle: 101\n', /^x\.yaml:3: utilization\.idle: 101 is no range/],
    ['gpus: [{model: h100, count: 64}, {model: t4}]', /x\.yaml: 65 GPUs asked for/],
    ['gpus: [{model: a100}]\ncpus: 0\n', /^x\.yaml:2: cpus: /],
    ['gpus: [{model: a100}]\nmemory: 65T\n', /^x\.yaml:2: memory: "65T" is no memory size from 1 MiB to 64 TiB/],
    ['gpus:\n  - model: a100\n    mig: [half]\n', /^x\.yaml:3: gpus\.0\.mig\.0: "half" is no MIG profile/],
    [
      'gpus:\n  - model: a100\n    mig: [4g.40gb, 3g.40gb, 1g.10gb]\n',
      /^x\.yaml:3: gpus\.0\.mig: 8 slices asked for; a GPU has 7/,
    ],
    [
      'gpus:\n  - model: a100\n    mig: [3g.40gb, 3g.80gb]\n',
      /^x\.yaml:3: gpus\.0\.mig: 120 GB of instances asked for; the GPU has 80 GB/,
    ],
    ['gpus: [{model: a100}]\nnvlink: [[0]]\n', /^x\.yaml:2: nvlink\.0: /],
    ['gpus: [{model: a100}]\nnvlink: [[0, 1]]\n', /^x\.yaml:2: nvlink\.0\.1: GPU 1 does not exist.*0 to 0/],
    ['gpus: [{model: a100, count: 3}]\nnvlink: [[0, 1], [2, 1]]\n', /^x\.yaml:2: nvlink\.1\.1: GPU 1 is named twice/],
    [
      'gpus: [{model: a100}, {model: a100, mig: []}]\nnvlink: [[0, 1]]\n',
      /^x\.yaml:2: nvlink\.0\.1: GPU 1 is in MIG mode/,
    ],
    [withEvent('{ at: soon, gpu: 1, lost: true }'), /^x\.yaml:4: events\.1\.at: "soon" is no duration/],
    [withEvent('{ at: 1s, gpu: 2, lost: true }'), /^x\.yaml:4: events\.1\.gpu: GPU 2 does not exist.*0 to 1/],
    [withEvent('{ at: 1s, lost: true }'), /^x\.yaml:4: events\.1: lost and dirty need gpu/],
    [withEvent('{ at: 1s, gpu: 1, lost: true, dirty: true }'), /^x\.yaml:4: events\.1: .*exactly one/],
    [withEvent('{ at: 1s, gpu: 1 }'), /^x\.yaml:4: events\.1: .*exactly one/],
    [withEvent('{ at: 1s, gpu: 1, hang: 3s }'), /^x\.yaml:4: events\.1: hang: DURATION takes neither/],
    [withEvent('{ at: 1s, gpu: 1, lost: false }'), /^x\.yaml:4: events\.1\.lost: /],
  ])('%j is refused with line and field', (text, message) => {
    expect(() => parseScenario(text, 'x.yaml')).toThrow(ScenarioError);
    expect(() => parseScenario(text, 'x.yaml')).toThrow(message);
  });

  it('tells three problems at most', () => {
    const text =
      'gpus: [{model: h100, memory: a}, {model: h100, memory: b}, {model: h100, memory: c}, {model: h100, memory: d}]';
    expect(() => parseScenario(text, 'x.yaml')).toThrow(/^([^\n]+\n){2}[^\n]+$/);
  });
});

describe('loading', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-scenario-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('reads the short form or a file', () => {
    expect(loadScenario('2xt4').gpus).toHaveLength(2);
    const file = path.join(folder, 'node.yaml');
    writeFileSync(file, WHOLE);
    expect(loadScenario(file).gpus).toHaveLength(4);
  });

  it('says when it is neither', () => {
    expect(() => loadScenario('/no/such/file.yaml')).toThrow(
      /neither a short scenario such as 4xH100 nor a file.*ENOENT/,
    );
  });
});
