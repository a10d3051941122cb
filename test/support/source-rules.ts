/**
 * The rules about who may use whom, as a function from source texts to violations, so that the test
 * can run them over the repository and over samples that break each one.
 */

/** Path from the repository root (with '/') to the file's text. */
export type Sources = ReadonlyMap<string, string>;

/** Longest file that needs no reason. */
export const MAX_LINES = 450;

/** Files over MAX_LINES, each with the reason why splitting it would make it harder to read. */
export const LONG_FILES: ReadonlyMap<string, string> = new Map([]);

const BASE = ['binding', 'dtype', 'errors', 'nearest', 'shape', 'io'];

/**
 * The layers of lib/, lowest first: a file imports from its own layer and those below. Entries of one
 * layer that are folders do not know each other.
 */
const LAYERS: readonly (readonly string[])[] = [
  BASE,
  ['tensor'],
  ['ops'],
  ['graph'],
  ['onnx', 'audit', 'quant', 'checkpoint'],
  ['model'],
  ['index'],
  ['cli'],
];

/** The unit of lib/ a file belongs to: its folder or its own name; other single files count as tensor. */
function unitOf(file: string): string {
  const [first = '', second] = file.replace(/^lib\//, '').split('/');
  const name = second === undefined ? first.replace(/\.m?ts$/, '') : first;
  return LAYERS.flat().includes(name) || second !== undefined ? name : 'tensor';
}

const layerOf = (unit: string): number => LAYERS.findIndex((layer) => layer.includes(unit));

/** 'lib/ops/conv.ts' and '../graph/ir' give 'lib/graph/ir'. */
function resolve(from: string, relative: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of relative.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

/** The text without comments; line breaks stay. Good enough for sources that the formatters accept. */
export function withoutComments(text: string): string {
  const tokens = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(tokens, (token) =>
    token.startsWith('/') ? token.replace(/[^\n]/g, '') : token,
  );
}

const IMPORT = /(?:\bfrom|\bimport|\brequire\(|\bimport\()\s*['"]([^'"]+)['"]/g;

function checkLib(file: string, code: string): string[] {
  const found: string[] = [];
  const unit = unitOf(file);
  const layer = layerOf(unit);
  if (layer < 0) found.push(`${file}: lib/${unit}/ has no layer in test/support/source-rules.ts`);
  for (const [, target = ''] of code.matchAll(IMPORT)) {
    if (file !== 'lib/binding.ts' && (target === 'bindings' || target.endsWith('.node'))) {
      found.push(`${file}: only lib/binding.ts loads the addon, got ${target}`);
    }
    if (!target.startsWith('.')) continue;
    const path = resolve(file, target);
    // binding.d.ts at the root is the addon's type: for lib/binding.ts and the layers above it.
    if (path === 'binding' || path === 'package.json') continue;
    if (!path.startsWith('lib')) {
      found.push(`${file}: lib/ imports nothing outside itself, got ${target}`);
      continue;
    }
    const other = path === 'lib' ? 'index' : unitOf(path);
    const otherLayer = layerOf(other);
    const sibling = otherLayer === layer && other !== unit && layer > 0;
    if (otherLayer > layer || sibling) {
      found.push(`${file}: ${unit} must not import ${other} (${target})`);
    }
  }
  if (/^export default\b|\bas default\b/m.test(code)) {
    found.push(`${file}: no default exports`);
  }
  return found;
}

const VENDOR_HEADER = /^(cuda|cublas|cudnn|nvrtc|cusparse|cufft|curand|cooperative_groups|mma\.h)/;

/** For each part of native/, the parts whose headers it may include besides its own. */
const MAY_INCLUDE: Readonly<Record<string, readonly string[]>> = {
  core: [],
  device: ['core', 'vendor'],
  vendor: ['core'],
  ops: ['core', 'device', 'vendor'],
  backends: ['core', 'ops', 'device', 'vendor'],
  napi: ['core'],
};

/** The arithmetic of one operator that kernels of others use too: the same lines everywhere. */
const SHARED_BY_KERNELS: readonly string[] = [
  'native/ops/gather/indices.h',
  'native/ops/quantize/rounding.h',
  'native/ops/quantize/small_code.h',
];

function checkNative(file: string, code: string): string[] {
  const found: string[] = [];
  const area = file.split('/')[1] ?? '';
  const allowed = MAY_INCLUDE[area];
  if (allowed === undefined) {
    return [`${file}: native/${area}/ has no rule in test/support/source-rules.ts`];
  }
  for (const [, quote, header = ''] of code.matchAll(/^\s*#\s*include\s*([<"])([^>"]+)[>"]/gm)) {
    if (/^napi\.h$|^node_api\.h$|^js_native_api/.test(header) && area !== 'napi') {
      found.push(`${file}: <${header}> is for native/napi/ only`);
    }
    const mayUseVendor = area === 'device' || file.startsWith('native/backends/cuda/');
    if (VENDOR_HEADER.test(header) && !mayUseVendor) {
      found.push(`${file}: <${header}> is for native/backends/cuda/ and native/device/ only`);
    }
    if (quote === '<' || VENDOR_HEADER.test(header)) continue;
    const known = MAY_INCLUDE[header.split('/')[0] ?? ''] !== undefined;
    const path = known ? `native/${header}` : resolve(file, header);
    const target = path.split('/')[1] ?? '';
    if (target !== area && !allowed.includes(target)) {
      found.push(`${file}: native/${area}/ must not include ${header}`);
    }
    const [, , backend] = file.split('/');
    if (area === 'backends' && target === 'backends' && path.split('/')[2] !== backend) {
      found.push(`${file}: one backend must not include another, got ${header}`);
    }
    const folder = file.slice(0, file.lastIndexOf('/') + 1);
    if (
      /_kernel\.cuh$/.test(file) &&
      target !== 'device' &&
      target !== 'core' &&
      !path.startsWith(folder) &&
      !SHARED_BY_KERNELS.includes(path)
    ) {
      found.push(`${file}: a kernel includes device/, core/ and its own op only, got ${header}`);
    }
  }
  if (code.includes('<<<') && file !== 'native/device/device.h') {
    found.push(`${file}: kernels are launched through launch() of device/device.h, not <<<`);
  }
  const ending =
    /(?<![\w.>])(?:std::)?(abort|exit|_Exit|quick_exit|terminate|printf|puts)\s*\(/.exec(code);
  if (ending) found.push(`${file}: no ${ending[1]}() in native code: return a Status`);
  return found;
}

/** Every broken rule, one line each. */
export function violations(sources: Sources): string[] {
  const found: string[] = [];
  for (const [file, text] of sources) {
    const lines = text.split('\n').length - 1;
    if (lines > MAX_LINES && !LONG_FILES.has(file)) {
      found.push(`${file}: ${lines} lines, more than ${MAX_LINES}; split it`);
    }
    const code = withoutComments(text);
    if (file.startsWith('lib/')) found.push(...checkLib(file, code));
    if (file.startsWith('native/')) found.push(...checkNative(file, code));
  }
  return found;
}
