// Pictures of counts: what a window is made up of, and a volume beside its pace.

import { forDrawing, grouped, percent, shown } from "../decimal.js";
import { html, nothing, svg } from "../../vendor/lit-html/lit-html.js";

const PARTS = {
  met: ["In time", "ok"],
  breached_closed: ["Late", "breached"],
  breached_open: ["Late, still open", "late-open"],
  running: ["Still running", "running"],
  excluded: ["Not counted", "excluded"],
  good: ["Good", "ok"],
  pending: ["May become good", "running"],
  rest: ["Not good", "breached"],
};

function partsOf(counts, target) {
  if ("met" in counts) return ["met", "breached_closed", "breached_open", "running", "excluded"].map((own) => [own, counts[own]]);
  if (!("total" in counts)) return [];
  const rest = Math.max(0, counts.total - counts.good - (counts.pending ?? 0));
  // Where few are wanted, what is called good by the KPI is no reason for green.
  const parts = [["good", counts.good], ["pending", counts.pending ?? 0], ["rest", rest]];
  return "atMost" in target ? [] : parts;
}

/** What is counted in a window, as one bar and its legend. */
export function tally(state) {
  const parts = partsOf(state.counts, state.target).filter(([, count]) => count > 0);
  const total = parts.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return nothing;
  let from = 0;
  const bars = parts.map(([name, count]) => {
    const bar = { name, count, x: (100 * from) / total, width: (100 * count) / total };
    from += count;
    return bar;
  });
  return html`<figure class="tally"><svg width="100%" height="14" aria-hidden="true">
    ${bars.map((own) => svg`<rect class="part ${PARTS[own.name][1]}" x="${own.x}%" width="${own.width}%" height="14"></rect>`)}</svg>
    <figcaption><ul class="keys">${bars.map((own) => html`<li><span class="swatch ${PARTS[own.name][1]}"></span>${PARTS[own.name][0]} <strong>${grouped(String(own.count))}</strong></li>`)}</ul></figcaption></figure>`;
}

/** A volume beside the working time that is over: where it is, where it should be by now. */
export function pacePicture(state, pace) {
  const goal = forDrawing(state.target.atLeast);
  const reached = forDrawing(state.value) ?? 0;
  const share = (number) => Math.min(100, Math.max(0, (100 * number) / (goal || 1))).toFixed(2);
  const over = pace.open_s > 0 ? ((100 * pace.elapsed_open_s) / pace.open_s).toFixed(2) : "100";
  const part = goal > 0 ? percent(String(reached / goal), [], 0) : "";
  return html`<figure class="pace"><dl>
    <div><dt>Reached</dt><dd>${shown(state.value)} of ${grouped(String(state.target.atLeast))} <span class="soft">(${part})</span></dd></div>
    <div><dt>Expected by now</dt><dd>${shown(pace.expected)}</dd></div></dl>
    <svg width="100%" height="34" aria-hidden="true">
      <rect class="track" y="4" width="100%" height="12" rx="3"></rect>
      <rect class="bar ${state.state}" y="4" width="${share(reached)}%" height="12" rx="3"></rect>
      <rect class="risk" x="${share(forDrawing(pace.at_risk_below))}%" y="2" width="1.5" height="16"></rect>
      <rect class="aim" x="${share(forDrawing(pace.expected))}%" y="0" width="2.5" height="20"></rect>
      <rect class="track" y="26" width="100%" height="6" rx="3"></rect>
      <rect class="time" y="26" width="${over}%" height="6" rx="3"></rect></svg>
    <figcaption class="keys"><span><span class="swatch ${state.state}"></span>reached</span><span><span class="swatch aim"></span>expected by now</span>
      <span><span class="swatch risk"></span>at risk below</span><span><span class="swatch time"></span>working time over</span></figcaption></figure>`;
}
