// Searches the memory of a Wasm instance for what SM2's operations must not leave there: private
// keys, nonces, what they can be computed from, shared points, plaintexts.
//
//   node crypto/primitives/tests/sm2_residue.mjs sm2_residue.wasm
//
// Each secret is searched in three forms, eight bytes at a time: big-endian, as words of
// little-endian, and in Montgomery's form, as the arithmetic holds it. The heap cell of a living
// key is to be found; that shows that the search works.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";

const n = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const p = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn;

const modulo = (x, m) => ((x % m) + m) % m;
function power(base, exponent, m) {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = modulo(base * base, m))
    if (exponent & 1n) result = modulo(result * base, m);
  return result;
}
const number = (bytes) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
const bigEndian = (x) => Buffer.from(x.toString(16).padStart(64, "0"), "hex");
const littleEndian = (x) => bigEndian(x).reverse();
const forms = (x, m) => [bigEndian(x), littleEndian(x), littleEndian(modulo(x << 256n, m))];

const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]));
const { memory, window, ...operations } = instance.exports;
const view = (bytes) => Buffer.from(memory.buffer, window(), bytes);

/**
 * Runs an operation with 32 random bytes in the window (or what is there), and returns and wipes
 * what it leaves in it.
 */
function run(name, bytes = 32, keep = false) {
  if (!keep) randomBytes(32).copy(view(32));
  operations[name]();
  const left = Buffer.from(view(bytes));
  view(64).fill(0);
  return left;
}

let searches = 0;
/** Where any eight bytes of any form of the numbers are. */
function found(numbers, m = n) {
  const all = Buffer.from(memory.buffer);
  const places = [];
  for (const [name, x] of Object.entries(numbers)) {
    forms(modulo(x, m), m).forEach((form, index) => {
      for (let from = 0; from < 32; from += 8) {
        searches += 1;
        const at = all.indexOf(form.subarray(from, from + 8));
        if (at >= 0)
          places.push({
            name,
            form: ["big-endian", "little-endian", "Montgomery"][index],
            from,
            at,
          });
      }
    });
  }
  return places;
}

for (let round = 0; round < 5; round += 1) {
  run("generate");
  const d = number(run("reveal_key"));
  const ofKey = { d, "1 + d": 1n + d, "1 / (1 + d)": power(1n + d, n - 2n, n) };
  // The one cell that holds the key: four words of d, one or more of which 1 + d shares.
  const cell = found({ d });
  assert.deepEqual(
    cell.map(({ form, from }) => `${form} ${from}`),
    ["Montgomery 0", "Montgomery 8", "Montgomery 16", "Montgomery 24"],
    "the key is in its cell and nowhere else",
  );
  const inCell = ({ at }) => at >= cell[0].at && at < cell[0].at + 32;
  const nothing = (after, numbers, m) =>
    assert.deepEqual(
      [...found(numbers, m), ...found(ofKey)].filter((place) => !inCell(place)),
      [],
      `after ${after}`,
    );

  nothing("generating", {});
  const signature = run("sign", 64);
  const [r, s] = [number(signature.subarray(0, 32)), number(signature.subarray(32))];
  const k = modulo(s * (1n + d) + r * d, n);
  nothing("signing", { k, "k + r": k + r });
  signature.copy(view(64));
  run("verify", 64, true);
  nothing("verifying", {});
  nothing("agreeing", { x: number(run("agree")) }, p);
  const message = randomBytes(32);
  message.copy(view(32));
  assert.deepEqual(run("encrypt_and_decrypt", 32, true), message);
  nothing("encrypting and decrypting", { message: number(message) }, p);
  nothing("an exchange", { key: number(run("exchange")) }, p);
  run("drop_key");
  assert.deepEqual(found(ofKey), [], "after the key is dropped");
}
assert.ok(searches > 1000);
console.log(`SM2 leaves no secret in the memory of its Wasm instance: ${searches} searches`);
