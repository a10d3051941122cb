import { isNarrowFloat } from '../../stored';
import type { DType } from '../../dtype';
import type { BatchQuery, NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { dataTypeName, dtypeOf } from '../decode-tensor';
import { perImageBatch } from './common';
import { castSizes } from './sizes';

const POWER_ROUNDINGS: ReadonlySet<string> = new Set(['up', 'down', 'nearest']);

/** `saturate` and `round_mode` only say something of float8; integers wrap. */
function convert(call: NodeCall, x: Value, to: DType): Value {
  const powerRounding = call.string('round_mode') ?? 'up';
  if (!POWER_ROUNDINGS.has(powerRounding)) {
    throw call.error(`round_mode must be up, down or nearest, got "${powerRounding}"`);
  }
  if (x.desc.dtype === to) return x;
  if (!isNarrowFloat(to)) return call.emit('cast', [x], { to });
  const saturate = (call.int('saturate') ?? 1) !== 0;
  return call.emit('cast', [x], {
    to,
    saturate,
    ...(to === 'float8e8m0' && { powerRounding }),
  });
}

function typeOf(call: NodeCall, what: string): DType {
  const code = call.int('to');
  if (code === undefined) throw call.error('attribute "to" is missing');
  const to = dtypeOf(code);
  if (!to) throw call.error(`a ${what} to ${dataTypeName(code)} is not supported`);
  return to;
}

const casts = {
  op: 'Cast',
  inputs: [1, 1],
  lower: (call: NodeCall) => convert(call, call.input(0), typeOf(call, 'cast')),
  sizes: castSizes,
  batch: perImageBatch,
} as const;

const castLikes = {
  op: 'CastLike',
  inputs: [2, 2],
  lower: (call: NodeCall) => convert(call, call.input(0), call.input(1).desc.dtype),
  // Of input 1 only the type is read.
  batch: (query: BatchQuery) => perImageBatch({ ...query, batched: query.batched.slice(0, 1) }),
} as const;

const bitcast: OpDefinition = {
  op: 'BitCast',
  since: 26,
  inputs: [1, 1],
  attributes: { to: 'int' },
  lower(call) {
    const to = typeOf(call, 'bitcast');
    const x = call.input(0);
    return x.desc.dtype === to ? x : call.emit('bitcast', [x], { to });
  },
  batch: perImageBatch,
};

const SATURATE = { saturate: 'int' } as const;
const ROUND = { ...SATURATE, round_mode: 'string' } as const;

/** Cast-6, 9, 13, 19, 24 ..., CastLike-15, 19, 24 ... and BitCast-26. */
export const CAST: readonly OpDefinition[] = [
  { ...casts, since: 6, attributes: { to: 'int' } },
  { ...casts, since: 19, attributes: { to: 'int', ...SATURATE } },
  { ...casts, since: 24, attributes: { to: 'int', ...ROUND } },
  { ...castLikes, since: 15 },
  { ...castLikes, since: 19, attributes: SATURATE },
  { ...castLikes, since: 24, attributes: ROUND },
  bitcast,
];
