import type { Constant } from '../../graph/ir';
import type { OpDefinition } from '../../graph/op-set';
import { textOf } from '../../graph/passes/fold';
import { attributeOf } from '../../graph/op-set';

const int64 = (values: readonly (number | bigint)[], shape: readonly number[]): Constant => ({
  dtype: 'int64',
  shape,
  data: BigInt64Array.from(values, BigInt),
});

const float32 = (values: readonly number[], shape: readonly number[]): Constant => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
});

/** Constant-1, 9, 11, 12, 13 ... with one of these attributes. */
const constant: OpDefinition = {
  op: 'Constant',
  since: 1,
  inputs: [0, 0],
  attributes: {
    value: 'values',
    value_string: 'string',
    value_strings: 'strings',
    value_float: 'float',
    value_floats: 'floats',
    value_int: 'int',
    value_ints: 'ints',
  },
  lower(call) {
    const { node } = call;
    const tensor = call.tensor('value');
    const int = attributeOf(node, 'value_int', 'int');
    const ints = attributeOf(node, 'value_ints', 'ints');
    const float = attributeOf(node, 'value_float', 'float');
    const floats = attributeOf(node, 'value_floats', 'floats');
    const given = [
      tensor,
      int === undefined ? undefined : int64([int], []),
      ints && int64(ints, [ints.length]),
      float === undefined ? undefined : float32([float], []),
      floats && float32(floats, [floats.length]),
    ].filter((value) => value !== undefined);
    const [value] = given;
    if (!value || given.length > 1) {
      throw call.error(`exactly one attribute must hold the value, got ${given.length}`);
    }
    return call.constant(value);
  },
  host(call) {
    const value = textOf(call.node);
    if (!value) throw call.error('exactly one attribute must hold the value');
    return value;
  },
  batch: () => ({ ok: true }),
};

export const CONSTANT: readonly OpDefinition[] = [constant];
