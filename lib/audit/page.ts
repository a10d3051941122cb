/** An audit as one HTML page that needs no network: its script, its styles and its data are all inside. */

import { readFileSync } from 'node:fs';
import type { AuditReport } from './audit';
import { FIRST_POWER } from './statistics';

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --bad: #c0392b; --good: #2471a3; --soft: #8882; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 88rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; } h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
p.note { margin: .2rem 0 .6rem; opacity: .75; }
.nodes { border-collapse: collapse; width: 100%; } .nodes td, .nodes th { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
.nodes td:first-child, .nodes th:first-child, .nodes td.text, .nodes th.text { text-align: left; }
.nodes td:first-child, .nodes td.flag { white-space: normal; overflow-wrap: anywhere; min-width: 10rem; }

.nodes thead th { position: sticky; top: 0; background: Canvas; } .nodes tbody tr { cursor: pointer; }
tr.picked { background: var(--soft); } tr.flagged td:first-child { color: var(--bad); font-weight: 600; }
.flag { color: var(--bad); } .scroll { overflow-x: auto; } .u-legend { font-size: 12px; }`;

/**
 * The page's script. It finds `report` and uPlot; values that JSON cannot hold come as strings ("Infinity").
 */
const SCRIPT = `
const number = (v) => (v === null ? null : Number(v));
const short = (v, digits = 3) => (v === null || Number.isNaN(v) ? '' : v === Infinity ? 'exact' : v === -Infinity ? 'all lost' : Number(v).toPrecision(digits).replace(/\\.?0+(e|$)/, '$1'));
const bytes = (n) => (n < 1e4 ? n + ' B' : n < 1e7 ? (n / 1e3).toFixed(0) + ' kB' : (n / 1e6).toFixed(0) + ' MB');
const nodes = report.nodes;
const ink = getComputedStyle(document.body).color;
const axis = (extra) => ({ stroke: ink, grid: { stroke: '#8883' }, ticks: { stroke: '#8883' }, ...extra });
const width = () => document.body.clientWidth - 8;
const plots = [];
function plot(id, options, data) {
  const made = new uPlot({ width: width(), height: 260, ...options }, data, document.getElementById(id));
  plots.push(made);
  return made;
}
addEventListener('resize', () => plots.forEach((p) => p.setSize({ width: width(), height: 260 })));
const steps = nodes.map((_, i) => i);
const name = (i) => (nodes[i] ? nodes[i].node : '');
// An exact node has no noise: it is drawn at the top.
const TOP = 160;
const sqnr = (key) => nodes.map((n) => (n[key] ? Math.min(TOP, number(n[key].sqnr)) : null));
plot('sqnr', {
  scales: { x: { time: false } },
  axes: [axis({ values: (_, v) => v.map((i) => (Number.isInteger(i) ? i : '')) }), axis({ label: 'dB' })],
  series: [
    { label: 'node', value: (_, i) => (i === null ? '' : i + ' ' + name(i)) },
    { label: 'with all before it', stroke: '#c0392b', width: 2, spanGaps: true },
    { label: 'alone', stroke: '#2471a3', width: 2, spanGaps: true },
  ],
}, [steps, sqnr('propagated'), sqnr('local')]);
plot('time', {
  scales: { x: { time: false } },
  axes: [axis({ values: (_, v) => v.map((i) => (Number.isInteger(i) ? i : '')) }), axis({ label: 'ms' })],
  series: [
    { label: 'node', value: (_, i) => (i === null ? '' : i + ' ' + name(i)) },
    { label: 'ms', stroke: '#2471a3', fill: '#2471a366', paths: uPlot.paths.bars({ size: [0.8] }), points: { show: false } },
  ],
}, [steps, nodes.map((n) => n.milliseconds)]);

const powers = Array.from({ length: 60 }, (_, i) => i + firstPower);
// float16: 2^-25 and less round to 0, below 2^-14 lie the subnormals, from 2^16 on there is infinity.
const zones = [[-30, -24, '#c0392b33'], [-24, -14, '#f39c1233'], [-14, 16, '#27ae6022'], [16, 30, '#c0392b33']];
const histogram = plot('histogram', {
  scales: { x: { time: false, range: [firstPower, firstPower + 60] }, y: { distr: 3, range: (_, low, high) => [0.5, Math.max(10, high * 2)] } },
  axes: [axis({ label: 'power of two of the magnitude' }), axis({ label: 'values' })],
  series: [
    { label: '2^', value: (_, v) => v },
    { label: 'values', stroke: '#2471a3', fill: '#2471a399', paths: uPlot.paths.bars({ size: [1], align: 1 }), points: { show: false } },
  ],
  hooks: { drawClear: [(u) => {
    for (const [from, to, color] of zones) {
      const left = u.valToPos(from, 'x', true);
      u.ctx.fillStyle = color;
      u.ctx.fillRect(left, u.bbox.top, u.valToPos(to, 'x', true) - left, u.bbox.height);
    }
  }] },
}, [powers, powers.map(() => null)]);

const body = document.querySelector('.nodes tbody');
const cell = (row, text, kind) => { const td = row.insertCell(); td.textContent = text; if (kind) td.className = kind; return td; };
nodes.forEach((n, i) => {
  const row = body.insertRow();
  if (n.flags.length > 0) row.className = 'flagged';
  const made = n.calls.map((c) => c.provenance).find((p) => p.multiply && p.accumulate && p.accumulate !== 'none') || (n.calls[0] || {}).provenance || {};
  cell(row, i + ' ' + n.node);
  cell(row, n.op, 'text');
  cell(row, n.dtype, 'text');
  cell(row, made.accumulate || '', 'text');
  cell(row, made.kernel || '', 'text');
  cell(row, n.local ? short(number(n.local.sqnr)) : '');
  cell(row, n.propagated ? short(number(n.propagated.sqnr)) : '');
  cell(row, n.range ? short(n.range.largest) : '');
  cell(row, n.range ? (100 * n.range.share).toFixed(n.range.share < 0.1 ? 2 : 0) + ' %' : '');
  cell(row, n.range ? n.range.overflow + ' / ' + n.range.underflow + ' / ' + n.range.subnormal : '');
  cell(row, n.tensorCores ? (n.tensorCores.fits ? 'yes' : n.tensorCores.wrong.join(', ') + ' (\\u00d7' + n.tensorCores.multiple + ')') : '', 'text');
  cell(row, bytes(n.bytes));
  cell(row, short(n.milliseconds));
  cell(row, n.flags.join('; '), 'text flag');
  row.addEventListener('click', () => pick(i));
});
function pick(i) {
  body.querySelectorAll('tr').forEach((row, k) => row.classList.toggle('picked', k === i));
  const range = nodes[i] && nodes[i].range;
  document.getElementById('picked').textContent = nodes[i] ? nodes[i].node + ' (' + nodes[i].op + '), values of the reference' : '';
  histogram.setData([powers, range ? range.histogram.map((n) => n || null) : powers.map(() => null)]);
}
pick(Math.max(0, nodes.findIndex((n) => n.flags.length > 0)));
document.body.dataset.ready = 'yes';`;

const toHtml = (text: string) =>
  text.replace(
    /[&<>"]/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c,
  );

/** JSON for a script element: no tag can end it, and numbers that JSON lacks become strings. */
function toScript(value: unknown): string {
  const text = JSON.stringify(value, (_, v) =>
    typeof v === 'number' && !Number.isFinite(v) ? String(v) : v,
  );
  return text
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029');
}

/** The page. `title` is shown as its heading. */
export function auditPage(report: AuditReport, title = `Audit of ${report.model}`): string {
  const asset = (name: string) => readFileSync(require.resolve(`uplot/dist/${name}`), 'utf8');
  const flagged = report.nodes.filter(({ flags }) => flags.length > 0).length;
  const outputs = report.outputs
    .map(
      ({ name, error }) =>
        `${toHtml(name)} ${error.sqnr === Infinity ? 'exact' : `${error.sqnr.toFixed(1)} dB`}`,
    )
    .join(', ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${toHtml(title)}</title>
<style>${asset('uPlot.min.css')}${STYLE}</style>
</head>
<body>
<h1>${toHtml(title)}</h1>
<p class="note">${report.nodes.length} nodes on ${toHtml(report.device)}, ${report.inputs} inputs, ${flagged} nodes flagged.
Outputs: ${outputs}.</p>
<h2>Signal to noise along the graph</h2>
<p class="note">Higher is better; a node without any error is drawn at 160 dB. Where only the red line falls, the error came from before.</p>
<div id="sqnr"></div>
<h2>Time per node</h2>
<p class="note">Median, each op waited for.</p>
<div id="time"></div>
<h2>Values against the range of float16</h2>
<p class="note"><span id="picked"></span>. Red: zero or infinite in float16. Yellow: subnormal, with fewer bits. Click a row to see another node.</p>
<div id="histogram"></div>
<h2>Nodes</h2>
<div class="scroll"><table class="nodes">
<thead><tr><th>node</th><th class="text">operator</th><th class="text">stored</th><th class="text">sums</th><th class="text">kernel</th>
<th>dB alone</th><th>dB</th><th>largest</th><th>of 65504</th><th>over / under / sub</th><th class="text">tensor cores</th><th>bytes</th><th>ms</th><th class="text">flags</th></tr></thead>
<tbody></tbody>
</table></div>
<script>${asset('uPlot.iife.min.js')}</script>
<script>const report = ${toScript(report)};
const firstPower = ${FIRST_POWER};${SCRIPT}</script>
</body>
</html>
`;
}
