// trace/player/player.js: the controls: steps, keys, slider, play, stops, find, and the link to a moment.

const A = { T: null, S: null, O: null, L: null, P: null, Q: null, step: 0, playing: false, clock: 0, frame: 0, chosen: 0, searching: 0, message: "" };

// ---- going to a step

function showStep(step, quiet) {
	const T = A.T;
	A.step = Math.max(0, Math.min(step, T.steps));
	seek(A.S, A.step);
	A.L.step = A.step;
	A.L.hideFuture = A.P.predicting = A.Q.on;
	const slider = byId("slider"), at = text("where", { step: A.step, steps: T.steps });
	slider.value = A.step;
	slider.setAttribute("aria-valuetext", at);
	setText(byId("where"), at);
	bringIntoView(A.O, A.step);
	drawOverview(A.O, A.step, A.Q.on);
	showPanels(A.P, A.S);
	scrollToStep(A.L, Math.max(1, A.step));
	drawList(A.L);
	showSameFd();
	if (!quiet)
		say(text("announce", { step: A.step, steps: T.steps, sentence: sentence(T, A.step) }));
	rememberMoment();
}

// A step that is taken: when it is a question, it is asked first. Returns false then.
function go(step) {
	if (A.Q.open >= 0)
		closeQuestion(A.Q);
	const to = Math.max(0, Math.min(step, A.T.steps));
	if (to > A.step) {
		for (let s = A.step + 1; s <= to && s <= A.step + 20000; s++) {
			if (!isQuestion(A.Q, s))
				continue;
			showStep(s - 1, true);
			stopPlaying();
			ask(A.Q, s);
			say(byId("answer-legend").textContent);
			return false;
		}
	}
	show(byId("verdict"), false);
	showStep(to);
	return true;
}

// A jump does not ask: what lies between is taken as seen.
function jump(step) {
	stopPlaying();
	if (A.Q.open >= 0)
		closeQuestion(A.Q);
	show(byId("verdict"), false);
	showStep(step);
}

let remembering = 0;

function rememberMoment() {
	clearTimeout(remembering);
	remembering = setTimeout(() => {
		const event = A.step > 0 ? A.T.from + A.T.stepEvent[A.step] : 0;
		const begins = A.step > 0 && A.T.stepKind[A.step] === BEGIN ? "b" : "";
		try {
			history.replaceState(null, "", event ? "#e=" + event + begins : location.pathname + location.search);
		} catch (error) {
			// From some places a page may not change its address: then there is no link.
		}
	}, 200);
}

function momentOfAddress() {
	const found = /^#e=(\d+)(b?)$/.exec(location.hash);
	if (!found)
		return -1;
	const i = Number(found[1]) - A.T.from;
	if (i < 0 || i >= A.T.n)
		return -1;
	return found[2] ? A.T.beginStep[i] : stepOfEvent(A.T, i);
}

function say(message) {
	setText(byId("live"), message);
}

// ---- the next of a kind

function findStep(from, direction, matches) {
	for (let step = from + direction; step >= 1 && step <= A.T.steps; step += direction)
		if (matches(step))
			return step;
	return -1;
}

function isWakeup(step) {
	return A.T.stepKind[step] !== BEGIN && A.T.kinds[A.T.kind[A.T.stepEvent[step]]].wait;
}

function goTo(step) {
	if (step < 0)
		say(text("noMore"));
	else
		go(step);
}

// The descriptor that "same" means: the chosen one, else the one of this step.
function sameLife() {
	const T = A.T;
	if (A.chosen)
		return A.chosen;
	if (A.step < 1)
		return 0;
	for (const [life, what] of changesAt(A.S, A.step))
		if (what.some((one) => one.what === OP_OPEN))
			return life;
	return lifeOf(T, T.stepEvent[A.step]);
}

function onSameFd(direction) {
	const T = A.T, row = A.O.rowOf[sameLife()];
	if (row === undefined || row < 0)
		return -1;
	const events = findStep(A.step, direction, (step) => T.stepKind[step] !== BEGIN && T.life[T.stepEvent[step]] % 2 === 0 && A.O.rowOf[T.life[T.stepEvent[step]] / 2] === row);
	let best = events;
	for (const life of A.O.rows[row].lives)
		for (const step of [A.O.born[life], A.O.gone[life]])
			if (step >= 1 && step <= T.steps && (step - A.step) * direction > 0 && (best < 0 || (step - best) * direction < 0))
				best = step;
	return best;
}

function showSameFd() {
	const life = sameLife();
	setText(byId("same-fd-name"), text("sameFdName", { life: life ? lifeName(A.T, life) : "–" }));
	byId("fd-before").disabled = byId("fd-next").disabled = !life;
}

// Why one would stop here; "" when not.
function stopReason(step) {
	const T = A.T, i = T.stepEvent[step];
	if (T.stepKind[step] === BEGIN)
		return "";
	if (byId("stop-timeout").checked && isTimeout(T, i))
		return "stopTimeout";
	if (byId("stop-error").checked && T.isError[T.kind[i]])
		return "stopError";
	if (byId("stop-finding").checked && T.found.has(i))
		return "stopFinding";
	if (!byId("stop-reuse").checked)
		return "";
	for (let at = lowerBound(T.opStep, step); at < T.nops && T.opStep[at] === step; at++)
		if (T.opWhat[at] === OP_OPEN && lifeBefore(A.P, T.opLife[at]))
			return "stopReuse";
	return "";
}

function runToStop() {
	const step = findStep(A.step, 1, stopReason);
	if (step < 0)
		return go(A.T.steps) && say(text("noStop"));
	const why = stopReason(step);
	if (go(step))
		say(text("announce", { step: step, steps: A.T.steps, sentence: sentence(A.T, step) }) + " " + text("paused", { why: text(why) }));
}

// ---- playing

function startPlaying() {
	if (A.step >= A.T.steps)
		showStep(0, true);
	A.playing = true;
	A.clock = timeOfStep(A.T, A.step);
	A.frame = 0;
	setText(byId("play"), text("pause"));
	byId("live").setAttribute("aria-live", "off"); // nobody can listen at that speed
	requestAnimationFrame(playOn);
}

function stopPlaying() {
	if (!A.playing)
		return;
	A.playing = false;
	setText(byId("play"), text("play"));
	byId("live").setAttribute("aria-live", "polite");
}

// One frame: the clock moves on by what has passed, times the speed; every step that is due is taken.
function playOn(now) {
	if (!A.playing)
		return;
	if (A.frame > 0)
		A.clock += Math.min(1000, now - A.frame) * 1e6 * Number(byId("speed").value);
	A.frame = now;
	let step = A.step;
	while (step < A.T.steps && timeOfStep(A.T, step + 1) <= A.clock && step < A.step + 50000) {
		step++;
		if (isQuestion(A.Q, step) || stopReason(step)) {
			stopPlaying();
			break;
		}
	}
	if (step !== A.step) {
		const stopped = !A.playing && go(step);
		if (stopped)
			say(text("paused", { why: text(stopReason(step) || "stopTimeout") }));
		else if (A.playing)
			go(step);
	}
	if (A.step >= A.T.steps)
		stopPlaying();
	if (A.playing) {
		if (!matchMedia("(prefers-reduced-motion: reduce)").matches)
			showTimer(A.P, A.S, A.clock);
		requestAnimationFrame(playOn);
	}
}

// ---- find

function rowText(step) {
	const T = A.T, i = T.stepEvent[step];
	if (T.stepKind[step] === BEGIN)
		return "";
	return callText(T, i) + " " + resultText(T, i) + " " + (T.kinds[T.kind[i]].name === "note" ? "" : textsOf(T, i).sentence);
}

// Looks on from here in slices, so that the page never stands still.
function findText(wanted, direction) {
	const search = ++A.searching, needle = wanted.toLowerCase();
	let step = A.step;
	const last = A.Q.on ? A.step : A.T.steps;
	const look = () => {
		if (search !== A.searching)
			return;
		const end = performance.now() + 30;
		while (performance.now() < end) {
			for (let k = 0; k < 200; k++) {
				step += direction;
				if (step < 1 || step > last)
					return say(text("notFound", { text: wanted }));
				if (rowText(step).toLowerCase().includes(needle))
					return jump(step);
			}
		}
		say(text("searching"));
		setTimeout(look, 0);
	};
	if (needle !== "")
		look();
}

// ---- the controls

function goToNumber(event) {
	event.preventDefault();
	const i = parseInt(byId("go-to").value, 10) - A.T.from;
	if (!(i >= 0 && i < A.T.n))
		return say(text("noEvent", { from: A.T.from, to: A.T.from + A.T.n - 1 }));
	jump(stepOfEvent(A.T, i));
}

const commands = {
	next: () => go(A.step + 1), before: () => go(A.step - 1), first: () => go(0), last: () => go(A.T.steps),
	wakeNext: () => goTo(findStep(A.step, 1, isWakeup)), wakeBefore: () => goTo(findStep(A.step, -1, isWakeup)),
	fdNext: () => goTo(onSameFd(1)), fdBefore: () => goTo(onSameFd(-1)),
	play: () => A.playing ? stopPlaying() : startPlaying(), run: runToStop,
	help: () => byId("keys").showModal(), goTo: () => byId("go-to").focus(), find: () => byId("find-text").focus(),
	findNext: () => findText(byId("find-text").value, 1), findBefore: () => findText(byId("find-text").value, -1),
	predict: () => byId("predict").click(),
	zoomIn: () => zoomBy(0.5), zoomOut: () => zoomBy(2), zoomAll: () => zoomBy(0),
	panLeft: () => panBy(-0.5), panRight: () => panBy(0.5),
};
const buttons = { "first": "first", "wake-before": "wakeBefore", "before": "before", "next": "next", "wake-next": "wakeNext", "last": "last", "play": "play",
	"run": "run", "help": "help", "fd-before": "fdBefore", "fd-next": "fdNext", "find-before": "findBefore", "zoom-in": "zoomIn", "zoom-out": "zoomOut",
	"zoom-all": "zoomAll", "pan-left": "panLeft", "pan-right": "panRight" };
const keys = { "ArrowRight": "next", "ArrowLeft": "before", "Shift+ArrowRight": "wakeNext", "Shift+ArrowLeft": "wakeBefore", "Home": "first", "End": "last",
	" ": "play", "]": "fdNext", "[": "fdBefore", ".": "run", "g": "goTo", "/": "find", "n": "findNext", "N": "findBefore", "p": "predict", "+": "zoomIn",
	"=": "zoomIn", "-": "zoomOut", "0": "zoomAll", "?": "help" };
// What the page says of the keys: the key's own name, and what it does.
const keyRows = [["→", "keyNext"], ["←", "keyBefore"], ["Shift →", "keyWakeNext"], ["Shift ←", "keyWakeBefore"], ["]", "keyFdNext"], ["[", "keyFdBefore"],
	["Home", "keyFirst"], ["End", "keyLast"], ["Space", "keyPlay"], [".", "keyRun"], ["g", "keyGo"], ["/", "keyFind"], ["n  N", "keyFindNext"],
	["p", "keyPredict"], ["+  -  0", "keyZoom"], ["?", "keyHelp"]];

function zoomBy(factor) {
	const here = placeOf(A.O, A.step), inside = here >= A.O.from && here <= A.O.to;
	if (factor === 0)
		zoomAll(A.O);
	else
		zoom(A.O, factor, inside ? here : (A.O.from + A.O.to) / 2);
	drawOverview(A.O, A.step, A.Q.on);
}

function panBy(share) {
	pan(A.O, share);
	drawOverview(A.O, A.step, A.Q.on);
}

// Where a key is typed it is text; on a button the space bar presses it; the slider and lists keep the keys that are theirs.
function isTaken(event) {
	const target = event.target, tag = target.tagName, type = target.type;
	if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open)
		return true;
	if ((tag === "INPUT" && (type === "text" || type === "search")) || tag === "SELECT" || tag === "TEXTAREA")
		return true;
	if (tag === "INPUT" && type === "radio" && event.key.startsWith("Arrow"))
		return true;
	if (event.key === " " && (tag === "BUTTON" || tag === "SUMMARY" || (tag === "INPUT" && type !== "range")))
		return true;
	return event.key.length === 1 && event.key !== " " && event.key !== "?" && !byId("letters").checked;
}

function keyPressed(event) {
	if (event.key === "Escape" && A.Q.open >= 0)
		return closeQuestion(A.Q);
	if (isTaken(event))
		return undefined;
	let name = keys[(event.shiftKey && event.key.startsWith("Arrow") ? "Shift+" : "") + event.key];
	if (event.target.id === "list" && (event.key === "ArrowDown" || event.key === "ArrowUp"))
		name = event.key === "ArrowDown" ? "next" : "before";
	if (!name)
		return undefined;
	event.preventDefault();
	if (A.playing && name !== "play")
		stopPlaying();
	return commands[name]();
}

function listenToOverview() {
	const canvas = A.O.canvas, O = A.O;
	const x = (event) => event.clientX - canvas.getBoundingClientRect().left, y = (event) => event.clientY - canvas.getBoundingClientRect().top;
	canvas.addEventListener("wheel", (event) => {
		event.preventDefault();
		if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
			pan(O, Math.sign(event.deltaX || event.deltaY) * 0.1);
		else
			zoom(O, event.deltaY > 0 ? 1.25 : 0.8, placeAtPixel(O, x(event)));
		drawOverview(O, A.step, A.Q.on);
	}, { passive: false });
	canvas.addEventListener("pointerdown", (event) => {
		canvas.setPointerCapture(event.pointerId);
		O.dragging = { x: x(event), from: O.from, to: O.to, moved: false };
	});
	canvas.addEventListener("pointermove", (event) => {
		const under = underPixel(O, x(event), y(event)), life = under.life ? lifeName(A.T, under.life) + " " + whoWas(A.T, A.S, under.life).replace(/^, /, "") : "";
		const hidden = A.Q.on && under.step > A.step;
		setText(byId("hover"), hidden ? text("keyHint") : [life, text("step") + " " + under.step + ": " + sentence(A.T, under.step)].filter(Boolean).join(" · "));
		if (!O.dragging || Math.abs(x(event) - O.dragging.x) < 4)
			return;
		O.dragging.moved = true;
		const by = (O.dragging.x - x(event)) / (O.width - LABEL) * (O.dragging.to - O.dragging.from);
		O.from = O.dragging.from + by;
		O.to = O.dragging.to + by;
		keepInside(O);
		drawOverview(O, A.step, A.Q.on);
	});
	canvas.addEventListener("pointerup", (event) => {
		const clicked = O.dragging && !O.dragging.moved;
		O.dragging = null;
		if (!clicked)
			return;
		const under = underPixel(O, x(event), y(event));
		if (under.life)
			A.chosen = under.life;
		jump(Math.max(1, under.step));
	});
	canvas.addEventListener("pointercancel", () => {
		O.dragging = null;
	});
	canvas.addEventListener("pointerleave", () => setText(byId("hover"), text("keyHint")));
}

function listenToAll() {
	for (const id in buttons)
		byId(id).addEventListener("click", () => {
			if (A.playing && id !== "play")
				stopPlaying();
			commands[buttons[id]]();
		});
	document.addEventListener("keydown", keyPressed);
	byId("slider").addEventListener("input", () => jump(Number(byId("slider").value)));
	byId("go").addEventListener("submit", goToNumber);
	byId("find").addEventListener("submit", (event) => {
		event.preventDefault();
		commands.findNext();
	});
	byId("predict").addEventListener("change", () => {
		A.Q.on = byId("predict").checked;
		closeQuestion(A.Q);
		show(byId("as-text"), !A.Q.on); // it has all the answers
		setText(byId("score"), A.Q.on ? text("score", { right: A.Q.right, asked: A.Q.asked }) : "");
		showStep(A.step);
	});
	byId("answer").addEventListener("submit", (event) => {
		event.preventDefault();
		answered(false);
	});
	byId("show-me").addEventListener("click", () => answered(true));
	byId("fds-all").addEventListener("click", () => {
		A.P.allFds = !A.P.allFds;
		showStep(A.step, true);
	});
	byId("process").addEventListener("change", () => {
		A.P.process = Number(byId("process").value);
		showStep(A.step, true);
	});
	for (const id of ["axis-event", "axis-time"])
		byId(id).addEventListener("change", () => {
			setAxis(A.O, byId("axis-time").checked);
			showLegend();
			showStep(A.step, true);
		});
	byId("copy").addEventListener("click", copyTurns);
	window.addEventListener("hashchange", () => {
		const step = momentOfAddress();
		if (step >= 0 && step !== A.step)
			jump(step);
	});
	window.addEventListener("resize", redraw);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
	window.addEventListener("beforeprint", printed);
	window.addEventListener("afterprint", redraw);
	listenToOverview();
}

function answered(looked) {
	const step = A.Q.open;
	if (step >= 0 && judge(A.Q, looked))
		showStep(step, true);
	if (A.Q.open < 0)
		byId("next").focus();
}

function redraw() {
	readPaint();
	A.O.drawn = false;
	showStep(A.step, true);
}

// On paper: black on white, whatever the screen is, and the turns as text.
function printed() {
	byId("as-text").open = true;
	Object.assign(paint, { ink: "#000", paper: "#fff", quiet: "#767676", open: "#0072b2", ready: "#d55e00", panel: "#fff", line: "#767676" });
	A.O.drawn = false;
	drawOverview(A.O, A.step, A.Q.on);
}

function copyTurns() {
	const done = () => setText(byId("copied"), text("copied"));
	const failed = () => {
		const range = document.createRange();
		range.selectNodeContents(byId("turns"));
		getSelection().removeAllRanges();
		getSelection().addRange(range);
		setText(byId("copied"), text("copyFailed"));
	};
	if (navigator.clipboard)
		navigator.clipboard.writeText(byId("turns").textContent).then(done, failed);
	else
		failed();
}

// ---- the beginning

function setTexts() {
	document.documentElement.lang = words.lang;
	for (const element of document.querySelectorAll("[data-t]"))
		element.textContent = text(element.dataset.t);
	for (const element of document.querySelectorAll("[data-label]"))
		element.setAttribute("aria-label", text(element.dataset.label));
	byId("turns").setAttribute("aria-label", text("asText"));
	setText(byId("hover"), text("keyHint"));
	replaceChildren(byId("key-list"), keyRows.map((row) => el("tr", null, el("th", { scope: "row" }, el("kbd", null, row[0])), el("td", null, text(row[1])))));
	showLegend();
}

function showLegend() {
	const sample = (name, key) => el("span", { class: "sample" }, el("span", { class: "swatch " + name, "aria-hidden": "true" }, name === "sign" ? key[0] : ""), " " + text(name === "sign" ? key[1] : key));
	replaceChildren(byId("legend"), [sample("life", "legendLife"), sample("other", "legendNext"), sample("idle", "legendIdle"), sample("woke", "legendReady"),
		sample("sign", ["▼", "legendTimeout"]), sample("sign", ["✕", "legendError"])].concat(A.T.findings.length > 0 ? [sample("sign", ["◇", "legendFinding"])] : [],
		A.O.byTime ? [sample("sign", ["≷", "legendBreak"])] : []));
}

// The text for those who have no scripts is in the page already: as text, for its parser keeps it so when scripts run.
function takeTurns() {
	const raw = document.querySelector("noscript").textContent, found = /<pre>\n?([\s\S]*)<\/pre>/.exec(raw);
	const plain = { "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&amp;": "&" };
	setText(byId("turns"), found ? found[1].replace(/&(lt|gt|quot|amp);/g, (entity) => plain[entity]).trim() : "");
}

function showFacts() {
	const T = A.T, raw = T.raw, program = A.S.processes.length > 0 ? A.S.processes[0] : null;
	const first = T.opWhat.indexOf(OP_PROGRAM), name = program && program.program ? program.program : first >= 0 ? T.opValue[first] : 0;
	const called = T.strings[name] || raw.capture;
	setText(byId("title"), "fdtrace · " + raw.capture);
	document.title = "fdtrace: " + called.slice(0, 80);
	setText(byId("facts"), text("factsLine", { program: called, events: T.n, turns: T.nwaits, lives: A.O.born.filter((step) => step >= 0).length }));
	const problems = [raw.problem, T.n < raw.total ? text("shownPart", { from: raw.from, to: raw.to, total: raw.total }) : ""].filter(Boolean);
	setText(byId("problem"), problems.join(" · "));
	show(byId("problem"), problems.length > 0);
	byId("overview").setAttribute("aria-label", text("overviewLabel", { rows: A.O.rows.length, lives: T.nlives, waits: T.nwaits, timeouts: T.timeouts, errors: T.errors }));
}

function start() {
	words = texts[chooseLanguage()];
	readPaint();
	const T = A.T = loadTrace(JSON.parse(byId("trace").textContent));
	A.S = makeState(T);
	A.O = makeOverview(T);
	A.Q = makePredict(T);
	A.P = makePanels(T, { jump: jump, born: (life) => A.O.born[life], gone: (life) => A.O.gone[life], row: (life) => A.O.rows[A.O.rowOf[life]],
		chosen: () => A.chosen, choose: (life) => {
			A.chosen = A.chosen === life ? 0 : life;
			showStep(A.step, true);
		} });
	A.L = makeList(T, jump);
	setAxis(A.O, false);
	setTexts();
	takeTurns();
	byId("slider").max = T.steps;
	show(byId("app"), true);
	showFacts();
	listenToAll();
	const moment = momentOfAddress();
	showStep(moment >= 0 ? moment : 0);
	document.documentElement.dataset.ready = "yes";
}

start();
