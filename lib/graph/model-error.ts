import { ModelError, type ModelErrorOptions } from '../errors';

/** Where in a model something is wrong, and what to do about it. */
export interface ModelPlace extends ModelErrorOptions {
  readonly suggestion?: string | undefined;
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
