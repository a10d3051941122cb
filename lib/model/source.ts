/** From a path or bytes to a checked graph. */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeviceName } from '../device';
import { ModelError, ParamError } from '../errors';
import type { Graph } from '../graph/ir';
import { readBytes } from '../io/bytes';
import { decodeProto, parseModel } from '../onnx/decode';
import {
  type ExternalData,
  externalReferences,
  readExternalData,
  sliceExternalData,
} from '../onnx/external';
import { importModel } from '../onnx/import';
import { ONNX_OPS } from '../onnx/op-table';
import type { ModelProto } from '../onnx/proto';
import { checkOptions, type OptionKinds, shown } from '../options';

/** How far loading has come: `done` of `total` bytes are read; the rest takes as long as reading, or less. */
export interface LoadProgress {
  readonly phase: 'read' | 'decode' | 'check';
  readonly done: number;
  readonly total: number;
}

/** Options of {@link Model.load}. */
export interface LoadOptions {
  /** Where the model runs. Default: HALFTONE_DEVICE, else the CPU. */
  readonly device?: DeviceName | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Of a model that is given as bytes: the files that hold its external data, by the names that the model knows them by.
   * A model that is given by its path finds them beside it.
   */
  readonly externalData?: Readonly<Record<string, Uint8Array>> | undefined;
  /** Called as loading goes on. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /**
   * Lets a model that was saved for a fixed number of images take any number, where that is shown to be the same for each
   * node (see `Model.batch`). Default true.
   */
  readonly freeBatch?: boolean | undefined;
  /**
   * Folds BatchNormalization into the convolution before it, applies Relu where a convolution stores its result, and drops
   * nodes that give their input or that nobody reads. Default true; false runs the nodes of the file one by one.
   */
  readonly optimize?: boolean | undefined;
  /**
   * Whether an addition after a convolution or product in 16 bits is made in its float32 sums, before the one rounding,
   * instead of after it. Default true, while `optimize` is. Where no rounding lies between, as in float32 and in integers,
   * the results are the same and it does not matter.
   */
  readonly fuseAdditions?: boolean | undefined;
  /** The order of images while the model runs: see docs/models.md. Default 'auto'. */
  readonly layout?: LayoutPolicy | undefined;
  /**
   * Whether runs are captured and replayed, for each set of input shapes: see docs/models.md. Default 'auto': on the CPU
   * where it saves time and the values of a run take 256 MiB together at most, on other devices always.
   */
  readonly graphs?: GraphPolicy | undefined;
}

/** Channels first ('nchw') or last ('nhwc'). */
export type LayoutPolicy = 'auto' | 'nchw' | 'nhwc';

/** Whether runs of a model are captured and replayed; 'auto': where it saves time. */
export type GraphPolicy = 'auto' | boolean;

/** An ONNX model: the path of its file, or its bytes. */
export type ModelSource = string | URL | Uint8Array;

/** An error of a model that comes from a file, with the file's name in front; any other as it is. */
export function withFile(source: ModelSource, error: unknown): unknown {
  if (!(error instanceof ModelError) || source instanceof Uint8Array) return error;
  const file = source instanceof URL ? fileURLToPath(source) : source;
  const { message, node, op, opset, cause } = error;
  if (message.startsWith(file)) return error;
  return new ModelError(`${file}: ${message}`, { node, op, opset, cause });
}

/** Reads a model with all its data. The last phase that it reports, 'check', is what the caller does next. */
export async function readModel(source: ModelSource, options: LoadOptions): Promise<Graph> {
  const { signal, onProgress } = options;
  const bytes = await readSource(source, options);
  const step = (phase: 'decode' | 'check') => {
    signal?.throwIfAborted();
    onProgress?.({ phase, done: bytes.length, total: bytes.length });
  };
  step('decode');
  const proto = parseModel(bytes);
  const external = await loadExternal(source, proto, options);
  const graph = importModel(decodeProto(proto, external), ONNX_OPS);
  step('check');
  return graph;
}

/** The data that the model keeps in other files. */
async function loadExternal(
  source: ModelSource,
  proto: ModelProto,
  { externalData, signal, onProgress }: LoadOptions,
): Promise<ExternalData> {
  const references = externalReferences(proto);
  if (references.length === 0) return new Map();
  if (externalData) return sliceExternalData(externalData, references);
  if (source instanceof Uint8Array) return sliceExternalData({}, references);
  return readExternalData(
    path.dirname(source instanceof URL ? fileURLToPath(source) : source),
    references,
    {
      signal,
      onProgress: (done, total) => onProgress?.({ phase: 'read', done, total }),
    },
  );
}

async function readSource(
  source: ModelSource,
  { signal, onProgress }: LoadOptions,
): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw new ParamError(`Model.load: source must be a path or bytes, got ${typeof source}`);
  }
  return readBytes(source, {
    signal,
    onProgress: (done, total) => onProgress?.({ phase: 'read', done, total }),
  });
}

/** How a model runs: what `Model.load` was asked for, with the defaults. */
export type RunPolicy = {
  readonly [key in 'optimize' | 'fuseAdditions' | 'layout' | 'graphs']: NonNullable<
    LoadOptions[key]
  >;
};

const LOAD_OPTIONS: OptionKinds<LoadOptions> = {
  device: 'any',
  signal: 'signal',
  externalData: 'any',
  onProgress: 'function',
  freeBatch: 'boolean',
  optimize: 'any',
  fuseAdditions: 'any',
  layout: 'any',
  graphs: 'any',
};

/** @throws ParamError for an option that there is not, or a value that it does not have. */
export function runPolicy(options: LoadOptions): RunPolicy {
  checkOptions('Model.load', options, LOAD_OPTIONS);
  const one = <T>(name: keyof LoadOptions, values: readonly T[], fallback: T): T => {
    const given = options[name] as T | undefined;
    if (given === undefined || values.includes(given)) return given ?? fallback;
    throw new ParamError(
      `Model.load: ${name} must be ${values.map(shown).join(' or ')}, got ${shown(given)}`,
    );
  };
  return {
    optimize: one('optimize', [true, false], true),
    fuseAdditions: one('fuseAdditions', [true, false], true),
    layout: one<LayoutPolicy>('layout', ['auto', 'nchw', 'nhwc'], 'auto'),
    graphs: one<GraphPolicy>('graphs', ['auto', true, false], 'auto'),
  };
}
