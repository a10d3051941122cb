/** The examples in the documentation: finding them, checking their types, and running them with their claims. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts = require('typescript');
import { type Outcome, refute } from './claims';
import { REPO } from './repo';

/** One example. */
export interface Snippet {
  /** "README.md:12", "lib/ops/cast.ts:25". */
  readonly where: string;
  readonly code: string;
}

/** A fenced block of a Markdown file: ```language rest. */
export interface Fence {
  readonly where: string;
  readonly language: string;
  /** The second word behind the backticks. */
  readonly file: string;
  readonly code: string;
}

/** All fenced blocks of a Markdown text. */
export function fences(name: string, markdown: string): Fence[] {
  return [...markdown.matchAll(/^```(\w+)[ \t]*(\S*)[^\n]*\n([\s\S]*?)^```$/gm)].map((match) => ({
    where: `${name}:${markdown.slice(0, match.index).split('\n').length}`,
    language: match[1] ?? '',
    file: match[2] ?? '',
    code: match[3] ?? '',
  }));
}

/** The examples of a Markdown file: its TypeScript blocks that import from 'halftone'. */
export function markdownSnippets(name: string, markdown: string): Snippet[] {
  return fences(name, markdown).filter(
    ({ language, code }) => language === 'ts' && /from 'halftone'/.test(code),
  );
}

/** The `@example` texts of a source file. */
export function docstringSnippets(name: string, source: string): Snippet[] {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  const found = new Map<number, Snippet>();
  const visit = (node: ts.Node): void => {
    for (const tag of ts.getJSDocTags(node)) {
      if (tag.tagName.text !== 'example') continue;
      const code = (ts.getTextOfJSDocComment(tag.comment) ?? '').replace(/^```\w*\n|```$/gm, '');
      const line = file.getLineAndCharacterOfPosition(tag.pos).line + 1;
      found.set(tag.pos, { where: `${name}:${line}`, code });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return [...found.values()];
}

/** A snippet that is a module: what it uses from `exported` without importing it is imported. */
export function asModule(
  { code }: Snippet,
  from: readonly (readonly [string, string[]])[],
): string {
  if (/^import /m.test(code)) return code;
  const declared = new Set(
    [...code.matchAll(/\b(?:const|let|using|function|class)\s+(\w+)/g)].map(([, name]) => name),
  );
  const imports: string[] = [];
  for (const [module, names] of from) {
    const used = names.filter((n) => !declared.has(n) && new RegExp(`\\b${n}\\b`).test(code));
    for (const name of used) declared.add(name);
    if (used.length > 0) imports.push(`import { ${used.join(', ')} } from '${module}';`);
  }
  // On one line, so that line numbers stay.
  return `${imports.join(' ')} ${code}`;
}

/** The errors that TypeScript finds in modules, one line each. `modules`: by name of the snippet. */
export function typeErrors(modules: ReadonlyMap<string, string>): string[] {
  const names = [...modules.keys()];
  const files = new Map(
    names.map((name, i) => [path.join(REPO, 'test', `snippet-${i}.mts`), name] as const),
  );
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile, readFile } = host;
  const text = (file: string) => modules.get(files.get(path.resolve(file)) ?? '');
  host.fileExists = (file) => text(file) !== undefined || fileExists(file);
  host.readFile = (file) => text(file) ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const code = text(file);
    if (code === undefined) return getSourceFile(file, version, ...rest);
    return ts.createSourceFile(file, `${code}\nexport {};`, version, true);
  };
  host.getCurrentDirectory = () => REPO;
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line =
      file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    const name = files.get(path.resolve(file?.fileName ?? '')) ?? file?.fileName;
    return `${name} +${line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

/** The comment on the line where `end` is, if nothing else follows there. */
function trailingComment(code: string, end: number): string | undefined {
  return /^[ \t]*\/\/[ \t]*(.*)/.exec(code.slice(end))?.[1];
}

/** Of `console.log(value)`: the value; else the expression itself. */
function claimed(expression: ts.Expression): ts.Expression {
  const logged =
    ts.isCallExpression(expression) &&
    expression.expression.getText() === 'console.log' &&
    expression.arguments.length === 1;
  return (logged && (expression as ts.CallExpression).arguments[0]) || expression;
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The body of an async function that runs the module and hands each claim to `check`. */
function instrument(module: string): { body: string; claims: number } {
  const file = ts.createSourceFile('snippet.ts', module, ts.ScriptTarget.Latest, true);
  const edits: Edit[] = [];
  let claims = 0;
  const importOf = (node: ts.ImportDeclaration): string => {
    const specifier = node.moduleSpecifier.getText();
    const clause = node.importClause;
    if (!clause || clause.isTypeOnly) return '';
    const bindings = clause.namedBindings;
    if (bindings && ts.isNamedImports(bindings)) {
      const names = bindings.elements
        .filter((e) => !e.isTypeOnly)
        .map((e) => (e.propertyName ? `${e.propertyName.text}: ${e.name.text}` : e.name.text));
      return `const { ${names.join(', ')} } = load(${specifier});`;
    }
    const name = bindings ? bindings.name.text : clause.name?.text;
    return `const ${name} = load(${specifier});`;
  };
  const visit = (node: ts.Node, inFunction: boolean): void => {
    if (ts.isImportDeclaration(node)) {
      edits.push({ from: node.getStart(), to: node.end, text: importOf(node) });
    } else if (ts.isExpressionStatement(node)) {
      const comment = trailingComment(module, node.end);
      if (comment !== undefined) {
        if (inFunction) throw new Error(`a value is claimed inside a function: ${node.getText()}`);
        claims++;
        const value = claimed(node.expression).getText();
        const text = `await check(${JSON.stringify(comment)}, async () => ({ value: (${value}) }));`;
        edits.push({ from: node.getStart(), to: node.end, text });
        return;
      }
    }
    ts.forEachChild(node, (child) => visit(child, inFunction || ts.isFunctionLike(node)));
  };
  visit(file, false);
  let body = module;
  for (const { from, to, text } of edits.sort((a, b) => b.from - a.from)) {
    body = body.slice(0, from) + text + body.slice(to);
  }
  return { body: `(async (load, check, console) => {${body}\n})`, claims };
}

/** Runs a module. Returns the number of claims checked. @throws Error with those that are wrong. */
export async function runModule(
  module: string,
  load: (specifier: string) => unknown,
): Promise<number> {
  const { body, claims } = instrument(module);
  const { outputText } = ts.transpileModule(body, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
  });
  const wrong: string[] = [];
  const check = async (text: string, expression: () => Promise<Outcome>): Promise<void> => {
    let outcome: Outcome;
    try {
      outcome = await expression();
    } catch (thrown) {
      outcome = { thrown };
    }
    const reason = refute(text, outcome);
    if (reason !== undefined) wrong.push(reason);
  };
  const silent = { log: () => undefined, error: () => undefined };
  // biome-ignore lint/security/noGlobalEval: the code is the repository's own documentation
  const run = eval(outputText) as (...args: unknown[]) => Promise<void>;
  await run(load, check, silent);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return claims;
}

/** Reads a file of the repository. */
export const readRepo = (file: string): string => readFileSync(path.join(REPO, file), 'utf8');
