import type { OpParams, Provenance } from '../../binding';
import { binding } from '../binding';
import { withoutContext } from '../context';
import { tensor } from '../create';
import { ARRAY_TYPES } from '../dtype';
import { type OpInput, type OpName, runOpAll } from '../run';
import { keep } from '../scope';
import { explain, explainAsync, type Tensor } from '../tensor';
import type { Engine } from './engine';
import { type Constant, elementCount } from './ir';
import { type Desc, type Params, VIEW } from './op-set';

/** Runs plans on Halftone's tensors of one device. */
export class TensorEngine implements Engine<Tensor> {
  /** `device`: a resolved name such as 'cpu' or 'cuda:0'. @throws BackendUnavailableError when there is no such device. */
  constructor(readonly device: string) {
    tensor(new Uint8Array(0), { device }).dispose();
  }

  infer(op: string, inputs: readonly (Desc | undefined)[], params: Params): readonly Desc[] {
    if (op === VIEW) {
      const [input] = inputs;
      return [{ dtype: (input as Desc).dtype, shape: params['shape'] as readonly number[] }];
    }
    return binding.infer(op as OpName, toDescs(inputs), params as OpParams[OpName]);
  }

  supports(op: string, inputs: readonly (Desc | undefined)[], params: Params): string | null {
    return binding.supports(op as OpName, toDescs(inputs), params as OpParams[OpName], this.device);
  }

  // On the host, once: no part of what may be captured around it.
  evaluate(
    op: string,
    inputs: readonly (Constant | undefined)[],
    params: Params,
  ): readonly Constant[] {
    return withoutContext(() => this.#evaluate(op, inputs, params));
  }

  #evaluate(
    op: string,
    inputs: readonly (Constant | undefined)[],
    params: Params,
  ): readonly Constant[] {
    const tensors = inputs.map((input) => input && toTensor(input, 'cpu'));
    const results: Tensor[] = [];
    try {
      if (op === VIEW) {
        return [{ ...(inputs[0] as Constant), shape: params['shape'] as readonly number[] }];
      }
      results.push(...runOpAll(op as OpName, tensors, params as OpParams[OpName], 'cpu'));
      return results.map((result) => {
        const { dtype, shape } = result;
        const data = new ARRAY_TYPES[dtype](elementCount(shape));
        binding.readSync(result.handle(op), false, data.buffer as ArrayBuffer);
        return { dtype, shape, data };
      });
    } finally {
      for (const value of [...tensors, ...results]) value?.dispose();
    }
  }

  run(op: string, inputs: readonly OpInput[], params: Params): readonly Tensor[] {
    if (op === VIEW) return [(inputs[0] as Tensor).reshape(params['shape'] as readonly number[])];
    return runOpAll(op as OpName, inputs, params as OpParams[OpName], this.device);
  }

  settled(value: Tensor): Promise<Provenance> {
    return explainAsync(value);
  }

  settledSync(value: Tensor): Provenance {
    return explain(value);
  }

  upload(constant: Constant): Tensor {
    return keep(this.create(constant));
  }

  /** The same in the caller's scope. */
  create(constant: Constant): Tensor {
    return toTensor(constant, this.device);
  }

  share(value: Tensor): Tensor {
    return value.reshape(value.shape);
  }

  keep(value: Tensor): Tensor {
    return keep(value);
  }

  dispose(value: Tensor): void {
    value.dispose();
  }
}

const toDescs = (descs: readonly (Desc | undefined)[]) =>
  descs.map((desc) => (desc ? { dtype: desc.dtype, shape: desc.shape } : null));

function toTensor({ data, shape, dtype }: Constant, device: string): Tensor {
  // Bytes of a bool are no uint8 values to be converted.
  const bytes =
    dtype === 'bool' ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data;
  return tensor(bytes as ArrayBuffer, { shape, dtype, device });
}
