import { setTimeout as sleep } from 'node:timers/promises';
import vm from 'node:vm';
import { conv2d, keep, memory, ones, relu, scope, sync, type Tensor, tensor } from '../../lib';
import { tensorsLeftBy } from '../support/gc';
import { expectRefusal } from '../support/op-info';
import { forgetFailures } from '../support/forget-failures';

forgetFailures();

// Test files of one process share the addon, and with it failures that an earlier file has not asked for.
beforeAll(() => sync().catch(() => undefined));

const bytes = () => memory().reduce((n, entry) => n + entry.live, 0);

describe('dispose', () => {
  it('gives memory back, is idempotent, and later use throws', async () => {
    const made: Tensor[] = [];
    expect(await tensorsLeftBy(() => made.push(tensor([1, 2, 3])))).toBe(1);
    const t = tensor([1, 2, 3]);
    const disposing = tensorsLeftBy(() => {
      made.push(tensor([1, 2, 3]));
      for (const each of [t, ...made]) each.dispose();
      expect(t.disposed).toBe(true);
    });
    expect(await disposing).toBe(0);
    expectRefusal(() => relu(t), 'ERR_DISPOSED', 'relu: the tensor [3] of float32 was disposed');
    await expect(t.data()).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expectRefusal(() => t.dataSync(), 'ERR_DISPOSED', 'dataSync');
    expectRefusal(() => t.reshape([3]), 'ERR_DISPOSED', 'reshape');
    expect(String(t)).toBe('Tensor(disposed, float32 [3])');
  });

  it('of an input or of the result does not disturb work under way', async () => {
    const x = tensor(new Float32Array(1 << 20).fill(-1));
    const y = relu(x);
    const z = relu(y);
    x.dispose();
    y.dispose();
    const reading = z.data();
    z.dispose();
    expect((await reading).every((v) => v === 0)).toBe(true);
  });

  it('of an input while the options are read does not disturb the call', async () => {
    const x = ones([1, 1, 4, 4]);
    const stride: [number, number] = [1, 1];
    Object.defineProperty(stride, 0, {
      get() {
        x.dispose();
        return 1;
      },
    });
    const y = conv2d(x, ones([1, 1, 4, 4]), { stride });
    expect(x.disposed).toBe(true);
    expect(await y.toArray()).toEqual([[[[16]]]]);
  });

  it('works through Symbol.dispose', () => {
    const t = tensor([1]);
    t[Symbol.dispose]();
    expect(t.disposed).toBe(true);
  });
});

describe('scope', () => {
  it('disposes all but what is returned or kept', async () => {
    const left: (Tensor | undefined)[] = [];
    const run = () => {
      let kept: Tensor | undefined;
      let inner: Tensor | undefined;
      const { result } = scope(() => {
        inner = tensor([1]);
        kept = keep(tensor([2]));
        return { result: [relu(inner)] };
      });
      expect([inner?.disposed, kept?.disposed, result[0]?.disposed]).toEqual([true, false, false]);
      left.push(kept, result[0]);
    };
    expect(await tensorsLeftBy(run)).toBe(2);
    for (const each of left) each?.dispose();
  });

  it('is safe across awaits and with concurrent scopes', async () => {
    const results: Tensor[] = [];
    const run = async () => {
      const twenty = Array.from({ length: 20 }, (_, i) =>
        scope(async () => {
          const a = tensor([i]);
          await sleep(i % 3);
          const b = relu(a);
          await sleep((i + 1) % 3);
          expect([a.disposed, b.disposed]).toEqual([false, false]);
          return relu(b);
        }),
      );
      results.push(...(await Promise.all(twenty)));
    };
    expect(await tensorsLeftBy(run)).toBe(20);
    expect(await Promise.all(results.map(async (t) => (await t.data())[0]))).toEqual(
      results.map((_, i) => i % 20),
    );
    for (const t of results) t.dispose();
  });

  it('disposes everything when the function fails, and passes results to the scope around', async () => {
    const held: Tensor[] = []; // so that only dispose() can free them
    const hold = () => held.push(tensor([1]));
    const failing = tensorsLeftBy(async () => {
      expect(() =>
        scope(() => {
          hold();
          throw new Error('x');
        }),
      ).toThrow('x');
      await expect(
        scope(async () => {
          hold();
          await sleep(1);
          throw new Error('y');
        }),
      ).rejects.toThrow('y');
    });
    expect(await failing).toBe(0);
    const nested = tensorsLeftBy(() =>
      scope(() => {
        const inner = scope(() => tensor([1]));
        expect(inner.disposed).toBe(false);
        held.push(inner);
      }),
    );
    expect(await nested).toBe(0);
    expect(held.every((each) => each.disposed)).toBe(true);
  });

  it('awaits promises of other realms and other thenables', async () => {
    const foreign = vm.runInNewContext('(fn) => (async () => fn())()') as (
      fn: () => Promise<boolean>,
    ) => Promise<boolean>;
    const early = scope(() => {
      const inside = tensor([1]);
      return foreign(async () => {
        await sleep(1);
        return inside.disposed;
      });
    });
    expect(await early).toBe(false);

    let made: Tensor | undefined;
    const lazy = scope(() => ({
      // Work that begins when it is awaited, as that of query builders.
      // biome-ignore lint/suspicious/noThenProperty: this is what is tested
      then(resolve: (value: number) => void) {
        made = tensor([1]);
        resolve(7);
      },
    }));
    expect(await lazy).toBe(7);
    expect(made?.disposed).toBe(true);
  });

  it('disposes all when a getter of the result throws', () => {
    let inside: Tensor | undefined;
    expect(() =>
      scope(() => {
        inside = tensor([1]);
        return {
          get bad(): never {
            throw new Error('getter');
          },
        };
      }),
    ).toThrow('getter');
    expect(inside?.disposed).toBe(true);
  });
});

describe('memory', () => {
  it('counts live, allocated, peak and cached bytes', async () => {
    await sync();
    const before = bytes();
    const t = tensor(new Float32Array(1000));
    expect(bytes()).toBe(before + 4000);
    const r = t.reshape([10, 100]);
    expect(bytes()).toBe(before + 4000);
    t.dispose();
    expect(bytes()).toBe(before + 4000);
    r.dispose();
    expect(bytes()).toBe(before);
    const cpu = memory().find((entry) => entry.device === 'cpu');
    expect(cpu?.peak).toBeGreaterThanOrEqual(4000);
    expect(cpu?.cached).toBeGreaterThanOrEqual(4000);
  });

  it('refuses tensors larger than the machine at once', () => {
    const x = tensor([1]);
    expectRefusal(() => tensor(x as never), 'ERR_PARAM', 'data must be');
    const data = new Float32Array(4);
    expectRefusal(() => tensor(data, { shape: [2 ** 40, 2 ** 40] }), 'ERR_SHAPE', 'does not fit');
  });
});
