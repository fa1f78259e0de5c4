import assert from "node:assert/strict";
import { test } from "node:test";
import { RtcError } from "../src/errors.ts";
import { Operations } from "../src/internal/operations.ts";

const LEFT = new RtcError("ABORTED", "the client left");

/** Operations that end when told to, with what became of each, in order. */
class Story {
  readonly operations = new Operations<string>();
  readonly told: string[] = [];
  readonly #ends = new Map<string, () => void>();

  ask(name: string): this {
    const run = async (signal: AbortSignal): Promise<void> => {
      this.told.push(`${name} begins`);
      signal.addEventListener("abort", () => this.told.push(`${name} is to stop`));
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
    };
    this.operations.run(name, run).then(
      () => this.told.push(`${name} done`),
      (thrown: unknown) =>
        this.told.push(`${name} ${thrown instanceof RtcError ? thrown.codeName : String(thrown)}`),
    );
    return this;
  }

  async end(name: string): Promise<void> {
    const end = this.#ends.get(name);
    assert.ok(end !== undefined, `${name} has not begun`);
    end();
    await settle();
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("operations follow one another; the first begins at once", async () => {
  const story = new Story().ask("a").ask("b");
  assert.deepEqual(story.told, ["a begins"]);
  await story.end("a");
  assert.deepEqual(story.told, ["a begins", "a done", "b begins"]);
  await story.end("b");
  story.ask("c");
  assert.deepEqual(story.told.slice(3), ["b done", "c begins"]);
});

test("who waited for the last one finds the queue idle", async () => {
  const operations = new Operations<string>();
  await operations.run("a", () => Promise.resolve());
  let begun = false;
  void operations.run("b", () => {
    begun = true;
    return Promise.resolve();
  });
  assert.ok(begun);
});

test("one that fails does not keep the next from running", async () => {
  const operations = new Operations<string>();
  const failed = assert.rejects(
    operations.run("a", () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await operations.run("b", () => Promise.resolve(2)), 2);
  await failed;
});

test("what has not begun is overtaken without having run", async () => {
  const story = new Story().ask("publish 1").ask("unpublish").ask("publish 2");
  assert.ok(story.operations.overtake((key) => key === "publish 2", LEFT));
  await settle();
  await story.end("publish 1");
  await story.end("unpublish");
  assert.deepEqual(story.told, [
    "publish 1 begins",
    "publish 2 ABORTED",
    "publish 1 done",
    "unpublish begins",
    "unpublish done",
  ]);
});

test("what runs is told to stop, and is not waited for", async () => {
  const story = new Story().ask("join").ask("publish");
  assert.ok(story.operations.overtake(() => true, LEFT));
  story.ask("leave").ask("join again");
  await settle();
  assert.deepEqual(story.told, [
    "join begins",
    "join is to stop",
    "leave begins",
    "join ABORTED",
    "publish ABORTED",
  ]);
  // The end of the first one, late, is not taken for that of what runs now.
  await story.end("join");
  assert.equal(story.told.length, 5);
  await story.end("leave");
  assert.deepEqual(story.told.slice(5), ["leave done", "join again begins"]);
});

test("who overtakes nothing is told so", () => {
  assert.equal(
    new Story().ask("leave").operations.overtake((key) => key === "publish", LEFT),
    false,
  );
});
