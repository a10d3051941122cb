/** Where work goes that is created in an asynchronous context: onto which stream, and into which capture. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { NativeStream, NativeTape } from '../binding';
import { UnsupportedError } from './errors';

/** What `Stream.run` and `capture` set for all that their function starts. */
export interface WorkContext {
  readonly stream?: NativeStream | undefined;
  /** Until the capture has ended. */
  tape?: NativeTape | undefined;
}

const current = new AsyncLocalStorage<WorkContext>();

const NONE: WorkContext = {};

/** The context here. */
export const workContext = (): WorkContext => current.getStore() ?? NONE;

/** Runs `fn` in a context. */
export function inContext<T>(context: WorkContext, fn: () => T): T {
  return current.run(context, fn);
}

/** Runs `fn` on the first stream of each device and outside of captures, as work of the library's own. */
export const withoutContext = <T>(fn: () => T): T => current.run(NONE, fn);

/**
 * For what waits for results on the host.
 *
 * @throws UnsupportedError while work is captured: a replay would not come by here, so what is read would stay what it was.
 */
export function refuseInCapture(who: string): void {
  if (!workContext().tape) return;
  throw new UnsupportedError(
    `${who}: results cannot be read while work is captured; return the tensor from the function and read it after replay()`,
  );
}
