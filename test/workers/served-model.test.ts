// The bounded queue before a model, in this process, and what callers are told when it is full.
import { layers, sequential } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelInMemory, openInferenceSession } from '../../node-agent/workers/inference-session.js';
import type { InferenceSession } from '../../node-agent/workers/inference-session.js';
import { exportOnnx } from '../../node-agent/workers/onnx-export.js';
import { createServingMetrics } from '../../node-agent/workers/serve-metrics.js';
import { serveModel } from '../../node-agent/workers/served-model.js';
import type { InferRequest, ServedModel } from '../../node-agent/workers/served-model.js';
import { startTrainingBackend } from '../../node-agent/workers/training-backend.js';

const NO_GPU = { kind: 'none', why: 'a test' } as const;
/** Two requests may be in the thread and this many wait. */
const MAX_QUEUED = 3;

let session: InferenceSession;
let model: ServedModel;
let metricsText: () => Promise<string>;

beforeAll(async () => {
  await startTrainingBackend(NO_GPU, 'cpu');
  const network = sequential({ layers: [layers.dense({ units: 2, activation: 'softmax', inputShape: [3] })] });
  const file = modelInMemory('tiny.onnx', exportOnnx(network, { properties: {} }));
  session = await openInferenceSession(file, { gpus: NO_GPU, device: 'auto', maxQueued: MAX_QUEUED });
  const metrics = createServingMetrics({
    model: 'tiny',
    version: '1',
    provider: session.provider.name,
    queueLimit: MAX_QUEUED,
    pending: () => session.pending(),
  });
  metricsText = async () => (await metrics.expose()).text;
  model = serveModel({ name: 'tiny', version: '1' }, file, session, metrics);
});

afterAll(async () => await session.close());

function request(signal: AbortSignal = new AbortController().signal): InferRequest {
  return {
    inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 3], content: { kind: 'elements', elements: [1, 2, 3] } }],
    outputs: [],
    signal,
  };
}

describe('the queue before a model', () => {
  it('refuses what is more than may wait, and answers the rest', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, async () => await model.measured('rest', async () => await model.infer(request()))),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(10 - 2 - MAX_QUEUED);
    for (const { reason } of refused) {
      expect(reason).toMatchObject({
        kind: 'overloaded',
        message: '3 requests wait already, which is the limit: try again later',
      });
    }
    expect(session.pending()).toBe(0);
    const text = await metricsText();
    expect(text).toContain('sluice_model_requests_total{protocol="rest",outcome="overloaded"} 5');
    expect(text).toContain('sluice_model_requests_total{protocol="rest",outcome="ok"} 5');
    await expect(model.infer(request())).resolves.toHaveLength(1);
  });

  it('drops a request whose caller gave up while it waited, and makes its place free', async () => {
    const running = [model.infer(request()), model.infer(request())];
    const impatient = new AbortController();
    const waiting = model.infer(request(impatient.signal));
    const others = [model.infer(request()), model.infer(request())];
    await expect(model.infer(request())).rejects.toMatchObject({ kind: 'overloaded' });
    impatient.abort();
    others.push(model.infer(request()));
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
    await expect(Promise.all([...running, ...others])).resolves.toHaveLength(5);
  });

  it('answers what was begun before it was told to stop, but is not ready any more', async () => {
    const begun = model.infer(request());
    model.stopTaking();
    expect(model.ready()).toBe(false);
    await expect(begun).resolves.toHaveLength(1);
  });
});
