import { readdirSync, readFileSync } from 'node:fs';
import {
  bfloat16BitsToFloat,
  type FloatDType,
  finfo,
  floatToBfloat16Bits,
  floatToHalfBits,
  halfBitsToFloat,
} from '../../lib/dtype';
import {
  type CheckpointProgress,
  convertCheckpoint,
  ParamError,
  UnsupportedError,
} from '../../lib/index';
import { readNpy, writeNpy } from '../../lib/io/npy';
import {
  bytesOf,
  type Entry,
  parseSafetensors,
  safetensors,
  temporaryFolder,
  zip,
} from '../support/checkpoints';

const temp = temporaryFolder();
const { at, put } = temp;
afterAll(() => temp.remove());

const f32 = (...values: number[]): Entry => ({
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
});

/** Values at, below and above each border of the 16-bit types, ties among them, with both signs. */
function interesting(): number[] {
  const values = [0, 1, 1 / 3, Math.PI, Number.NaN, Number.POSITIVE_INFINITY, 3.4e38, 1e-45, 1e300];
  for (const dtype of ['float16', 'bfloat16', 'float32'] as const) {
    const { max, smallestNormal, smallestSubnormal, eps, maxexp, nmant } = finfo(dtype);
    const tie = max + 2 ** (maxexp - 2 - nmant);
    values.push(max, tie, smallestNormal, smallestSubnormal, smallestSubnormal / 2);
    values.push(
      smallestSubnormal * 0.75,
      smallestSubnormal * 1.5,
      smallestNormal - smallestSubnormal,
    );
    values.push(1 + eps, 1 + eps / 2, 1 + 1.5 * eps, 2 * tie, max - 1, smallestNormal * 1.5);
    for (const near of [tie, smallestSubnormal / 2, 1 + eps / 2]) {
      values.push(near * (1 + 2 ** -23), near * (1 - 2 ** -24), near * (1 + 2 ** -50));
    }
  }
  return values.flatMap((value) => [value, -value]);
}

const NARROW = { float16: floatToHalfBits, bfloat16: floatToBfloat16Bits } as const;
const WIDEN = { float16: halfBitsToFloat, bfloat16: bfloat16BitsToFloat } as const;

describe.each(['float32', 'float64'] as const)('%s', (from) => {
  test.each(['float16', 'bfloat16'] as const)('to %s: bits and counts', async (to) => {
    const data =
      from === 'float32' ? Float32Array.from(interesting()) : Float64Array.from(interesting());
    const code = from === 'float32' ? 'F32' : 'F64';
    const input = put(
      'in.safetensors',
      safetensors({ w: { dtype: code, shape: [data.length], data } }),
    );
    const report = await convertCheckpoint(input, at('out.safetensors'), { dtype: to });
    const { w } = parseSafetensors(at('out.safetensors')).tensors;
    const bits = Array.from(new Uint16Array((w as { bytes: Buffer }).bytes.buffer));
    expect(bits.map((b) => (Number.isNaN(WIDEN[to](b)) ? 'NaN' : b))).toEqual(
      Array.from(data, (x) => (Number.isNaN(x) ? 'NaN' : NARROW[to](x))),
    );
    const pairs = Array.from(data, (x) => [x, WIDEN[to](NARROW[to](x))] as const);
    const count = (is: (x: number, y: number) => boolean) =>
      pairs.filter(([x, y]) => is(x, y)).length;
    const counts = {
      elements: data.length,
      overflow: count((x, y) => Number.isFinite(x) && Math.abs(y) === Infinity),
      underflow: count((x, y) => x !== 0 && y === 0),
      subnormal: count((_, y) => y !== 0 && Math.abs(y) < finfo(to).smallestNormal),
      nan: 2,
      infinity: count((x) => Math.abs(x) === Infinity),
    };
    expect(report.counts).toEqual(counts);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
  });
});

test('float64 to float32 is rounded as Math.fround does', async () => {
  const data = Float64Array.from(interesting());
  const input = put(
    'in.safetensors',
    safetensors({ w: { dtype: 'F64', shape: [data.length], data } }),
  );
  const { counts } = await convertCheckpoint(input, at('out.safetensors'), { dtype: 'float32' });
  const { w } = parseSafetensors(at('out.safetensors')).tensors;
  const got = new Float32Array((w as { bytes: Buffer }).bytes.buffer);
  expect(Array.from(got)).toEqual(Array.from(data, Math.fround));
  const lost = Array.from(data).filter((x) => x !== 0 && Math.fround(x) === 0);
  const over = Array.from(data).filter(
    (x) => Number.isFinite(x) && !Number.isFinite(Math.fround(x)),
  );
  expect(counts).toMatchObject({ underflow: lost.length, overflow: over.length });
});

test.each(['float16', 'bfloat16'] as const)(
  '%s widened to float32 and back is the same file',
  async (half) => {
    // Every finite number of the type, and both infinities.
    const isNumber = (b: number) => !Number.isNaN(WIDEN[half](b));
    const data = Uint16Array.from(Array.from({ length: 65536 }, (_, b) => b).filter(isNumber));
    const dtype = half === 'float16' ? 'F16' : 'BF16';
    const entries = { w: { dtype, shape: [data.length], data } };
    const input = put('half.safetensors', safetensors(entries, { made: 'by a test' }));
    const up = await convertCheckpoint(input, at('wide.safetensors'), { dtype: 'float32' });
    expect(up.counts).toMatchObject({ overflow: 0, underflow: 0, infinity: 2, nan: 0 });
    await convertCheckpoint(at('wide.safetensors'), at('back.safetensors'), { dtype: half });
    const back = parseSafetensors(at('back.safetensors'));
    expect(back.tensors['w']?.bytes.equals(bytesOf(data))).toBe(true);
    expect(back.metadata).toEqual({ made: 'by a test' });
  },
);

const MIXED = {
  ids: { dtype: 'I64', shape: [], data: BigInt64Array.of(-5n) },
  mask: { dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
  'layer/w': { ...f32(1, 70000, 1e-9, -70000, Number.NaN, -0), shape: [2, 3] },
  'layer/b': f32(0.1),
  big: { dtype: 'U64', shape: [1], data: BigUint64Array.of(2n ** 63n) },
  f8: { dtype: 'F8_E4M3', shape: [5], data: Uint8Array.of(1, 2, 3, 4, 5) },
  none: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
} satisfies Record<string, Entry>;

test('what is no float is copied byte for byte; values are aligned, and the header is padded', async () => {
  const input = put('mixed.safetensors', safetensors(MIXED));
  const report = await convertCheckpoint(input, at('out.safetensors'), { dtype: 'float16' });
  const { tensors, headerBytes } = parseSafetensors(at('out.safetensors'));
  for (const name of ['ids', 'mask', 'big', 'f8'] as const) {
    expect(tensors[name]?.bytes.equals(bytesOf(MIXED[name].data))).toBe(true);
  }
  for (const { dtype, begin } of Object.values(tensors)) {
    expect(begin % (({ I64: 8, U64: 8, F16: 2 } as Record<string, number>)[dtype] ?? 1)).toBe(0);
  }
  expect(headerBytes % 8).toBe(0);
  expect(tensors['none']).toMatchObject({ dtype: 'F16', shape: [0, 4] });
  expect(report).toMatchObject({ converted: 3, copied: 4, kept: 0 });
  expect(report.tensors.map(({ name }) => name).sort()).toEqual(Object.keys(MIXED).sort());
  // Bytes: 8 + 3 + 24 + 4 + 8 + 5, of which the floats shrink to 12 and 2.
  expect(report).toMatchObject({ inputBytes: 52, outputBytes: 38 });
});

describe('policies', () => {
  const values = f32(1, 70000, -70000, Infinity, 1e-9);
  const run = async (options: Partial<Parameters<typeof convertCheckpoint>[2]>) => {
    const input = put('p.safetensors', safetensors({ w: values, fine: f32(0.5) }));
    const report = await convertCheckpoint(input, at('q.safetensors'), {
      dtype: 'float16',
      ...options,
    });
    const { w, fine } = parseSafetensors(at('q.safetensors')).tensors;
    return { report, w: w as NonNullable<typeof w>, fine: fine as NonNullable<typeof fine> };
  };
  const halves = (bytes: Buffer) => Array.from(new Uint16Array(bytes.buffer), halfBitsToFloat);

  test('infinity and round are the defaults', async () => {
    const { w, report } = await run({});
    expect(halves(w.bytes)).toEqual([1, Infinity, -Infinity, Infinity, 0]);
    expect(report.counts).toMatchObject({ overflow: 2, underflow: 1, infinity: 1 });
  });

  test('clamp leaves the infinities of the input', async () => {
    const { w, report } = await run({ onOverflow: 'clamp' });
    expect(halves(w.bytes)).toEqual([1, 65504, -65504, Infinity, 0]);
    expect(report.counts).toMatchObject({ overflow: 2, infinity: 1 });
  });

  test.each(['bfloat16', 'float32'] as const)('clamp to %s', async (dtype) => {
    const data = Float64Array.of(1e300, -1e300);
    const input = put('p.safetensors', safetensors({ w: { dtype: 'F64', shape: [2], data } }));
    await convertCheckpoint(input, at('q.safetensors'), { dtype, onOverflow: 'clamp' });
    await convertCheckpoint(at('q.safetensors'), at('r.safetensors'), { dtype: 'float32' });
    const { w } = parseSafetensors(at('r.safetensors')).tensors;
    const { max } = finfo(dtype as FloatDType);
    expect(Array.from(new Float32Array((w as { bytes: Buffer }).bytes.buffer))).toEqual([
      max,
      -max,
    ]);
  });

  test.each([
    ['onOverflow', 'overflow'],
    ['onUnderflow', 'underflow'],
  ] as const)('%s keep leaves the whole tensor as it is', async (policy, reason) => {
    const seen: CheckpointProgress[] = [];
    const { w, fine, report } = await run({ [policy]: 'keep', onProgress: (p) => seen.push(p) });
    expect(w.dtype).toBe('F32');
    expect(w.bytes.equals(bytesOf(values.data))).toBe(true);
    expect(fine.dtype).toBe('F16');
    const kept = report.tensors.find(({ name }) => name === 'w');
    expect(kept).toMatchObject({ action: 'kept', reason, from: 'float32', to: 'float32' });
    expect(kept?.counts).toMatchObject({ overflow: 2, underflow: 1 });
    expect(report.counts).toMatchObject({ elements: 1, overflow: 0 });
    expect(seen.map(({ phase, done, total }) => [phase, done, total])).toEqual([
      ['check', 20, 24],
      ['check', 24, 24],
      ['convert', 20, 24],
      ['convert', 24, 24],
    ]);
  });

  test('onSubnormal: 2^-24 is the least subnormal of float16, and 0 is none', async () => {
    const subnormal = f32(1, 2 ** -24, 0);
    const convert = async (onSubnormal: 'round' | 'keep' | 'error') => {
      const input = put('s.safetensors', safetensors({ w: subnormal }));
      const report = await convertCheckpoint(input, at('t.safetensors'), {
        dtype: 'float16',
        onSubnormal,
      });
      return { report, w: parseSafetensors(at('t.safetensors')).tensors['w'] };
    };
    const rounded = await convert('round');
    expect(rounded.w?.dtype).toBe('F16');
    expect(rounded.report.counts).toMatchObject({ subnormal: 1, underflow: 0 });
    const kept = await convert('keep');
    expect(kept.w?.dtype).toBe('F32');
    expect(kept.report.tensors[0]).toMatchObject({ action: 'kept', reason: 'subnormal' });
    await expect(convert('error')).rejects.toThrow(
      'tensor "w": 1 of 3 values become subnormal in float16, and onSubnormal is \'error\'',
    );
  });

  test.each([
    [{ onOverflow: 'error' }, 'tensor "w": 2 of 5 values are too large for float16 (65504)'],
    [{ onUnderflow: 'error' }, 'tensor "w": 1 of 5 values become zero in float16'],
  ] as const)('%o throws, and nothing is left', async (options, message) => {
    const before = readdirSync(temp.folder).sort();
    put('p.safetensors', safetensors({ w: values }));
    const out = at('never.safetensors');
    const failed = convertCheckpoint(at('p.safetensors'), out, { dtype: 'float16', ...options });
    await expect(failed).rejects.toThrow(ParamError);
    await expect(failed).rejects.toThrow(message);
    expect(readdirSync(temp.folder).sort()).toEqual(before);
  });
});

describe('names', () => {
  const convert = (options: Partial<Parameters<typeof convertCheckpoint>[2]>) =>
    convertCheckpoint(
      put('n.safetensors', safetensors({ 'a.w': f32(1), 'a.b': f32(2), 'c.w': f32(3) })),
      at('m.safetensors'),
      {
        dtype: 'float16',
        ...options,
      },
    );
  const converted = async (options: Parameters<typeof convert>[0]) =>
    (await convert(options)).tensors.filter((t) => t.action === 'converted').map((t) => t.name);

  test('include and exclude choose; flags with a state do no harm', async () => {
    expect(await converted({ include: /w$/ })).toEqual(['a.w', 'c.w']);
    expect(await converted({ include: /w$/g })).toEqual(['a.w', 'c.w']);
    expect(await converted({ exclude: /^a/y })).toEqual(['c.w']);
    expect(await converted({ include: /w$/, exclude: /^a/ })).toEqual(['c.w']);
    const { a } = { a: parseSafetensors(at('m.safetensors')).tensors['a.w'] };
    expect(a).toMatchObject({ dtype: 'F32', bytes: bytesOf(Float32Array.of(1)) });
  });

  test('rename takes a table or a function', async () => {
    await convert({ rename: { 'a.w': 'x', 'a.b': 'a.w' } });
    const { tensors } = parseSafetensors(at('m.safetensors'));
    expect(Object.keys(tensors)).toEqual(['x', 'a.w', 'c.w']);
    expect(halfBitsToFloat(tensors['a.w']?.bytes.readUInt16LE() ?? 0)).toBe(2);
    const { tensors: reported } = await convert({ rename: (name) => `model.${name}` });
    expect(reported[0]).toMatchObject({ name: 'a.w', outputName: 'model.a.w' });
  });

  test.each([
    [{ rename: { nope: 'x' } }, 'rename: there is no tensor "nope"'],
    [{ rename: { 'a.w': 'c.w' } }, 'tensors "a.w" and "c.w" would both be named "c.w"'],
    [{ rename: () => 'same' }, 'tensors "a.w" and "a.b" would both be named "same"'],
    [{ rename: () => '' }, 'rename of "a.w" must give a name'],
    [{ rename: { 'a.w': '__metadata__' } }, 'no tensor of a .safetensors file can be named'],
    [{ dtype: 'int8' as 'float16' }, 'dtype must be one of float16, bfloat16, float32, got int8'],
    [
      { onOverflow: 'wrap' as 'clamp' },
      'onOverflow must be one of infinity, clamp, keep, error, got wrap',
    ],
    [{ onUnderflow: 'clamp' as 'keep' }, 'onUnderflow must be one of round, keep, error'],
    [{ onSubnormal: 'zero' as 'keep' }, 'onSubnormal must be one of round, keep, error'],
    [{ include: 'w' as unknown as RegExp }, 'include must be a regular expression'],
    [{ maxTensorBytes: 0 }, 'maxTensorBytes must be a whole number from 1 on'],
    [{ maxTensorBytes: 3 }, 'tensor "a.w" has 4 bytes, maxTensorBytes allows 3'],
    [{ onOverlow: 'keep' } as object, 'unknown option "onOverlow", did you mean "onOverflow"?'],
  ])('%o throws', async (options, message) => {
    const failed = convert(options);
    await expect(failed).rejects.toThrow(ParamError);
    await expect(failed).rejects.toThrow(message);
  });

  test('options must be an object', async () => {
    const none = undefined as unknown as Parameters<typeof convertCheckpoint>[2];
    await expect(convertCheckpoint('a.npz', 'b.npz', none)).rejects.toThrow(
      'options must be an object, got undefined',
    );
  });

  test('files of other kinds are refused', async () => {
    const convertTo = (a: string, b: string) => convertCheckpoint(a, b, { dtype: 'float16' });
    await expect(convertTo('a.bin', 'b.npz')).rejects.toThrow(
      'input must be named .safetensors or .npz',
    );
    await expect(convertTo('a.npz', 'b.pt')).rejects.toThrow(
      'output must be named .safetensors or .npz',
    );
    await expect(convertTo(at('absent.npz'), 'b.npz')).rejects.toThrow('ENOENT');
  });
});

describe('.npz', () => {
  const array = { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 70000) } as const;
  const fortran = () => {
    const bytes = writeNpy(array);
    const text = Buffer.from(bytes).toString('latin1').replace('False', 'True ');
    return Buffer.from(text, 'latin1');
  };

  test.each([false, true])(
    'is read, compressed: %s, and written as NumPy does',
    async (compress) => {
      const labels = writeNpy({ dtype: 'int64', shape: [1], data: BigInt64Array.of(7n) });
      const files = [
        { name: 'deep/w.npy', data: writeNpy(array), compress },
        { name: 'labels.npy', data: labels, compress },
        { name: 'turned.npy', data: fortran(), compress },
      ];
      const input = put('a.npz', zip(files));
      const report = await convertCheckpoint(input, at('b.npz'), { dtype: 'float16' });
      expect(report).toMatchObject({ converted: 2, copied: 1, counts: { overflow: 2 } });
      await convertCheckpoint(at('b.npz'), at('c.safetensors'), { dtype: 'float32' });
      const { tensors } = parseSafetensors(at('c.safetensors'));
      const values = (name: string) =>
        Array.from(new Float32Array(tensors[name]?.bytes.buffer ?? new ArrayBuffer(0)));
      expect(values('deep/w')).toEqual([1, 2, 3, Infinity]);
      expect(values('turned')).toEqual([1, 3, 2, Infinity]);
      expect(tensors['labels']).toMatchObject({ dtype: 'I64', shape: [1] });
      // The first entry follows a local header of 30 bytes and its name.
      const head = 30 + 'deep/w.npy'.length;
      const npy = readFileSync(at('b.npz')).subarray(head, head + 128 + 8);
      expect(readNpy(npy)).toMatchObject({ dtype: 'float16', shape: [2, 2] });
    },
  );

  test('copies column-major arrays byte for byte', async () => {
    const input = put('a.npz', zip([{ name: 'turned.npy', data: fortran() }]));
    const options = { dtype: 'float16', exclude: /turned/ } as const;
    await convertCheckpoint(input, at('b.npz'), options);
    expect(readFileSync(at('b.npz')).includes(fortran())).toBe(true);
  });

  test('takes what a .safetensors file holds, and says what it cannot', async () => {
    const ok = put(
      'a.safetensors',
      safetensors({ w: f32(1, 2), none: MIXED.none }, { format: 'pt' }),
    );
    const report = await convertCheckpoint(ok, at('b.npz'), { dtype: 'float16' });
    expect(report.droppedMetadata).toEqual(['format']);
    const again = await convertCheckpoint(at('b.npz'), at('c.npz'), { dtype: 'float16' });
    expect(again.tensors.map((t) => [t.name, t.from, t.shape, t.reason])).toEqual([
      ['w', 'float16', [2], 'same type'],
      ['none', 'float16', [0, 4], 'same type'],
    ]);
    expect(readFileSync(at('c.npz')).equals(readFileSync(at('b.npz')))).toBe(true);
    const bf16 = convertCheckpoint(ok, at('d.npz'), { dtype: 'bfloat16' });
    await expect(bf16).rejects.toThrow(UnsupportedError);
    await expect(bf16).rejects.toThrow('a .npz file cannot hold bfloat16; a .safetensors file can');
    const f8 = put('u.safetensors', safetensors({ big: MIXED.f8 }));
    await expect(convertCheckpoint(f8, at('d.npz'), { dtype: 'float16' })).rejects.toThrow(
      'tensor "big": a .npz file cannot hold float8_e4m3',
    );
    for (const name of ['../w', '/w', 'a\\b', 'C:w']) {
      const failed = convertCheckpoint(ok, at('d.npz'), { dtype: 'float16', rename: { w: name } });
      await expect(failed).rejects.toThrow('no tensor of a .npz file can be named');
    }
  });
});

test('the output may be the input', async () => {
  const file = put('same.safetensors', safetensors({ w: f32(1, 2) }));
  await convertCheckpoint(file, file, { dtype: 'bfloat16' });
  expect(parseSafetensors(file).tensors['w']).toMatchObject({ dtype: 'BF16', shape: [2] });
});

test('an output that was there stays when the conversion fails', async () => {
  const input = put('p.safetensors', safetensors({ w: f32(70000) }));
  const output = put('old.safetensors', Buffer.from('old'));
  await expect(
    convertCheckpoint(input, output, { dtype: 'float16', onOverflow: 'error' }),
  ).rejects.toThrow();
  expect(readFileSync(output, 'utf8')).toBe('old');
});

describe.each(['safetensors', 'npz'])('an abort, to .%s', (extension) => {
  test('rejects with the reason, and nothing is left', async () => {
    const entries = { a: f32(1), b: f32(2), c: f32(3) };
    const input = put('abort.safetensors', safetensors(entries));
    const before = readdirSync(temp.folder).sort();
    const reason = new Error('enough');
    const stop = new AbortController();
    const seen: string[] = [];
    const failed = convertCheckpoint(input, at(`aborted.${extension}`), {
      dtype: 'float16',
      signal: stop.signal,
      onProgress: ({ name }) => {
        seen.push(name);
        if (name === 'b') stop.abort(reason);
      },
    });
    await expect(failed).rejects.toBe(reason);
    expect(seen).toEqual(['a', 'b']);
    expect(readdirSync(temp.folder).sort()).toEqual(before);
    const early = convertCheckpoint(input, at('x.npz'), {
      dtype: 'float16',
      signal: AbortSignal.abort(reason),
    });
    await expect(early).rejects.toBe(reason);
  });
});
