// trace/player/korean.js: the same texts in Korean, and the sentences: made from an event's fields, as the reader makes the English.
texts.ko = {
	lang: "ko",
	steps: "단계", controls: "이동, 찾기, 멈춤", first: "처음", wakeBefore: "앞의 깨어남", before: "뒤로", next: "다음", wakeNext: "다음 깨어남", last: "끝",
	play: "재생", pause: "멈춤", speed: "속도", run: "멈출 곳까지", help: "단축키 ?", step: "단계",
	where: "{steps} 중 {step}단계", goTo: "이벤트로 가기", go: "가기", find: "찾기", findNext: "다음 찾기", findBefore: "앞에서 찾기",
	stopAt: "멈출 곳", timeouts: "시간 초과", reuse: "번호 재사용", errors: "오류", found: "발견", sameFd: "같은 디스크립터",
	sameFdName: "{life}에서:", fdBefore: "앞", fdNext: "다음", predict: "맞혀 보기",
	score: "{asked}개 중 {right}개 맞음", overview: "전체", axis: "축:", axisEvent: "이벤트", axisTime: "시간",
	zoomIn: "확대", zoomOut: "축소", zoomAll: "모두", panLeft: "더 앞", panRight: "더 뒤",
	legendLife: "한 번의 생애", legendNext: "같은 번호의 다음 생애", legendIdle: "기다림", legendReady: "깨어남: 준비됨",
	legendTimeout: "시간 초과", legendError: "오류", legendFinding: "발견", legendBreak: "줄여 그린 침묵",
	overviewLabel: "실행 전체: 디스크립터 번호 {rows}개, 생애 {lives}개, 기다림 {waits}번, 시간 초과 {timeouts}번, 오류 {errors}번. 아래 이벤트 목록이 같은 내용을 글로 보여 줍니다.",
	justReturned: "방금 돌아옴", nowWaiting: "기다리는 중", nowInside: "호출 안", happened: "일어난 일", beforeAll: "첫 이벤트 전",
	neverReturned: "돌아오지 않음", aboutToRun: "곧 실행할 것: {call}{where}", stillInside: "프로그램은 아직 {call} 안에 있습니다{where}", endedInside: "{call} 안에서 끝났습니다{where}",
	nothingMore: "이 스레드에 대해 더 알려진 것이 없습니다.", took: "{time} 걸림", at: "t = {time} s", event: "이벤트 {event}", thread: "스레드 {tid}",
	process: "프로세스", injected: "일부러 넣은 오류입니다", whyWait: "이벤트 {event}에서 깨어남", whyClosed: "{life} 닫힘: 이벤트 {event}",
	whyOpened: "{life} 열림: 이벤트 {event}", toBegin: "이벤트 {event}의 시작",
	question: "무엇이 돌아올까요?", check: "확인", showMe: "보여 주기", askWait: "{call}: 곧 돌아옵니다. 어느 디스크립터가 준비되어 있을까요?",
	askAccept: "{call}: 곧 돌아옵니다. 몇 번을 돌려줄까요?", answerTimeout: "없음: 시간 초과", answerError: "오류 (-1)",
	answerNumber: "번호:", right: "맞습니다: {answer}.", wrong: "아닙니다. 답: {said}; 실제: {answer}.", shown: "실제: {answer}.",
	noAnswer: "먼저 고르세요.", 
	waitTitle: "{call}: 집합", waitNone: "마지막 기다림의 집합", waitNoneText: "이 스레드는 아직 기다린 적이 없습니다.",
	waitTitleTurn: "{call}, {turn}번째 차례: 집합", rowRead: "읽기", rowWrite: "쓰기", rowExcept: "예외", rowPassed: "{set}: 넣은 것", rowBack: "{set}: 나온 것",
	notPassed: "열려 있지만 넣지 않음", pending: "아직 돌아오지 않음", garbage: "오류 뒤의 집합은 뜻이 없습니다.",
	nfds: "nfds {n}", wokeReady: "깨어남: {fds}.", wokeTimeout: "시간 초과: 준비된 것이 없습니다.", wokeError: "실패: {error}.", isReady: "{life} {how}",
	howRead: "읽을 수 있음", howWrite: "쓸 수 있음", howExcept: "예외 상태", howError: "오류 상태", howHangup: "끊어짐", howNotOpen: "열린 디스크립터가 아님",
	stillWaits: "기다리고 있습니다.", neverWoke: "돌아오지 않았습니다: 기다리는 동안 프로세스가 끝났습니다.", and: ", ", foundOut: "그래서 알게 된 것: {turn}", manyPassed: "{n}개", foldedSets: "돌아오지 않은 것 {n}개 더",
	timerOff: "타이머 없음: 끝없이 기다립니다.", timerNone: "아직 기다림도 타이머도 없습니다.", timerOf: "타이머 {timeout}: {gone} 지남, {left} 남음", timerUp: "타이머 {timeout}: 다 됨",
	timerStopped: "타이머 {timeout}: {gone} 뒤에 깨어남, {left} 남음", timerPoll: "타이머 없음: 보기만 합니다 (timeout 0).",
	timerElsewhere: "타이머가 돌지 않습니다. 프로그램은 {call} 안에 있고, 타이머는 기다림의 것입니다.",
	timerBetween: "지금은 타이머가 돌지 않습니다: 프로그램이 기다리고 있지 않습니다.", timerUnlimited: "타이머 없음: {gone} 기다렸습니다.",
	source: "소스", sourceOf: "소스: {file}", sourceLeft: "이 페이지에는 소스가 없습니다.", sourceChanged: "{file}: 이 실행 뒤에 바뀌었으므로 보이지 않습니다.",
	sourceUnknown: "여기서는 소스의 줄을 알 수 없습니다.", markReturned: "돌아옴", markNext: "다음", markInside: "안에 있음", markBoth: "돌아옴+다음",
	table: "디스크립터", colFd: "fd", colWhat: "무엇", colPeer: "상대", colState: "상태", colIn: "들어옴", colOut: "나감", colChange: "바뀐 것",
	tableOf: "프로세스 {process}의 디스크립터", tableEnded: "이 프로세스는 끝났습니다", moreFds: "그대로인 {n}개 더 보기", fewerFds: "쓰이는 것만 보기",
	stateListening: "연결을 받음", stateConnected: "연결됨", stateEof: "파일 끝을 읽음", stateOpen: "열림", stateClosed: "닫힘", 
	changeNew: "새것", changeNewReuse: "새것: 전에는 {life}{who}", changeIn: "+{n} 들어옴", changeOut: "+{n} 나감", changeEof: "파일 끝",
	changeListens: "연결을 받기 시작", changeQueue: "대기열 {n}", changeReady: "준비됨", changeName: "이름을 알게 됨", changeKind: "종류를 알게 됨", changeFlags: "플래그", nonblock: "논블로킹", 
	closedBy_0: "열림", closedBy_1: "닫힘", closedBy_2: "자리를 내줌", closedBy_3: "exec가 닫음", closedBy_4: "끝난 것을 보지 못함",
	
	queues: "연결 받는 소켓마다의 커널 대기열", queueNone: "연결을 받는 소켓이 없습니다.", queueKnown: "{life}, {address}: {n}개 대기", queueUnknown: "{life}, {address}: 알 수 없음",
	queueInferred: "{life}, {address}: {n}개 연결되었으나 accept되지 않음 (추정)", queueWho: " ({who})",
	clients: "클라이언트", colClient: "이름", colNow: "지금", colSent: "보낸 것", colHeard: "받은 것", colLane: "흐름",
	clientNone: "아직 클라이언트가 없습니다.", clientBefore: "아직 없음", clientQueued: "연결됨, accept 안 됨: 커널 대기열", clientAccepted: "{life}로 accept됨",
	clientClosed: "{life} 닫힘", clientLeft: "떠남", clientLeftOpen: "떠남; {life} 아직 열려 있음", clientMore: "클라이언트 {n}개는 보이지 않습니다.",
	bytesOf: "{n}바이트", times: "{n}번",
	printed: "서버의 출력", printedNone: "아직 없습니다.", findings: "발견", findingName: "{severity}: {rule}, 이벤트 {event}.", severity_note: "참고", severity_risk: "위험", severity_bug: "버그", keyHint: "단축키: ← → 단계, Shift와 함께: 깨어남, [ ] 이 디스크립터, Space 재생, ? 모두",
	events: "이벤트", rowBegins: "{call} ...", rowHidden: "?", 
	asText: "실행을 글로, 차례마다", copy: "복사", copied: "복사했습니다.", copyFailed: "글을 골라 복사하세요.",
	keysTitle: "단축키", letters: "글자 하나짜리 단축키 사용 (음성 입력에서는 끄세요)", close: "닫기",
	about: "단축키는 글 입력 칸 밖에서 언제나 쓸 수 있습니다. 한 순간을 가리키는 링크: 주소 뒤에 #e=31. ?lang=en 은 영어입니다.",
	keyNext: "다음 단계", keyBefore: "앞 단계", keyWakeNext: "다음 깨어남", keyWakeBefore: "앞의 깨어남", keyFdNext: "이 디스크립터에서 다음",
	keyFdBefore: "이 디스크립터에서 앞", keyFirst: "처음", keyLast: "끝", keyPlay: "재생, 멈춤", keyRun: "멈출 곳까지", keyGo: "이벤트로 가기",
	keyFind: "찾기", keyFindNext: "다음 찾기, 앞에서 찾기", keyPredict: "맞혀 보기", keyZoom: "확대, 축소, 모두", keyHelp: "이 단축키", 
	
	factsLine: "{program}: 이벤트 {events}개, 기다림 {turns}번, 생애 {lives}개", shownPart: "{total}개 이벤트 중 {from}에서 {to}까지 보입니다. 다른 부분은 --from과 --to, 또는 --full로 만드세요.",
	notFound: "찾지 못함: {text}", searching: "찾는 중 ...", noStop: "여기부터는 멈출 곳이 없습니다.", noMore: "이쪽으로는 없습니다.", noEvent: "그런 이벤트가 없습니다: {from}에서 {to}까지.",
	beginsWait: "{call}: {fds} 지켜보며 기다립니다{limit}.", limitNone: " (끝없이)", limitOf: " (최대 {timeout})", limitZero: " (보기만 함)",
	begins: "{call}: 불렸고 아직 돌아오지 않았습니다.", atStart: "아직 아무 일도 없었습니다.", noFds: "디스크립터 없이",
	announce: "{steps} 중 {step}단계: {sentence}", paused: "멈춤: {why}.", stopTimeout: "시간 초과", stopReuse: "번호가 돌아옴", stopError: "오류", stopFinding: "발견",
	
};

const koreanVerbs = { "is": "주소", "connects to": "연결", "says": "보냄", "hears": "받음", "leaves": "떠남", "resets": "리셋으로 떠남", "half-closes": "더 보내지 않음",
	"prints": "출력", "silence": "침묵" };

texts.ko.sentence = function (T, i) {
	const kind = T.kinds[T.kind[i]], said = koreanBody(T, i, kind);
	return said + (kind.fault ? " (일부러 넣은 오류)" : "");
};

// What a wait led to: the first call after it that tells.
texts.ko.turn = function (T, i) {
	const next = nextOf(T, i), kind = next >= 0 ? T.kinds[T.kind[next]] : null;
	const tells = kind && T.ret[i] > 0 && (kind.way === "i" || kind.way === "a" || kind.error !== 0);
	return wokeText(T, i) + (tells ? " " + texts.ko.sentence(T, next) : "");
};

function koreanBody(T, i, kind) {
	const life = lifeOf(T, i), fd = fdOf(T, i), own = life ? lifeName(T, life) : fd === null ? "" : String(fd), name = kind.name;
	if (kind.way === "e")
		return koreanBefell(T, i, kind, own);
	if (kind.way === "x")
		return name + ": 프로세스가 끝납니다";
	if (!kind.done)
		return name + (own ? "(" + own + ")" : "") + ": 돌아오지 않았습니다";
	if (kind.wait)
		return koreanWait(T, i, kind);
	if (T.ret[i] < 0 && kind.error !== 0)
		return errorName(T, kind) === "EAGAIN" ? name + ": " + own + "에서 기다려야 했지만 기다리지 않았습니다 (EAGAIN)"
			: name + ": " + (own ? own + "에서 " : "") + "실패: " + errorWords(T, kind);
	return koreanDone(T, i, kind, own);
}

function koreanBefell(T, i, kind, own) {
	const texts = textsOf(T, i);
	switch (kind.name) {
	case "note": {
		const [who, verb, words] = noteWords(T, i);
		return who + ": " + (koreanVerbs[verb] || verb) + " " + words;
	}
	case "start": return "프로그램이 시작됩니다: " + texts.call.replace(/^start /, "");
	case "forked": return "자식 프로세스가 부모의 디스크립터 표를 복사해 시작합니다";
	case "found": return own + ": 열려 있습니다";
	case "queue": return own + "에서 accept를 기다리는 연결: " + (/\d+/.exec(texts.result) || ["?"])[0] + "개";
	case "ended": {
		const status = /status (\d+)/.exec(texts.result), signal = /killed by (\w+)/.exec(texts.result);
		return status ? "프로그램이 끝났습니다: 종료 상태 " + status[1] : signal ? "프로그램이 시그널로 끝났습니다: " + signal[1] : "프로그램이 끝났습니다";
	}
	default: return kind.name;
	}
}

function koreanWait(T, i, kind) {
	const wait = waitOf(T, i), list = passedTo(T, wait).list, timeout = T.waitTimeout[wait];
	const names = list.slice(0, 16).map((one) => watchedName(T, one)).join(" ") + (list.length > 16 ? " 외 " + (list.length - 16) + "개" : "");
	const limit = timeout > 0 ? ", 최대 " + duration(timeout) : "";
	return kind.name + ": " + (names || "아무것도 없이") + " 지켜봄" + limit + ". " + duration(T.spent[i]) + " 뒤 " + wokeText(T, i).replace(/\.$/, "");
}

// The lives that the event made and ended.
function livesBy(T, i, what) {
	const step = T.endStep[i], found = [];
	for (let at = step ? lowerBound(T.opStep, step) : T.nops; at < T.nops && T.opStep[at] === step; at++)
		if (T.opWhat[at] === what)
			found.push(T.opLife[at]);
	return found;
}

function koreanOpened(T, i, kind, opened) {
	const life = opened[0], before = beforeOf(T, life), client = T.strings[T.life_client[life]] || T.strings[T.life_peer[life]] || "누군가";
	const made = kind.way === "a" ? kind.name + ": " + client + "의 연결을 받았습니다. 새 번호는 " + lifeName(T, life)
		: kind.name + ": " + opened.map((one) => lifeName(T, one)).join(", ") + " 만들었습니다";
	if (opened.length > 1 || T.life_origin[life] !== 0)
		return made;
	const was = before ? T.strings[T.life_client[before]] : "";
	return made + ": 비어 있는 가장 작은 번호입니다" + (before ? "; 이 번호는 이벤트 " + endingEvent(T, before) + "까지 " + lifeName(T, before) + (was ? "(" + was + ")" : "") + "였습니다" : "");
}

function koreanDone(T, i, kind, own) {
	const opened = livesBy(T, i, OP_OPEN), closed = livesBy(T, i, OP_CLOSE), name = kind.name, data = textsOf(T, i).data;
	if (kind.way === "i" && T.ret[i] === 0 && opened.length === 0)
		return name + ": " + own + "에서 0이 돌아왔습니다: 파일 끝, 더 올 것이 없습니다";
	if (kind.way === "i")
		return name + ": " + own + "에서 " + T.ret[i] + "바이트를 받았습니다" + (data !== null ? ": \"" + data + "\"" : "");
	if (kind.way === "o")
		return name + ": " + own + "에 " + T.ret[i] + "바이트를 보냈습니다";
	const parts = closed.length > 0 ? [name + ": " + closed.map((life) => lifeName(T, life) + (T.life_client[life] ? " " + T.strings[T.life_client[life]] : "")).join(", ") + " 닫혔습니다"] : [];
	if (opened.length > 0)
		parts.push(koreanOpened(T, i, kind, opened));
	if (parts.length > 0)
		return parts.join(". ");
	if (name === "listen")
		return name + ": " + own + "에서 연결을 받기 시작합니다. 연결은 accept를 기다립니다";
	if (name === "bind")
		return name + ": " + textsOf(T, i).sentence.replace(/^.*its address is /, own + "의 주소는 ");
	if (name === "fork" || name === "vfork")
		return name + ": 프로세스 " + T.ret[i] + " 시작됨";
	return name + ": " + (own ? own + "에서 " : "") + T.ret[i] + " 돌아옴";
}

// The life of the same number before this one, and the event that ended a life.
function beforeOf(T, life) {
	for (let one = life - 1; one >= 1; one--)
		if (T.life_number[one] === T.life_number[life] && T.life_process[one] === T.life_process[life])
			return one;
	return 0;
}

function endingEvent(T, life) {
	for (let at = 0; at < T.nops; at++)
		if (T.opWhat[at] === OP_CLOSE && T.opLife[at] === life)
			return T.from + T.stepEvent[T.opStep[at]];
	return "?";
}
