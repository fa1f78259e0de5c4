/** The side panel: what protects the call, how the network does, and the log. */
import type { Client, ClientStats, EncryptionState, GroupSuiteName } from "@smrtc/sdk";
import { Chart } from "./chart.ts";
import { h, setText } from "./dom.ts";
import { GroupPanel } from "./group_panel.ts";
import { icon } from "./icons.ts";
import { displayName } from "./identity.ts";
import { notify } from "./notices.ts";
import { rates } from "./rates.ts";

const SUITE_WORDS: Record<EncryptionState["suite"], string> = {
  SM4_GCM_SM3: "SM4-GCM with SM3",
  AES_128_GCM_SHA256_128: "AES-128-GCM with SHA-256",
  AES_256_GCM_SHA512_128: "AES-256-GCM with SHA-512",
};

const GROUP_WORDS: Record<GroupSuiteName, string> = {
  SM2_SM4_GCM_SM3: "MLS with SM2 and SM3",
  SM2_PKE_SM4_GCM_SM3: "MLS with SM2 encryption and SM3",
  P256_AES_128_GCM_SHA256: "MLS with P-256 and SHA-256",
};

export const suiteWords = (suite: EncryptionState["suite"]): string => SUITE_WORDS[suite];

/** By what the engine itself says, not by what was fetched. */
const ENGINE_WORDS: Record<EncryptionState["sm4Backend"], string> = {
  wasm_relaxed_simd: "Wasm, relaxed SIMD",
  wasm_simd128: "Wasm, SIMD",
  portable: "Wasm, no SIMD",
};

const SENDER_WORDS = {
  ok: "opens",
  "cannot-decrypt": "cannot decrypt",
  waiting: "nothing yet",
} as const;

export class Panel {
  readonly element: HTMLElement;
  readonly #facts = new Map<string, HTMLElement>();
  readonly #group: GroupPanel;
  readonly #senders = h("ul", { class: "senders" });
  readonly #charts: readonly Chart[];
  #previous: ClientStats | undefined;

  constructor(client: Client, close: () => void) {
    this.#group = new GroupPanel(client);
    const delay = new Chart({
      title: "Delay",
      unit: "ms",
      minimumTop: 50,
      series: [{ name: "", className: "first" }],
    });
    const rtt = new Chart({
      title: "Round trip",
      unit: "ms",
      minimumTop: 20,
      series: [{ name: "", className: "first" }],
    });
    const loss = new Chart({
      title: "Loss",
      unit: "%",
      minimumTop: 5,
      digits: 1,
      series: updown(),
    });
    const bitrate = new Chart({
      title: "Bitrate",
      unit: "kbit/s",
      minimumTop: 500,
      series: updown(),
    });
    const fps = new Chart({ title: "Pictures", unit: "fps", minimumTop: 40, series: updown() });
    this.#charts = [delay, rtt, loss, bitrate, fps];
    const logs = h("button", { type: "button" }, icon("download"), "Download log");
    logs.onclick = () => {
      client
        .downloadLogs()
        .catch((error: unknown) =>
          notify(`The log could not be saved: ${String(error)}`, "problem"),
        );
    };
    const closeButton = h(
      "button",
      { type: "button", class: "plain", aria: { label: "Close panel" } },
      icon("close"),
    );
    closeButton.onclick = close;
    this.element = h(
      "aside",
      { class: "panel", id: "panel", aria: { label: "Connection and encryption" } },
      h("header", {}, h("h2", {}, icon("shield"), "Encryption"), closeButton),
      this.#group.element,
      h(
        "dl",
        { class: "facts" },
        ...this.#rows("Suite", "Engine", "Key source", "Epoch", "Your key id"),
      ),
      this.#senders,
      h("h2", {}, icon("chart"), "Connection"),
      h("dl", { class: "facts" }, ...this.#rows("Transport", "Sending", "Receiving")),
      ...this.#charts.map(({ element }) => element),
      h("div", { class: "actions" }, logs),
    );
  }

  /** The group at once, between two updates. */
  showEncryption(encryption: EncryptionState): void {
    this.#group.update(encryption);
  }

  update(stats: ClientStats): void {
    const { encryption } = stats;
    this.showEncryption(encryption);
    this.#set("Suite", suiteWords(encryption.suite));
    this.#set("Engine", ENGINE_WORDS[encryption.sm4Backend]);
    this.#set(
      "Key source",
      encryption.group === undefined
        ? "external key (from the link)"
        : GROUP_WORDS[encryption.group.suite],
    );
    this.#set("Epoch", String(encryption.epoch));
    this.#set("Your key id", encryption.kid === "" ? "none yet" : groups(encryption.kid));
    this.#senders.replaceChildren(
      ...encryption.perSender.map((sender) =>
        h(
          "li",
          { class: sender.state },
          icon(sender.state === "cannot-decrypt" ? "lock-broken" : "lock"),
          h("span", {}, displayName(sender.userId)),
          h("small", {}, sender.kid ? `key id ${groups(sender.kid)}` : ""),
          h(
            "small",
            {},
            `${SENDER_WORDS[sender.state]}: ${sender.framesOpened.toLocaleString("en")} frames opened, ${sender.framesRejected.toLocaleString("en")} refused`,
          ),
        ),
      ),
    );
    this.#set("Transport", transportWords(stats.transport.transport));
    this.#set("Sending", sending(stats.localVideo));
    this.#set("Receiving", Object.values(stats.remoteVideo).map(picture).join("; ") || "–");
    const now = rates(this.#previous, stats);
    this.#previous = stats;
    const values = [
      [now.delay],
      [now.rtt],
      [now.lossUp, now.lossDown],
      [now.sendKbps, now.receiveKbps],
      [now.sendFps, now.receiveFps],
    ];
    this.#charts.forEach((chart, i) => chart.push(values[i] ?? []));
  }

  #rows(...names: string[]): Node[] {
    return names.flatMap((name) => {
      const value = h("dd", {}, "–");
      this.#facts.set(name, value);
      return [h("dt", {}, name), value];
    });
  }

  #set(name: string, text: string): void {
    const element = this.#facts.get(name);
    if (element) setText(element, text);
  }
}

function updown() {
  return [
    { name: "up", className: "first" },
    { name: "down", className: "second" },
  ] as const;
}

export const transportWords = (transport: "webtransport" | "websocket"): string =>
  transport === "webtransport" ? "WebTransport (HTTP/3, UDP)" : "WebSocket (TCP)";

function picture(
  video: { codec: string; frameWidth: number; frameHeight: number } | undefined,
): string {
  return video && video.frameWidth > 0
    ? `${video.codec.toUpperCase()} ${video.frameWidth} × ${video.frameHeight}`
    : "–";
}

/** The big stream and the small one beside it. */
function sending(video: ClientStats["localVideo"]): string {
  const [small] = (video?.layers ?? []).filter(
    ({ rid, frameWidth }) => rid === "small" && frameWidth > 0,
  );
  const beside =
    small && video?.frameWidth !== small.frameWidth
      ? ` and ${small.frameWidth} × ${small.frameHeight}`
      : "";
  return picture(video) + beside;
}

/** Sixteen hexadecimal digits in fours, to read aloud. */
function groups(kid: string): string {
  return kid.replaceAll(/(.{4})(?=.)/g, "$1 ");
}
