import type { DType } from '../dtype';
import { attributeOf, type Desc } from '../graph/op-set';
import type { Node } from '../graph/ir';

/**
 * Whether a product's sizes suit tensor cores: all of them multiples of 8 in 16 bits and of 16 in 8 bits. Others are
 * padded by the libraries, or computed without tensor cores. NVIDIA, "Deep Learning Performance": matrix multiplication,
 * convolution.
 */
export interface TensorCoreFit {
  readonly fits: boolean;
  /** The multiple that is asked for. */
  readonly multiple: number;
  /** The sizes that are no such multiples: "input channels 3". */
  readonly wrong: readonly string[];
}

const MULTIPLES: Partial<Record<DType, number>> = {
  float16: 8,
  bfloat16: 8,
  int8: 16,
  uint8: 16,
  float32: 4,
};

/** undefined: the node sums no products. `inputs` and `output` are the node's values. */
export function tensorCoreFit(
  node: Node,
  inputs: readonly (Desc | undefined)[],
  output: Desc | undefined,
): TensorCoreFit | undefined {
  const sizes = productSizes(node, inputs, output);
  const multiple = MULTIPLES[inputs[0]?.dtype ?? 'float64'];
  if (!sizes || !multiple) return undefined;
  const wrong = Object.entries(sizes).filter(([, size]) => size % multiple !== 0);
  return {
    fits: wrong.length === 0,
    multiple,
    wrong: wrong.map(([name, size]) => `${name} ${size}`),
  };
}

function productSizes(
  node: Node,
  inputs: readonly (Desc | undefined)[],
  output: Desc | undefined,
): Record<string, number> | undefined {
  const [a, b] = inputs.map((value) => value?.shape);
  const y = output?.shape;
  if (!a || !b || !y) return undefined;
  switch (node.op) {
    case 'Conv':
      return { 'input channels': b[1] ?? 0, 'output channels': b[0] ?? 0 };
    case 'ConvTranspose':
      return { 'input channels': b[0] ?? 0, 'output channels': b[1] ?? 0 };
    case 'MatMul':
      return { rows: y.at(-2) ?? 1, columns: y.at(-1) ?? 1, terms: a.at(-1) ?? 1 };
    case 'Gemm': {
      const transposed = Number(attributeOf(node, 'transA', 'int') ?? 0) !== 0;
      return { rows: y[0] ?? 1, columns: y[1] ?? 1, terms: a[transposed ? 0 : 1] ?? 1 };
    }
    default:
      return undefined;
  }
}
