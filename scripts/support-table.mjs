// Writes docs/support.md: which backend takes which operator with which types. It asks the backends, through
// binding.supports(); those of CUDA are asked through the emulated device, whose sources are the same. And the list of what
// has never run on a GPU, in bench/results/README.md.
//
//   npm run docs:support            writes both
//   npm run docs:support -- --check fails when one differs (test/contract/support.test.ts does the same)

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PAGE as HARDWARE, withList } from './hardware-list.mjs';
import { buildNative } from './native.mjs';
import { PROBES } from './support-probes.mjs';
import { root } from './support.mjs';

const DTYPES = [
  'float32',
  'float16',
  'bfloat16',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'bool',
];

/** Parameters that choose an arithmetic or kernel: a line of the table each. */
const LINES = ['compute', 'accumulate', 'kernel', 'variant'];
/** Parameters that choose a dtype: tried all, shown in the notes. */
const DTYPE_KINDS = ['dtype', 'dtype?'];

const DEVICES = { cpu: 'cpu', cuda: 'emu', 'cuda 7.5': 'emu:1' };
/** Those of the table; the others are in the notes only. */
const COLUMNS = ['cpu', 'cuda'];

/** All ways to take one value of each list. */
function* product(lists) {
  if (lists.length === 0) {
    yield [];
    return;
  }
  const [first, ...rest] = lists;
  for (const value of first) for (const others of product(rest)) yield [value, ...others];
}

/** The calls of an operator that infer() accepts: `{ inputs, params, shown }`. */
function* calls(binding, op) {
  const probe = PROBES[op.name] ?? {};
  const given = op.inputs.filter(({ optional }) => !optional);
  const shapes = probe.shapes ?? given.map(() => [16, 16]);
  const dtypes = shapes.map((_, i) => (probe.dtypes?.[i] ? [probe.dtypes[i]] : DTYPES));
  const varied = op.params
    .filter(
      ({ name, kind }) => (kind === 'enum' && LINES.includes(name)) || DTYPE_KINDS.includes(kind),
    )
    .map(({ name, kind, values, nullable }) => ({
      name,
      values: [...(nullable ? [undefined] : []), ...(DTYPE_KINDS.includes(kind) ? DTYPES : values)],
    }));
  for (const types of product(dtypes)) {
    const inputs = types.map((dtype, i) => ({ dtype, shape: shapes[i] }));
    for (const values of product(varied.map((v) => v.values))) {
      const shown = Object.fromEntries(
        varied.flatMap(({ name }, i) => (values[i] === undefined ? [] : [[name, values[i]]])),
      );
      const params = { ...probe.params, ...shown };
      let outputs;
      try {
        outputs = binding.infer(op.name, inputs, params);
      } catch {
        continue; // not a call of this operator
      }
      const column = inputs[probe.column ?? 0]?.dtype ?? outputs[0].dtype;
      yield { inputs, params, shown, column };
    }
  }
}

/** What is asked, and the answer of each backend: null, or the reason. */
function ask(binding) {
  const rows = [];
  for (const op of binding.describeOps()) {
    let count = 0;
    for (const call of calls(binding, op)) {
      count++;
      const answers = {};
      for (const [name, device] of Object.entries(DEVICES)) {
        const reason = binding.supports(op.name, call.inputs, call.params, device);
        answers[name] = said(reason);
      }
      rows.push({ op: op.name, ...call, answers });
    }
    if (count === 0) {
      throw new Error(
        `No call of ${op.name} was accepted: describe one in scripts/support-probes.mjs.`,
      );
    }
  }
  return rows;
}

/** A reason as a GPU would give it. */
const said = (reason) =>
  reason?.replaceAll(/\bemu\b/g, 'cuda').replaceAll(/\bEmulated device \d/g, 'the device') ?? null;

const line = ({ shown }) =>
  LINES.filter((name) => name in shown)
    .map((name) => `${name} ${shown[name]}`)
    .join(', ');

function group(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    if (groups.has(name)) groups.get(name).push(item);
    else groups.set(name, [item]);
  }
  return groups;
}

/** What stands in the table for calls of one dtype: the backends that take all of them; in brackets those that take some. */
function cell(rows) {
  if (!rows) return '';
  const names = COLUMNS.flatMap((name) => {
    const taken = rows.filter(({ answers }) => answers[name] === null).length;
    if (taken === 0) return [];
    return [taken === rows.length ? name : `(${name})`];
  });
  return names.join(' ') || 'none';
}

function describe({ inputs, shown }) {
  const given = inputs.map(({ dtype }) => dtype);
  const types = given.every((dtype) => dtype === given[0]) ? given.slice(0, 1) : given;
  const options = Object.entries(shown).map(([name, value]) => `${name} ${value}`);
  return [types.join(' and '), ...options].filter(Boolean).join(', ');
}

const SHOWN = 4;

const NO_KERNEL = /has no kernel for it/;

/** What a backend refuses, by its own words. */
function notes(rows, backend) {
  const absent = [];
  const out = [];
  for (const [op, own] of group(rows, (row) => row.op)) {
    const refused = own.filter(({ answers }) => answers[backend] !== null);
    if (refused.length === 0) continue;
    const everything = refused.length === own.length;
    if (everything && NO_KERNEL.test(refused[0].answers[backend])) {
      absent.push(`\`${op}\``);
      continue;
    }
    // Words that name the types differ from call to call; one example stands for them.
    const types = new RegExp(`\\b(${DTYPES.join('|')})\\b`, 'g');
    const reasons = group(refused, ({ answers }) => answers[backend].replaceAll(types, '*'));
    for (const [, same] of reasons) {
      const examples = same.slice(0, SHOWN).map(describe);
      const more = same.length - examples.length;
      if (more > 0) examples.push(`and ${more} more`);
      const which = everything && reasons.size === 1 ? 'everything' : examples.join('; ');
      out.push(`- \`${op}\`, ${which}: ${same[0].answers[backend]}`);
    }
  }
  if (absent.length > 0) out.unshift(`- No kernel: ${absent.join(', ')}`);
  return out.length > 0 ? out : ['Nothing.'];
}

const HEAD = `# What runs where

Written by \`npm run docs:support\`: each backend was asked for each operator with each combination of types that the
operator accepts at all. \`cpu\` and \`cuda\` take every such call; \`(cuda)\` takes some, and says why not the others
[below](#not-on-cuda). An empty cell: the operator does not accept that dtype. CUDA was asked for a device of compute
capability 9.0, with sizes that are multiples of 16; what older devices lack is [below](#not-on-cuda-devices-of-compute-capability-75).

The dtype is that of the first input (for \`where\`, of the second; for \`weightedSum\`, of what is summed; for operators
without inputs, of the result). A call that a device does not take throws \`UnsupportedError\` before anything runs.
`;

function page(binding) {
  const rows = ask(binding);
  const out = [HEAD];
  out.push(`| operator | ${DTYPES.join(' | ')} |`, `|---|${DTYPES.map(() => '---|').join('')}`);
  for (const [op, own] of group(rows, ({ op }) => op)) {
    for (const [arithmetic, same] of group(own, line)) {
      const byDtype = group(same, ({ column }) => column);
      const cells = DTYPES.map((dtype) => cell(byDtype.get(dtype)));
      const name = `\`${op}\`${arithmetic ? `, ${arithmetic}` : ''}`;
      out.push(`| ${name} | ${cells.join(' | ')} |`);
    }
  }
  out.push('', '## Not on CUDA', '', ...notes(rows, 'cuda'));
  // What no CUDA device takes has been said.
  const newer = rows.filter(({ answers }) => answers.cuda === null);
  const older = notes(newer, 'cuda 7.5');
  out.push('', '## Not on CUDA devices of compute capability 7.5', '', ...older);
  out.push('', '## Not on the CPU', '', ...notes(rows, 'cpu'), '');
  return out.join('\n');
}

/** The page for what is built. */
function current() {
  const require = createRequire(import.meta.url);
  const binding = require(path.join(root, 'build/Release/halftone.node'));
  binding.initialize((code, message) => Object.assign(new Error(message), { code }));
  const module = path.join(root, 'build/Release/halftone_emu.so');
  if (!existsSync(module))
    throw new Error('build/Release/halftone_emu.so is not built: run "npm test".');
  process.env.HALFTONE_EMU_SM = '90,75';
  binding.loadBackend(module);
  return page(binding);
}

const pages = () => [
  ['docs/support.md', current],
  [HARDWARE, withList],
];
const file = (name) => path.join(root, name);
if (process.argv.includes('--check')) {
  for (const [name, text] of pages()) {
    if (existsSync(file(name)) && readFileSync(file(name), 'utf8') === text()) continue;
    console.error(`${name} is not what the sources and backends say: run "npm run docs:support".`);
    process.exitCode = 1;
  }
} else {
  await buildNative({ target: 'halftone_fakes', inputs: ['test/native'] });
  for (const [name, text] of pages()) {
    writeFileSync(file(name), text());
    console.log(`wrote ${name}`);
  }
}
