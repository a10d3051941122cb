#!/usr/bin/env bash
# Runs Halftone's GPU suite from its bundle: ./run.sh [out-dir]
#
# Leaves at most eight files in out-dir (default: ./out): report.md and report.json, tests.json, doctor.json,
# memcheck.txt, racecheck.txt, bench.json, bench.md, each written as it comes. The exit code is 0 when everything succeeded.
#
#   HALFTONE_BUNDLE_DEVICE   cuda (default), cuda:1, or cpu
#   HALFTONE_BUNDLE_STEPS    of tests,bench,memcheck,racecheck: which, in the order in which they run (default: all)
#   HALFTONE_BUNDLE_TESTS    a regular expression for test files, HALFTONE_BUNDLE_BENCH for benchmark cases
#   HALFTONE_BUNDLE_SECONDS  the most that one step may take (default 900)
#   HALFTONE_BUNDLE_TOTAL    the most that all may take, unpacking included (default: no limit): where commands are ended
#                            after some time, a little less than that
#   HALFTONE_BUNDLE_WORK     where to unpack (default: a temporary folder, removed at the end)
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
mkdir -p "${1:-out}"
out="$(cd "${1:-out}" && pwd)"

if [ -n "${HALFTONE_BUNDLE_WORK:-}" ]; then
  work="$HALFTONE_BUNDLE_WORK"
  mkdir -p "$work"
else
  work="$(mktemp -d)"
  trap 'rm -rf "$work"' EXIT
fi

tar -xzf "$here/halftone.tar.gz" -C "$work"
gzip -dc "$here/node.gz" >"$work/node"
chmod +x "$work/node"
node="$work/node"
# Node and the addon both: they want different versions of the C++ runtime.
loads() { "$node" -e 'process.dlopen({ exports: {} }, process.argv[1])' "$work/halftone/build/Release/halftone.node"; }
if ! loads >/dev/null 2>&1; then
  # The C++ runtime of this machine is missing or too old: use the one in the bundle.
  export LD_LIBRARY_PATH="$work/halftone/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  loads || { echo "Node of the bundle, or the addon, does not run here (glibc 2.34 or newer is needed)" >&2; exit 1; }
fi

device="${HALFTONE_BUNDLE_DEVICE:-cuda}"
case "$device" in cuda*) export HALFTONE_REQUIRE_CUDA=1 ;; esac
if [ -d "$work/halftone/data" ]; then export HALFTONE_TEST_DATA="$work/halftone/data"; fi

# cuBLAS, cuDNN and NVRTC: the loader looks in the usual places and then asks python3 for its packages.
cd "$work/halftone"
total=(--)
if [ -n "${HALFTONE_BUNDLE_TOTAL:-}" ]; then total=(--total "$((HALFTONE_BUNDLE_TOTAL - SECONDS))"); fi
status=0
"$node" scripts/gpu-suite.mjs --out "$out" --device "$device" \
  --steps "${HALFTONE_BUNDLE_STEPS:-tests,bench,memcheck,racecheck}" \
  --tests "${HALFTONE_BUNDLE_TESTS:-}" --bench "${HALFTONE_BUNDLE_BENCH:-}" \
  --seconds "${HALFTONE_BUNDLE_SECONDS:-900}" "${total[@]}" || status=$?
echo "reports in $out, exit code $status"
exit "$status"
