/**
 * The call: the stage, the bar of buttons, the panel. It listens to the client and decides only
 * what to show.
 */
import {
  type Client,
  type LocalStream,
  type RemoteStream,
  RtcError,
  type VideoStreamType,
} from "@smrtc/sdk";
import { h, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { displayName } from "./identity.ts";
import { press, toggle } from "./join_view.ts";
import { notify } from "./notices.ts";
import { Panel } from "./panel.ts";
import { roundButton } from "./round_button.ts";
import { ScreenShare } from "./screen_share.ts";
import { shieldWords } from "./shield.ts";
import { Stage } from "./stage.ts";
import { Tile } from "./tile.ts";
import { explain, explainGroup, type Explanation } from "./words.ts";

export interface CallViewOptions {
  readonly client: Client;
  readonly userId: string;
  readonly room: string;
  readonly stream: LocalStream | undefined;
  readonly microphoneOn: boolean;
  readonly cameraOn: boolean;
  /** One key for everybody, in the link; else the members of the room agree on keys. */
  readonly externalKey: boolean;
  readonly invite: string;
  readonly onLeave: () => void;
  /** The call ended, and not by us. */
  readonly onOver: (reason: Explanation) => void;
}

const STATS_MILLISECONDS = 1_000;
const VOLUME_MILLISECONDS = 200;

export class CallView {
  readonly element: HTMLElement;
  readonly #options: CallViewOptions;
  readonly #stage = new Stage();
  readonly #self: Tile;
  readonly #panel: Panel;
  readonly #banner = h("div", { class: "banner", role: "alert", hidden: true });
  readonly #shield = h(
    "button",
    { type: "button", class: "shield", aria: { controls: "panel" } },
    icon("shield"),
    h("span", {}, "Sealed end to end"),
  );
  readonly #shieldWords: Element;
  readonly #transport = h("span", { class: "chip", hidden: true });
  readonly #groupBanner = h("div", { class: "banner", role: "alert", hidden: true });
  readonly #alone: HTMLElement;
  readonly #microphone: HTMLButtonElement;
  readonly #camera: HTMLButtonElement;
  readonly #share: ScreenShare;
  readonly #panelButton: HTMLButtonElement;
  readonly #clickForAudio: HTMLButtonElement;
  /** Why the call ended, once it has. */
  #endReason: Explanation | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Undoes every listener. */
  readonly #cleanup: (() => void)[] = [];

  constructor(options: CallViewOptions) {
    this.#options = options;
    const { client, stream } = options;
    this.#self = new Tile(options.userId, { self: true });
    this.#panel = new Panel(client, () => this.#showPanel(false));
    this.#shieldWords = this.#shield.lastElementChild ?? this.#shield;
    this.#shield.onclick = () => this.#showPanel(!this.#panelShown());
    this.#microphone = toggle("microphone", "Microphone", () => stream?.hasAudio() === true);
    this.#camera = toggle("camera", "Camera", () => stream?.hasVideo() === true);
    this.#microphone.addEventListener("click", () => this.#applyMute());
    this.#camera.addEventListener("click", () => this.#applyMute());
    this.#share = new ScreenShare(client, (error) => this.#problem(error));
    this.#panelButton = roundButton("chart", "Statistics", () =>
      this.#showPanel(!this.#panelShown()),
    );
    this.#panelButton.setAttribute("aria-controls", "panel");
    const invite = roundButton("link", "Copy invitation link", () => void this.#copyInvite());
    const leave = roundButton("leave", "Leave", () => options.onLeave());
    leave.classList.add("leave");
    const copy = h(
      "button",
      { type: "button", class: "primary" },
      icon("link"),
      "Copy invitation link",
    );
    copy.onclick = () => void this.#copyInvite();
    this.#alone = h(
      "div",
      { class: "alone" },
      h("h2", {}, "Nobody else is here yet"),
      h(
        "p",
        {},
        options.externalKey
          ? "Send the link to the people you want to talk to. It holds the key: send it by a way you trust."
          : "Send the link to the people you want to talk to. Keys are agreed on when they come.",
      ),
      copy,
    );
    this.#clickForAudio = h(
      "button",
      { type: "button", class: "primary sound", hidden: true },
      "Click to hear the others",
    );
    this.#clickForAudio.onclick = () => void this.#resumeAudio();
    this.element = h(
      "main",
      { class: "call" },
      h(
        "header",
        { class: "top" },
        h("span", { class: "brand" }, icon("shield"), "smrtc"),
        h("span", { class: "room", title: "Room" }, options.room),
        this.#transport,
        this.#shield,
      ),
      h("div", { class: "banners" }, this.#banner, this.#groupBanner),
      h(
        "div",
        { class: "middle" },
        h("div", { class: "floor" }, this.#stage.element, this.#alone, this.#clickForAudio),
        this.#panel.element,
      ),
      h(
        "nav",
        { class: "bar", aria: { label: "Call controls" } },
        this.#microphone,
        this.#camera,
        this.#share.button,
        invite,
        this.#panelButton,
        leave,
      ),
    );
    this.#showPanel(matchMedia("(min-width: 1100px)").matches);
  }

  /** After `client.join()` has resolved. */
  async start(): Promise<void> {
    const { client, stream, microphoneOn, cameraOn } = this.#options;
    this.#listen();
    this.#stage.setSelf(this.#self);
    press(this.#microphone, stream?.hasAudio() === true && microphoneOn);
    press(this.#camera, stream?.hasVideo() === true && cameraOn);
    this.#microphone.disabled = stream?.hasAudio() !== true;
    this.#camera.disabled = stream?.hasVideo() !== true;
    for (const remote of client.getRemoteStreams()) void this.#addRemote(remote);
    if (stream) {
      this.#applyMute();
      await Promise.all([this.#self.play(stream), client.publish(stream)]).catch((error: unknown) =>
        this.#problem(error),
      );
    } else this.#self.setState("no-picture");
    client.enableAudioVolumeEvaluation(VOLUME_MILLISECONDS);
    this.#timer = setInterval(() => void this.#refresh(), STATS_MILLISECONDS);
    this.#updateAlone();
    await this.#refresh();
  }

  close(): void {
    clearInterval(this.#timer);
    for (const undo of this.#cleanup) undo();
    this.#share.close();
    this.#stage.close();
    this.element.remove();
  }

  #listen(): void {
    const { client } = this.#options;
    const on: Client["on"] = (event, listener) => {
      this.#cleanup.push(() => client.off(event, listener));
      return client.on(event, listener);
    };
    if (this.#options.externalKey) {
      on("peer-join", ({ userId }) => this.#came(userId));
      on("peer-leave", ({ userId }) => this.#went(userId));
    } else this.#listenToGroup(on);
    on("stream-subscribed", ({ stream }) => void this.#addRemote(stream));
    on("stream-updated", ({ stream }) => this.#updateRemote(stream));
    on("stream-removed", ({ stream }) => {
      if (stream.getType() === "auxiliary") this.#stage.remove(keyOf(stream));
      else this.#stage.get(keyOf(stream))?.setState("no-picture");
      this.#updateAlone();
    });
    for (const event of ["mute-audio", "unmute-audio", "mute-video", "unmute-video"] as const)
      on(event, ({ userId }) => this.#updateUser(userId));
    on("decryption-state-changed", ({ userId, state }) => {
      this.#updateUser(userId);
      if (state === "cannot-decrypt")
        notify(
          `What ${displayName(userId)} sends cannot be decrypted: the keys differ.`,
          "problem",
        );
    });
    on("audio-volume", ({ result }) => {
      for (const { userId, audioVolume, stream } of result) {
        const tile = stream
          ? this.#stage.get(keyOf(stream))
          : userId === this.#options.userId || userId === ""
            ? this.#self
            : undefined;
        tile?.setLevel(audioVolume / 100);
      }
    });
    on("connection-state-changed", ({ state }) => {
      this.#banner.hidden = state !== "RECONNECTING";
      setText(
        this.#banner,
        state === "RECONNECTING" ? "The connection was lost. Trying again…" : "",
      );
      // Whatever ended it: the event that says why comes with this one, before or after.
      if (state === "DISCONNECTED")
        queueMicrotask(() =>
          this.#options.onOver(
            this.#endReason ?? {
              title: "The connection was lost",
              advice: "Join again when the network is there.",
            },
          ),
        );
    });
    on("client-banned", ({ message }) => {
      this.#endReason = explain(new RtcError("CLIENT_BANNED", message));
    });
    on("error", (error) => {
      if (
        client.getConnectionState() === "DISCONNECTED" ||
        error.codeName === "SIGNAL_CHANNEL_RECONNECTION_FAILED"
      )
        this.#endReason = explain(error);
      else this.#problem(error);
    });
    const keys = (event: KeyboardEvent) => this.#key(event);
    document.addEventListener("keydown", keys);
    this.#cleanup.push(() => document.removeEventListener("keydown", keys));
  }

  /** Who is here says the group, not the gateway: nobody else holds a key. */
  #listenToGroup(on: Client["on"]): void {
    const { client } = this.#options;
    on("roster-changed", ({ joined, left, members }) => {
      const stays = (userId: string) => members.some((member) => member.userId === userId);
      for (const { userId, self } of left) if (!self && !stays(userId)) this.#went(userId);
      const first = joined.some(({ self }) => self);
      for (const { userId, self } of joined) {
        if (self) continue;
        const again = left.some((member) => member.userId === userId);
        this.#came(
          userId,
          first
            ? ""
            : again
              ? `${displayName(userId)} joined again, with another identity`
              : undefined,
        );
      }
    });
    on(
      "verification-changed",
      () =>
        void client.getEncryptionState().then(
          (state) => this.#panel.showEncryption(state),
          () => undefined,
        ),
    );
    on("group-state-changed", ({ state }) => {
      if (state === "in-group") this.#groupBanner.hidden = true;
    });
    on("group-warning", (warning) => {
      if (warning.kind === "unconfirmed" && warning.userIds.length === 0) return;
      const { title, advice, lasting } = explainGroup(warning);
      if (!lasting) {
        notify(`${title}. ${advice}`, "problem");
        return;
      }
      setText(this.#groupBanner, `${title}. ${advice}`);
      this.#groupBanner.hidden = false;
    });
  }

  /** @param words empty for none */
  #came(userId: string, words = `${displayName(userId)} joined`): void {
    this.#ensureTile(userId).setState("no-picture");
    for (const stream of this.#options.client.getRemoteStreams())
      if (stream.getUserId() === userId) void this.#addRemote(stream);
    if (words !== "") notify(words);
  }

  #went(userId: string): void {
    for (const key of this.#stage.keys()) if (key.startsWith(`${userId}/`)) this.#stage.remove(key);
    this.#updateAlone();
    notify(`${displayName(userId)} left`);
  }

  #isHere(userId: string): boolean {
    return (
      this.#options.externalKey ||
      this.#options.client.getGroupMembers().some((member) => member.userId === userId)
    );
  }

  #ensureTile(userId: string, type: "main" | "auxiliary" = "main"): Tile {
    const key = `${userId}/${type}`;
    const present = this.#stage.get(key);
    if (present) return present;
    // A screen comes in one size.
    const onSize = (size: VideoStreamType) =>
      void this.#options.client
        .setRemoteVideoStreamType(userId, size)
        .catch((error: unknown) => this.#problem(error));
    const tile = new Tile(userId, type === "auxiliary" ? { screen: true } : { onSize });
    this.#stage.add(key, tile);
    this.#updateAlone();
    return tile;
  }

  async #addRemote(stream: RemoteStream): Promise<void> {
    if (!this.#isHere(stream.getUserId())) return;
    const tile = this.#ensureTile(stream.getUserId(), stream.getType());
    this.#updateRemote(stream);
    const stop = stream.onVideoFrame((frame) => {
      frame.close();
      stop();
      this.#updateRemote(stream, true);
    });
    try {
      await tile.play(stream);
    } catch (error) {
      if (error instanceof RtcError && error.codeName === "PLAY_NOT_ALLOWED")
        this.#clickForAudio.hidden = false;
      else this.#problem(error);
    }
  }

  #updateRemote(stream: RemoteStream, pictureCame = false): void {
    const tile = this.#stage.get(keyOf(stream));
    if (!tile) return;
    tile.setMicrophoneMuted(
      stream.getType() === "main" && (!stream.hasAudio() || stream.isAudioMuted()),
    );
    const had = tile.element.dataset.picture === "yes";
    if (pictureCame) tile.element.dataset.picture = "yes";
    if (stream.getDecryptionState() === "cannot-decrypt") tile.setState("cannot-decrypt");
    else if (!stream.hasVideo() || stream.isVideoMuted()) tile.setState("no-picture");
    else tile.setState(had || pictureCame ? "playing" : "waiting");
  }

  #updateUser(userId: string): void {
    for (const stream of this.#options.client.getRemoteStreams())
      if (stream.getUserId() === userId) this.#updateRemote(stream);
  }

  #applyMute(): void {
    const { stream } = this.#options;
    if (!stream) return;
    const [microphone, camera] = [
      this.#microphone.ariaPressed === "true",
      this.#camera.ariaPressed === "true",
    ];
    if (microphone) stream.unmuteAudio();
    else stream.muteAudio();
    if (camera) stream.unmuteVideo();
    else stream.muteVideo();
    this.#self.setMicrophoneMuted(!microphone);
    this.#self.setState(camera ? "playing" : "no-picture");
  }

  async #copyInvite(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#options.invite);
      notify(
        this.#options.externalKey
          ? "Invitation link copied. It holds the key: send it by a way you trust."
          : "Invitation link copied.",
      );
    } catch {
      prompt("Copy this link:", this.#options.invite);
    }
  }

  async #resumeAudio(): Promise<void> {
    this.#clickForAudio.hidden = true;
    await Promise.all(
      this.#options.client.getRemoteStreams().map((stream) => stream.resume()),
    ).catch((error: unknown) => this.#problem(error));
  }

  async #refresh(): Promise<void> {
    try {
      const stats = await this.#options.client.getStats();
      this.#panel.update(stats);
      setText(
        this.#transport,
        stats.transport.transport === "webtransport" ? "WebTransport" : "WebSocket",
      );
      this.#transport.hidden = false;
      const { words, broken, title } = shieldWords(stats.encryption, (userId) =>
        this.#isHere(userId),
      );
      this.#shield.classList.toggle("broken", broken);
      setText(this.#shieldWords, words);
      this.#shield.title = title;
    } catch {
      // Between two connections there are no numbers.
    }
  }

  #updateAlone(): void {
    this.#alone.hidden = this.#stage.remoteCount > 0;
  }

  #panelShown(): boolean {
    return !this.#panel.element.hidden;
  }

  #showPanel(shown: boolean): void {
    this.#panel.element.hidden = !shown;
    for (const control of [this.#panelButton, this.#shield]) control.ariaExpanded = String(shown);
  }

  #key(event: KeyboardEvent): void {
    const typing =
      event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "m") this.#microphone.click();
    else if (event.key === "v") this.#camera.click();
    else if (event.key === "s") this.#showPanel(!this.#panelShown());
    else if (event.key === "Escape") this.#showPanel(false);
  }

  #problem(error: unknown): void {
    const { title, advice } = explain(error);
    notify(`${title}. ${advice}`, "problem");
  }
}

function keyOf(stream: RemoteStream): string {
  return `${stream.getUserId()}/${stream.getType()}`;
}
