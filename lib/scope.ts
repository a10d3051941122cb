/** Scopes: tensors made inside one are disposed when it ends, across awaits as well. */

import { AsyncLocalStorage } from 'node:async_hooks';

/** What a scope tracks. */
export interface Disposable {
  dispose(): void;
  /** Tensors that give the codes of this one their meaning; they are kept with it. */
  readonly quantization?: object | undefined;
}

const current = new AsyncLocalStorage<Set<Disposable>>();

/** Enters a new object in the scope that is open here, if any. */
export function track(object: Disposable): void {
  current.getStore()?.add(object);
}

/**
 * Takes an object out of the scope that is open here, so that it outlives it. Returns it.
 *
 * @example
 * let kept: Tensor = zeros([3]);
 * scope(() => { kept = keep(relu(tensor([-1, 0, 1]))); });
 * await kept.data(); // Float32Array [0, 0, 1]
 */
export function keep<T extends Disposable>(object: T): T {
  const tracked = current.getStore();
  if (tracked) visitTracked(object, tracked, (kept) => tracked.delete(kept));
  return object;
}

/** Calls `visit` on every tracked object inside `value`: itself, or in arrays, maps, sets and plain objects. */
function visitTracked(
  value: unknown,
  tracked: Set<Disposable>,
  visit: (d: Disposable) => void,
): void {
  const seen = new Set<unknown>();
  const walk = (v: unknown): void => {
    if (typeof v !== 'object' || v === null || seen.has(v)) return;
    seen.add(v);
    if (tracked.has(v as Disposable)) {
      visit(v as Disposable);
      walk((v as Disposable).quantization);
    } else if (Array.isArray(v) || v instanceof Set) for (const item of v) walk(item);
    else if (v instanceof Map) for (const item of v.values()) walk(item);
    else if (Object.getPrototypeOf(v) === Object.prototype || Object.getPrototypeOf(v) === null) {
      for (const item of Object.values(v)) walk(item);
    }
  };
  walk(value);
}

function close(tracked: Set<Disposable>, result: unknown): void {
  try {
    visitTracked(result, tracked, (kept) => {
      tracked.delete(kept);
      track(kept); // it now belongs to the scope around
    });
  } finally {
    for (const object of tracked) object.dispose(); // also when a getter of the result throws
    tracked.clear();
  }
}

/** What is to be awaited: promises, also those of other realms and libraries. */
function asPromise(value: unknown, tracked: Set<Disposable>): Promise<unknown> | undefined {
  if (value instanceof Promise) return value;
  if (typeof (value as { then?: unknown } | null | undefined)?.then !== 'function')
    return undefined;
  return current.run(tracked, () => Promise.resolve(value));
}

/**
 * Runs `fn` and disposes every tensor made meanwhile, except those it returns (also inside arrays, maps, sets and plain
 * objects) and those given to {@link keep}. `fn` may be async: tensors made after an `await` count, and concurrent scopes
 * do not mix. On an error all are disposed.
 *
 * @example
 * const y = await scope(async () => {
 *   const a = tensor([1, 2, 3]);
 *   return relu(cast(a, 'int8')); // `a` and what cast gives are disposed, the result is not
 * });
 * await y.data(); // Int8Array [1, 2, 3]
 */
export function scope<T>(fn: () => T): T {
  const tracked = new Set<Disposable>();
  let result: T;
  try {
    result = current.run(tracked, fn);
  } catch (error) {
    close(tracked, undefined);
    throw error;
  }
  const promise = asPromise(result, tracked);
  if (promise) {
    return promise.then(
      (value) => {
        close(tracked, value);
        return value;
      },
      (error) => {
        close(tracked, undefined);
        throw error;
      },
    ) as T;
  }
  close(tracked, result);
  return result;
}
