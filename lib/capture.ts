/** Captured work: recorded once, replayed on new values without the cost of checking and enqueueing each operator. */

import { inspect } from 'node:util';
import type { NativeGraph, NativeTensor } from '../binding';
import { binding } from './binding';
import { inContext, workContext } from './context';
import { type DeviceName, resolveDevice } from './device';
import { DisposedError, ParamError, UnsupportedError } from './errors';
import { checkOptions, type OptionKinds } from './options';
import { scope } from './scope';
import type { Stream } from './stream';
import { type Quantization, Tensor } from './tensor';

/** Where work is captured. */
export interface CaptureOptions {
  /** Default: the device of the first input, else HALFTONE_DEVICE, else the CPU. */
  readonly device?: DeviceName;
  /** The stream of the graph; default: the one that is current, else the first of the device. */
  readonly stream?: Stream;
}

/** How a graph is replayed. */
export interface ReplayOptions {
  /**
   * Whether the results are tensors of their own (default). Without, they are the graph's: no copy is made, and the next replay
   * changes them.
   */
  readonly copy?: boolean;
}

const CAPTURE_OPTIONS: OptionKinds<CaptureOptions> = { device: 'any', stream: 'any' };
const REPLAY_OPTIONS: OptionKinds<ReplayOptions> = { copy: 'boolean' };

/** What of a result is kept: where tensors stand, by number. */
type Template =
  | { readonly kind: 'tensor'; readonly at: number; readonly quantization: QuantizationAt | null }
  | { readonly kind: 'array'; readonly items: readonly Template[] }
  | { readonly kind: 'object'; readonly items: readonly (readonly [string, Template])[] }
  | { readonly kind: 'map'; readonly items: readonly (readonly [unknown, Template])[] }
  | { readonly kind: 'value'; readonly value: unknown };

interface QuantizationAt {
  readonly scale: number;
  readonly zeroPoint: number | null;
  readonly axis: number | null;
}

/** Finds the tensors of a result, and what is needed to build one like it. */
function takeApart(result: unknown, tensors: Tensor[]): Template {
  const at = (tensor: Tensor): number => {
    const known = tensors.indexOf(tensor);
    return known < 0 ? tensors.push(tensor) - 1 : known;
  };
  if (Tensor.is(result)) {
    const q = result.quantization;
    return {
      kind: 'tensor',
      at: at(result),
      quantization: q
        ? { scale: at(q.scale), zeroPoint: q.zeroPoint ? at(q.zeroPoint) : null, axis: q.axis }
        : null,
    };
  }
  if (Array.isArray(result)) {
    return { kind: 'array', items: result.map((item) => takeApart(item, tensors)) };
  }
  if (result instanceof Map) {
    const items = [...result].map(([key, item]) => [key, takeApart(item, tensors)] as const);
    return { kind: 'map', items };
  }
  if (typeof result === 'object' && result !== null) {
    const prototype = Object.getPrototypeOf(result);
    if (prototype === Object.prototype || prototype === null) {
      const items = Object.entries(result).map(
        ([key, item]) => [key, takeApart(item, tensors)] as const,
      );
      return { kind: 'object', items };
    }
  }
  return { kind: 'value', value: result };
}

function putTogether(template: Template, tensors: readonly Tensor[]): unknown {
  switch (template.kind) {
    case 'tensor': {
      const tensor = tensors[template.at] as Tensor;
      if (template.quantization) {
        const { scale, zeroPoint, axis } = template.quantization;
        const quantization: Quantization = { scale: tensors[scale] as Tensor, axis };
        tensor.quantization =
          zeroPoint === null
            ? quantization
            : { ...quantization, zeroPoint: tensors[zeroPoint] as Tensor };
      }
      return tensor;
    }
    case 'array':
      return template.items.map((item) => putTogether(item, tensors));
    case 'map':
      return new Map(template.items.map(([key, item]) => [key, putTogether(item, tensors)]));
    case 'object':
      return Object.fromEntries(
        template.items.map(([key, item]) => [key, putTogether(item, tensors)]),
      );
    case 'value':
      return template.value;
  }
}

function toHandles(who: string, inputs: unknown): NativeTensor[] {
  if (!Array.isArray(inputs)) {
    throw new ParamError(`${who}: inputs must be an array of tensors`);
  }
  return inputs.map((input, i) => {
    if (Tensor.is(input)) return input.handle(who);
    throw new ParamError(
      `${who}: inputs[${i}] must be a Tensor, got ${inspect(input, { depth: 0, breakLength: Infinity }).slice(0, 60)}`,
    );
  });
}

/**
 * Work that was captured: see {@link capture}. It keeps the memory of every tensor in it until it is disposed or collected.
 */
export class CapturedGraph<T = unknown> {
  /** Where it runs. */
  readonly device: string;
  /** How many operators it has. */
  readonly steps: number;
  readonly #handle: NativeGraph;
  readonly #template: Template;
  #disposed = false;

  /** @internal Made by {@link capture}. */
  constructor(handle: NativeGraph, template: Template) {
    this.#handle = handle;
    this.#template = template;
    const { device, steps } = binding.graphInfo(handle);
    this.device = device;
    this.steps = steps;
  }

  /**
   * Bytes that it keeps. Until the first replay all tensors in it at the same time; from then on those that nobody else has,
   * and that are not needed at the same time, share memory. 0 once disposed.
   */
  get bytes(): number {
    return this.#disposed ? 0 : binding.graphInfo(this.#handle).bytes;
  }

  /**
   * Enqueues the captured work and returns what the captured function returned, with new values in its tensors. `inputs` become
   * the values of the captured inputs; without them these keep their last ones. Returns at once, as an operator does.
   *
   * @throws ShapeError, DtypeError, ParamError when an input differs from the captured one in shape, dtype or device.
   */
  replay(inputs: readonly Tensor[] = [], options: ReplayOptions = {}): T {
    checkOptions('replay', options, REPLAY_OPTIONS);
    if (this.#disposed) throw new DisposedError('replay: the graph was disposed');
    if (workContext().tape) {
      throw new UnsupportedError('replay: a graph cannot be replayed while another is captured');
    }
    const handles = toHandles('replay', inputs);
    const tensors = binding
      .graphReplay(this.#handle, handles, options.copy ?? true)
      .map((handle) => new Tensor(handle));
    return putTogether(this.#template, tensors) as T;
  }

  /** Whether the last replay that has run was one launch of a graph of the device; else the operators are called one by one. */
  get launched(): boolean {
    return !this.#disposed && binding.graphInfo(this.#handle).launched;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Gives the memory back once replays under way are done. Calling it again does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    binding.graphDispose(this.#handle);
  }

  /** For `using`: the same as {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Runs `fn` once and records the operators that it calls, so that they can be replayed on new values: on CUDA as one launch of a
 * CUDA graph, on other devices by the stream's own thread.
 *
 * `fn` gets tensors with the values of `inputs`; replays change these. Every other tensor in it is a constant, and so is every
 * decision that `fn` makes: shapes are fixed, a random operator with a fixed seed gives the same numbers each time. It returns
 * a tensor, or tensors in arrays, plain objects and maps. What it makes besides is disposed when the graph is.
 *
 * Rejects with UnsupportedError when `fn` reads results (`data()`, `dataSync()`, `sync()`): that would happen once, not at each
 * replay; with ParamError when it works on another device than the graph's; and with the first failure of an operator.
 *
 * @example
 * const w = tensor([[1, 0], [0, 2]]);
 * using graph = await capture((x) => relu(matmul(x, w)), [zeros([1, 2])]);
 * const y = graph.replay([tensor([[-3, 4]])]);
 * await y.data(); // Float32Array [0, 8]
 * graph.replay([zeros([3, 2])]); // throws ShapeError: replay: input 0 must have the shape [1, 2] ... got [3, 2]
 */
export async function capture<T>(
  fn: (...inputs: Tensor[]) => T | Promise<T>,
  inputs: readonly Tensor[] = [],
  options: CaptureOptions = {},
): Promise<CapturedGraph<T>> {
  checkOptions('capture', options, CAPTURE_OPTIONS);
  if (workContext().tape) throw new UnsupportedError('capture: another capture is under way here');
  const handles = toHandles('capture', inputs);
  const stream = options.stream ? options.stream.handle('capture') : workContext().stream;
  const device =
    options.device === undefined
      ? (options.stream?.device ?? inputs[0]?.device ?? resolveDevice())
      : resolveDevice(options.device);
  const tape = binding.tapeBegin(handles, device, stream);
  const tensors: Tensor[] = [];
  let template: Template | undefined;
  const context = { stream, tape: tape as typeof tape | undefined };
  const graph = await scope(async () => {
    const own = tape.inputs.map((handle) => new Tensor(handle));
    try {
      const result = await inContext(context, async () => await fn(...own));
      template = takeApart(result, tensors);
      return binding.graphCreate(
        tape,
        tensors.map((t) => t.handle('capture')),
      );
    } finally {
      context.tape = undefined; // what the function has left running is recorded no more
    }
  });
  const captured = new CapturedGraph<T>(graph, template as Template);
  try {
    await binding.graphReady(graph);
    return captured;
  } catch (error) {
    captured.dispose();
    throw error;
  }
}
