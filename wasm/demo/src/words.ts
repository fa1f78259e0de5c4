/** What went wrong, in words for the person in front of the page. */
import { type GroupWarning, RtcError } from "@smrtc/sdk";
import { displayName } from "./identity.ts";

export interface Explanation {
  readonly title: string;
  readonly advice: string;
}

export function explain(thrown: unknown): Explanation {
  if (!(thrown instanceof RtcError)) {
    return {
      title: "Something went wrong",
      advice: thrown instanceof Error ? thrown.message : String(thrown),
    };
  }
  switch (thrown.codeName) {
    case "DEVICE_NOT_FOUND":
      return {
        title: "No camera or microphone found",
        advice: "Plug one in, or join without: you will still see and hear the others.",
      };
    case "DEVICE_NOT_ALLOWED":
      return {
        title: "Camera and microphone are blocked",
        advice:
          "Allow them for this page (the icon at the left of the address bar), then choose the device again.",
      };
    case "DEVICE_NOT_READABLE":
      return {
        title: "Camera or microphone is busy",
        advice: "Another program seems to use it. Close that program and choose the device again.",
      };
    case "NOT_SUPPORTED":
      return { title: "This browser cannot make the call", advice: sentence(thrown.message) };
    case "JOIN_REFUSED":
      return {
        title: "The gateway did not let you in",
        advice: `${sentence(thrown.message)} Ask for a new invitation.`,
      };
    case "CLIENT_BANNED":
      return { title: "You were taken out of the room", advice: sentence(thrown.message) };
    case "SIGNAL_CHANNEL_SETUP_FAILED":
      return {
        title: "The gateway cannot be reached",
        advice: `${sentence(thrown.message)} Check the network and try again.`,
      };
    case "SIGNAL_CHANNEL_RECONNECTION_FAILED":
    case "UPLINK_RECONNECTION_FAILED":
    case "DOWNLINK_RECONNECTION_FAILED":
      return {
        title: "The connection was lost",
        advice: "It did not come back. Join again when the network is there.",
      };
    case "NO_COMMON_CODEC":
      return {
        title: "No common video format",
        advice:
          "Somebody in the room cannot decode any picture this browser can send. Sound still works.",
      };
    case "ENCRYPTION_FAILED":
      return {
        title: "Sealing stopped",
        advice: "Nothing is sent in the clear, so nothing is sent. Leave and join again.",
      };
    default:
      return { title: "Something went wrong", advice: sentence(thrown.message) };
  }
}

/** What is wrong with the group. `lasting` ones stay on the page until they are over. */
export function explainGroup(warning: GroupWarning): Explanation & { readonly lasting: boolean } {
  switch (warning.kind) {
    case "removed":
      return {
        title: "You were taken out of the group",
        advice: `${warning.by === undefined ? "A member" : displayName(warning.by)} says that you have left. Nothing you send is heard. Leave and join again.`,
        lasting: true,
      };
    case "split":
      return {
        title: "The group is split",
        advice: `${displayName(warning.userId)} is in another group than you: somebody shows the two of you different ones. Say nothing confidential, leave, and tell your administrator.`,
        lasting: true,
      };
    case "unconfirmed":
      return {
        title: `Nothing signed came from ${warning.userIds.map(displayName).join(", ")} for long`,
        advice: "Their messages may be held back.",
        lasting: false,
      };
    case "certificate-invalid":
      return {
        title: "Certificate invalid",
        advice: `${warning.userId === undefined ? "Somebody" : displayName(warning.userId)} shows a certificate that cannot be accepted (${warning.reason}), and is kept out of the group.`,
        lasting: false,
      };
    case "identity-refused":
      return {
        title: "Not admitted",
        advice: `Somebody wants to join whom the room does not accept (${warning.reason}), and stays outside.`,
        lasting: false,
      };
    case "clock-off":
      return {
        title: "A clock is wrong",
        advice: `${sentence(warning.reason)} Set it right, or you may be kept out of the group, or keep others out.`,
        lasting: false,
      };
    case "message-refused":
      return {
        title: "A message about the group was not accepted",
        advice: sentence(warning.reason),
        lasting: false,
      };
    case "failed":
      return {
        title: "Keys cannot be agreed on",
        advice: sentence(warning.reason),
        lasting: false,
      };
  }
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}${/[.!?]$/.test(trimmed) ? "" : "."}`;
}
