/**
 * What streams, events and captured graphs do, as functions of a device: test/runtime/streams.test.ts calls them here for the
 * CPU, and in processes of their own for the emulated device, whose streams then work on threads of their own.
 */

import assert from 'node:assert/strict';
import {
  add,
  capture,
  configure,
  deviceMemory,
  type HalftoneError,
  memory,
  mul,
  quantize,
  relu,
  Stream,
  StreamEvent,
  sub,
  sync,
  type Tensor,
  tensor,
} from '../../lib';
import { Rng } from './rng';

const on = (device: string, values: number[], shape?: number[]): Tensor =>
  tensor(Float32Array.from(values), { device, ...(shape && { shape }) });

const values = async (t: Tensor): Promise<number[]> => Array.from(await t.data());

async function refused(what: () => unknown, code: string, text: string): Promise<void> {
  await assert.rejects(
    async () => await what(),
    (error: HalftoneError) => {
      assert.equal(error.code, code, error.message);
      assert.ok(error.message.includes(text), error.message);
      return true;
    },
  );
}

/** No tensor is left on the device. */
async function drained(device: string): Promise<void> {
  await sync(device);
  assert.equal(memory().find((entry) => entry.device === device)?.tensors, 0);
}

export const SCENARIOS: Readonly<Record<string, (device: string) => Promise<void>>> = {
  async 'operators run on the stream that is current, and tensors may be used on any'(device) {
    using stream = new Stream(device);
    assert.equal(stream.device, device);
    using x = on(device, [-1, 2]);
    using y = stream.run(() => relu(x));
    using z = add(y, x);
    using w = await stream.run(async () => {
      await Promise.resolve();
      return mul(z, x);
    });
    assert.deepEqual(await values(w), [1, 8]);
    await stream.sync();
  },

  async 'random work on eight streams gives what one would'(device) {
    const rng = new Rng(11);
    const streams = Array.from({ length: 8 }, () => new Stream(device));
    const any = (n: number) => rng.int(0, n - 1);
    const known = Array.from({ length: 6 }, (_, i) => ({ t: on(device, [i, -i]), v: i }));
    for (let i = 0; i < 400; i++) {
      const [p, q] = [known[any(6)], known[any(6)]] as [(typeof known)[0], (typeof known)[0]];
      const v = Math.abs(p.v - q.v) > 1e6 ? 1 : p.v - q.v;
      const t = (streams[any(8)] as Stream).run(() =>
        v === p.v - q.v ? sub(p.t, q.t) : on(device, [1, -1]),
      );
      const at = any(6);
      known[at]?.t.dispose();
      known[at] = { t, v };
    }
    for (const { t, v } of known) {
      assert.deepEqual(await values(t), [v, 0 - v]);
      t.dispose();
    }
    for (const stream of streams) stream.dispose();
    await drained(device);
  },

  async 'events come in order and measure time'(device) {
    using stream = new Stream(device);
    using other = new Stream(device);
    const first = stream.record();
    using x = on(device, new Array(1000).fill(1));
    using y = stream.run(() => add(x, x));
    const last = stream.record();
    other.wait(last);
    const after = other.record();
    await after.wait();
    assert.ok(first.done && last.done && after.done);
    assert.ok(last.elapsed(first) >= 0);
    assert.ok(after.elapsed(last) >= 0);
    assert.equal(first.elapsed(last), -last.elapsed(first));
    assert.equal(first.device, device);
    await refused(() => stream.wait(x as never), 'ERR_PARAM', 'a StreamEvent was expected');
    await refused(() => last.elapsed({} as never), 'ERR_PARAM', 'a StreamEvent was expected');
    assert.deepEqual((await values(y)).slice(0, 2), [2, 2]);
    assert.ok(last instanceof StreamEvent);
  },

  async 'a stream that was disposed refuses work, and its tensors stay'(device) {
    const stream = new Stream(device);
    const event = stream.record();
    const x = stream.run(() => on(device, [5]));
    stream.dispose();
    stream.dispose();
    assert.ok(stream.disposed);
    for (const use of [
      () => stream.run(() => 1),
      () => stream.record(),
      () => stream.wait(event),
      () => stream.sync(),
      () => capture(() => x, [], { stream }),
    ]) {
      await refused(use, 'ERR_DISPOSED', 'the stream was disposed');
    }
    await event.wait();
    assert.deepEqual(await values(x), [5]);
    using y = relu(x);
    x.dispose();
    assert.deepEqual(await values(y), [5]);
  },

  async 'hundreds of streams'(device) {
    const streams = Array.from({ length: 200 }, () => new Stream(device));
    let sum = on(device, [0]);
    for (const [i, stream] of streams.entries()) {
      const before = sum;
      using x = on(device, [i]);
      sum = stream.run(() => add(before, x));
      before.dispose();
    }
    assert.deepEqual(await values(sum), [(199 * 200) / 2]);
    sum.dispose();
    for (const stream of streams) stream.dispose();
    await drained(device);
  },

  async 'a replay gives what the calls would'(device) {
    using w = on(device, [1, -2, 3, 4], [2, 2]);
    const net = (x: Tensor, y: Tensor) => ({
      sum: relu(add(mul(x, w), y)),
      list: [sub(x, y), w],
      text: 'kept',
      map: new Map([['x', x]]),
    });
    using graph = await capture(net, [
      on(device, [0, 0, 0, 0], [2, 2]),
      on(device, [0, 0, 0, 0], [2, 2]),
    ]);
    assert.deepEqual([graph.device, graph.steps], [device, 4]);
    assert.equal(graph.bytes, 6 * 16);
    for (const copy of [true, false]) {
      for (let i = 0; i < 5; i++) {
        using x = on(device, [i, 1, 2, -i], [2, 2]);
        using y = on(device, [1, i, -3, 0.5], [2, 2]);
        const got = graph.replay([x, y], { copy });
        const expected = net(x, y);
        assert.deepEqual(await values(got.sum), await values(expected.sum));
        assert.deepEqual(
          await values(got.list[0] as Tensor),
          await values(x).then(async (a) => {
            const b = await values(y);
            return a.map((v, k) => v - (b[k] ?? 0));
          }),
        );
        assert.deepEqual(await values(got.list[1] as Tensor), [1, -2, 3, 4]);
        assert.deepEqual(await values(got.map.get('x') as Tensor), [i, 1, 2, -i]);
        assert.equal(got.text, 'kept');
        for (const t of [got.sum, ...got.list, got.map.get('x') as Tensor]) t.dispose();
        expected.sum.dispose();
        (expected.list[0] as Tensor).dispose();
      }
    }
    assert.equal(graph.launched, device !== 'cpu');
  },

  async 'quantized results keep what their codes mean'(device) {
    const x = on(device, [-1, 0, 0.5, 1]);
    using scale = on(device, [0.25], []);
    using graph = await capture((t) => quantize(t, { scale, dtype: 'int8' }), [x]);
    const codes = graph.replay([on(device, [1, 2, 3, -4])]);
    assert.deepEqual(await values(codes), [4, 8, 12, -16]);
    assert.deepEqual(await values(codes.quantization?.scale as Tensor), [0.25]);
    assert.equal(codes.quantization?.axis, null);
  },

  async 'what cannot be captured is refused'(device) {
    using x = on(device, [1]);
    const reads: ((t: Tensor) => unknown)[] = [
      (t) => t.data(),
      (t) => t.dataSync(),
      (t) => t.toArray(),
      (t) => `${t}`,
      () => sync(device),
    ];
    for (const read of reads) {
      await refused(
        () => capture(async (t) => await read(relu(t)), [x]),
        'ERR_UNSUPPORTED',
        'results cannot be read while work is captured',
      );
    }
    await refused(
      () => capture(() => capture(() => x), [x]),
      'ERR_UNSUPPORTED',
      'another capture is under way',
    );
    using graph = await capture((t) => relu(t), [x]);
    await refused(
      () => capture(() => graph.replay([x]), [x]),
      'ERR_UNSUPPORTED',
      'cannot be replayed while another is captured',
    );
    const away = device === 'cpu' ? undefined : tensor([1], { device: 'cpu' });
    if (away) {
      await refused(() => capture(() => relu(away), [x]), 'ERR_PARAM', 'relu: is on cpu, but');
      await refused(() => capture(() => away, [x]), 'ERR_PARAM', 'a result is on cpu');
      await refused(() => graph.replay([away]), 'ERR_PARAM', `must be on ${device}`);
    }
    await refused(() => capture((t) => t, x as never), 'ERR_PARAM', 'must be an array');
    await refused(() => capture((t) => t, [1] as never), 'ERR_PARAM', 'must be a Tensor, got 1');
    await refused(() => graph.replay([on(device, [1, 2])]), 'ERR_SHAPE', 'must have the shape [1]');
    await refused(
      () => graph.replay([tensor([1], { dtype: 'int8', device })]),
      'ERR_DTYPE',
      'must have the dtype float32',
    );
    await refused(() => graph.replay([x, x]), 'ERR_PARAM', 'has 1 inputs, got 2');
    graph.dispose();
    await refused(() => graph.replay([x]), 'ERR_DISPOSED', 'the graph was disposed');
    assert.deepEqual(await values(relu(x)), [1]); // nothing is left behind
    await refused(
      () =>
        capture(() => {
          throw new TypeError('mine');
        }, [x]).catch((error: Error) => {
          assert.equal(error.message, 'mine');
          throw Object.assign(new Error('mine'), { code: 'MINE' });
        }),
      'MINE',
      'mine',
    );
  },

  async 'a memory limit is kept'(device) {
    const before = deviceMemory(device).used;
    configure(device, { memoryLimit: before + 4096 });
    try {
      assert.equal(deviceMemory(device).limit, before + 4096);
      const wanted = () => relu(on(device, new Array(600).fill(1)));
      // The CPU takes memory for its data at once, a device when its turn comes.
      await refused(
        async () => await values(wanted()),
        'ERR_OUT_OF_MEMORY',
        'no memory for 2400 bytes on device',
      );
      await sync(device).catch(() => undefined);
    } finally {
      configure(device, { memoryLimit: null });
    }
    assert.equal(deviceMemory(device).limit, null);
    assert.equal((await values(relu(on(device, new Array(600).fill(1))))).length, 600);
    await refused(() => configure(device, { memoryLimit: -1 }), 'ERR_PARAM', 'number of bytes');
    await refused(() => configure(device, { limit: 1 } as never), 'ERR_PARAM', 'unknown setting');
    if (device === 'cpu') {
      await refused(() => configure('cpu', { autotune: true }), 'ERR_PARAM', 'no setting');
    } else {
      configure(device, { autotune: false, planCache: null, workspaceBytes: 1 << 20 });
    }
  },
};

/** In a process of its own: every scenario, and what each said, as JSON. */
export async function main(device: string): Promise<void> {
  const said: Record<string, string> = {};
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    said[name] = await scenario(device).then(
      () => 'ok',
      (error: Error) => String(error.stack),
    );
  }
  console.log(JSON.stringify(said));
}
