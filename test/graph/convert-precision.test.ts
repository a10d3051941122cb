import { ModelError } from '../../lib/errors';
import {
  castConstant,
  countLoss,
  noLoss,
  type Precision,
} from '../../lib/graph/passes/cast-constant';
import {
  type ConvertPrecisionOptions,
  convertPrecision,
} from '../../lib/graph/passes/convert-precision';
import type { Constant, Graph } from '../../lib/graph/ir';
import { dataTypeCode, dtypeOf } from '../../lib/onnx/decode-tensor';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { graphOf } from '../support/graphs';

const convert = (graph: Graph, options: Omit<ConvertPrecisionOptions, 'dataType'>) =>
  convertPrecision(graph, ONNX_OPS, {
    ...options,
    dataType: { code: dataTypeCode, dtype: dtypeOf },
  });

const outline = (graph: Graph) =>
  graph.nodes.map(({ name, op, inputs, outputs, attributes, compute }) => {
    const to = attributes.get('to');
    const type = to?.type === 'int' ? ` ${dtypeOf(Number(to.value))}` : '';
    return `${name}: ${op}${type}(${inputs}) -> ${outputs}${compute ? ` in ${compute}` : ''}`;
  });

const graph = graphOf({
  inputs: { x: [1, 4], i: { dtype: 'int64', shape: [1, 4] } },
  outputs: { y: [1, 2], h: [1, 4], k: { dtype: 'int64', shape: [1, 4] } },
  initializers: {
    w: { floats: [1, 2, 3, 4, 5, 6, 7, 1e-9], dims: [4, 2] },
    s: { ints: [1, 4] },
  },
  nodes: [
    { op: 'Relu', name: 'relu', inputs: ['x'], outputs: ['h'] },
    { op: 'Reshape', name: 'flat', inputs: ['h', 's'], outputs: ['r'] },
    { op: 'Cast', name: 'float', inputs: ['i'], outputs: ['f'], attributes: { to: 1 } },
    { op: 'Add', name: 'add', inputs: ['r', 'f'], outputs: ['a'] },
    { op: 'MatMul', name: 'product', inputs: ['a', 'w'], outputs: ['y'] },
    { op: 'Identity', name: 'same', inputs: ['i'], outputs: ['k'] },
  ],
});

describe('convertPrecision', () => {
  test('casts at inputs and outputs; everything between is in the new precision', () => {
    const half = convert(graph, { precision: 'float16', compute: 'float16' });
    expect(outline(half)).toEqual([
      'x_cast: Cast float16(x) -> x_float16',
      'relu: Relu(x_float16) -> h_float16',
      'flat: Reshape(h_float16,s) -> r',
      'float: Cast float16(i) -> f',
      'add: Add(r,f) -> a',
      'product: MatMul(a,w) -> y_float16 in float16',
      'same: Identity(i) -> k',
      'y_cast: Cast float32(y_float16) -> y',
      'h_cast: Cast float32(h_float16) -> h',
    ]);
    expect(half.inputs).toEqual(graph.inputs);
    expect(half.outputs).toEqual(graph.outputs);
    expect(half.initializers.get('w')).toEqual({
      dtype: 'float16',
      shape: [4, 2],
      data: Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700, 0),
    });
    expect(half.initializers.get('s')).toBe(graph.initializers.get('s'));
  });

  test('without keepIo the inputs and outputs change', () => {
    const half = convert(graph, { precision: 'bfloat16', keepIo: false });
    expect(outline(half)).toEqual([
      'relu: Relu(x) -> h',
      'flat: Reshape(h,s) -> r',
      'float: Cast bfloat16(i) -> f',
      'add: Add(r,f) -> a',
      'product: MatMul(a,w) -> y',
      'same: Identity(i) -> k',
    ]);
    const types = [...half.inputs, ...half.outputs].map(({ name, dtype }) => `${name} ${dtype}`);
    expect(types).toEqual(['x bfloat16', 'i int64', 'y bfloat16', 'h bfloat16', 'k int64']);
  });

  test('the same precision only sets compute', () => {
    const same = convert(graph, { precision: 'float32', compute: 'tf32' });
    expect(same.nodes.length).toBe(graph.nodes.length);
    expect(same.nodes.filter(({ compute }) => compute === 'tf32').map(({ name }) => name)).toEqual([
      'product',
    ]);
    expect(same.initializers).toEqual(graph.initializers);
  });

  test('there and back gives the weights that fit, and the graph with two pairs of casts', () => {
    const back = convert(convert(graph, { precision: 'float16' }), { precision: 'float32' });
    expect([...(back.initializers.get('w')?.data ?? [])]).toEqual([1, 2, 3, 4, 5, 6, 7, 0]);
    expect(outline(back)[0]).toBe('x_cast: Cast float32(x) -> x_float16');
  });

  test('the graph that is converted stays as it is', () => {
    const before = structuredClone({ nodes: graph.nodes, initializers: graph.initializers });
    convert(graph, { precision: 'float16', compute: 'float16' });
    expect({ nodes: graph.nodes, initializers: graph.initializers }).toEqual(before);
  });

  test('constants in nodes, and outputs that are inputs or weights', () => {
    const odd = graphOf({
      inputs: { x: [2] },
      outputs: { x: [2], w: [2], y: [2] },
      initializers: { w: { floats: [1, 2] } },
      nodes: [
        {
          op: 'Constant',
          name: 'c',
          inputs: [],
          outputs: ['c'],
          attributes: { value_float: { float: 0.5 } },
        },
        {
          op: 'Constant',
          name: 'd',
          inputs: [],
          outputs: ['d'],
          attributes: { value: { tensor: { floats: [3, 4] } } },
        },
        { op: 'Sum', name: 's', inputs: ['x', 'c', 'd', 'w'], outputs: ['y'] },
      ],
    });
    const half = convert(odd, { precision: 'float16' });
    expect(outline(half).filter((line) => !line.includes('Constant'))).toEqual([
      'x_cast: Cast float16(x) -> x_float16',
      's: Sum(x_float16,c,d,w_float16) -> y_float16',
      'w_cast: Cast float32(w_float16) -> w',
      'y_cast: Cast float32(y_float16) -> y',
    ]);
    const values = half.nodes.slice(1, 3).map(({ attributes }) => attributes.get('value')?.value);
    expect(values).toEqual([
      { dtype: 'float16', shape: [], data: Uint16Array.of(0x3800) },
      { dtype: 'float16', shape: [2], data: Uint16Array.of(0x4200, 0x4400) },
    ]);
  });

  test('an output without an element type cannot be kept', () => {
    const open = { ...graph, outputs: [{ name: 'y', dtype: null, shape: null }] };
    expect(() => convert(open, { precision: 'float16' })).toThrow(ModelError);
    expect(() => convert(open, { precision: 'float16' })).toThrow(
      'output "y" declares no element type, so it cannot be kept. Convert with keepIo: false',
    );
    expect(convert(open, { precision: 'float16', keepIo: false }).outputs).toEqual(open.outputs);
  });
});

describe('castConstant and countLoss', () => {
  const of = (...values: number[]): Constant => ({
    dtype: 'float32',
    shape: [values.length],
    data: Float32Array.from(values),
  });
  const loss = (to: Precision, ...values: number[]) => {
    const counted = noLoss();
    countLoss(of(...values), castConstant(of(...values), to), counted);
    return counted;
  };

  test('count what no longer fits', () => {
    const none = { constants: 1, values: 1, overflowed: 0, underflowed: 0, subnormal: 0 };
    expect(loss('float16', 65519)).toEqual(none);
    expect(loss('float16', -65520)).toEqual({ ...none, overflowed: 1 });
    expect(loss('float16', 2 ** -14)).toEqual(none);
    expect(loss('float16', 2 ** -14 - 2 ** -24)).toEqual({ ...none, subnormal: 1 });
    expect(loss('float16', -(2 ** -25))).toEqual({ ...none, underflowed: 1 });
    expect(loss('bfloat16', 65520)).toEqual(none);
    expect(loss('bfloat16', 3.4e38)).toEqual({ ...none, overflowed: 1 });
    expect(loss('float16', Infinity, -Infinity, Number.NaN, 0, -0)).toEqual({ ...none, values: 5 });
  });

  test('widening loses nothing', () => {
    const half: Constant = {
      dtype: 'float16',
      shape: [3],
      data: Uint16Array.of(1, 0xfc00, 0x7bff),
    };
    const wide = castConstant(half, 'float32');
    expect([...wide.data]).toEqual([2 ** -24, -Infinity, 65504]);
    const counted = noLoss();
    countLoss(half, wide, counted);
    expect(counted).toEqual({
      constants: 1,
      values: 3,
      overflowed: 0,
      underflowed: 0,
      subnormal: 0,
    });
  });
});
