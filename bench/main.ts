/**
 * `npm run bench`: GFLOP/s and GB/s of the operators on real layer shapes, beside what the machine can do at most.
 *
 *   npm run bench -- [--filter REGEXP] [--device cpu] [--samples N] [--json FILE] [--markdown FILE]
 */

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { explain, scope, sync } from '../lib';
import { binding } from '../lib/binding';
import { type BenchCase, cases } from './cases';
import { type Timing, time } from './measure';
import { markdown, type Row, type Report, summary } from './report';

async function measure(one: BenchCase, device: string, samples: number): Promise<Row> {
  return scope(async () => {
    const call = one.setup(device);
    const result = call();
    const { kernel, accumulate } = explain(result);
    result.dispose();
    await sync(device);
    const timing: Timing = await time(call, { device, samples });
    return {
      group: one.group,
      name: one.name,
      count: one.count ?? 1,
      kernel: kernel ?? '',
      accumulate: accumulate ?? '',
      timing,
      ...(one.flop === undefined ? {} : { flop: one.flop }),
      ...(one.bytes === undefined ? {} : { bytes: one.bytes }),
    };
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      filter: { type: 'string', default: '' },
      device: { type: 'string', default: 'cpu' },
      samples: { type: 'string', default: '11' },
      json: { type: 'string' },
      markdown: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(
      'npm run bench -- [--filter REGEXP] [--device NAME] [--samples N] [--json FILE] [--markdown FILE]\n' +
        'The filter is matched against "<group> <name>", for example "matmul 1024" or "resnet50 NHWC float32".',
    );
    return;
  }
  const filter = new RegExp(values.filter);
  const selected = [...cases()].filter(({ group, name }) => filter.test(`${group} ${name}`));
  if (selected.length === 0) throw new Error(`no case matches ${values.filter}`);

  const cpu = binding.cpu();
  const device = binding
    .backends()
    .loaded.flatMap((b) => b.devices)
    .find((d) => d.device === values.device);
  const report: Report = {
    device: device?.name ?? values.device,
    isa: cpu.isa,
    node: process.version,
    halftone: binding.version,
    peaks: binding.measurePeaks(256 << 20),
    rows: [],
  };
  let group = '';
  for (const [i, one] of selected.entries()) {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${i + 1}/${selected.length} ${one.group} ${one.name}\x1b[K`);
    report.rows.push(await measure(one, values.device, Number(values.samples)));
    group = one.group;
  }
  if (process.stderr.isTTY && group) process.stderr.write('\r\x1b[K');
  // The peaks again: on a machine that others use too, they say how steady the run was.
  report.peaksAfter = binding.measurePeaks(256 << 20);

  console.log(summary(report));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (values.markdown) writeFileSync(values.markdown, markdown(report));
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
