// node run.mjs SUITE SIZE,SIZE,... REPEAT: prints what group keys cost in this engine, as JSON.
import { readFileSync } from "node:fs";
import { costs, initSync } from "./group.mjs";

const [suite, sizes, repeat] = process.argv.slice(2);
if (repeat === undefined) {
  console.error("usage: node run.mjs SUITE SIZE,SIZE,... REPEAT");
  process.exit(2);
}
initSync({ module: readFileSync(new URL("group_bg.wasm", import.meta.url)) });
const measured = JSON.parse(costs(Number(suite), Uint32Array.from(sizes.split(","), Number), Number(repeat)));
console.log(JSON.stringify({ engine: `Node ${process.versions.node}, V8 ${process.versions.v8}`, ...measured }));
