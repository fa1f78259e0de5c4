import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientEvents } from "../src/events.ts";
import { GroupView } from "../src/internal/group_view.ts";

const CODE = "00001 00002 00003 00004 00005 00006";
const ada = { user: "ada", leafIndex: 0, fingerprint: "1", own: true };
const bob = { user: "bob", leafIndex: 1, fingerprint: "2", own: false };

function view(): { group: GroupView; told: [string, unknown][] } {
  const told: [string, unknown][] = [];
  const emit = <Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void =>
    void told.push([name, event]);
  const group = new GroupView("SM2_SM4_GCM_SM3", new Map(), emit);
  group.handle({ kind: "roster", joined: [ada, bob], left: [], members: [ada, bob] });
  group.handle({ kind: "epoch", epoch: 1, verificationCode: CODE });
  return { group, told };
}

const compared = (group: GroupView): boolean[] => group.members.map((member) => member.compared);

test("who was compared stays so in later epochs, but not under another key", () => {
  const { group } = view();
  group.setCompared("bob", true);
  assert.deepEqual(compared(group), [false, true]);
  group.handle({ kind: "epoch", epoch: 2, verificationCode: CODE.replace("1", "9") });
  assert.deepEqual(compared(group), [false, true]);
  const other = { ...bob, fingerprint: "3" };
  group.handle({ kind: "roster", joined: [other], left: [bob], members: [ada, other] });
  assert.deepEqual(compared(group), [false, false]);
  group.handle({ kind: "roster", joined: [bob], left: [other], members: [ada, bob] });
  assert.deepEqual(compared(group), [false, true], "the same identity again");
});

test("nobody but another member can be compared", () => {
  const { group } = view();
  assert.throws(() => group.setCompared("ada", true), { codeName: "INVALID_PARAMETER" });
  assert.throws(() => group.setCompared("eve", true), { codeName: "INVALID_PARAMETER" });
});

test("a confirmation holds for its epoch, and whoever is taken out has neither code nor members", () => {
  const { group, told } = view();
  group.handle({ kind: "confirmed", user: "bob", epoch: 1 });
  assert.deepEqual(
    group.members.map(({ confirmed }) => confirmed),
    [true, true],
  );
  group.handle({ kind: "epoch", epoch: 2, verificationCode: CODE });
  assert.deepEqual(
    group.members.map(({ confirmed }) => confirmed),
    [true, false],
  );
  group.handle({ kind: "split", user: "bob", epoch: 2 });
  assert.deepEqual(group.keysState.split, ["bob"]);
  group.handle({ kind: "removed", by: "bob" });
  assert.deepEqual([group.verificationCode, group.members, group.keysState.split], ["", [], []]);
  assert.deepEqual(
    told.filter(([name]) => name === "group-warning").map(([, event]) => event),
    [
      { kind: "split", userId: "bob" },
      { kind: "removed", by: "bob" },
    ],
  );
});
