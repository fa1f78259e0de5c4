// Real browsers, headless, with the fake camera and microphone.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import puppeteer from "puppeteer-core";
import { start, until } from "./child.js";
import { captureFiles, scratchFolder } from "./workspace.js";

// The binary itself rather than Debian's wrapper, which adds flags of its own.
const CHROMIUM = [
  process.env.SMRTC_CHROMIUM,
  "/usr/lib/chromium/chromium",
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
];
const FIREFOX = [process.env.SMRTC_FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"];

function firstThatExists(paths) {
  return paths.find((path) => path && existsSync(path));
}

export const haveFirefox = () =>
  firstThatExists(FIREFOX) !== undefined && existsSync("/usr/bin/pulseaudio");

/**
 * Chromium. `connect` gives a Playwright browser; `pid` is the root of its process tree.
 * @param {{ palette?: "blue" | "green", camera?: boolean, microphone?: string, args?: string[] }}
 *   [options] `microphone`: a WAV file
 */
export async function startChromium({
  palette = "blue",
  camera = true,
  microphone,
  args = [],
} = {}) {
  const executablePath = firstThatExists(CHROMIUM);
  if (!executablePath) throw new Error("no Chromium found; install it or set SMRTC_CHROMIUM");
  const files = captureFiles(palette);
  const server = await chromium.launchServer({
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: [
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      ...(camera
        ? [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            `--use-file-for-fake-video-capture=${files.camera}`,
            `--use-file-for-fake-audio-capture=${microphone ?? files.microphone}`,
          ]
        : []),
      ...args,
    ],
  });
  const browser = await chromium.connect(server.wsEndpoint());
  return {
    browser,
    pid: server.process().pid ?? -1,
    async close() {
      await browser.close().catch(() => {});
      await withTimeout(server.close(), 5_000).catch(() => server.kill());
    },
  };
}

/** Firefox, with a PulseAudio of its own: without a audio device its AudioContext never starts. */
export async function startFirefox() {
  const executablePath = firstThatExists(FIREFOX);
  if (!executablePath)
    throw new Error("no Firefox found; install firefox-esr or set SMRTC_FIREFOX");
  const folder = join(scratchFolder(), "pulse");
  mkdirSync(folder, { recursive: true });
  const socket = join(folder, "native");
  const pulse = start(
    "/usr/bin/pulseaudio",
    [
      "-n",
      "--daemonize=no",
      "--exit-idle-time=-1",
      "--use-pid-file=no",
      "--log-level=error",
      "--load=module-null-sink sink_name=null rate=48000 format=float32le channels=2",
      `--load=module-native-protocol-unix auth-anonymous=1 socket=${socket}`,
    ],
    { env: { HOME: folder, XDG_RUNTIME_DIR: folder, PULSE_RUNTIME_PATH: folder } },
  );
  try {
    await until("PulseAudio to listen", () => existsSync(socket) && pulse.running());
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath,
      headless: true,
      env: { ...process.env, PULSE_SERVER: `unix:${socket}`, HOME: folder },
      extraPrefsFirefox: {
        "media.navigator.streams.fake": true,
        "media.navigator.permission.disabled": true,
        "media.autoplay.default": 0,
        "media.autoplay.blocking_policy": 0,
      },
    });
    return {
      browser,
      async close() {
        await withTimeout(browser.close(), 8_000).catch(() => browser.process()?.kill("SIGKILL"));
        await pulse.stop("SIGKILL");
      },
    };
  } catch (error) {
    await pulse.stop("SIGKILL");
    throw error;
  }
}

function withTimeout(promise, milliseconds) {
  return Promise.race([
    promise,
    new Promise((_, reject) =>
      setTimeout(() => reject(new Error("timed out")), milliseconds).unref(),
    ),
  ]);
}
