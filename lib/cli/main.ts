/** The program `halftone`. The commands load the addon when they run, so that help and `doctor` work without it. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { HalftoneError } from '../errors';
import type { AuditCommandOptions } from './audit';
import type { ConvertCommandOptions } from './convert';
import type { ConvertCheckpointCommandOptions } from './convert-checkpoint';
import { examplesOf } from './examples';
import type { InspectCommandOptions } from './inspect';
import type { RunCommandOptions } from './run';

/** Exit codes: 1 when the work failed, 2 when the command line is wrong, 3 when a model is worse than was asked for. */
const FAILURE = 1;
const USAGE = 2;
const WORSE = 3;

/** What ends a command, with the numbers of the signals: a shell sees 128 more. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

function packageVersion(): string {
  const file = path.resolve(__dirname, '../../../package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** "x.npy: no such file or directory" of "ENOENT: no such file or directory, open 'x.npy'". */
const plainly = ({ message, path }: NodeJS.ErrnoException): string =>
  message.replace(/^E[A-Z]+: (.*), \w+ '.*'$/s, (_, what: string) => `${path}: ${what}`);

/** One message for people; the stack only with HALFTONE_DEBUG=1. */
function report(error: unknown): void {
  const debug = process.env['HALFTONE_DEBUG'] === '1';
  if (!(error instanceof Error)) console.error(`halftone: ${String(error)}`);
  else if (debug) console.error(error);
  else if (error instanceof HalftoneError) {
    console.error(`halftone: ${error.message}\n(${error.name}, ${error.code})`);
  } else {
    const { code } = error as NodeJS.ErrnoException;
    const which = code === undefined ? '' : `${code}; `;
    console.error(`halftone: ${plainly(error)}\n(${which}HALFTONE_DEBUG=1 shows the stack)`);
  }
}

interface DemoOptions {
  readonly json?: boolean;
  readonly model?: string;
  readonly images?: string;
  readonly labels?: string;
  readonly limit?: number;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  }
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || value === Number.POSITIVE_INFINITY) {
    throw new InvalidArgumentError('It must be a number above 0.');
  }
  return value;
}

function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new InvalidArgumentError('It must be a number.');
  }
  return value;
}

/** Collects the values of several options. */
const collect = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
];

const computeOption = () =>
  new Option('--compute <type>', 'how convolutions and products sum').choices([
    'float32',
    'float16',
    'tf32',
  ]);

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Collects FROM=TO of several options; the first = divides. */
function renames(text: string, before: Readonly<Record<string, string>> = {}) {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('It must be FROM=TO.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** "H" or "HxW" */
function heightAndWidth(text: string): readonly [number, number] {
  const [, height = '', width = height] = /^(\d{1,5})(?:x(\d{1,5}))?$/.exec(text) ?? [];
  if (!(Number(height) > 0 && Number(width) > 0)) {
    throw new InvalidArgumentError('It must be HEIGHTxWIDTH, such as 224x224.');
  }
  return [Number(height), Number(width)];
}

/** "a" or "a,b,c" */
function numbers(text: string): readonly number[] {
  const list = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!list.every(Number.isFinite)) {
    throw new InvalidArgumentError('It must be numbers with commas between them.');
  }
  return list;
}

/** Numbers to divide by. */
function divisors(text: string): readonly number[] {
  const list = numbers(text);
  if (list.includes(0)) throw new InvalidArgumentError('It must not be 0.');
  return list;
}

/** Adds the options of commands that read pictures, after those of the command. */
function withPictures(command: Command): Command {
  return command
    .optionsGroup('Pictures:')
    .option('--resize <HxW>', "pictures to this size (default: the model's)", heightAndWidth)
    .addOption(
      new Option('--fit <how>', 'pictures of another aspect (default: fill)').choices([
        'fill',
        'cover',
        'contain',
      ]),
    )
    .option('--scale <x>', 'multiply pixels, 0 to 255, first (default: 1)', positive)
    .option('--mean <list>', 'subtract this then, one number or one for each channel', numbers)
    .option('--std <list>', 'divide by this then, one number or one for each channel', divisors)
    .addOption(
      new Option('--layout <axes>', "of pictures (default: the model's)").choices(['NCHW', 'NHWC']),
    )
    .addOption(
      new Option('--colors <order>', 'of channels (default: rgb, or gray for one)').choices([
        'rgb',
        'bgr',
        'gray',
      ]),
    );
}

/** What files hold inputs. */
const FILES = '.npy, idx, .npz, .json, a picture or a folder of pictures';

function createProgram(): Command {
  const program = new Command('halftone')
    .description('Low-precision tensor compute whose arithmetic the caller chooses.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('(halftone --help lists the commands)')
    .exitOverride()
    .addHelpText(
      'after',
      '\n"halftone build" compiles the native addon for this machine.' +
        '\nExit codes: 0 success, 1 failure, 2 wrong command line, 3 audit --fail-below found worse.' +
        '\nHALFTONE_DEBUG=1 shows stacks. docs/cli.md has more.',
    );

  program
    .command('doctor')
    .description('say what Halftone finds on this machine, and why the rest is missing')
    .option('--json', 'print the report as JSON')
    .action(async (options: { json?: boolean }) => {
      const { doctor } = await import('./doctor.js');
      process.exitCode = (await doctor(options)) ? 0 : FAILURE;
    });

  program
    .command('demo')
    .description('compute the same numbers in several arithmetics and compare')
    .option('--json', 'print the results as JSON')
    .option('--model <file>', 'compare on this ONNX model instead; needs --images')
    .option('--images <file>', 'images for the model: .npy or idx, gzipped or not')
    .option('--labels <file>', 'what the images show, one number each')
    .option('--limit <n>', 'use at most this many images', wholeNumber)
    .action(async (options: DemoOptions) => {
      const { model, images } = options;
      if (model === undefined && images === undefined) {
        const { demo } = await import('./demo.js');
        await demo(options);
        return;
      }
      if (model === undefined || images === undefined) {
        return program.error('error: --model and --images go together');
      }
      const { demoModel } = await import('./demo-model.js');
      await demoModel({ ...options, model, images });
    });

  withPictures(
    program
      .command('run')
      .description('run a model over the inputs in files and say how each node was computed')
      .argument('<model>', 'ONNX file')
      .requiredOption('--input <[name=]file>', `${FILES}; may be repeated`, collect)
      .option('--labels <file>', 'what the images show, one number each')
      .option('--limit <n>', 'use at most this many images', wholeNumber)
      .option('--batch <n>', 'images per run', wholeNumber, 250)
      .addOption(
        new Option('--precision <type>', 'convert the model to this storage type first').choices([
          'float32',
          'float16',
          'bfloat16',
        ]),
      )
      .addOption(computeOption())
      .option('--device <name>', "'cpu', 'cuda', 'cuda:1' or 'auto'")
      .option('--output-name <name>', 'the output to look at; default: the first one')
      .option(
        '--output <file>',
        'write that output as .npy, .png, .jpg, .webp; all of them as .npz, .json',
      )
      .option('--json', 'print the results as JSON')
      .action(async (model: string, options: RunCommandOptions) => {
        const { run } = await import('./run.js');
        await run(model, options);
      })
      .addHelpText('after', examplesOf('run')),
  );

  program
    .command('inspect')
    .description('say what is in an ONNX file: inputs, outputs, operators, weights')
    .argument('<model>', 'ONNX file')
    .option('--nodes', 'list the nodes')
    .option('--json', 'print the report as JSON')
    .action(async (model: string, options: InspectCommandOptions) => {
      const { inspect } = await import('./inspect.js');
      await inspect(model, options);
    })
    .addHelpText('after', examplesOf('inspect'));

  withPictures(
    program
      .command('convert')
      .description('write an ONNX file in another precision, with explicit casts')
      .argument('<input>', 'ONNX file')
      .argument('<output>', 'ONNX file to write')
      .addOption(
        new Option('--precision <type>', 'what to convert to')
          .choices(['float16', 'bfloat16', 'float32', 'mixed', 'auto'])
          .makeOptionMandatory(),
      )
      .addOption(
        new Option(
          '--low <type>',
          "the 16-bit float of 'mixed' and 'auto' (default: float16)",
        ).choices(['float16', 'bfloat16']),
      )
      .addOption(
        new Option('--profile <name>', "the lists of 'mixed' (default: tf-grappler)").choices([
          'tf-grappler',
          'tf-docs',
          'torch-autocast',
          'onnx-converter',
        ]),
      )
      .option(
        '--keep <name>',
        'a node that stays float32, * for any text; may be repeated',
        collect,
      )
      .addOption(
        new Option(
          '--out-of-range <policy>',
          'constants that do not fit (default: report)',
        ).choices(['report', 'clamp', 'keep', 'error']),
      )
      .addOption(computeOption())
      .option('--no-io', 'convert inputs and outputs as well')
      .option(
        '--opset <n>',
        'raise the operator set to n at least (default: what the types need)',
        wholeNumber,
      )
      .option(
        '--data <[name=]file>',
        `inputs that 'auto' measures with: ${FILES}; may be repeated`,
        collect,
      )
      .option('--samples <n>', 'use at most this many of them', wholeNumber, 8)
      .option(
        '--tolerance <x>',
        "the largest relative error that 'auto' allows (default: 0.01)",
        positive,
      )
      .option('--device <name>', "where 'auto' runs: 'cpu', 'cuda', 'cuda:1' or 'auto'")
      .option('--json', 'print the report as JSON')
      .action(async (input: string, output: string, options: ConvertCommandOptions) => {
        const { convert } = await import('./convert.js');
        await convert(input, output, options);
      })
      .addHelpText('after', examplesOf('convert')),
  );

  withPictures(
    program
      .command('audit')
      .description('compare a converted model with its reference, node by node')
      .argument('<model>', 'ONNX file')
      .option(
        '--reference <file>',
        'the float32 model; without it the model is compared with its own conversion',
      )
      .addOption(
        new Option('--precision <type>', 'of that conversion')
          .choices(['float16', 'bfloat16', 'mixed'])
          .default('float16'),
      )
      .addOption(computeOption())
      .requiredOption('--data <[name=]file>', `inputs: ${FILES}; may be repeated`, collect)
      .option('--samples <n>', 'use at most this many of them', wholeNumber, 4)
      .option('--html <file>', 'write a page with plots')
      .option('--fail-below <dB>', 'exit with 3 when an output has less than this', finite)
      .option('--device <name>', "'cpu', 'cuda', 'cuda:1' or 'auto'")
      .option('--json', 'print the report as JSON')
      .action(async (model: string, options: AuditCommandOptions) => {
        const { audit } = await import('./audit.js');
        if (!(await audit(model, options))) process.exitCode = WORSE;
      })
      .addHelpText('after', examplesOf('audit')),
  );

  program
    .command('convert-checkpoint')
    .description('convert the floats of a checkpoint, and count what rounding does to them')
    .argument('<input>', '.safetensors or .npz file')
    .argument('<output>', '.safetensors or .npz file')
    .addOption(
      new Option('--dtype <type>', 'the type that floats get')
        .choices(['float16', 'bfloat16', 'float32'])
        .makeOptionMandatory(),
    )
    .option('--include <regexp>', 'convert only tensors with such names', regularExpression)
    .option('--exclude <regexp>', 'copy tensors with such names', regularExpression)
    .option('--rename <from=to>', 'another name for a tensor; may be repeated', renames)
    .addOption(
      new Option(
        '--on-overflow <policy>',
        'values that are too large (default: "infinity")',
      ).choices(['infinity', 'clamp', 'keep', 'error']),
    )
    .addOption(
      new Option('--on-underflow <policy>', 'values that become zero (default: "round")').choices([
        'round',
        'keep',
        'error',
      ]),
    )
    .addOption(
      new Option(
        '--on-subnormal <policy>',
        'values that become subnormal (default: "round")',
      ).choices(['round', 'keep', 'error']),
    )
    .option('--max-tensor-bytes <n>', 'refuse larger tensors (default: 2^32)', wholeNumber)
    .option('--json', 'print the report as JSON')
    .action(async (input: string, output: string, options: ConvertCheckpointCommandOptions) => {
      const { convert } = await import('./convert-checkpoint.js');
      await convert(input, output, options);
    })
    .addHelpText('after', examplesOf('convert-checkpoint'));

  program
    .command('version')
    .description('print the version')
    .action(() => console.log(packageVersion()));

  for (const command of program.commands) {
    command.showHelpAfterError(`(halftone ${command.name()} --help lists what it takes)`);
  }
  return program;
}

async function main(argv: readonly string[]): Promise<void> {
  // A reader that has seen enough, such as `head`, is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    report(error);
    process.exit(FAILURE);
  });
  // With an 'exit', unlike without, files that are not complete are removed.
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.once(signal, () => process.exit(128 + code));
  }
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // commander has written the message.
      process.exitCode = error.exitCode === 0 ? 0 : USAGE;
      return;
    }
    report(error);
    process.exitCode = FAILURE;
  }
}

void main(process.argv);
