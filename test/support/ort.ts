/** ONNX Runtime's CPU provider, as another opinion on what a model computes. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { HostArray } from '../../lib/io/array';

/** An input: of an element type that ONNX Runtime calls as Halftone does, or strings. */
export type OrtInput =
  | HostArray
  | {
      readonly dtype: 'string';
      readonly shape: readonly number[];
      readonly data: readonly string[];
    };

/** A model and its inputs by name. */
export interface OrtRequest {
  readonly bytes: Uint8Array;
  readonly arrays: Readonly<Record<string, OrtInput>>;
}

/** An output: its values as they are in memory, so the bits of 16-bit floats. */
export interface OrtOutput {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint | string>;
}

/** ONNX Runtime in a process of its own, with one thread and all of its graph optimizations. */
export class OnnxRuntime {
  readonly #process: ChildProcess = fork(path.join(__dirname, 'ort-process.js'), {
    serialization: 'advanced',
  });

  /** All outputs by name. One call at a time. Rejects with ONNX Runtime's message. */
  async run(bytes: Uint8Array, arrays: OrtRequest['arrays']): Promise<Map<string, OrtOutput>> {
    const ended = new AbortController();
    const { signal } = ended;
    const exit = once(this.#process, 'exit', { signal }).then(([code]: unknown[]) => {
      throw new Error(`ONNX Runtime's process ended with ${String(code)}`);
    });
    const answer = once(this.#process, 'message', { signal });
    this.#process.send({ bytes, arrays });
    try {
      const [message] = (await Promise.race([answer, exit])) as [
        { readonly outputs?: Record<string, OrtOutput>; readonly error?: string },
      ];
      if (message.error !== undefined) throw new Error(message.error);
      return new Map(Object.entries(message.outputs ?? {}));
    } finally {
      exit.catch(() => {});
      answer.catch(() => {});
      ended.abort();
    }
  }

  close(): void {
    this.#process.kill('SIGKILL');
  }
}
