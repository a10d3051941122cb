import { ModelError, type ModelErrorOptions } from '../errors';

/** Where in a model something is wrong, and what to do about it. */
export interface ModelPlace extends ModelErrorOptions {
  readonly suggestion?: string | undefined;
}

interface NodeName {
  readonly name: string;
  readonly op: string;
}

/** `node "conv1" (Conv, opset 13): <what>. <suggestion>` with the same facts as fields. */
export function modelError(what: string, place: ModelPlace = {}): ModelError {
  const { node, op, opset, suggestion } = place;
  const kind = [op, opset === undefined ? undefined : `opset ${opset}`].filter(Boolean).join(', ');
  const where = node === undefined ? '' : `node "${node}"${kind && ` (${kind})`}: `;
  return new ModelError(`${where}${what}${suggestion ? `. ${suggestion}` : ''}`, place);
}

/** The text of anything that was thrown. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);

/** What a node of a graph within a node is called in errors and reports: "loop/add". */
export const innerName = (node: string, inner: string): string => `${node}/${inner}`;

/** Runs something of a graph within a node: a ModelError names the node by way of the one around it. */
export function within<R>({ name, op }: NodeName, graph: string, run: () => R): R {
  try {
    return run();
  } catch (thrown) {
    if (!(thrown instanceof ModelError)) throw thrown;
    const { node, opset, cause, message } = thrown;
    const inner = node === undefined ? name : innerName(name, node);
    throw new ModelError(
      node === undefined
        ? `node "${name}" (${op}), in its graph "${graph}": ${message}`
        : message.replace(`node "${node}"`, () => `node "${inner}"`),
      { node: inner, op: thrown.op ?? op, opset, cause },
    );
  }
}
