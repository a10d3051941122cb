import { type OpDefinition, OpSet } from '../graph/op-set';
import { ACTIVATION } from './nodes/activation';
import { ATTENTION } from './nodes/attention';
import { CAST } from './nodes/cast';
import { CONSTANT } from './nodes/constant';
import { CONV } from './nodes/conv';
import { EINSUM } from './nodes/einsum';
import { ELEMENTWISE } from './nodes/elementwise';
import { FLOW } from './nodes/flow';
import { GATHER } from './nodes/gather';
import { INTEGER } from './nodes/integer';
import { LABEL } from './nodes/label';
import { LOSS } from './nodes/loss';
import { MATMUL } from './nodes/matmul';
import { NORM } from './nodes/norm';
import { OPTIONAL } from './nodes/optional';
import { ORDER } from './nodes/order';
import { POOL } from './nodes/pool';
import { QUANT } from './nodes/quant';
import { RECURRENT } from './nodes/recurrent';
import { REDUCE } from './nodes/reduce';
import { SEQUENCE } from './nodes/sequence';
import { RESIZE } from './nodes/resize';
import { SAMPLE } from './nodes/sample';
import { SCAN } from './nodes/scan';
import { SHAPE } from './nodes/shape';
import { SIGNAL } from './nodes/signal';
import { SOFTMAX } from './nodes/softmax';
import { STATE } from './nodes/state';
import { SUPPRESS } from './nodes/suppress';
import { TENSOR } from './nodes/tensor';
import { castStrings, equalStrings, TEXT } from './nodes/text';
import { TRAINING } from './nodes/training';

/** One line per family of operators. */
const FAMILIES: readonly (readonly OpDefinition[])[] = [
  ACTIVATION,
  ATTENTION,
  CAST,
  CONSTANT,
  CONV,
  EINSUM,
  ELEMENTWISE,
  FLOW,
  GATHER,
  INTEGER,
  LABEL,
  LOSS,
  MATMUL,
  NORM,
  OPTIONAL,
  ORDER,
  POOL,
  QUANT,
  RECURRENT,
  REDUCE,
  SEQUENCE,
  RESIZE,
  SAMPLE,
  SCAN,
  SHAPE,
  SIGNAL,
  SOFTMAX,
  STATE,
  SUPPRESS,
  TENSOR,
  TEXT,
  TRAINING,
];

/** Operators of ONNX that take strings as they take numbers, since they only move them. */
const MOVES = new Set(
  `Compress Concat Expand Flatten Gather GatherElements GatherND Identity Reshape ReverseSequence Shape Size Slice Split
  Squeeze Tile Transpose Unsqueeze Where`.split(/\s+/),
);

/** Those that do something else with strings than with numbers. */
const HOSTS: Readonly<Record<string, NonNullable<OpDefinition['host']>>> = {
  Cast: castStrings,
  Equal: equalStrings,
};

function withStrings(definition: OpDefinition): OpDefinition {
  const { op, domain = '', host } = definition;
  if (domain !== '' || host) return definition;
  if (MOVES.has(op)) return { ...definition, moves: true };
  return Object.hasOwn(HOSTS, op) ? { ...definition, host: HOSTS[op] } : definition;
}

/** The newest operator set whose changes to these operators were read. */
const NEWEST_OPSET = 28;

/** The ONNX operators that Halftone runs. */
export const ONNX_OPS = new OpSet(
  FAMILIES.flat().map(withStrings),
  new Map([
    ['', NEWEST_OPSET],
    ['ai.onnx.preview', 1],
    ['ai.onnx.preview.training', 1],
    ['ai.onnx.ml', 5],
  ]),
);
