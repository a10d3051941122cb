import { elementCount } from '../../graph/ir';
import type { NodeCall, OpDefinition, Value } from '../../graph/op-set';
import { transpose } from './move';
import { product } from './product';
import { algebra } from './scalar';
import { reshape } from './shape';

/** A tensor whose axes are named. */
interface Named {
  readonly value: Value;
  readonly axes: readonly string[];
}

const SPREAD = '...';

/** "ij, ...j" as the names of the axes of each operand, and those of the result. */
function parse(call: NodeCall, equation: string, ranks: readonly number[]) {
  const text = equation.replace(/\s+/g, '');
  const [left = '', right, more] = text.split('->');
  if (more !== undefined) throw call.error(`equation "${equation}" has more than one ->`);
  const terms = left.split(',');
  if (terms.length !== ranks.length) {
    throw call.error(
      `equation "${equation}" has ${terms.length} operands, the node ${ranks.length}`,
    );
  }
  const letters = (term: string) => {
    const named = term.replace(SPREAD, '');
    if (!/^[A-Za-z]*$/.test(named))
      throw call.error(`equation "${equation}": "${term}" is no list of letters`);
    return named;
  };
  let spread = 0;
  for (const [i, term] of terms.entries()) {
    const count = letters(term).length;
    const rest = (ranks[i] ?? 0) - count;
    if (term.includes(SPREAD) ? rest < 0 : rest !== 0) {
      throw call.error(
        `equation "${equation}": operand ${i} has ${ranks[i]} axes, "${term}" names ${count}`,
      );
    }
    spread = Math.max(spread, rest);
  }
  // Unnamed axes are numbered from the right, so that they broadcast.
  const name = (term: string, rank: number): string[] => {
    const [front = '', back = ''] = term.includes(SPREAD) ? term.split(SPREAD) : [term];
    const open = rank - letters(term).length;
    const unnamed = Array.from({ length: open }, (_, k) => `.${open - 1 - k}`);
    return [...front, ...unnamed, ...back];
  };
  const operands = terms.map((term, i) => name(term, ranks[i] ?? 0));
  if (right !== undefined) {
    const result = name(right, letters(right).length + (right.includes(SPREAD) ? spread : 0));
    const unknown = result.find((axis) => !operands.some((axes) => axes.includes(axis)));
    if (unknown !== undefined)
      throw call.error(`equation "${equation}": no operand has "${unknown}"`);
    return { operands, result };
  }
  // Without ->: the unnamed axes, then the letters that appear once, in alphabetical order.
  const all = operands.flat();
  const once = [...new Set(all)].filter(
    (axis) => axis.length === 1 && all.indexOf(axis) === all.lastIndexOf(axis),
  );
  const unnamed = Array.from({ length: spread }, (_, k) => `.${spread - 1 - k}`);
  return { operands, result: [...unnamed, ...once.sort()] };
}

/** An axis that is named twice becomes its diagonal: what lies off it is set to 0 and summed away. */
function diagonal(call: NodeCall, { value, axes }: Named): Named {
  const second = axes.findIndex((axis, i) => axes.indexOf(axis) !== i);
  if (second < 0) return { value, axes };
  const first = axes.indexOf(axes[second] as string);
  const { shape, dtype } = value.desc;
  const n = shape[first] ?? 0;
  if (n !== shape[second])
    throw call.error(`"${axes[second]}" has the sizes ${n} and ${shape[second]}`);
  const along = (axis: number) =>
    reshape(
      call,
      call.emit('arange', [], { stop: n, dtype: 'int64' }),
      shape.map((_, k) => (k === axis ? n : 1)),
    );
  const a = algebra(call, dtype);
  const kept = a.where(call.emit('equal', [along(first), along(second)]), value, 0);
  const summed = a.reduce('reduceSum', kept, [second], false);
  return diagonal(call, { value: summed, axes: axes.filter((_, k) => k !== second) });
}

/** Sums the axes that nobody else needs. */
function sumOut(call: NodeCall, { value, axes }: Named, needed: ReadonlySet<string>): Named {
  const gone = axes.flatMap((axis, k) => (needed.has(axis) ? [] : [k]));
  if (gone.length === 0) return { value, axes };
  const a = algebra(call, value.desc.dtype);
  return {
    value: a.reduce('reduceSum', value, gone, false),
    axes: axes.filter((axis) => needed.has(axis)),
  };
}

function permute(call: NodeCall, { value, axes }: Named, order: readonly string[]): Value {
  return transpose(
    call,
    value,
    order.map((axis) => axes.indexOf(axis)),
  );
}

/** The product of two operands, summed over the axes that `needed` does not hold: one batched matrix product. */
function multiply(call: NodeCall, left: Named, right: Named, needed: ReadonlySet<string>): Named {
  const a = sumOut(call, left, new Set([...needed, ...right.axes]));
  const b = sumOut(call, right, new Set([...needed, ...a.axes]));
  const sizes = new Map<string, number>();
  for (const { value, axes } of [a, b]) {
    for (const [k, axis] of axes.entries()) {
      const size = value.desc.shape[k] ?? 0;
      const known = sizes.get(axis) ?? 1;
      if (known !== size && known !== 1 && size !== 1) {
        throw call.error(`"${axis}" has the sizes ${known} and ${size}`);
      }
      sizes.set(axis, Math.max(known, size));
    }
  }
  const shared = a.axes.filter((axis) => b.axes.includes(axis));
  const batch = shared.filter((axis) => needed.has(axis));
  const summed = shared.filter((axis) => !needed.has(axis));
  const rows = a.axes.filter((axis) => !b.axes.includes(axis));
  const columns = b.axes.filter((axis) => !a.axes.includes(axis));
  const sizeOf = (named: Named, axes: readonly string[]) =>
    axes.map((axis) => named.value.desc.shape[named.axes.indexOf(axis)] ?? 1);
  // An axis of 1 in one operand broadcasts: it is summed with the other's by itself.
  const spread = (named: Named): Named => {
    const wanted = named.axes.map((axis) =>
      summed.includes(axis) ? (sizes.get(axis) ?? 1) : null,
    );
    const needs = wanted.some((size, k) => size !== null && size !== named.value.desc.shape[k]);
    if (!needs) return named;
    const shape = wanted.map((size, k) => size ?? named.value.desc.shape[k] ?? 1);
    const ones = call.emit('full', [], { shape, value: 1, dtype: named.value.desc.dtype });
    return { ...named, value: call.emit('mul', [named.value, ones]) };
  };
  const [x, y] = [spread(a), spread(b)];
  const k = elementCount(sizeOf(x, summed));
  const m = elementCount(sizeOf(x, rows));
  const n = elementCount(sizeOf(y, columns));
  const left2 = reshape(call, permute(call, x, [...batch, ...rows, ...summed]), [
    ...sizeOf(x, batch),
    m,
    k,
  ]);
  const right2 = reshape(call, permute(call, y, [...batch, ...summed, ...columns]), [
    ...sizeOf(y, batch),
    k,
    n,
  ]);
  const made = product(call, left2, right2);
  const shape = [
    ...batch.map((axis) => sizes.get(axis) ?? 1),
    ...sizeOf(x, rows),
    ...sizeOf(y, columns),
  ];
  return { value: reshape(call, made, shape), axes: [...batch, ...rows, ...columns] };
}

/** Einsum-12: products and sums over named axes, as numpy.einsum; from left to right, each a matrix product. */
const einsum: OpDefinition = {
  op: 'Einsum',
  since: 12,
  inputs: [1, Number.POSITIVE_INFINITY],
  attributes: { equation: 'string' },
  sums: true,
  lower(call) {
    const equation = call.string('equation');
    if (equation === undefined) throw call.error('attribute "equation" is missing');
    const values = Array.from({ length: call.inputCount }, (_, i) => call.input(i));
    const { operands, result } = parse(
      call,
      equation,
      values.map(({ desc }) => desc.shape.length),
    );
    const named = values.map((value, i) => diagonal(call, { value, axes: operands[i] ?? [] }));
    let whole = named[0] as Named;
    for (let i = 1; i < named.length; i++) {
      const later = named.slice(i + 1).flatMap(({ axes }) => axes);
      whole = multiply(call, whole, named[i] as Named, new Set([...result, ...later]));
    }
    return permute(call, sumOut(call, whole, new Set(result)), result);
  },
};

export const EINSUM: readonly OpDefinition[] = [einsum];
