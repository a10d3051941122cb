// `npm run cudnn:plans`: docs/cudnn-plans.md from the plans that the native test cudnn_plans has made
// (build/cudnn-plans.json).
//
//   node scripts/cudnn-plans.mjs [file.json]          writes the page
//   node scripts/cudnn-plans.mjs --check file.json    fails when the page is not that of the file
//
// Plans are those of one version of cuDNN: with another one nothing is compared, and it says so.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './support.mjs';

const PAGE = path.join(root, 'docs/cudnn-plans.md');

const version = (number) =>
  `${Math.floor(number / 10000)}.${Math.floor(number / 100) % 100}.${number % 100}`;

const MARKS = {
  TENSOR_CORE: 'T',
  NONDETERMINISTIC: 'varying',
  STRICT_NAN_PROP: 'N',
};

/** `62 T, 1.0 MiB`: engine, marks of its notes, workspace. */
function cell(plan) {
  if (!plan) return '';
  if (plan.engine === undefined) return '-';
  const notes = plan.notes === 'none' ? [] : plan.notes.split(', ');
  const marks = notes.map((note) => ` ${MARKS[note] ?? note}`).join('');
  const mib = plan.workspace / 2 ** 20;
  return `${plan.engine}${marks}${mib >= 0.05 ? `, ${mib.toFixed(1)} MiB` : ''}`;
}

const unique = (values) => [...new Set(values)];

/** The page as text. `data` is what cudnn_plans writes. */
export function render(data) {
  const { plans, batch } = data;
  const devices = unique(plans.map((plan) => plan.sm));
  const lines = [
    '# Plans of cuDNN',
    '',
    `The engines of cuDNN ${version(data.cudnn)} that Halftone takes for the 23 different convolutions of ResNet-50 v1.5, batch ${batch},`,
    'NHWC, on seven devices. `npm run cudnn:plans` writes this page from what the native test `cudnn_plans` finds: it plans for',
    'descriptions of those devices, without a GPU, by the code that chooses in production. That a plan exists and what its engine',
    'says of its arithmetic is checked; nothing here was run.',
    '',
    'A cell is the number of the engine in its kind of graph, `T` when it uses tensor cores, `N` when it is noted to keep NaN strictly,',
    'and its workspace from 0.05 MiB on. `-`: no plan; the operator then refuses (tf32), or a kernel of our own runs. Engines that',
    'compile their kernels when planned need a driver and do not appear.',
    '',
    'Not taken are engines with WINOGRAD or FFT; for sums in float32 and tf32 those with REDUCED_PRECISION_REDUCTION or',
    'DOWN_CONVERT_INPUTS; for float32 in float32 also those with TENSOR_CORE; for tf32 those without; NONDETERMINISTIC ones unless',
    'nothing else is left. Whether an engine for float16 in float16 really sums in float16 is tried out on the device before its first',
    'use, as is that an activation keeps NaN; so a device may end up with another engine than the one here, or with our own kernel.',
    '',
  ];
  const find = new Map(
    plans.map((plan) => [[plan.form, plan.arithmetic, plan.layer, plan.sm].join('|'), plan]),
  );
  for (const form of unique(plans.map((plan) => plan.form))) {
    lines.push(`## ${form[0].toUpperCase()}${form.slice(1)}`, '');
    for (const arithmetic of unique(plans.map((plan) => plan.arithmetic))) {
      lines.push(`### ${arithmetic}: ${form}`, '');
      lines.push(`| layer | ${devices.map((sm) => `sm_${sm}`).join(' | ')} |`);
      lines.push(`|---|${devices.map(() => '---|').join('')}`);
      for (const layer of unique(plans.map((plan) => plan.layer))) {
        const cells = devices.map((sm) => cell(find.get([form, arithmetic, layer, sm].join('|'))));
        lines.push(`| ${layer} | ${cells.join(' | ')} |`);
      }
      lines.push('');
    }
  }
  return lines.join('\n');
}

/** The version in the page's text; undefined when it is no such page. */
const pageVersion = (text) => /^The engines of cuDNN (\S+)/m.exec(text)?.[1];

function main(args) {
  const check = args[0] === '--check';
  const file = args[check ? 1 : 0] ?? path.join(root, 'build/cudnn-plans.json');
  if (!existsSync(file)) {
    console.error(`${file} does not exist: npm run test:native makes it where cuDNN is found.`);
    return 1;
  }
  const data = JSON.parse(readFileSync(file, 'utf8'));
  const text = render(data);
  if (!check) {
    writeFileSync(PAGE, text);
    return 0;
  }
  const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
  const [of, now] = [pageVersion(page), version(data.cudnn)];
  if (of !== undefined && of !== now) {
    console.log(`docs/cudnn-plans.md is of cuDNN ${of}, this is ${now}: not compared.`);
    return 0;
  }
  if (page === text) return 0;
  console.error('docs/cudnn-plans.md is not what cudnn_plans finds: npm run cudnn:plans');
  return 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = main(process.argv.slice(2));
}
