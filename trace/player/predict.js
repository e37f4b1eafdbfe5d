// trace/player/predict.js: what a wait returns, and the number that accept gives, stay hidden until the student has said what they
// will be. The score counts answers, not what was only looked at.

function makePredict(T) {
	return { T: T, on: false, right: 0, asked: 0, open: -1, seen: new Set() };
}

// Is this step one that is asked about before it is shown?
function isQuestion(Q, step) {
	const T = Q.T, i = T.stepEvent[step], kind = T.kinds[T.kind[i]];
	if (!Q.on || step < 1 || step > T.steps || T.stepKind[step] === BEGIN || Q.seen.has(step) || !kind.done)
		return false;
	return kind.wait ? passedTo(T, waitOf(T, i)).list.length > 0 : kind.way === "a";
}

function ask(Q, step) {
	const T = Q.T, i = T.stepEvent[step], kind = T.kinds[T.kind[i]], choices = [];
	Q.open = step;
	if (kind.wait) {
		setText(byId("answer-legend"), text("askWait", { call: waitCall(T, i) }));
		for (const one of passedTo(T, waitOf(T, i)).list.slice(0, 200))
			choices.push(choice(watchedName(T, one), "fd", one.number));
		choices.push(choice(text("answerTimeout"), "other", "timeout"), choice(text("answerError"), "other", "error"));
	} else {
		setText(byId("answer-legend"), text("askAccept", { call: shortCall(T, i) }));
		choices.push(el("label", null, text("answerNumber") + " ", el("input", { type: "text", inputmode: "numeric", size: "5", id: "answer-number", autocomplete: "off" })),
			choice(text("answerError"), "other", "error"));
	}
	replaceChildren(byId("answer-choices"), choices);
	show(byId("question"), true);
}

function choice(label, name, value) {
	return el("label", null, el("input", { type: "checkbox", name: name, value: String(value) }), " " + label);
}

function closeQuestion(Q) {
	Q.open = -1;
	show(byId("question"), false);
}

// What was said, as sorted words; null when nothing was.
function saidAnswer() {
	const said = Array.from(byId("answer-choices").querySelectorAll("input:checked"), (box) => box.value), number = byId("answer-number");
	if (number && number.value.trim() !== "")
		said.push(number.value.trim().replace(/#.*/, ""));
	return said.length > 0 ? said.sort() : null;
}

function trueAnswer(T, i) {
	const kind = T.kinds[T.kind[i]];
	if (T.ret[i] < 0)
		return ["error"];
	if (!kind.wait)
		return [String(T.ret[i])];
	return T.ret[i] === 0 ? ["timeout"] : Array.from(readyOf(T, waitOf(T, i)).keys(), String).sort();
}

function answerText(answer) {
	return answer.map((one) => one === "timeout" ? text("answerTimeout") : one === "error" ? text("answerError") : one).join(" ");
}

// Compares, counts, and says so. Returns false when nothing was chosen.
function judge(Q, looked) {
	const truth = trueAnswer(Q.T, Q.T.stepEvent[Q.open]), said = looked ? null : saidAnswer(), verdict = byId("verdict");
	show(verdict, true);
	if (!looked && said === null) {
		setText(verdict, text("noAnswer"));
		return false;
	}
	const right = said !== null && said.join(" ") === truth.join(" ");
	if (!looked) {
		Q.asked++;
		Q.right += right ? 1 : 0;
	}
	verdict.className = looked ? "" : right ? "right" : "wrong";
	setText(verdict, text(looked ? "shown" : right ? "right" : "wrong", { answer: answerText(truth), said: said ? answerText(said) : "" }));
	setText(byId("score"), text("score", { right: Q.right, asked: Q.asked }));
	Q.seen.add(Q.open);
	closeQuestion(Q);
	return true;
}
