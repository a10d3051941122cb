import type { Inference } from '../engine';
import type { Plan, Step } from '../plan';
import { withoutUnused } from '../schedule';
import { type FuseOptions, fuseSteps } from './fuse';
import { nhwc } from './layout';
import { turnWeights } from './weights';

/** How a plan is made faster. */
export interface RefineOptions extends FuseOptions {
  /** The order of images: 'auto' decides by device and dtype. */
  readonly layout: 'auto' | 'nchw' | 'nhwc';
  /** A resolved name. */
  readonly device: string;
}

/** A plan, and what was done to it. */
export interface RefinedPlan {
  readonly plan: Plan;
  readonly layout: 'nchw' | 'nhwc';
  /** Why the layout is this one. */
  readonly why: string;
}

/**
 * With channels last a transpose costs two passes over a tensor, and a convolution saves about as much where it would
 * rearrange its images itself: it does not pay where every second convolution needs one.
 */
const MAX_TRANSPOSES_PER_NODE = 0.5;

/**
 * Whether a convolution is faster with channels last. On a GPU tensor cores take 16-bit floats and int8 so, and cuDNN's float32
 * kernels without them are made for channels first. On the CPU int8 is: ShuffleNet in 9.0 ms instead of 10.9 (AVX-512, two
 * threads), while floats are the same or slower (ResNet-20 in float16 2.1 ms instead of 1.7).
 */
function wantsLast({ inputs, params }: Step, device: string): boolean {
  const dtype = inputs[0]?.desc.dtype;
  if (device === 'cpu') return dtype === 'int8' || dtype === 'uint8';
  return dtype !== 'float32' || params['compute'] === 'tf32';
}

/** Fuses calls and chooses the order of weights and images. The plan computes the same, up to what the options allow. */
export function refinePlan(plan: Plan, inference: Inference, options: RefineOptions): RefinedPlan {
  const joined = withoutUnused(fuseSteps(plan, options));
  const fused = options.device === 'cpu' ? turnWeights(joined, inference) : joined;
  const keep = (why: string): RefinedPlan => ({ plan: fused, layout: 'nchw', why });
  if (options.layout === 'nchw') return keep('asked for');
  const isAuto = options.layout === 'auto';
  const convolutions = fused.steps.filter(({ op, once }) => /^conv2d(Int8)?$/.test(op) && !once);
  if (convolutions.length === 0) return keep('there is no convolution');
  const last = convolutions.filter((step) => wantsLast(step, options.device));
  if (isAuto && last.length * 2 < convolutions.length) {
    return keep(
      `${convolutions.length - last.length} of ${convolutions.length} convolutions are faster so`,
    );
  }
  const moved = nhwc(fused, inference);
  if (isAuto && moved.transposes > Math.max(2, MAX_TRANSPOSES_PER_NODE * moved.nodes)) {
    return keep(`channels last would need ${moved.transposes} transposes more`);
  }
  const why = isAuto
    ? `${moved.nodes} calls on channels last, ${moved.transposes} transposes`
    : 'asked for';
  return { plan: moved.plan, layout: 'nhwc', why };
}
