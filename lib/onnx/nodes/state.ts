import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { computeOption, sameTypes } from './common';
import { algebra, cast, wideType } from './scalar';
import { reshape } from './shape';

/** Layers that carry a state from one part of a series to the next. */

/** CausalConvWithState-27: a convolution of each channel [b, c, n] with the values before it, of which the last are kept. */
const causalConvWithState: OpDefinition = {
  op: 'CausalConvWithState',
  since: 27,
  inputs: [2, 4],
  outputs: 2,
  attributes: { activation: 'string' },
  sums: true,
  lower(call) {
    const [x, w] = sameTypes(call, [call.input(0), call.input(1)]) as [Value, Value];
    const { shape, dtype } = x.desc;
    const [b = 0, channels = 0] = shape;
    const [filters, perGroup, size = 0] = w.desc.shape;
    const fits = shape.length === 3 && w.desc.shape.length === 3 && perGroup === 1;
    if (!fits || filters !== channels || size < 1) {
      throw call.error(
        `x must be [b, c, n] and the weight [c, 1, k], got [${shape.join(', ')}] and [${w.desc.shape.join(', ')}]`,
      );
    }
    const past = call.optional(3) ?? full(call, [b, channels, size - 1], x);
    if (past.desc.shape.join() !== [b, channels, size - 1].join()) {
      throw call.error(
        `past_state must be [${b}, ${channels}, ${size - 1}], got [${past.desc.shape.join(', ')}]`,
      );
    }
    const series = call.emit('concat', [past, x], { axis: 2 });
    const length = series.desc.shape[2] as number;
    const bias = call.optional(2);
    const inputs = [
      reshape(call, series, [b, channels, 1, length]),
      reshape(call, w, [channels, 1, 1, size]),
      ...(bias ? [bias] : []),
    ];
    const image = call.emit('conv2d', inputs, {
      layout: 'NCHW',
      filterLayout: 'OIHW',
      padding: 'valid',
      groups: channels,
      ...computeOption(call),
    });
    const kept = { starts: [length - size + 1], ends: [length], axes: [2] };
    const y = reshape(call, image, [b, channels, length - size + 1]);
    return [activated(call, y), cast(call, call.emit('slice', [series], kept), dtype)];
  },
};

const full = (call: NodeCall, shape: readonly number[], like: Value): Value =>
  call.emit('full', [], { shape, value: 0, dtype: like.desc.dtype });

function activated(call: NodeCall, y: Value): Value {
  const activation = call.string('activation') ?? 'none';
  if (activation === 'none') return y;
  if (activation !== 'silu' && activation !== 'swish') {
    throw call.error(`activation must be none, silu or swish, got "${activation}"`);
  }
  const { dtype } = y.desc;
  const wide = wideType(dtype);
  const a = algebra(call, wide);
  const x = cast(call, y, wide);
  return cast(call, a.mul(x, a.sigmoid(x)), dtype);
}

const RULES: Readonly<Record<string, { readonly decays: boolean; readonly corrects: boolean }>> = {
  linear: { decays: false, corrects: false },
  gated: { decays: true, corrects: false },
  delta: { decays: false, corrects: true },
  gated_delta: { decays: true, corrects: true },
};

/**
 * LinearAttention-27: for each step of a series, S = exp(decay) S + k w and y = scale q S, with w = v, or, where the rule
 * corrects, w = beta (v - k S). A step is a few calls: long series are long plans. Computed in float32.
 */
const linearAttention: OpDefinition = {
  op: 'LinearAttention',
  since: 27,
  inputs: [3, 6],
  outputs: 2,
  attributes: { kv_num_heads: 'int', q_num_heads: 'int', scale: 'float', update_rule: 'string' },
  lower(call) {
    const query = call.input(0);
    const { dtype, shape } = query.desc;
    const [b = 0, steps = 0, width = 0] = shape;
    const [heads, groups] = [call.int('q_num_heads') ?? 0, call.int('kv_num_heads') ?? 0];
    if (shape.length !== 3 || heads < 1 || groups < 1 || heads % groups !== 0) {
      throw call.error(
        `q_num_heads ${heads} must be a multiple of kv_num_heads ${groups}, and the query [b, t, heads * d], got [${shape.join(', ')}]`,
      );
    }
    const name = call.string('update_rule') ?? 'gated_delta';
    const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
    if (!rule)
      throw call.error(`update_rule must be ${Object.keys(RULES).join(', ')}, got "${name}"`);
    const [decay, beta] = [call.optional(4), call.optional(5)];
    if ((decay !== undefined) !== rule.decays || (beta !== undefined) !== rule.corrects) {
      throw call.error(`the inputs decay and beta do not fit the update_rule ${name}`);
    }
    const a = algebra(call, 'float32');
    /** [b, t, n * size] as [t, b, n, size] in float32. */
    const series = (x: Value, n: number): Value => {
      const size = (x.desc.shape[2] ?? 0) / n;
      if (x.desc.shape.length !== 3 || !Number.isInteger(size)) {
        throw call.error(`${n} heads do not divide [${x.desc.shape.join(', ')}]`);
      }
      const split = reshape(call, x, [b, steps, n, size]);
      return cast(call, call.emit('transpose', [split], { perm: [1, 0, 2, 3] }), 'float32');
    };
    const d = width / heads;
    const scale = call.float('scale') ?? 1 / Math.sqrt(d);
    const all = {
      query: series(query, heads),
      key: series(call.input(1), groups),
      value: series(call.input(2), groups),
      decay: decay && a.exp(series(decay, groups)),
      beta: beta && series(beta, beta.desc.shape[2] === 1 ? 1 : groups),
    };
    const valueSize = all.value.desc.shape[3] as number;
    const past = call.optional(3);
    const zeros = { shape: [b, groups, d, valueSize], value: 0, dtype: 'float32' };
    let state = past ? cast(call, past, 'float32') : call.emit('full', [], zeros);
    if (state.desc.shape.join() !== zeros.shape.join()) {
      throw call.error(
        `past_state must be [${zeros.shape.join(', ')}], got [${state.desc.shape.join(', ')}]`,
      );
    }
    const results: Value[] = [];
    for (let t = 0; t < steps; t++) {
      /** Step t of a series, as a column or a row for each head. */
      const at = (x: Value, rows: number, columns: number): Value => {
        const part = call.emit('slice', [x], { starts: [t], ends: [t + 1], axes: [0] });
        return reshape(call, part, [b, x.desc.shape[2] as number, rows, columns]);
      };
      if (all.decay) state = a.mul(state, at(all.decay, all.decay.desc.shape[3] as number, 1));
      const key = at(all.key, d, 1);
      let write = at(all.value, 1, valueSize);
      if (all.beta) {
        const recalled = call.emit('matmul', [at(all.key, 1, d), state]);
        write = a.mul(a.sub(write, recalled), at(all.beta, 1, 1));
      }
      state = a.add(state, a.mul(key, write));
      // Heads that share a state are rows of one product.
      const rows = call.emit('slice', [all.query], { starts: [t], ends: [t + 1], axes: [0] });
      const read = reshape(call, rows, [b, groups, heads / groups, d]);
      results.push(reshape(call, call.emit('matmul', [read, state]), [b, 1, heads * valueSize]));
    }
    const y =
      results.length > 0
        ? a.mul(call.emit('concat', results, { axis: 1 }), scale)
        : call.emit('full', [], { ...zeros, shape: [b, 0, heads * valueSize] });
    return [cast(call, y, dtype), cast(call, state, (past ?? query).desc.dtype)];
  },
};

export const STATE: readonly OpDefinition[] = [causalConvWithState, linearAttention];
