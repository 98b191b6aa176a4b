/*
 * How Node waits: started as `node main.js` with NODE_OPTIONS naming this file, it stops here, in its own start-up, until
 * the runner lets it go. Returning from here is all that "run the program" takes: Node then finds, compiles and runs
 * main.js itself, so a program, its traces and its end are those of a plain `node main.js`. Nothing of this file may be
 * left for the program; README.md lists what can be noticed all the same.
 */
"use strict";

/* Read by Node, or by libraries in it, when it starts: set in a process that has started, they come too late. */
const READ_AT_START = /^(?:NODE_(?!ENV$)|LC_|LD_|MALLOC_|GLIBC_|OPENSSL_|SSL_|UV_|ICU_)|^LANG(?:UAGE)?$/;

/* Workers inherit what Node was told to require, but not its environment: they have nothing to wait for. */
if (process.env.MATCHBOX_CONTROL_FD !== undefined) waitForRelease();
leaveNoName();

/* What Node notes of a file that it was told to require. */
function leaveNoName() {
  delete require.cache[__filename];
  const found = require("module")._pathCache;
  for (const name of Object.keys(found)) {
    if (found[name] === __filename) delete found[name];
  }
  const required = process._preload_modules;
  const place = Array.isArray(required) ? required.indexOf(__filename) : -1;
  if (place >= 0) required.splice(place, 1);
}

function waitForRelease() {
  const fs = require("fs");
  const control = Number(process.env.MATCHBOX_CONTROL_FD);
  delete process.env.MATCHBOX_CONTROL_FD;
  leaveTheOptions();
  rehearse();

  fs.writeSync(control, ".");
  const message = readToEnd(fs, control);
  fs.closeSync(control);
  if (message.length > 0) apply(message);
}

/* The runner puts this file first, and after it what the image has there of its own. */
function leaveTheOptions() {
  const options = process.env.NODE_OPTIONS;
  const end = options.indexOf(" ");
  if (end < 0) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = options.slice(end + 1);
}

/* What a program would otherwise pay for: the streams, what prints values and errors, and the first pass through each. */
function rehearse() {
  const { formatWithOptions } = require("util");
  for (let i = 0; i < 3; i += 1) {
    formatWithOptions({}, "%s", "text", i, [i, { key: "value" }], new Map([[i, null]]), new Error("rehearsal"));
    process.stdout.write("");
    process.stderr.write("");
  }
  const vm = require("vm");
  new vm.Script(
    "(function () { class A { m() { return [1, 2].map((x) => x * 2); } } return new A().m(); })",
  ).runInThisContext()();
}

function readToEnd(fs, control) {
  const pieces = [];
  const buffer = Buffer.alloc(65536);
  for (;;) {
    const length = fs.readSync(control, buffer, 0, buffer.length, null);
    if (length === 0) return Buffer.concat(pieces).toString();
    pieces.push(Buffer.from(buffer.subarray(0, length)));
  }
}

/* The control message: number of arguments, arguments, NAME=value pairs, each closed by NUL. */
function apply(message) {
  const strings = message.split("\0").slice(0, -1);
  const firstVariable = 1 + Number(strings[0]);
  process.argv.push(...strings.slice(1, firstVariable));
  let isTooLate = false;
  for (const pair of strings.slice(firstVariable)) {
    const name = pair.slice(0, pair.indexOf("="));
    process.env[name] = pair.slice(name.length + 1);
    isTooLate = isTooLate || READ_AT_START.test(name);
  }
  if (isTooLate) startOver();
}

/*
 * Node cannot put another program in its own place. So the program runs in a child, which this process is but a sleeve of: a
 * signal that asks both to end is the child's to answer.
 */
function startOver() {
  const { execPath, execArgv, argv } = process;
  const wait = () => {};
  process.on("SIGTERM", wait);
  const { status, signal } = require("child_process").spawnSync(execPath, [...execArgv, ...argv.slice(1)], {
    stdio: "inherit",
  });
  process.removeListener("SIGTERM", wait);
  if (signal !== null) process.kill(process.pid, signal);
  process.exit(status === null ? 1 : status);
}
