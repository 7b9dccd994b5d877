// A receiver of Sluice's webhooks that trusts nobody: it checks signature and time, knows what it has seen, and prints one line an event.
// Node alone, nothing to install:
//   node examples/webhook-receiver.mjs --port 8080 --secret-file SECRET
// The file holds the secret that stands behind this receiver's origin in the scheduler's notify.webhooks_file.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

/** An older post may be one that somebody wrote down and sends again. */
const OLDEST_SECONDS = 300;
const MAX_BODY_BYTES = 64 * 1024;
const MAX_SEEN = 10_000;

const { values } = parseArgs({ options: { port: { type: 'string' }, 'secret-file': { type: 'string' } } });
const secret = readFileSync(values['secret-file'] ?? 'secret', 'utf8').trim();
/** Notices come at least once: the same id is the same event. A real receiver keeps this where it keeps what it does with them. */
const seen = new Set();

/** Why a post is not to be believed; null = it is. */
function whyNot(headers, body) {
  const timestamp = headers['sluice-timestamp'] ?? '';
  const age = Math.abs(Date.now() / 1_000 - Number(timestamp));
  if (!(age <= OLDEST_SECONDS)) return 'its time is not now';
  const wanted = Buffer.from(`v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`);
  const given = Buffer.from(headers['sluice-signature'] ?? '');
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? null : 'its signature is wrong';
}

const server = createServer((request, response) => {
  const answer = (code, text) => response.writeHead(code).end(`${text}\n`);
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => {
    body += chunk;
    if (body.length > MAX_BODY_BYTES) request.destroy();
  });
  request.on('end', () => {
    // Over the bytes as they came, before anything is read from them.
    const problem = whyNot(request.headers, body);
    if (problem !== null) return answer(401, problem);
    const event = JSON.parse(body);
    if (!seen.has(event.id)) {
      if (seen.size >= MAX_SEEN) seen.delete(seen.values().next().value);
      seen.add(event.id);
      console.log(`${event.type} ${event.workload.number} ${event.workload.name} ${event.id}`);
    }
    // Quickly: what takes longer is done afterwards.
    answer(200, 'ok');
  });
});
server.listen(Number(values.port ?? 8080), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
