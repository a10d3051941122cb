import type { DType } from '../dtype';
import { nearest } from '../nearest';
import type { FlowCall, Work } from './flow';
import type { HostCall, HostValue } from './host';
import {
  type Attribute,
  type Constant,
  type Graph,
  type Integer,
  type Node,
  ownInputs,
  type Strings,
  type ValueType,
} from './ir';
import { messageOf, modelError } from './model-error';
import type { RunValue } from './values';

/** dtype and shape of a tensor. */
export interface Desc {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Options of a Halftone op, as lib/run.ts takes them. */
export type Params = Readonly<Record<string, unknown>>;

/** The op of a plan that gives a tensor another shape (`shape`) without touching its values. */
export const VIEW = 'reshape';

/** Whether a call gives other numbers each time. */
export const drawsAnew = ({
  op,
  params,
}: {
  readonly op: string;
  readonly params: Params;
}): boolean => op === 'random' && (params['seed'] ?? null) === null;

/**
 * A tensor of a plan, or a sequence of tensors. Known tensors have `constant`: their values do not depend on what the model
 * is given. A sequence has `elements`, in its `desc` their dtype and no meaning in the shape; only nodes of sequences read
 * it, and no call of an op does.
 */
export interface Value {
  readonly desc: Desc;
  readonly constant?: Constant | undefined;
  readonly elements?: readonly Value[] | undefined;
}

export interface Sequence extends Value {
  readonly elements: readonly Value[];
}

interface AttributeValues {
  float: number;
  int: Integer;
  string: string;
  tensor: Constant;
  floats: readonly number[];
  ints: readonly Integer[];
  strings: readonly string[];
  texts: Strings;
  graph: Graph;
  type_proto: ValueType;
}
type AttributeType = keyof AttributeValues;

/** What an attribute of an operator may be; 'values': a tensor of numbers or of strings. */
type AttributeRule = AttributeType | 'values';

/** The attributes of a node. Integers come as numbers, those beyond 2^53 as the nearest one: sizes and axes are clamped. */
export class NodeAttributes {
  constructor(
    readonly node: Node,
    /** The version of the node's operator set that the model imports. */
    readonly opset: number,
  ) {}

  int(name: string): number | undefined {
    const value = attributeOf(this.node, name, 'int');
    return value === undefined ? undefined : toNumber(value);
  }

  ints(name: string): readonly number[] | undefined {
    return attributeOf(this.node, name, 'ints')?.map(toNumber);
  }

  float(name: string): number | undefined {
    return attributeOf(this.node, name, 'float');
  }

  string(name: string): string | undefined {
    return attributeOf(this.node, name, 'string');
  }

  tensor(name: string): Constant | undefined {
    return attributeOf(this.node, name, 'tensor');
  }

  /** Any of the others. */
  attribute<T extends AttributeType>(name: string, type: T): AttributeValues[T] | undefined {
    return attributeOf(this.node, name, type);
  }

  /** An error that names the node. */
  error(what: string, suggestion?: string): Error {
    return new NodeError(what, { suggestion });
  }
}

/** A node before anything is known of its inputs. */
export class CheckedNode extends NodeAttributes {
  get inputCount(): number {
    return ownInputs(this.node).length;
  }

  /** A graph of the node. */
  graph(name: string): Graph {
    const graph = attributeOf(this.node, name, 'graph');
    if (!graph) throw this.error(`attribute "${name}" is missing`);
    return graph;
  }

  /** How many inputs and outputs a graph has, without what it captures. */
  sizeOf(name: string): { readonly inputs: number; readonly outputs: number } {
    const { inputs, outputs } = this.graph(name);
    const captured = this.node.captures?.length ?? 0;
    return { inputs: inputs.length - captured, outputs: outputs.length };
  }
}

/** Thrown by NodeAttributes.error; nodeFailed adds the node. */
class NodeError extends Error {
  constructor(
    what: string,
    readonly place: { readonly suggestion?: string | undefined },
  ) {
    super(what);
  }
}

/** What was thrown while a node was planned or computed, as a ModelError that names it. */
export function nodeFailed({ name, op }: Node, opset: number | undefined, cause: unknown): Error {
  const place = { node: name, op, opset };
  if (cause instanceof NodeError) return modelError(cause.message, { ...place, ...cause.place });
  if (cause instanceof Error && cause.name === 'ModelError') return cause;
  return modelError(messageOf(cause), { ...place, cause });
}

const toNumber = (value: Integer): number => {
  const number = Number(value);
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
};

/** A call of a Halftone op that a node has led to. */
export interface PlannedOp {
  readonly op: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  readonly node: Node;
}

/** A node with its inputs known by dtype and shape, on its way to calls of Halftone's ops. */
export interface NodeCall extends NodeAttributes {
  /** Number of inputs that the node lists. */
  readonly inputCount: number;
  /** The input at `index`; a ModelError when it is left out. */
  input(index: number): Value;
  optional(index: number): Value | undefined;
  /** The input at `index`, which has to be a sequence: others refuse one. */
  sequence(index: number): Sequence;
  /**
   * The values of an input that has to be known to say which ops run, like the shape of Reshape: constants, what follows
   * from them, or an input of the model whose values the plan was made for.
   */
  known(index: number): Constant;
  /**
   * The values of inputs that the shape of the result follows from, like the boxes of NonMaxSuppression; undefined where one
   * is left out. What nodes make of the inputs of a run is computed first, and the rest is planned for these values.
   */
  data(...indexes: readonly number[]): readonly (Constant | undefined)[];
  /** The values of such an input when it holds int64; undefined when it is left out. */
  knownInts(index: number): readonly number[] | undefined;
  /** Adds a call of a Halftone op. Its shapes and dtypes are checked now. */
  emit(op: string, inputs: readonly (Value | undefined)[], params?: Params): Value;
  /** The same for ops with several results. */
  emitAll(op: string, inputs: readonly (Value | undefined)[], params?: Params): readonly Value[];
  /** A tensor whose values are known. */
  constant(constant: Constant): Value;
  /** All calls before this node, in order. */
  readonly calls: readonly PlannedOp[];
  /** The call that makes a value; undefined for inputs and constants. */
  maker(value: Value): PlannedOp | undefined;
  /** The outputs of a graph of the node for these inputs: its nodes become calls as the others do. */
  inline(name: string, inputs: readonly Value[]): readonly Value[];
}

/** The name of the number of images in the shapes of a graph whose batch was freed. */
export const BATCH = 'N';

/** One of the values of a list of sizes: a number, or the number of images. */
export type Size = number | typeof BATCH;

/** What the batch pass (passes/batch.ts) asks of a node: see there. */
export interface BatchQuery {
  readonly node: Node;
  /** Which inputs hold one entry per image along axis 0; false for those that do not depend on the images. */
  readonly batched: readonly boolean[];
  /** Shapes for the batch that the file was made for; undefined where an input is left out. */
  readonly shapes: readonly (readonly number[] | undefined)[];
  readonly outputShapes: readonly (readonly number[])[];
  /** Values of inputs that are known, and the same for any number of images. */
  readonly known: readonly (Constant | undefined)[];
  /** Integers of inputs of at most one axis that are known but for the number of images. */
  readonly sizes: readonly (readonly Size[] | undefined)[];
  readonly opset: number;
  /** The number of images that the file was made for. */
  readonly batch: number;
  int(name: string): number | undefined;
  ints(name: string): readonly number[] | undefined;
}

/** Why a node's outputs would not be one entry per image, or how to make them so. */
export type BatchAnswer =
  | { readonly ok: true; readonly replace?: { readonly input: number; readonly by: Constant } }
  | { readonly ok: false; readonly why: string };

/**
 * How one ONNX operator is understood, from one version of its definition on: as calls of Halftone's ops (`lower`), by a
 * function on the host (`host`), or by running graphs of its own (`flow`). One with both of the first two is computed by
 * the second where it reads or makes strings.
 */
export interface OpDefinition {
  readonly op: string;
  readonly domain?: string;
  /** The oldest operator set with this form of the operator. It holds until the next definition's `since`. */
  readonly since: number;
  /** Fewest and most inputs. */
  readonly inputs: readonly [number, number];
  /** Of the fewest inputs, those that may be left out all the same. */
  readonly optional?: readonly number[];
  /** Most outputs that are made. */
  readonly outputs?: number;
  /** Attributes that are understood; any other one is refused. */
  readonly attributes?: Readonly<Record<string, AttributeRule>>;
  /** Whether the node sums products, so that `compute` applies. */
  readonly sums?: boolean;
  /** More that can be said of a node without shapes. @throws what `error` gives. */
  readonly check?: ((node: CheckedNode) => void) | undefined;
  /** One value per output. */
  readonly lower?: ((call: NodeCall) => Value | readonly Value[]) | undefined;
  /** One value per output. */
  readonly host?: ((call: HostCall) => HostValue | readonly HostValue[]) | undefined;
  /** It puts elements elsewhere and looks at none: strings go where their indices would. */
  readonly moves?: true | undefined;
  /** One value per output, which belong to the caller. */
  readonly flow?: ((call: FlowCall) => Work<readonly RunValue[]>) | undefined;
  /** Absent: nothing is known about how the node treats axis 0. */
  batch?(query: BatchQuery): BatchAnswer;
  /** The values of the result where the node only moves sizes among which is the number of images; undefined: it does more. */
  sizes?(query: BatchQuery): readonly Size[] | undefined;
  /** The input with the sizes of the result, which may have the number of images among them: `batch` looks. */
  readonly sizesAt?: number;
}

/** All operators that are understood. */
export class OpSet {
  readonly #definitions = new Map<string, OpDefinition[]>();

  /** `newest`: the newest version of each domain whose definitions were read; later ones are refused. */
  constructor(
    definitions: readonly OpDefinition[],
    readonly newest: ReadonlyMap<string, number>,
  ) {
    for (const definition of definitions) {
      const key = OpSet.#key(definition.domain ?? '', definition.op);
      const forms = this.#definitions.get(key) ?? [];
      forms.push(definition);
      forms.sort((a, b) => b.since - a.since);
      this.#definitions.set(key, forms);
    }
  }

  static #key(domain: string, op: string): string {
    return domain === '' ? op : `${domain}.${op}`;
  }

  /** Names of all operators, in alphabetical order. */
  get names(): readonly string[] {
    return [...this.#definitions.keys()].sort();
  }

  /** The definitions of an operator of `names`, the newest first. */
  forms(name: string): readonly OpDefinition[] {
    return this.#definitions.get(name) ?? [];
  }

  /** The oldest operator set in which an operator of `names` is understood. */
  oldest(name: string): number | undefined {
    return this.#definitions.get(name)?.at(-1)?.since;
  }

  /** Refuses operator sets that are unknown or newer than this. */
  checkOpsets(opsets: ReadonlyMap<string, number>): void {
    for (const [domain, version] of opsets) {
      const newest = this.newest.get(domain);
      if (newest !== undefined && version > newest) {
        throw modelError(`operator set ${version} of ${domain || 'ONNX'} is newer than ${newest}`, {
          suggestion: `Convert the model to operator set ${newest} or older (onnx.version_converter)`,
        });
      }
    }
  }

  /** The definition that a node has under the graph's operator sets. @throws ModelError naming the node. */
  find(node: Node, opsets: Graph['opsets']): OpDefinition {
    const opset = opsets.get(node.domain);
    const place = { node: node.name, op: node.op, opset };
    const forms = this.#definitions.get(OpSet.#key(node.domain, node.op));
    if (!forms) {
      const set = node.domain === '' ? '' : ` of the domain "${node.domain}"`;
      const near = nearest(OpSet.#key(node.domain, node.op), this.names, 3);
      const hint = near.length > 0 ? `The nearest names are ${near.join(', ')}; ` : '';
      throw modelError(`operator ${node.op}${set} is not supported`, {
        ...place,
        suggestion: `${hint}docs/operators.md lists all that are`,
      });
    }
    if (opset === undefined) {
      throw modelError(`the model imports no operator set of the domain "${node.domain}"`, place);
    }
    const found = forms.find((form) => form.since <= opset);
    if (!found) {
      throw modelError(
        `${node.op} is supported from operator set ${forms.at(-1)?.since} on`,
        place,
      );
    }
    return found;
  }

  /** Checks what can be known of a node without shapes. @throws ModelError naming the node. */
  check(node: Node, opsets: Graph['opsets']): void {
    const definition = this.find(node, opsets);
    const place = { node: node.name, op: node.op, opset: opsets.get(node.domain) };
    const [least, most] = definition.inputs;
    const given = ownInputs(node).length;
    if (given < least || given > most) {
      const range =
        least === most ? `${least}` : `${least} to ${most === Infinity ? 'any number' : most}`;
      throw modelError(`${node.op} takes ${range} inputs, got ${given}`, place);
    }
    const { optional = [] } = definition;
    const missing = node.inputs
      .slice(0, least)
      .findIndex((name, i) => name === '' && !optional.includes(i));
    if (missing >= 0) throw modelError(`input ${missing} is left out`, place);
    const outputs = definition.outputs ?? 1;
    const extra = node.outputs.findIndex((name, i) => i >= outputs && name !== '');
    if (extra >= 0) {
      throw modelError(
        `output ${extra} ("${node.outputs[extra]}") is not supported: ${node.op} makes ${outputs}`,
        place,
      );
    }
    const known = definition.attributes ?? {};
    for (const [name, attribute] of node.attributes) {
      const type = Object.hasOwn(known, name) ? known[name] : undefined;
      if (!type) {
        const names = Object.keys(known).join(', ') || 'none';
        throw modelError(`attribute "${name}" is not supported`, {
          ...place,
          suggestion: `Supported: ${names}`,
        });
      }
      const isValues = type === 'values' && /^(tensor|texts)$/.test(attribute.type);
      if (attribute.type !== type && !isValues) {
        const wanted = type === 'values' ? 'tensor' : type;
        throw modelError(`attribute "${name}" must be ${wanted}, got ${attribute.type}`, place);
      }
    }
    try {
      definition.check?.(new CheckedNode(node, place.opset ?? 0));
    } catch (cause) {
      throw nodeFailed(node, place.opset, cause);
    }
  }
}

/** An attribute of a node that OpSet.check has accepted. */
export function attributeOf<T extends AttributeType>(
  node: Node,
  name: string,
  type: T,
): AttributeValues[T] | undefined {
  const attribute: Attribute | undefined = node.attributes.get(name);
  return attribute?.type === type ? (attribute.value as AttributeValues[T]) : undefined;
}
