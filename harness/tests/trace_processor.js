/* harness/tests/trace_processor.js: asks Perfetto's own trace processor, in its WebAssembly build, about a trace.
 *
 *     node harness/tests/trace_processor.js PACKAGE TRACE.json "select name from slice" ...
 *
 * PACKAGE is the folder of an npm package that holds the Perfetto UI (test_trace_perfetto.py fetches one). For each query a line:
 * {"columns":[...],"rows":[[...]]}. The messages are protocol buffers of protos/perfetto/trace_processor: only the few fields that
 * are needed are written and read here.
 */
"use strict";

const fs = require("fs");
const path = require("path");

const APPEND = 1, FINALIZE = 2, QUERY = 3;                                  // TraceProcessorRpc.TraceProcessorMethod
const STREAM_MESSAGE = 1, SEQ = 1, METHOD = 2, APPENDED = 101, QUERY_ARGS = 103; // what is sent
const APPEND_RESULT = 201, QUERY_RESULT = 203, APPEND_ERROR = 2, COLUMN = 1, ERROR = 2, BATCH = 3; // what comes back
const CELLS = 1, VARINTS = 2, DOUBLES = 3, STRINGS = 5;
const CELL_NULL = 1, CELL_VARINT = 2, CELL_DOUBLE = 3, CELL_STRING = 4;

function varint(value) {
	const bytes = [];
	for (let left = BigInt(value); ; left >>= 7n) {
		bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
		if (left <= 127n)
			return Buffer.from(bytes);
	}
}

function numberField(field, value) {
	return Buffer.concat([varint(field << 3), varint(value)]);
}

function bytesField(field, bytes) {
	return Buffer.concat([varint(field << 3 | 2), varint(bytes.length), bytes]);
}

function readVarint(bytes, at) {
	let value = 0n;
	for (let shift = 0n; ; shift += 7n) {
		const byte = bytes[at++];
		value |= BigInt(byte & 127) << shift;
		if (byte < 128)
			return [BigInt.asIntN(64, value), at];
	}
}

/* The fields of a message: [number, value], a value being a BigInt or bytes. */
function* fields(bytes) {
	for (let at = 0, key, value, size; at < bytes.length;) {
		[key, at] = readVarint(bytes, at);
		if (Number(key & 7n) === 0) {
			[value, at] = readVarint(bytes, at);
		} else if (Number(key & 7n) === 2) {
			[size, at] = readVarint(bytes, at);
			value = bytes.subarray(at, at += Number(size));
		} else {
			throw new Error("a field of wire type " + Number(key & 7n));
		}
		yield [Number(key >> 3n), value];
	}
}

function packedVarints(bytes) {
	const list = [];
	for (let at = 0, value; at < bytes.length;) {
		[value, at] = readVarint(bytes, at);
		list.push(Number(value));
	}
	return list;
}

function readBatch(bytes, width, rows) {
	const cells = [], varints = [], doubles = [], strings = [];
	for (const [field, value] of fields(bytes)) {
		if (field === CELLS)
			cells.push(...value);
		else if (field === VARINTS)
			varints.push(...packedVarints(value));
		else if (field === DOUBLES)
			for (let at = 0; at < value.length; at += 8)
				doubles.push(value.readDoubleLE(at));
		else if (field === STRINGS)
			strings.push(...value.toString("utf8").split("\0").slice(0, -1));
	}
	const values = cells.map((cell) => cell === CELL_NULL ? null : cell === CELL_VARINT ? varints.shift() :
		cell === CELL_DOUBLE ? doubles.shift() : cell === CELL_STRING ? strings.shift() : "?");
	for (let at = 0; at < values.length; at += width)
		rows.push(values.slice(at, at + width));
}

/* The package's worker, without a browser around it. */
async function engine(folder) {
	const worker = {};
	const made = "const wasmBridge = new wasm_bridge.WasmBridge();";
	const text = fs.readFileSync(path.join(folder, "engine_bundle.js"), "utf8");
	if (!text.includes(made))
		throw new Error("engine_bundle.js is another one than expected");
	process.chdir(folder); // it looks for its .wasm here
	new Function("self", "require", "__dirname", text.replace(made, "const wasmBridge = self.bridge = new wasm_bridge.WasmBridge();"))(worker, require, folder);
	await worker.bridge.whenInitialized;
	const port = {};
	worker.onmessage({ data: { enginePort: port } });
	let seq = 0, replies = [];
	port.postMessage = (bytes) => replies.push(Buffer.from(bytes));
	return function call(method, ...more) {
		replies = [];
		const request = Buffer.concat([numberField(SEQ, ++seq), numberField(METHOD, method), ...more]);
		port.onmessage({ data: new Uint8Array(bytesField(STREAM_MESSAGE, request)) });
		return Array.from(fields(Buffer.concat(replies)), ([, message]) => Array.from(fields(message)));
	};
}

function load(call, file) {
	const trace = fs.readFileSync(file);
	for (let at = 0; at < trace.length; at += 1 << 24)
		for (const message of call(APPEND, bytesField(APPENDED, trace.subarray(at, at + (1 << 24)))))
			for (const [field, value] of message)
				if (field === APPEND_RESULT)
					for (const [inner, what] of fields(value))
						if (inner === APPEND_ERROR)
							throw new Error("the trace is refused: " + what.toString());
	call(FINALIZE);
}

function query(call, sql) {
	const columns = [], rows = [];
	for (const message of call(QUERY, bytesField(QUERY_ARGS, bytesField(1, Buffer.from(sql)))))
		for (const [field, value] of message) {
			if (field !== QUERY_RESULT)
				continue;
			for (const [inner, what] of fields(value))
				if (inner === COLUMN)
					columns.push(what.toString());
				else if (inner === ERROR && what.length > 0)
					throw new Error(sql + ": " + what.toString());
				else if (inner === BATCH)
					readBatch(what, columns.length, rows);
		}
	return { columns: columns, rows: rows };
}

(async function () {
	const [folder, trace, ...queries] = process.argv.slice(2);
	const file = path.resolve(trace);
	const call = await engine(path.resolve(folder));
	load(call, file);
	for (const sql of queries)
		console.log(JSON.stringify(query(call, sql)));
}()).catch((error) => {
	console.error(String(error && error.message || error));
	process.exitCode = 1;
});
