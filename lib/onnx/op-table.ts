import { type OpDefinition, OpSet } from '../graph/op-set';
import { ACTIVATION } from './nodes/activation';
import { ATTENTION } from './nodes/attention';
import { CAST } from './nodes/cast';
import { CONSTANT } from './nodes/constant';
import { CONV } from './nodes/conv';
import { EINSUM } from './nodes/einsum';
import { ELEMENTWISE } from './nodes/elementwise';
import { GATHER } from './nodes/gather';
import { INTEGER } from './nodes/integer';
import { LOSS } from './nodes/loss';
import { MATMUL } from './nodes/matmul';
import { NORM } from './nodes/norm';
import { ORDER } from './nodes/order';
import { POOL } from './nodes/pool';
import { QUANT } from './nodes/quant';
import { RECURRENT } from './nodes/recurrent';
import { REDUCE } from './nodes/reduce';
import { SEQUENCE } from './nodes/sequence';
import { RESIZE } from './nodes/resize';
import { SAMPLE } from './nodes/sample';
import { SHAPE } from './nodes/shape';
import { SIGNAL } from './nodes/signal';
import { SOFTMAX } from './nodes/softmax';
import { STATE } from './nodes/state';
import { SUPPRESS } from './nodes/suppress';
import { TENSOR } from './nodes/tensor';

/** One line per family of operators. */
const FAMILIES: readonly (readonly OpDefinition[])[] = [
  ACTIVATION,
  ATTENTION,
  CAST,
  CONSTANT,
  CONV,
  EINSUM,
  ELEMENTWISE,
  GATHER,
  INTEGER,
  LOSS,
  MATMUL,
  NORM,
  ORDER,
  POOL,
  QUANT,
  RECURRENT,
  REDUCE,
  SEQUENCE,
  RESIZE,
  SAMPLE,
  SHAPE,
  SIGNAL,
  SOFTMAX,
  STATE,
  SUPPRESS,
  TENSOR,
];

/** The newest operator set whose changes to these operators were read. */
const NEWEST_OPSET = 28;

/** The ONNX operators that Halftone runs. */
export const ONNX_OPS = new OpSet(
  FAMILIES.flat(),
  new Map([
    ['', NEWEST_OPSET],
    ['ai.onnx.preview', 1],
  ]),
);
