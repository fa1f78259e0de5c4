// The demo page as its users meet it, with screenshots for people to look at
// (.build/e2e/screenshots).
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startChromium } from "../harness/browsers.js";
import { until } from "../harness/child.js";
import { startGateway } from "../harness/gateway.js";
import { makeWebRoot } from "../harness/web_root.js";
import { buildFolder } from "../harness/workspace.js";

const screenshots = join(buildFolder, "screenshots");
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };

let blue;
let green;
let bare;
let gateway;
before(
  async () => {
    mkdirSync(screenshots, { recursive: true });
    gateway = await startGateway(makeWebRoot(), { args: ["--demo"] });
    [blue, green, bare] = await Promise.all([
      startChromium(),
      startChromium({ palette: "green" }),
      startChromium({ camera: false }),
    ]);
  },
  { timeout: 120_000 },
);
after(async () => {
  await Promise.all([blue?.close(), green?.close(), bare?.close()]);
  await gateway?.stop();
});

/** A page that fails the test if anything in it fails, the content security policy included. */
async function openPage(
  chromium,
  path,
  { viewport = WIDE, dark = false, at = gateway.origin, clock = false } = {},
) {
  const context = await chromium.browser.newContext({
    viewport,
    colorScheme: dark ? "dark" : "light",
    permissions:
      chromium === bare ? [] : ["camera", "microphone", "clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  // The page's time goes on as ever, and can be put forward.
  if (clock) await page.clock.install();
  const trouble = [];
  page.on("pageerror", (error) => trouble.push(error.message));
  page.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) trouble.push(message.text());
  });
  await page.goto(`${at}${path}`);
  await page.waitForSelector("form");
  return {
    page,
    trouble,
    shot: (name) => page.screenshot({ path: join(screenshots, `${name}.png`) }),
    close: () => context.close(),
  };
}

async function enter(visitor, name) {
  await visitor.page.fill("#name", name);
  await visitor.page.click("button[type=submit]");
  await visitor.page.waitForSelector(".call", { timeout: 30_000 });
}

const PLAYING = ".stage .tile:not(.self)[data-state=playing]";

test(
  "a visitor makes a room, copies the link, and whoever opens it is in the call",
  { timeout: 180_000 },
  async () => {
    const mei = await openPage(blue, "/?transport=webtransport");
    await mei.page.waitForSelector(".preview video, .preview canvas");
    await mei.page.waitForTimeout(500);
    await mei.shot("join-light");
    await enter(mei, "Mei");
    await mei.page.waitForSelector(".alone:not([hidden])");
    await mei.shot("alone-light");
    await mei.page.click(".alone button");
    const link = new URL(await mei.page.evaluate(() => navigator.clipboard.readText()));
    assert.equal(link.hash, "", "there is no key in the link: the members agree on one");

    const tom = await openPage(green, link.pathname + link.search + link.hash, { dark: true });
    await tom.page.waitForSelector(".preview video, .preview canvas");
    await tom.page.waitForTimeout(500);
    await tom.shot("join-dark");
    await enter(tom, "Tom");
    for (const { page } of [mei, tom]) await page.waitForSelector(PLAYING, { timeout: 30_000 });
    assert.equal(await mei.page.textContent(".chip"), "WebTransport");
    await until("the shield", async () =>
      /SM4-GCM · epoch [1-9]/.test((await mei.page.textContent(".shield")) ?? ""),
    );
    // Both read the same code, and who is in the call is who is in the group.
    const code = await until("the code", async () => {
      const [one, other] = await Promise.all(
        [mei, tom].map(({ page }) => page.textContent(".group .code")),
      );
      return one === other && one;
    });
    assert.match(code, /^\d{5}( \d{5}){5}$/);
    await tom.page.waitForSelector(".people li[data-user^=Mei]", { state: "attached" });
    await mei.page.click(".people .mark");
    await until("the shield to say compared", async () =>
      /compared/.test((await mei.page.textContent(".shield")) ?? ""),
    );
    await mei.page.click(".people summary");
    assert.match((await mei.page.textContent(".people .fingerprint")) ?? "", /^\d{5}( \d{5}){8}$/);
    await mei.page.waitForSelector(".people li.compared details[open]");
    await mei.page.waitForTimeout(8_000);
    await mei.shot("call-light");
    await tom.shot("call-dark");
    for (const words of [
      /SM4-GCM with SM3/,
      /Wasm, relaxed SIMD/,
      /key id [0-9a-f]{4} /,
      /frames opened, 0 refused/,
    ]) {
      await until(`the panel to say ${words}`, async () =>
        words.test((await mei.page.textContent(".panel")) ?? ""),
      );
    }
    // Each tile has a choice of size, and the panel says what is received and sent.
    await until(
      "the panel to name both sizes",
      async () =>
        /Sending[A-Z0-9.]* 640 × 360 and 320 × 180/i.test(
          (await mei.page.textContent(".panel")) ?? "",
        ),
      { timeout: 20_000 },
    );
    for (const [size, received] of [
      ["small", "320 × 180"],
      ["auto", "640 × 360"],
    ]) {
      await mei.page.selectOption(".stage .tile:not(.self) select.size", size);
      await until(
        `the ${size} picture`,
        async () =>
          new RegExp(`Receiving[A-Z0-9.]* ${received}`).test(
            (await mei.page.textContent(".panel")) ?? "",
          ),
        { timeout: 30_000 },
      );
    }
    assert.equal(await mei.page.$(".tile.self select.size"), null, "our own picture has no choice");
    // The chart says its value to those who cannot see it.
    await until("the round trip in words", async () =>
      /Round trip.*Now \d+ ms/.test(
        (await mei.page.getAttribute(".chart:nth-of-type(2) svg", "aria-label")) ?? "",
      ),
    );

    // The keyboard alone: mute by key, and see it at the other side.
    await mei.page.keyboard.press("m");
    await tom.page.waitForSelector(".tile:not(.self) footer .muted:not([hidden])", {
      timeout: 20_000,
    });
    await mei.page.keyboard.press("m");
    await mei.page.keyboard.press("v");
    await tom.page.waitForSelector(".stage .tile:not(.self)[data-state=no-picture]", {
      timeout: 20_000,
    });
    await tom.shot("camera-off-dark");
    await mei.page.keyboard.press("v");
    await tom.page.waitForSelector(PLAYING, { timeout: 20_000 });

    // A log that can be sent to those who look for bugs, without keys in it.
    const download = mei.page.waitForEvent("download");
    await mei.page.click(".panel .actions button");
    const log = await (await download).createReadStream();
    let text = "";
    for await (const piece of log) text += piece;
    assert.match(text, /uplink|downlink|page/);
    assert.ok(!text.includes(code), "the code is in the log");

    // Narrow, dark and light.
    await tom.page.setViewportSize(NARROW);
    await tom.page.keyboard.press("Escape");
    await tom.page.waitForTimeout(600);
    await tom.shot("call-narrow-dark");
    await mei.page.setViewportSize(NARROW);
    await mei.page.waitForTimeout(600);
    await mei.shot("panel-narrow-light");
    await mei.page.emulateMedia({ colorScheme: "dark" });
    await mei.page.evaluate(() => document.querySelector(".panel")?.scrollTo(0, 0));
    await mei.page.waitForTimeout(400);
    await mei.shot("panel-narrow-dark");
    for (const { page } of [mei, tom])
      assert.ok(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        "the page is wider than the window",
      );

    await tom.page.click("button.leave");
    await mei.page.waitForSelector(".alone:not([hidden])", { state: "attached", timeout: 20_000 });
    await tom.page.waitForSelector("form");
    assert.deepEqual([...mei.trouble, ...tom.trouble], []);
    await Promise.all([mei.close(), tom.close()]);
  },
);

test(
  "names of any script go in, what cannot be one is refused in words, and who is put out reads why until he joins again",
  { timeout: 120_000 },
  async () => {
    const ming = await openPage(blue, "/", { clock: true });
    const refused = async (field, text, words) => {
      await ming.page.fill(field, text);
      await ming.page.click("button[type=submit]");
      await until(`the page to refuse ${JSON.stringify(text)}`, async () =>
        words.test((await ming.page.textContent(".problem:not([hidden])")) ?? ""),
      );
      assert.equal(await ming.page.getAttribute(field, "aria-invalid"), "true");
      assert.equal(await ming.page.evaluate(() => `#${document.activeElement?.id}`), field);
    };
    await refused("#name", "", /Type your name/);
    await refused("#name", "\u200b \u200d", /Type your name/);
    await refused("#name", "\u202emoT", /nobody can see/);
    await ming.page.fill("#name", "王小明");
    await refused("#room", "   ", /Type the name of a room/);
    await refused(
      "#room",
      "会".repeat(43),
      /too long: up to 128 letters of Latin script or 42 Chinese characters/,
    );
    const room = "周会：第三组";
    await ming.page.fill("#room", ` ${room} `);
    await enter(ming, "王小明");
    assert.equal(await ming.page.textContent(".top .room"), room);
    const [address] = (await ming.page.evaluate(() => location.href)).split("#");
    assert.equal(new URL(address).searchParams.get("room"), room);

    const lin = await openPage(green, `/${new URL(address).search}`);
    assert.equal(await lin.page.inputValue("#room"), room);
    await enter(lin, "林 🐼 ليلى");
    for (const { page } of [ming, lin]) await page.waitForSelector(PLAYING, { timeout: 30_000 });
    assert.match(
      (await ming.page.textContent(".stage .tile:not(.self) .name")) ?? "",
      /^林 🐼 ليلى$/,
    );
    await ming.page.waitForTimeout(1_000);
    await ming.shot("chinese-light");
    // A page of the same user comes into the room: the gateway ends the session of the one before.
    const tail = await ming.page.evaluate(() => sessionStorage.getItem("smrtc-tail"));
    const again = await openPage(blue, `/${new URL(address).search}`);
    await again.page.evaluate((text) => sessionStorage.setItem("smrtc-tail", text ?? ""), tail);
    await enter(again, "王小明");
    await ming.page.waitForSelector(".over", { timeout: 30_000 });
    await over(ming, /joined this room elsewhere/, room);
    await ming.shot("over-light");
    await ming.page.click(".over button");
    await ming.page.waitForSelector("form");
    assert.deepEqual(
      [await ming.page.inputValue("#name"), await ming.page.inputValue("#room")],
      ["王小明", room],
    );
    await enter(ming, "王小明");
    assert.deepEqual([...ming.trouble, ...lin.trouble, ...again.trouble], []);
    await Promise.all([ming.close(), lin.close(), again.close()]);
  },
);

/**
 * The screen after a call says why, for as long as it is looked at, and nothing of the call is left
 * beside it.
 */
async function over({ page }, why, room) {
  const words = (await page.textContent(".over")) ?? "";
  assert.match(words, /The call is over/);
  assert.match(words, why);
  assert.ok(words.includes(room), words);
  for (const gone of [".call", ".tile", ".shield", ".banner", "video", "canvas"])
    assert.equal(await page.$(gone), null, `${gone} is still there`);
  assert.equal(
    await page.evaluate(() => document.activeElement?.textContent),
    "The call is over",
    "the focus is on the words",
  );
  // Notices go away by themselves after 12 s.
  await page.clock.fastForward(20_000);
  assert.equal(await page.textContent(".over"), words);
}

test(
  "a gateway that does not come back ends the call in lasting words",
  { timeout: 120_000 },
  async () => {
    const gone = await startGateway(makeWebRoot(), { args: ["--demo"] });
    const mei = await openPage(blue, "/?room=gone", { at: gone.origin, clock: true });
    await enter(mei, "Mei");
    await mei.page.waitForSelector(".tile");
    await gone.stop();
    await mei.page.waitForSelector(".banner:not([hidden])", { timeout: 30_000 });
    // The SDK tries for two minutes, of which one in which the machine slept counts for a few
    // seconds.
    for (let jump = 0; jump < 7; jump++) await mei.page.clock.fastForward(20_000);
    await mei.page.waitForSelector(".over", { timeout: 60_000 });
    await over(mei, /connection was lost.*Join again/, "gone");
    assert.deepEqual(mei.trouble, []);
    await mei.close();
  },
);

test(
  "a visitor with another key reads “Cannot decrypt” where the picture would be",
  { timeout: 120_000 },
  async () => {
    const key = (letter) => `#key=${letter.repeat(42)}A`;
    const mei = await openPage(blue, `/?room=keys${key("A")}`);
    await enter(mei, "Mei");
    await until("the shield to name the external key", async () =>
      /external key/.test((await mei.page.textContent(".shield")) ?? ""),
    );
    assert.match((await mei.page.textContent(".panel")) ?? "", /One key from the link/);
    const eve = await openPage(green, `/?room=keys${key("B")}`);
    await enter(eve, "Eve");
    const tile = await eve.page.waitForSelector(
      ".stage .tile:not(.self)[data-state=cannot-decrypt]",
      { timeout: 30_000 },
    );
    assert.match((await tile.textContent()) ?? "", /Cannot decrypt.*uses another key/);
    await eve.page.waitForTimeout(1_500);
    assert.match((await eve.page.textContent(".shield")) ?? "", /Keys differ/);
    assert.equal(
      await eve.page
        .$eval(".stage .tile:not(.self) canvas", (canvas) => getComputedStyle(canvas).visibility)
        .catch(() => "hidden"),
      "hidden",
    );
    await eve.shot("cannot-decrypt-light");
    await eve.page.emulateMedia({ colorScheme: "dark" });
    await eve.page.setViewportSize(NARROW);
    await eve.page.keyboard.press("Escape");
    await eve.page.waitForTimeout(500);
    await eve.shot("cannot-decrypt-narrow-dark");
    assert.deepEqual([...mei.trouble, ...eve.trouble], []);
    await Promise.all([mei.close(), eve.close()]);
  },
);

test(
  "without a camera the page says so and lets one in all the same; WebSocket can be forced",
  { timeout: 120_000 },
  async () => {
    const guest = await openPage(bare, "/?room=bare&transport=websocket", { viewport: NARROW });
    await guest.page.waitForSelector(".preview .message strong");
    assert.match(
      (await guest.page.textContent(".preview .message")) ?? "",
      /No camera or microphone found/,
    );
    await guest.shot("no-camera-narrow-light");
    await enter(guest, "Guest");
    await until(
      "the transport",
      async () => (await guest.page.textContent(".chip")) === "WebSocket",
    );
    assert.deepEqual(guest.trouble, []);
    await guest.close();
  },
);

test(
  "a refused token, a damaged link and a browser without WebTransport are put in words",
  { timeout: 120_000 },
  async () => {
    const refused = await openPage(blue, "/?room=words&token=not.a.token");
    await refused.page.fill("#name", "Mallory");
    await refused.page.click("button[type=submit]");
    await refused.page.waitForSelector(".problem:not([hidden])");
    assert.match((await refused.page.textContent(".problem")) ?? "", /did not let you in.*token/i);
    await refused.shot("refused-light");
    await refused.close();

    const damaged = await openPage(blue, "/?room=words#key=tooshort");
    assert.match(
      (await damaged.page.textContent(".problem")) ?? "",
      /key in this link is incomplete/,
    );
    await damaged.close();

    const context = await blue.browser.newContext({ viewport: WIDE });
    const page = await context.newPage();
    await page.addInitScript(() => void Reflect.deleteProperty(globalThis, "WebTransport"));
    await page.goto(`${gateway.origin}/?room=words`);
    await page.waitForSelector(".warnings li");
    assert.match((await page.textContent(".warnings")) ?? "", /WebTransport/);
    await page.screenshot({ path: join(screenshots, "no-webtransport-light.png") });
    await context.close();
  },
);
