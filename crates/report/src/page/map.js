"use strict";
// Shows the image of a mark that is pointed at or focused. The images are those of the list below the map.
for (const map of document.querySelectorAll(".map")) {
  const items = [...map.querySelectorAll(".sheet > li")];
  const plots = [...map.querySelectorAll("figure svg")].map((svg) => ({
    svg,
    marks: [...svg.querySelectorAll(".points path")],
  }));
  const card = map.appendChild(document.createElement("div"));
  card.className = "peek";
  card.hidden = true;
  map.parentElement.querySelector(".scripted").hidden = false;
  let shown = -1;

  const middle = (mark) => {
    const box = mark.getBBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };

  const hide = () => {
    if (shown >= 0) for (const { marks } of plots) marks[shown].classList.remove("on");
    shown = -1;
    card.hidden = true;
  };

  const show = (plot, index) => {
    if (shown !== index) {
      hide();
      shown = index;
      for (const { marks } of plots) marks[index].classList.add("on");
      card.replaceChildren(...[...items[index].childNodes].map((node) => node.cloneNode(true)));
    }
    card.hidden = false;
    const mark = plot.marks[index].getBoundingClientRect();
    const around = map.getBoundingClientRect();
    const left = mark.left + mark.width / 2 - around.left - card.offsetWidth / 2;
    card.style.left = `${Math.max(0, Math.min(left, around.width - card.offsetWidth))}px`;
    const above = mark.top - around.top - card.offsetHeight - 8;
    card.style.top = `${above >= 0 ? above : mark.bottom - around.top + 8}px`;
  };

  const choose = (plot, index) => {
    for (const mark of plot.marks) {
      if (mark.tabIndex === 0) mark.tabIndex = -1;
      mark.setAttribute("aria-selected", "false");
    }
    plot.marks[index].tabIndex = 0;
    plot.marks[index].setAttribute("aria-selected", "true");
  };

  // The nearest mark in the direction of an arrow key; across counts double, so that a row is followed.
  const next = (plot, from, dx, dy) => {
    const start = plot.places[from];
    let best = from;
    let least = Infinity;
    plot.places.forEach((place, index) => {
      const along = (place.x - start.x) * dx + (place.y - start.y) * dy;
      const across = Math.abs((place.x - start.x) * dy + (place.y - start.y) * dx);
      const far = along + 2 * across;
      if (along > 0.01 && far < least && !plot.marks[index].classList.contains("dim")) [best, least] = [index, far];
    });
    return best;
  };

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  for (const plot of plots) {
    plot.places = plot.marks.map(middle);
    const { svg, marks } = plot;
    const title = svg.querySelector("title");
    const group = svg.querySelector(".points");
    // A name as an attribute: browsers show a title as a tooltip, over the card.
    svg.removeAttribute("aria-labelledby");
    svg.setAttribute("aria-label", title.textContent);
    svg.setAttribute("role", "group");
    group.setAttribute("role", "listbox");
    group.setAttribute("aria-label", title.textContent);
    title.remove();
    marks.forEach((mark, index) => {
      mark.setAttribute("role", "option");
      mark.setAttribute("aria-label", items[index].textContent);
      mark.tabIndex = -1;
      mark.addEventListener("focus", () => {
        choose(plot, index);
        show(plot, index);
      });
      mark.addEventListener("blur", hide);
    });
    choose(plot, 0);
    svg.addEventListener("keydown", (event) => {
      const index = marks.indexOf(document.activeElement);
      if (index < 0) return;
      if (event.key in arrows) marks[next(plot, index, ...arrows[event.key])].focus();
      else if (event.key === "Home") marks[0].focus();
      else if (event.key === "End") marks[marks.length - 1].focus();
      else return;
      event.preventDefault();
    });
    svg.addEventListener("pointermove", (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      let best = -1;
      let least = 14;
      plot.places.forEach((place, index) => {
        const far = Math.hypot(place.x - at.x, place.y - at.y);
        if (far < least && !marks[index].classList.contains("dim")) [best, least] = [index, far];
      });
      if (best >= 0) show(plot, best);
    });
  }
  map.addEventListener("pointerleave", hide);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });

  // A class of the legend shows itself alone.
  const buttons = [...map.querySelectorAll(".marks > li")].map((item) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => {
      const only = button.getAttribute("aria-pressed") === "false";
      for (const other of buttons) other.setAttribute("aria-pressed", String(only && other === button));
      for (const { marks } of plots)
        for (const mark of marks) mark.classList.toggle("dim", only && !mark.classList.contains(item.dataset.mark));
    });
    return button;
  });
}
