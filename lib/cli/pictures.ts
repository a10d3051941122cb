/** Pictures as inputs and outputs of models. They are decoded by the package sharp, which is loaded when one is read. */

import path from 'node:path';
import { ParamError } from '../errors';
import type { HostArray } from '../io/array';
import { writeWhole } from '../io/write';

/** The options of the commands that read pictures. */
export interface PictureOptions {
  /** Height and width. Default: those that the model's input has, else the picture's own. */
  readonly resize?: readonly [height: number, width: number];
  /** How a picture of another aspect fits. Default: fill, which stretches it. */
  readonly fit?: 'fill' | 'cover' | 'contain';
  /** What pixels from 0 to 255 are multiplied with first. Default 1. */
  readonly scale?: number;
  /** Subtracted after that, one number or one for each channel. Default 0. */
  readonly mean?: readonly number[];
  /** Divided by after that, one number or one for each channel. Default 1. */
  readonly std?: readonly number[];
  /** Where channels are. Default: where the model's input has 1 or 3 of them. */
  readonly layout?: 'NCHW' | 'NHWC';
  readonly colors?: 'rgb' | 'bgr' | 'gray';
}

/** What is used of sharp. */
interface Picture {
  rotate(): Picture;
  removeAlpha(): Picture;
  toColourspace(space: string): Picture;
  resize(width: number | null, height: number | null, options: object): Picture;
  raw(options: object): Picture;
  toFormat(name: string): Picture;
  toBuffer(options: { readonly resolveWithObject: true }): Promise<{
    readonly data: Uint8Array;
    readonly info: { readonly width: number; readonly height: number; readonly channels: number };
  }>;
}
type Sharp = (from: string | Uint8Array, options?: object) => Picture;

/** @throws ParamError when sharp is not installed */
function loadSharp(file: string): Sharp {
  try {
    return require('sharp') as Sharp;
  } catch (cause) {
    throw new ParamError(
      `${file}: pictures need the package sharp, which could not be loaded; install it with "npm install sharp" (${(cause as Error).message.split('\n')[0]})`,
      { cause },
    );
  }
}

/** The form in which a model takes pictures. */
interface Form {
  readonly layout: 'NCHW' | 'NHWC';
  readonly channels: 1 | 3;
  readonly height: number | null;
  readonly width: number | null;
}

/** Pictures are held as arrays: 2^28 pixels of three channels are 3 GiB of float32. As many are decoded by sharp. */
const MAX_PIXELS = 2 ** 28;

const isChannels = (size: unknown): size is 1 | 3 => size === 1 || size === 3;

/** The layout that was asked for, else the one whose place for channels holds 1 or 3 of them. */
function layoutOf(shape: readonly unknown[], { layout }: PictureOptions): 'NCHW' | 'NHWC' {
  const [, second, , fourth] = shape;
  return layout ?? (!isChannels(second) && isChannels(fourth) ? 'NHWC' : 'NCHW');
}

function formOf(name: string, shape: readonly unknown[], options: PictureOptions): Form {
  const shown = `[${shape.map((size) => size ?? '?').join(', ')}]`;
  if (shape.length !== 4) {
    throw new ParamError(
      `the input "${name}" ${shown} takes no pictures: it must have 4 axes, such as [N, 3, height, width]`,
    );
  }
  const layout = layoutOf(shape, options);
  const [declared, height, width] =
    layout === 'NCHW' ? [shape[1], shape[2], shape[3]] : [shape[3], shape[1], shape[2]];
  const wanted = options.colors === undefined ? undefined : options.colors === 'gray' ? 1 : 3;
  const channels = typeof declared === 'number' ? declared : (wanted ?? 3);
  if (!isChannels(channels) || channels !== (wanted ?? channels)) {
    const asked = options.colors === undefined ? '' : `, and ${options.colors} has ${wanted}`;
    throw new ParamError(
      `the input "${name}" ${shown} takes ${channels} channels as ${layout}${asked}: pictures have 1 or 3`,
    );
  }
  const [tall, wide] = options.resize ?? [];
  const size = (asked: number | undefined, own: unknown) => {
    if (asked !== undefined && typeof own === 'number' && asked !== own) {
      throw new ParamError(`--resize ${tall}x${wide} does not fit the input "${name}" ${shown}`);
    }
    return asked ?? (typeof own === 'number' ? own : null);
  };
  const form = { layout, channels, height: size(tall, height), width: size(wide, width) };
  if ((tall ?? 0) * (wide ?? 0) > MAX_PIXELS) {
    throw new ParamError(`--resize ${tall}x${wide}: at most ${MAX_PIXELS} pixels are supported`);
  }
  return form;
}

/** The number for each channel out of one for all or one each. */
function perChannel(
  option: string,
  given: readonly number[] | undefined,
  channels: number,
  otherwise: number,
): number[] {
  const numbers = given ?? [otherwise];
  if (numbers.length !== 1 && numbers.length !== channels) {
    throw new ParamError(
      `${option} must have one number or ${channels}, one for each channel, got ${numbers.length}`,
    );
  }
  return Array.from({ length: channels }, (_, c) => numbers[c % numbers.length] as number);
}

const isPlain = ({ scale, mean, std }: PictureOptions) => (scale ?? mean ?? std) === undefined;

/** One picture as an array of shape [1, ...], in the form that the model's input `name` of `shape` takes. */
export async function readPicture(
  file: string,
  name: string,
  shape: readonly unknown[],
  options: PictureOptions,
): Promise<HostArray> {
  const { layout, channels, height, width } = formOf(name, shape, options);
  const sharp = loadSharp(file);
  const opened = sharp(file).rotate().removeAlpha(); // rotate(): as the camera was held
  const sized =
    height === null && width === null
      ? opened
      : opened.resize(width, height, { fit: options.fit ?? 'fill' });
  const { data, info } = await sized
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: Error) => {
      throw new ParamError(`${file}: ${cause.message}`, { cause });
    });
  const area = info.width * info.height;
  const mean = perChannel('--mean', options.mean, channels, 0);
  const std = perChannel('--std', options.std, channels, 1);
  const { scale = 1, colors } = options;
  // Without arithmetic the pixels stay what they are.
  const values = isPlain(options) ? new Uint8Array(data.length) : new Float32Array(data.length);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < channels; c++) {
      const from = colors === 'bgr' ? channels - 1 - c : c;
      const pixel = data[i * info.channels + from] as number;
      const at = layout === 'NCHW' ? c * area + i : i * channels + c;
      values[at] = (pixel * scale - (mean[c] as number)) / (std[c] as number);
    }
  }
  const { height: h, width: w } = info;
  return {
    dtype: values instanceof Uint8Array ? 'uint8' : 'float32',
    shape: layout === 'NCHW' ? [1, channels, h, w] : [1, h, w, channels],
    data: values,
  };
}

/** `out.png` for one picture, `out-0.png`, `out-1.png` ... for several. */
function pictureName(file: string, index: number, count: number): string {
  if (count === 1) return file;
  const dot = file.lastIndexOf('.');
  return `${file.slice(0, dot)}-${index}${file.slice(dot)}`;
}

/**
 * Writes an output as pictures, one for each entry of axis 0, with the arithmetic of reading undone. What lies outside 0 to
 * 255 is clamped, NaN is 0. Returns the files.
 */
export async function writePictures(
  file: string,
  { shape, data }: HostArray,
  options: PictureOptions,
): Promise<string[]> {
  const full = shape.length === 4 ? shape : [...Array(4 - shape.length).fill(1), ...shape];
  const layout = layoutOf(full, options);
  const [count = 0, channels = 0, height = 0, width = 0] =
    layout === 'NCHW' ? full : [full[0], full[3], full[1], full[2]];
  if (full.length !== 4 || !isChannels(channels)) {
    throw new ParamError(
      `${file}: an output [${shape.join(', ')}] is no picture: it must be [n, 1 or 3, height, width] or [n, height, width, 1 or 3]`,
    );
  }
  const sharp = loadSharp(file);
  const mean = perChannel('--mean', options.mean, channels, 0);
  const std = perChannel('--std', options.std, channels, 1);
  const area = height * width;
  const files: string[] = [];
  for (let n = 0; n < count; n++) {
    const pixels = new Uint8ClampedArray(area * channels);
    for (let i = 0; i < area; i++) {
      for (let c = 0; c < channels; c++) {
        const at =
          layout === 'NCHW' ? (n * channels + c) * area + i : (n * area + i) * channels + c;
        const value = Number(data[at]) * (std[c] as number) + (mean[c] as number);
        const to = options.colors === 'bgr' ? channels - 1 - c : c;
        pixels[i * channels + to] = value / (options.scale ?? 1);
      }
    }
    const name = pictureName(file, n, count);
    const raw = { width, height, channels };
    const format = path.extname(name).slice(1).toLowerCase().replace('jpg', 'jpeg');
    const { data: bytes } = await sharp(new Uint8Array(pixels.buffer), { raw })
      .toFormat(format)
      .toBuffer({ resolveWithObject: true });
    await writeWhole(name, undefined, (handle) => handle.writeFile(bytes));
    files.push(name);
  }
  return files;
}
