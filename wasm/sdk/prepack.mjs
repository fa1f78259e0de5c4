// Runs before `npm pack` and `npm publish`: the package is whole, or there is none. npm itself
// leaves out what is missing, without a word.
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));

// The licences stand once in the repository, at its root.
for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) {
  if (existsSync(`../../${licence}`)) copyFileSync(`../../${licence}`, licence);
}

const { files, version } = JSON.parse(readFileSync("package.json", "utf8"));
const problems = files.filter((file) => !existsSync(file)).map((file) => `${file} is missing`);
const read = (file) => (existsSync(file) ? readFileSync(file, "utf8") : "");
// With names and line tables a module is twenty times as large, and optimised for nobody.
if (!read("dist/.built-from").startsWith("release "))
  problems.push("the Wasm modules in dist are not those of a release build");
if (!read("dist/index.js").includes(`"${version}"`))
  problems.push(`dist/index.js is not built from version ${version}`);
if (problems.length > 0) {
  console.error(
    `prepack: ${problems.join("\nprepack: ")}\nprepack: nothing is packed. Build everything first, at the root of the repository: make wasm sdk`,
  );
  process.exit(1);
}
