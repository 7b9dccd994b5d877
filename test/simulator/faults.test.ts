// The fault simulator lives its seeds: nothing breaks, the same seed is the same life, and what is around the worlds does its part.
import { describe, expect, test } from 'vitest';
import { SILENT_LOG } from '../../simulator/faults/silent-log.js';
import { liveChunk } from '../../simulator/faults/chunk.js';
import { SimMachine, SimProcess } from '../../simulator/faults/machine.js';
import { Way, Wire } from '../../simulator/faults/network.js';
import { planOf } from '../../simulator/faults/plan.js';
import { Timeline } from '../../simulator/faults/timeline.js';
import { live } from '../../simulator/faults/world.js';
import { Random } from '../../simulator/random.js';

const SEEDS = 200;
const SEEDS_PER_TEST = 20;

describe('worlds', () => {
  const firsts = Array.from({ length: SEEDS / SEEDS_PER_TEST }, (_, at) => 1 + at * SEEDS_PER_TEST);

  test.each(firsts)('nothing breaks from seed %i on', { timeout: 300_000 }, async (from) => {
    const { seeds, failures, executions, starts } = await liveChunk({
      from,
      to: from + SEEDS_PER_TEST - 1,
      store: 'disk',
    });
    expect(failures).toEqual([]);
    expect(seeds).toBe(SEEDS_PER_TEST);
    // Worlds in which nothing happens prove nothing.
    expect(executions).toBeGreaterThan(SEEDS_PER_TEST * 10);
    expect(starts).toBeGreaterThan(SEEDS_PER_TEST);
  });

  test.each([
    { what: 'a task ends just before the world is looked at', seed: 367 },
    { what: 'a disk is put back by hand, and the daemon goes beyond what agents obeyed', seed: 1251 },
    { what: 'a journal forgets what a dead supervisor left behind', seed: 1847 },
    { what: 'a hello arrives after that of a later stream', seed: 61 },
    { what: 'a program fails before the stop signal of a cancel', seed: 65 },
    { what: 'a task saves its work and ends while its agent is away', seed: 592 },
    { what: 'a task that its agent forgot had saved its work', seed: 336 },
    { what: 'the rest of a gang that was stopping is found after a lost history', seed: 1066 },
  ])('what was broken once stays whole: $what', { timeout: 60_000 }, async ({ seed }) => {
    expect((await live(planOf(seed), null, SILENT_LOG)).violation).toBeNull();
  });

  test('the same seed is the same life, another seed another one', { timeout: 60_000 }, async () => {
    const lives = [];
    for (const seed of [901, 901, 902]) lives.push((await live(planOf(seed), null, SILENT_LOG)).hash);
    expect(lives[1]).toBe(lives[0]);
    expect(lives[2]).not.toBe(lives[0]);
  });

  test('fewer faults leave the rest of the plan as it is', async () => {
    const plan = planOf(7);
    const { faults } = await live(plan, new Set([0]), SILENT_LOG);
    expect(faults).toBe(1);
    expect(planOf(7)).toEqual(plan);
  });
});

describe('time', () => {
  test('what falls on one moment happens in the order in which it was asked for, and promises in between', async () => {
    const timeline = new Timeline();
    const seen: string[] = [];
    timeline.after(5, 'b', () => seen.push('b'));
    timeline.after(1, 'a', () => {
      void Promise.resolve()
        .then(() => undefined)
        .then(() => seen.push('promise of a'));
      timeline.after(0, 'a2', () => seen.push('a2'));
      seen.push('a');
    });
    timeline.after(5, 'c', () => seen.push('c'));
    timeline.after(2, 'never', () => seen.push('never')).cancel();
    await timeline.run(10);
    expect(seen).toEqual(['a', 'promise of a', 'a2', 'b', 'c']);
    expect(timeline.nowMs).toBe(10);
  });

  test('a paused process takes what came later, in order; a dead one nothing', async () => {
    const timeline = new Timeline();
    const process = new SimProcess(new SimMachine(timeline, 'm', 1), 'p');
    const seen: string[] = [];
    process.after(10, 'timer', () => seen.push(`timer at ${timeline.nowMs}`));
    timeline.after(5, 'pause', () => process.pause());
    timeline.after(20, 'message', () => process.take(() => seen.push(`message at ${timeline.nowMs}`)));
    timeline.after(50, 'resume', () => process.resume());
    await timeline.run(60);
    expect(seen).toEqual(['timer at 50', 'message at 50']);
    process.kill();
    process.take(() => seen.push('never'));
    expect(seen).toHaveLength(2);
  });
});

describe('the network', () => {
  function setup() {
    const timeline = new Timeline();
    const random = new Random(5);
    const [there, back] = [new Way('there', timeline, random), new Way('back', timeline, random)];
    const seen: string[] = [];
    const end = (name: string) => {
      const process = new SimProcess(new SimMachine(timeline, name, 1), name);
      const listener = {
        received: (message: string) => seen.push(`${name} got ${message}`),
        closed: () => seen.push(`${name} is alone`),
        drained: () => undefined,
      };
      return { process, listener };
    };
    const [a, b] = [end('a'), end('b')];
    const wire = new Wire<string, string>(timeline, { there, back }, a, b);
    return { timeline, there, back, seen, wire, a, b };
  }

  test('a connection keeps the order, and tells of its end after what was sent', async () => {
    const { timeline, seen, wire } = setup();
    for (let at = 0; at < 50; at += 1) wire.a.send('m', String(at));
    wire.a.close('done');
    await timeline.run(2_000);
    expect(seen).toEqual([...Array.from({ length: 50 }, (_, at) => `b got ${at}`), 'b is alone']);
  });

  test('what has to wait for a late message before it arrives after it, whatever is lost by rounding', async () => {
    const { timeline, there, seen, wire } = setup();
    there.slowMs = 500;
    for (let at = 0; at < 2_000; at += 1) timeline.after(at * 0.37, 'sends', () => wire.a.send('m', String(at)));
    await timeline.run(5_000);
    expect(seen).toEqual(Array.from({ length: 2_000 }, (_, at) => `b got ${at}`));
  });

  test('a short cut only delays; a long one ends it on both sides, each for itself', async () => {
    const { timeline, there, seen, wire } = setup();
    there.cut();
    wire.a.send('m', 'late');
    wire.b.send('m', 'in time');
    await timeline.run(5_000);
    expect(seen).toEqual(['a got in time']);
    there.mend();
    await timeline.run(8_000);
    expect(seen).toEqual(['a got in time', 'b got late']);
    there.cut();
    await timeline.run(40_000);
    expect(seen.slice(2).sort()).toEqual(['a is alone', 'b is alone']);
    expect(wire.a.isOpen || wire.b.isOpen).toBe(false);
  });

  test('a process that dies is heard of, a machine that loses power only by its silence', async () => {
    const killed = setup();
    killed.a.process.kill();
    await killed.timeline.run(1_000);
    expect(killed.seen).toEqual(['b is alone']);
    const dark = setup();
    dark.a.process.kill(true);
    await dark.timeline.run(5_000);
    expect(dark.seen).toEqual([]);
    await dark.timeline.run(20_000);
    expect(dark.seen).toEqual(['b is alone']);
  });
});
