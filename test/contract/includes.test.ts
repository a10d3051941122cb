import { readFileSync } from 'node:fs';
import path from 'node:path';
import { filesBelow, REPO } from '../support/repo';
import { LONG_FILES, MAX_LINES, type Sources, violations } from '../support/source-rules';

const FOLDERS = ['lib', 'native', 'test', 'bench', 'scripts', 'examples'];
const SOURCE = /\.(m?ts|mjs|c?js|cc|h|cu|cuh)$/;

function readRepository(): Sources {
  const files = FOLDERS.flatMap(filesBelow).filter((file) => SOURCE.test(file));
  return new Map(files.map((file) => [file, readFileSync(path.join(REPO, file), 'utf8')]));
}

const sample = (file: string, text: string): string[] => violations(new Map([[file, text]]));

describe('the repository', () => {
  const repository = readRepository();

  test('keeps every rule', () => {
    expect(repository.size).toBeGreaterThan(0);
    expect(violations(repository)).toEqual([]);
  });

  test('names only files that are still long in LONG_FILES', () => {
    for (const [file, reason] of LONG_FILES) {
      expect(reason).not.toBe('');
      expect((repository.get(file) ?? '').split('\n').length - 1).toBeGreaterThan(MAX_LINES);
    }
  });
});

describe('samples that break a rule', () => {
  const BAD: readonly [string, string][] = [
    ['lib/tensor.ts', "import { conv2d } from './ops/conv2d';"],
    ['lib/ops/conv2d.ts', "import type { Graph } from '../graph/ir';"],
    ['lib/graph/executor.ts', "import { Model } from '../model';"],
    ['lib/graph/executor.ts', "const late = await import('../onnx/decode');"],
    ['lib/quant/scale.ts', "import { decode } from '../onnx/decode';"],
    ['lib/onnx/import.ts', "export { audit } from '../audit/audit';"],
    ['lib/model.ts', "import '../lib/cli/main';"],
    ['lib/tensor.ts', "import { tensor } from '.';"],
    ['lib/tensor.ts', "import load = require('bindings');"],
    ['lib/tensor.ts', "const addon = require('./halftone.node');"],
    ['lib/tensor.ts', "import { tolerance } from '../test/support/tolerance';"],
    ['lib/misc/thing.ts', 'export {};'],
    ['lib/dtype.ts', 'export default 1;'],
    ['lib/dtype.ts', 'export { x as default };'],
    ['native/core/shape.cc', '#include <napi.h>'],
    ['native/core/shape.cc', '#include "ops/gemm/gemm.h"'],
    ['native/core/shape.cc', '#include "../backends/cpu/pool.h"'],
    ['native/ops/gemm/gemm_cpu.cc', '#include "napi/errors.h"'],
    ['native/ops/gemm/gemm_cpu.cc', '#include "backends/cpu/pool.h"'],
    ['native/ops/gemm/gemm_cuda.cu', '#include <cublas_v2.h>'],
    ['native/ops/gemm/gemm_kernel.cuh', '#include "vendor/blas.h"'],
    ['native/ops/gemm/gemm_kernel.cuh', '#include "ops/conv2d/conv2d.h"'],
    ['native/ops/gemm/gemm_cuda.cu', 'gemm<<<grid, block>>>(a, b);'],
    ['native/napi/run_op.cc', '#include "ops/gemm/gemm.h"'],
    ['native/backends/emu/emu.cc', '#include <cuda_runtime.h>'],
    ['native/backends/emu/emu.cc', '#include "backends/cuda/stream.h"'],
    ['native/core/shape.cc', 'if (bad) std::abort();'],
    ['native/core/shape.cc', 'printf("%d", rank);'],
    ['native/other/thing.cc', 'int x;'],
    ['native/core/shape.cc', 'int x;\n'.repeat(MAX_LINES + 1)],
    ['test/unit/shape.test.ts', '\n'.repeat(MAX_LINES + 1)],
  ];

  test.each(BAD)('%s: %s', (file, text) => {
    expect(sample(file, text)).toHaveLength(1);
  });
});

describe('samples that keep the rules', () => {
  const GOOD: readonly [string, string][] = [
    ['lib/model.ts', "import { decode } from './onnx/decode';\nimport { audit } from './audit';"],
    ['lib/ops/conv2d.ts', "import { run } from './run';\nimport { Tensor } from '../tensor';"],
    ['lib/binding.ts', "import load = require('bindings');\nimport type { B } from '../binding';"],
    ['lib/index.mts', "export * from './index.js';"],
    ['lib/cli/main.ts', "import { Model } from '../index';"],
    ['lib/dtype.ts', "// import { conv2d } from './ops/conv2d';\n/* export default 1; */"],
    ['native/napi/addon.cc', '#include <napi.h>\n#include "core/registry.h"\n#include "addon.h"'],
    ['native/ops/gemm/gemm_kernel.cuh', '#include "device/device.h"\n#include "ops/gemm/gemm.h"'],
    ['native/ops/gemm/gemm_kernel.cuh', '#include "ops/quantize/rounding.h"'],
    ['native/ops/registry.cc', '#include "ops.def"\n#include "core/registry.h"'],
    ['native/backends/cuda/stream.cc', '#include <cuda_runtime.h>\n#include "ops/gemm/gemm.h"'],
    ['native/device/device.h', 'kernel<<<grid, block, 0, stream>>>(args...);'],
    ['native/core/status.cc', 'std::snprintf(text, sizeof text, "%d", x); // never abort()'],
  ];

  test.each(GOOD)('%s: %s', (file, text) => {
    expect(sample(file, text)).toEqual([]);
  });
});
