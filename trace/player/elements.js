// trace/player/elements.js: making and changing elements. Text gets into the page as text only: textContent, never markup.

function byId(id) {
	return document.getElementById(id);
}

function el(tag, properties, ...children) {
	const element = document.createElement(tag);
	for (const name in properties || {}) {
		if (name === "class")
			element.className = properties[name];
		else if (name === "click")
			element.addEventListener("click", properties[name]);
		else
			element.setAttribute(name, properties[name]);
	}
	for (const child of children)
		if (child !== null && child !== undefined)
			element.append(child);
	return element;
}

function setText(element, value) {
	if (element.textContent !== value)
		element.textContent = value;
}

function show(element, shown) {
	element.hidden = !shown;
}

function replaceChildren(element, children) {
	element.replaceChildren(...children);
}

function jumpButton(label, action) {
	return el("button", { type: "button", class: "link", click: action }, label);
}

// The colours of the style, for the canvases.
let paint = {};

function readPaint() {
	const style = getComputedStyle(document.documentElement);
	for (const name of ["ink", "paper", "quiet", "open", "ready", "panel", "line"])
		paint[name] = style.getPropertyValue("--" + name).trim();
	if (matchMedia("(forced-colors: active)").matches)
		paint = { ink: "CanvasText", paper: "Canvas", quiet: "GrayText", open: "LinkText", ready: "Highlight", panel: "Canvas", line: "CanvasText" };
}

// A canvas as sharp as the screen. Returns its context, scaled to CSS pixels; clears it.
function contextOf(canvas, width, height) {
	const ratio = window.devicePixelRatio || 1, w = Math.round(width * ratio), h = Math.round(height * ratio);
	if (canvas.width !== w || canvas.height !== h) {
		canvas.width = w;
		canvas.height = h;
		canvas.style.width = width + "px";
		canvas.style.height = height + "px";
	}
	const context = canvas.getContext("2d");
	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	context.clearRect(0, 0, width, height);
	return context;
}
