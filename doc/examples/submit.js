#!/usr/bin/env node
// submit.js: a task from node; readFile() does not stop the program while it
// waits for the value.
const fs = require("fs");
const mnt = process.env.TASKFS || "./mnt";

function submit(options) {
	const fd = fs.openSync(`${mnt}/tasks/new`, "r+");
	try {
		fs.writeSync(fd, JSON.stringify(options));
		const id = Buffer.alloc(32);
		return id.toString("utf8", 0, fs.readSync(fd, id)).trim();
	} finally {
		fs.closeSync(fd);
	}
}

const ids = [6, 7].map((n) => submit({ code: "echo $(($1 * 7))", args: [`${n}`] }));
for (const id of ids) {
	fs.readFile(`${mnt}/results/${id}/value`, "utf8", (err, value) => {
		if (err) throw err;
		console.log(`the value of one result is ${value.trim()}`);
	});
}
