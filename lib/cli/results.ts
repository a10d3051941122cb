/** Outputs of a model to files, in the format that the name says. */

import { writeNpz } from '../checkpoint/npz';
import { DTYPES } from '../dtype';
import { ParamError } from '../errors';
import type { HostArray } from '../io/array';
import { writeNpy } from '../io/npy';
import { writeWhole } from '../io/write';
import { jsonOfArray } from './json-arrays';
import { type PictureOptions, writePictures } from './pictures';

const FORMATS = ['.npy', '.npz', '.json', '.png', '.jpg', '.jpeg', '.webp'];

/** The ending of a file that outputs can be written to. @throws ParamError for another one */
export function outputFormat(file: string): string {
  const format = FORMATS.find((ending) => file.toLowerCase().endsWith(ending));
  if (format === undefined) {
    throw new ParamError(`--output ${file}: its name must end with one of ${FORMATS.join(', ')}`);
  }
  return format;
}

/** Whether a file of that name holds one array. */
export const holdsOne = (file: string): boolean => !['.npz', '.json'].includes(outputFormat(file));

/** Writes arrays by name; formats that hold one array get the first. Returns what was written. */
export async function writeResults(
  file: string,
  arrays: ReadonlyMap<string, HostArray>,
  options: PictureOptions,
): Promise<string[]> {
  const format = outputFormat(file);
  const [first] = arrays.values();
  if (!first) throw new ParamError('the model has no outputs to write');
  if (format === '.npy') {
    await writeWhole(file, undefined, (handle) => handle.writeFile(writeNpy(first)));
    return [file];
  }
  if (format === '.json') {
    const json = Object.fromEntries([...arrays].map(([name, a]) => [name, jsonOfArray(a)]));
    await writeWhole(file, undefined, (handle) => handle.writeFile(JSON.stringify(json)));
    return [file];
  }
  if (format === '.npz') {
    const tensors = [...arrays].map(([name, { dtype, shape, data }]) => ({
      name,
      type: { name: dtype, size: DTYPES[dtype].size, dtype },
      shape,
      byteLength: data.byteLength,
      values: async () => ({
        chunks: [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
      }),
    }));
    await writeWhole(file, undefined, (handle) => writeNpz(handle, tensors));
    return [file];
  }
  return await writePictures(file, first, options);
}
