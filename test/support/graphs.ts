/** Graphs and an engine for tests of plans, executors and passes. */

import type { Provenance } from '../../binding';
import type { Engine } from '../../lib/graph/engine';
import type { Constant, Graph } from '../../lib/graph/ir';
import type { Desc, Params } from '../../lib/graph/op-set';
import { decodeModel } from '../../lib/onnx/decode';
import { importModel } from '../../lib/onnx/import';
import { ONNX_OPS } from '../../lib/onnx/op-table';
import { type ModelSpec, onnxModel } from './onnx-builder';

/** The graph of an ONNX file of this form. */
export const graphOf = (spec: ModelSpec): Graph =>
  importModel(decodeModel(onnxModel(spec)), ONNX_OPS);

/** What a fake tensor stands for: how it was made, in words. */
export interface FakeTensor {
  readonly text: string;
  disposed: boolean;
}

/** Records what it is asked for. Every op keeps the shape of its first input. */
export class FakeEngine implements Engine<FakeTensor> {
  readonly log: string[] = [];
  readonly all: FakeTensor[] = [];
  /** Ops that fail when they are enqueued, and those that fail when they run. */
  failing = { enqueue: '', run: '' };
  /** Called when a call is enqueued. */
  onRun: (text: string) => void = () => {};

  #make(text: string): FakeTensor {
    const tensor = { text, disposed: false };
    this.all.push(tensor);
    return tensor;
  }

  input(text: string): FakeTensor {
    return this.#make(text);
  }

  /** Tensors that nobody disposed of. */
  get left(): string[] {
    return this.all.filter(({ disposed }) => !disposed).map(({ text }) => text);
  }

  infer(_op: string, [first]: readonly (Desc | undefined)[], { shape }: Params): readonly Desc[] {
    if (!first) throw new TypeError('no input');
    return [{ dtype: first.dtype, shape: (shape as number[] | undefined) ?? first.shape }];
  }

  run(op: string, inputs: readonly (FakeTensor | undefined)[]): readonly FakeTensor[] {
    if (op === this.failing.enqueue) throw new Error(`${op} cannot be enqueued`);
    for (const input of inputs) {
      if (input?.disposed) throw new Error(`${op} reads ${input.text}, which was disposed of`);
    }
    const text = `${op}(${inputs.map((input) => input?.text ?? '').join(',')})`;
    this.log.push(text);
    this.onRun(text);
    return [this.#make(text)];
  }

  settled(tensor: FakeTensor): Promise<Provenance> {
    const failed = this.failing.run !== '' && tensor.text.includes(`${this.failing.run}(`);
    if (failed) return Promise.reject(new Error(`${this.failing.run} failed`));
    return Promise.resolve({ kernel: tensor.text } as Provenance);
  }

  settledSync(tensor: FakeTensor): Provenance {
    if (this.failing.run !== '' && tensor.text.includes(`${this.failing.run}(`)) {
      throw new Error(`${this.failing.run} failed`);
    }
    return { kernel: tensor.text } as Provenance;
  }

  upload({ shape }: Constant): FakeTensor {
    this.log.push(`upload [${shape.join(', ')}]`);
    return this.#make(`const[${shape.join(',')}]`);
  }

  share(tensor: FakeTensor): FakeTensor {
    return this.#make(`share(${tensor.text})`);
  }

  keep(tensor: FakeTensor): FakeTensor {
    return tensor;
  }

  dispose(tensor: FakeTensor): void {
    if (tensor.disposed) throw new Error(`${tensor.text} is disposed of twice`);
    tensor.disposed = true;
    this.log.push(`dispose ${tensor.text}`);
  }
}
