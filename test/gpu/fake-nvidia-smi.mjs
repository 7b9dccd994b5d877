// A stand-in for nvidia-smi that a test puts on PATH. It answers `-q -x`, `-L`, `topo -m`, and `--query-gpu` and
// `--query-compute-apps` in csv from a state file (first argument) that is read at every call, and can hang, fail and warn. See fake-machine.ts.
import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';

const [stateFile, ...args] = process.argv.slice(2);
const state = JSON.parse(readFileSync(stateFile, 'utf8'));
appendFileSync(state.callsFile, `${JSON.stringify({ pid: process.pid, args })}\n`);

const asksXml = args.includes('-q') && args.includes('-x');
const option = (name) => args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1);
const only = args.includes('-i') ? args[args.indexOf('-i') + 1].split(',') : null;
const print = (text) => new Promise((resolve) => process.stdout.write(text, resolve));

const asksTopology = args[0] === 'topo';
const asksReset = args.includes('--gpu-reset');
const asksCsv = !asksXml && !asksTopology && !asksReset && !args.includes('-L');
const hangs =
  state.hang === 'all' ||
  (state.hang === 'csv' && asksCsv) ||
  (state.hang === 'xml' && asksXml) ||
  (state.hang === 'topo' && asksTopology) ||
  (state.hang === 'reset' && asksReset);
if (hangs) {
  // A grandchild that holds our stdout, as a driver helper might: it has to go with us.
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 60_000)'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  appendFileSync(state.callsFile, `${JSON.stringify({ pid: child.pid, args: ['grandchild'] })}\n`);
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 60_000);
} else {
  if (state.stderr) process.stderr.write(state.stderr);
  if (state.stdoutFile) await print(readFileSync(state.stdoutFile, 'utf8'));
  else if (state.stdout !== null) await print(state.stdout);
  else await answer();
  process.exit(state.exitCode);
}

async function answer() {
  const chosen = only === null ? state.gpus : state.gpus.filter(({ uuid }) => only.includes(uuid));
  for (const { noHandle, bus } of chosen) {
    if (!noHandle) continue;
    await print(`Unable to determine the device handle for ${noHandle} ${bus}: Unknown Error\n`);
    // Older drivers end here.
    if (state.stopsAtFirstError) process.exit(255);
  }
  const gpus = chosen.filter(({ noHandle }) => !noHandle);
  if (asksReset) {
    await reset(gpus);
    return;
  }
  if (asksXml) await print(xml(gpus));
  else if (args.includes('-L')) await print(list(gpus));
  else if (args[0] === 'topo') await topology(gpus);
  else if (option('--query-gpu')) await print(gpuRows(gpus, option('--query-gpu').split(',')));
  else if (option('--query-compute-apps')) await print(appRows(gpus, option('--query-compute-apps').split(',')));
  else {
    await print(`Invalid combination of input arguments: ${args.join(' ')}\n`);
    process.exit(2);
  }
}

/** In the words of the real one. */
async function reset(gpus) {
  const busy = gpus.find(({ processes, holdsOpen }) => holdsOpen || processes.length > 0);
  if (busy) {
    await print(`The following GPUs could not be reset:\n  GPU ${busy.bus}: In use by another client\n\n`);
    await print(
      '1 device is currently being used by one or more other processes (e.g., Fabric Manager, CUDA application).\n',
    );
    process.exit(255);
  }
  for (const { bus } of gpus) await print(`GPU ${bus} was successfully reset.\n`);
  const isReset = (gpu) => gpus.some(({ uuid }) => uuid === gpu.uuid);
  const after = state.gpus.map((gpu) =>
    isReset(gpu) ? { ...gpu, usedMib: 4, ...(gpu.afterReset ?? { recovery: 'None' }) } : gpu,
  );
  writeFileSync(stateFile, JSON.stringify({ ...state, gpus: after }));
  await print('All done.\n');
}

function list(gpus) {
  const instances = (gpu) =>
    (gpu.mig || []).map(({ uuid, profile }, device) => `  MIG ${profile}     Device  ${device}: (UUID: ${uuid})\n`);
  return gpus
    .map((gpu, index) => `GPU ${index}: ${gpu.model} (UUID: ${gpu.uuid})\n${instances(gpu).join('')}`)
    .join('');
}

async function topology(gpus) {
  if (!state.nvlink) {
    await print('Failed to get topology: Not Supported\n');
    process.exit(3);
  }
  const cell = (a, b) => (a === b ? ' X ' : state.nvlink.some((g) => g.includes(a) && g.includes(b)) ? 'NV18' : 'SYS');
  const names = gpus.map((_, index) => `GPU${index}`);
  await print(`\t${names.join('\t')}\tCPU Affinity\n`);
  for (const a of names.keys()) await print(`GPU${a}\t${names.map((_, b) => cell(a, b)).join('\t')}\t0-7\n`);
}

function gpuRows(gpus, fields) {
  const cell = (gpu, field) => {
    const values = {
      uuid: gpu.uuid,
      'utilization.gpu': gpu.mig ? '[N/A]' : gpu.utilization,
      'memory.used': gpu.usedMib,
      'temperature.gpu': gpu.celsius,
      'power.draw': gpu.watts.toFixed(2),
    };
    if (gpu.lost && field !== 'uuid') return '[GPU is lost]';
    return gpu.csv?.[field] ?? values[field];
  };
  return gpus.map((gpu) => `${fields.map((field) => cell(gpu, field)).join(', ')}\n`).join('');
}

function appRows(gpus, fields) {
  const rows = gpus.flatMap((gpu) => gpu.processes.map((each) => ({ ...each, gpu_uuid: gpu.uuid })));
  const values = (row) => ({ ...row, process_name: row.name, used_memory: row.usedMib ?? '[N/A]' });
  return rows.map((row) => `${fields.map((field) => values(row)[field]).join(', ')}\n`).join('');
}

function xml(gpus) {
  return `<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
  <driver_version>${state.driver}</driver_version>
  <cuda_version>${state.cuda}</cuda_version>
  <attached_gpus>${state.gpus.length}</attached_gpus>
${gpus.map(gpuXml).join('\n')}
</nvidia_smi_log>
`;
}

function migXml({ memoryMib }, index) {
  return `<mig_device><index>${index}</index><fb_memory_usage><total>${memoryMib} MiB</total></fb_memory_usage></mig_device>`;
}

function gpuXml(gpu) {
  const or = (value, unit) => (gpu.lost ? 'GPU is lost' : `${value} ${unit}`);
  const processes = gpu.processes.map(
    ({ pid, name, usedMib }) => `<process_info>
      <pid>${pid}</pid><type>C</type><process_name>${name}</process_name><used_memory>${usedMib} MiB</used_memory>
    </process_info>`,
  );
  return `  <gpu id="${gpu.bus}">
    <product_name>${gpu.model}</product_name>
    <uuid>${gpu.hidesUuid ? 'Unknown Error' : gpu.uuid}</uuid>
    <minor_number>0</minor_number>
    <mig_mode><current_mig>${gpu.mig ? 'Enabled' : 'Disabled'}</current_mig></mig_mode>
    <mig_devices>${gpu.mig?.length ? gpu.mig.map(migXml).join('') : 'None'}</mig_devices>
    <gpu_recovery_action>${gpu.recovery ?? 'None'}</gpu_recovery_action>
    <pci><pci_bus_id>${gpu.bus}</pci_bus_id></pci>
    <fb_memory_usage><total>${or(gpu.memoryMib, 'MiB')}</total><used>${or(gpu.usedMib, 'MiB')}</used></fb_memory_usage>
    <utilization><gpu_util>${gpu.mig ? 'N/A' : or(gpu.utilization, '%')}</gpu_util></utilization>
    <temperature><gpu_temp>${or(gpu.celsius, 'C')}</gpu_temp></temperature>
    <processes>${processes.join('')}</processes>
  </gpu>`;
}
