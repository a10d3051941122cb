/**
 * A small HTTP service that runs a model: POST the raw float32 values of one input, get its output as JSON. The event loop only
 * checks and enqueues, so requests are answered while others compute; a client that goes away ends its own work.
 *
 *     node dist/examples/image-service/main.js model.onnx 8080
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HalftoneError, Model, memory, scope } from 'halftone';

async function readBody(request: IncomingMessage, most: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) throw new RangeError(`the body must have ${most} bytes, got more`);
    chunks.push(chunk);
  }
  if (size !== most) throw new RangeError(`the body must have ${most} bytes, got ${size}`);
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function serve(model: Model, request: IncomingMessage, response: ServerResponse) {
  if (request.method === 'GET')
    return answer(response, 200, { inputs: model.inputs, memory: memory() });
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const [input] = model.inputs;
  if (!input) throw new RangeError('the model has no input');
  const elements = (input.shape ?? []).reduce<number>(
    (n, d) => n * (typeof d === 'number' ? d : 1),
    1,
  );
  const bytes = await readBody(request, 4 * elements);
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  const outputs = await scope(async () => {
    const results = await model.run({ [input.name]: values }, { signal: gone.signal });
    const arrays = Object.entries(results).map(
      async ([name, t]) => [name, await t.toArray()] as const,
    );
    return Object.fromEntries(await Promise.all(arrays));
  });
  answer(response, 200, outputs);
}

async function main([file, port = '0']: string[]): Promise<void> {
  if (file === undefined) throw new Error('give an ONNX model: main.js model.onnx [port]');
  const model = await Model.load(file);
  const server = createServer((request, response) => {
    serve(model, request, response).catch((error: Error) => {
      if (response.destroyed) return; // nobody waits for it
      const caller = error instanceof RangeError || error instanceof HalftoneError;
      answer(response, caller ? 400 : 500, { error: error.message });
    });
  });
  server.listen(Number(port));
  await once(server, 'listening');
  console.log(`listening on ${(server.address() as AddressInfo).port}`);
  process.once('SIGTERM', () => {
    server.close(() => model.dispose()); // what is running ends first
  });
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
