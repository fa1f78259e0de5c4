/** The first screen: who you are, which room, and how you will look and sound. */
import { checkSystemRequirements, createStream, type LocalStream, RtcError } from "@smrtc/sdk";
import { deviceMenus } from "./devices.ts";
import { h, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { identityIsKept, rememberedName, TAIL_BYTES } from "./identity.ts";
import { LevelMeter } from "./level_meter.ts";
import { problemWith, tidy } from "./names.ts";
import { showNoPreview } from "./tile.ts";
import { explain } from "./words.ts";

export interface JoinChoice {
  readonly name: string;
  readonly room: string;
  /** Undefined if there is neither camera nor microphone: one can still listen and watch. */
  readonly stream: LocalStream | undefined;
  readonly microphoneOn: boolean;
  readonly cameraOn: boolean;
  /** One key for everybody, in the link, in place of keys that the members agree on. */
  readonly externalKey: boolean;
  /** Keep the signature key in this browser, to be known again. */
  readonly keepIdentity: boolean;
}

export interface JoinViewOptions {
  readonly room: string;
  readonly invited: boolean;
  readonly problem: string | undefined;
  /** What the link says. */
  readonly externalKey: boolean;
  /** Rejects with the reason to show if the room cannot be entered. */
  readonly join: (choice: JoinChoice) => Promise<void>;
}

export class JoinView {
  readonly element: HTMLElement;
  readonly #options: JoinViewOptions;
  readonly #preview = h("div", { class: "picture" });
  readonly #noPreview = h(
    "div",
    { class: "message" },
    h("p", { class: "dots" }, "Starting the camera"),
  );
  readonly #meter = h("meter", {
    min: 0,
    max: 1,
    low: 0,
    high: 0.8,
    value: 0,
    aria: { label: "Microphone level" },
  });
  readonly #problem = h("div", { class: "problem", role: "alert", hidden: true });
  readonly #warnings = h("ul", { class: "warnings" });
  readonly #name = h("input", {
    id: "name",
    autocomplete: "name",
    placeholder: "Your name",
    value: rememberedName(),
    required: true,
  });
  readonly #room = h("input", { id: "room", autocomplete: "off", required: true });
  readonly #keys = h(
    "select",
    { id: "keys" },
    h("option", { value: "group" }, "Agreed on in the room (MLS)"),
    h("option", { value: "external" }, "One key, in the link"),
  );
  readonly #keep = h("input", { id: "keep", type: "checkbox", checked: identityIsKept() });
  readonly #keepRow = h(
    "label",
    { class: "check", for: "keep" },
    this.#keep,
    "Keep my identity in this browser, so that others know me again",
  );
  readonly #submit = h("button", { type: "submit", class: "primary" }, "Join the call");
  readonly #devices = deviceMenus((type, deviceId) => void this.#switch(type, deviceId));
  readonly #microphone: HTMLButtonElement;
  readonly #camera: HTMLButtonElement;
  readonly #levels = new LevelMeter();
  #stream: LocalStream | undefined;
  #level: ReturnType<typeof setInterval> | undefined;
  #possible = true;

  constructor(options: JoinViewOptions) {
    this.#options = options;
    this.#room.value = options.room;
    this.#room.readOnly = options.invited;
    this.#keys.value = options.externalKey ? "external" : "group";
    // Who is invited takes the keys of those who invited.
    this.#keys.disabled = options.invited;
    this.#keys.onchange = () => this.#showKeys();
    this.#showKeys();
    this.#microphone = toggle("microphone", "Microphone", () => this.#stream?.hasAudio() === true);
    this.#camera = toggle("camera", "Camera", () => this.#stream?.hasVideo() === true);
    this.#camera.addEventListener("click", () => this.#showCameraChoice());
    const form = h(
      "form",
      // The browser's own words would be in its language, and say only that something is wrong.
      { noValidate: true },
      h("h1", {}, options.invited ? "You are invited" : "Start a sealed call"),
      h(
        "p",
        { class: "lead" },
        "Picture and sound are sealed with SM4-GCM before they leave this page. The server learns no key.",
      ),
      h("div", { class: "field" }, h("label", { for: "name" }, "Name"), this.#name),
      h("div", { class: "field" }, h("label", { for: "room" }, "Room"), this.#room),
      this.#devices.element,
      h("div", { class: "field" }, h("label", { for: "keys" }, "Keys"), this.#keys),
      this.#keepRow,
      this.#problem,
      this.#submit,
      this.#warnings,
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      void this.#join();
    };
    this.element = h(
      "main",
      { class: "join" },
      h("div", { class: "brand" }, icon("shield"), "smrtc"),
      h(
        "div",
        { class: "columns" },
        h(
          "section",
          { class: "preview", aria: { label: "Preview" } },
          h(
            "div",
            { class: "tile self" },
            this.#preview,
            this.#noPreview,
            h("div", { class: "controls" }, this.#microphone, this.#camera),
          ),
          h("div", { class: "level" }, icon("microphone"), this.#meter),
        ),
        form,
      ),
    );
    if (options.problem) this.#showProblem("Damaged link", options.problem);
  }

  /** Looks at what the browser can do and opens the devices. */
  async start(): Promise<void> {
    const requirements = await checkSystemRequirements();
    this.#possible = requirements.result;
    if (!requirements.result) {
      this.#submit.disabled = true;
      this.#showProblem("This browser cannot make the call", requirements.missing.join(" "));
    }
    this.#warnings.replaceChildren(
      ...requirements.warnings.map((warning) => h("li", {}, icon("warning"), warning)),
    );
    await this.#open();
    await this.#devices.refresh();
    this.#level = setInterval(() => {
      this.#meter.value =
        this.#microphone.ariaPressed === "true"
          ? this.#levels.level(this.#stream?.getAudioTrack())
          : 0;
    }, 100);
  }

  close(): void {
    clearInterval(this.#level);
    this.#levels.close();
    this.element.remove();
  }

  /** Camera and microphone; then one of them; then neither, with words about why. */
  async #open(): Promise<void> {
    let reason: unknown;
    for (const wanted of [
      { audio: true, video: true },
      { audio: true, video: false },
      { audio: false, video: true },
    ]) {
      const stream = createStream(wanted);
      try {
        await stream.setVideoProfile("360p");
        // For those who show us in a corner or whose network bears no more.
        await stream.enableSmallStream();
        await stream.initialize();
        this.#stream = stream;
        break;
      } catch (error) {
        reason ??= error;
        stream.close();
        if (!(error instanceof RtcError) || error.codeName === "NOT_SUPPORTED") break;
      }
    }
    press(this.#microphone, this.#stream?.hasAudio() === true);
    press(this.#camera, this.#stream?.hasVideo() === true);
    this.#microphone.disabled = this.#stream?.hasAudio() !== true;
    this.#camera.disabled = this.#stream?.hasVideo() !== true;
    if (this.#stream?.hasVideo()) {
      await this.#stream.play(this.#preview);
      this.#noPreview.hidden = true;
      return;
    }
    const { title, advice } =
      reason === undefined
        ? { title: "No camera", advice: "Others will see your initials." }
        : explain(reason);
    showNoPreview(this.#noPreview, title, advice);
  }

  /** With one key for everybody there are no identities. */
  #showKeys(): void {
    this.#keepRow.hidden = this.#keys.value === "external";
  }

  async #switch(type: "audio" | "video", deviceId: string): Promise<void> {
    try {
      if (this.#stream) await this.#stream.switchDevice(type, deviceId);
    } catch (error) {
      const { title, advice } = explain(error);
      this.#showProblem(title, advice);
    }
  }

  #showCameraChoice(): void {
    const on = this.#camera.ariaPressed === "true";
    this.#preview.hidden = !on;
    this.#noPreview.hidden = on;
    if (!on) showNoPreview(this.#noPreview, "Camera off", "Others will see your initials.");
  }

  async #join(): Promise<void> {
    if (!this.#possible) return;
    this.#problem.hidden = true;
    const [name, room] = [tidy(this.#name.value), tidy(this.#room.value)];
    const [badName, badRoom] = [problemWith("name", name, TAIL_BYTES), problemWith("room", room)];
    this.#name.ariaInvalid = String(badName !== undefined);
    this.#room.ariaInvalid = String(badRoom !== undefined);
    const bad = badName ?? badRoom;
    if (bad !== undefined) {
      this.#showProblem(
        badName === undefined ? "This room cannot be entered" : "This name cannot be used",
        bad,
      );
      (badName === undefined ? this.#room : this.#name).focus();
      return;
    }
    this.#submit.disabled = true;
    setText(this.#submit, "Joining…");
    try {
      await this.#options.join({
        name,
        room,
        stream: this.#stream,
        microphoneOn: this.#microphone.ariaPressed === "true",
        cameraOn: this.#camera.ariaPressed === "true",
        externalKey: this.#keys.value === "external",
        keepIdentity: this.#keys.value !== "external" && this.#keep.checked,
      });
    } catch (error) {
      const { title, advice } = explain(error);
      this.#showProblem(title, advice);
    } finally {
      this.#submit.disabled = false;
      setText(this.#submit, "Join the call");
    }
  }

  #showProblem(title: string, advice: string): void {
    this.#problem.replaceChildren(
      icon("warning"),
      h("div", {}, h("strong", {}, title), h("p", {}, advice)),
    );
    this.#problem.hidden = false;
  }
}

/** A button that stays down: `aria-pressed` is its only state. */
export function toggle(
  name: "microphone" | "camera",
  word: string,
  allowed: () => boolean,
): HTMLButtonElement {
  const button = h(
    "button",
    { type: "button", class: "round", title: word, aria: { label: word, pressed: "true" } },
    icon(name),
    icon(`${name}-off`),
  );
  button.addEventListener("click", () => {
    if (allowed()) press(button, button.ariaPressed !== "true");
  });
  return button;
}

export function press(button: HTMLButtonElement, pressed: boolean): void {
  button.ariaPressed = String(pressed);
  const word = button.ariaLabel ?? "";
  button.title = `${word} ${pressed ? "on" : "off"}`;
}
