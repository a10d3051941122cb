// Writes binding.d.ts from the schema that the built addon reports.
//
//   npm run generate            writes it
//   npm run generate -- --check fails when it differs (test/contract/binding.test.ts does the same)

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './support.mjs';

const HEAD = `// The native binding, as lib/binding.ts sees it.
// Written by "npm run generate" from the schema in the addon: edit scripts/binding.head.d.ts or the operator's header instead.
`;

const capitalize = (name) => name[0].toUpperCase() + name.slice(1);

const TYPES = {
  bool: () => 'boolean',
  int: () => 'number | bigint',
  number: () => 'number',
  enum: (field) => field.enumName,
  ints: (field) =>
    field.count > 0
      ? `number | readonly [${Array(field.count).fill('number').join(', ')}]`
      : 'readonly number[]',
  'int?': () => 'number | bigint',
  dtype: () => 'DType',
  'dtype?': () => 'DType',
  padding: () => 'Padding',
};

function fieldLines(field) {
  const facts = [];
  if ('min' in field && 'max' in field && field.max < 2 ** 31 - 1) {
    facts.push(`In [${field.min}, ${field.max}].`);
  } else if ('min' in field) {
    facts.push(`At least ${field.min}.`);
  }
  const doc = [field.doc && `${capitalize(field.doc)}.`.replace(/\.\.$/, '.'), ...facts]
    .filter(Boolean)
    .join(' ');
  const lines = ['  /**', `   * ${doc}`];
  if (!field.required) lines.push(`   * @default ${JSON.stringify(field.default)}`);
  lines.push('   */');
  const type = TYPES[field.kind](field) + (field.nullable ? ' | null' : '');
  const mark = field.required ? '' : '?';
  lines.push(`  readonly ${field.name}${mark}: ${type}${field.required ? '' : ' | undefined'};`);
  return lines;
}

/** The text of binding.d.ts for a schema. */
export function generate(ops, head) {
  const enums = new Map();
  for (const { params } of ops) {
    for (const { enumName, enumDoc, values } of params) {
      if (enumName) enums.set(enumName, { enumDoc, values });
    }
  }
  const out = [HEAD + head.trimEnd(), '', '// ---- enumerations ----', ''];
  for (const [name, { enumDoc, values }] of [...enums].sort(([a], [b]) => (a < b ? -1 : 1))) {
    out.push(
      `/** ${enumDoc} */`,
      `export type ${name} = ${values.map((v) => `'${v}'`).join(' | ')};`,
    );
  }
  out.push('', '// ---- parameters of each operator ----');
  for (const { name, doc, params } of ops) {
    out.push('', `/** ${name}: ${doc} */`);
    if (params.length === 0) {
      out.push(`export type ${capitalize(name)}Params = Readonly<Record<string, never>>;`);
    } else {
      out.push(`export interface ${capitalize(name)}Params {`, ...params.flatMap(fieldLines), '}');
    }
  }
  out.push('', '/** The parameters of all operators, by name. */', 'export interface OpParams {');
  for (const { name } of ops) out.push(`  ${name}: ${capitalize(name)}Params;`);
  out.push('}', '', '/** The inputs of all operators, by name. */', 'export interface OpInputs {');
  for (const { name, inputs } of ops) {
    const list = inputs.map(({ name: input, optional, variadic }) =>
      variadic
        ? `...${input}: NativeTensor[]`
        : `${input}${optional ? '?' : ''}: NativeTensor${optional ? ' | null' : ''}`,
    );
    out.push(`  ${name}: [${list.join(', ')}];`);
  }
  out.push('}', '');
  return out.join('\n');
}

export function current() {
  const require = createRequire(import.meta.url);
  const addon = require(path.join(root, 'build/Release/halftone.node'));
  const head = readFileSync(path.join(root, 'scripts/binding.head.d.ts'), 'utf8');
  return generate(addon.describeOps(), head);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const target = path.join(root, 'binding.d.ts');
  const text = current();
  if (process.argv.includes('--check')) {
    if (readFileSync(target, 'utf8') !== text) {
      console.error('binding.d.ts differs from the native schema: run "npm run generate".');
      process.exitCode = 1;
    }
  } else {
    writeFileSync(target, text);
    console.log('wrote binding.d.ts');
  }
}
