/**
 * Tensors that a model keeps in files beside it (TensorProto.external_data): found, checked and read before the model
 * is decoded. ONNX, docs/ExternalData.md.
 */

import type { FileHandle } from 'node:fs/promises';
import { open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, modelError } from '../graph/model-error';
import type { ModelProto, TensorProto } from './proto';

/** Where the bytes of a tensor lie. */
export interface ExternalReference {
  /** Path relative to the model's folder, as the file says it. */
  readonly location: string;
  readonly offset: number;
  /** Absent: to the end of the file. */
  readonly length: number | undefined;
}

/** The bytes of references, by `referenceKey`. */
export type ExternalData = ReadonlyMap<string, Uint8Array>;

export const referenceKey = ({ location, offset, length }: ExternalReference): string =>
  `${offset}:${length ?? ''}:${location}`;

const isExternal = (tensor: TensorProto): boolean =>
  tensor.data_location !== 0 || tensor.external_data.length > 0;

/** Where a tensor's bytes lie when that is another file. @throws ModelError for entries that make no sense. */
export function externalReference(
  tensor: TensorProto,
  what: string,
): ExternalReference | undefined {
  if (!isExternal(tensor)) return undefined;
  const entries = new Map(tensor.external_data.map(({ key, value }) => [key, value]));
  const location = entries.get('location');
  if (!location)
    throw modelError(`${what} keeps its data in another file and does not say in which`);
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined || text === '') return undefined;
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw modelError(
        `${what}: ${key} of its data in "${location}" must be a number, got "${text}"`,
      );
    }
    return value;
  };
  return { location, offset: number('offset') ?? 0, length: number('length') };
}

/** All references of a model, each once. */
export function externalReferences({ graph }: ModelProto): ExternalReference[] {
  const found = new Map<string, ExternalReference>();
  const add = (tensor: TensorProto, what: string) => {
    const reference = externalReference(tensor, what);
    if (reference) found.set(referenceKey(reference), reference);
  };
  const graphs = [graph];
  for (let next = graphs.pop(); next; next = graphs.pop()) {
    for (const tensor of next.initializer) add(tensor, `initializer "${tensor.name}"`);
    for (const node of next.node) {
      for (const { name, t, g } of node.attribute) {
        if (t) add(t, `attribute "${name}" of node "${node.name}" (${node.op_type})`);
        if (g) graphs.push(g);
      }
    }
  }
  return [...found.values()];
}

export interface ReadExternalOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Bytes read at a time, between looks at the signal. */
const CHUNK = 1 << 24;

/**
 * Reads the bytes of all references from files in `folder`.
 *
 * @throws ModelError when a file lies outside the folder (also by way of a link), is missing, or is too short.
 */
export async function readExternalData(
  folder: string,
  references: readonly ExternalReference[],
  { signal, onProgress }: ReadExternalOptions = {},
): Promise<ExternalData> {
  const root = await realpath(folder);
  const files = new Map<string, { handle: FileHandle; size: number }>();
  const data = new Map<string, Uint8Array>();
  try {
    const ranges: { key: string; handle: FileHandle; offset: number; length: number }[] = [];
    for (const reference of references) {
      const { location, offset } = reference;
      let file = files.get(location);
      if (!file) {
        file = await openInside(root, location);
        files.set(location, file);
      }
      const length = reference.length ?? Math.max(0, file.size - offset);
      if (offset + length > file.size) {
        throw modelError(
          `external data file "${location}" has ${file.size} bytes, a tensor needs ${length} from ${offset} on`,
        );
      }
      ranges.push({ key: referenceKey(reference), handle: file.handle, offset, length });
    }
    const total = ranges.reduce((n, { length }) => n + length, 0);
    let done = 0;
    for (const { key, handle, offset, length } of ranges) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        signal?.throwIfAborted();
        const { bytesRead } = await handle.read(
          bytes,
          at,
          Math.min(CHUNK, length - at),
          offset + at,
        );
        if (bytesRead === 0)
          throw modelError('an external data file became shorter while it was read');
        at += bytesRead;
        done += bytesRead;
        onProgress?.(done, total);
      }
      data.set(key, bytes);
    }
    return data;
  } finally {
    for (const { handle } of files.values()) await handle.close();
  }
}

async function openInside(
  root: string,
  location: string,
): Promise<{ handle: FileHandle; size: number }> {
  const what = `external data file "${location}"`;
  const outside = () =>
    modelError(`${what} lies outside the folder of the model, which is refused`);
  const isInside = (file: string) => {
    const relative = path.relative(root, file);
    return relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
  };
  if (path.isAbsolute(location) || location.includes('\0')) throw outside();
  const wanted = path.resolve(root, location);
  if (!isInside(wanted)) throw outside();
  let real: string;
  try {
    real = await realpath(wanted);
  } catch (cause) {
    throw modelError(`${what} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (!isInside(real)) throw outside();
  const handle = await open(real);
  const stat = await handle.stat();
  if (!stat.isFile()) {
    await handle.close();
    throw modelError(`${what} is no file`);
  }
  return { handle, size: stat.size };
}

/** References into files that the caller holds in memory, by location. */
export function sliceExternalData(
  files: Readonly<Record<string, Uint8Array>>,
  references: readonly ExternalReference[],
): ExternalData {
  const data = new Map<string, Uint8Array>();
  for (const reference of references) {
    const { location, offset } = reference;
    const file = Object.hasOwn(files, location) ? files[location] : undefined;
    if (!file) {
      const given =
        Object.keys(files)
          .map((name) => `"${name}"`)
          .join(', ') || 'none';
      throw modelError(`external data file "${location}" is not given, got ${given}`, {
        suggestion: 'Load the model from its path, or give the bytes as externalData',
      });
    }
    const length = reference.length ?? Math.max(0, file.length - offset);
    if (offset + length > file.length) {
      throw modelError(
        `external data file "${location}" has ${file.length} bytes, a tensor needs ${length} from ${offset} on`,
      );
    }
    data.set(referenceKey(reference), file.subarray(offset, offset + length));
  }
  return data;
}
