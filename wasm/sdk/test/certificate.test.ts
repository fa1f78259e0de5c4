import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { RtcError } from "../src/errors.ts";
import { certify, parseCertificates, userOf } from "../src/internal/uplink/certificate.ts";

const tokenFor = (claims: object): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
const REQUEST = Uint8Array.of(0x30, 1, 2);

/** Runs `during` with a server that answers every request so, and keeps what it was asked. */
async function withServer(
  status: number,
  body: string,
  during: (
    gateway: string,
    asked: { path: string | undefined; bearer: string | undefined; body: Buffer }[],
  ) => Promise<void>,
): Promise<void> {
  const asked: { path: string | undefined; bearer: string | undefined; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      asked.push({
        path: request.url,
        bearer: request.headers.authorization,
        body: Buffer.concat(parts),
      });
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await during(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, asked);
  } finally {
    server.close();
  }
}

test("the user of a token is its sub, whatever letters it has", () => {
  assert.equal(userOf(tokenFor({ sub: "ana" })), "ana");
  assert.equal(userOf(tokenFor({ sub: "王小明 ÿ~?>" })), "王小明 ÿ~?>");
});

test("a token that names nobody is refused before anything is asked", () => {
  for (const token of [
    "",
    "opaque",
    "a.b.c",
    "a.!.c",
    tokenFor({}),
    tokenFor({ sub: "" }),
    tokenFor({ sub: 7 }),
    "e30.bnVsbA.x",
  ]) {
    assert.throws(
      () => userOf(token),
      (thrown) => thrown instanceof RtcError && thrown.codeName === "INVALID_PARAMETER",
      token,
    );
  }
});

test("the gateway's authority is asked with the token and the request, and its chain comes back", async () => {
  await withServer(
    200,
    JSON.stringify({ certificates: ["AQI=", "Aw=="], notAfter: 1 }),
    async (gateway, asked) => {
      const token = tokenFor({ sub: "ana" });
      const chain = await certify(gateway, token, REQUEST);
      assert.deepEqual(
        chain.map((der) => [...der]),
        [[1, 2], [3]],
      );
      assert.deepEqual(asked, [
        { path: "/v1/certificate", bearer: `Bearer ${token}`, body: Buffer.from(REQUEST) },
      ]);
    },
  );
});

test("a refusal says why, in the gateway's words", async () => {
  for (const [status, codeName] of [
    [401, "JOIN_REFUSED"],
    [403, "JOIN_REFUSED"],
    [404, "REQUEST_REFUSED"],
    [429, "REQUEST_REFUSED"],
    [500, "REQUEST_REFUSED"],
  ] as const) {
    await withServer(status, "because of the moon\n", async (gateway) => {
      await assert.rejects(
        certify(gateway, tokenFor({ sub: "ana" }), REQUEST),
        (thrown) =>
          thrown instanceof RtcError &&
          thrown.codeName === codeName &&
          thrown.message.endsWith("because of the moon"),
      );
    });
  }
});

test("an answer without certificates is an error, not an empty chain", () => {
  for (const json of [
    null,
    3,
    {},
    { certificates: [] },
    { certificates: "AQI=" },
    { certificates: ["*"] },
  ]) {
    assert.throws(
      () => parseCertificates(json),
      (thrown) => thrown instanceof RtcError && thrown.codeName === "REQUEST_REFUSED",
      JSON.stringify(json),
    );
  }
});
