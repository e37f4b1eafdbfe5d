// trace/player/texts.js: every text of the page, in English. korean.js has the same keys. A {name} is filled in by text().
const texts = { en: {
	lang: "en",
	steps: "Steps", controls: "Go, find, stop", first: "First", wakeBefore: "Wakeup before", before: "Back", next: "Next", wakeNext: "Next wakeup", last: "Last",
	play: "Play", pause: "Pause", speed: "Speed", run: "Run to next stop", help: "Keys ?", step: "Step",
	where: "step {step} of {steps}", goTo: "Go to event", go: "Go", find: "Find", findNext: "Find next", findBefore: "Find before",
	stopAt: "Stop at", timeouts: "timeouts", reuse: "reuse", errors: "errors", found: "findings", sameFd: "Same descriptor",
	sameFdName: "On {life}:", fdBefore: "Before", fdNext: "Next", predict: "Predict",
	score: "{right} of {asked} right", overview: "Overview", axis: "Axis:", axisEvent: "events", axisTime: "time",
	zoomIn: "Zoom in", zoomOut: "Zoom out", zoomAll: "All", panLeft: "Earlier", panRight: "Later",
	legendLife: "a life", legendNext: "the next life of the number", legendIdle: "waits", legendReady: "woke: ready",
	legendTimeout: "timeout", legendError: "error", legendFinding: "finding", legendBreak: "silence, shortened",
	overviewLabel: "The whole run: {rows} descriptor numbers, {lives} lives, {waits} waits, {timeouts} timeouts, {errors} errors. The event list below says the same in text.",
	justReturned: "Just returned", nowWaiting: "Waiting in", nowInside: "Inside", happened: "Happened", beforeAll: "Before the first event",
	neverReturned: "Never returned", aboutToRun: "About to run: {call}{where}", stillInside: "The program is still inside {call}{where}", endedInside: "It ended inside {call}{where}",
	nothingMore: "Nothing more is known of this thread.", took: "took {time}", at: "t = {time} s", event: "event {event}", thread: "thread {tid}",
	process: "Process", injected: "this fault was injected", whyWait: "woken by event {event}", whyClosed: "{life} was closed at event {event}",
	whyOpened: "{life} was opened at event {event}", toBegin: "it began at event {event}",
	question: "What will come back?", check: "Check", showMe: "Show me", askWait: "{call} is about to return. Which descriptors will be ready?",
	askAccept: "{call} is about to return. Which number will it give?", answerTimeout: "none: timeout", answerError: "an error (-1)",
	answerNumber: "The number:", right: "Right: {answer}.", wrong: "Not so: you said {said}; it was {answer}.", shown: "It was {answer}.",
	noAnswer: "Choose something first.", 
	waitTitle: "{call}: the sets", waitNone: "The sets of the last wait", waitNoneText: "This thread has not waited yet.",
	waitTitleTurn: "{call}, turn {turn}: the sets", rowRead: "read", rowWrite: "write", rowExcept: "except", rowPassed: "{set}: passed", rowBack: "{set}: back",
	notPassed: "open, not passed", pending: "not back yet", garbage: "After an error the sets mean nothing.",
	nfds: "nfds {n}", wokeReady: "It woke: {fds}.", wokeTimeout: "Timeout: none was ready.", wokeError: "It failed: {error}.", isReady: "{life} {how}",
	howRead: "readable", howWrite: "writable", howExcept: "exceptional", howError: "in error", howHangup: "hung up", howNotOpen: "not an open descriptor",
	stillWaits: "It waits.", neverWoke: "It never returned: the process ended in it.", and: " and ", foundOut: "What came of it: {turn}", manyPassed: "{n} passed", foldedSets: "and {n} more that were passed and did not come back",
	timerOff: "No timer: it waits for ever.", timerNone: "No wait, no timer yet.", timerOf: "Timer {timeout}: {gone} gone, {left} left", timerUp: "Timer {timeout}: run down",
	timerStopped: "Timer {timeout}: woke after {gone}, {left} left", timerPoll: "No timer: it only looks (timeout 0).",
	timerElsewhere: "No timer runs: the program is inside {call}. The timer belongs to the wait.",
	timerBetween: "No timer runs: the program is not waiting.", timerUnlimited: "No timer: it waited {gone}.",
	source: "Source", sourceOf: "Source: {file}", sourceLeft: "The source is not in this page.", sourceChanged: "{file} was changed after this run, so it is not shown.",
	sourceUnknown: "No source line is known here.", markReturned: "returned", markNext: "next", markInside: "inside", markBoth: "ret.+next",
	table: "Descriptors", colFd: "fd", colWhat: "what it is", colPeer: "peer", colState: "state", colIn: "in", colOut: "out", colChange: "changed",
	tableOf: "Descriptors of {process}", tableEnded: "this process has ended", moreFds: "{n} more, unchanged: show them", fewerFds: "Show only what is in use",
	stateListening: "listening", stateConnected: "connected", stateEof: "end of file read", stateOpen: "open", stateClosed: "closed", 
	changeNew: "new", changeNewReuse: "new: was {life}{who}", changeIn: "+{n} in", changeOut: "+{n} out", changeEof: "end of file",
	changeListens: "listens", changeQueue: "queue {n}", changeReady: "ready", changeName: "named", changeKind: "known", changeFlags: "flags", nonblock: "non-blocking", 
	closedBy_0: "open", closedBy_1: "closed", closedBy_2: "made way", closedBy_3: "closed by exec", closedBy_4: "ended unseen",
	
	queues: "The kernel's queue before each listener", queueNone: "Nobody listens.", queueKnown: "{life}, {address}: {n} waiting", queueUnknown: "{life}, {address}: not known",
	queueInferred: "{life}, {address}: {n} connected and not accepted (inferred)", queueWho: " ({who})",
	clients: "Clients", colClient: "client", colNow: "now", colSent: "sent", colHeard: "heard", colLane: "lane",
	clientNone: "No client yet.", clientBefore: "not here yet", clientQueued: "connected, not accepted: the kernel's queue", clientAccepted: "accepted as {life}",
	clientClosed: "{life} was closed", clientLeft: "left", clientLeftOpen: "left; {life} is still open", clientMore: "{n} more clients are not shown.",
	bytesOf: "{n} bytes", times: "{n}×",
	printed: "What the server printed", printedNone: "Nothing yet.", findings: "Findings", findingName: "{severity}: {rule}, event {event}.", severity_note: "Note", severity_risk: "Risk", severity_bug: "Bug", keyHint: "Keys: ← → step, Shift with them: wakeups, [ ] this descriptor, Space plays, ? all keys",
	events: "Events", rowBegins: "{call} ...", rowHidden: "?", 
	asText: "The run as text, turn by turn", copy: "Copy", copied: "Copied.", copyFailed: "Select the text and copy it.",
	keysTitle: "Keys", letters: "single letters are keys (off for speech input)", close: "Close",
	about: "Keys work everywhere but in a text field. A link to a moment: add #e=31 to the page's address. ?lang=ko is Korean.",
	keyNext: "next step", keyBefore: "step back", keyWakeNext: "next wakeup", keyWakeBefore: "wakeup before", keyFdNext: "next on this descriptor",
	keyFdBefore: "before on this descriptor", keyFirst: "first", keyLast: "last", keyPlay: "play, pause", keyRun: "run to next stop", keyGo: "go to an event",
	keyFind: "find", keyFindNext: "find next, before", keyPredict: "predict", keyZoom: "zoom in, out, all", keyHelp: "these keys", 
	
	factsLine: "{program}: {events} events, {turns} waits, {lives} lives", shownPart: "Events {from} to {to} of {total} are shown; make the page with --from and --to, or --full, for others.",
	notFound: "Not found: {text}", searching: "Searching ...", noStop: "No stop from here on.", noMore: "None in this direction.", noEvent: "There is no such event here: {from} to {to}.",
	beginsWait: "{call} was called with {fds} and waits{limit}.", limitNone: " for as long as it takes", limitOf: ", for {timeout} at most", limitZero: " not at all: it only looks",
	begins: "{call} was called and has not returned yet.", atStart: "Nothing has happened yet.", noFds: "no descriptor",
	announce: "Step {step} of {steps}: {sentence}", paused: "Stopped: {why}.", stopTimeout: "timeout", stopReuse: "a number came back", stopError: "error", stopFinding: "finding",
	
} };

function chooseLanguage() {
	const asked = /[?&]lang=([a-z]+)/.exec(location.search);
	const wanted = asked ? [asked[1]] : (navigator.languages || [navigator.language || "en"]);
	for (const one of wanted) {
		const key = String(one).slice(0, 2).toLowerCase();
		if (texts[key])
			return key;
	}
	return "en";
}

let words = texts.en;

function text(key, values) {
	const found = key in words ? words[key] : texts.en[key];
	return values ? found.replace(/\{(\w+)\}/g, (whole, name) => name in values ? String(values[name]) : whole) : found;
}
