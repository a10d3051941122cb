import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { computeOption, sameTypes } from './common';
import { concat, slice, transpose } from './move';
import { algebra, cast, scalar, wideType } from './scalar';
import { reshape } from './shape';

/** [b, s, heads * d] as [b, heads, s, d]; [b, heads, s, d] as it is. */
function splitHeads(call: NodeCall, x: Value, heads: number | undefined, attribute: string): Value {
  const { shape } = x.desc;
  if (shape.length === 4) return x;
  const [b = 0, s = 0, width = 0] = shape;
  if (shape.length !== 3) {
    throw call.error(`inputs must have 3 or 4 axes, got [${shape.join(', ')}]`);
  }
  if (!heads || width % heads !== 0) {
    throw call.error(`${attribute} must divide ${width}, got ${heads ?? 'none'}`);
  }
  return transpose(call, reshape(call, x, [b, s, heads, width / heads]), [0, 2, 1, 3]);
}

/** What is added to the scores: the mask, -Infinity for later positions and behind the end; undefined: nothing. */
function bias(call: NodeCall, q: number, kv: number, past: number, dtype: 'float32' | 'float64') {
  const a = algebra(call, dtype);
  const mask = call.optional(3);
  const lengths = call.optional(6);
  let sum: Value | undefined;
  const add = (part: Value) => {
    sum = sum ? a.add(sum, part) : part;
  };
  if (mask) {
    const wide =
      mask.desc.dtype === 'bool'
        ? a.where(mask, 0, Number.NEGATIVE_INFINITY)
        : cast(call, mask, dtype);
    const rank = wide.desc.shape.length;
    const given = wide.desc.shape[rank - 1] ?? 0;
    // A mask may end before the keys do: what it does not reach is masked out.
    add(
      given >= kv
        ? wide
        : call.emit('pad', [wide], {
            before: Array<number>(rank).fill(0),
            after: [...Array<number>(rank - 1).fill(0), kv - given],
            value: Number.NEGATIVE_INFINITY,
          }),
    );
  }
  const positions = (count: number, shape: readonly number[]) =>
    reshape(call, call.emit('arange', [], { stop: count, dtype: 'int64' }), shape);
  const masked = (condition: Value) => a.where(condition, Number.NEGATIVE_INFINITY, 0);
  if ((call.int('is_causal') ?? 0) !== 0) {
    const rows = positions(q, [q, 1]);
    const columns = positions(kv, [1, kv]);
    const offset = lengths
      ? reshape(call, call.emit('sub', [lengths, scalar(call, q, 'int64')]), [
          lengths.desc.shape[0] ?? 1,
          1,
          1,
          1,
        ])
      : scalar(call, past, 'int64');
    add(masked(call.emit('less', [call.emit('add', [rows, offset]), columns])));
  }
  if (lengths) {
    const ends = reshape(call, lengths, [lengths.desc.shape[0] ?? 1, 1, 1, 1]);
    add(masked(call.emit('greaterEqual', [positions(kv, [1, 1, 1, kv]), ends])));
  }
  return sum;
}

/** The two products of attention, where several heads of Q [b, heads, q, d] share one of K [b, groups, kv, d]. */
function groupHeads(call: NodeCall, query: Value, key: Value) {
  const [b = 0, heads = 0, q = 0, d = 0] = query.desc.shape;
  const [, groups = 0, kv = 0] = key.desc.shape;
  if (groups === 0 || heads % groups !== 0) {
    throw call.error(`${heads} heads of Q must be a multiple of ${groups} heads of K`);
  }
  // Heads that share keys are rows of one product.
  const rows = (x: Value, size: number) =>
    reshape(call, x, [b, groups, (heads / groups) * q, size]);
  const compute = computeOption(call);
  return {
    ...{ b, heads, q, d, kv },
    /** Q K^T scale as `wide` [b, heads, q, kv]. */
    scores(scale: number, wide: 'float32' | 'float64'): Value {
      const product = call.emit('matmul', [rows(query, d), key], {
        transB: true,
        ...compute,
        ...(compute.compute === 'float16' ? {} : { outputDType: wide }),
      });
      const all = reshape(call, cast(call, product, wide), [b, heads, q, kv]);
      return algebra(call, wide).mul(all, scale);
    },
    /** Weights [b, heads, q, kv] times V [b, groups, kv, width], in the type of V. */
    mix(weights: Value, value: Value): Value {
      const narrow = cast(call, weights, value.desc.dtype);
      const mixed = call.emit('matmul', [rows(narrow, kv), value], compute);
      return reshape(call, mixed, [b, heads, q, value.desc.shape[3] ?? 0]);
    },
  };
}

/**
 * Attention-23, 24: softmax(softcap(Q * K^T * scale) + mask) * V, with past keys and values in front, several query heads
 * to a key head, and rows that are masked out entirely giving 0. Scores are float32 for 16-bit inputs.
 */
const attention: OpDefinition = {
  op: 'Attention',
  since: 23,
  inputs: [3, 7],
  outputs: 4,
  sums: true,
  attributes: {
    is_causal: 'int',
    kv_num_heads: 'int',
    q_num_heads: 'int',
    qk_matmul_output_mode: 'int',
    scale: 'float',
    softcap: 'float',
    softmax_precision: 'int',
  },
  lower(call) {
    const { dtype } = call.input(0).desc;
    const wide = wideType(dtype) === 'float64' ? 'float64' : 'float32';
    const a = algebra(call, wide);
    const flat = call.input(0).desc.shape.length === 3;
    const query = splitHeads(call, call.input(0), call.int('q_num_heads'), 'q_num_heads');
    const joined = (index: number, past: number) => {
      const now = splitHeads(call, call.input(index), call.int('kv_num_heads'), 'kv_num_heads');
      const before = call.optional(past);
      return before ? concat(call, [before, now], 2) : now;
    };
    const [key, value] = [joined(1, 4), joined(2, 5)];
    const grouped = groupHeads(call, query, key);
    const { b, heads, q, d, kv } = grouped;
    const width = value.desc.shape[3] ?? 0;
    const scores = grouped.scores(call.float('scale') ?? 1 / Math.sqrt(d), wide);

    const cap = call.float('softcap') ?? 0;
    const capped = cap === 0 ? scores : a.mul(a.tanh(a.div(scores, cap)), cap);
    const mask = bias(call, q, kv, kv - (call.input(1).desc.shape.at(-2) ?? 0), wide);
    const biased = mask ? a.add(capped, mask) : capped;
    let weights = call.emit('softmax', [biased], { axis: 3 });
    if (mask) {
      const most = a.reduce('reduceMax', mask, [mask.desc.shape.length - 1]);
      weights = a.where(a.equal(most, Number.NEGATIVE_INFINITY), 0, weights);
    }
    const mode = call.int('qk_matmul_output_mode') ?? 0;
    const shown = [scores, capped, biased, weights][mode];
    if (!shown) throw call.error(`qk_matmul_output_mode must lie in [0, 3], got ${mode}`);

    const y = grouped.mix(weights, value);
    const merged = flat
      ? reshape(call, transpose(call, y, [0, 2, 1, 3]), [b, q, heads * width])
      : y;
    return [merged, key, value, cast(call, shown, dtype)];
  },
};

/** RotaryEmbedding-23: pairs of numbers of each head are turned by an angle that depends on the position. */
const rotaryEmbedding: OpDefinition = {
  op: 'RotaryEmbedding',
  since: 23,
  inputs: [3, 4],
  attributes: { interleaved: 'int', num_heads: 'int', rotary_embedding_dim: 'int' },
  lower(call) {
    const given = call.input(0);
    const { dtype, shape } = given.desc;
    if (shape.length !== 3 && shape.length !== 4)
      throw call.error(`input 0 must have 3 or 4 axes, got [${shape.join(', ')}]`);
    // [b, s, heads, d] inside, whatever comes.
    const flat = shape.length === 3;
    const [b = 0, second = 0, third = 0] = shape;
    const heads = flat ? (call.int('num_heads') ?? 0) : second;
    if (heads <= 0) throw call.error('num_heads must be given for an input of 3 axes');
    const s = flat ? second : third;
    const d = flat ? third / heads : (shape[3] ?? 0);
    const x = flat ? reshape(call, given, [b, s, heads, d]) : transpose(call, given, [0, 2, 1, 3]);
    const turned = call.int('rotary_embedding_dim') || d;
    const half = turned / 2;
    if (!Number.isInteger(half) || turned < 0 || turned > d) {
      throw call.error(`rotary_embedding_dim must be even and at most ${d}, got ${turned}`);
    }
    const a = algebra(call, dtype);
    const angles = (index: number): Value => {
      const cache = call.input(index);
      const ids = call.optional(3);
      const wanted = ids ? [cache.desc.shape[0] ?? 0, half] : [b, s, half];
      if (cache.desc.shape.join() !== wanted.join()) {
        throw call.error(
          `input ${index} must have the shape [${wanted.join(', ')}], got [${cache.desc.shape.join(', ')}]`,
        );
      }
      if (!ids) return reshape(call, cache, [b, s, 1, half]);
      return reshape(call, rowsAt(call, cache, ids, b * s), [b, s, 1, half]);
    };
    sameTypes(call, [given, call.input(1), call.input(2)]);
    const [cos, sin] = [angles(1), angles(2)];
    const interleaved = (call.int('interleaved') ?? 0) !== 0;
    const front = turned === d ? x : slice(call, x, 3, 0, turned);
    const pick = (part: number) =>
      interleaved
        ? slice(call, front, 3, part, turned, 2)
        : slice(call, front, 3, part * half, (part + 1) * half);
    const [re, im] = [pick(0), pick(1)];
    const real = a.sub(a.mul(cos, re), a.mul(sin, im));
    const imaginary = a.add(a.mul(sin, re), a.mul(cos, im));
    const column = [b, s, heads, half, 1];
    const joined = interleaved
      ? reshape(
          call,
          concat(call, [reshape(call, real, column), reshape(call, imaginary, column)], 4),
          [b, s, heads, turned],
        )
      : concat(call, [real, imaginary], 3);
    const whole = turned === d ? joined : concat(call, [joined, slice(call, x, 3, turned, d)], 3);
    return flat ? reshape(call, whole, shape) : transpose(call, whole, [0, 2, 1, 3]);
  },
};

/** Rows of a table [n, width] at `count` positions. */
const rowsAt = (call: NodeCall, table: Value, ids: Value, count: number): Value =>
  call.emit('gather', [table, reshape(call, ids, [count])]);

/** What a graph of the node makes of scores, which it takes in the type that it declares. */
function changed(call: NodeCall, name: string, scores: Value): Value {
  const graph = call.attribute(name, 'graph');
  if (!graph) return scores;
  const { dtype, shape } = scores.desc;
  const declared = graph.inputs[0]?.dtype ?? dtype;
  if (declared === 'string') throw call.error(`its graph "${name}" must take scores, not strings`);
  const [made] = call.inline(name, [cast(call, scores, declared)]);
  if (!made || made.desc.shape.join() !== shape.join()) {
    throw call.error(
      `its graph "${name}" must give [${shape.join(', ')}], it gives [${String(made?.desc.shape)}]`,
    );
  }
  return cast(call, made, dtype);
}

/** FlexAttention-1 of ai.onnx.preview: softmax(Q K^T scale) V of [b, heads, s, d], with graphs that change scores and weights. */
const flexAttention: OpDefinition = {
  op: 'FlexAttention',
  domain: 'ai.onnx.preview',
  since: 1,
  inputs: [3, 3],
  attributes: { scale: 'float', score_mod: 'graph', prob_mod: 'graph' },
  sums: true,
  lower(call) {
    const query = call.input(0);
    for (const index of [0, 1, 2]) {
      const { shape } = call.input(index).desc;
      if (shape.length !== 4) {
        throw call.error(`input ${index} must have 4 axes, got [${shape.join(', ')}]`);
      }
    }
    const wide = wideType(query.desc.dtype) === 'float64' ? 'float64' : 'float32';
    const grouped = groupHeads(call, query, call.input(1));
    const scores = grouped.scores(call.float('scale') ?? 1 / Math.sqrt(grouped.d), wide);
    const weights = call.emit('softmax', [changed(call, 'score_mod', scores)], { axis: 3 });
    return grouped.mix(changed(call, 'prob_mod', weights), call.input(2));
  },
};

export const ATTENTION: readonly OpDefinition[] = [attention, flexAttention, rotaryEmbedding];
