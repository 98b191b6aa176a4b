#!/usr/bin/env node
// What `npx matchbox` starts. It is there before anything is built, and every Node since version 10 can read it, so that each
// can be told what is missing; npm remembers a command that was not there when it first looked, and does not look again.
"use strict";

const fs = require("fs");
const path = require("path");

/** As src/cli/cli-error.ts has it. */
const EXIT_MATCHBOX_FAILED = 125;
const OLDEST_NODE = [20, 19];

const command = path.join(__dirname, "..", "dist", "src", "cli", "main.js");

/** @param {string} problem */
function end(problem) {
  process.stderr.on("error", function () {});
  process.stderr.write("matchbox: " + problem + "\n");
  process.exitCode = EXIT_MATCHBOX_FAILED;
}

const version = process.versions.node.split(".").map(Number);
if (version[0] < OLDEST_NODE[0] || (version[0] === OLDEST_NODE[0] && version[1] < OLDEST_NODE[1])) {
  end(
    "It needs Node " + OLDEST_NODE.join(".") + " or newer; this is " + process.version + " (" + process.execPath + ").",
  );
} else if (!fs.existsSync(command)) {
  end(
    "It has not been built yet. Run this first, in " +
      path.dirname(__dirname) +
      ": npm start (sets everything up and starts the daemon), or: npm ci && npm run build",
  );
} else {
  import(require("url").pathToFileURL(command).href).catch(function (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    end(
      "A part of it is missing. Run this in " +
        path.dirname(__dirname) +
        ": npm ci && npm run build (" +
        String(error.message).split("\n")[0].slice(0, 300) +
        ")",
    );
  });
}
