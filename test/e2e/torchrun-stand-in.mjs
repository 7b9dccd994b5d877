// Does what torchrun does with the variables that it reads: starts the processes of this node, tells each its rank, and waits for
// them. Facts: its options have the names PET_<OPTION> in the environment; its children find RANK, LOCAL_RANK, WORLD_SIZE,
// LOCAL_WORLD_SIZE, GROUP_RANK, MASTER_ADDR and MASTER_PORT.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const { PET_NNODES, PET_NPROC_PER_NODE, PET_NODE_RANK, PET_MASTER_ADDR, PET_MASTER_PORT } = process.env;
const here = Number(PET_NPROC_PER_NODE);
const ends = Array.from({ length: here }, async (_, local) => {
  const child = spawn(process.execPath, process.argv.slice(2), {
    stdio: 'inherit',
    env: {
      ...process.env,
      RANK: String(Number(PET_NODE_RANK) * here + local),
      LOCAL_RANK: String(local),
      WORLD_SIZE: String(Number(PET_NNODES) * here),
      LOCAL_WORLD_SIZE: String(here),
      GROUP_RANK: PET_NODE_RANK,
      MASTER_ADDR: PET_MASTER_ADDR,
      MASTER_PORT: PET_MASTER_PORT,
    },
  });
  const [code] = await once(child, 'exit');
  return code;
});
process.exitCode = (await Promise.all(ends)).find((code) => code !== 0) ?? 0;
