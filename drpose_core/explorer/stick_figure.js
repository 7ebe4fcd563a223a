// A stick figure whose joints are moved by hand: drag one, or click one and then the place where it belongs, or use the arrow keys.
// Python owns the points (pixels of the picture); this draws them and sends back what the hand did.
const SVG = "http://www.w3.org/2000/svg";

function node(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.appendChild(made);
  return made;
}

function render({ model, el }) {
  const [left, top, width, height] = model.get("window");
  const unit = height / 380; // a pixel on the screen, in pixels of the picture
  const svg = node("svg", { viewBox: `${left} ${top} ${width} ${height}`, height: 380, tabindex: 0, role: "application" }, el);
  svg.setAttribute("aria-label", "2D joints; arrow keys move the one selected");
  svg.style.cssText = "max-width: 100%; background: #fff; border: 1px solid #ccc; touch-action: none; cursor: crosshair; display: block";
  if (model.get("picture")) {
    const [w, h] = model.get("size");
    node("image", { href: model.get("picture"), x: 0, y: 0, width: w, height: h, preserveAspectRatio: "none", opacity: 0.7 }, svg);
  }
  const colors = model.get("colors"), names = model.get("joints");
  const lines = model.get("bones").map(([, b]) => node("line", { stroke: colors[b], "stroke-width": 4 * unit, "stroke-linecap": "round" }, svg));
  const dots = names.map((name, j) => {
    const dot = node("circle", { r: 7 * unit, fill: colors[j], stroke: "#fff", "stroke-width": 1.5 * unit, "data-joint": j }, svg);
    dot.style.cursor = "grab";
    node("title", {}, dot).textContent = name;
    return dot;
  });
  const label = document.createElement("div");
  label.style.cssText = "font: 13px Arial, sans-serif; color: inherit; min-height: 18px; padding: 4px 2px";
  el.appendChild(label);
  let selected = -1, dragged = false, waiting = false;

  function draw() {
    const points = model.get("points");
    model.get("bones").forEach(([a, b], n) => {
      for (const [end, j] of [[1, a], [2, b]]) {
        lines[n].setAttribute(`x${end}`, points[j][0]);
        lines[n].setAttribute(`y${end}`, points[j][1]);
      }
    });
    dots.forEach((dot, j) => {
      dot.setAttribute("cx", points[j][0]);
      dot.setAttribute("cy", points[j][1]);
      dot.setAttribute("stroke", j === selected ? "#f0c800" : "#fff");
      dot.setAttribute("fill-opacity", model.get("sure")[j] ? 1 : 0.35);
    });
    label.textContent = selected < 0 ? "Drag a joint, or click one and then its place." : names[selected];
  }
  function move(j, x, y) {
    const points = model.get("points").slice();
    points[j] = [Math.round(10 * x) / 10, Math.round(10 * y) / 10];
    model.set("points", points);
    if (!waiting) { // at most once a picture: the kernel hears the newest place
      waiting = true;
      requestAnimationFrame(() => { waiting = false; model.save_changes(); });
    }
  }
  function place(event) {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [Math.min(Math.max(at.x, left), left + width), Math.min(Math.max(at.y, top), top + height)];
  }
  svg.addEventListener("pointerdown", (event) => {
    const joint = event.target.dataset?.joint;
    if (joint !== undefined) {
      selected = Number(joint);
      dragged = true;
      svg.setPointerCapture(event.pointerId);
    } else if (selected >= 0) {
      move(selected, ...place(event));
    }
    svg.focus();
    event.preventDefault();
    draw();
  });
  svg.addEventListener("pointermove", (event) => dragged && move(selected, ...place(event)));
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { dragged = false; });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (selected < 0 || !step) return;
    const [x, y] = model.get("points")[selected], far = (event.shiftKey ? 10 : 2) * unit;
    move(selected, x + far * step[0], y + far * step[1]);
    event.preventDefault();
    event.stopPropagation(); // the notebook would go to another cell
  });
  model.on("change:points", draw);
  model.on("change:sure", draw);
  draw();
  return () => { model.off("change:points", draw); model.off("change:sure", draw); };
}
export default { render };
