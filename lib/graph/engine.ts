import type { Provenance } from '../../binding';
import type { Constant } from './ir';
import type { Desc, Params } from './op-set';

/** What plans are checked with. */
export interface Inference {
  /** dtypes and shapes of an op's results. @throws HalftoneError when the op refuses the inputs or the options. */
  infer(op: string, inputs: readonly (Desc | undefined)[], params: Params): readonly Desc[];
  /** The results of an op on known values, now: for shapes that are computed. Absent: nothing is computed ahead. */
  evaluate?(
    op: string,
    inputs: readonly (Constant | undefined)[],
    params: Params,
  ): readonly Constant[];
  /** Why the device does not take a call that infer() takes; null when it does. Absent: every such call is taken. */
  supports?(op: string, inputs: readonly (Desc | undefined)[], params: Params): string | null;
}

/** What plans run on: Halftone's tensors on one device, or a model of them in tests. */
export interface Engine<T> extends Inference {
  /** Enqueues one call. The inputs may be disposed of as soon as this returns. */
  run(op: string, inputs: readonly (T | undefined)[], params: Params): readonly T[];
  /** Resolves once the tensor's values are there, with how they were made; rejects when that failed. */
  settled(tensor: T): Promise<Provenance>;
  /** The same, now: the thread waits. Throws when it failed. */
  settledSync(tensor: T): Provenance;
  upload(constant: Constant): T;
  /** A tensor of its own with the same contents. */
  share(tensor: T): T;
  /** Takes a tensor out of the caller's scope: it lives until it is disposed of. */
  keep(tensor: T): T;
  dispose(tensor: T): void;
}
