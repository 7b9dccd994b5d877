// Shuts the GPUs that a task was not granted: which /dev/nvidiaN, and which capability devices of MIG instances, the processes of a
// control group may open, or make a device file of. Version 1 has the devices controller. Version 2 has none: there a small program in the kernel is asked
// (BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15 and later), which takes root. It also counts what it refused.
// Everything that is neither stays as the permissions of its file say, nvidiactl and nvidia-uvm included, which all CUDA
// programs share.
import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import koffi from 'koffi';
import type { CapabilityGrant } from '../gpu/mig-capabilities.js';

/** The major number of NVIDIA's device files; minors up to 253 are GPUs, 254 and 255 are nvidia-modeset and nvidiactl. */
const NVIDIA_MAJOR = 195;
const GPU_MINORS = 254;

/** bpf(2) has no wrapper in the C library. */
const SYSCALL_OF_BPF: Readonly<Partial<Record<NodeJS.Architecture, number>>> = { x64: 321, arm64: 280 };
/** Commands, types and flags of bpf(2), from include/uapi/linux/bpf.h. */
const MAP_CREATE = 0;
const MAP_LOOKUP_ELEM = 1;
const PROG_LOAD = 5;
const PROG_ATTACH = 8;
const MAP_TYPE_ARRAY = 2;
const PROG_TYPE_CGROUP_DEVICE = 15;
const ATTACH_CGROUP_DEVICE = 6;
/** systemd attaches one of its own above ours; both are asked then. */
const ALLOW_MULTI = 2;
/** The kernel takes a shorter or longer structure than its own as long as what it does not know is zero. */
const ATTRIBUTE_BYTES = 72;
const COUNTER_BYTES = 8;

/** What of the GPUs a task may open. */
export interface DeviceGrant {
  /** N of the /dev/nvidiaN. */
  readonly gpuMinors: readonly number[];
  /** Absent = capability devices are left as they are. */
  readonly capabilities?: CapabilityGrant;
}

/** A filter on a group of version 2. */
export interface DeviceFilter {
  /** How often an open of a GPU that was not granted was refused. */
  refusals(): number;
  /** Ends the counting; the filter itself goes with its group. */
  close(): void;
}

/**
 * Shuts all GPUs but these to a group of version 2.
 * @throws Error in words when the kernel or our rights do not allow it
 */
export function filterDevices(group: string, grant: DeviceGrant): DeviceFilter {
  const map = bpf(MAP_CREATE, (attribute) => {
    // One counter, by the number 0.
    [MAP_TYPE_ARRAY, 4, COUNTER_BYTES, 1].forEach((value, at) => attribute.writeUInt32LE(value, at * 4));
  });
  try {
    attach(group, program(grant, map));
  } catch (error) {
    closeSync(map);
    throw error;
  }
  return { refusals: () => readCounter(map), close: () => closeSync(map) };
}

/** The same for a group of the devices controller of version 1, which does not count. @throws the system's error */
export function denyDevices(group: string, { gpuMinors, capabilities }: DeviceGrant): void {
  const granted = new Set(gpuMinors);
  const fd = openSync(path.join(group, 'devices.deny'), 'w');
  try {
    // A rule for all would also shut nvidiactl, and an exception of it cannot be made.
    for (let minor = 0; minor < GPU_MINORS; minor += 1) {
      if (!granted.has(minor)) writeSync(fd, `c ${NVIDIA_MAJOR}:${minor} rwm`);
    }
    if (capabilities === undefined) return;
    const { major, shut } = capabilities;
    // The same again; an instance that is not there is nothing to be shut.
    const those = capabilities.granted.length === 0 ? ['*'] : shut.map(String);
    for (const minor of those) writeSync(fd, `c ${major}:${minor} rwm`);
  } finally {
    closeSync(fd);
  }
}

function attach(group: string, instructions: Buffer): void {
  const license = Buffer.from('Apache-2.0\0');
  const filter = bpf(
    PROG_LOAD,
    (attribute) => {
      attribute.writeUInt32LE(PROG_TYPE_CGROUP_DEVICE, 0);
      attribute.writeUInt32LE(instructions.length / 8, 4);
      attribute.writeBigUInt64LE(koffi.address(instructions), 8);
      attribute.writeBigUInt64LE(koffi.address(license), 16);
    },
    [instructions, license],
  );
  const target = openSync(group, 'r');
  try {
    bpf(PROG_ATTACH, (attribute) => {
      [target, filter, ATTACH_CGROUP_DEVICE, ALLOW_MULTI].forEach((value, at) =>
        attribute.writeUInt32LE(value, at * 4),
      );
    });
  } finally {
    closeSync(target);
    // The group keeps it.
    closeSync(filter);
  }
}

/**
 * The filter: given { access and type, major, minor } it answers 1 = allowed or 0 = refused. Eight bytes an instruction:
 * opcode, registers, offset, immediate value (https://docs.kernel.org/bpf/standardization/instruction-set.html).
 */
function program({ gpuMinors, capabilities }: DeviceGrant, map: number): Buffer {
  const minors = [...new Set(gpuMinors)].filter((minor) => minor < GPU_MINORS);
  const isCharacterDevice = 2;
  return assemble([
    { code: 0x61, to: 4, from: 1, offset: 0 }, // r4 = access and type
    { code: 0x54, to: 4, value: 0xffff }, //      r4 &= 0xffff: the type
    { code: 0x61, to: 2, from: 1, offset: 4 }, // r2 = major
    { code: 0x61, to: 3, from: 1, offset: 8 }, // r3 = minor
    { code: 0xb7, to: 0, value: 1 }, //           r0 = allowed
    { code: 0x55, to: 4, value: isCharacterDevice, goto: 'end' }, // jump if not equal
    ...(capabilities === undefined ? [] : ofCapabilities(capabilities)),
    { label: 'gpus' },
    { code: 0x55, to: 2, value: NVIDIA_MAJOR, goto: 'end' },
    { code: 0x35, to: 3, value: GPU_MINORS, goto: 'end' }, // jump if unsigned >=
    ...minors.map((minor) => ({ code: 0x15, to: 3, value: minor, goto: 'end' })), // jump if equal
    { label: 'refusal' },
    { code: 0x18, to: 1, from: 2, value: map }, // r1 = the counter (two instructions)
    { code: 0x00 },
    { code: 0xb7, to: 2, value: 1 },
    { code: 0xdb, to: 1, from: 2 }, //             *r1 += 1, atomically
    { code: 0xb7, to: 0, value: 0 }, //            r0 = refused
    { label: 'end' },
    { code: 0x95 }, //                             exit
  ]);
}

function ofCapabilities({ major, granted }: CapabilityGrant): readonly Line[] {
  return [
    { code: 0x55, to: 2, value: major, goto: 'gpus' },
    ...granted.map((minor) => ({ code: 0x15, to: 3, value: minor, goto: 'end' })),
    { code: 0x05, goto: 'refusal' }, // jump
  ];
}

/** An instruction, or a place that others jump to. */
type Line = Instruction | { readonly label: string };

function assemble(lines: readonly Line[]): Buffer {
  const places = new Map<string, number>();
  const instructions: Instruction[] = [];
  for (const line of lines) {
    if ('label' in line) places.set(line.label, instructions.length);
    else instructions.push(line);
  }
  return Buffer.concat(
    instructions.map((one, at) => {
      // Jumps count from the instruction after them.
      const target = one.goto === undefined ? undefined : places.get(one.goto);
      return encode(target === undefined ? one : { ...one, offset: target - at - 1 });
    }),
  );
}

interface Instruction {
  readonly code: number;
  /** Numbers of registers. */
  readonly to?: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
  /** Where it jumps to, in the place of an offset. */
  readonly goto?: string;
}

function encode({ code, to = 0, from = 0, offset = 0, value = 0 }: Instruction): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt8(code, 0);
  bytes.writeUInt8(to | (from << 4), 1);
  bytes.writeInt16LE(offset, 2);
  bytes.writeInt32LE(value, 4);
  return bytes;
}

function readCounter(map: number): number {
  const key = Buffer.alloc(4);
  const value = Buffer.alloc(COUNTER_BYTES);
  bpf(
    MAP_LOOKUP_ELEM,
    (attribute) => {
      attribute.writeUInt32LE(map, 0);
      attribute.writeBigUInt64LE(koffi.address(key), 8);
      attribute.writeBigUInt64LE(koffi.address(value), 16);
    },
    [key, value],
  );
  return Number(value.readBigUInt64LE());
}

/**
 * @param kept what the attribute points to, so that it lives for as long as the call
 * @returns a descriptor, or 0
 */
function bpf(command: number, fill: (attribute: Buffer) => void, kept: readonly Buffer[] = []): number {
  const number = SYSCALL_OF_BPF[process.arch];
  if (number === undefined) throw new Error(`not known for processors of the kind ${process.arch}`);
  const attribute = Buffer.alloc(ATTRIBUTE_BYTES);
  fill(attribute);
  const result = Number(syscall()(number, command, attribute, attribute.length));
  if (result >= 0 && kept.length >= 0) return result;
  const errno = koffi.errno();
  const name = Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `error ${errno}`;
  throw new Error(`the kernel refuses a filter of devices (bpf: ${name})`);
}

type Syscall = (number: number, command: number, attribute: Buffer, size: number) => number | bigint;
let cachedSyscall: Syscall | undefined;

/** From the C library that Node itself runs on. */
function syscall(): Syscall {
  cachedSyscall ??= koffi
    .load(null)
    .func('long syscall(long number, int command, void *attribute, unsigned int size)') as Syscall;
  return cachedSyscall;
}
