/** What both drawings share: sharp canvases, and the style sheet's colours. */

/**
 * Sizes a canvas's pixels to its place on the screen.
 * @param {HTMLCanvasElement} canvas
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number}} in CSS pixels
 */
export function fitCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}

let colours = null;

/** @returns {{ink: string, quiet: string, accent: string, font: string}} */
export function palette() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = {
      ink: style.getPropertyValue("--ink").trim(),
      quiet: style.getPropertyValue("--quiet").trim(),
      accent: style.getPropertyValue("--accent").trim(),
      font: style.fontFamily,
    };
  }
  return colours;
}
