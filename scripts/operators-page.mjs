// Writes docs/operators.md: which ONNX operators are understood, from which operator set on, with which attributes, and which
// element types each device takes. The operators and attributes are those of the registry that loads models
// (lib/onnx/op-table.ts); the types were found by planning a model of one node for each of them.
//
//   npm run docs:operators            writes the page
//   npm run docs:operators -- --check fails when it differs (test/contract/operators.test.ts does the same)

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { buildNative } from './native.mjs';
import { PROBES } from './operator-probes.mjs';
import { root } from './support.mjs';

const require = createRequire(import.meta.url);
const built = (name) => require(path.join(root, 'dist/lib', name));

const PAGE = 'docs/operators.md';
const DTYPES = [
  ...['float32', 'float16', 'bfloat16', 'float64'],
  ...['int8', 'uint8', 'int16', 'uint16', 'int32', 'int64', 'uint32', 'uint64', 'bool'],
];
const DEVICES = { cpu: 'cpu', cuda: 'emu' };

const known = (...values) => ({ type: 'int64', shape: [values.length], values });

/** Inputs that fit many operators, tried in this order; `T` is the type that is asked for. */
const GENERIC = [
  (n) => Array.from({ length: n }, () => ({ type: 'T', shape: [4, 4] })),
  (n) => Array.from({ length: n }, () => ({ type: 'T', shape: [1, 4, 6, 6] })),
  (n) => Array.from({ length: n }, (_, i) => ({ type: 'T', shape: i === 0 ? [1, 4, 6, 6] : [4] })),
  (n) =>
    Array.from({ length: n }, (_, i) => ({
      type: 'T',
      shape: i === 0 ? [1, 4, 6, 6] : [4, 4, 3, 3],
    })),
  (n) => Array.from({ length: n }, (_, i) => (i === 0 ? { type: 'T', shape: [4, 4] } : known(1))),
  (n) =>
    Array.from({ length: n }, (_, i) => (i === 0 ? { type: 'T', shape: [4, 4] } : known(1, 1))),
];

/** A model with a node of the operator, for one element type. */
function graphOf({ ops, constant, attribute }, definition, probe, type) {
  const { op, domain = '' } = definition;
  const opset = probe.opset ?? ops.newest.get('');
  const initializers = new Map();
  const inputs = [];
  const add = (name, given) => {
    const own = given.type === 'T' ? type : given.type;
    if (given.values) initializers.set(name, constant(own, given.shape, given.values));
    else inputs.push({ name, dtype: own, shape: given.shape });
  };
  const node = (name, domain, op, from, to, attributes) => ({
    ...{ name, op, domain, inputs: from, outputs: to },
    attributes: new Map(attributes),
  });
  const others = (list = []) =>
    list.map(([op, from, to], i) => node(`${op}${i}`, '', op, from, to, []));
  const before = others(probe.before);
  const made = new Set(before.flatMap(({ outputs }) => outputs));
  for (const [name, given] of Object.entries(probe.values ?? {})) add(name, given);
  const names = probe.inputs.map((given, i) => {
    if (given !== null) add(`i${i}`, given);
    return given !== null || made.has(`i${i}`) ? `i${i}` : '';
  });
  const attributes = Object.entries(probe.attributes ?? {}).map(([name, value]) => [
    name,
    attribute(definition.attributes[name], value, type),
  ]);
  const after = others(probe.after);
  const captures = Object.entries(probe.captures ?? {});
  const own = {
    ...node('n', domain, op, [...names, ...captures.map(([, from]) => from)], ['o0'], attributes),
    ...(captures.length > 0 && { captures: captures.map(([name]) => name) }),
  };
  const last = after.at(-1)?.outputs ?? ['o0'];
  return {
    name: 'probe',
    opsets: new Map([
      ['', opset],
      [domain, ops.newest.get(domain) ?? opset],
      ...(domain === '' ? [['', opset]] : []),
    ]),
    inputs,
    outputs: last.map((name) => ({ name, dtype: null, shape: null })),
    nodes: [...before, own, ...after],
    initializers,
  };
}

/** Why a device does not take such a model; null when it does. */
function refusal(context, definition, probe, type, device) {
  const { binding, engine, ops, makePlan, checkSupported } = context;
  const graph = graphOf(context, definition, probe, type);
  const inference = {
    infer: (...call) => engine.infer(...call),
    evaluate: (...call) => engine.evaluate(...call),
    supports: (name, inputs, params) =>
      binding.supports(
        name,
        inputs.map((d) => (d ? { dtype: d.dtype, shape: d.shape } : null)),
        params,
        device,
      ),
  };
  try {
    for (const node of graph.nodes) ops.check(node, graph.opsets);
    const descs = new Map(graph.inputs.map(({ name, ...desc }) => [name, desc]));
    checkSupported(makePlan(graph, ops, descs, inference), graph, inference);
    return null;
  } catch (error) {
    if (error.name !== 'ModelError') throw error;
    return error.message;
  }
}

/** The dtypes that a device takes in one of the calls. */
const accepted = (context, definition, probes, device) =>
  DTYPES.filter((type) =>
    probes.some((probe) => refusal(context, definition, probe, type, device) === null),
  );

const FLOATS = ['float32', 'float16', 'bfloat16', 'float64'];
const INTEGERS = DTYPES.filter((type) => /int/.test(type));

/** "floats, int32" */
function types(list) {
  const left = new Set(list);
  const words = [];
  if (DTYPES.every((type) => left.has(type))) return 'all';
  for (const [word, group] of [
    ['floats', FLOATS],
    ['integers', INTEGERS],
  ]) {
    if (!group.every((type) => left.has(type))) continue;
    words.push(word);
    for (const type of group) left.delete(type);
  }
  return [...words, ...left].join(', ') || 'none';
}

const HEAD = `# ONNX operators

Written by \`npm run docs:operators\` from the registry that loads models. An operator that is not here, an attribute that is not in
its row, and an operator set that is newer than NEWEST are refused when a model is loaded, with the node's name; what else a node may not
ask for is in [models.md](models.md#operators).

*Operator sets*: those in which the definition of the operator changed in a way that matters here; each holds up to the next one.
*Types*: element types for which a model of one such node loads: of the first input, of the second for Where, of the result where there is
no input. Other inputs have the type that ONNX gives them. Some types are more than ONNX defines for the operator. *floats* are float32,
float16, bfloat16 and float64; *integers* have 8 to 64 bits, with and without sign; *all* are both and bool. Strings are of the host, whatever
the device is ([models.md](models.md#strings)). *Any value*: the operator runs graphs of its own, or passes values on; sequences and optional
values are among them. CUDA was asked through the emulated device of compute capability 9.0.

| operator | operator sets | inputs | attributes | types on the CPU | types on CUDA |
|---|---|---|---|---|---|
`;

function range([least, most]) {
  if (least === most) return String(least);
  return most === Infinity ? `${least} or more` : `${least} to ${most}`;
}

/** The types of an operator on each device. Calls that no device takes are added to `silent`. */
function deviceTypes(context, name, definition, silent) {
  if (definition.flow) return ['any value', 'any value'];
  if (!definition.lower)
    return ['strings or numbers, on the host', 'strings or numbers, on the host'];
  const [least, most] = definition.inputs;
  const own = PROBES[name];
  const probes = own
    ? [own].flat()
    : GENERIC.map((make) => ({ inputs: make(most === Infinity ? 2 : least) }));
  const lists = Object.values(DEVICES).map((d) => accepted(context, definition, probes, d));
  if (lists[0].length === 0) {
    silent.push(`${name}: ${refusal(context, definition, probes[0], 'float32', 'cpu')}`);
  }
  const strings = definition.host || definition.moves ? ', strings' : '';
  return lists.map((list) => `${types(list)}${strings}`);
}

function page() {
  const { binding } = built('binding');
  const { ONNX_OPS: ops } = built('onnx/op-table');
  const { makePlan } = built('graph/plan');
  const { checkSupported } = built('graph/supported');
  const { dataTypeCode } = built('onnx/decode-tensor');
  const module = path.join(root, 'build/Release/halftone_emu.so');
  if (!existsSync(module)) throw new Error('halftone_emu.so is not built: run "npm test".');
  process.env.HALFTONE_EMU_SM = '90';
  binding.loadBackend(module);
  const { ARRAY_TYPES, floatToHalfBits, floatToBfloat16Bits } = built('dtype');
  const bits = { float16: floatToHalfBits, bfloat16: floatToBfloat16Bits };
  const constant = (dtype, shape, values) => {
    const make = /int64/.test(dtype) ? BigInt : (bits[dtype] ?? Number);
    return { dtype, shape, data: ARRAY_TYPES[dtype].from(values, make) };
  };
  const attribute = (type, value, dtype) => {
    if (value !== 'T') return { type, value };
    if (type === 'int') return { type, value: dataTypeCode(dtype) };
    return { type: 'tensor', value: constant(dtype, [1], [1]) };
  };
  const engine = new (built('graph/tensor-engine').TensorEngine)('cpu');
  const context = { binding, engine, ops, makePlan, checkSupported, constant, attribute };
  const rows = [];
  const silent = [];
  for (const name of ops.names) {
    const forms = ops.forms(name);
    const [newest] = forms;
    const [cpu, cuda] = deviceTypes(context, name, newest, silent);
    const attributes = Object.keys(newest.attributes ?? {}).sort();
    rows.push(
      `| ${[
        name,
        forms
          .map(({ since }) => since)
          .reverse()
          .join(', '),
        range(newest.inputs),
        attributes.join(', '),
        cpu,
        cuda === cpu ? 'the same' : cuda,
      ].join(' | ')} |`,
    );
  }
  if (silent.length > 0) {
    throw new Error(`Describe a call in scripts/operator-probes.mjs of\n${silent.join('\n')}`);
  }
  return `${HEAD.replace('NEWEST', ops.newest.get(''))}${rows.join('\n')}\n`;
}

const checks = process.argv.includes('--check');
if (!checks) await buildNative({ target: 'halftone_fakes', inputs: ['test/native'] });
const file = path.join(root, PAGE);
const text = page();
if (!checks) {
  writeFileSync(file, text);
  console.log(`wrote ${PAGE}`);
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error(`${PAGE} is not what the registry and backends say: run "npm run docs:operators".`);
  process.exitCode = 1;
}
