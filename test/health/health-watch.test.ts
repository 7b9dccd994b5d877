// What the agent sees of its GPUs: every event reaches a scheduler at least once, in order, whatever dies in between.
import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { createLogger } from '../../common/log.js';
import type { Inventory } from '../../node-agent/gpu/provider.js';
import { healthFile } from '../../node-agent/health/health-file.js';
import { MAX_EVENTS, newHealthRecord, parseHealthRecord, withEvents } from '../../node-agent/health/health-record.js';
import { HealthWatch } from '../../node-agent/health/health-watch.js';
import { type KernelLog, openKernelLog } from '../../node-agent/health/kernel-log.js';
import type { HealthEvent } from '../../proto/gen/sluice/v1/HealthEvent.js';

const log = createLogger({ level: 'silent', name: 'test' });

/** A kernel log that a test writes. */
class WrittenLog implements KernelLog {
  #sequence = 0;
  #records: { sequence: number; sinceBootMs: number; text: string }[] = [];
  readonly all: { sequence: number; sinceBootMs: number; text: string }[] = [];
  write(text: string): void {
    this.#sequence += 1;
    const record = { sequence: this.#sequence, sinceBootMs: 0, text };
    this.all.push(record);
    this.#records.push(record);
  }
  take() {
    return this.#records.splice(0);
  }
  close(): void {}
}

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'sluice-health-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

function watchOn(stateDir: string, kernelLog: KernelLog | null, bootId = 'boot-1') {
  const sent: HealthEvent[] = [];
  const file = healthFile(stateDir);
  const watch = new HealthWatch({ clock: systemClock, log, bootId, kernelMs: () => 0, file, kernelLog });
  watch.onEvents((events) => sent.push(...events));
  watch.noteInventory(inventory({}));
  return { watch, sent };
}

function inventory(change: Partial<Inventory['gpus'][number]>): Inventory {
  const usual = { model: 'H100', memoryMib: 1, simulated: false, health: 'healthy', healthMessage: '' } as const;
  const gpu = {
    ...usual,
    uuid: 'GPU-a',
    index: 0,
    pciBusId: '00000000:05:00.0',
    nvlinkGroup: null,
    minor: null,
    mig: null,
    ...change,
  };
  return { gpus: [gpu], driverVersion: '', cudaVersion: '', problem: '' };
}

const XID_48 = 'NVRM: Xid (PCI:0000:05:00): 48, DBE';

describe('events', () => {
  it('are on disk before they are sent, and name the GPU', async () => {
    const stateDir = folder();
    const kernel = new WrittenLog();
    const { watch, sent } = watchOn(stateDir, kernel);
    kernel.write('usb 1-1: something else');
    kernel.write(XID_48);
    kernel.write('NVRM: Xid (PCI:0000:66:00): 79, of a GPU that is not ours');
    expect(watch.look()).toBe(true);
    expect(watch.settled()).not.toBeNull();
    expect(watch.unacknowledged()).toEqual([]);
    await watch.settled();
    expect(sent).toMatchObject([
      { sequence: 1, kind: 'xid', gpu: 'GPU-a', xid: 48, detail: 'DBE' },
      { sequence: 2, gpu: '', xid: 79, detail: '0000:66:00: of a GPU that is not ours' },
    ]);
    expect(healthFile(stateDir).read()?.events).toHaveLength(2);
    expect(watch.settled()).toBeNull();
  });

  it('of an NVSwitch name no GPU, also where one seems to sit at its address', async () => {
    const kernel = new WrittenLog();
    const { watch, sent } = watchOn(folder(), kernel);
    kernel.write('nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 20034, Fatal, Link 30 LTSSM Fault Up');
    kernel.write(
      'nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 20034, Severity 1 Engine instance 30 Sub-engine instance 00',
    );
    expect(watch.look()).toBe(true);
    await watch.settled();
    const detail = '0000:05:00.0: Fatal, Link 30 LTSSM Fault Up';
    expect(sent).toMatchObject([{ kind: 'sxid', gpu: '', xid: 20_034, detail }]);
  });

  it('are kept over a restart until they are acknowledged, and are not seen twice in the log', async () => {
    const stateDir = folder();
    const kernel = new WrittenLog();
    const first = watchOn(stateDir, kernel);
    kernel.write(XID_48);
    first.watch.look();
    await first.watch.close();
    // The kernel gives the next agent all that it still has.
    const again = new WrittenLog();
    for (const { text } of kernel.all) again.write(text);
    again.write('NVRM: Xid (PCI:0000:05:00): 94, new');
    const second = watchOn(stateDir, again);
    expect(second.watch.unacknowledged()).toMatchObject([{ sequence: 1, xid: 48 }]);
    second.watch.look();
    await second.watch.settled();
    expect(second.sent).toMatchObject([{ sequence: 2, xid: 94 }]);
    second.watch.acknowledge(1);
    expect(second.watch.unacknowledged()).toMatchObject([{ sequence: 2 }]);
    second.watch.acknowledge(2);
    await second.watch.close();
    expect(watchOn(stateDir, null).watch.unacknowledged()).toEqual([]);
  });

  it('count on after a reboot, when the log begins anew', async () => {
    const stateDir = folder();
    const kernel = new WrittenLog();
    const first = watchOn(stateDir, kernel);
    kernel.write(XID_48);
    first.watch.look();
    await first.watch.close();
    const fresh = new WrittenLog();
    fresh.write(XID_48);
    const second = watchOn(stateDir, fresh, 'boot-2');
    expect(second.watch.look()).toBe(true);
    await second.watch.settled();
    expect(second.sent).toMatchObject([{ sequence: 2, xid: 48 }]);
  });

  it('come of memory errors that are more than at the last look, not of those that were there', async () => {
    const stateDir = folder();
    const first = watchOn(stateDir, null);
    first.watch.noteInventory(inventory({ uncorrectedErrors: 5 }));
    first.watch.noteInventory(inventory({ uncorrectedErrors: 5 }));
    await first.watch.close();
    const second = watchOn(stateDir, null);
    second.watch.noteInventory(inventory({ uncorrectedErrors: 7 }));
    await second.watch.settled();
    second.watch.noteInventory(inventory({ uncorrectedErrors: 0 }));
    second.watch.noteInventory(inventory({ uncorrectedErrors: null }));
    await second.watch.settled();
    expect([...first.sent, ...second.sent]).toMatchObject([
      { kind: 'ecc_uncorrected', gpu: 'GPU-a', detail: '2 more since the last look, 7 since the driver began' },
    ]);
  });

  it('get numbers above those that a scheduler knows when the file was damaged', async () => {
    const stateDir = folder();
    writeFileSync(path.join(stateDir, 'health.json'), '{ half of it');
    const { watch, sent } = watchOn(stateDir, null);
    watch.noteHook('epilog_failed', 'A1', 'before');
    await watch.settled();
    expect(sent).toMatchObject([{ sequence: 1 }]);
    watch.acknowledge(57);
    await watch.settled();
    expect(sent.slice(1)).toMatchObject([{ sequence: 58, detail: 'before' }]);
    watch.noteHook('epilog_failed', 'A2', 'after');
    await watch.settled();
    expect(sent.slice(2)).toMatchObject([{ sequence: 59, detail: 'after' }]);
    watch.acknowledge(59);
    expect(watch.unacknowledged()).toEqual([]);
    await watch.close();
  });

  it('are told even when they cannot be written', async () => {
    const stateDir = folder();
    const { watch, sent } = watchOn(stateDir, null);
    rmSync(stateDir, { recursive: true });
    writeFileSync(stateDir, 'no folder any more');
    watch.noteHook('epilog_failed', 'A1', 'exit code 1');
    await watch.settled();
    expect(sent).toMatchObject([{ kind: 'epilog_failed', allocation: 'A1', detail: 'exit code 1' }]);
  });
});

describe('the record', () => {
  it('keeps the newest events only', () => {
    const event = { timeMs: 1, kind: 'xid', gpu: '', xid: 1, detail: '', allocation: '' } as const;
    const record = withEvents(
      newHealthRecord('b'),
      Array.from({ length: MAX_EVENTS + 3 }, () => event),
    );
    expect(record.events).toHaveLength(MAX_EVENTS);
    expect(record.events.at(-1)?.sequence).toBe(MAX_EVENTS + 3);
    expect(record.lastSequence).toBe(MAX_EVENTS + 3);
  });
  it.each(['', '{', 'null', '[]', '{"bootId":"b"}', '{"bootId":1,"lastSequence":1,"kernelSequence":1,"events":[]}'])(
    'that is damaged (%j) is none',
    (text) => expect(parseHealthRecord(text)).toBeNull(),
  );
});

const canWrite = process.getuid?.() === 0 && existsSync('/dev/kmsg');

test.runIf(canWrite)('real lines in /dev/kmsg are read, each once, also by the next agent', async () => {
  const stateDir = folder();
  const mark = `test ${process.pid} ${Date.now()}`;
  const { watch, sent } = watchOn(stateDir, openKernelLog());
  const mine = (): HealthEvent[] => sent.filter(({ detail }) => detail?.includes(mark) === true);
  watch.look();
  await watch.settled();
  appendFileSync('/dev/kmsg', `<3>NVRM: Xid (PCI:0000:05:00): 119, pid=1, name=${mark}, Timeout after 6s of waiting\n`);
  appendFileSync('/dev/kmsg', `<6>something else ${mark}\n`);
  watch.look();
  await watch.settled();
  expect(mine()).toMatchObject([{ xid: 119, gpu: 'GPU-a' }]);
  await watch.close();
  const next = watchOn(stateDir, openKernelLog());
  appendFileSync('/dev/kmsg', `<3>NVRM: Xid (PCI:0000:05:00): 94, ${mark} again\n`);
  next.watch.look();
  await next.watch.settled();
  expect(next.sent.filter(({ detail }) => detail?.includes(mark) === true)).toMatchObject([{ xid: 94 }]);
  await next.watch.close();
});
