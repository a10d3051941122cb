/** Names that are near a mistyped one. */

/** Letters to insert, remove or replace to make `b` of `a`; the case of letters does not count. */
function editDistance(a: string, b: string): number {
  const [from, to] = [a.toLowerCase(), b.toLowerCase()];
  const row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    let diagonal = i - 1;
    row[0] = i;
    for (let j = 1; j <= to.length; j++) {
      const replaced = diagonal + (from[i - 1] === to[j - 1] ? 0 : 1);
      diagonal = row[j] as number;
      row[j] = Math.min(replaced, diagonal + 1, (row[j - 1] as number) + 1);
    }
  }
  return row[to.length] as number;
}

/** No name is longer: a file may ask for any, and the distance takes the product of the lengths. */
const MAX_LENGTH = 64;

/**
 * Up to `count` of `names` that `given` may have been meant to be, the nearest first: those at most two letters away, or a
 * third of its letters where that is more, as native/napi/params.cc suggests options of operators.
 */
export function nearest(given: string, names: Iterable<string>, count: number): string[] {
  if (given.length > MAX_LENGTH) return [];
  const limit = Math.max(2, Math.floor(given.length / 3));
  return [...names]
    .map((name) => ({ name, distance: editDistance(given, name) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ name }) => name);
}
