// trace/player/overview.js: the whole run on one canvas: a row for each descriptor number with its lives as bars, a row for the waits,
// a row for marks. What does not change with a step is drawn once, on a second canvas.

const LABEL = 34, MARKS_ROW = 14, WAITS_ROW = 12, ROWS_HEIGHT = 168;

function makeOverview(T) {
	const O = { T: T, canvas: byId("overview"), still: document.createElement("canvas"), drawn: false, width: 0, height: 0, byTime: false,
		from: 0, to: T.steps, place: null, rows: [], rowOf: new Int32Array(T.nlives + 1).fill(-1), dragging: null };
	O.born = new Int32Array(T.nlives + 1).fill(-1);
	O.gone = new Int32Array(T.nlives + 1).fill(T.steps + 1);
	for (let at = 0; at < T.nops; at++) {
		if (T.opWhat[at] === OP_OPEN)
			O.born[T.opLife[at]] = T.opStep[at];
		else if (T.opWhat[at] === OP_CLOSE)
			O.gone[T.opLife[at]] = T.opStep[at];
	}
	placeRows(O);
	countMarks(O);
	return O;
}

function rowKey(T, life) {
	return T.life_process[life] * 16777216 + T.life_number[life];
}

function placeRows(O) {
	const T = O.T, keys = new Map();
	for (let life = 1; life <= T.nlives; life++) {
		if (O.born[life] < 0)
			continue;
		const key = rowKey(T, life);
		if (!keys.has(key))
			keys.set(key, { process: T.life_process[life], number: T.life_number[life], lives: [] });
		keys.get(key).lives.push(life);
	}
	O.rows = Array.from(keys.values()).sort((a, b) => a.process - b.process || a.number - b.number);
	O.rows.forEach((row, i) => {
		row.lives.sort((a, b) => O.born[a] - O.born[b]);
		for (const life of row.lives)
			O.rowOf[life] = i;
	});
}

// EAGAIN and EINPROGRESS say "not now" to a call that asked not to wait: not errors that one would stop at.
const NOT_NOW = ["EAGAIN", "EWOULDBLOCK", "EINPROGRESS", "EALREADY"];

// How each wait ended, and what to stop at.
const BAND_IDLE = 1, BAND_READY = 2, BAND_ERROR = 3, BAND_TIMEOUT = 4;

function countMarks(O) {
	const T = O.T;
	T.isError = T.kinds.map((kind) => kind.error !== 0 && !NOT_NOW.includes(errorName(T, kind)));
	T.waitBand = new Uint8Array(T.nwaits);
	T.timeouts = T.errors = 0;
	for (let w = 0; w < T.nwaits; w++) {
		const i = T.waitEvent[w], kind = T.kinds[T.kind[i]];
		T.waitBand[w] = !kind.done ? BAND_IDLE : kind.error !== 0 ? BAND_ERROR : T.ret[i] === 0 && T.waitTimeout[w] !== 0 ? BAND_TIMEOUT : BAND_READY;
		T.timeouts += T.waitBand[w] === BAND_TIMEOUT;
	}
	for (let i = 0; i < T.n; i++)
		T.errors += T.isError[T.kind[i]];
}

function isTimeout(T, i) {
	return T.kinds[T.kind[i]].wait && T.waitBand[waitOf(T, i)] === BAND_TIMEOUT;
}

// ---- the axis: a place for each step

// By time, silences shortened: what is longer than four times a usual long gap is drawn as long as that.
function placeByTime(O) {
	const T = O.T, place = new Float64Array(T.steps + 1), gaps = new Float64Array(Math.min(T.steps, 20000));
	const stride = Math.max(1, Math.floor(T.steps / 20000));
	for (let k = 0, s = 1; k < gaps.length && s <= T.steps; k++, s += stride)
		gaps[k] = Math.max(0, timeOfStep(T, s) - timeOfStep(T, s - 1));
	gaps.sort();
	O.longest = Math.max(20000, 4 * gaps[Math.floor(gaps.length * 0.8)]);
	O.breaks = [];
	for (let s = 1, last = timeOfStep(T, 0); s <= T.steps; s++) {
		const now = timeOfStep(T, s), gap = Math.max(0, now - last);
		place[s] = place[s - 1] + Math.min(gap, O.longest);
		if (gap > O.longest && O.breaks.length < 5000)
			O.breaks.push(s);
		last = now;
	}
	return place;
}

function setAxis(O, byTime) {
	O.byTime = byTime;
	O.place = byTime ? placeByTime(O) : null;
	if (!byTime)
		O.breaks = [];
	zoomAll(O);
}

function placeOf(O, step) {
	return O.place ? O.place[Math.max(0, Math.min(O.T.steps, step))] : step;
}

function stepAt(O, place) {
	if (!O.place)
		return Math.max(0, Math.min(O.T.steps, Math.round(place)));
	const at = lowerBound(O.place, place);
	if (at > 0 && (at > O.T.steps || place - O.place[at - 1] < O.place[at] - place))
		return at - 1;
	return at;
}

function zoomAll(O) {
	O.from = O.place ? 0 : 0.5;
	O.to = O.place ? Math.max(1, O.place[O.T.steps]) : Math.max(1.5, O.T.steps + 0.5);
	O.drawn = false;
}

function zoom(O, factor, around) {
	const whole = O.place ? Math.max(1, O.place[O.T.steps]) : O.T.steps + 1;
	let width = Math.min(whole, Math.max((O.to - O.from) * factor, O.place ? whole / 1e6 : 8));
	const at = (around - O.from) / (O.to - O.from);
	O.from = around - at * width;
	O.to = O.from + width;
	keepInside(O);
}

function keepInside(O) {
	const low = O.place ? 0 : 0.5, high = O.place ? Math.max(1, O.place[O.T.steps]) : Math.max(1.5, O.T.steps + 0.5);
	const width = Math.min(O.to - O.from, high - low);
	O.from = Math.max(low, Math.min(O.from, high - width));
	O.to = O.from + width;
	O.drawn = false;
}

function pan(O, share) {
	const by = (O.to - O.from) * share;
	O.from += by;
	O.to += by;
	keepInside(O);
}

function bringIntoView(O, step) {
	const place = placeOf(O, step), width = O.to - O.from;
	if (place >= O.from && place <= O.to)
		return;
	O.from = place - width / 2;
	O.to = O.from + width;
	keepInside(O);
}

function pixelOf(O, place) {
	return LABEL + (place - O.from) / (O.to - O.from) * (O.width - LABEL - 2);
}

function placeAtPixel(O, x) {
	return O.from + (x - LABEL) / (O.width - LABEL - 2) * (O.to - O.from);
}

// Half a column: in the axis of events a step is as wide as its column.
function edgeOf(O, step, side) {
	return pixelOf(O, placeOf(O, step) + (O.place ? 0 : side * 0.5));
}

// ---- drawing

function rowHeight(O) {
	return Math.max(2, Math.min(16, Math.floor(ROWS_HEIGHT / Math.max(1, O.rows.length))));
}

function hatch(context, x, y, width, height) {
	context.save();
	context.beginPath();
	context.rect(x, y, width, height);
	context.clip();
	context.beginPath();
	for (let at = x - height; at < x + width; at += 5) {
		context.moveTo(at, y + height);
		context.lineTo(at + height, y);
	}
	context.strokeStyle = paint.open;
	context.lineWidth = 1.5;
	context.stroke();
	context.restore();
	context.strokeStyle = paint.open;
	context.lineWidth = 1;
	context.strokeRect(x + 0.5, y + 0.5, Math.max(1, width - 1), Math.max(1, height - 1));
}

function drawLife(O, context, life, y, height) {
	const T = O.T, x = Math.max(LABEL, edgeOf(O, O.born[life], -1)), end = Math.min(O.width - 2, edgeOf(O, O.gone[life], O.gone[life] > T.steps ? 0 : 1));
	if (end < LABEL || x > O.width - 2 || O.gone[life] < 0)
		return;
	const width = Math.max(1, end - x), odd = T.life_ordinal[life] % 2 === 1;
	if (odd || width < 4 || height < 5) {
		context.fillStyle = odd ? paint.open : paint.quiet;
		context.fillRect(x, y, width, height);
	} else {
		hatch(context, x, y, width, height);
	}
	const name = lifeName(T, life);
	if (height < 10 || width < 8 * name.length + 4)
		return;
	if (!odd) {
		context.fillStyle = paint.paper;
		context.fillRect(x + 2, y + 1, 6.6 * name.length + 4, height - 2);
	}
	context.fillStyle = odd ? paint.paper : paint.ink;
	context.fillText(name, x + 4, y + height - 3);
}

function drawRows(O, context) {
	const height = rowHeight(O), top = MARKS_ROW + WAITS_ROW + 2;
	O.rows.forEach((row, i) => {
		const y = top + i * height, bar = height > 4 ? height - 2 : height > 2 ? height - 1 : height;
		if (height >= 10) {
			context.fillStyle = paint.ink;
			context.textAlign = "right";
			context.fillText(String(row.number), LABEL - 6, y + height - 4);
			context.textAlign = "left";
		}
		let covered = -1; // lives in one pixel are drawn once
		for (const life of row.lives) {
			const end = edgeOf(O, O.gone[life], 1);
			if (end <= covered)
				continue;
			drawLife(O, context, life, y, bar);
			covered = Math.floor(end);
		}
	});
}

// In one pixel a timeout or an error hides what is ready, and that hides an idle wait.
function drawBand(O, context) {
	const T = O.T, right = O.width - 2, idle = new Uint8Array(O.width + 1), woke = new Uint8Array(O.width + 1);
	const first = stepAt(O, O.from) - 1, last = stepAt(O, O.to) + 1;
	for (let w = 0; w < T.nwaits; w++) {
		const i = T.waitEvent[w], end = T.endStep[i] || T.steps + 1;
		if (end < first)
			continue;
		if (T.beginStep[i] > last)
			break;
		const a = Math.max(LABEL, Math.floor(edgeOf(O, T.beginStep[i], -1))), b = Math.min(right, Math.ceil(edgeOf(O, end, end > T.steps ? 0 : 1)));
		if (b > a)
			idle.fill(1, a, b);
		if (b - 1 >= LABEL && b - 1 <= right && T.endStep[i])
			woke[b - 1] = Math.max(woke[b - 1], T.waitBand[w]);
	}
	const y = MARKS_ROW, height = WAITS_ROW - 3;
	context.fillStyle = paint.quiet;
	for (let x = LABEL, end; x <= right; x = end) {
		for (end = x + 1; end <= right && idle[end] === idle[x];)
			end++;
		if (idle[x])
			context.fillRect(x, y + 3, end - x, height - 6);
	}
	const column = Math.max(1, Math.min(6, (O.width - LABEL) / Math.max(1, O.to - O.from) - 1));
	for (let x = LABEL; x <= right; x++) {
		if (woke[x] < BAND_READY)
			continue;
		context.fillStyle = woke[x] === BAND_READY ? paint.ready : paint.ink;
		context.fillRect(x + 1 - (O.place ? 1.5 : column), y, O.place ? 1.5 : column, height);
	}
	for (let x = LABEL; x <= right; x++)
		if (woke[x] > BAND_READY)
			drawMark(context, x, woke[x] === BAND_TIMEOUT ? "T" : "!");
}

// T timeout: a triangle that stands on its tip. ! error: a cross. F finding: a diamond.
function drawMark(context, x, what) {
	context.fillStyle = context.strokeStyle = paint.ink;
	context.lineWidth = 1.5;
	context.beginPath();
	if (what === "T") {
		context.moveTo(x - 4, 3);
		context.lineTo(x + 4, 3);
		context.lineTo(x, 11);
		context.fill();
	} else if (what === "!") {
		context.moveTo(x - 3.5, 3);
		context.lineTo(x + 3.5, 10);
		context.moveTo(x + 3.5, 3);
		context.lineTo(x - 3.5, 10);
		context.stroke();
	} else {
		context.moveTo(x, 2);
		context.lineTo(x + 4, 6.5);
		context.lineTo(x, 11);
		context.lineTo(x - 4, 6.5);
		context.closePath();
		context.stroke();
	}
}

function drawErrors(O, context) {
	const T = O.T;
	if (T.errors === 0)
		return;
	const first = Math.max(1, stepAt(O, O.from)), last = stepAt(O, O.to);
	for (let s = first, drawn = -10; s <= last; s++) {
		const i = T.stepEvent[s];
		if (T.stepKind[s] === BEGIN || !T.isError[T.kind[i]] || T.kinds[T.kind[i]].wait)
			continue;
		const x = Math.round(pixelOf(O, placeOf(O, s)));
		if (x - drawn < 3)
			continue;
		drawMark(context, x, "!");
		drawn = x;
	}
}

function drawBreaks(O, context) {
	const bottom = O.height;
	context.strokeStyle = paint.quiet;
	context.lineWidth = 1;
	for (let k = 0, drawn = -20; k < O.breaks.length; k++) {
		const x = Math.round(pixelOf(O, placeOf(O, O.breaks[k]) - O.longest / 2));
		if (x < LABEL || x > O.width - 2 || x - drawn < 8)
			continue;
		drawn = x;
		context.beginPath();
		for (let y = MARKS_ROW, side = 0; y <= bottom; y += 4, side++)
			context.lineTo(x + (side % 2 ? 2 : -2), y);
		context.stroke();
	}
}

function drawStill(O) {
	const context = contextOf(O.still, O.width, O.height);
	context.font = "11px system-ui, sans-serif";
	drawRows(O, context);
	drawBand(O, context);
	drawErrors(O, context);
	drawBreaks(O, context);
	for (const finding of O.T.findings) {
		const step = stepOfEvent(O.T, finding.event - O.T.from), x = pixelOf(O, placeOf(O, step));
		if (step > 0 && x >= LABEL && x <= O.width)
			drawMark(context, x, "F");
	}
	O.drawn = true;
}

function drawOverview(O, step, hideFuture) {
	O.width = Math.floor(byId("overview-box").clientWidth);
	O.height = MARKS_ROW + WAITS_ROW + 4 + Math.min(400, rowHeight(O) * Math.max(1, O.rows.length));
	if (O.width < LABEL + 20)
		return;
	if (!O.drawn || O.still.style.width !== O.width + "px" || O.ratio !== window.devicePixelRatio)
		drawStill(O);
	O.ratio = window.devicePixelRatio;
	const context = contextOf(O.canvas, O.width, O.height), x = Math.round(pixelOf(O, placeOf(O, step)));
	context.drawImage(O.still, 0, 0, O.width, O.height);
	if (hideFuture) {
		context.fillStyle = paint.panel;
		context.fillRect(Math.max(LABEL, edgeOf(O, step, 1)), 0, O.width, O.height);
	}
	if (x < LABEL || x > O.width)
		return;
	context.strokeStyle = paint.ink;
	context.lineWidth = 1;
	context.beginPath();
	context.moveTo(x + 0.5, 0);
	context.lineTo(x + 0.5, O.height);
	context.stroke();
	context.fillStyle = paint.ink;
	context.beginPath();
	context.moveTo(x - 4, O.height);
	context.lineTo(x + 5, O.height);
	context.lineTo(x + 0.5, O.height - 6);
	context.fill();
}

// What lies under a pixel: the step, and the life there.
function underPixel(O, x, y) {
	const step = Math.max(1, stepAt(O, placeAtPixel(O, x))), row = O.rows[Math.floor((y - MARKS_ROW - WAITS_ROW - 2) / rowHeight(O))];
	const life = row && row.lives.find((one) => O.born[one] <= step && step <= O.gone[one]);
	return { step: Math.min(step, O.T.steps), life: life || 0 };
}

function stepOfEvent(T, i) {
	return i < 0 || i >= T.n ? 0 : T.endStep[i] || T.beginStep[i];
}
