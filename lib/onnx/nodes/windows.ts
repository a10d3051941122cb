import type { NodeCall } from '../../graph/op-set';

/** One axis of windows that slide over an input: `out` windows of `kernel` taps, the first one `before` ahead of it. */
export interface WindowAxis {
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly out: number;
}

/** An attribute with one integer for each of `count` axes; undefined when it is left out. */
export function perAxis(
  call: NodeCall,
  name: string,
  count: number,
): readonly number[] | undefined {
  const values = call.ints(name);
  if (values && values.length !== count)
    throw call.error(`${name} must hold ${count} sizes, got [${values.join(', ')}]`);
  return values;
}

const AUTO_PAD = ['SAME_UPPER', 'SAME_LOWER', 'VALID'] as const;
export type AutoPad = (typeof AUTO_PAD)[number];

/** auto_pad; undefined for NOTSET. `pads`: sizes that it must not contradict. */
export function autoPad(call: NodeCall, pads: readonly number[] = []): AutoPad | undefined {
  const given = call.string('auto_pad') || 'NOTSET';
  if (given === 'NOTSET') return undefined;
  const auto = AUTO_PAD.find((name) => name === given);
  if (!auto) {
    throw call.error(`auto_pad must be NOTSET, ${AUTO_PAD.join(', ')}, got "${given}"`);
  }
  if (pads.some((size) => size !== 0)) {
    throw call.error(`auto_pad ${auto} and pads [${pads.join(', ')}] contradict each other`);
  }
  return auto;
}

function check(call: NodeCall, name: string, values: readonly number[], least: number): void {
  // As everywhere: sizes of windows are below 2^31, so that no position overflows.
  if (values.some((value) => value < least || value >= 2 ** 31))
    throw call.error(`${name} must lie in [${least}, 2^31), got [${values.join(', ')}]`);
}

/**
 * The windows of `kernel` over the axes of input 0 behind the first two, from the attributes strides, dilations, pads,
 * auto_pad and ceil_mode of Conv and of the pools.
 */
export function windowAxes(call: NodeCall, kernel: readonly number[]): WindowAxis[] {
  const sizes = call.input(0).desc.shape.slice(2);
  const count = sizes.length;
  if (kernel.length !== count) {
    throw call.error(`the kernel must have ${count} sizes, got [${kernel.join(', ')}]`);
  }
  const ones = sizes.map(() => 1);
  const strides = perAxis(call, 'strides', count) ?? ones;
  const dilations = perAxis(call, 'dilations', count) ?? ones;
  const pads = perAxis(call, 'pads', 2 * count) ?? [...ones, ...ones].fill(0);
  check(call, 'kernel_shape', kernel, 1);
  check(call, 'strides', strides, 1);
  check(call, 'dilations', dilations, 1);
  check(call, 'pads', pads, 0);
  const auto = autoPad(call, pads);
  const ceil = call.int('ceil_mode') === 1;
  return sizes.map((size, axis): WindowAxis => {
    const [taps = 1, stride = 1, dilation = 1] = [kernel[axis], strides[axis], dilations[axis]];
    const extent = (taps - 1) * dilation + 1;
    const window = { size, kernel: taps, stride, dilation };
    if (auto?.startsWith('SAME')) {
      const out = Math.ceil(size / stride);
      const total = out === 0 ? 0 : Math.max(0, (out - 1) * stride + extent - size);
      const small = Math.floor(total / 2);
      const before = auto === 'SAME_UPPER' ? small : total - small;
      return { ...window, before, after: total - before, out };
    }
    const [before = 0, after = 0] = [pads[axis], pads[axis + count]];
    const room = size + before + after - extent;
    if (room < 0) {
      throw call.error(
        `a window's extent ${extent} must not exceed axis ${axis + 2} with its padding, got ${size} + ${before} + ${after}`,
      );
    }
    let out = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
    // The last window begins in the input or in the padding before it.
    if (ceil && out > 1 && (out - 1) * stride >= size + before) out--;
    return { ...window, before, after, out };
  });
}
