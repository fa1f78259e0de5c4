import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import {
  RtcError,
  RtcErrorCode,
  fromCloseCode,
  fromDeviceError,
  fromPlainError,
  isRetryable,
  toPlainError,
} from "../src/errors.ts";
import { Emitter } from "../src/internal/emitter.ts";
import { Logger, mergeLogs } from "../src/internal/logger.ts";
import { Caller, serve } from "../src/internal/rpc.ts";
import type { Port } from "../src/internal/rpc.ts";
import { parseConfig } from "../src/internal/gateway_config.ts";

interface TestCalls {
  double: { argument: number; result: number };
  fail: { argument: undefined; result: undefined };
}

function pair(): [Port, Port, () => void] {
  const { port1, port2 } = new MessageChannel();
  return [port1 as unknown as Port, port2 as unknown as Port, () => port1.close()];
}

test("calls get their own replies, whatever the order", async () => {
  const [near, far, close] = pair();
  serve<TestCalls, string>(far, {
    double: async (value) => {
      await new Promise((resolve) => setTimeout(resolve, value === 1 ? 20 : 0));
      return value * 2;
    },
    fail: () => {
      throw new RtcError("CODEC_FAILED", "broken", { closeCode: 4500 });
    },
  });
  const caller = new Caller<TestCalls, string>(near, () => undefined);
  assert.deepEqual(await Promise.all([caller.call("double", 1), caller.call("double", 2)]), [2, 4]);
  close();
});

test("an error keeps its code on the way from a worker", async () => {
  const [near, far, close] = pair();
  serve<TestCalls, string>(far, {
    double: (value) => value,
    fail: () => {
      throw new RtcError("CODEC_FAILED", "broken", { closeCode: 4500 });
    },
  });
  const caller = new Caller<TestCalls, string>(near, () => undefined);
  await assert.rejects(caller.call("fail", undefined), (error: unknown) => {
    assert.ok(error instanceof RtcError);
    assert.equal(error.code, RtcErrorCode.CODEC_FAILED);
    assert.equal(error.closeCode, 4500);
    return true;
  });
  close();
});

test("notices are no replies, and a closed caller rejects what waits", async () => {
  const [near, far, close] = pair();
  const notices: string[] = [];
  const notify = serve<TestCalls, string>(far, {
    double: () => new Promise<number>(() => undefined),
    fail: () => undefined,
  });
  let heard: () => void = () => undefined;
  const told = new Promise<void>((resolve) => (heard = resolve));
  const caller = new Caller<TestCalls, string>(near, (notice) => {
    notices.push(notice);
    heard();
  });
  const waiting = caller.call("double", 1);
  notify("hello");
  await told;
  assert.deepEqual(notices, ["hello"]);
  caller.close(new RtcError("ABORTED", "left"));
  await assert.rejects(waiting, { codeName: "ABORTED" });
  await assert.rejects(caller.call("double", 1), { codeName: "ABORTED" });
  close();
});

test("errors survive flattening", () => {
  const error = fromPlainError(
    toPlainError(new RtcError("JOIN_REFUSED", "no", { closeCode: 4401 })),
  );
  assert.deepEqual([error.codeName, error.message, error.closeCode], ["JOIN_REFUSED", "no", 4401]);
  assert.equal(toPlainError(new TypeError("x")).codeName, "UNKNOWN");
});

test("what cannot get better is not tried again", () => {
  assert.equal(isRetryable(fromCloseCode(4401, "")), false);
  assert.equal(isRetryable(fromCloseCode(4402, "")), false);
  assert.equal(isRetryable(fromCloseCode(4403, "")), false);
  assert.equal(isRetryable(fromCloseCode(4409, "")), false);
  assert.equal(isRetryable(fromCloseCode(4503, "")), true);
  assert.equal(isRetryable(fromCloseCode(4404, "")), true);
  assert.equal(isRetryable(new RtcError("SIGNAL_CHANNEL_SETUP_FAILED", "unreachable")), true);
});

test("device errors say what is wrong", () => {
  const named = (name: string): Error => Object.assign(new Error("x"), { name });
  assert.equal(fromDeviceError(named("NotFoundError"), "camera").codeName, "DEVICE_NOT_FOUND");
  assert.equal(fromDeviceError(named("NotAllowedError"), "camera").codeName, "DEVICE_NOT_ALLOWED");
  assert.equal(
    fromDeviceError(named("NotReadableError"), "camera").codeName,
    "DEVICE_NOT_READABLE",
  );
});

test("listeners can be taken off while they run, and once is once", () => {
  class Bell extends Emitter<{ ring: number }> {
    ring(value: number): void {
      this.emit("ring", value);
    }
  }
  const bell = new Bell();
  const heard: string[] = [];
  const first = (value: number): void => {
    heard.push(`first ${value}`);
    bell.off("ring", first);
  };
  bell
    .on("ring", first)
    .once("ring", (value) => heard.push(`once ${value}`))
    .on("ring", (value) => heard.push(`always ${value}`));
  bell.ring(1);
  bell.ring(2);
  assert.deepEqual(heard, ["first 1", "once 1", "always 1", "always 2"]);
  bell.off("*");
  bell.ring(3);
  assert.equal(heard.length, 4);
});

test("the gateway's configuration is read with care", () => {
  const good = parseConfig({
    version: 1,
    webtransport: {
      port: 4433,
      serverCertificateHashes: [{ algorithm: "sha-256", value: btoa("abc") }, { value: 7 }],
    },
  });
  assert.equal(good.port, 4433);
  assert.deepEqual(
    good.hashes.map((hash) => [...hash]),
    [[97, 98, 99]],
  );
  assert.deepEqual(parseConfig({}), { port: undefined, hashes: [], time: undefined });
  assert.deepEqual(parseConfig(null), { port: undefined, hashes: [], time: undefined });
  assert.deepEqual(
    [parseConfig({ time: 1_800_000_000_123 }).time, parseConfig({ time: "noon" }).time],
    [1_800_000_000_123, undefined],
  );
  assert.equal(parseConfig({ webtransport: { port: 99_999 } }).port, undefined);
});

test("logs are bounded, filtered, and merged by time", () => {
  const log = new Logger("test", "info", "none");
  log.debug("not kept");
  for (let i = 0; i < 10_000; i++) log.info(`line ${i}`);
  const lines = log.lines();
  assert.ok(lines.length <= 4_000);
  assert.ok(lines.at(-1)?.endsWith("line 9999"));
  assert.ok(!lines.some((line) => line.includes("not kept")));
  assert.equal(
    mergeLogs([["2026-01-01T00:00:00.002Z b"], ["2026-01-01T00:00:00.001Z a"]]),
    "2026-01-01T00:00:00.001Z a\n2026-01-01T00:00:00.002Z b",
  );
});
