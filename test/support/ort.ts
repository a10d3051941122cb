/** ONNX Runtime's CPU provider, as another opinion on what a model computes. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { HostArray } from '../../lib/io/array';

/** A model and its inputs by name: element types that ONNX Runtime calls as Halftone does. */
export interface OrtRequest {
  readonly bytes: Uint8Array;
  readonly arrays: Readonly<Record<string, HostArray>>;
}

/** An output: its values as they are in memory, so the bits of 16-bit floats. */
export interface OrtOutput {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
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
