// trace/player/words.js: how things are written. English sentences come from the reader (data.js, textsOf); what only the page can
// say, a call that has begun and a wait with its sets, is put together here, in the words of trace/views/call.c.

function lifeName(T, life) {
	return T.life_number[life] + (T.life_ordinal[life] > 1 ? "#" + T.life_ordinal[life] : "");
}

// Three digits, as out_duration() of trace/reader/text.c writes them.
function duration(ns) {
	if (ns < 1000)
		return Math.max(0, Math.round(ns)) + "ns";
	if (ns < 999500)
		return Math.round(ns / 1000) + "us";
	if (ns < 999500000)
		return Math.round(ns / 1000000) + "ms";
	if (ns < 999500000000) { // in whole numbers: 1.005 is not a number that toFixed() could round
		const thousandths = Math.floor(ns / 1000000), decimals = thousandths < 9995 ? 2 : thousandths < 99950 ? 1 : 0;
		const unit = 10 ** (3 - decimals), rounded = String(Math.floor((thousandths + unit / 2) / unit));
		return (decimals === 0 ? rounded : rounded.slice(0, -decimals) + "." + rounded.slice(-decimals)) + "s";
	}
	const seconds = Math.floor(ns / 1000000000);
	return Math.floor(seconds / 60) + "m" + String(seconds % 60).padStart(2, "0") + "s";
}

// Seconds with six decimals: a moment.
function moment(ns) {
	const micro = Math.floor(ns / 1000);
	return Math.floor(micro / 1000000) + "." + String(micro % 1000000).padStart(6, "0");
}

// out_exact(), out_seconds() with three decimals and out_span() of trace/views/call.c.
function exactly(ns) {
	const whole = Math.floor(ns / 1e9), part = String(ns % 1e9).padStart(9, "0").replace(/0+$/, "");
	return whole + (part ? "." + part : "");
}

function inSeconds(ns) {
	const milli = Math.floor(ns / 1000000);
	return Math.floor(milli / 1000) + "." + String(milli % 1000).padStart(3, "0") + " s";
}

function span(ns) {
	return ns < 1000000 ? Math.round(ns / 1000) + " us" : inSeconds(ns);
}

function errorName(T, kind) {
	return (T.raw.errors[kind.error] || ["error " + kind.error])[0];
}

function errorWords(T, kind) {
	const error = T.raw.errors[kind.error] || ["error " + kind.error, ""];
	return error[0] + (error[1] ? " (" + error[1] + ")" : "");
}

const READ = 1, WRITE = 2, EXCEPT = 4, ERROR = 8, HANGUP = 16, NOT_OPEN = 32;
const SET_NAMES = [["r", READ], ["w", WRITE], ["x", EXCEPT], ["err", ERROR], ["hup", HANGUP], ["nval", NOT_OPEN]];

function watchedName(T, one) {
	return one.life ? lifeName(T, one.life) : one.number + "?";
}

// r{3,4#2} w{4#2}
function setsText(T, list, bitsOf, names) {
	const parts = [];
	for (const [name, bit] of names) {
		const members = list.filter((one) => bitsOf(one) & bit).map((one) => watchedName(T, one));
		if (members.length > 0)
			parts.push(name + "{" + members.join(",") + "}");
	}
	return parts.join(" ");
}

function waitCall(T, i) {
	const wait = waitOf(T, i), set = passedTo(T, wait), timeout = T.waitTimeout[wait];
	const passed = setsText(T, set.list, (one) => one.wanted, SET_NAMES.slice(0, 3));
	const limit = timeout < 0 ? ", no timeout" : ", " + exactly(timeout) + " s";
	return T.kinds[T.kind[i]].name + "(" + set.nfds + (passed ? ", " + passed : "") + limit + ")";
}

function waitResult(T, i) {
	const kind = T.kinds[T.kind[i]], wait = waitOf(T, i);
	if (!kind.done)
		return "... " + text("neverReturned").toLowerCase();
	if (T.ret[i] < 0)
		return "= " + T.ret[i] + " " + errorWords(T, kind);
	if (T.ret[i] === 0)
		return "= 0  timeout";
	const ready = readyOf(T, wait), gone = T.waitLeft[wait];
	return "= " + T.ret[i] + "  " + setsText(T, passedTo(T, wait).list, (one) => ready.get(one.number) || 0, SET_NAMES) + "  after " +
		span(T.spent[i]) + (gone > 0 ? ", " + inSeconds(T.waitTimeout[wait] - (gone - 1)) + " left" : "");
}

function noteWords(T, i) {
	const at = lowerBound(T.noteEvent, i);
	return [T.strings[T.noteWho[at]], T.strings[T.noteVerb[at]], T.strings[T.noteText[at]]];
}

function callText(T, i) {
	const kind = T.kinds[T.kind[i]];
	if (kind.name === "note")
		return noteWords(T, i).join(" ").trim();
	return kind.wait ? waitCall(T, i) : textsOf(T, i).call;
}

function resultText(T, i) {
	const kind = T.kinds[T.kind[i]];
	if (kind.name === "note")
		return "";
	return kind.wait ? waitResult(T, i) : textsOf(T, i).result;
}

// "accept(3)": enough to know a call by, without what it will give.
function shortCall(T, i) {
	const kind = T.kinds[T.kind[i]], life = lifeOf(T, i), fd = fdOf(T, i);
	if (kind.way === "e")
		return kind.name;
	return kind.name + "(" + (life ? lifeName(T, life) : fd === null ? "" : fd) + ")";
}

function listOf(names) {
	return names.length < 2 ? names.join("") : names.slice(0, -1).join(", ") + text("and") + names[names.length - 1];
}

function beginSentence(T, i) {
	const kind = T.kinds[T.kind[i]];
	if (!kind.wait)
		return text("begins", { call: shortCall(T, i) });
	const wait = waitOf(T, i), set = passedTo(T, wait), timeout = T.waitTimeout[wait];
	const limit = timeout < 0 ? text("limitNone") : timeout === 0 ? text("limitZero") : text("limitOf", { timeout: exactly(timeout) + " s" });
	const named = set.list.length > 12 ? text("manyPassed", { n: set.list.length }) : listOf(set.list.map((one) => watchedName(T, one)));
	return text("beginsWait", { call: kind.name, fds: named || text("noFds"), limit: limit });
}

function sentence(T, step) {
	if (step < 1)
		return text("atStart");
	const i = T.stepEvent[step];
	if (T.stepKind[step] === BEGIN)
		return beginSentence(T, i);
	return words.sentence ? words.sentence(T, i) : textsOf(T, i).sentence;
}

const HOW = [[READ, "howRead"], [WRITE, "howWrite"], [EXCEPT, "howExcept"], [ERROR, "howError"], [HANGUP, "howHangup"], [NOT_OPEN, "howNotOpen"]];

// Why a wait came back: "4 readable and 5 readable".
function wokeText(T, i) {
	const kind = T.kinds[T.kind[i]];
	if (T.ret[i] < 0)
		return text("wokeError", { error: errorWords(T, kind) });
	if (T.ret[i] === 0)
		return text("wokeTimeout");
	const wait = waitOf(T, i), ready = readyOf(T, wait), parts = [];
	for (const one of passedTo(T, wait).list) {
		const bits = ready.get(one.number);
		if (bits)
			parts.push(text("isReady", { life: watchedName(T, one), how: HOW.filter((h) => bits & h[0]).map((h) => text(h[1])).join(", ") }));
	}
	return text("wokeReady", { fds: parts.length > 12 ? parts.slice(0, 12).join(", ") + " ..." : listOf(parts) });
}
