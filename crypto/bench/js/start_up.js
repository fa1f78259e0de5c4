// How long a module takes from its bytes to the first sealed packet, in a process of its own: node
// start_up.js FILE
import { readFileSync } from "node:fs";

const [file] = process.argv.slice(2);
const bytes = readFileSync(file);
// The engine's own beginnings are not the module's.
const EMPTY = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
new WebAssembly.Instance(new WebAssembly.Module(EMPTY));

const laps = [performance.now()];
const lap = () => laps.push(performance.now());
const module = new WebAssembly.Module(bytes);
lap();
const wasm = /** @type {any} */ (new WebAssembly.Instance(module).exports);
lap();
const [keyAt, nonceAt, tagAt, textAt] = [16, 12, 16, 1200].map((size) => wasm.alloc(size));
const key = wasm.new_key(keyAt);
wasm.seal(key, nonceAt, textAt, 0, textAt, 1200, tagAt);
lap();
const [compile, instantiate, firstSeal] = laps.slice(1).map((time, i) => time - laps[i]);
console.log(JSON.stringify({ compile, instantiate, firstSeal }));
