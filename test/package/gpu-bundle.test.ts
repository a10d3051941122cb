/** The bundle for a machine with a GPU and nothing else, run here on the CPU: in an empty folder, with almost nothing on PATH. */

import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REPO } from '../support/repo';

const MINUTES = 60_000;
/** What run.sh needs: bash, tar, gzip and the basic utilities. */
const PROGRAMS = ['bash', 'tar', 'gzip', 'mkdir', 'mktemp', 'chmod', 'rm', 'dirname', 'env'];

const describeLinux = process.platform === 'linux' ? describe : describe.skip;

describeLinux('the bundle for GPU machines', () => {
  let folder: string;
  const bundle = () => path.join(folder, 'bundle');

  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'halftone-bundle-test-'));
    const script = path.join(REPO, 'scripts/gpu-bundle.mjs');
    const args = [script, '--no-build', '--level', '1', '--out', bundle()];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stderr, stdout }).toMatchObject({ status: 0, stderr: '' });
    mkdirSync(path.join(folder, 'bin'));
    for (const name of PROGRAMS) {
      const where = spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim();
      symlinkSync(where, path.join(folder, 'bin', name));
    }
  }, 3 * MINUTES);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the bundle without any variable of ours but `env`. */
  function run(out: string, env: Record<string, string>) {
    const { status, stdout, stderr } = spawnSync(path.join(bundle(), 'run.sh'), [out], {
      cwd: folder,
      env: { PATH: path.join(folder, 'bin'), TMPDIR: folder, ...env },
      encoding: 'utf8',
    });
    const files = readdirSync(path.join(folder, out));
    const read = (name: string) => JSON.parse(readFileSync(path.join(folder, out, name), 'utf8'));
    return { status, output: stdout + stderr, files, read };
  }

  test('weighs less than 60 MiB', () => {
    const sizes = readdirSync(bundle()).map((name) => statSync(path.join(bundle(), name)).size);
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(60 * 2 ** 20);
  });

  test(
    'runs tests and benchmark, and leaves at most eight reports',
    () => {
      const { status, output, files, read } = run('out', {
        HALFTONE_BUNDLE_DEVICE: 'cpu',
        HALFTONE_BUNDLE_TESTS: 'haxpy',
        HALFTONE_BUNDLE_BENCH: 'haxpy',
      });
      expect({ status, output }).toMatchObject({ status: 0 });
      expect(files.sort()).toEqual(
        ['bench.json', 'bench.md', 'doctor.json', 'report.json', 'report.md', 'tests.json'].sort(),
      );
      const report = read('report.json');
      expect(report).toMatchObject({
        device: 'cpu',
        steps: [
          { name: 'tests', ok: true },
          { name: 'bench', ok: true },
        ],
      });
      expect(read('tests.json')).toMatchObject({ failed: 0, device: 'cpu' });
      expect(read('tests.json').onDevice).toBeGreaterThan(0);
    },
    3 * MINUTES,
  );

  test(
    'fails where there is no GPU, and where a step fails',
    () => {
      const none = run('none', {
        HALFTONE_BUNDLE_DEVICE: 'cuda:77',
        HALFTONE_BUNDLE_TESTS: 'haxpy',
      });
      expect(none.status).toBe(1);
      expect(none.read('report.json').steps[0].ok).toBe(false);
      const wrong = run('wrong', {
        HALFTONE_BUNDLE_DEVICE: 'cpu',
        HALFTONE_BUNDLE_STEPS: 'tests',
        HALFTONE_BUNDLE_TESTS: 'no file has this name',
      });
      expect(wrong.status).toBe(1);
      expect(wrong.output).toContain('FAILED tests');
    },
    3 * MINUTES,
  );
});
