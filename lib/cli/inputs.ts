/** From files to the inputs of a model: .npy, idx, .npz, JSON, pictures, folders of pictures. */

import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { openNpz } from '../checkpoint/npz';
import { ARRAY_TYPES } from '../dtype';
import { type Model, ParamError } from '../index';
import type { HostArray } from '../io/array';
import { readArray } from '../io/read';
import { concatArrays } from './batches';
import { arrayOfJson } from './json-arrays';
import { type PictureOptions, readPicture } from './pictures';

/** How files are read. */
export interface ReadInputsOptions extends PictureOptions {
  /** At most this many pictures of an input. */
  readonly limit?: number | undefined;
  readonly onProgress?: (done: number, total: number) => void;
}

type Info = Model['inputs'][number];
type Kind = 'array' | 'npz' | 'json' | 'picture' | 'folder';

const PICTURE_NAME = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

/** What a file is, by its first bytes, and by its name where these say nothing. */
async function kindOf(file: string): Promise<Kind> {
  const found = await stat(file);
  if (found.isDirectory()) return 'folder';
  // It is read more than once, and a device may never end.
  if (!found.isFile()) throw new ParamError(`${file}: is a pipe or a device, not a file`);
  const handle = await open(file);
  const bytes = new Uint8Array(8);
  try {
    await handle.read(bytes, 0, 8, 0);
  } finally {
    await handle.close();
  }
  const first = Buffer.from(bytes).toString('latin1');
  if (first.startsWith('PK\x03\x04') || first.startsWith('PK\x05\x06')) return 'npz';
  if (first.startsWith('\x89PNG') || first.startsWith('\xff\xd8\xff')) return 'picture';
  if (PICTURE_NAME.test(file)) return 'picture';
  if (/^\s*[[{]/.test(first) || file.endsWith('.json')) return 'json';
  return 'array';
}

const namesOf = (inputs: readonly Info[]) => inputs.map(({ name }) => name).join(', ');

/** Arrays of one .npz file by name. No larger than what a model may take at once: 4 GiB each. */
async function readNpzFile(file: string): Promise<Map<string, HostArray>> {
  const source = await openNpz(file, 2 ** 32, 'npz');
  try {
    const arrays = new Map<string, HostArray>();
    for (const [i, { name, type, shape }] of source.tensors.entries()) {
      const { dtype } = type;
      if (!dtype)
        throw new ParamError(`${file}: "${name}" is ${type.name}, which is not supported`);
      const { buffer, byteOffset, byteLength } = await source.read(i);
      const data = new ARRAY_TYPES[dtype](
        buffer,
        byteOffset,
        byteLength / ARRAY_TYPES[dtype].BYTES_PER_ELEMENT,
      );
      arrays.set(name, { dtype, shape, data });
    }
    return arrays;
  } finally {
    await source.close();
  }
}

/** Arrays of one JSON file by input: an object with a member for each, or the only input's values alone. */
async function readJsonFile(
  file: string,
  inputs: readonly Info[],
): Promise<Map<string, HostArray>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ParamError(`${file}: ${cause.message}`, { cause });
  }
  const [only] = inputs;
  const make = (name: string, given: unknown) => {
    const dtype = inputs.find((input) => input.name === name)?.dtype ?? 'float32';
    return arrayOfJson(given, dtype === 'string' ? 'float32' : dtype, `${file}: "${name}"`);
  };
  const named =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !('data' in value);
  if (named) {
    const members = Object.entries(value as object);
    return new Map(members.map(([name, given]) => [name, make(name, given)]));
  }
  if (!only || inputs.length !== 1) {
    throw new ParamError(`${file}: must be an object with the inputs ${namesOf(inputs)}`);
  }
  return new Map([[only.name, make(only.name, value)]]);
}

/** The pictures in a folder, in the order of their names. */
async function picturesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => PICTURE_NAME.test(name)).sort();
  if (names.length === 0) throw new ParamError(`${folder}: holds no pictures`);
  return names.map((name) => path.join(folder, name));
}

class Reader {
  readonly arrays = new Map<string, HostArray>();
  readonly #pictures = new Map<string, string[]>();

  constructor(
    readonly inputs: readonly Info[],
    readonly flag: string,
    readonly options: ReadInputsOptions,
  ) {}

  #set(name: string, array: HostArray): void {
    if (this.arrays.has(name) || this.#pictures.has(name)) {
      throw new ParamError(`${this.flag} names the input "${name}" twice`);
    }
    this.arrays.set(name, array);
  }

  #members(file: string, arrays: ReadonlyMap<string, HostArray>, target: string | undefined): void {
    const [one] = arrays.values();
    // A file with one array is for the input that is meant, whatever its own name is.
    if (target !== undefined && arrays.size === 1 && one) {
      this.#set(target, one);
      return;
    }
    for (const [name, array] of arrays) {
      if (!this.inputs.some((input) => input.name === name)) {
        throw new ParamError(
          `${file}: "${name}" is no input of the model; these are ${namesOf(this.inputs)}`,
        );
      }
      this.#set(name, array);
    }
  }

  /** `[name=]file` */
  async add(text: string): Promise<void> {
    const { inputs, flag } = this;
    const named = inputs.find(({ name }) => text.startsWith(`${name}=`));
    const file = named ? text.slice(named.name.length + 1) : text;
    const target = named?.name ?? (inputs.length === 1 ? inputs[0]?.name : undefined);
    const kind = await kindOf(file);
    if (kind === 'npz') return this.#members(file, await readNpzFile(file), target);
    if (kind === 'json') {
      const only = named ? [named] : inputs;
      return this.#members(file, await readJsonFile(file, only), target);
    }
    if (target === undefined) {
      throw new ParamError(
        `${flag} must be NAME=FILE for inputs ${namesOf(inputs)}, got "${text}"`,
      );
    }
    if (kind === 'array') return this.#set(target, await readArray(file));
    const files = kind === 'folder' ? await picturesIn(file) : [file];
    if (this.arrays.has(target)) {
      throw new ParamError(`${flag} names the input "${target}" twice`);
    }
    this.#pictures.set(target, [...(this.#pictures.get(target) ?? []), ...files]);
  }

  async readPictures(): Promise<void> {
    const { limit = Number.POSITIVE_INFINITY, onProgress } = this.options;
    for (const [name, all] of this.#pictures) {
      const files = all.slice(0, limit);
      const shape = this.inputs.find((input) => input.name === name)?.shape ?? [];
      const parts: HostArray[] = [];
      for (const file of files) {
        const part = await readPicture(file, name, shape, this.options);
        const first = parts[0]?.shape ?? part.shape;
        if (String(first) !== String(part.shape)) {
          throw new ParamError(
            `${file}: [${part.shape.join(', ')}] where ${files[0]} is [${first.join(', ')}]; --resize makes pictures equally large`,
          );
        }
        parts.push(part);
        onProgress?.(parts.length, files.length);
      }
      this.arrays.set(name, concatArrays(parts));
    }
  }
}

/**
 * Reads what options such as `--input` or `--data` name: `NAME=FILE`, or `FILE` where that is clear. Several pictures of one
 * input are stacked.
 *
 * @throws ParamError when a file does not fit, or an input has no file.
 */
export async function readInputs(
  model: Model,
  flag: string,
  given: readonly string[],
  options: ReadInputsOptions = {},
): Promise<Map<string, HostArray>> {
  const reader = new Reader(model.inputs, flag, options);
  for (const text of given) await reader.add(text);
  await reader.readPictures();
  const missing = model.inputs.find(({ name }) => !reader.arrays.has(name));
  if (missing) throw new ParamError(`${flag} names no file for the input "${missing.name}"`);
  return reader.arrays;
}
