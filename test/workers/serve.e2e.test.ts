// Serving as a process: both protocols, the binary tensor extension, limits, metrics, stopping. The model is a trained one.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadInference } from '../../common/proto.js';
import type { ModelInferRequest } from '../../proto/gen/inference/ModelInferRequest.js';
import type { ModelInferResponse__Output } from '../../proto/gen/inference/ModelInferResponse.js';
import { requireSamples } from '../../node-agent/workers/dataset.js';
import type { Samples } from '../../node-agent/workers/dataset.js';
import { modelInMemory, openInferenceSession } from '../../node-agent/workers/inference-session.js';
import type { InferenceSession } from '../../node-agent/workers/inference-session.js';
import { floatsOf } from '../../node-agent/workers/tensor.js';
import { run, start, temporaryFolder } from './program.js';
import type { Program } from './program.js';

const MAX_REQUEST_MIB = 2;

let shared: string;
let modelFile: string;
let samples: Samples;
let reference: InferenceSession;
let server: Program;
let rest: string;
let grpcAddress: string;
let client: InstanceType<ReturnType<typeof loadInference>['GRPCInferenceService']>;

beforeAll(async () => {
  shared = mkdtempSync(path.join(os.tmpdir(), 'sluice-serve-'));
  const digits = path.join(shared, 'digits');
  await run(['dataset', `--out=${digits}`, '--train=1000', '--test=200']);
  await run(['train', `--dataset=${digits}`, `--out=${shared}/model`, '--epochs=3', '--hidden=16']);
  modelFile = path.join(shared, 'model/model.onnx');
  samples = await requireSamples(digits, 'test');
  reference = await openInferenceSession(modelInMemory(modelFile, readFileSync(modelFile)), {
    gpus: { kind: 'none', why: 'a test' },
    device: 'auto',
    maxQueued: 1,
  });
  const reportFile = path.join(shared, 'report');
  server = start(
    ['serve', `--model=${modelFile}`, '--name=digits', '--version=3', `--max-request-mib=${MAX_REQUEST_MIB}`],
    { SLUICE_REPORT_FILE: reportFile },
  );
  await server.until(/^serving: /m);
  const endpoints = readFileSync(reportFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; name: string; url: string });
  rest = endpoints.find(({ type, name }) => type === 'endpoint' && name === 'rest')?.url ?? '';
  grpcAddress = endpoints.find(({ type, name }) => type === 'endpoint' && name === 'grpc')?.url ?? '';
  client = new (loadInference().GRPCInferenceService)(grpcAddress, grpc.credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  server.child.kill('SIGTERM');
  await Promise.all([server.ended, reference.close()]);
  rmSync(shared, { recursive: true, force: true });
});

function rowsOf(...indices: readonly number[]): Float32Array {
  const rows = new Float32Array(indices.length * samples.featureCount);
  samples.gather(indices, rows);
  return rows;
}

/** What the runtime itself says about rows. */
async function expectedFor(rows: Float32Array): Promise<readonly number[]> {
  const shape = [rows.length / 784, 784];
  const [output] = await reference.run(
    [{ name: 'input', datatype: 'FP32', shape, bytes: bytesOf(rows) }],
    ['probabilities'],
  );
  return output === undefined ? [] : [...floatsOf(output)];
}

function bytesOf(rows: Float32Array): Uint8Array {
  return new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
}

async function get(where: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${rest}/${where}`);
  return { status: response.status, body: await response.json() };
}

async function post(
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
  where = 'v2/models/digits/infer',
): Promise<Response> {
  return await fetch(`${rest}/${where}`, { method: 'POST', body, headers });
}

function inferBody(rows: Float32Array, more: object = {}): string {
  const shape = [rows.length / 784, 784];
  return JSON.stringify({ inputs: [{ name: 'input', shape, datatype: 'FP32', data: [...rows] }], ...more });
}

async function inferGrpc(request: ModelInferRequest): Promise<ModelInferResponse__Output> {
  return await new Promise((resolve, reject) => {
    client.modelInfer(request, (error, response) => {
      if (error === null && response !== undefined) resolve(response);
      else reject(error ?? new Error('no response'));
    });
  });
}

function rawOutput(response: ModelInferResponse__Output): readonly number[] {
  const bytes = new Uint8Array(response.rawOutputContents[0] ?? []);
  return [...new Float32Array(bytes.buffer)];
}

describe('serving over REST', () => {
  it('says what it is and what it serves', async () => {
    expect(await get('v2')).toMatchObject({
      status: 200,
      body: { name: 'sluice', extensions: ['binary_tensor_data'] },
    });
    expect(await get('v2/health/live')).toEqual({ status: 200, body: { live: true } });
    expect(await get('v2/health/ready')).toEqual({ status: 200, body: { ready: true } });
    expect(await get('v2/models/digits/ready')).toEqual({ status: 200, body: { name: 'digits', ready: true } });
    expect(await get('v2/models/digits/versions/3/ready')).toMatchObject({ status: 200 });
    const metadata = {
      name: 'digits',
      versions: ['3'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 784] }],
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 10] }],
    };
    expect(await get('v2/models/digits')).toEqual({ status: 200, body: metadata });
    expect(await get('v2/models/digits/versions/3')).toEqual({ status: 200, body: metadata });
  });

  it('answers JSON with JSON, flat or nested, and gives the id back', async () => {
    const rows = rowsOf(0, 1, 2);
    const expected = await expectedFor(rows);
    const flat = await (await post(inferBody(rows, { id: 'abc' }))).json();
    expect(flat).toEqual({
      model_name: 'digits',
      model_version: '3',
      id: 'abc',
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [3, 10], data: expected }],
    });
    const nestedRows = [0, 1, 2].map((row) => [...rows.subarray(row * 784, (row + 1) * 784)]);
    const nested = { inputs: [{ name: 'input', shape: [3, 784], datatype: 'FP32', data: nestedRows }] };
    const answer = await post(JSON.stringify(nested), {}, 'v2/models/digits/versions/3/infer');
    expect(await answer.json()).toMatchObject({ outputs: [{ data: expected }] });
  });

  it('takes and gives tensors as binary data', async () => {
    const rows = rowsOf(3, 4);
    const header = Buffer.from(
      JSON.stringify({
        inputs: [
          { name: 'input', shape: [2, 784], datatype: 'FP32', parameters: { binary_data_size: rows.byteLength } },
        ],
        parameters: { binary_data_output: true },
      }),
    );
    const response = await post(Buffer.concat([header, bytesOf(rows)]), {
      'Inference-Header-Content-Length': String(header.length),
      'Content-Type': 'application/octet-stream',
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    const length = Number(response.headers.get('inference-header-content-length'));
    const body = Buffer.from(await response.arrayBuffer());
    expect(JSON.parse(body.toString('utf8', 0, length))).toEqual({
      model_name: 'digits',
      model_version: '3',
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [2, 10], parameters: { binary_data_size: 80 } }],
    });
    expect([...new Float32Array(new Uint8Array(body.subarray(length)).buffer)]).toEqual(await expectedFor(rows));
  });

  it('lets each output say whether it wants to be binary', async () => {
    const outputs = [{ name: 'probabilities', parameters: { binary_data: false } }];
    const response = await post(inferBody(rowsOf(5), { outputs, parameters: { binary_data_output: true } }));
    expect(await response.json()).toMatchObject({ outputs: [{ data: await expectedFor(rowsOf(5)) }] });
  });

  const input = (more: object): string =>
    JSON.stringify({ inputs: [{ name: 'input', shape: [1, 2], datatype: 'FP32', data: [1, 2], ...more }] });

  it.each<readonly [string, number, string, string | (() => string)]>([
    ['no JSON', 400, 'the request is no JSON', '{"inputs":'],
    ['no inputs', 400, 'inputs: Invalid input', '{}'],
    ['an unknown input', 400, 'the model has no input "x", its inputs are "input"', input({ name: 'x' })],
    ['a missing input', 400, 'input "input" is missing', '{"inputs":[]}'],
    ['an input twice', 400, 'input "input" is given 2 times', () => input({}).replace(/\[\{(.*)\}\]/, '[{$1},{$1}]')],
    ['an unknown datatype', 400, 'unknown datatype "FLOAT"', input({ datatype: 'FLOAT' })],
    ['a wrong datatype', 400, 'datatype INT8, the model takes FP32', input({ datatype: 'INT8' })],
    ['a wrong shape', 400, 'shape [1, 2], the model takes [-1, 784]', input({})],
    ['a wrong rank', 400, 'shape [784], the model takes [-1, 784]', input({ shape: [784] })],
    ['a negative size', 400, 'every size must be a whole number of at least 1', input({ shape: [-1, 784] })],
    ['too few elements', 400, 'shape [1, 784] needs 784 elements, the data has 2', input({ shape: [1, 784] })],
    [
      'text for a number',
      400,
      'element 0 is "a", expected a number',
      () => input({ shape: [1, 784], data: Array(784).fill('a') }),
    ],
    ['an object for a number', 400, 'element 0 is no number', input({ data: [{}] })],
    ['no data', 400, 'has no data', input({ data: undefined })],
    [
      'binary data that is not there',
      400,
      'binary_data_size is 8, the body has 0 bytes left',
      input({ data: undefined, parameters: { binary_data_size: 8 } }),
    ],
    ['an unknown output', 400, 'no output "y"', () => inferBody(rowsOf(0), { outputs: [{ name: 'y' }] })],
    [
      'an extension that is not supported',
      400,
      'parameter "classification", which is not supported',
      () => inferBody(rowsOf(0), { outputs: [{ name: 'probabilities', parameters: { classification: 3 } }] }),
    ],
  ])('refuses a request with %s', async (_, status, message, body) => {
    const response = await post(typeof body === 'string' ? body : body());
    const answer = (await response.json()) as { error: string };
    expect(answer.error).toContain(message);
    expect(response.status).toBe(status);
  });

  it('refuses other models, versions, paths, methods and encodings', async () => {
    expect(await get('v2/models/cats')).toEqual({
      status: 404,
      body: { error: 'no model "cats" here, this server has "digits"' },
    });
    expect(await get('v2/models/digits/versions/4')).toMatchObject({ status: 404 });
    expect((await post(inferBody(rowsOf(0)), {}, 'v2/models/cats/infer')).status).toBe(404);
    expect(await get('v3')).toMatchObject({ status: 404 });
    expect(await get('v2/models/digits/infer')).toMatchObject({ status: 405 });
    const compressed = await post('x', { 'Content-Encoding': 'gzip' });
    expect(await compressed.json()).toEqual({
      error: 'Content-Encoding gzip is not supported: send the body as it is',
    });
  });

  it('refuses a body beyond the limit, and says what the limit is', async () => {
    const limit = MAX_REQUEST_MIB * 1024 * 1024;
    const response = await post(Buffer.alloc(limit + 1));
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({ error: `the body has more than ${limit} bytes, which is the limit` });
  });

  it('counts requests by outcome and measures their time', async () => {
    const read = async (): Promise<string> => await (await fetch(`${rest}/metrics`)).text();
    const count = (text: string, outcome: string): number =>
      Number(
        new RegExp(`^sluice_model_requests_total\\{protocol="rest",outcome="${outcome}"\\} (\\d+)$`, 'm').exec(
          text,
        )?.[1] ?? 0,
      );
    const before = await read();
    await post(inferBody(rowsOf(0)));
    await post(input({}));
    await post('{}', {}, 'v2/models/cats/infer');
    const after = await read();
    for (const outcome of ['ok', 'invalid', 'not-found'])
      expect(count(after, outcome)).toBe(count(before, outcome) + 1);
    expect(after).toContain(`sluice_model_request_duration_seconds_count{protocol="rest"} ${count(after, 'ok')}`);
    expect(after).toContain('sluice_model_info{model="digits",version="3",provider="CPU"} 1');
  });
});

describe('serving over gRPC', () => {
  const unary = async <T>(call: (done: grpc.requestCallback<T>) => void): Promise<T> =>
    await new Promise((resolve, reject) =>
      call((error, value) =>
        error === null && value !== undefined ? resolve(value) : reject(error ?? new Error('no value')),
      ),
    );

  it('says what it is and what it serves', async () => {
    expect(await unary((done) => client.serverLive({}, done))).toEqual({ live: true });
    expect(await unary((done) => client.serverReady({}, done))).toEqual({ ready: true });
    expect(await unary((done) => client.modelReady({ name: 'digits' }, done))).toEqual({ ready: true });
    expect(await unary((done) => client.serverMetadata({}, done))).toMatchObject({
      name: 'sluice',
      extensions: ['binary_tensor_data'],
    });
    expect(await unary((done) => client.modelMetadata({ name: 'digits', version: '3' }, done))).toMatchObject({
      name: 'digits',
      versions: ['3'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 784] }],
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 10] }],
      properties: { provider: 'CPU', 'sluice.labels': JSON.stringify('0123456789'.split('')) },
    });
  });

  it('takes raw and typed contents, and always answers with raw ones', async () => {
    const rows = rowsOf(6, 7);
    const expected = await expectedFor(rows);
    const tensor = { name: 'input', datatype: 'FP32', shape: [2, 784] };
    const raw = await inferGrpc({ modelName: 'digits', id: '9', inputs: [tensor], rawInputContents: [bytesOf(rows)] });
    const typed = await inferGrpc({
      modelName: 'digits',
      modelVersion: '3',
      inputs: [{ ...tensor, contents: { fp32Contents: [...rows] } }],
      outputs: [{ name: 'probabilities' }],
    });
    expect(raw).toMatchObject({ modelName: 'digits', modelVersion: '3', id: '9' });
    expect(raw.outputs).toMatchObject([{ name: 'probabilities', datatype: 'FP32', shape: [2, 10] }]);
    expect(rawOutput(raw)).toEqual(expected);
    expect(rawOutput(typed)).toEqual(expected);
  });

  const tensor = { name: 'input', datatype: 'FP32', shape: [1, 784] };

  it.each<readonly [string, grpc.status, string, ModelInferRequest]>([
    ['an unknown model', grpc.status.NOT_FOUND, 'no model "cats" here', { modelName: 'cats' }],
    ['an unknown version', grpc.status.NOT_FOUND, 'has no version "8"', { modelName: 'digits', modelVersion: '8' }],
    ['no inputs', grpc.status.INVALID_ARGUMENT, 'input "input" is missing', { modelName: 'digits' }],
    [
      'too few typed elements',
      grpc.status.INVALID_ARGUMENT,
      'needs 784 elements, the data has 1',
      { modelName: 'digits', inputs: [{ ...tensor, contents: { fp32Contents: [1] } }] },
    ],
    [
      'too few raw bytes',
      grpc.status.INVALID_ARGUMENT,
      'needs 3136 bytes of data, the request has 4',
      { modelName: 'digits', inputs: [tensor], rawInputContents: [Buffer.alloc(4)] },
    ],
    [
      'raw contents for some inputs only',
      grpc.status.INVALID_ARGUMENT,
      '1 inputs but 2 raw_input_contents',
      { modelName: 'digits', inputs: [tensor], rawInputContents: [Buffer.alloc(4), Buffer.alloc(4)] },
    ],
    [
      'raw and typed contents',
      grpc.status.INVALID_ARGUMENT,
      'has both contents and raw_input_contents',
      {
        modelName: 'digits',
        inputs: [{ ...tensor, contents: { fp32Contents: [1] } }],
        rawInputContents: [Buffer.alloc(3136)],
      },
    ],
    [
      'a wrong datatype',
      grpc.status.INVALID_ARGUMENT,
      'datatype INT64, the model takes FP32',
      { modelName: 'digits', inputs: [{ ...tensor, datatype: 'INT64' }] },
    ],
    [
      'a message beyond the limit',
      grpc.status.RESOURCE_EXHAUSTED,
      'larger than max',
      { modelName: 'digits', inputs: [tensor], rawInputContents: [Buffer.alloc(3 * 1024 * 1024)] },
    ],
  ])('refuses a request with %s', async (_, code, message, request) => {
    await expect(inferGrpc(request)).rejects.toMatchObject({ code, details: expect.stringContaining(message) });
  });
});

/** Polls until a connection is refused: the server takes no more. */
async function untilRefused(port: number): Promise<void> {
  for (;;) {
    const refused = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
      socket.once('connect', () => socket.destroy());
    });
    if (refused) return;
    await sleep(10);
  }
}

describe('stopping', () => {
  it('finishes the request that was begun, takes no more, and exits 0', async () => {
    const stopping = start(['serve', `--model=${modelFile}`]);
    const [, url = ''] = await stopping.until(/^serving: REST (\S+) /m);
    const { port } = new URL(url);
    const body = inferBody(rowsOf(8));
    const answered = new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const request = http.request(`${url}/v2/models/model/infer`, {
        method: 'POST',
        headers: { 'Content-Length': body.length },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode, text }));
      });
      request.write(body.slice(0, 100), () => {
        // The first half is with the server before the request to stop; the second half follows it.
        const half = async (): Promise<void> => {
          await fetch(`${url}/v2/health/ready`);
          stopping.child.kill('SIGTERM');
          await untilRefused(Number(port));
          request.end(body.slice(100));
        };
        half().catch(reject);
      });
    });
    const { status, text } = await answered;
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ outputs: [{ data: await expectedFor(rowsOf(8)) }] });
    const { code, stdout } = await stopping.ended;
    expect(stdout).toContain('stop requested: SIGTERM');
    expect(code).toBe(0);
  });

  it('ends with exit code 2 when the port is taken or the model is none', async () => {
    const taken = await run(['serve', `--model=${modelFile}`, `--rest-port=${new URL(rest).port}`]);
    expect(taken).toMatchObject({ code: 2 });
    expect(taken.stderr).toContain('cannot listen for HTTP on 127.0.0.1');
    const takenGrpc = await run(['serve', `--model=${modelFile}`, `--grpc-port=${grpcAddress.split(':')[1]}`]);
    expect(takenGrpc).toMatchObject({ code: 2 });
    expect(takenGrpc.stderr).toContain('cannot listen for gRPC on 127.0.0.1');
    const none = await run(['serve', `--model=${path.join(temporaryFolder(), 'none.onnx')}`]);
    expect(none).toMatchObject({ code: 2 });
  });
});
