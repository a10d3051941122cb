/** Operators that run graphs of their own while the model runs: If, Loop, Scan and their kin. */

import type { Tensor } from '../tensor';
import type { Constant } from './ir';
import type { CheckedNode, Params } from './op-set';
import type { RunValue } from './values';

/** Something that takes its time: done with the event loop going on, or on this thread. */
export interface Wait<T> {
  later(): Promise<T>;
  now(): T;
}

/** What is done in several steps, waiting between them: written once for callers that may block and those that may not. */
export type Work<T> = Generator<Wait<unknown>, T, unknown>;

/** The result of `what`, inside of other work. */
export function* wait<T>(what: Wait<T>): Work<T> {
  return (yield what) as T;
}

export async function workLater<T>(work: Work<T>): Promise<T> {
  for (let step = work.next(); ; ) {
    if (step.done) return step.value;
    let value: unknown;
    try {
      value = await step.value.later();
    } catch (thrown) {
      step = work.throw(thrown);
      continue;
    }
    step = work.next(value);
  }
}

export function workNow<T>(work: Work<T>): T {
  for (let step = work.next(); ; ) {
    if (step.done) return step.value;
    let value: unknown;
    try {
      value = step.value.now();
    } catch (thrown) {
      step = work.throw(thrown);
      continue;
    }
    step = work.next(value);
  }
}

/** A node with graphs of its own, with the values of its inputs. These stay the caller's. */
export interface FlowCall extends CheckedNode {
  /** The input at `index`; undefined where it is left out. */
  input(index: number): RunValue | undefined;
  /** Runs a graph of the node; `inputs` are those in front of what it captures. The results belong to the caller. */
  run(name: string, inputs: readonly RunValue[]): Work<readonly RunValue[]>;
  /** The values of a tensor. */
  read(value: RunValue | undefined, what: string): Work<Constant>;
  /** A tensor with these values. */
  upload(constant: Constant): Tensor;
  /** The result of one of Halftone's ops. */
  emit(op: string, inputs: readonly Tensor[], params?: Params): Tensor;
  /** Lets everybody else go on where this has taken long. @throws the reason of the signal when it is aborted. */
  pause(): Work<void>;
}
