// trace/player/data.js: the run's columns out of the data block, and what they say about event i (0 is the first one shown).
// trace/views/html_pack.h describes how numbers are written, html_events.c what the columns are.

const digitOf = new Uint8Array(128);
for (let i = 0; i < 64; i++)
	digitOf["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".charCodeAt(i)] = i;

// Reads packed numbers from a string, one after the other.
function Reader(packed, at) {
	this.packed = packed;
	this.at = at || 0;
}
Reader.prototype.next = function () {
	let digit = digitOf[this.packed.charCodeAt(this.at++)];
	if (digit < 32)
		return digit;
	let value = digit - 32, scale = 32;
	do {
		digit = digitOf[this.packed.charCodeAt(this.at++)];
		value += (digit & 31) * scale;
		scale *= 32;
	} while (digit >= 32 && this.at < this.packed.length);
	return value;
};
Reader.prototype.signed = function () {
	const value = this.next();
	return value % 2 ? -(value + 1) / 2 : value / 2;
};
Reader.prototype.more = function () {
	return this.at < this.packed.length;
};

function column(packed, count, Type) {
	const values = new Type(count), length = packed.length;
	for (let i = 0, at = 0; i < count && at < length; i++) {
		let digit = digitOf[packed.charCodeAt(at++)], value = digit & 31, scale = 32;
		for (; digit >= 32 && at < length; scale *= 32) {
			digit = digitOf[packed.charCodeAt(at++)];
			value += (digit & 31) * scale;
		}
		values[i] = value;
	}
	return values;
}

function signed(values) {
	for (let i = 0; i < values.length; i++)
		values[i] = values[i] % 2 ? -(values[i] + 1) / 2 : values[i] / 2;
	return values;
}

function sums(values, start) {
	for (let i = 0, sum = start || 0; i < values.length; i++)
		values[i] = sum += values[i];
	return values;
}

const DONE = 1, NO_FD = 2, CUT = 4, WAIT = 16, DATA = 32, MORE_DATA = 64, SKIPPED = 128;
const KIND_FIELDS = ["call", "thread", "process", "error", "flags", "fault", "where", "sentence", "text", "result", "who", "verb"];
const LIFE_FIELDS = ["number", "ordinal", "process", "origin", "of", "listener", "kind", "flags", "local", "peer", "path", "client"];
const BLOCK = 1024, GROUP = 64;

function loadTrace(raw) {
	const T = { raw: raw, n: raw.events, from: raw.from, steps: raw.steps, strings: raw.strings, shapes: raw.shapes };
	loadKinds(T, raw);
	T.kind = column(raw.kind, T.n, Int32Array);
	T.spent = column(raw.spent, T.n, Float64Array);
	T.begin = begins(T, signed(column(raw.begin, T.n, Float64Array)));
	T.ret = signed(column(raw.ret, T.n, Float64Array));
	loadLives(T, raw);
	loadWaits(T, raw);
	loadSteps(T, raw);
	loadChanges(T, raw);
	T.life = loadFds(T, raw);
	T.noteEvent = sums(column(raw.note_event, raw.nnotes, Int32Array));
	T.noteWho = column(raw.note_who, raw.nnotes, Int32Array);
	T.noteVerb = column(raw.note_verb, raw.nnotes, Int32Array);
	T.noteText = column(raw.note_text, raw.nnotes, Int32Array);
	T.turnEvent = sums(column(raw.turn_event, raw.nturns, Int32Array));
	T.turnNumber = column(raw.turn_number, raw.nturns, Int32Array);
	T.turnShape = column(raw.turn_shape, raw.nturns, Int32Array);
	T.findings = raw.findings;
	T.found = new Set(T.findings.filter((one) => one.severity !== "note").map((one) => one.event - T.from)); // where to stop
	T.sources = new Map(raw.sources.map((s) => [s.name, s]));
	T.cache = { block: -1, places: null, turnBlock: -1, turnPlaces: null, sets: new Map() };
	return T;
}

// Told from the end of the call before in the same thread.
function begins(T, since) {
	const ends = new Float64Array(T.raw.threads.length), threads = Int32Array.from(T.kinds, (kind) => kind.thread);
	for (let i = 0; i < T.n; i++) {
		const thread = threads[T.kind[i]];
		since[i] += ends[thread];
		ends[thread] = since[i] + T.spent[i];
	}
	return since;
}

function loadKinds(T, raw) {
	const reader = new Reader(raw.kinds);
	T.kinds = [];
	for (let i = 0; i < raw.nkinds; i++) {
		const kind = {};
		for (const field of KIND_FIELDS)
			kind[field] = reader.next();
		const call = raw.calls[kind.call] || ["?", "-", "?"];
		kind.name = call[0];
		kind.way = call[1];
		kind.family = call[2];
		kind.wait = (kind.flags & WAIT) !== 0;
		kind.done = (kind.flags & DONE) !== 0;
		kind.placed = countPlaces(T, kind);
		T.kinds.push(kind);
	}
}

// How many numbers of the column `numbers` an event of this kind takes.
function countPlaces(T, kind) {
	let count = kind.flags & DATA ? 1 : 0;
	for (const shape of [kind.sentence, kind.text, kind.result])
		for (let i = 0; i < T.shapes[shape].length; i++)
			if (T.shapes[shape].charCodeAt(i) < 16)
				count++;
	return count;
}

function loadLives(T, raw) {
	const reader = new Reader(raw.lives);
	T.nlives = raw.nlives;
	for (const field of LIFE_FIELDS)
		T["life_" + field] = new Int32Array(T.nlives + 1);
	// A life that no step opens has no row; such lives come last.
	for (let life = 1; life <= T.nlives && reader.more(); life++)
		for (const field of LIFE_FIELDS)
			T["life_" + field][life] = reader.next();
}

function loadWaits(T, raw) {
	T.nwaits = raw.nwaits;
	T.waitSet = column(raw.wait_set, T.nwaits, Int32Array);
	T.waitReady = column(raw.wait_ready, T.nwaits, Int32Array);
	T.waitTimeout = sums(signed(column(raw.wait_timeout, T.nwaits, Float64Array))); // -1: none
	T.waitLeft = column(raw.wait_left, T.nwaits, Float64Array); // what had gone + 1; 0: not known
	T.waitEvent = new Int32Array(T.nwaits);
	const isWait = T.kinds.map((kind) => kind.wait);
	for (let i = 0, at = 0; i < T.n; i++)
		if (isWait[T.kind[i]])
			T.waitEvent[at++] = i;
}

// Step s, from 1: what it is (WHOLE: a call began and returned; BEGIN, END) and of which event.
const WHOLE = 0, BEGIN = 1, END = 2;

function loadSteps(T, raw) {
	const reader = new Reader(raw.order);
	T.stepEvent = new Int32Array(T.steps + 1);
	T.stepKind = new Uint8Array(T.steps + 1);
	T.beginStep = new Int32Array(T.n);
	T.endStep = new Int32Array(T.n); // 0: it never returned
	let step = 0, event = 0;
	while (reader.more()) {
		const code = reader.next(), what = code % 4, count = Math.floor(code / 4);
		if (what === 0) {
			for (let i = 0; i < count; i++, event++) {
				T.stepEvent[++step] = event;
				T.beginStep[event] = T.endStep[event] = step;
			}
		} else if (what === 1) {
			T.stepEvent[++step] = event;
			T.stepKind[step] = BEGIN;
			T.beginStep[event++] = step;
		} else {
			T.stepEvent[++step] = event - 1 - count;
			T.stepKind[step] = END;
			T.endStep[event - 1 - count] = step;
		}
	}
}

function loadChanges(T, raw) {
	T.nops = raw.nops;
	T.opStep = sums(column(raw.op_step, T.nops, Int32Array));
	T.opLife = column(raw.op_life, T.nops, Int32Array);
	T.opWhat = column(raw.op_what, T.nops, Uint8Array);
	T.opValue = column(raw.op_value, T.nops, Float64Array);
}

// Which life each event names: 2 * the life, or 2 * the number (zigzagged) + 1 when none is open there. A number means the life that
// is open under it when the call begins, unless the column `life` says another.
function loadFds(T, raw) {
	const codes = new Reader(raw.fd), others = new Reader(raw.life), lives = new Int32Array(T.n), open = [];
	const processes = Int32Array.from(T.kinds, (kind) => Math.max(0, kind.process - 1));
	for (let step = 0, at = 0; step <= T.steps; step++) {
		if (step > 0 && T.stepKind[step] !== END) {
			const event = T.stepEvent[step], code = codes.next(), number = (code - 1) >> 1, fd = number & 1 ? -(number + 1) / 2 : number / 2;
			const table = open[processes[T.kind[event]]];
			const life = code === 0 ? 0 : code & 1 ? (table && table[fd]) || 0 : others.next();
			lives[event] = life ? 2 * life : code === 0 ? 1 : 2 * number + 1;
		}
		for (; at < T.nops && T.opStep[at] <= step; at++) {
			const life = T.opLife[at];
			if (T.opWhat[at] > 1)
				continue;
			const table = open[T.life_process[life]] = open[T.life_process[life]] || [];
			if (T.opWhat[at] === 0)
				table[T.life_number[life]] = life;
			else if (table[T.life_number[life]] === life)
				table[T.life_number[life]] = 0;
		}
	}
	return lives;
}

// The first place in a sorted array whose value is not below `value`.
function lowerBound(sorted, value, length) {
	let low = 0, high = length === undefined ? sorted.length : length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (sorted[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// ---- sentences

// The places in `numbers` where the events of a block begin.
function placesOf(T, block) {
	if (T.cache.block === block)
		return T.cache.places;
	const first = block * BLOCK, last = Math.min(T.n, first + BLOCK), places = new Int32Array(BLOCK + 1);
	const packed = T.raw.numbers;
	let at = T.raw.number_places[block];
	for (let i = first; i < last; i++) {
		places[i - first] = at;
		for (let left = T.kinds[T.kind[i]].placed; left > 0; at++)
			if (digitOf[packed.charCodeAt(at)] < 32)
				left--;
	}
	T.cache.block = block;
	T.cache.places = places;
	return places;
}

function fill(T, shape, reader, known) {
	let filled = "";
	for (let i = 0; i < shape.length; i++) {
		const code = shape.charCodeAt(i);
		if (code >= 32)
			filled += shape[i];
		else if (code === 20)
			filled += watchedWords(T, known.event);
		else if (code >= 16)
			filled += known[code - 16];
		else if (code === 15)
			filled += T.strings[reader.next()];
		else
			filled += String(reader.next()).padStart(code === 1 ? 1 : code, "0");
	}
	return filled;
}

// watched_words() of trace/views/html_events.c.
function watchedWords(T, i) {
	const list = passedTo(T, waitOf(T, i)).list;
	return list.slice(0, 16).map((one) => " " + (one.life ? lifeName(T, one.life) : one.number)).join("") + (list.length > 16 ? " and " + (list.length - 16) + " more" : "");
}

// An event's own texts: the sentence, the call, its result, and the first bytes that moved. English, as the terminal has them.
function textsOf(T, i) {
	const kind = T.kinds[T.kind[i]], block = Math.floor(i / BLOCK);
	const reader = new Reader(T.raw.numbers, placesOf(T, block)[i - block * BLOCK]);
	const life = T.life[i] % 2 === 0 ? T.life[i] / 2 : 0;
	const data = kind.flags & DATA ? T.strings[reader.next()] : null;
	const known = [fdOf(T, i), life ? T.life_ordinal[life] : "", T.ret[i], data];
	known.event = i;
	return {
		data: data,
		sentence: fill(T, T.shapes[kind.sentence], reader, known),
		call: fill(T, T.shapes[kind.text], reader, known),
		result: fill(T, T.shapes[kind.result], reader, known),
	};
}

function turnOf(T, i) {
	const turn = lowerBound(T.turnEvent, i);
	if (turn >= T.turnEvent.length || T.turnEvent[turn] !== i)
		return null;
	const block = Math.floor(turn / BLOCK), reader = new Reader(T.raw.turn_numbers, T.raw.turn_places[block]);
	for (let k = block * BLOCK; k < turn; k++)
		fill(T, T.shapes[T.turnShape[k]], reader, []);
	return { number: T.turnNumber[turn], sentence: fill(T, T.shapes[T.turnShape[turn]], reader, []) };
}

// The number of the descriptor that a call names; null when it names none.
function fdOf(T, i) {
	const code = T.life[i];
	if (code % 2 === 0)
		return T.life_number[code / 2];
	if (T.kinds[T.kind[i]].flags & NO_FD)
		return null;
	const number = (code - 1) / 2;
	return number % 2 ? -(number + 1) / 2 : number / 2;
}

function lifeOf(T, i) {
	return T.life[i] % 2 === 0 ? T.life[i] / 2 : 0;
}

// ---- waits

function waitOf(T, i) {
	const wait = lowerBound(T.waitEvent, i);
	return wait < T.nwaits && T.waitEvent[wait] === i ? wait : -1;
}

// A set of the table: {nfds, members: number -> {number, life, wanted}}. Each is told by what is different from the one before, and each
// group of 64 begins anew.
function setAt(T, id) {
	let set = T.cache.sets.get(id);
	if (!set) {
		if (T.cache.sets.size > 200)
			T.cache.sets.clear();
		set = readSet(T.raw.sets[Math.floor(id / GROUP)], id % GROUP);
		T.cache.sets.set(id, set);
	}
	return set;
}

function readSet(packed, place) {
	const reader = new Reader(packed), members = new Map();
	for (;; place--) {
		const nfds = reader.signed();
		let count = reader.next(), number = 0;
		for (; count > 0; count--) {
			number += reader.signed();
			const code = reader.next();
			if (code === 0)
				members.delete(number);
			else
				members.set(number, { number: number, life: Math.floor((code - 1) / 8), wanted: (code - 1) % 8 });
		}
		if (place <= 0 || !reader.more())
			return { nfds: nfds, members: members, list: null };
	}
}

function passedTo(T, wait) {
	const set = setAt(T, T.waitSet[wait]);
	if (!set.list)
		set.list = Array.from(set.members.values()).sort((a, b) => a.number - b.number);
	return set;
}

// What came back: a map from numbers to bits.
function readyOf(T, wait) {
	const id = T.waitReady[wait], reader = new Reader(T.raw.ready[Math.floor(id / GROUP)]), ready = new Map();
	for (let skip = id % GROUP; skip > 0; skip--)
		for (let left = 2 * reader.next(); left > 0; left--)
			reader.next();
	let count = reader.next(), number = 0;
	for (; count > 0; count--) {
		number += reader.signed();
		ready.set(number, reader.next());
	}
	return ready;
}

function timeOfStep(T, step) {
	if (step <= 0)
		return T.n > 0 ? T.begin[0] : 0;
	const event = T.stepEvent[step];
	return T.stepKind[step] === BEGIN ? T.begin[event] : T.begin[event] + T.spent[event];
}
