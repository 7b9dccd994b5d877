// An all-reduce over TCP with nothing but Node: every rank has a vector, all end with the sum of them. It finds the others by the
// variables that distributed programs read everywhere: RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const LENGTH = 10_000;
const PATIENCE_MS = 60_000;

const rank = Number(need('RANK'));
const size = Number(need('WORLD_SIZE'));
const place = { host: need('MASTER_ADDR'), port: Number(need('MASTER_PORT')) };

const mine = Array.from({ length: LENGTH }, (_, at) => rank + at);
const sum = rank === 0 ? await gather() : await send(mine);

const ranks = (size * (size - 1)) / 2;
const wrong = sum.findIndex((value, at) => value !== ranks + at * size);
if (wrong >= 0) throw new Error(`the sum is wrong at ${wrong}: ${sum[wrong]}`);
const where = `node rank ${process.env.NODE_RANK ?? process.env.GROUP_RANK ?? '-'}, local rank ${process.env.LOCAL_RANK ?? '-'}`;
console.log(`rank ${rank} of ${size} (${where}): the sum of ${size} vectors begins ${sum.slice(0, 3).join(' ')}`);

/** Rank 0 takes the vectors of all others, adds them to its own, and sends the sum to each. */
async function gather() {
  const sockets = [];
  const sum = [...mine];
  const server = createServer((socket) => {
    createInterface(socket).once('line', (line) => {
      JSON.parse(line).forEach((value, at) => (sum[at] += value));
      sockets.push(socket);
      server.emit('vector');
    });
  });
  server.listen(place.port);
  while (sockets.length < size - 1) await once(server, 'vector');
  for (const socket of sockets) socket.end(`${JSON.stringify(sum)}\n`);
  server.close();
  return sum;
}

/** All ranks start together, but the first one may take a moment longer until it listens. */
async function send(vector) {
  const endMs = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const socket = connect(place);
      await once(socket, 'connect');
      socket.write(`${JSON.stringify(vector)}\n`);
      const [line] = await once(createInterface(socket), 'line');
      return JSON.parse(line);
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' || Date.now() > endMs) throw error;
      await sleep(50);
    }
  }
}

function need(name) {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set: start this with "launcher: none" or "launcher: per_gpu"`);
  return value;
}
