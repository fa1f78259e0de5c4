import assert from "node:assert/strict";
import { test } from "node:test";
import { clocksDiffer, tokenTimes } from "../src/internal/wall_clock.ts";

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const token = (claims: object): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;

test("a clock that is off by more than five minutes is said to be, by how much and in which direction", () => {
  for (const off of [0, 4, -5]) assert.equal(clocksDiffer(NOW + off * MINUTE, NOW), undefined);
  assert.match(
    clocksDiffer(NOW + 6 * MINUTE, NOW)?.words ?? "",
    /clock of this device is about 6 min ahead of the gateway's/,
  );
  const slept = clocksDiffer(NOW - 185 * MINUTE, NOW);
  assert.equal(slept?.aheadMs, -185 * MINUTE);
  assert.match(slept?.words ?? "", /about 3 h 5 min behind/);
  assert.match(clocksDiffer(NOW - 50 * 60 * MINUTE, NOW)?.words ?? "", /about 2 d 2 h behind/);
});

test("a token that is refused for its times is explained by the gateway's clock", () => {
  assert.match(
    tokenTimes(token({ nbf: NOW / 1000 + 3_600 }), NOW) ?? "",
    /valid only in 1 h 0 min: the clock of whoever issues tokens/,
  );
  assert.match(tokenTimes(token({ exp: NOW / 1000 - 90.5 }), NOW) ?? "", /expired 2 min ago/);
  assert.equal(tokenTimes(token({ exp: NOW / 1000 + 60, nbf: null }), NOW), undefined);
  for (const odd of ["", "a", "a.b.c", `a.${Buffer.from("7").toString("base64")}.c`])
    assert.equal(tokenTimes(odd, NOW), undefined);
});
