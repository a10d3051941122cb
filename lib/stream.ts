/** Streams: several queues of work on one device, and points in them. */

import { inspect } from 'node:util';
import type { NativeEvent, NativeStream } from '../binding';
import { binding } from './binding';
import { inContext, refuseInCapture, workContext } from './context';
import { type DeviceName, resolveDevice } from './device';
import { DisposedError, ParamError } from './errors';

/**
 * A queue of work on a device, beside the one that every device has. Operators of one stream run one after the other; those of
 * several may run at the same time.
 *
 * Tensors may be used on every stream of their device: an operator waits, on the device, for what its inputs wait for, and
 * memory is given back when all streams are done with it. So streams change when work runs, never its results.
 *
 * A disposed stream takes no more work. What it has runs to its end, and tensors that it made stay valid.
 *
 * @example
 * using stream = new Stream('cpu');
 * const x = tensor([-1, 2]);
 * const y = stream.run(() => relu(x));
 * const z = add(y, x); // on the device's first stream, after y
 * await z.data(); // Float32Array [-1, 4]
 */
export class Stream {
  readonly device: string;
  readonly #handle: NativeStream;
  #disposed = false;

  /** @throws BackendUnavailableError when there is no such device; DeviceError when it is lost. */
  constructor(device?: DeviceName) {
    this.#handle = binding.streamCreate(resolveDevice(device));
    this.device = this.#handle.device;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** @internal The native stream, for `who`, which the error names when it is gone. */
  handle(who: string): NativeStream {
    if (this.#disposed) throw new DisposedError(`${who}: the stream was disposed`);
    return this.#handle;
  }

  /**
   * Calls `fn`: operators and tensors that it makes on this stream's device are enqueued here, also after an `await` inside it.
   * Those on other devices are not affected. Returns what `fn` returns.
   */
  run<T>(fn: () => T): T {
    return inContext({ stream: this.handle('Stream.run'), tape: workContext().tape }, fn);
  }

  /** The point after all that was enqueued here so far. */
  record(): StreamEvent {
    return new StreamEvent(binding.streamRecord(this.handle('Stream.record')), this.device);
  }

  /** What is enqueued here from now on begins after `event`, of whatever stream or device. Does not block. */
  wait(event: StreamEvent): void {
    const handle = this.handle('Stream.wait');
    if (!(event instanceof StreamEvent)) {
      throw new ParamError(
        `Stream.wait: a StreamEvent was expected, got ${inspect(event, { depth: 0 }).slice(0, 60)}`,
      );
    }
    binding.streamWait(handle, event.handle());
  }

  /**
   * Resolves when all that was enqueued here so far has run. Rejects with the first failure of an operator on this stream since
   * the last call.
   */
  async sync(): Promise<void> {
    refuseInCapture('Stream.sync');
    await binding.streamSync(this.handle('Stream.sync'));
  }

  /** Takes no more work. Calling it again does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    binding.streamDispose(this.#handle);
  }

  /** For `using`: the same as {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * A point in the work of a stream, made by {@link Stream.record}. The device notes the time when it comes there.
 *
 * @example
 * using stream = new Stream('cpu');
 * const before = stream.record();
 * stream.run(() => relu(zeros([1000])));
 * const after = stream.record();
 * await after.wait();
 * after.elapsed(before) >= 0; // true
 */
export class StreamEvent {
  readonly device: string;
  readonly #handle: NativeEvent;

  /** @internal */
  constructor(handle: NativeEvent, device: string) {
    this.#handle = handle;
    this.device = device;
  }

  /** @internal */
  handle(): NativeEvent {
    return this.#handle;
  }

  /** Whether all work before it is done. Does not wait. */
  get done(): boolean {
    return binding.eventDone(this.#handle);
  }

  /** Resolves when all work before it is done. Rejects when the device is lost. */
  async wait(): Promise<void> {
    refuseInCapture('StreamEvent.wait');
    await binding.eventWait(this.#handle);
  }

  /**
   * Milliseconds from `since` to this event, as the device measured them; negative when this one came first.
   *
   * @throws ParamError when one of them is not done, or they are of two devices.
   */
  elapsed(since: StreamEvent): number {
    if (!(since instanceof StreamEvent)) {
      throw new ParamError(
        `StreamEvent.elapsed: a StreamEvent was expected, got ${inspect(since, { depth: 0 }).slice(0, 60)}`,
      );
    }
    return binding.eventElapsed(since.#handle, this.#handle);
  }
}
