/** Conversion of a graph's precision: what `Model.convert` does, without running anything. */

import { ParamError } from '../errors';
import { castConstants } from '../graph/cast-constants';
import type { Constant, Graph, Node, NodeCompute } from '../graph/ir';
import { modelError } from '../graph/model-error';
import {
  type CastLoss,
  castConstant,
  type Precision,
  PRECISIONS,
} from '../graph/passes/cast-constant';
import { convertPrecision } from '../graph/passes/convert-precision';
import { hasFloatPlaces } from '../graph/passes/float-places';
import { constantOf, liftConstants } from '../graph/passes/fold';
import { type LowPrecision, mixedPrecision } from '../graph/passes/mixed-precision';
import { isFloatOnly, type Paint } from '../graph/passes/paint';
import {
  editLists,
  type ListEdit,
  type ListEdits,
  type ListOf,
  type PaintMethod,
  PROFILES,
  type PrecisionProfile,
} from '../graph/passes/precision-lists';
import { valueTypes } from '../graph/value-types';
import { dataTypeCode, dtypeOf } from '../onnx/decode-tensor';
import { lowPrecisionSince } from '../onnx/float-types';
import { ONNX_OPS } from '../onnx/op-table';
import { raiseOpset } from '../onnx/raise-opset';
import { nearest } from '../nearest';
import { checkOptions, type OptionKinds, shown } from '../options';

/** What becomes of constants whose values do not fit the new precision. */
export type OutOfRange = 'report' | 'clamp' | 'keep' | 'error';

/** Which nodes compute how. */
export interface PrecisionOptions {
  /** The 16-bit float of 'mixed' and 'auto'. Default 'float16'. */
  readonly low?: LowPrecision | undefined;
  /** The lists of 'mixed'. Default 'tf-grappler'. */
  readonly profile?: PrecisionProfile | undefined;
  /** Changes to the lists of the profile. */
  readonly lists?: ListEdits | undefined;
  /** Nodes that stay float32: names, in which * stands for any text, or regular expressions. */
  readonly keep?: readonly (string | RegExp)[] | undefined;
  /**
   * Constants with finite values beyond the new precision's range that are converted: 'report' rounds to infinity (default),
   * 'clamp' takes the largest finite value instead, 'keep' leaves them and the nodes that read them in float32, 'error'
   * refuses the conversion.
   */
  readonly outOfRange?: OutOfRange | undefined;
  /**
   * The type in which convolutions and matrix products sum: one for all, or one for each name (* stands for any text).
   * Default: that of the ops, float32.
   */
  readonly compute?: NodeCompute | Readonly<Record<string, NodeCompute>> | undefined;
  /** Inputs and outputs keep their dtypes; they are cast inside the model. Default true. */
  readonly keepIo?: boolean | undefined;
  /**
   * The operator set of ONNX that the converted model imports at least; nodes are rewritten to what they compute under it.
   * Default: the model's own, and for bfloat16 the oldest one in which ONNX defines the model's operators for it, since
   * convolutions have bfloat16 from 22 on.
   */
  readonly opset?: number | undefined;
}

/** A constant with values beyond the range of the new precision. */
export interface OutOfRangeConstant {
  readonly name: string;
  /** How many finite values are beyond it, and the largest magnitude among them. */
  readonly values: number;
  readonly largest: number;
}

/** What became of one node. */
export interface NodePrecision {
  readonly name: string;
  readonly op: string;
  readonly precision: Precision;
  /** The rule that decided: "allow list", "deny list", "kept by name" ... */
  readonly why: string;
}

/** How a model was converted. */
export interface Conversion {
  readonly precision: Precision | 'mixed' | 'auto';
  /** The 16-bit float of 'mixed' and 'auto'. */
  readonly low: LowPrecision | undefined;
  /** One entry per node of the model that was converted. */
  readonly nodes: readonly NodePrecision[];
  /** Casts that were inserted between nodes. */
  readonly casts: number;
  readonly outOfRange: readonly OutOfRangeConstant[];
  readonly loss: CastLoss;
  /** Of 'auto': what was measured. */
  readonly search?: PrecisionSearch | undefined;
}

/** How 'auto' found its nodes. */
export interface PrecisionSearch {
  readonly tolerance: number;
  /** The error of the model that was chosen, and that of the one with all nodes in the low precision. */
  readonly error: number;
  readonly errorAllLow: number;
  /** Models that were tried. */
  readonly tried: number;
}

export interface Converted {
  readonly graph: Graph;
  readonly conversion: Conversion;
}

const COMPUTES: readonly string[] = ['float32', 'float16', 'tf32', 'int32'] satisfies NodeCompute[];
const OUT_OF_RANGE: readonly string[] = ['report', 'clamp', 'keep', 'error'] satisfies OutOfRange[];
const LOW: readonly string[] = ['float16', 'bfloat16'] satisfies LowPrecision[];
const dataType = { code: dataTypeCode, dtype: dtypeOf };

export function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (!choices.includes(value as string)) {
    throw new ParamError(`convert: ${name} must be ${choices.join(', ')}, got ${String(value)}`);
  }
}

const LISTS: OptionKinds<ListEdits> = { allow: 'any', infer: 'any', deny: 'any', clear: 'any' };
const EDITS: OptionKinds<ListEdit> = { add: 'array', remove: 'array' };

/** @throws ParamError for a list that there is not, and for an operator that no model can hold, which is mistyped. */
function checkLists(lists: ListEdits | undefined): void {
  checkOptions('convert: lists', lists, LISTS);
  for (const [list, edit] of Object.entries(lists ?? {})) {
    checkOptions(`convert: lists.${list}`, edit, EDITS);
    const unknown = edit?.add?.find((op) => !ONNX_OPS.names.includes(op));
    if (unknown === undefined) continue;
    const [meant] = nearest(String(unknown), ONNX_OPS.names, 1);
    throw new ParamError(
      `convert: lists.${list}.add names ${shown(unknown)}, which is no operator${meant ? `, did you mean "${meant}"?` : ''}`,
    );
  }
}

/** Whether a node is named: * stands for any text. @throws ParamError for a pattern that names no node. */
export function nodeMatcher(
  option: string,
  graph: Graph,
  patterns: readonly (string | RegExp)[],
): (node: Node) => boolean {
  const expressions = patterns.map((pattern) => {
    if (pattern instanceof RegExp)
      return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''));
    if (typeof pattern !== 'string') {
      throw new ParamError(
        `convert: ${option} must hold names or regular expressions, got ${String(pattern)}`,
      );
    }
    const text = pattern.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${text.join('.*')}$`, 's');
  });
  for (const [i, expression] of expressions.entries()) {
    if (graph.nodes.some(({ name }) => expression.test(name))) continue;
    const names = graph.nodes.slice(0, 8).map(({ name }) => name);
    throw new ParamError(
      `convert: ${option} names "${patterns[i]}", which is no node of the model; its nodes are ${names.join(', ')}${graph.nodes.length > 8 ? ', ...' : ''}`,
    );
  }
  return ({ name }) => expressions.some((expression) => expression.test(name));
}

/** The magnitude from which on a value rounds to infinity, and the largest finite value. */
const LIMITS = {
  float16: { overflow: 65520, largest: 65504 },
  // 2^128 - 2^119: half-way between the largest bfloat16 and 2^128. In float32 it is exact.
  bfloat16: { overflow: 2 ** 128 - 2 ** 119, largest: 2 ** 128 - 2 ** 120 },
} as const;

function findOutOfRange(graph: Graph, to: LowPrecision): OutOfRangeConstant[] {
  const found: OutOfRangeConstant[] = [];
  const limit = LIMITS[to].overflow;
  const constants = new Map(graph.initializers);
  for (const node of graph.nodes) {
    const constant = node.op === 'Constant' && node.domain === '' ? constantOf(node) : undefined;
    if (constant) constants.set(node.outputs[0] ?? '', constant);
  }
  for (const [name, { dtype, data }] of constants) {
    if (dtype !== 'float32') continue;
    let values = 0;
    let largest = 0;
    for (const value of data as Float32Array) {
      const magnitude = Math.abs(value);
      if (!(magnitude >= limit) || magnitude === Infinity) continue;
      values += 1;
      if (magnitude > largest) largest = magnitude;
    }
    if (values > 0) found.push({ name, values, largest });
  }
  return found;
}

/** The constant with the largest finite value in place of those beyond it. */
function clamp(constant: Constant, to: LowPrecision): Constant {
  if (constant.dtype !== 'float32') return constant;
  const { largest, overflow } = LIMITS[to];
  const data = Float32Array.from(constant.data as Float32Array, (value) =>
    Math.abs(value) >= overflow && Math.abs(value) !== Infinity
      ? Math.sign(value) * largest
      : value,
  );
  return { ...constant, data };
}

/** @throws ModelError naming the first constant that does not fit and was cast all the same. */
function checkFitting(
  to: Precision,
  outOfRange: readonly OutOfRangeConstant[],
  isCast: (name: string) => boolean,
): void {
  const first = outOfRange.find(({ name }) => isCast(name));
  if (!first) return;
  throw modelError(
    `initializer "${first.name}" holds ${first.values} values beyond the range of ${to}, the largest ${first.largest}`,
    { suggestion: "Convert with outOfRange: 'keep', 'clamp' or 'report'" },
  );
}

/** `high`: names of nodes that stay float32; a compute type for all nodes is not meant for them. */
function setCompute(
  graph: Graph,
  compute: PrecisionOptions['compute'],
  high: ReadonlySet<string>,
): Graph {
  if (compute === undefined) return graph;
  const rules =
    typeof compute === 'string'
      ? [{ matches: ({ name }: Node) => !high.has(name), compute }]
      : Object.entries(compute).map(([pattern, value]) => ({
          matches: nodeMatcher('compute', graph, [pattern]),
          compute: value,
        }));
  for (const rule of rules) checkChoice('compute', rule.compute, COMPUTES);
  const nodes = graph.nodes.map((node): Node => {
    if (ONNX_OPS.find(node, graph.opsets).sums !== true) return node;
    const rule = rules.findLast(({ matches }) => matches(node));
    return rule ? { ...node, compute: rule.compute } : node;
  });
  return { ...graph, nodes };
}

const EVERYTHING: { method: PaintMethod; listOf: ListOf } = {
  method: 'block',
  listOf: () => undefined,
};

/** The graph under the operator set that a conversion needs. */
function raise(graph: Graph, to: Precision, opset: number | undefined): Graph {
  const newest = ONNX_OPS.newest.get('') ?? 0;
  if (opset !== undefined && !(Number.isInteger(opset) && opset >= 7 && opset <= newest)) {
    throw new ParamError(`convert: opset must be an integer from 7 to ${newest}, got ${opset}`);
  }
  // Of float16 all models of operator set 7 hold what they need; the few operators that got it later stay float32.
  const needed =
    to === 'bfloat16'
      ? graph.nodes
          .filter((node) => !isFloatOnly(node))
          .map((node) => lowPrecisionSince(node, to))
          .filter((since) => since <= newest)
      : [];
  return raiseOpset(graph, Math.max(opset ?? 0, ...needed));
}

/** Why ONNX has no node of this kind in a 16-bit float under the graph's operator set; undefined: it has. */
function refusal(graph: Graph, to: LowPrecision): (node: Node) => string | undefined {
  const opset = graph.opsets.get('') ?? 0;
  return (node) => {
    const since = node.domain === '' ? lowPrecisionSince(node, to) : 0;
    if (since <= opset) return undefined;
    return `ONNX has no ${to} ${node.op}${since === Infinity ? '' : ` before operator set ${since}`}`;
  };
}

/**
 * What a conversion does once however often it is tried: checks the options and rounds the weights. The result converts,
 * with nodes by name that stay float32 besides those of the options: the search of 'auto' calls it again and again.
 */
export async function prepareConversion(
  given: Graph,
  precision: Precision | 'mixed' | 'auto',
  options: PrecisionOptions,
  device: string,
): Promise<(keepMore: ReadonlySet<string>) => Converted> {
  checkChoice('precision', precision, [...PRECISIONS, 'mixed', 'auto']);
  const {
    low = 'float16',
    profile = 'tf-grappler',
    lists,
    keep = [],
    outOfRange = 'report',
  } = options;
  checkChoice('low', low, LOW);
  checkChoice('profile', profile, Object.keys(PROFILES));
  checkChoice('outOfRange', outOfRange, OUT_OF_RANGE);
  checkLists(lists);
  if (precision !== 'mixed' && (options.profile ?? lists) !== undefined) {
    throw new ParamError(
      `convert: profile and lists are for precision 'mixed', got '${precision}'`,
    );
  }
  const isMixed = precision === 'mixed' || precision === 'auto';
  if (!isMixed && options.low !== undefined) {
    throw new ParamError(`convert: low is for precision 'mixed' and 'auto', got '${precision}'`);
  }
  const to = isMixed ? low : precision;
  const raised = raise(given, to, options.opset);
  const beyond = to === 'float32' ? [] : findOutOfRange(raised, to);
  const tooLarge = new Set(outOfRange === 'keep' ? beyond.map(({ name }) => name) : []);
  const keeps = nodeMatcher('keep', raised, keep);
  const refuses = to === 'float32' ? () => undefined : refusal(raised, to);
  const isUniform =
    to === 'float32' ||
    (!isMixed &&
      keep.length === 0 &&
      tooLarge.size === 0 &&
      !raised.nodes.some((node) => isFloatOnly(node) || refuses(node) !== undefined) &&
      !hasFloatPlaces(raised, valueTypes(raised, dtypeOf)));
  const graph = isUniform ? raised : liftConstants(raised);
  const clamps = to !== 'float32' && outOfRange === 'clamp' && beyond.length > 0;
  const fitted = (constant: Constant) => (clamps ? clamp(constant, to) : constant);
  const { cast, lossOf } = await castConstants(graph, to, device, fitted);

  return (keepMore) => {
    const used = new Set<Constant>();
    const castOne = (constant: Constant) => {
      used.add(constant);
      return cast(constant);
    };
    if (isUniform) {
      const converted = convertPrecision(graph, ONNX_OPS, {
        precision: to,
        keepIo: options.keepIo,
        cast: castOne,
        dataType,
      });
      const nodes = graph.nodes.map(({ name, op }) => ({
        name,
        op,
        precision: to,
        why: 'all nodes',
      }));
      return finish(converted, nodes, converted.nodes.length - graph.nodes.length, used);
    }
    const choice =
      precision === 'mixed'
        ? { method: PROFILES[profile].method, listOf: editLists(profile, lists) }
        : EVERYTHING;
    const result = mixedPrecision(graph, {
      ...choice,
      to: to as LowPrecision,
      keep: (node) => keeps(node) || keepMore.has(node.name),
      tooLarge,
      refuses,
      keepIo: options.keepIo ?? true,
      dataType,
      cast: (constant, wanted) =>
        wanted === to ? castOne(constant) : castConstant(constant, wanted),
    });
    return finish(result.graph, result.paints.map(describe), result.casts, used);
  };

  function describe({ node, low: isLow, why }: Paint): NodePrecision {
    return { name: node.name, op: node.op, precision: isLow ? to : 'float32', why };
  }
  function finish(
    made: Graph,
    nodes: readonly NodePrecision[],
    casts: number,
    used: ReadonlySet<Constant>,
  ): Converted {
    // Constant nodes are left where everything is cast only.
    const isCast = (name: string) => {
      const constant = graph.initializers.get(name);
      return constant === undefined || used.has(constant);
    };
    if (outOfRange === 'error') checkFitting(to, beyond, isCast);
    const high = new Set(nodes.filter((n) => n.precision !== to).map((n) => n.name));
    return {
      graph: setCompute(made, options.compute, high),
      conversion: {
        precision,
        low: isMixed ? low : undefined,
        nodes,
        casts,
        outOfRange: beyond,
        loss: lossOf(used),
      },
    };
  }
}

/** The graph in another precision. */
export async function convertGraph(
  graph: Graph,
  precision: Precision | 'mixed' | 'auto',
  options: PrecisionOptions,
  device: string,
): Promise<Converted> {
  return (await prepareConversion(graph, precision, options, device))(new Set());
}
