/** `npm pack` leaves out what is missing without a word; `prepack.mjs` does not let it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

/** A repository with nothing but the package's folder in it. */
const root = mkdtempSync(join(tmpdir(), "smrtc-prepack-"));
const folder = join(root, "wasm/sdk");
mkdirSync(join(folder, "dist"), { recursive: true });
for (const file of ["package.json", "prepack.mjs"]) copyFileSync(file, join(folder, file));
after(() => rmSync(root, { recursive: true }));

const { files, version } = JSON.parse(readFileSync("package.json", "utf8")) as {
  files: string[];
  version: string;
};

function prepack(): { status: number | null; words: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(folder, "prepack.mjs")], {
    encoding: "utf8",
  });
  return { status, words: stderr };
}

test("nothing is packed while a file is missing, and each is named with what to run", () => {
  const { status, words } = prepack();
  assert.equal(status, 1);
  for (const file of files) assert.ok(words.includes(`${file} is missing`), file);
  assert.match(words, /make wasm sdk/);

  for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"])
    writeFileSync(join(root, licence), licence);
  for (const file of files)
    if (!file.startsWith("LICENSE-")) writeFileSync(join(folder, file), `"${version}"`);
  writeFileSync(join(folder, "dist/.built-from"), "release 123");
  assert.deepEqual(prepack(), { status: 0, words: "" });
  assert.ok(existsSync(join(folder, "LICENSE-MIT")), "the licences came from the root");

  for (const file of files) {
    const path = join(folder, file);
    const text = readFileSync(path);
    rmSync(path);
    if (file.startsWith("LICENSE-")) rmSync(join(root, file));
    const { status, words } = prepack();
    assert.equal(status, 1, file);
    assert.match(words, new RegExp(`^prepack: ${file.replaceAll(".", "\\.")} is missing$`, "m"));
    writeFileSync(path, text);
    if (file.startsWith("LICENSE-")) writeFileSync(join(root, file), text);
  }
});

test("modules of a debug build and a script of another version are not packed", () => {
  writeFileSync(join(folder, "dist/.built-from"), "debug 123");
  assert.match(prepack().words, /not those of a release build/);
  writeFileSync(join(folder, "dist/.built-from"), "release 123");
  writeFileSync(join(folder, "dist/index.js"), '"0.0.0"');
  assert.match(prepack().words, /not built from version/);
});

test("what the package lists is all that the SDK loads at run time", () => {
  const sources = ["src/internal/engine_host.ts", "src/internal/wasm_build.ts"]
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  const loaded = [...sources.matchAll(/new URL\("\.\/([^"?]+)[^"]*", import\.meta\.url\)/g)].map(
    ([, file]) => `dist/${file ?? ""}`,
  );
  assert.equal(loaded.length, 6);
  for (const file of loaded) assert.ok(files.includes(file), file);
});
