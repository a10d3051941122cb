import * as halftone from '../../lib';
import { bitwiseNot, type Operand, promoteTypes, tensor, type Tensor } from '../../lib';
import { DTYPES, type DType, isIntDType } from '../../lib/dtype';
import { COMPUTED_DTYPES, describeOp, type HostTensor, host } from '../support/op-info';

const INTEGERS = COMPUTED_DTYPES.filter(isIntDType);

const bitsOf = (dtype: DType): bigint => BigInt(DTYPES[dtype].size * 8);
const wrap = (x: bigint, dtype: DType): number =>
  Number(
    DTYPES[dtype].kind === 'unsigned'
      ? BigInt.asUintN(Number(bitsOf(dtype)), x)
      : BigInt.asIntN(Number(bitsOf(dtype)), x),
  );

/** Amounts outside of the bits of a type move all of them out. */
const amount = (b: bigint, dtype: DType): bigint =>
  b >= 0n && b < bitsOf(dtype) ? b : bitsOf(dtype);

const FUNCTIONS: Readonly<Record<string, (a: bigint, b: bigint, dtype: DType) => bigint>> = {
  bitwiseAnd: (a, b) => a & b,
  bitwiseOr: (a, b) => a | b,
  bitwiseXor: (a, b) => a ^ b,
  shiftLeft: (a, b, dtype) => a << amount(b, dtype),
  shiftRight: (a, b, dtype) => a >> amount(b, dtype),
};

const functions = halftone as unknown as Record<string, (a: Operand, b: Operand) => Tensor>;

for (const [name, exact] of Object.entries(FUNCTIONS)) {
  const apply = functions[name] as (a: Operand, b: Operand) => Tensor;
  const shifts = name.startsWith('shift');
  describeOp<object>({
    name,
    run: ([a, b]) => apply(a as Tensor, b as Tensor),
    *cases(rng) {
      for (const a of INTEGERS) {
        for (const b of INTEGERS) {
          // No type holds both.
          if (
            a !== b &&
            [a, b].includes('uint64') &&
            [a, b].some((t) => DTYPES[t].kind === 'signed')
          )
            continue;
          // All amounts that the type has a use for, and one on either side.
          const low = DTYPES[b].kind === 'signed' ? -1 : 0;
          const amounts = Array.from({ length: 66 }, (_, i) => low + i);
          const second = shifts ? host(b, [66], amounts) : host(b, [66], rng);
          yield { inputs: [host(a, [3, 66], rng), second], params: {} };
        }
        yield { inputs: [host(a, [], rng), host(a, [0], rng)], params: {} };
      }
    },
    reference([a, b]) {
      const [x, y] = [a as HostTensor, b as HostTensor];
      const dtype = promoteTypes(x.dtype, y.dtype);
      const shape = y.shape[0] === 0 ? [0] : x.shape;
      const n = shape.reduce((product, d) => product * d, 1);
      // Operands are converted first; all values here exist in the promoted type.
      const values = Array.from({ length: n }, (_, i) => {
        const [p, q] = [x.values[i] as number, y.values[i % y.values.length] as number];
        return wrap(exact(BigInt(p), BigInt(q), dtype), dtype);
      });
      return { dtype, shape, values };
    },
    refuses: [
      {
        label: 'floats',
        code: 'ERR_DTYPE',
        message: `${name}: a and b must be integers, got float32 and float32`,
        run: (device) => apply(tensor([1], { device }), tensor([1], { device })),
      },
      {
        label: 'bools',
        code: 'ERR_DTYPE',
        message: `${name}: a and b must be integers, got bool and bool`,
        run: (device) => apply(tensor([true], { device }), tensor([true], { device })),
      },
    ],
  });
}

describeOp<object>({
  name: 'bitwiseNot',
  run: ([x]) => bitwiseNot(x as Tensor),
  *cases(rng) {
    for (const dtype of INTEGERS) {
      for (const shape of [[], [0], [3, 33]])
        yield { inputs: [host(dtype, shape, rng)], params: {} };
    }
  },
  reference([x]) {
    const { dtype, shape, values } = x as HostTensor;
    return { dtype, shape, values: values.map((v) => wrap(~BigInt(v), dtype)) };
  },
  refuses: [
    {
      label: 'floats',
      code: 'ERR_DTYPE',
      message: 'bitwiseNot: x must be an integer, got float32',
      run: (device) => bitwiseNot(tensor([1], { device })),
    },
  ],
});

it('takes a number of the type of the other operand', async () => {
  const x = tensor([5, 250], { dtype: 'uint8' });
  const y: Tensor<'uint8'> = halftone.bitwiseAnd(x, 15);
  expect([...(await y.data())]).toEqual([5, 10]);
  expect([...(await halftone.shiftLeft(1, x).data())]).toEqual([32, 0]);
  expect(() => halftone.bitwiseAnd(x, 256)).toThrow('b must be a whole number in [0, 255]');
});
