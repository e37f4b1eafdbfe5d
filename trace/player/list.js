// trace/player/list.js: the list of events. Only the rows that are seen are in the page; a million rows would be higher than
// browsers allow, so beyond a height the scrollbar stands for the whole list and the wheel moves by rows all the same.

const ROW = 24, HEIGHT_MOST = 4000000, LANES_MOST = 10;

function makeList(T, onStep) {
	const L = { T: T, box: byId("list"), space: byId("list-space"), holder: byId("list-rows"), rows: [], top: 0, lastScroll: 0, step: -1,
		hideFuture: false, state: null, onStep: onStep, pending: false };
	L.total = T.steps * ROW;
	L.space.style.height = Math.min(L.total, HEIGHT_MOST) + "px";
	L.lanes = laneNumbers(T);
	L.laneWidth = L.lanes.length > 0 ? String(L.lanes[L.lanes.length - 1]).length : 0;
	const head = byId("list-head");
	setText(head.children[0], text("event", { event: "" }).trim());
	setText(head.children[1], "t");
	setText(head.children[2], L.lanes.map((number) => String(number).padStart(L.laneWidth)).join(" "));
	L.box.addEventListener("scroll", () => scrolled(L), { passive: true });
	L.holder.addEventListener("click", (event) => {
		const row = event.target.closest(".row");
		if (row)
			onStep(Number(row.dataset.step));
	});
	return L;
}

// The numbers that get a lane of their own, when there are few.
function laneNumbers(T) {
	const numbers = new Set(), processes = new Set();
	for (let life = 1; life <= T.nlives && numbers.size <= LANES_MOST; life++) {
		if (T.life_number[life] > 2)
			numbers.add(T.life_number[life]);
		processes.add(T.life_process[life]);
	}
	return numbers.size <= LANES_MOST && processes.size === 1 ? Array.from(numbers).sort((a, b) => a - b) : [];
}

function viewHeight(L) {
	return L.box.clientHeight || 240;
}

// L.top: the pixel of the whole list that is at the top of the box.
function scrolled(L) {
	const now = L.box.scrollTop, moved = now - L.lastScroll, room = L.space.clientHeight - viewHeight(L), whole = L.total - viewHeight(L);
	L.lastScroll = now;
	if (L.total <= HEIGHT_MOST)
		L.top = now;
	else if (Math.abs(moved) < 3 * viewHeight(L) && now > 0 && now < room)
		L.top = Math.max(0, Math.min(whole, L.top + moved));
	else
		L.top = now / room * whole;
	if (L.pending)
		return;
	L.pending = true;
	requestAnimationFrame(() => {
		L.pending = false;
		drawList(L);
	});
}

function scrollToStep(L, step) {
	const height = viewHeight(L), y = (step - 1) * ROW, whole = Math.max(0, L.total - height);
	if (y >= L.top + ROW && y + 2 * ROW <= L.top + height)
		return;
	L.top = Math.max(0, Math.min(whole, y < L.top + ROW && y > L.top - 4 * ROW ? y - ROW : y > L.top && y < L.top + height + 4 * ROW ? y - height + 2 * ROW : y - height / 2));
	const room = L.space.clientHeight - height;
	L.box.scrollTop = L.total <= HEIGHT_MOST ? L.top : L.top / Math.max(1, whole) * room;
	L.lastScroll = L.box.scrollTop;
}

function makeRow() {
	const row = el("div", { class: "row", role: "option" });
	row.parts = ["seq", "time", "lanes", "what"].map((name) => el("span", { class: name }));
	row.append(...row.parts);
	return row;
}

function drawList(L) {
	const T = L.T, height = viewHeight(L), first = Math.max(1, Math.floor(L.top / ROW)), count = Math.min(T.steps - first + 1, Math.ceil(height / ROW) + 2);
	while (L.rows.length < count)
		L.rows.push(L.holder.appendChild(makeRow()));
	for (let i = count; i < L.rows.length; i++)
		show(L.rows[i], false);
	if (L.lanes.length > 0) {
		L.state = L.state || makeState(T);
		seek(L.state, first - 1);
	}
	for (let i = 0; i < count; i++)
		drawRow(L, L.rows[i], first + i);
	L.holder.style.transform = "translateY(" + (L.box.scrollTop + (first - 1) * ROW - L.top) + "px)";
	const current = L.rows.find((row) => !row.hidden && row.dataset.step === String(L.step));
	if (current)
		L.box.setAttribute("aria-activedescendant", current.id);
	else
		L.box.removeAttribute("aria-activedescendant");
}

function drawRow(L, row, step) {
	const T = L.T, i = T.stepEvent[step], hidden = L.hideFuture && step > L.step, begins = T.stepKind[step] === BEGIN;
	show(row, true);
	row.dataset.step = step;
	row.id = "row-" + step;
	row.setAttribute("aria-posinset", step);
	row.setAttribute("aria-setsize", T.steps);
	row.setAttribute("aria-selected", step === L.step ? "true" : "false");
	row.className = "row" + (step === L.step ? " current" : "") + (rowClass(T, i, begins, hidden));
	setText(row.parts[0], String(T.from + i));
	setText(row.parts[1], moment(timeOfStep(T, step)));
	setText(row.parts[2], L.lanes.length === 0 ? "" : lanesText(L, step, hidden));
	setText(row.parts[3], hidden ? text("rowHidden") : begins ? text("rowBegins", { call: callText(T, i) }) : (callText(T, i) + "  " + resultText(T, i)).trim());
}

function rowClass(T, i, begins, hidden) {
	if (hidden)
		return " future";
	if (T.kinds[T.kind[i]].way === "e")
		return " note";
	return !begins && (T.isError[T.kind[i]] || isTimeout(T, i)) ? " loud" : "";
}

// A row of `fdtrace lanes`: | open, o born, x closed, r w 0 what was moved; for a wait * passed and back, : passed, ! open and not passed.
function lanesText(L, step, hidden) {
	const T = L.T, S = L.state;
	if (hidden)
		return "";
	seek(S, step);
	const i = T.stepEvent[step], kind = T.kinds[T.kind[i]], own = kind.way !== "e" ? fdOf(T, i) : null, begins = T.stepKind[step] === BEGIN;
	const open = new Map(), marks = new Map();
	for (const life of S.open)
		open.set(T.life_number[life], life);
	for (const [life, what] of changesAt(S, step)) {
		if (what.some((one) => one.what === OP_CLOSE) && !open.has(T.life_number[life]))
			marks.set(T.life_number[life], "x");
		if (what.some((one) => one.what === OP_OPEN))
			marks.set(T.life_number[life], "o");
	}
	if (own !== null && !begins && !marks.has(own) && kind.done)
		marks.set(own, kind.error !== 0 ? "e" : kind.way === "i" ? (T.ret[i] === 0 ? "0" : "r") : kind.way === "o" ? "w" : "|");
	return L.lanes.map((number) => laneMark(T, i, kind, number, marks, open, begins).padStart(L.laneWidth)).join(" ");
}

function laneMark(T, i, kind, number, marks, open, begins) {
	if (!kind.wait)
		return marks.get(number) || (open.has(number) ? "|" : " ");
	const wait = waitOf(T, i), passed = setAt(T, T.waitSet[wait]).members.has(number);
	if (!passed)
		return open.has(number) ? "!" : " ";
	return !begins && T.ret[i] > 0 && readyOf(T, wait).has(number) ? "*" : ":";
}
