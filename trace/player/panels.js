// trace/player/panels.js: what stands beside the overview and the list: the call, the sets, the timer, the source, the table, the
// queues, the clients, the output. Each function shows the state S, which is that after step S.step.

const FDS_SHOWN = 60, CLIENTS_SHOWN = 30, LINES_SHOWN = 8, SET_SHOWN = 24, CUT_AT = 160;

function makePanels(T, actions) {
	const P = { T: T, actions: actions, predicting: false, process: -1, allFds: false, file: "", lines: [], marked: [], clients: makeClients(T), prints: [] };
	for (let at = 0; at < T.noteEvent.length; at++)
		if (T.strings[T.noteVerb[at]] === "prints")
			P.prints.push(at);
	return P;
}

function showPanels(P, S) {
	const changed = changesAt(S, S.step);
	showNow(P, S, changed);
	showWait(P, S);
	showTimer(P, S, timeOfStep(P.T, S.step));
	showSource(P, S);
	showTable(P, S, changed);
	showQueues(P, S, changed);
	showClients(P, S);
	showPrinted(P, S);
	showFindings(P, S);
}

// ---- what has just happened, and what comes

// The event of the focussed thread that counts at this step, and its next one.
function currentOf(S) {
	const T = S.T, thread = S.focus;
	if (S.step > 0 && T.kinds[T.kind[T.stepEvent[S.step]]].way !== "e")
		return T.stepEvent[S.step];
	return S.inside[thread] >= 0 ? S.inside[thread] : S.last[thread];
}

function nextOf(T, i) {
	const thread = T.kinds[T.kind[i]].thread;
	for (let k = i + 1, end = Math.min(T.n, i + 50000); k < end; k++) {
		const kind = T.kinds[T.kind[k]];
		if (kind.thread === thread && kind.way !== "e")
			return k;
	}
	return -1;
}

function atLine(T, i) {
	const where = T.strings[T.kinds[T.kind[i]].where];
	return where ? ", " + where : "";
}

function showNow(P, S, changed) {
	const T = P.T, step = S.step, i = T.stepEvent[step], kind = step > 0 ? T.kinds[T.kind[i]] : null;
	if (step < 1) {
		setText(byId("now-title"), text("beforeAll"));
		setText(byId("now-call"), "");
		setText(byId("now-facts"), "");
		setText(byId("now-next"), T.n > 0 ? text("aboutToRun", { call: shortCall(T, 0), where: atLine(T, 0) }) : "");
		replaceChildren(byId("now-links"), []);
		return;
	}
	const begins = T.stepKind[step] === BEGIN, never = begins && !T.endStep[i];
	setText(byId("now-title"), text(kind.way === "e" ? "happened" : never ? "neverReturned" : !begins ? "justReturned" : kind.wait ? "nowWaiting" : "nowInside"));
	setText(byId("now-call"), begins ? callText(T, i) : (callText(T, i) + "  " + resultText(T, i)).trim());
	setText(byId("now-facts"), nowFacts(T, step, i, kind, begins));
	setText(byId("now-next"), nextText(S));
	replaceChildren(byId("now-links"), nowLinks(P, S, i, changed));
}

function nowFacts(T, step, i, kind, begins) {
	const facts = [text("event", { event: T.from + i }), text("at", { time: moment(timeOfStep(T, step)) })];
	if (!begins && kind.way !== "e")
		facts.push(text("took", { time: duration(T.spent[i]) }));
	if (kind.where)
		facts.push(T.strings[kind.where]);
	if (T.raw.threads.length > 3 && T.raw.threads[kind.thread])
		facts.push(text("thread", { tid: T.raw.threads[kind.thread][1] }));
	if (kind.fault)
		facts.push(text("injected"));
	return facts.join(" · ");
}

// The process whose event i is: nothing in it goes on any more.
function hasEnded(S, i) {
	const process = S.processes[S.T.kinds[S.T.kind[i]].process - 1];
	return Boolean(process && process.ended);
}

function nextText(S) {
	const T = S.T, inside = S.inside[S.focus], i = currentOf(S);
	if (inside >= 0)
		return text(hasEnded(S, inside) ? "endedInside" : "stillInside", { call: shortCall(T, inside), where: atLine(T, inside) });
	const next = i >= 0 ? nextOf(T, i) : -1;
	return next < 0 ? text("nothingMore") : text("aboutToRun", { call: shortCall(T, next), where: atLine(T, next) });
}

// Jumps to causes: the wait that woke, the call that made the number free.
function nowLinks(P, S, i, changed) {
	const T = P.T, links = [], kind = T.kinds[T.kind[i]], wait = S.wait[kind.thread], jump = P.actions.jump;
	const to = (key, event, values) => links.push(jumpButton(text(key, Object.assign({ event: T.from + event }, values)), () => jump(stepOfEvent(T, event))));
	if (T.stepKind[S.step] === END)
		links.push(jumpButton(text("toBegin", { event: T.from + i }), () => jump(T.beginStep[i])));
	if (wait >= 0 && wait !== i && kind.way !== "e" && S.waitDone[kind.thread])
		to("whyWait", wait);
	for (const [life, what] of changed) {
		const before = what.some((one) => one.what === OP_OPEN) ? lifeBefore(P, life) : 0;
		if (before && P.actions.gone(before) <= T.steps)
			to("whyClosed", T.stepEvent[P.actions.gone(before)], { life: lifeName(T, before) });
		if (what.some((one) => one.what === OP_CLOSE) && P.actions.born(life) > 0)
			to("whyOpened", T.stepEvent[P.actions.born(life)], { life: lifeName(T, life) });
	}
	return links.slice(0, 4);
}

function lifeBefore(P, life) {
	const row = P.actions.row(life), at = row ? row.lives.indexOf(life) : 0;
	return at > 0 ? row.lives[at - 1] : 0;
}

// ---- the sets of the last wait

function showWait(P, S) {
	const T = P.T, i = S.wait[S.focus];
	if (i < 0) {
		setText(byId("wait-title"), text("waitNone"));
		replaceChildren(byId("wait-sets"), []);
		setText(byId("wait-why"), text("waitNoneText"));
		setText(byId("wait-turn"), "");
		return;
	}
	const done = S.waitDone[S.focus] === 1, wait = waitOf(T, i), kind = T.kinds[T.kind[i]], turn = turnOf(T, i), set = passedTo(T, wait);
	setText(byId("wait-title"), text(turn ? "waitTitleTurn" : "waitTitle", { call: kind.name, turn: turn ? turn.number : "" }));
	replaceChildren(byId("wait-sets"), [setsTable(P, S, i, wait, set, done, kind)]);
	setText(byId("wait-why"), done ? wokeText(T, i) + (kind.error ? " " + text("garbage") : "") : text(hasEnded(S, i) ? "neverWoke" : "stillWaits"));
	setText(byId("wait-turn"), done && turn && !P.predicting ? text("foundOut", { turn: words.turn ? words.turn(T, i) : turn.sentence }) : "");
}

// The columns: what was passed, and what was open then and was not. Many: those that came back, and the first of the others.
function setColumns(P, S, set, ready, begun) {
	const T = P.T, columns = set.list.map((one) => ({ number: one.number, life: one.life, wanted: one.wanted, passed: true }));
	const there = new Set(set.list.map((one) => one.number)), process = T.life_process[set.list.length > 0 ? set.list[0].life : 0];
	let folded = 0;
	for (const life of S.open)
		if (T.life_number[life] > 2 && T.life_process[life] === process && P.actions.born(life) < begun && !there.has(T.life_number[life]) && columns.length < 2 * SET_SHOWN)
			columns.push({ number: T.life_number[life], life: life, wanted: 0, passed: false });
	columns.sort((a, b) => a.number - b.number);
	const kept = columns.filter((one, at) => {
		const keep = at < SET_SHOWN || ready.has(one.number);
		folded += keep ? 0 : 1;
		return keep;
	});
	return { columns: kept.slice(0, 4 * SET_SHOWN), folded: folded + Math.max(0, kept.length - 4 * SET_SHOWN) };
}

function bitCell(is, mark) {
	return el("td", { class: is === null ? "bit none" : is ? "bit on" : "bit off" }, is === null ? mark : is ? "1" : "0");
}

function setsTable(P, S, i, wait, set, done, kind) {
	const T = P.T, ready = done && T.ret[i] > 0 ? readyOf(T, wait) : new Map(), found = setColumns(P, S, set, ready, T.beginStep[i]);
	const head = el("tr", null, el("td", { class: "quiet" }, kind.name.includes("select") ? text("nfds", { n: set.nfds }) : ""));
	for (const one of found.columns)
		head.append(el("th", { scope: "col" }, watchedName(T, one)));
	const body = el("tbody");
	for (const [bit, key] of [[READ, "rowRead"], [WRITE, "rowWrite"], [EXCEPT, "rowExcept"]]) {
		const any = found.columns.some((one) => one.wanted & bit);
		if (!any && (bit !== READ || found.columns.some((one) => one.wanted)))
			continue;
		const passed = el("tr", null, el("th", { scope: "row" }, text("rowPassed", { set: text(key) })));
		const back = el("tr", { class: "back" }, el("th", { scope: "row" }, text("rowBack", { set: text(key) })));
		for (const one of found.columns) {
			passed.append(bitCell(one.passed ? (one.wanted & bit) !== 0 : null, "!"));
			back.append(!done || kind.error ? bitCell(null, done ? "–" : "?") : bitCell(one.passed ? ((ready.get(one.number) || 0) & bit) !== 0 : null, "·"));
		}
		body.append(passed, back);
	}
	const table = el("table", { class: "bits" }, el("thead", null, head), body);
	const notes = [];
	if (found.columns.some((one) => !one.passed))
		notes.push("! " + text("notPassed"));
	if (!done)
		notes.push("? " + text("pending"));
	if (found.folded > 0)
		notes.push(text("foldedSets", { n: found.folded }));
	return el("div", null, table, notes.length > 0 ? el("p", { class: "quiet" }, notes.join(" · ")) : null);
}

// ---- the timer

function showTimer(P, S, now) {
	const T = P.T, i = S.wait[S.focus], inside = S.inside[S.focus];
	let share = 0, message = text("timerNone");
	if (inside >= 0 && inside !== i) {
		message = text("timerElsewhere", { call: shortCall(T, inside) });
	} else if (i >= 0) {
		const timeout = T.waitTimeout[waitOf(T, i)], waiting = inside === i, gone = waiting ? Math.max(0, now - T.begin[i]) : T.spent[i];
		const values = { timeout: duration(timeout), gone: duration(gone), left: duration(Math.max(0, timeout - gone)) };
		if (timeout < 0) {
			message = text(waiting ? "timerOff" : "timerUnlimited", values);
		} else if (timeout === 0) {
			message = text("timerPoll");
		} else {
			share = Math.max(0, Math.min(1, 1 - gone / timeout));
			message = text(waiting ? "timerOf" : isTimeout(T, i) ? "timerUp" : "timerStopped", values);
		}
		if (!waiting && S.last[S.focus] !== i)
			message += ". " + text("timerBetween");
	}
	byId("timer-left").style.width = (100 * share).toFixed(1) + "%";
	setText(byId("timer-text"), message);
}

// ---- the source

function showSource(P, S) {
	const T = P.T, now = currentOf(S), inside = S.inside[S.focus] >= 0, next = !inside && now >= 0 ? nextOf(T, now) : -1;
	const at = placeInSource(T, now), then = placeInSource(T, next), place = at || then;
	if (!place) {
		P.file = "";
		setText(byId("source-title"), text("source"));
		setText(byId("source-text"), text("sourceUnknown"));
		return;
	}
	setText(byId("source-title"), text("sourceOf", { file: place.file + ":" + place.line }));
	const source = T.sources.get(place.file);
	if (!source || source.text === undefined) {
		P.file = "";
		setText(byId("source-text"), source ? text("sourceChanged", { file: place.file }) : text("sourceLeft"));
		return;
	}
	if (P.file !== place.file)
		layLines(P, place.file, source.text);
	const marked = P.marked;
	P.marked = [];
	for (const line of marked)
		markLine(P, line, "", "");
	P.marked = [];
	if (then && then.file === place.file)
		markLine(P, then.line, "next", text("markNext"));
	if (at)
		markLine(P, at.line, inside ? "inside" : "returned", text(inside ? "markInside" : then && then.file === at.file && then.line === at.line ? "markBoth" : "markReturned"));
	const box = byId("source-text"), row = P.lines[place.line - 1];
	if (row && (row.offsetTop < box.scrollTop + 20 || row.offsetTop + 60 > box.scrollTop + box.clientHeight))
		box.scrollTop = row.offsetTop - box.clientHeight / 2;
}

function placeInSource(T, i) {
	const found = i >= 0 ? /^(.*):(\d+)$/.exec(T.strings[T.kinds[T.kind[i]].where]) : null;
	return found ? { file: found[1], line: Number(found[2]) } : null;
}

function layLines(P, file, source) {
	P.file = file;
	P.marked = [];
	P.lines = source.split("\n").map((line, n) => el("div", { class: "line" }, el("span", { class: "mark" }), el("span", { class: "n" }, String(n + 1)), el("code", null, line)));
	replaceChildren(byId("source-text"), P.lines);
}

function markLine(P, line, name, mark) {
	const row = P.lines[line - 1];
	if (!row)
		return;
	row.className = "line " + name;
	row.firstChild.textContent = mark;
	P.marked.push(line);
}

// ---- the table of descriptors

function processShown(P, S) {
	return P.process >= 0 ? P.process : processOfThread(P.T, S);
}

function processOfThread(T, S) {
	const i = currentOf(S), process = i >= 0 ? T.kinds[T.kind[i]].process - 1 : 0;
	return Math.max(0, process);
}

function processName(P, S, index) {
	const process = S.processes[index];
	return process ? process.pid + (process.program ? " " + P.T.strings[process.program] : "") : "-";
}

function showTable(P, S, changed) {
	const T = P.T, process = processShown(P, S), rows = [], wait = readyNow(P, S);
	for (const life of S.open)
		if (T.life_process[life] === process)
			rows.push({ life: life, closed: false });
	for (const [life, what] of changed)
		if (T.life_process[life] === process && what.some((one) => one.what === OP_CLOSE) && !S.open.has(life))
			rows.push({ life: life, closed: true });
	rows.sort((a, b) => T.life_number[a.life] - T.life_number[b.life] || a.life - b.life);
	const current = S.step > 0 ? lifeOf(T, T.stepEvent[S.step]) : 0;
	const shown = P.allFds || rows.length <= FDS_SHOWN ? rows : rows.filter((row, at) => at < FDS_SHOWN / 2 || changed.has(row.life) || row.life === current || wait.has(row.life)).slice(0, 2 * FDS_SHOWN);
	const body = byId("fds").tBodies[0];
	while (body.rows.length > shown.length)
		body.deleteRow(-1);
	while (body.rows.length < shown.length)
		body.append(tableRow(P));
	shown.forEach((row, at) => fillRow(P, S, body.rows[at], row, changed.get(row.life) || [], row.life === current, wait.has(row.life)));
	const hidden = rows.length - shown.length, several = S.processes.length > 1, ended = S.processes[process] && S.processes[process].ended;
	setText(byId("table-title"), (several ? text("tableOf", { process: S.processes[process] ? S.processes[process].pid : "-" }) : text("table")) + (ended ? ": " + text("tableEnded") : ""));
	show(byId("fds-more"), hidden > 0 || (P.allFds && rows.length > FDS_SHOWN));
	setText(byId("fds-all"), hidden > 0 ? text("moreFds", { n: hidden }) : text("fewerFds"));
	showProcesses(P, S, several);
}

// Lives that the last wait gave back as ready, as long as this is its step.
function readyNow(P, S) {
	const T = P.T, ready = new Set(), i = S.step > 0 ? T.stepEvent[S.step] : -1;
	if (i < 0 || !T.kinds[T.kind[i]].wait || T.stepKind[S.step] === BEGIN || T.ret[i] <= 0)
		return ready;
	const wait = waitOf(T, i), set = setAt(T, T.waitSet[wait]);
	for (const number of readyOf(T, wait).keys())
		if (set.members.has(number))
			ready.add(set.members.get(number).life);
	return ready;
}

function tableRow(P) {
	const name = el("button", { type: "button", class: "link name" }), row = el("tr", null, el("th", { scope: "row" }, name));
	for (const kind of ["what", "peer", "state", "in n", "out n", "changed"])
		row.append(el("td", { class: kind }));
	name.addEventListener("click", () => P.actions.choose(Number(row.dataset.life)));
	return row;
}

function fillRow(P, S, row, entry, what, current, ready) {
	const T = P.T, life = entry.life, cells = row.cells;
	row.dataset.life = life;
	row.className = (entry.closed ? "closed " : "") + (what.length > 0 || ready ? "changed " : "") + (current ? "current " : "") + (life === P.actions.chosen() ? "chosen" : "");
	setText(cells[0].firstChild, lifeName(T, life));
	cells[0].firstChild.setAttribute("aria-pressed", life === P.actions.chosen() ? "true" : "false");
	setText(cells[1], cut(whatItIs(T, S, life)));
	setText(cells[2], cut(peerText(T, S, life)));
	setText(cells[3], entry.closed ? text("stateClosed") : stateText(T, S, life));
	setText(cells[4], S.bytesIn[life] ? String(S.bytesIn[life]) : "");
	setText(cells[5], S.bytesOut[life] ? String(S.bytesOut[life]) : "");
	setText(cells[6], changeText(P, S, life, what, ready));
}

// A name may be ten thousand characters long.
function cut(value) {
	return value.length > CUT_AT ? value.slice(0, CUT_AT) + " ..." : value;
}

function whatItIs(T, S, life) {
	const kind = T.raw.kind_names[S.kind[life]], path = T.strings[S.path[life]], local = T.strings[S.local[life]];
	if (path.startsWith(kind + ":"))
		return path;
	return kind + (path ? " " + path : S.flags[life] & LISTENS && local ? " " + local : "");
}

function peerText(T, S, life) {
	const peer = T.strings[S.peer[life]], client = T.strings[S.client[life]];
	return client ? client + (peer ? " " + peer : "") : peer;
}

function stateText(T, S, life) {
	const flags = S.flags[life], states = [];
	states.push(text(flags & LISTENS ? "stateListening" : flags & EOF ? "stateEof" : S.peer[life] ? "stateConnected" : "stateOpen"));
	if (flags & NONBLOCK)
		states.push(text("nonblock"));
	return states.join(", ");
}

function whoWas(T, S, life) {
	const client = T.strings[S.client[life] || T.life_client[life]] || T.strings[S.peer[life] || T.life_peer[life]];
	return client ? ", " + client : "";
}

function changeText(P, S, life, what, ready) {
	const T = P.T, parts = ready ? [text("changeReady")] : [];
	for (const one of what) {
		switch (one.what) {
		case OP_OPEN: {
			const before = lifeBefore(P, life);
			parts.push(before ? text("changeNewReuse", { life: lifeName(T, before), who: whoWas(T, S, before) }) : text("changeNew"));
			break;
		}
		case OP_CLOSE: parts.push(text("closedBy_" + one.value)); break;
		case MORE_IN: parts.push(text("changeIn", { n: one.value })); break;
		case MORE_OUT: parts.push(text("changeOut", { n: one.value })); break;
		case OP_FLAGS: parts.push(text(one.value & EOF ? "changeEof" : one.value & LISTENS ? "changeListens" : "changeFlags")); break;
		case OP_QUEUE: parts.push(text("changeQueue", { n: one.value - 1 })); break;
		case OP_LOCAL: case OP_PEER: case OP_CLIENT: case OP_PATH: parts.push(text("changeName")); break;
		default: parts.push(text("changeKind"));
		}
	}
	return Array.from(new Set(parts)).join(", ");
}

function showProcesses(P, S, several) {
	const select = byId("process");
	show(byId("process-choice"), several);
	if (!several)
		return;
	const wanted = ["-1"].concat(S.processes.map((process, at) => String(at)));
	if (select.options.length !== wanted.length)
		replaceChildren(select, wanted.map((value) => el("option", { value: value }, "")));
	wanted.forEach((value, at) => setText(select.options[at], value === "-1" ? "→ " + processName(P, S, processOfThread(P.T, S)) : processName(P, S, Number(value))));
	select.value = String(P.process);
}

// ---- the kernel's queues

function showQueues(P, S, changed) {
	const T = P.T, items = [];
	for (const life of S.open) {
		if (!(S.flags[life] & LISTENS) || items.length >= 20)
			continue;
		const waiting = waitingClients(P, S, life), known = S.queue[life] - 1, address = T.strings[S.local[life]];
		// What the kernel said last may be older than what the clients say.
		const inferred = waiting.length > Math.max(0, known), n = inferred ? waiting.length : known;
		const key = inferred ? "queueInferred" : known >= 0 ? "queueKnown" : "queueUnknown";
		const who = waiting.length > 0 ? text("queueWho", { who: listOf(waiting) }) : "", what = changed.get(life) || [];
		const boxes = el("span", { class: inferred ? "boxes inferred" : "boxes", "aria-hidden": "true" }, (inferred ? "□" : "■").repeat(Math.max(0, Math.min(n, 16))));
		items.push(el("li", { class: what.some((one) => one.what === OP_QUEUE) ? "changed" : "" }, boxes, " " + text(key, { life: lifeName(T, life), address: address, n: n }) + who));
	}
	replaceChildren(byId("queue-list"), items.length > 0 ? items : [el("li", { class: "quiet" }, text("queueNone"))]);
}

// Clients that have connected to this listener and that the program has not accepted.
function waitingClients(P, S, listener) {
	const T = P.T, address = T.strings[S.local[listener]];
	return P.clients.named.filter((client) => {
		const at = client.connect;
		return at >= 0 && address === client.to && T.endStep[T.noteEvent[at]] <= S.step && !acceptedBy(P, S, client) && !leftBy(T, S, client);
	}).map((client) => client.name);
}

// ---- the clients

function makeClients(T) {
	const named = new Map(), verbs = new Set(["is", "connects to", "says", "hears", "leaves", "half-closes", "resets"]);
	for (let at = 0; at < T.noteEvent.length; at++) {
		const name = T.strings[T.noteWho[at]], verb = T.strings[T.noteVerb[at]];
		if (!verbs.has(verb) || (!named.has(name) && named.size >= 2000))
			continue;
		if (!named.has(name))
			named.set(name, { name: name, id: T.noteWho[at], notes: [], connect: -1, leave: -1, to: "", lives: [] });
		const client = named.get(name);
		client.notes.push(at);
		if (verb === "connects to") {
			client.connect = at;
			client.to = T.strings[T.noteText[at]];
		}
		if (verb === "leaves" || verb === "resets")
			client.leave = at;
	}
	// Which lives are theirs: known at birth, or told later.
	const give = (life, id) => {
		const client = named.get(T.strings[id]);
		if (client && T.life_ordinal[life] > 0 && !client.lives.includes(life))
			client.lives.push(life);
	};
	for (let life = 1; life <= T.nlives; life++)
		if (T.life_client[life])
			give(life, T.life_client[life]);
	for (let at = 0; at < T.nops; at++)
		if (T.opWhat[at] === OP_CLIENT && T.opValue[at])
			give(T.opLife[at], T.opValue[at]);
	return { named: Array.from(named.values()) };
}

function acceptedBy(P, S, client) {
	return client.lives.some((life) => P.actions.born(life) <= S.step);
}

function leftBy(T, S, client) {
	return client.leave >= 0 && T.endStep[T.noteEvent[client.leave]] <= S.step;
}

function clientNow(P, S, client) {
	const T = P.T, open = client.lives.find((life) => S.open.has(life)), closed = client.lives.filter((life) => P.actions.gone(life) <= S.step).pop();
	if (leftBy(T, S, client))
		return open ? text("clientLeftOpen", { life: lifeName(T, open) }) : text("clientLeft");
	if (open)
		return text("clientAccepted", { life: lifeName(T, open) });
	if (closed)
		return text("clientClosed", { life: lifeName(T, closed) });
	return client.connect >= 0 && T.endStep[T.noteEvent[client.connect]] <= S.step ? text("clientQueued") : text("clientBefore");
}

// The last thing of this verb that the client did, and how many there were.
function lastNote(T, S, client, verb) {
	let last = -1, count = 0;
	for (const at of client.notes) {
		if (T.endStep[T.noteEvent[at]] > S.step)
			break;
		if (T.strings[T.noteVerb[at]] === verb) {
			last = at;
			count++;
		}
	}
	return last < 0 ? "" : T.strings[T.noteText[last]] + (count > 1 ? " (" + text("times", { n: count }) + ")" : "");
}

// Connections that no note names: told by their peer.
function unnamed(P, S) {
	const T = P.T, found = [];
	for (const life of S.open)
		if (S.flags[life] & ACCEPTED && !S.client[life])
			found.push(life);
	return found;
}

function showClients(P, S) {
	const T = P.T, others = unnamed(P, S), active = (client) => !leftBy(T, S, client) && client.connect >= 0 && T.endStep[T.noteEvent[client.connect]] <= S.step;
	const named = P.clients.named.length <= CLIENTS_SHOWN ? P.clients.named : P.clients.named.filter(active).slice(0, CLIENTS_SHOWN);
	const rows = named.map((client) => ({ name: client.name, now: clientNow(P, S, client), sent: lastNote(T, S, client, "says"), heard: lastNote(T, S, client, "hears"), client: client, lives: client.lives }));
	for (const life of others.slice(0, Math.max(0, CLIENTS_SHOWN - rows.length)))
		rows.push({ name: T.strings[S.peer[life]] || lifeName(T, life), now: text("clientAccepted", { life: lifeName(T, life) }),
			sent: text("bytesOf", { n: S.bytesIn[life] }), heard: text("bytesOf", { n: S.bytesOut[life] }), client: null, lives: [life] });
	const body = byId("lanes").tBodies[0], table = byId("lanes");
	while (body.rows.length > Math.max(1, rows.length))
		body.deleteRow(-1);
	while (body.rows.length < rows.length)
		body.append(el("tr", null, el("th", { scope: "row" }), el("td"), el("td", { class: "code" }), el("td", { class: "code" }), el("td", { class: "lane" }, el("canvas", { "aria-hidden": "true" }))));
	const step = S.step > 0 ? S.step : 0, event = step ? T.stepEvent[step] : -1;
	rows.forEach((row, at) => {
		const cells = body.rows[at].cells, own = row.client && row.client.notes.some((note) => T.noteEvent[note] === event);
		body.rows[at].className = own ? "changed" : "";
		[row.name, row.now, row.sent, row.heard].forEach((value, n) => setText(cells[n], cut(value)));
		drawLane(P, S, cells[4].firstChild, row);
	});
	show(table, rows.length > 0);
	const hidden = P.clients.named.length - named.length + others.length - (rows.length - named.length);
	show(byId("clients-more"), rows.length === 0 || hidden > 0);
	setText(byId("clients-more"), rows.length === 0 ? text("clientNone") : text("clientMore", { n: hidden }));
}

const LANE_WIDTH = 150, LANE_HEIGHT = 16;

// One client over the whole run: dashed while it waits in the queue, solid while it is accepted, ticks up for what it says and down for
// what it hears.
function drawLane(P, S, canvas, row) {
	const T = P.T, context = contextOf(canvas, LANE_WIDTH, LANE_HEIGHT), x = (step) => 1 + (LANE_WIDTH - 3) * step / Math.max(1, T.steps);
	const until = P.predicting ? S.step : T.steps, middle = LANE_HEIGHT / 2;
	const line = (from, to, dash, width, colour) => {
		if (from > until)
			return;
		context.setLineDash(dash);
		context.strokeStyle = colour;
		context.lineWidth = width;
		context.beginPath();
		context.moveTo(x(from), middle);
		context.lineTo(Math.max(x(from) + 1, x(Math.min(to, until))), middle);
		context.stroke();
	};
	const connected = row.client && row.client.connect >= 0 ? T.endStep[T.noteEvent[row.client.connect]] : -1;
	const left = row.client && row.client.leave >= 0 ? T.endStep[T.noteEvent[row.client.leave]] : T.steps;
	if (connected >= 0)
		line(connected, left, [3, 2], 1.5, paint.quiet);
	for (const life of row.lives)
		line(P.actions.born(life), Math.min(T.steps, P.actions.gone(life)), [], 4, paint.open);
	context.setLineDash([]);
	context.strokeStyle = paint.ink;
	context.lineWidth = 1;
	context.beginPath();
	for (const at of row.client ? row.client.notes : []) {
		const verb = T.strings[T.noteVerb[at]], step = T.endStep[T.noteEvent[at]], up = verb === "says";
		if ((up || verb === "hears") && step <= until) {
			context.moveTo(x(step), middle);
			context.lineTo(x(step), up ? 1 : LANE_HEIGHT - 1);
		}
	}
	context.stroke();
	context.fillStyle = paint.ink;
	context.fillRect(x(S.step), 0, 1, LANE_HEIGHT);
}

// ---- what was printed, and what the rules found

function showPrinted(P, S) {
	const T = P.T, event = S.step > 0 ? T.stepEvent[S.step] : -1;
	let last = P.prints.length;
	if (S.step < T.steps) {
		let low = 0;
		while (low < last) {
			const middle = (low + last) >> 1;
			if (T.endStep[T.noteEvent[P.prints[middle]]] <= S.step)
				low = middle + 1;
			else
				last = middle;
		}
	}
	const lines = P.prints.slice(Math.max(0, last - LINES_SHOWN), last).map((at) => el("li", { class: T.noteEvent[at] === event ? "changed" : "" }, cut(T.strings[T.noteText[at]])));
	replaceChildren(byId("lines"), lines.length > 0 ? lines : [el("li", { class: "quiet" }, text("printedNone"))]);
	if (lines.length > 0)
		byId("lines").scrollTop = byId("lines").scrollHeight; // long lines are broken: the newest one is the one to see
}

function findingItem(P, one) {
	const T = P.T, shown = one.event >= T.from && one.event < T.from + T.n;
	const name = text("findingName", { severity: text("severity_" + one.severity), rule: one.rule, event: one.event });
	return el("li", null, shown ? jumpButton(name, () => P.actions.jump(stepOfEvent(T, one.event - T.from))) : el("b", null, name), " " + one.text,
		one.advice ? el("span", { class: "quiet" }, " " + one.advice) : null);
}

function showFindings(P, S) {
	const T = P.T, event = S.step > 0 ? T.from + T.stepEvent[S.step] : -1;
	show(byId("findings"), T.findings.length > 0 && !P.predicting);
	if (T.findings.length === 0 || P.predicting)
		return;
	const list = byId("finding-list");
	if (list.children.length === 0)
		replaceChildren(list, T.findings.slice(0, 200).map((one) => findingItem(P, one)));
	T.findings.slice(0, 200).forEach((one, at) => {
		list.children[at].className = one.event === event ? "changed" : "";
	});
}
