/** Every example in README.md, docs/ and the docstrings of lib/ has the right types, runs, and gives what it says. */

import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as halftone from '../../lib/index';
import { DATA } from '../support/data';
import { filesBelow, REPO } from '../support/repo';
import {
  asModule,
  docstringSnippets,
  fences,
  markdownSnippets,
  readRepo,
  runModule,
  type Snippet,
  typeErrors,
} from '../support/snippets';

const PAGES = ['README.md', 'CONTRIBUTING.md', ...filesBelow('docs').filter(isPage)];
const SOURCES = filesBelow('lib').filter((file) => file.endsWith('.ts'));

function isPage(file: string): boolean {
  return file.endsWith('.md') && !file.startsWith('docs/api/');
}

/** The file of lib/ as the compiled one, from here. */
const built = (file: string): string => path.join(REPO, 'dist', file.replace(/\.ts$/, '.js'));

const load = (specifier: string): unknown => {
  if (specifier === 'halftone') return halftone;
  return require(
    specifier.startsWith('.') ? path.resolve(REPO, 'dist/test', specifier) : specifier,
  );
};

/** As modules: an example of lib/ sees the public exports, and those of its own file. */
function modules(): Map<string, string> {
  const publicNames = Object.keys(halftone);
  const all = new Map<string, string>();
  const add = (snippet: Snippet, own: readonly (readonly [string, string[]])[]): void => {
    all.set(snippet.where, asModule(snippet, [['halftone', publicNames], ...own]));
  };
  for (const page of PAGES) {
    for (const snippet of markdownSnippets(page, readRepo(page))) add(snippet, []);
  }
  for (const file of SOURCES) {
    for (const snippet of docstringSnippets(file, readRepo(file))) {
      const own = Object.keys(require(built(file)) as object);
      add(snippet, [[`../${file.replace(/\.ts$/, '.js')}`, own]]);
    }
  }
  return all;
}

const all = modules();

test('there are examples, and their types are right', () => {
  expect(all.size).toBeGreaterThan(0);
  expect(typeErrors(all)).toEqual([]);
});

/** Models that an example reads: they lie in the data folder, which a clone need not have. */
const modelsOf = (module: string): string[] =>
  [...module.matchAll(/\bload\('([\w.-]+)'/g)].map(([, file = '']) => file);

const MODELS = path.join(DATA, 'models');
const runnable = (module: string): boolean =>
  process.env['HALFTONE_REQUIRE_DATA'] === '1' ||
  modelsOf(module).every((file) => existsSync(path.join(MODELS, file)));

describe('in a folder with the models of the data folder', () => {
  const before = process.cwd();
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-examples-'));
    for (const file of existsSync(MODELS) ? readdirSync(MODELS) : []) {
      symlinkSync(path.join(MODELS, file), path.join(folder, file));
    }
    process.chdir(folder);
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  for (const [where, module] of all) {
    const run = runnable(module) ? test : test.skip;
    run(where, async () => {
      await runModule(module, load);
    });
  }
});

test('blocks that name a file quote it', () => {
  const wrong: string[] = [];
  for (const page of PAGES) {
    for (const { where, file, code } of fences(page, readRepo(page))) {
      if (!file.includes('/')) continue;
      const text = existsSync(path.join(REPO, file)) ? readRepo(file) : '';
      for (const part of code.split(/^\s*(?:\/\/|#) \.\.\.\n/m)) {
        if (part.trim() !== '' && !text.includes(part))
          wrong.push(`${where}: not in ${file}:\n${part}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('links between the pages lead somewhere', () => {
  const headings = (page: string) =>
    [...readRepo(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );
  const broken: string[] = [];
  for (const page of PAGES) {
    for (const [, target = ''] of readRepo(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const to = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
      if (!existsSync(path.join(REPO, to))) broken.push(`${page}: ${target}`);
      else if (anchor !== undefined && !headings(to).includes(anchor)) {
        broken.push(`${page}: ${target}`);
      }
    }
  }
  expect(broken).toEqual([]);
});
