import type { Node } from '../graph/ir';

/**
 * From which operator set on ONNX defines an operator for float16 and for bfloat16, where that is not the rule: float16
 * from the operator's first version on, bfloat16 from operator set 13 on. Infinity: never, or under another operator's
 * name only. Read off the type constraints of all versions of all operators in ONNX 1.23 (docs/Changelog.md).
 */
const EXCEPTIONS: readonly (readonly [float16: number, bfloat16: number, operators: string])[] = [
  [1, 14, 'BatchNormalization'],
  [1, 15, 'Pow'],
  [1, 16, 'GreaterOrEqual If LeakyRelu LessOrEqual Loop PRelu Scan Where'],
  [1, 20, 'ConstantOfShape'],
  [
    1,
    22,
    `Acos Acosh Asin Asinh Atan Atanh AveragePool Bernoulli Conv ConvTranspose Cos Cosh DeformConv Det Dropout Elu EyeLike
    GRU GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid HardSwish InstanceNormalization LSTM
    LpNormalization LpPool MaxPool MaxRoiPool MaxUnpool Mish Multinomial NegativeLogLikelihoodLoss RNN RandomNormal
    RandomNormalLike RandomUniform RandomUniformLike RoiAlign Round Selu Sin Sinh Softplus Softsign Tan ThresholdedRelu`,
  ],
  [1, 24, 'SplitToSequence TopK'],
  [1, 28, 'Compress Einsum OneHot Optional OptionalGetElement ReverseSequence Unique'],
  [
    1,
    Infinity,
    'ConcatFromSequence Scatter SequenceAt SequenceConstruct SequenceInsert Shrink Upsample',
  ],
  [14, 14, 'CumSum'],
  [19, 19, 'DequantizeLinear QuantizeLinear'],
  [20, 20, 'IsInf'],
  [21, 21, 'QLinearMatMul'],
  [27, 27, 'Range'],
  [28, 28, 'Celu'],
  [Infinity, Infinity, 'DynamicQuantizeLinear NonMaxSuppression QLinearConv TfIdfVectorizer'],
];

const SINCE = new Map(
  EXCEPTIONS.flatMap(([float16, bfloat16, operators]) =>
    operators.split(/\s+/).map((op) => [op, { float16, bfloat16 }] as const),
  ),
);
const RULE = { float16: 1, bfloat16: 13 } as const;

/** The oldest operator set in which ONNX defines an operator of its own for a 16-bit float; Infinity: none. */
export function lowPrecisionSince({ op }: Node, dtype: 'float16' | 'bfloat16'): number {
  return (SINCE.get(op) ?? RULE)[dtype];
}
