/** Optional values: something, or nothing. */

import type { FlowCall, Work } from '../../graph/flow';
import type { OpDefinition } from '../../graph/op-set';
import { type RunValue, share } from '../../graph/values';

/** Work that gives one value and has nothing to wait for. */
const atOnce = (give: (call: FlowCall) => RunValue) =>
  // biome-ignore lint/correctness/useYield: it has nothing to wait for
  function* (call: FlowCall): Work<readonly RunValue[]> {
    return [give(call)];
  };

/** Optional-15: of an input that is left out, nothing. */
const optional = atOnce((call) => {
  const value = call.input(0);
  if (value === undefined && !call.attribute('type', 'type_proto')) {
    throw call.error('it has neither an input nor a type');
  }
  return share(value ?? null);
});

/** OptionalHasElement-15, 18: of a tensor or a sequence always true. */
const hasElement = atOnce((call) => {
  const value = call.input(0) ?? null;
  return call.upload({ dtype: 'bool', shape: [], data: Uint8Array.of(Number(value !== null)) });
});

/** OptionalGetElement-15, 18. */
const getElement = atOnce((call) => {
  const value = call.input(0) ?? null;
  if (value === null) throw call.error('the optional value is left out');
  return share(value);
});

export const OPTIONAL: readonly OpDefinition[] = [
  { op: 'Optional', since: 15, inputs: [0, 1], attributes: { type: 'type_proto' }, flow: optional },
  { op: 'OptionalHasElement', since: 15, inputs: [1, 1], flow: hasElement },
  { op: 'OptionalHasElement', since: 18, inputs: [0, 1], flow: hasElement },
  { op: 'OptionalGetElement', since: 15, inputs: [1, 1], flow: getElement },
];
