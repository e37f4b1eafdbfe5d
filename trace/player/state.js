// trace/player/state.js: the state after step s: what is open, how much has moved, where each thread is. It is added up from the
// changes that trace/views/html_state.c took from the model; checkpoints make every moment near.

const OP_OPEN = 0, OP_CLOSE = 1, OP_IN = 2, OP_OUT = 3, OP_FLAGS = 4, OP_QUEUE = 5, OP_KIND = 6, OP_LOCAL = 7, OP_PEER = 8, OP_PATH = 9,
	OP_CLIENT = 10, OP_PROCESS = 11, OP_PROGRAM = 12, OP_ENDED = 13;
const LISTENS = 1, ACCEPTED = 2, EOF = 4, NONBLOCK = 8, CLOEXEC = 16;
const VALUES_MOST = 4000000;

function makeState(T) {
	const n = T.nlives + 1, threads = T.raw.threads.length;
	const S = {
		T: T, step: -1, opAt: 0, open: new Set(),
		bytesIn: new Float64Array(n), bytesOut: new Float64Array(n), flags: new Uint8Array(n), queue: new Int32Array(n), kind: new Uint8Array(n),
		local: new Int32Array(n), peer: new Int32Array(n), path: new Int32Array(n), client: new Int32Array(n),
		inside: new Int32Array(threads).fill(-1), last: new Int32Array(threads).fill(-1), wait: new Int32Array(threads).fill(-1),
		waitDone: new Uint8Array(threads), focus: 0,
		processes: [], points: [], interval: BLOCK, cost: 0,
	};
	S.kinds = T.kinds.map((kind) => ({ thread: kind.thread, wait: kind.wait, way: kind.way, counted: kind.way === "i" || kind.way === "o",
		good: kind.error === 0 }));
	S.step = 0;
	takeChanges(S);
	S.points.push(snapshot(S));
	return S;
}

function openLife(S, life) {
	const T = S.T;
	S.open.add(life);
	S.bytesIn[life] = S.bytesOut[life] = S.queue[life] = 0;
	S.flags[life] = T.life_flags[life];
	S.kind[life] = T.life_kind[life];
	S.local[life] = T.life_local[life];
	S.peer[life] = T.life_peer[life];
	S.path[life] = T.life_path[life];
	S.client[life] = T.life_client[life];
}

function takeChange(S, at) {
	const T = S.T, life = T.opLife[at], value = T.opValue[at];
	switch (T.opWhat[at]) {
	case OP_OPEN: openLife(S, life); break;
	case OP_CLOSE: S.open.delete(life); break;
	case OP_IN: S.bytesIn[life] = value; break;
	case OP_OUT: S.bytesOut[life] = value; break;
	case OP_FLAGS: S.flags[life] = value; break;
	case OP_QUEUE: S.queue[life] = value; break;
	case OP_KIND: S.kind[life] = value; break;
	case OP_LOCAL: S.local[life] = value; break;
	case OP_PEER: S.peer[life] = value; break;
	case OP_PATH: S.path[life] = value; break;
	case OP_CLIENT: S.client[life] = value; break;
	// A process is changed as a new object: checkpoints hold the old one.
	case OP_PROCESS: S.processes[life] = { pid: value, program: 0, ended: false }; break;
	case OP_PROGRAM: S.processes[life] = Object.assign({}, S.processes[life], { program: value }); break;
	case OP_ENDED: S.processes[life] = Object.assign({}, S.processes[life], { ended: value !== 0 }); break;
	}
}

function takeChanges(S) {
	const T = S.T;
	while (S.opAt < T.nops && T.opStep[S.opAt] <= S.step)
		takeChange(S, S.opAt++);
}

function takeStep(S) {
	const T = S.T, step = ++S.step, event = T.stepEvent[step], what = T.stepKind[step], kind = S.kinds[T.kind[event]], thread = kind.thread;
	if (kind.way !== "e")
		S.focus = thread;
	if (what === BEGIN)
		S.inside[thread] = event;
	if (what !== END && kind.wait) {
		S.wait[thread] = event;
		S.waitDone[thread] = 0;
	}
	if (what !== BEGIN) {
		if (kind.way !== "e") {
			S.inside[thread] = -1;
			S.last[thread] = event;
		}
		if (kind.wait && S.wait[thread] === event)
			S.waitDone[thread] = 1;
		if (kind.counted && kind.good && T.ret[event] > 0 && T.life[event] % 2 === 0)
			(kind.way === "i" ? S.bytesIn : S.bytesOut)[T.life[event] / 2] += T.ret[event];
	}
	if (S.opAt < T.nops && T.opStep[S.opAt] <= step)
		takeChanges(S);
}

const LIFE_STATE = ["bytesIn", "bytesOut", "flags", "queue", "kind", "local", "peer", "path", "client"];
const THREAD_STATE = ["inside", "last", "wait", "waitDone"];

function snapshot(S) {
	const lives = Int32Array.from(S.open), point = { step: S.step, opAt: S.opAt, focus: S.focus, lives: lives, processes: S.processes.slice() };
	for (const name of LIFE_STATE) {
		const values = point[name] = new S[name].constructor(lives.length);
		for (let i = 0; i < lives.length; i++)
			values[i] = S[name][lives[i]];
	}
	for (const name of THREAD_STATE)
		point[name] = S[name].slice();
	return point;
}

function restore(S, point) {
	S.step = point.step;
	S.opAt = point.opAt;
	S.focus = point.focus;
	S.processes = point.processes.slice();
	S.open = new Set(point.lives);
	for (const name of LIFE_STATE)
		for (let i = 0; i < point.lives.length; i++)
			S[name][point.lives[i]] = point[name][i];
	for (const name of THREAD_STATE)
		S[name].set(point[name]);
}

// Checkpoints are taken on the way forward. When they grow too many, every second one goes and they lie twice as far apart.
function addPoint(S) {
	S.points.push(snapshot(S));
	S.cost += S.open.size * LIFE_STATE.length + S.inside.length * THREAD_STATE.length + S.processes.length;
	if (S.cost < VALUES_MOST)
		return;
	S.points = S.points.filter((point, i) => i % 2 === 0);
	S.interval *= 2;
	S.cost /= 2;
}

function seek(S, step) {
	step = Math.max(0, Math.min(step, S.T.steps));
	if (step === S.step)
		return;
	const best = Math.min(Math.floor(step / S.interval), S.points.length - 1);
	if (step < S.step || S.points[best].step > S.step)
		restore(S, S.points[best]);
	while (S.step < step) {
		takeStep(S);
		if (S.step === S.points.length * S.interval)
			addPoint(S);
	}
}

const MORE_IN = -1, MORE_OUT = -2; // so many bytes more

// What a step changed, as a map from lives to what is to be said of them.
function changesAt(S, step) {
	const T = S.T, changed = new Map();
	const note = (life, what, value) => {
		if (!changed.has(life))
			changed.set(life, []);
		changed.get(life).push({ what: what, value: value });
	};
	if (step < 1)
		return changed;
	const event = T.stepEvent[step], kind = T.kinds[T.kind[event]];
	if (T.stepKind[step] !== BEGIN && (kind.way === "i" || kind.way === "o") && kind.error === 0 && T.ret[event] > 0 && lifeOf(T, event))
		note(lifeOf(T, event), kind.way === "i" ? MORE_IN : MORE_OUT, T.ret[event]);
	for (let at = lowerBound(T.opStep, step); at < T.nops && T.opStep[at] === step; at++)
		if (T.opWhat[at] < OP_PROCESS)
			note(T.opLife[at], T.opWhat[at], T.opValue[at]);
	return changed;
}
