import { ARRAY_TYPES, type DType } from '../../lib/dtype';
import { ModelError } from '../../lib/errors';
import { decodeModel, type OnnxModel } from '../../lib/onnx/decode';
import { dataTypeCode } from '../../lib/onnx/decode-tensor';
import { pack } from '../../lib/stored';
import {
  type AttributeSpec,
  type ModelSpec,
  onnxModel,
  type TensorSpec,
} from '../support/onnx-builder';

const base: ModelSpec = {
  inputs: { x: [1, 2] },
  outputs: { y: [1, 2] },
  nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
};
const decode = (spec: Partial<ModelSpec> = {}): OnnxModel =>
  decodeModel(onnxModel({ ...base, ...spec }));
const decodeInitializer = (spec: TensorSpec) =>
  decode({ initializers: { w: spec } }).initializers.get('w');

describe('decodeModel', () => {
  test('reads inputs, outputs, operator sets and nodes', () => {
    const model = decode({
      opsets: { 'ai.onnx': 11, 'com.example': 3 },
      inputs: { x: ['N', 3, null, 224], s: { dtype: 'int64', shape: [] }, u: { dtype: 'bool' } },
      nodes: [{ op: 'Relu', name: 'r', domain: 'ai.onnx', inputs: ['x', ''], outputs: ['y'] }],
    });
    expect(model.irVersion).toBe(8);
    expect(model.producer).toBe('test');
    expect([...model.opsets]).toEqual([
      ['', 11],
      ['com.example', 3],
    ]);
    expect(model.inputs).toEqual([
      { name: 'x', dtype: 'float32', shape: ['N', 3, null, 224] },
      { name: 's', dtype: 'int64', shape: [] },
      { name: 'u', dtype: 'bool', shape: null },
    ]);
    expect(model.nodes).toEqual([
      {
        name: 'r',
        op: 'Relu',
        domain: '',
        inputs: ['x', ''],
        outputs: ['y'],
        attributes: new Map(),
      },
    ]);
  });

  test('-1 as a size means that it is not known', () => {
    expect(decode({ inputs: { x: [-1, 2] } }).inputs[0]?.shape).toEqual([null, 2]);
  });

  const ATTRIBUTES: readonly [AttributeSpec, unknown][] = [
    [{ float: 0.5 }, { type: 'float', value: 0.5 }],
    [-3, { type: 'int', value: -3 }],
    [
      { type: 2, i: '-9223372036854775808' },
      { type: 'int', value: -(2n ** 63n) },
    ],
    ['SAME_UPPER', { type: 'string', value: 'SAME_UPPER' }],
    [{ type: 3 }, { type: 'string', value: '' }],
    [[1, 2, 3], { type: 'ints', value: [1, 2, 3] }],
    [
      { type: 7, ints: ['9223372036854775807', 1] },
      { type: 'ints', value: [2n ** 63n - 1n, 1] },
    ],
    [{ floats: [0.5, -1] }, { type: 'floats', value: [0.5, -1] }],
    [
      { type: 8, strings: [Buffer.from('a'), Buffer.from('ä')] },
      { type: 'strings', value: ['a', 'ä'] },
    ],
    [
      { tensor: { floats: [1, 2] } },
      { type: 'tensor', value: { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) } },
    ],
    [{ type: 10 }, { type: 'unread', value: 'graphs' }],
    [{ type: 11 }, { type: 'unread', value: 'sparse_tensor' }],
    [{ type: 77 }, { type: 'unread', value: 'type 77' }],
  ];

  test.each(ATTRIBUTES)('attribute %j', (spec, expected) => {
    const model = decode({
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'], attributes: { a: spec } }],
    });
    expect(model.nodes[0]?.attributes.get('a')).toEqual(expected);
  });
});

describe('tensors', () => {
  const RAW: readonly DType[] = [
    'float32',
    'float16',
    'bfloat16',
    'int8',
    'uint8',
    'int16',
    'uint16',
    'int32',
    'int64',
    'bool',
    'float64',
    'uint32',
    'uint64',
    'float8e4m3fn',
    'float8e8m0',
  ];

  test.each(RAW)('%s from raw bytes', (dtype) => {
    const data = new ARRAY_TYPES[dtype](4);
    for (let i = 0; i < 4; i++) {
      data[i] = (/int64/.test(dtype) ? BigInt(i - 2) : dtype === 'bool' ? i % 2 : i - 2) as never;
    }
    const raw_data = new Uint8Array(data.buffer);
    const spec = { data_type: dataTypeCode(dtype), dims: [2, 2], raw_data };
    expect(decodeInitializer(spec)).toEqual({ dtype, shape: [2, 2], data });
  });

  test.each([
    ['int4', 22, Int8Array.of(-8, 7, -1), Uint8Array.of(0x78, 0x0f)],
    ['uint4', 21, Uint8Array.of(15, 0, 7), Uint8Array.of(0x0f, 0x07)],
    ['float4e2m1', 23, Uint8Array.of(1, 15, 8), Uint8Array.of(0xf1, 0x08)],
    ['int2', 26, Int8Array.of(-2, 1, 0, -1, 1), Uint8Array.of(0xc6, 0x01)],
    ['uint2', 25, Uint8Array.of(3, 0, 1, 2, 2), Uint8Array.of(0x93, 0x02)],
  ] as const)(
    '%s packed, first in the lowest bits, with room in the last byte',
    (dtype, data_type, data, bytes) => {
      const dims = [data.length];
      const expected = { dtype, shape: dims, data };
      expect(decodeInitializer({ data_type, dims, raw_data: bytes })).toEqual(expected);
      expect(decodeInitializer({ data_type, dims, int32_data: Array.from(bytes) })).toEqual(
        expected,
      );
      expect(pack(data, dtype)).toEqual(bytes);
      expect(pack(data.subarray(0, 0), dtype)).toEqual(new Uint8Array(0));
    },
  );

  test('uint32 and uint64 from uint64_data', () => {
    expect(
      decodeInitializer({ data_type: 12, dims: [1], uint64_data: [4294967295] })?.data,
    ).toEqual(Uint32Array.of(4294967295));
    expect(
      decodeInitializer({ data_type: 13, dims: [1], uint64_data: ['18446744073709551615'] })?.data,
    ).toEqual(BigUint64Array.of(2n ** 64n - 1n));
  });

  test('from typed fields', () => {
    expect(decodeInitializer({ floats: [1, -0.5], dims: [2, 1] })).toEqual({
      dtype: 'float32',
      shape: [2, 1],
      data: Float32Array.of(1, -0.5),
    });
    expect(
      decodeInitializer({ data_type: 7, dims: [2], int64_data: ['-9007199254740993', 5] })?.data,
    ).toEqual(BigInt64Array.of(-9007199254740993n, 5n));
    expect(decodeInitializer({ data_type: 10, dims: [1], int32_data: [0xfc00] })).toEqual({
      dtype: 'float16',
      shape: [1],
      data: Uint16Array.of(0xfc00),
    });
    expect(decodeInitializer({ data_type: 9, dims: [2], int32_data: [1, 0] })?.data).toEqual(
      Uint8Array.of(1, 0),
    );
    expect(decodeInitializer({ data_type: 11, dims: [], double_data: [Math.PI] })?.data).toEqual(
      Float64Array.of(Math.PI),
    );
    expect(decodeInitializer({ data_type: 1, dims: [0, 3] })?.data).toEqual(new Float32Array(0));
  });

  const BAD: readonly [string, TensorSpec, string | RegExp][] = [
    [
      'too few raw bytes',
      { data_type: 1, dims: [2, 2], raw_data: new Uint8Array(15) },
      'initializer "w" of shape [2, 2] and float32 needs 16 bytes, its data have 15',
    ],
    [
      'too many raw bytes',
      { data_type: 10, dims: [3], raw_data: new Uint8Array(8) },
      'initializer "w" of shape [3] and float16 needs 6 bytes, its data have 8',
    ],
    ['no values at all', { data_type: 1, dims: [5] }, /needs 5 values, float_data has 0/],
    ['values in the wrong field', { data_type: 1, dims: [1], int32_data: [1] }, /float_data has 0/],
    [
      'a shape of 2^120 elements',
      { data_type: 1, dims: [2 ** 40, 2 ** 40, 2 ** 40] },
      /has the impossible shape \[1099511627776, /,
    ],
    [
      'a huge empty shape',
      { data_type: 1, dims: [0, '9223372036854775807'] },
      /has the impossible shape \[0, 9223372036854776000\]/,
    ],
    ['a claim of 4 GiB', { data_type: 1, dims: [2 ** 30] }, /needs 1073741824 values/],
    ['a negative size', { data_type: 1, dims: [-2, -2] }, /has the impossible shape \[-2, -2\]/],
    ['rank 9', { data_type: 1, dims: Array(9).fill(1) }, /has rank 9, at most 8 is supported/],
    [
      'no element type',
      { dims: [1], float_data: [1] },
      'initializer "w" holds undefined, which is not supported',
    ],
    [
      'strings that do not fill the shape',
      { data_type: 8, dims: [2], string_data: [Buffer.from('a')] },
      'initializer "w" of shape [2] and string needs 2 values, string_data has 1',
    ],
    ['complex64', { data_type: 14, dims: [0] }, /holds complex64/],
    [
      'int4 that are not packed',
      { data_type: 22, dims: [3], raw_data: Uint8Array.of(1, 2, 3) },
      /of shape \[3\] and int4 needs 2 bytes, its data have 3/,
    ],
    [
      'a uint4 of more than a byte',
      { data_type: 21, dims: [2], int32_data: [256] },
      /holds 256 at 0, which is no uint4/,
    ],
    ['an unknown element type', { data_type: 99, dims: [0] }, /holds element type 99/],
    [
      'an int8 of 200',
      { data_type: 3, dims: [2], int32_data: [1, 200] },
      /holds 200 at 1, which is no int8/,
    ],
    [
      'half bits over 65535',
      { data_type: 10, dims: [1], int32_data: [65536] },
      /which is no float16/,
    ],
    [
      'a bool of 2',
      { data_type: 9, dims: [1], raw_data: Uint8Array.of(2) },
      /holds 2 at 0, which is no bool/,
    ],
    [
      'external data',
      {
        data_type: 1,
        dims: [1],
        data_location: 1,
        external_data: [{ key: 'location', value: 'w.bin' }],
      },
      'initializer "w" keeps its data in another file ("w.bin")',
    ],
    [
      'segments',
      { data_type: 1, dims: [1], segment: { begin: 0, end: 1 } },
      /is stored in segments/,
    ],
  ];

  test.each(BAD)('refuses %s', (_name, spec, message) => {
    expect(() => decodeInitializer(spec)).toThrow(ModelError);
    expect(() => decodeInitializer(spec)).toThrow(message);
  });
});

describe('refusals of whole models', () => {
  const BAD: readonly [string, Partial<ModelSpec>, string | RegExp][] = [
    ['no operator set', { opsets: {} }, /names no operator set.* this is version 8/],
    [
      'a map',
      { graph: { input: [{ name: 'x', type: { map_type: {} } }] } },
      /input "x" is a map, only tensors, sequences and optional values are supported/,
    ],
    [
      'a sequence of sequences',
      {
        graph: {
          input: [{ name: 'x', type: { sequence_type: { elem_type: { sequence_type: {} } } } }],
        },
      },
      'input "x" is a sequence of no tensors',
    ],
    ['an input without a name', { graph: { input: [{}] } }, 'an input has no name'],
    [
      'an initializer without a name',
      { graph: { initializer: [{ data_type: 1, dims: [0] }] } },
      /initializer has no name/,
    ],
    [
      'an initializer twice',
      { graph: { initializer: [1, 2].map(() => ({ name: 'w', data_type: 1, dims: [0] })) } },
      'initializer "w" is defined twice',
    ],
    [
      'a node without an operator',
      { graph: { node: [{ name: 'n' }] } },
      'node "n": it has no operator',
    ],
    [
      'an attribute twice',
      {
        graph: {
          node: [
            {
              op_type: 'A',
              attribute: [
                { name: 'a', type: 2 },
                { name: 'a', type: 2 },
              ],
            },
          ],
        },
      },
      'node "number 0" (A): attribute "a" is given twice',
    ],
    [
      'a function',
      { model: { functions: [{ name: 'f', domain: 'd' }] } },
      /function "f".*onnx\.inliner/,
    ],
    ['sparse initializers', { graph: { sparse_initializer: [{}] } }, /has 1 sparse initializers/],
    [
      'a tensor attribute without a tensor',
      {
        nodes: [
          {
            op: 'Constant',
            name: 'c',
            inputs: [],
            outputs: ['y'],
            attributes: { value: { type: 4 } },
          },
        ],
      },
      'attribute "value" of node "c" (Constant) holds no tensor',
    ],
    [
      "a function's attribute",
      {
        nodes: [
          { op: 'A', inputs: [], outputs: [], attributes: { a: { type: 2, ref_attr_name: 'b' } } },
        ],
      },
      /refers to an attribute of a function/,
    ],
  ];

  test.each(BAD)('%s', (_name, spec, message) => {
    expect(() => decode(spec)).toThrow(ModelError);
    expect(() => decode(spec)).toThrow(message);
  });

  test('bytes of something else', () => {
    expect(() => decodeModel(new Uint8Array(0))).toThrow(
      'not an ONNX model: it holds no graph (0 bytes)',
    );
    expect(() => decodeModel(Buffer.from('this is text, not a model'))).toThrow(
      /not an ONNX model/,
    );
    expect(() => decodeModel(new Uint8Array(100).fill(0xff))).toThrow(ModelError);
  });

  test('messages nested deeper than any model', () => {
    // field 7 of ModelProto (graph), then field 1 (node), field 5 (attribute), field 6 (graph), field 1 ... 10,000 deep
    let bytes = Buffer.alloc(0);
    const wrap = (field: number) => {
      const size: number[] = [];
      for (let n = bytes.length; ; n >>>= 7) {
        size.push(n > 127 ? (n & 127) | 128 : n);
        if (n <= 127) break;
      }
      bytes = Buffer.concat([Buffer.from([(field << 3) | 2, ...size]), bytes]);
    };
    for (let depth = 0; depth < 2000; depth++) for (const field of [6, 5, 1]) wrap(field);
    wrap(7);
    expect(() => decodeModel(bytes)).toThrow(/not an ONNX model: max depth exceeded/);
  });
});
