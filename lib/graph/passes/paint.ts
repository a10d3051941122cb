import { type ElementType, type Graph, graphsOf, type Node } from '../ir';
import { makesFloat, sizeNodes, staysFloat } from './float-places';
import type { ListOf, PaintMethod } from './precision-lists';

/** What was decided for one node, and by which rule. */
export interface Paint {
  readonly node: Node;
  /** Computes and stores in the low precision. */
  readonly low: boolean;
  readonly why: string;
}

export interface PaintOptions {
  readonly method: PaintMethod;
  readonly listOf: ListOf;
  readonly types: ReadonlyMap<string, ElementType>;
  /** Nodes that must stay float32. */
  readonly keep: (node: Node) => boolean;
  /** Initializers that do not fit the low precision: nodes that read one stay float32. */
  readonly tooLarge: ReadonlySet<string>;
  /** Why the graph's operator sets do not define a node for the low precision; undefined where they do. */
  readonly refuses?: ((node: Node) => string | undefined) | undefined;
}

const words = (text: string): Set<string> => new Set(text.split(/\s+/));

/** Operators that read or make float32, or its bits, whatever is around them; a sequence or an optional value cannot be cast. */
const FLOAT_ONLY = words(
  `BitCast NonMaxSuppression QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul SequenceConstruct
  SequenceEmpty SequenceErase SequenceInsert SequenceAt SequenceLength ConcatFromSequence SplitToSequence
  Optional OptionalGetElement OptionalHasElement TfIdfVectorizer`,
);

/** Operators whose float type an attribute or a constant says, and those without one. */
const TYPED = words(
  `Cast CastLike Constant ConstantOfShape Range EyeLike RandomNormal RandomUniform RandomNormalLike RandomUniformLike
  Bernoulli Multinomial ConvInteger MatMulInteger HannWindow HammingWindow BlackmanWindow MelWeightMatrix`,
);

/** Whether a node cannot work in a 16-bit float, whatever it is asked for. Graphs within nodes stay as they are. */
export const isFloatOnly = (node: Node): boolean =>
  node.domain !== '' || FLOAT_ONLY.has(node.op) || graphsOf(node).size > 0;

/** Float32 values between nodes: only along these does a precision spread. */
class Edges {
  readonly makers = new Map<string, Node>();
  readonly #readers = new Map<string, Node[]>();

  constructor(
    readonly graph: Graph,
    readonly types: ReadonlyMap<string, ElementType>,
  ) {
    for (const node of graph.nodes) {
      for (const name of node.outputs) if (name !== '') this.makers.set(name, node);
      for (const name of this.floatInputs(node)) {
        const readers = this.#readers.get(name);
        if (readers) readers.push(node);
        else this.#readers.set(name, [node]);
      }
    }
  }

  floatInputs(node: Node): string[] {
    return node.inputs.filter(
      (name, i) => this.types.get(name) === 'float32' && !staysFloat(node, i),
    );
  }

  floatOutputs(node: Node): string[] {
    return node.outputs.filter(
      (name, i) => this.types.get(name) === 'float32' && !makesFloat(node, i),
    );
  }

  before(node: Node): Node[] {
    return this.floatInputs(node).flatMap((name) => this.makers.get(name) ?? []);
  }

  after(node: Node): Node[] {
    return this.floatOutputs(node).flatMap((name) => this.#readers.get(name) ?? []);
  }

  /** All nodes reached from `roots` one `step` after the other, through nodes that `enter` lets in. */
  reach(
    roots: Iterable<Node>,
    step: (node: Node) => Node[],
    enter: (node: Node) => boolean,
  ): Set<Node> {
    const reached = new Set<Node>();
    const waiting = [...roots];
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      for (const next of step(node)) {
        if (reached.has(next) || !enter(next)) continue;
        reached.add(next);
        waiting.push(next);
      }
    }
    return reached;
  }
}

/** Decides for every node whether it works in the low precision. */
export function paint(graph: Graph, options: PaintOptions): Paint[] {
  const edges = new Edges(graph, options.types);
  const { listOf, keep, tooLarge } = options;
  const sizes = sizeNodes(graph, options.types);
  /** Why a node cannot change whatever the lists say; undefined when it can. */
  const barrier = (node: Node): string | undefined => {
    if (isFloatOnly(node) || TYPED.has(node.op)) return 'its float type is fixed';
    const floats = [...edges.floatInputs(node), ...edges.floatOutputs(node)];
    if (floats.length === 0) return 'it has no float32 values';
    if (sizes.has(node)) return 'it computes sizes';
    if (keep(node)) return 'kept by name';
    const refusal = options.refuses?.(node);
    if (refusal !== undefined) return refusal;
    const constant = node.inputs.find((name) => tooLarge.has(name));
    if (constant !== undefined) return `constant "${constant}" is out of range`;
    return undefined;
  };
  const barriers = new Map<Node, string>();
  for (const node of graph.nodes) {
    const why = barrier(node);
    if (why !== undefined) barriers.set(node, why);
  }
  const colours =
    options.method === 'paint'
      ? paintAsGrappler(graph, edges, listOf, barriers)
      : options.method === 'widest'
        ? paintWidest(graph, edges, listOf, barriers)
        : paintBlock(graph, listOf, barriers);
  return graph.nodes.map((node) => {
    const why = colours.get(node);
    if (why !== undefined) return { node, low: true, why };
    const list = listOf(node);
    const reason = barriers.get(node) ?? (list === 'deny' ? 'deny list' : undefined);
    const denied = list === undefined ? 'on no list' : `${list} list, but not between low nodes`;
    return { node, low: false, why: reason ?? denied };
  });
}

/** The low nodes and why each is. */
type Colours = Map<Node, string>;

/**
 * TensorFlow's auto_mixed_precision.cc: allowed nodes are low; what a denied node feeds, through nodes that compute, is
 * denied; nodes between two low ones become low; low spreads through nodes that only move values.
 */
function paintAsGrappler(
  graph: Graph,
  edges: Edges,
  listOf: ListOf,
  barriers: ReadonlyMap<Node, string>,
): Colours {
  const on = (node: Node, ...lists: string[]) => lists.includes(listOf(node) ?? '');
  const before = (node: Node) => edges.before(node);
  const after = (node: Node) => edges.after(node);
  const free = (node: Node) => !barriers.has(node);
  const allowed = graph.nodes.filter((node) => on(node, 'allow') && free(node));

  // Denied nodes, and what they feed as long as it leads to more arithmetic: a clear node right before an allowed one
  // is not denied.
  const arithmetic = graph.nodes.filter((node) => on(node, 'deny', 'infer'));
  const upstream = edges.reach(arithmetic, before, (node) => on(node, 'clear'));
  for (const node of arithmetic) upstream.add(node);
  const deniedRoots = graph.nodes.filter((node) => on(node, 'deny'));
  const denied = edges.reach(deniedRoots, after, (node) => upstream.has(node));
  for (const node of deniedRoots) denied.add(node);

  const low: Colours = new Map(allowed.map((node) => [node, 'allow list']));
  const between = (node: Node) =>
    free(node) && on(node, 'infer', 'clear') && !denied.has(node) && !low.has(node);
  const downstream = edges.reach(allowed, after, between);
  const inner = edges.reach(allowed, before, (node) => downstream.has(node));
  for (const node of inner) low.set(node, `${listOf(node)} list, between allowed nodes`);

  const clear = (node: Node) => free(node) && on(node, 'clear') && !denied.has(node);
  const both = (node: Node) => [...edges.before(node), ...edges.after(node)];
  for (const node of edges.reach([...low.keys()], both, clear)) {
    if (!low.has(node)) low.set(node, 'clear list, beside a low node');
  }
  return low;
}

/**
 * PyTorch's autocast: in the order of execution. Operators on no list compute in the widest type among their inputs;
 * single numbers do not widen.
 */
function paintWidest(
  graph: Graph,
  edges: Edges,
  listOf: ListOf,
  barriers: ReadonlyMap<Node, string>,
): Colours {
  const low: Colours = new Map();
  const isLow = (name: string) => {
    const maker = edges.makers.get(name);
    if (maker) return low.has(maker);
    const constant = graph.initializers.get(name);
    return constant !== undefined && constant.data.length === 1;
  };
  for (const node of graph.nodes) {
    if (barriers.has(node) || listOf(node) === 'deny') continue;
    if (listOf(node) === 'allow') {
      low.set(node, 'allow list');
      continue;
    }
    const inputs = edges.floatInputs(node);
    const activations = inputs.filter((name) => edges.makers.has(name));
    if (activations.length > 0 && inputs.every(isLow)) low.set(node, 'all of its inputs are low');
  }
  return low;
}

/** Everything is low but what is denied. */
function paintBlock(graph: Graph, listOf: ListOf, barriers: ReadonlyMap<Node, string>): Colours {
  const low: Colours = new Map();
  for (const node of graph.nodes) {
    if (!barriers.has(node) && listOf(node) !== 'deny') low.set(node, 'not on the deny list');
  }
  return low;
}
