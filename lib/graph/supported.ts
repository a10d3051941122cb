import type { Inference } from './engine';

import type { Graph } from './ir';
import { modelError } from './model-error';
import { VIEW } from './op-set';
import type { Plan } from './plan';
import { makeSchedule } from './schedule';

/**
 * Asks the device about every call that the plan's outputs need, so that what it does not take is found before anything
 * runs. Calls that only shapes were computed with are none of them.
 *
 * @throws ModelError naming the node, with the device's own message.
 */
export function checkSupported(plan: Plan, graph: Graph, inference: Inference): void {
  for (const { op, inputs, params, node } of makeSchedule(plan, [...plan.outputs.keys()]).steps) {
    if (op === VIEW) continue;
    const descs = inputs.map((input) => input?.desc);
    const why = inference.supports?.(op, descs, params) ?? undefined;
    if (why === undefined) continue;
    const place = { node: node.name, op: node.op, opset: graph.opsets.get(node.domain) };
    throw modelError(why, { ...place, suggestion: "Load the model with device: 'cpu'" });
  }
}
