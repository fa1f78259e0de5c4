// The page: files in, a table and two reports out. Everything is computed here, by the module.
import { BUILDS, modulePath, runs } from "./builds.mjs";

const element = (id) => document.getElementById(id);
const [form, buildBox, backendBox, drop, chosen, trouble, result] = ["form", "build", "backend", "drop", "chosen", "trouble", "result"].map(element);

/** Names and contents of what was chosen, in the order of their names. */
let files = [];
/** Of the last run, for the reports. */
let checker;
/** The module of the chosen build, with its glue. */
let wasm;

function show(error) {
  trouble.textContent = error ? (error.message ?? String(error)) : "";
  trouble.hidden = !error;
}

// --- builds and back ends

for (const build of BUILDS.filter(runs)) buildBox.add(new Option(build, build));
buildBox.addEventListener("change", () => {
  show(null);
  load().catch(show);
});

async function load() {
  checker = undefined;
  result.hidden = true;
  document.body.dataset.ready = "";
  buttons();
  const build = buildBox.value;
  // The glue keeps one module for ever; under another address it is another glue.
  const glue = await import(`./dist/smrtc_vectors.mjs?${build}`);
  const module = await fetch(modulePath(build));
  if (!module.ok) throw new Error(`${modulePath(build)} is not there: make it with vectors/checker/web/build.sh ${build}`);
  await glue.default({ module_or_path: module });
  if (build !== buildBox.value) return;
  wasm = glue;
  backendBox.replaceChildren(new Option(`${wasm.backends()[0]} (used by itself)`, ""));
  for (const name of wasm.backends()) backendBox.add(new Option(name, name));
  backendBox.add(new Option("all, one after the other", "all"));
  document.body.dataset.ready = build;
  buttons();
}

// --- files

for (const id of ["files", "folder"]) {
  element(id).addEventListener("change", async ({ target }) => {
    await add([...target.files].map((file) => [file.webkitRelativePath || file.name, file]).filter(([name]) => isVector(name)));
    target.value = "";
  });
}
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("keydown", ({ key }) => {
  if (key === "Enter" || key === " ") element("files").click();
});
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  // Entries must be taken before anything is awaited: the list is empty afterwards.
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  try {
    await add((await Promise.all(entries.map(filesOf))).flat().filter(([name]) => isVector(name)));
  } catch (error) {
    show(error);
  }
});

/** Whether a file of a folder is meant: not what lies beside the vectors in `vectors/`, such as schemas. */
function isVector(name) {
  const [top, below, ...rest] = name.split("/");
  return top !== "vectors" || rest.length === 0 || !wasm?.notVectors().includes(below);
}

/** Names and files at and below an entry of the file system. */
async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [[entry.fullPath.replace(/^\//, ""), file]];
  }
  const reader = entry.createReader();
  const below = [];
  // A reader gives some at a time, and none at the end.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    below.push(...some);
  }
  return (await Promise.all(below.map(filesOf))).flat();
}

async function add(named) {
  const read = named.filter(([name]) => name.endsWith(".json")).map(async ([name, file]) => [name, await file.text()]);
  const byName = new Map([...files, ...(await Promise.all(read))]);
  files = [...byName].sort(([a], [b]) => (a < b ? -1 : 1));
  show(read.length === 0 ? "No JSON file among these." : null);
  list();
}

function list() {
  chosen.replaceChildren(
    ...files.map(([name]) => {
      const item = document.createElement("li");
      item.textContent = name;
      return item;
    }),
  );
  chosen.hidden = files.length === 0;
  buttons();
}

function buttons() {
  element("run").disabled = files.length === 0 || !document.body.dataset.ready;
  element("clear").disabled = files.length === 0;
  for (const id of ["json", "junit"]) element(id).disabled = !checker;
}

element("clear").addEventListener("click", () => {
  files = [];
  checker = undefined;
  result.hidden = true;
  show(null);
  list();
});

// --- a run

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  show(null);
  element("run").disabled = true;
  try {
    await run();
  } catch (error) {
    checker = undefined;
    result.hidden = true;
    show(error);
  }
  buttons();
});

async function run() {
  const next = new wasm.Checker(backendBox.value || undefined);
  const began = performance.now();
  for (const [name, text] of files) next.add(name, text);
  for (let file = 0; file < next.files; file++) {
    next.run(file);
    // The page stays alive between files.
    await new Promise((resolve) => setTimeout(resolve));
  }
  checker = next;
  render(JSON.parse(checker.table()), performance.now() - began);
}

function render({ build, counts, lines }, milliseconds) {
  const sum = (name) => counts.reduce((total, run) => total + run[name], 0);
  const [passed, failed, unsupported] = ["passed", "failed", "unsupported"].map(sum);
  const summary = element("summary");
  summary.textContent = `${passed} passed, ${failed} failed, ${unsupported} not run`;
  summary.className = failed > 0 || passed === 0 ? "bad" : "good";
  element("about").textContent = `smrtc, ${build} · ${files.length === 1 ? "1 file" : `${files.length} files`} · ${(milliseconds / 1000).toFixed(1)} s`;
  element("lines").replaceChildren(...lines.flatMap(rows));
  result.hidden = false;
}

function rows({ file, group, counts, backends: used, failed, unsupported }) {
  const word = counts.failed > 0 ? "fail" : counts.passed === 0 ? "none" : "ok";
  const row = document.createElement("tr");
  row.className = word;
  const cells = [word, file, group, counts.passed, counts.failed, counts.unsupported, used.join(", ")];
  cells.forEach((value, column) => {
    const cell = row.insertCell();
    cell.textContent = String(value);
    if (column >= 3 && column <= 5) cell.className = "number";
  });
  const notes = [
    ...failed.map(({ id, words, comment }) => note(`case ${id}: ${words}${comment ? ` (${comment})` : ""}`, "bad")),
    ...unsupported.map((words) => note(words, "")),
  ];
  return [row, ...notes];
}

function note(words, kind) {
  const row = document.createElement("tr");
  row.className = `why ${kind}`;
  row.insertCell();
  const cell = row.insertCell();
  cell.colSpan = 6;
  cell.textContent = words;
  return row;
}

// --- reports

const download = (name, type, text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};
element("json").addEventListener("click", () => download("smrtc-vectors.json", "application/json", checker.json()));
element("junit").addEventListener("click", () => download("smrtc-vectors.xml", "application/xml", checker.junit()));

load().catch(show);
