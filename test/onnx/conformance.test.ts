/**
 * ONNX's own backend cases: models with inputs and outputs. Those that load must give the outputs; those that do not must
 * say so with a ModelError.
 */

import path from 'node:path';
import { describeWithData } from '../support/data';
import { DEVICES } from '../support/op-info';
import { type CaseResult, findCases, runCase } from '../support/onnx-cases';

/**
 * How many cases of each folder passed on the CPU when this was written, and how many of them the emulated CUDA device
 * refuses, whose operators have no kernels there: fewer would mean that an operator was lost.
 */
const SUITES: readonly [folder: string, atLeast: number, onCpuOnly: number][] = [
  ['node', 1318, 0],
  ['pytorch-converted', 62, 0],
  ['pytorch-operator', 26, 0],
  ['simple', 17, 0],
];

describe.each(DEVICES)('on %s', (device) => {
  describe.each(SUITES)('%s', (folder, atLeast, onCpuOnly) => {
    describeWithData('ONNX cases', path.join('onnx', folder), (root) => {
      test('give their outputs, or are refused by name', async () => {
        const results: CaseResult[] = [];
        for (const name of findCases(root)) results.push(await runCase(name, device));
        expect(results.filter(({ status }) => status === 'failed')).toEqual([]);
        const passed = results.filter(({ status }) => status === 'passed').length;
        const wanted = device === 'cpu' ? atLeast : atLeast - onCpuOnly;
        expect(passed).toBeGreaterThanOrEqual(wanted);
      });
    });
  });
});
