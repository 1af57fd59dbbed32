// One rendering for everything that changed since the last one.

let draw = () => {};
let waiting = false;

/** Name what draws the page. */
export function drawWith(own) {
  draw = own;
}

/** Draw soon. */
export function askToRender() {
  if (waiting) return;
  waiting = true;
  queueMicrotask(() => {
    waiting = false;
    draw();
  });
}
