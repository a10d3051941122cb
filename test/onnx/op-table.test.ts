import { ONNX_OPS } from '../../lib/onnx/op-table';
import { readRepo } from '../support/snippets';

test('docs/models.md lists all operators, with the oldest operator set of each', () => {
  const page = readRepo('docs/models.md');
  const rows = [...page.matchAll(/^\| ([A-Za-z][\w.]+) \| (\d+) \|/gm)].map(
    ([, name, since]) => `${name} ${since}`,
  );
  expect(rows).toEqual(ONNX_OPS.names.map((name) => `${name} ${ONNX_OPS.oldest(name)}`));
  expect(page).toContain(`Operator sets up to ${ONNX_OPS.newest.get('')}.`);
});
