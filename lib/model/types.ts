/** The types of models that callers see, by the names under which they see them. */

export type { NodeReport } from '../graph/executor';
export type { ElementInput, ModelInput } from '../graph/inputs';
export type { RunValue as ModelOutput } from '../graph/values';
export type {
  Attribute,
  Constant,
  Dim,
  ElementType,
  Integer,
  Node as ModelNode,
  NodeCompute,
  Strings,
  ValueInfo,
  ValueType,
} from '../graph/ir';
export type { CastLoss, Precision } from '../graph/passes/cast-constant';
export type {
  ListEdit,
  ListEdits,
  PrecisionList,
  PrecisionProfile,
} from '../graph/passes/precision-lists';
export type {
  AuditProgress,
  AuditReport,
  NodeAudit,
} from '../audit/audit';
export type { NodeCallAudit } from '../audit/look';
export type { ErrorStatistics, RangeStatistics } from '../audit/statistics';
export type { TensorCoreFit } from '../audit/tensor-cores';
export type { ModelAuditOptions } from './audit';
export type { ConvertOptions, SearchProgress } from './auto';
export type {
  Conversion,
  NodePrecision,
  OutOfRange,
  OutOfRangeConstant,
  PrecisionOptions,
  PrecisionSearch,
} from './convert';
export type { PlannedMemory } from '../graph/plans/memory';
export type { PlanReport } from './plan-cache';
export type { BatchState } from './plans';
export type { NodeTime, ProfileOptions, ProfileReport } from './profile';
export type { GraphState } from './runner';
export type {
  GraphPolicy,
  LayoutPolicy,
  LoadOptions,
  LoadProgress,
  ModelSource,
} from './source';
