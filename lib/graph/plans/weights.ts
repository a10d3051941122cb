import type { Inference } from '../engine';
import type { Desc, Params, Value } from '../op-set';
import type { Plan, Step } from '../plan';

/** Up to so many rows of a product, the CPU reads weights [k, n] where they lie (native/ops/gemm/matrix.h). */
const FEW_ROWS = 16;

/**
 * Weights [n, k] of products of few float32 rows become [k, n] once, before the model runs: else each product would
 * transpose them anew, which takes longer than to multiply. One row by 1024 x 1000 takes 148 microseconds instead of 278
 * (AVX-512, one thread). 16-bit weights are widened anew in either order, which takes about as long. The sums are the same
 * to the bit.
 */
export function turnWeights(plan: Plan, inference: Inference): Plan {
  const once = new Set(plan.steps.flatMap((step) => (step.once ? step.outputs : [])));
  const turned = new Map<Value, Value>();
  const steps: Step[] = [];
  for (const step of plan.steps) {
    const [x, w, ...rest] = step.inputs as [Value, Value, ...(Value | undefined)[]];
    const params = turnedParams(step);
    const isFixed = params && (w.constant !== undefined || once.has(w));
    if (!params || !isFixed || step.once || rowsOf(x.desc) > FEW_ROWS) {
      steps.push(step);
      continue;
    }
    let value = turned.get(w);
    if (!value) {
      const [desc] = inference.infer('transpose', [w.desc], { perm: [1, 0] }) as [Desc];
      value = { desc };
      turned.set(w, value);
      steps.push({
        ...step,
        op: 'transpose',
        inputs: [w],
        params: { perm: [1, 0] },
        outputs: [value],
        once: true,
      });
    }
    steps.push({ ...step, inputs: [x, value, ...rest], params });
  }
  return { ...plan, steps };
}

const rowsOf = ({ shape }: Desc): number => shape.slice(0, -1).reduce((n, size) => n * size, 1);

/** The parameters of a product of rows with weights [n, k] for weights [k, n]; undefined for any other step. */
function turnedParams({ op, inputs, params }: Step): Params | undefined {
  if (inputs[0]?.desc.dtype !== 'float32' || (params['compute'] ?? 'float32') !== 'float32')
    return undefined;
  if (op === 'linear' && !params['transW']) return { ...params, transW: true };
  if (op === 'gemmEx' && params['transB'] && !params['transA']) return { ...params, transB: false };
  return undefined;
}
