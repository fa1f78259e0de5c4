/** The two menus of cameras and microphones, kept in step with what is plugged in. */
import { getCameras, getMicrophones } from "@smrtc/sdk";
import { h } from "./dom.ts";

export interface DeviceMenus {
  readonly element: HTMLElement;
  readonly camera: HTMLSelectElement;
  readonly microphone: HTMLSelectElement;
  /** Reads the lists again; labels are there only once the user has allowed a device. */
  refresh(): Promise<void>;
}

export function deviceMenus(
  onChange: (type: "audio" | "video", deviceId: string) => void,
): DeviceMenus {
  const camera = h("select", { id: "camera" });
  const microphone = h("select", { id: "microphone" });
  camera.onchange = () => onChange("video", camera.value);
  microphone.onchange = () => onChange("audio", microphone.value);
  const refresh = async () => {
    fill(camera, await getCameras(), "Camera");
    fill(microphone, await getMicrophones(), "Microphone");
  };
  navigator.mediaDevices?.addEventListener("devicechange", () => void refresh());
  return {
    element: h(
      "div",
      { class: "devices" },
      h("div", { class: "field" }, h("label", { for: "camera" }, "Camera"), camera),
      h("div", { class: "field" }, h("label", { for: "microphone" }, "Microphone"), microphone),
    ),
    camera,
    microphone,
    refresh,
  };
}

function fill(select: HTMLSelectElement, devices: readonly MediaDeviceInfo[], word: string): void {
  const chosen = select.value;
  const options = devices.map((device, i) =>
    h("option", { value: device.deviceId }, shortLabel(device.label) || `${word} ${i + 1}`),
  );
  select.replaceChildren(
    ...(options.length ? options : [h("option", { value: "" }, `No ${word.toLowerCase()} found`)]),
  );
  select.disabled = options.length === 0;
  if (devices.some(({ deviceId }) => deviceId === chosen)) select.value = chosen;
}

/** Drops the vendor and product numbers that some browsers append. */
function shortLabel(label: string): string {
  const name = label.replace(/\s*\([0-9a-f]{4}:[0-9a-f]{4}\)$/i, "");
  return name.startsWith("/") ? (name.split("/").at(-1) ?? name) : name;
}
