/** Operators on the host: functions of strings and of the values of tensors. */

import type { Constant, Strings } from './ir';
import type { NodeAttributes } from './op-set';

/** What a function of the host reads and makes: strings, or the values of a tensor. */
export type HostValue = Strings | Constant;

/** A node that is computed on the host, with its inputs. */
export interface HostCall extends NodeAttributes {
  /** Number of inputs that the node lists. */
  readonly inputCount: number;
  /** The input at `index`, whatever it holds; undefined where it is left out. */
  optional(index: number): HostValue | undefined;
  /** The input at `index`, which has to be there. */
  value(index: number): HostValue;
  /** The input at `index`, which has to be strings. */
  strings(index: number): Strings;
  /** The input at `index`, which has to be a tensor. */
  constant(index: number): Constant;
}
