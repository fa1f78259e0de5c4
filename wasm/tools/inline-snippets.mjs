// inline-snippets.mjs DIRECTORY NAME: puts the pieces of JavaScript that crates bring along into
// the glue DIRECTORY/NAME.js, which is then one file. One crate brings any: mls-rs-core, a clock
// that it falls back on and that nothing here asks.
import { readFileSync, writeFileSync } from "node:fs";

const [directory, name] = process.argv.slice(2);
const path = `${directory}/${name}.js`;
const glue = readFileSync(path, "utf8").replaceAll(
  /^import \* as (\w+) from "\.\/(snippets\/[^"]+)";?$/gm,
  (_, binding, file) => {
    const names = [];
    const body = readFileSync(`${directory}/${file}`, "utf8").replaceAll(
      /^export function (\w+)/gm,
      (_, function_) => {
        names.push(function_);
        return `function ${function_}`;
      },
    );
    if (/^\s*(import|export)\b/m.test(body)) throw new Error(`${file} has more than functions`);
    return `const ${binding} = (() => {\n${body.trim()}\nreturn { ${names.join(", ")} };\n})();`;
  },
);
if (/^import .*snippets\//m.test(glue)) throw new Error(`${path} still imports a snippet`);
writeFileSync(path, glue);
