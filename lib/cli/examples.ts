/** The examples that `--help` of each command shows. test/cli/help.test.ts runs them as they are. */

interface Example {
  readonly command: string;
  readonly what: string;
}

const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  run: [
    {
      command: 'halftone run net.onnx --input photo.png --mean 127 --std 128',
      what: 'one picture, made as large as the input, with pixels from -1 to 1',
    },
    {
      command: 'halftone run net.onnx --input photos --labels labels.npy --precision float16',
      what: 'the pictures of a folder, in float16, and how many were right',
    },
    {
      command: 'halftone run net.onnx --input images.npy --output scores.npz --json',
      what: 'arrays in, arrays out, a report for programs',
    },
    {
      command: 'halftone run two.onnx --input a=a.npy --input b=b.json --output values.json',
      what: 'a model with two inputs',
    },
  ],
  inspect: [
    { command: 'halftone inspect net.onnx', what: 'inputs, outputs, operators, weights' },
    {
      command: 'halftone inspect net.onnx --nodes --json',
      what: 'the same with each node, as JSON',
    },
  ],
  convert: [
    {
      command: 'halftone convert net.onnx half.onnx --precision float16',
      what: 'everything in float16, inputs and outputs as they were',
    },
    {
      command: "halftone convert net.onnx mixed.onnx --precision mixed --keep 'classify*'",
      what: 'float16 where lists of operators allow it, and not in these nodes',
    },
    {
      command:
        'halftone convert net.onnx auto.onnx --precision auto --data images.npy --tolerance 0.01',
      what: 'float32 only where the measured error demands it',
    },
  ],
  audit: [
    {
      command: 'halftone audit net.onnx --data images.npy --html audit.html',
      what: 'what float16 does to each node, as a table and as a page',
    },
    {
      command: 'halftone audit net.onnx --precision mixed --data photos --fail-below 40',
      what: 'for a build: exit code 3 when an output has less than 40 dB',
    },
  ],
  'convert-checkpoint': [
    {
      command: 'halftone convert-checkpoint weights.npz half.npz --dtype float16',
      what: 'every float of a file, rounded once, with counts of what was lost',
    },
  ],
};

/** Commands that have examples. */
export const COMMANDS_WITH_EXAMPLES = Object.keys(EXAMPLES);

/** The text after the options. */
export function examplesOf(command: string): string {
  const lines = (EXAMPLES[command] ?? []).map(
    ({ command: line, what }) => `  $ ${line}\n      ${what}`,
  );
  return `\nExamples:\n${lines.join('\n')}`;
}
