/** Places in dense, row-major tensors. */

/** Where the flat position i lies along each axis. */
export function coordinates(shape: readonly number[], i: number): number[] {
  const at: number[] = [];
  let rest = i;
  for (const size of [...shape].reverse()) {
    at.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return at;
}

/** The flat position of coordinates. */
export const offsetOf = (shape: readonly number[], at: readonly number[]): number =>
  shape.reduce((offset, size, axis) => offset * size + (at[axis] as number), 0);
