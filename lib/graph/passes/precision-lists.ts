import { ParamError } from '../../errors';
import type { Node } from '../ir';
import { attributeOf } from '../op-set';

/**
 * What automatic mixed precision does with each operator. The names are those of TensorFlow's rewriter:
 *
 * - `allow`: always in the low precision: it is much faster there and safe.
 * - `infer`: low when it lies between operators that are low; never a reason to be low by itself.
 * - `deny`: stays float32, and so does what follows it up to the next allowed operator.
 * - `clear`: moves or compares values without arithmetic that could lose anything: takes the precision of its neighbours.
 *
 * An operator on no list stays float32 and is a barrier.
 */
export type PrecisionList = 'allow' | 'infer' | 'deny' | 'clear';

export const PRECISION_LISTS: readonly PrecisionList[] = ['allow', 'infer', 'deny', 'clear'];

/** Where the lists come from. See docs/precision.md. */
export type PrecisionProfile = 'tf-grappler' | 'tf-docs' | 'torch-autocast' | 'onnx-converter';

/** How lists become a choice for each node. */
export type PaintMethod =
  /** TensorFlow's painting: see paint.ts. */
  | 'paint'
  /** PyTorch's autocast: node by node, in order; operators on no list compute in the widest type of their inputs. */
  | 'widest'
  /** The ONNX converters: everything is low but what is denied. */
  | 'block';

export interface Profile {
  readonly method: PaintMethod;
  readonly lists: Readonly<Record<PrecisionList, readonly string[]>>;
}

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Operators that sum products: every profile's heart. */
const PRODUCTS = 'Conv ConvTranspose MatMul Gemm Einsum Attention LSTM GRU RNN';

const CLEAR = words(`
  Abs ArgMax ArgMin Ceil Clip Concat DepthToSpace Equal Expand EyeLike Flatten Floor Gather GatherElements GatherND
  Greater GreaterOrEqual Identity IsInf IsNaN Less LessOrEqual Max MaxPool GlobalMaxPool Min Neg NonZero Not OneHot Pad
  ReduceMax ReduceMin Relu Reshape ReverseSequence Round ScatterElements ScatterND Shape Sign Size Slice SpaceToDepth
  Split Squeeze Tile TopK Transpose Unsqueeze Where Dropout`);

/** AutoMixedPrecisionListsFp16 of TensorFlow's grappler, in its CUDA mode, by the ONNX operators that do the same. */
const GRAPPLER: Profile['lists'] = {
  allow: words(PRODUCTS),
  infer: words(`
    Add Sum AveragePool Elu Erf BatchNormalization Reciprocal LeakyRelu Log LogSoftmax Mul ReduceProd Div Selu Sigmoid
    Softmax Softplus Softsign Sqrt Sub Tanh`),
  // TensorFlow's Mean is ReduceMean, and what Keras makes of a global average pool.
  deny: words(`
    Exp ReduceSumSquare ReduceMean GlobalAveragePool Pow SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss ReduceSum`),
  clear: CLEAR,
};

const without = (list: readonly string[], removed: string): string[] => {
  const gone = new Set(words(removed));
  return list.filter((op) => !gone.has(op));
};

export const PROFILES: Readonly<Record<PrecisionProfile, Profile>> = {
  'tf-grappler': { method: 'paint', lists: GRAPPLER },
  // NVIDIA's and TensorFlow's guides differ from the source: softmax and the logarithm are denied, pooling allowed.
  'tf-docs': {
    method: 'paint',
    lists: {
      allow: [...GRAPPLER.allow, 'MaxPool', 'Relu'],
      infer: without(GRAPPLER.infer, 'Softmax LogSoftmax Log'),
      deny: [...GRAPPLER.deny, 'Softmax', 'LogSoftmax', 'Log'],
      clear: without(CLEAR, 'MaxPool Relu'),
    },
  },
  // torch.autocast of device "cuda".
  'torch-autocast': {
    method: 'widest',
    lists: {
      allow: [...words(PRODUCTS), 'PRelu'],
      infer: [],
      deny: words(`
        Pow Acos Asin Cosh Sinh Tan Exp Log Reciprocal Softplus LayerNormalization GroupNormalization
        RMSNormalization Softmax LogSoftmax ReduceLogSumExp ReduceLogSum CumSum CumProd ReduceProd ReduceSum ReduceL1
        ReduceL2 ReduceSumSquare LpNormalization SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss Resize Upsample`),
      clear: [],
    },
  },
  // onnxconverter-common's DEFAULT_OP_BLOCK_LIST, as far as it names operators of ONNX itself.
  'onnx-converter': {
    method: 'block',
    lists: {
      allow: [],
      infer: [],
      deny: words(
        'NonMaxSuppression TopK RoiAlign Resize Range CumSum Min Max Upsample RandomUniformLike',
      ),
      clear: [],
    },
  },
};

/** Operators to add to or take from one list. Adding to a list takes an operator from the others. */
export interface ListEdit {
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

/** Changes to the lists of a profile, by list. */
export type ListEdits = { readonly [List in PrecisionList]?: ListEdit | undefined };

/** The list of each operator. */
export type ListOf = (node: Node) => PrecisionList | undefined;

/**
 * The lists of a profile with edits.
 *
 * @throws ParamError when an edit adds one operator to two lists, or removes one from a list that does not hold it.
 */
export function editLists(profile: PrecisionProfile, edits: ListEdits = {}): ListOf {
  const lists = new Map<string, PrecisionList>();
  for (const list of PRECISION_LISTS) {
    for (const op of PROFILES[profile].lists[list]) lists.set(op, list);
  }
  for (const list of PRECISION_LISTS) {
    for (const op of edits[list]?.remove ?? []) {
      if (lists.get(op) !== list) {
        const where = lists.get(op);
        throw new ParamError(
          `convert: lists.${list}.remove names ${op}, which is on ${where ? `the list ${where}` : 'no list'} of ${profile}`,
        );
      }
      lists.delete(op);
    }
  }
  const added = new Map<string, PrecisionList>();
  for (const list of PRECISION_LISTS) {
    for (const op of edits[list]?.add ?? []) {
      const other = added.get(op);
      if (other !== undefined) {
        throw new ParamError(`convert: lists adds ${op} to both ${other} and ${list}`);
      }
      added.set(op, list);
      lists.set(op, list);
    }
  }
  return (node) => {
    if (node.domain !== '') return undefined;
    // Nearest-neighbour resizing moves values; every other mode computes.
    if (node.op === 'Resize' && !lists.has('Resize')) {
      return (attributeOf(node, 'mode', 'string') ?? 'nearest') === 'nearest' ? 'clear' : undefined;
    }
    return lists.get(node.op);
  };
}
