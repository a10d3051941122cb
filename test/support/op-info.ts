/**
 * An operator described well enough to be tested without knowing it: how it is called, what it must give in float64, on
 * which cases, and which calls it must refuse. `describeOp` runs all of that on every backend.
 */

import path from 'node:path';
import { tensor } from '../../lib/create';
import { loadBackend } from '../../lib/device';
import { DTYPE_NAMES, type DType, isStoredDType } from '../../lib/dtype';
import { type ErrorCode, HalftoneError } from '../../lib/errors';
import type { Tensor } from '../../lib/tensor';
import { type Actual, difference, type Expected } from './compare';
import { REPO } from './repo';
import { Rng, SEED } from './rng';

/** The element types that operators compute in. */
export const COMPUTED_DTYPES: readonly DType[] = DTYPE_NAMES.filter((d) => !isStoredDType(d));

/** A tensor of a test: values that its dtype holds exactly. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** Builds a HostTensor; `values` as numbers, or drawn from `rng`. */
export function host(
  dtype: DType,
  shape: readonly number[],
  values: ArrayLike<number> | Rng,
  scale = 1,
): HostTensor {
  const n = shape.reduce((product, d) => product * d, 1);
  return {
    dtype,
    shape,
    values: values instanceof Rng ? values.values(dtype, n, scale) : Float64Array.from(values),
  };
}

/** Copies a HostTensor to a device. */
export function toDevice(t: HostTensor, device: string): Tensor {
  // Integers of 64 bits have no exact conversion from float64 for large values; test values stay below 2^53.
  const data =
    t.dtype === 'int64' || t.dtype === 'uint64'
      ? (t.dtype === 'int64' ? BigInt64Array : BigUint64Array).from(Array.from(t.values, BigInt))
      : t.values;
  return tensor(data, { shape: t.shape, dtype: t.dtype, device });
}

/** Reads a tensor back for comparison. */
export async function read(t: Tensor): Promise<Actual> {
  return { dtype: t.dtype, shape: t.shape, values: (await t.data()) as ArrayLike<number | bigint> };
}

/** One call: inputs (undefined: an optional one that is not given) and options. */
export interface OpCase<P> {
  readonly inputs: readonly (HostTensor | undefined)[];
  readonly params: P;
}

/** A call that must be refused. */
export interface BadCall {
  readonly label: string;
  readonly code: ErrorCode;
  /** Part of the message: the rule and both values. */
  readonly message: string | RegExp;
  run(device: string): unknown;
}

/** All that the tester knows of an operator. */
export interface OpInfo<P> {
  /** The function's name. */
  readonly name: string;
  /** Calls the public function. */
  run(inputs: (Tensor | undefined)[], params: P): Tensor;
  /**
   * The right answer in float64, with bounds from test/support/tolerance.ts unless exact. `device` matters where a
   * documented order of rounding is the CPU's alone.
   */
  reference(inputs: readonly (HostTensor | undefined)[], params: P, device: string): Expected;
  cases(rng: Rng): Iterable<OpCase<P>>;
  readonly refuses?: readonly BadCall[];
}

/**
 * The devices that op tables run on: the CPU, and those in HALFTONE_TEST_DEVICES (comma separated). `emu` is the CUDA
 * backend's own sources on an emulated device.
 */
export const DEVICES: readonly string[] = [
  ...new Set(['cpu', ...(process.env['HALFTONE_TEST_DEVICES'] ?? '').split(',').filter(Boolean)]),
];

if (DEVICES.some((device) => /^emu(:|$)/.test(device))) {
  loadBackend(path.join(REPO, 'build/Release/halftone_emu.so'));
}

function describeCase<P>({ inputs, params }: OpCase<P>): string {
  const shown = inputs.map((t) => (t ? `${t.dtype} [${t.shape.join(', ')}]` : 'none'));
  return `(${shown.join(', ')}) ${JSON.stringify(params)}`;
}

/** What is wrong in one case; undefined where nothing is. A case that throws does not hide those behind it. */
async function wrongIn<P>(
  info: OpInfo<P>,
  { inputs: given, params }: OpCase<P>,
  device: string,
): Promise<string | undefined> {
  const tensors: (Tensor | undefined)[] = [];
  try {
    for (const t of given) tensors.push(t && toDevice(t, device));
    const output = info.run(tensors, params);
    tensors.push(output);
    return difference(await read(output), info.reference(given, params, device));
  } catch (error) {
    if ((error as HalftoneError).code === 'ERR_DEVICE_LOST') throw error;
    return `throws ${error}`;
  } finally {
    for (const t of tensors) t?.dispose();
  }
}

/** Wrong cases that a failure shows. */
const MOST_SHOWN = 8;

/** Registers the jest tests of an operator. */
export function describeOp<P>(info: OpInfo<P>): void {
  describe.each(DEVICES)(`${info.name} on %s`, (device) => {
    it('agrees with the float64 reference on all cases', async () => {
      const wrong: string[] = [];
      let count = 0;
      for (const one of info.cases(new Rng())) {
        count++;
        const what = await wrongIn(info, one, device);
        if (what) wrong.push(`case ${count} ${describeCase(one)}: ${what}`);
      }
      if (wrong.length > 0) {
        throw new Error(
          `${info.name}: ${wrong.length} of ${count} cases are wrong (HALFTONE_TEST_SEED=${SEED}):\n${wrong.slice(0, MOST_SHOWN).join('\n')}`,
        );
      }
      expect(count).toBeGreaterThan(0);
    });

    for (const bad of info.refuses ?? []) {
      it(`refuses ${bad.label}`, () => {
        expectRefusal(() => bad.run(device), bad.code, bad.message);
      });
    }
  });
}

/** Checks that `call` throws at once, with that code and message, and that no tensor is left behind by the throw. */
export function expectRefusal(
  call: () => unknown,
  code: ErrorCode,
  message: string | RegExp,
): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(HalftoneError);
  expect({
    code: (thrown as HalftoneError).code,
    message: (thrown as HalftoneError).message,
  }).toEqual({
    code,
    message:
      typeof message === 'string'
        ? expect.stringContaining(message)
        : expect.stringMatching(message),
  });
}
