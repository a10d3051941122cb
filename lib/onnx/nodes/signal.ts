import type { DType } from '../../dtype';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { dataTypeName, dtypeOf } from '../decode-tensor';
import { algebra, axisOf, cast } from './scalar';
import { countUp, number, reshape } from './shape';

/** Windows, spectra and their weights. All is computed in float64 and rounded once. */

/** The type that an attribute names; float32 where it is left out. */
function outputType(call: NodeCall): DType {
  const code = call.int('output_datatype') ?? 1;
  const dtype = dtypeOf(code);
  if (!dtype) throw call.error(`a result of ${dataTypeName(code)} is not supported`);
  return dtype;
}

/** A number that must be known and whole. */
function whole(call: NodeCall, index: number, what: string, least: number): number | undefined {
  const value = number(call, index);
  if (value !== undefined && (!Number.isInteger(value) || value < least)) {
    throw call.error(`${what} must be a whole number of ${least} or more, got ${value}`);
  }
  return value;
}

/** Windows of this kind: the sum of c[k] cos(2 pi k i / n), with n the size or, where symmetric, one less. */
const cosineWindow = (op: string, coefficients: readonly number[]): OpDefinition => ({
  op,
  since: 17,
  inputs: [1, 1],
  attributes: { output_datatype: 'int', periodic: 'int' },
  lower(call) {
    const size = whole(call, 0, 'size', 0) ?? 0;
    const period = (call.int('periodic') ?? 1) !== 0 ? size : size - 1;
    const a = algebra(call, 'float64');
    const at = call.emit('arange', [], { stop: size, dtype: 'float64' });
    // A window of one value has no period.
    const angle = a.mul(at, (2 * Math.PI) / Math.max(period, 1));
    const [first = 0, ...rest] = coefficients;
    const sum = rest.reduce(
      (y, c, k) => a.add(y, a.mul(call.emit('cos', [a.mul(angle, k + 1)]), c)),
      a.mul(at, 0),
    );
    return cast(call, a.add(sum, first), outputType(call));
  },
});

/** MelWeightMatrix-17: triangles over the bins of a spectrum, equally wide in mel. All inputs are known. */
const melWeightMatrix: OpDefinition = {
  op: 'MelWeightMatrix',
  since: 17,
  inputs: [5, 5],
  attributes: { output_datatype: 'int' },
  lower(call) {
    const bands = whole(call, 0, 'num_mel_bins', 0) ?? 0;
    const length = whole(call, 1, 'dft_length', 1) ?? 1;
    const rate = whole(call, 2, 'sample_rate', 1) ?? 1;
    const bins = Math.floor(length / 2) + 1;
    if (bins * bands > MAX_CONSTANT) {
      throw call.error(`a matrix [${bins}, ${bands}] is too large`);
    }
    const mel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700);
    const [low, high] = [mel(number(call, 3) ?? 0), mel(number(call, 4) ?? 0)];
    const edges = Array.from({ length: bands + 2 }, (_, i) => {
      const hertz = 700 * (10 ** ((low + (i * (high - low)) / (bands + 2)) / 2595) - 1);
      return Math.floor(((length + 1) * hertz) / rate);
    });
    if (edges.some((edge) => !(edge >= 0 && edge < bins))) {
      throw call.error(
        `the edges must lie in the spectrum of ${bins} bins, got ${edges.join(', ')}`,
      );
    }
    const data = new Float64Array(bins * bands);
    for (let band = 0; band < bands; band++) {
      const [begin = 0, centre = 0, end = 0] = edges.slice(band, band + 3);
      for (let bin = begin; bin <= centre; bin++) {
        data[bin * bands + band] = centre === begin ? 1 : (bin - begin) / (centre - begin);
      }
      for (let bin = centre; bin < end; bin++) {
        data[bin * bands + band] = (end - bin) / (end - centre);
      }
    }
    const matrix = call.constant({ dtype: 'float64', shape: [bins, bands], data });
    return cast(call, matrix, outputType(call));
  },
};

/** Values of a constant that is made here: 2^24 of float64 are 128 MiB. */
const MAX_CONSTANT = 2 ** 24;
const MAX_LENGTH = Math.sqrt(MAX_CONSTANT);

/** [rows, columns] of f(2 pi row column / length), the angle being reduced exactly. */
function twiddles(
  call: NodeCall,
  length: number,
  [rows, columns]: readonly [number, number],
  f: (angle: number, row: number) => number,
): Value {
  const data = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const angle = (2 * Math.PI * ((row * column) % length)) / length;
      data[row * columns + column] = f(angle, row);
    }
  }
  return call.constant({ dtype: 'float64', shape: [rows, columns], data });
}

/** A complex number, or one whose imaginary part is 0. */
interface Complex {
  readonly re: Value;
  readonly im: Value | undefined;
}

function checkLength(call: NodeCall, length: number): void {
  if (length < 1 || length > MAX_LENGTH) {
    throw call.error(`a transform must have 1 to ${MAX_LENGTH} points, got ${length}`);
  }
}

/** The transform of `length` values along the last axis, of which the first `bins` are wanted. */
function transform(
  call: NodeCall,
  x: Complex,
  length: number,
  bins: number,
  inverse: boolean,
): Complex {
  const a = algebra(call, 'float64');
  const scale = inverse ? 1 / length : 1;
  const sign = inverse ? scale : -scale;
  const cos = twiddles(call, length, [length, bins], (angle) => scale * Math.cos(angle));
  const sin = twiddles(call, length, [length, bins], (angle) => sign * Math.sin(angle));
  const product = (p: Value, q: Value) => call.emit('matmul', [p, q]);
  if (!x.im) return { re: product(x.re, cos), im: product(x.re, sin) };
  return {
    re: a.sub(product(x.re, cos), product(x.im, sin)),
    im: a.add(product(x.re, sin), product(x.im, cos)),
  };
}

/** The real signal of `length` values whose spectrum begins with x: the other half mirrors it. */
function realSignal(call: NodeCall, x: Complex, length: number): Value {
  const bins = Math.floor(length / 2) + 1;
  const twice = (row: number) => (row === 0 || 2 * row === length ? 1 : 2) / length;
  const cos = twiddles(call, length, [bins, length], (angle, row) => twice(row) * Math.cos(angle));
  const re = call.emit('matmul', [x.re, cos]);
  if (!x.im) return re;
  const sin = twiddles(call, length, [bins, length], (angle, row) => twice(row) * Math.sin(angle));
  return algebra(call, 'float64').sub(re, call.emit('matmul', [x.im, sin]));
}

/** The first `count` entries along an axis, with zeros behind the last. */
function resize(call: NodeCall, x: Value, axis: number, count: number): Value {
  const size = x.desc.shape[axis] as number;
  if (count === size) return x;
  if (count < size) return call.emit('slice', [x], { starts: [0], ends: [count], axes: [axis] });
  const none = x.desc.shape.map(() => 0);
  const after = none.map((_, k) => (k === axis ? count - size : 0));
  return call.emit('pad', [x], { before: none, after });
}

/** The parts of [.., n, 1] or [.., n, 2]. */
function complexOf(call: NodeCall, x: Value): Complex {
  const { shape } = x.desc;
  const [last, lead] = [shape.at(-1), shape.slice(0, -1)];
  if (shape.length < 2 || (last !== 1 && last !== 2)) {
    throw call.error(`the last axis must hold 1 or 2 parts, got [${shape.join(', ')}]`);
  }
  const wide = cast(call, x, 'float64');
  const part = (k: number) => {
    const one = { starts: [k], ends: [k + 1], axes: [shape.length - 1] };
    return reshape(call, last === 1 ? wide : call.emit('slice', [wide], one), lead);
  };
  return { re: part(0), im: last === 2 ? part(1) : undefined };
}

/** [.., n, 2] of a complex result. */
function joined(call: NodeCall, { re, im }: Complex): Value {
  const shape = [...re.desc.shape, 1];
  const parts = [re, im].flatMap((part) => (part ? [reshape(call, part, shape)] : []));
  return call.emit('concat', parts, { axis: shape.length - 1 });
}

function dft(call: NodeCall, givenAxis: number): Value {
  const x = call.input(0);
  const rank = x.desc.shape.length;
  const axis = axisOf(call, givenAxis, rank);
  if (axis === rank - 1) throw call.error('the transform is not along the parts of a number');
  const inverse = (call.int('inverse') ?? 0) !== 0;
  const onesided = (call.int('onesided') ?? 0) !== 0;
  const given = x.desc.shape[axis] as number;
  const toReal = inverse && onesided;
  const length = whole(call, 1, 'dft_length', 1) ?? (toReal ? 2 * (given - 1) : given);
  checkLength(call, length);
  const parts = complexOf(call, x);
  const half = Math.floor(length / 2) + 1;
  // The axis as the last one, and back.
  const order = Array.from({ length: rank - 1 }, (_, k) => k);
  const perm = [...order.filter((k) => k !== axis), axis];
  const moved = (value: Value, to: readonly number[]) =>
    to.every((k, i) => k === i) ? value : call.emit('transpose', [value], { perm: to });
  const prepared = (value: Value) =>
    resize(call, moved(value, perm), rank - 2, toReal ? half : length);
  const series: Complex = { re: prepared(parts.re), im: parts.im && prepared(parts.im) };
  const back = (value: Value) =>
    moved(
      value,
      order.map((k) => perm.indexOf(k)),
    );
  const { dtype } = x.desc;
  if (toReal) {
    const signal = back(realSignal(call, series, length));
    return cast(call, reshape(call, signal, [...signal.desc.shape, 1]), dtype);
  }
  if (onesided && series.im)
    throw call.error('one side of a spectrum is that of real numbers only');
  const { re, im } = transform(call, series, length, onesided ? half : length, inverse);
  return cast(call, joined(call, { re: back(re), im: im && back(im) }), dtype);
}

/** DFT-17: the axis is an attribute; DFT-20: an input. */
const DFT: readonly OpDefinition[] = [
  {
    op: 'DFT',
    since: 17,
    inputs: [1, 2],
    attributes: { axis: 'int', inverse: 'int', onesided: 'int' },
    lower: (call) => dft(call, call.int('axis') ?? 1),
  },
  {
    op: 'DFT',
    since: 20,
    inputs: [1, 3],
    attributes: { inverse: 'int', onesided: 'int' },
    lower: (call) => dft(call, number(call, 2) ?? -2),
  },
];

/** STFT-17: transforms of frames of a signal [b, n, 1] or [b, n, 2], to [b, frames, bins, 2]. */
const stft: OpDefinition = {
  op: 'STFT',
  since: 17,
  inputs: [2, 4],
  attributes: { onesided: 'int' },
  lower(call) {
    const x = call.input(0);
    const { shape, dtype } = x.desc;
    if (shape.length !== 3)
      throw call.error(`the signal must be [b, n, 1] or [b, n, 2], got [${shape.join(', ')}]`);
    const step = whole(call, 1, 'frame_step', 1) ?? 1;
    const window = call.optional(2);
    const length = whole(call, 3, 'frame_length', 1) ?? window?.desc.shape[0];
    if (length === undefined) throw call.error('a window or frame_length must be given');
    if (window && window.desc.shape.join() !== `${length}`) {
      throw call.error(
        `the window must have ${length} values, got [${window.desc.shape.join(', ')}]`,
      );
    }
    checkLength(call, length);
    const size = shape[1] as number;
    if (length > size)
      throw call.error(`a frame of ${length} is longer than the signal of ${size}`);
    const frames = Math.floor((size - length) / step) + 1;
    const onesided = (call.int('onesided') ?? 1) !== 0;
    const a = algebra(call, 'float64');
    const whole64 = algebra(call, 'int64');
    const begins = whole64.mul(countUp(call, frames, 0, [frames, 1]), step);
    const places = whole64.add(begins, countUp(call, length, 0, [1, length]));
    const factor = window && cast(call, window, 'float64');
    const framed = (value: Value) => {
      const taken = call.emit('gather', [value, places], { axis: 1 });
      return factor ? a.mul(taken, factor) : taken;
    };
    const parts = complexOf(call, x);
    if (onesided && parts.im)
      throw call.error('one side of a spectrum is that of real numbers only');
    const series: Complex = { re: framed(parts.re), im: parts.im && framed(parts.im) };
    const bins = onesided ? Math.floor(length / 2) + 1 : length;
    return cast(call, joined(call, transform(call, series, length, bins, false)), dtype);
  },
};

export const SIGNAL: readonly OpDefinition[] = [
  cosineWindow('HannWindow', [0.5, -0.5]),
  cosineWindow('HammingWindow', [25 / 46, -21 / 46]),
  cosineWindow('BlackmanWindow', [0.42, -0.5, 0.08]),
  melWeightMatrix,
  ...DFT,
  stft,
];
