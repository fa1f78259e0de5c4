/** The part of the panel about the group: the code to compare, and everybody who holds the keys. */
import type { Client, EncryptionState, GroupMember } from "@smrtc/sdk";
import { h, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import { displayName } from "./identity.ts";

export class GroupPanel {
  readonly element: HTMLElement;
  readonly #client: Client;
  readonly #code = h("output", { class: "code", aria: { label: "Verification code" } });
  readonly #advice = h("p", { class: "advice" });
  readonly #people = h("ul", { class: "people", aria: { label: "People in the group" } });
  readonly #with: HTMLElement;
  readonly #without = h(
    "p",
    { class: "advice" },
    "One key from the link seals this call. Whoever has the link can open it, also later, and no code can show who that is.",
  );
  /**
   * What the list was made from; it is made anew only when that changes, so that nobody's focus is
   * lost.
   */
  #shown = "";

  constructor(client: Client) {
    this.#client = client;
    this.#with = h(
      "div",
      {},
      this.#code,
      this.#advice,
      h("h2", {}, icon("person"), "People"),
      this.#people,
    );
    this.element = h(
      "section",
      { class: "group", aria: { label: "Group" } },
      this.#with,
      this.#without,
    );
  }

  update({ group }: EncryptionState): void {
    this.#with.hidden = group === undefined;
    this.#without.hidden = group !== undefined;
    if (group === undefined) return;
    setText(this.#code, group.verificationCode);
    this.#code.hidden = group.verificationCode === "";
    setText(this.#advice, advice(group.state, group.members));
    const shown = JSON.stringify([group.members, group.split, group.unconfirmed]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const open = new Set(
      [...this.#people.querySelectorAll("details[open]")].map(
        (details) => details.closest("li")?.dataset.user,
      ),
    );
    const focused = document.activeElement?.closest<HTMLElement>(".people li")?.dataset.user;
    this.#people.replaceChildren(
      ...group.members.map((member) => this.#person(member, group, open.has(member.userId))),
    );
    if (focused !== undefined)
      [...this.#people.children]
        .find((item) => item instanceof HTMLElement && item.dataset.user === focused)
        ?.querySelector("button")
        ?.focus();
  }

  #person(
    member: GroupMember,
    {
      split,
      unconfirmed,
    }: { readonly split: readonly string[]; readonly unconfirmed: readonly string[] },
    open: boolean,
  ): HTMLElement {
    const name = displayName(member.userId);
    const apart = split.includes(member.userId);
    const words = apart
      ? "in another group than you"
      : unconfirmed.includes(member.userId)
        ? "silent: nothing signed for long"
        : member.confirmed
          ? "same keys, signed"
          : "not heard of yet";
    const certified =
      member.certifiedUntil === undefined
        ? ""
        : `, certified until ${member.certifiedUntil.toLocaleString()}`;
    const item = h(
      "li",
      { class: apart ? "apart" : member.compared ? "compared" : "", data: { user: member.userId } },
      icon(apart ? "lock-broken" : "lock"),
      h(
        "span",
        { class: "who" },
        `${name}${member.self ? " (you)" : ""}`,
        h("small", {}, member.self ? "" : words + certified),
      ),
    );
    if (member.self) return item;
    const compare = h(
      "button",
      {
        type: "button",
        class: "mark",
        aria: { pressed: String(member.compared), label: `${name}: code compared` },
      },
      member.compared ? "Compared" : "Mark as compared",
    );
    compare.onclick = () => this.#client.setCompared(member.userId, !member.compared);
    item.append(
      compare,
      h(
        "details",
        { open },
        h("summary", {}, "Fingerprint"),
        h("output", { class: "fingerprint" }, member.fingerprint),
      ),
    );
    return item;
  }
}

function advice(
  state: NonNullable<EncryptionState["group"]>["state"],
  members: readonly GroupMember[],
): string {
  switch (state) {
    case "idle":
    case "joining":
      return "Agreeing on keys with the others…";
    case "healing":
      return "Something was missed; getting back into the group…";
    case "removed":
      return "You were taken out of the group. Nothing is sent or opened any more.";
    case "in-group":
      return members.length < 2
        ? "You are alone in the group. The code changes whenever somebody comes or goes."
        : "Read this code to each other. If everybody has the same one, nobody sits in between. It changes whenever somebody comes or goes.";
  }
}
