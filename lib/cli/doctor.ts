/** `halftone doctor`: what is here, what is not, and why. Works when the addon itself cannot be loaded. */

import type { CudaReport } from '../cuda';
import { colors, formatBytes, table } from './output';
import { addonReport, type DoctorReport, machineReport } from './doctor-report';

type Line = readonly [name: string, value: string];

function section(title: string, lines: readonly Line[]): string {
  const rows = lines.map(([name, value]) => [name, value]);
  return `${colors.bold(title)}\n${rows.length > 0 ? table([], ['left', 'left'], rows) : '  none'}\n`;
}

function cpuLines({ cpu }: DoctorReport): Line[] {
  const lines: Line[] = [['name', `${cpu.name}, ${cpu.cores} logical CPUs`]];
  if (!cpu.kernels) return lines;
  const { isa, bestIsa, threads, features } = cpu.kernels;
  const has = Object.keys(features).filter((name) => features[name]);
  const lacks = Object.keys(features).filter((name) => !features[name]);
  lines.push(['instruction sets', has.join(' ') || 'none of those that kernels use']);
  if (lacks.length > 0) lines.push(['  not here', lacks.join(' ')]);
  const bound = isa === bestIsa ? '' : ` (this CPU and build can do ${bestIsa}; HALFTONE_CPU_ISA)`;
  lines.push(['kernels', `${isa}${bound}`], ['threads', String(threads)]);
  return lines;
}

function backendLines({ backends }: DoctorReport): Line[] {
  return (backends ?? []).flatMap(({ name, version, path, devices }) => [
    [name, `${version}, ${path ?? 'built in'}`] as const,
    ...devices.map(
      (d) =>
        [
          `  ${d.device}`,
          d.error ??
            `${d.name} (${d.detail}), ${formatBytes(d.freeBytes ?? 0)} free of ${formatBytes(d.totalBytes ?? 0)}`,
        ] as const,
    ),
  ]);
}

const places = (attempts: readonly { path: string; reason: string }[]): string =>
  attempts.map(({ path, reason }) => `${path}: ${reason}`).join('\n');

function cudaLines({ available, reason, module, libraries, hints }: CudaReport): Line[] {
  return [
    ["device 'cuda'", available ? 'yes' : `no: ${reason}`],
    ['module', module ?? 'none'],
    ...libraries.map(
      ({ name, file, path, version, attempts }) =>
        [
          name,
          path === null ? `${file} not found; tried\n${places(attempts)}` : `${version}, ${path}`,
        ] as const,
    ),
    ...hints.map((hint) => ['to do', hint] as const),
  ];
}

function print(report: DoctorReport): void {
  const { halftone, node, memory, addon, nvidia, environment, problems } = report;
  const out: string[] = [
    section('Halftone', [
      ['version', halftone.version],
      ['folder', halftone.folder],
      ['addon', addon.loaded ? `${addon.path}, version ${addon.version}` : 'not loaded'],
    ]),
  ];
  if (!addon.loaded) out.push(`${colors.red(addon.reason)}\n`);
  out.push(
    section('Node.js', [
      ['version', `${node.version}, Node-API ${node.napi}`],
      ['platform', `${node.platform} ${node.arch}, ${node.libc}`],
      ['Float16Array', node.float16Array ? 'yes' : 'no (asUint16() gives the bits)'],
    ]),
    section('CPU', cpuLines(report)),
    section('Memory', [
      ['total', formatBytes(memory.total)],
      ['free', formatBytes(memory.free)],
    ]),
  );
  if (report.backends) {
    out.push(section('Backends', backendLines(report)));
    if (report.notLoaded && report.notLoaded.length > 0) {
      const missed = report.notLoaded.map(({ path, reason }) => [path, reason] as const);
      out.push(section('Backends that are not loaded', missed));
    }
    if (report.auto) {
      const { device, reason } = report.auto;
      out.push(section("Device 'auto'", [[device, reason]]));
    }
  }
  out.push(
    section('NVIDIA', [
      ['driver', nvidia.driver ?? 'none: /proc/driver/nvidia/version does not exist'],
      ['devices', nvidia.devices.join(' ') || 'none in /dev'],
      ['libcuda.so.1', nvidia.libraries['libcuda.so.1'] ?? 'none'],
    ]),
    ...(report.cuda ? [section('CUDA', cudaLines(report.cuda))] : []),
    section('Environment', Object.entries(environment)),
  );
  for (const problem of problems) out.push(`${colors.yellow('problem:')} ${problem}`);
  console.log(out.join('\n').trimEnd());
}

/** Prints the report; false when Halftone cannot work here. */
export async function doctor({ json }: { json?: boolean }): Promise<boolean> {
  const report: DoctorReport = await addonReport(machineReport());
  if (json) console.log(JSON.stringify(report, null, 2));
  else print(report);
  return report.addon.loaded;
}
