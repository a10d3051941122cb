/** What goes through a model while it runs, besides plans: values between them, and what a caller gives and gets. */

import { Tensor } from '../tensor';
import type { Strings } from './ir';

/**
 * A value of a run: a tensor of the device, strings of the host, a sequence of values, or null where an optional value is
 * left out.
 */
export type RunValue = Tensor | Strings | readonly RunValue[] | null;

export const isStrings = (value: unknown): value is Strings =>
  typeof value === 'object' && value !== null && 'strings' in value;

/** Disposes of the tensors in a value. */
export function release(value: RunValue): void {
  if (value instanceof Tensor) value.dispose();
  else if (Array.isArray(value))
    for (const element of value as readonly RunValue[]) release(element);
}

/** The same value with tensors of its own. */
export function share(value: RunValue): RunValue {
  if (value instanceof Tensor) return value.reshape(value.shape);
  return Array.isArray(value) ? (value as readonly RunValue[]).map(share) : value;
}

/** What a value is, for messages. */
export function describe(value: RunValue | undefined): string {
  if (value instanceof Tensor) return `a ${value.dtype} tensor [${value.shape.join(', ')}]`;
  if (Array.isArray(value)) return `a sequence of ${value.length}`;
  if (isStrings(value)) return `strings [${value.shape.join(', ')}]`;
  return 'nothing';
}
