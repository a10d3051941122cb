import {
  type Constant,
  freshName,
  type Graph,
  graphsOf,
  type Node,
  type Strings,
  valueNames,
} from '../ir';
import { attributeOf } from '../op-set';
import { constantOf } from './fold';

/**
 * If with a condition that is a constant becomes the nodes of the branch that is taken, also within graphs of nodes: so they
 * are checked, converted and planned like the nodes around them. They are called "if/node" then, and their values "if/value".
 */
export function decideBranches(graph: Graph): Graph {
  if (!graph.nodes.some((node) => graphsOf(node).size > 0)) return graph;
  return new Writer(graph).write();
}

class Writer {
  readonly #initializers: Map<string, Constant>;
  readonly #texts: Map<string, Strings>;
  readonly #taken: Set<string>;
  readonly #nodeNames: Set<string>;
  readonly #nodes: Node[] = [];
  /** What Constant nodes give. */
  readonly #constants = new Map<string, Constant>();

  constructor(readonly graph: Graph) {
    this.#initializers = new Map(graph.initializers);
    this.#texts = new Map(graph.texts);
    this.#taken = valueNames(graph);
    this.#nodeNames = new Set(graph.nodes.map(({ name }) => name));
  }

  write(): Graph {
    // The last one is next: a branch takes the place of its node, and may hold more of them.
    const waiting = this.graph.nodes.toReversed();
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      const branch = this.#decided(node);
      if (branch) waiting.push(...this.#take(node, branch).reverse());
      else this.#nodes.push(this.#kept(node));
    }
    return {
      ...this.graph,
      nodes: this.#nodes,
      initializers: this.#initializers,
      ...(this.#texts.size > 0 && { texts: this.#texts }),
    };
  }

  /** A node that stays, with its graphs treated. */
  #kept(node: Node): Node {
    const constant = node.op === 'Constant' && node.domain === '' ? constantOf(node) : undefined;
    if (constant) this.#constants.set(node.outputs[0] ?? '', constant);
    const graphs = graphsOf(node);
    if (graphs.size === 0) return node;
    const attributes = new Map(node.attributes);
    for (const [name, inner] of graphs) {
      attributes.set(name, { type: 'graph', value: decideBranches(inner) });
    }
    return { ...node, attributes };
  }

  /** The branch that an If takes, where its condition is known. */
  #decided(node: Node): Graph | undefined {
    if (node.op !== 'If' || node.domain !== '') return undefined;
    const [name = ''] = node.inputs;
    const constant = this.#initializers.get(name) ?? this.#constants.get(name);
    if (constant?.dtype !== 'bool' || constant.data.length !== 1) return undefined;
    return attributeOf(node, constant.data[0] ? 'then_branch' : 'else_branch', 'graph');
  }

  /** The nodes of a branch, under names of the graph around it. */
  #take(node: Node, branch: Graph): Node[] {
    const { captures = [], inputs } = node;
    const names = new Map<string, string>([['', '']]);
    for (const [i, inside] of captures.entries()) {
      names.set(inside, inputs[inputs.length - captures.length + i] as string);
    }
    const made = new Set(branch.nodes.flatMap(({ outputs }) => outputs));
    const copies: [from: string, to: string][] = [];
    for (const [i, { name }] of branch.outputs.entries()) {
      const to = node.outputs[i] ?? '';
      if (to === '') continue;
      if (made.has(name) && !names.has(name)) names.set(name, to);
      else copies.push([name, to]);
    }
    for (const name of valueNames(branch)) {
      if (!names.has(name)) names.set(name, freshName(`${node.name}/${name}`, this.#taken));
    }
    const rename = (name: string) => names.get(name) ?? name;
    for (const [name, constant] of branch.initializers) {
      this.#initializers.set(rename(name), constant);
    }
    for (const [name, strings] of branch.texts ?? []) this.#texts.set(rename(name), strings);
    const nameOf = (inner: string) => freshName(`${node.name}/${inner}`, this.#nodeNames);
    const nodes = branch.nodes.map((inner) => ({
      ...inner,
      name: nameOf(inner.name),
      inputs: inner.inputs.map(rename),
      outputs: inner.outputs.map(rename),
    }));
    const identities = copies.map(
      ([from, to]): Node => ({
        name: nameOf(to),
        op: 'Identity',
        domain: '',
        inputs: [rename(from)],
        outputs: [to],
        attributes: new Map(),
      }),
    );
    return [...nodes, ...identities];
  }
}
