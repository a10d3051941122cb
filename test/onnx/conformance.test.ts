/**
 * ONNX's own backend cases: models with inputs and outputs. Those that load must give the outputs; those that do not must
 * say so with a ModelError.
 */

import path from 'node:path';
import { describeWithData } from '../support/data';
import { type CaseResult, findCases, runCase } from '../support/onnx-cases';

/** How many cases of each folder passed when this was written: fewer would mean that an operator was lost. */
const SUITES: readonly [folder: string, atLeast: number][] = [
  ['node', 850],
  ['pytorch-converted', 51],
  ['pytorch-operator', 24],
  ['simple', 11],
];

describe.each(SUITES)('%s', (folder, atLeast) => {
  describeWithData('ONNX cases', path.join('onnx', folder), (root) => {
    test('give their outputs, or are refused by name', async () => {
      const results: CaseResult[] = [];
      for (const name of findCases(root)) results.push(await runCase(name));
      expect(results.filter(({ status }) => status === 'failed')).toEqual([]);
      const passed = results.filter(({ status }) => status === 'passed').length;
      expect(passed).toBeGreaterThanOrEqual(atLeast);
    });
  });
});
