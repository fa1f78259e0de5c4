/**
 * What the page knows of the group behind its keys: who is in it, which code to compare, who has
 * compared it.
 */
import { RtcError } from "../errors.ts";
import type { ClientEvents, GroupKeysState, GroupMember, GroupState } from "../events.ts";
import type { GroupSuiteName } from "../options.ts";
import type { RosterMember, GroupEvent } from "./generated/engine.ts";

type Emit = <Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]) => void;

export class GroupView {
  readonly #suite: GroupSuiteName;
  readonly #emit: Emit;
  #state: GroupState = "idle";
  #code = "";
  #members: readonly RosterMember[] = [];
  /**
   * By user: the fingerprint that was compared. It holds for that identity only, in whatever epoch.
   */
  readonly #compared: Map<string, string>;
  /** Users of whom a signed message agrees with this epoch. */
  readonly #confirmed = new Set<string>();
  readonly #split = new Set<string>();
  #unconfirmed: readonly string[] = [];

  /** `compared` outlives calls: who leaves and comes back as the same identity stays compared. */
  constructor(suite: GroupSuiteName, compared: Map<string, string>, emit: Emit) {
    this.#suite = suite;
    this.#compared = compared;
    this.#emit = emit;
  }

  get members(): GroupMember[] {
    return this.#members.map((member) => this.#member(member));
  }

  get verificationCode(): string {
    return this.#code;
  }

  get keysState(): GroupKeysState {
    return {
      suite: this.#suite,
      state: this.#state,
      verificationCode: this.#code,
      members: this.members,
      split: [...this.#split],
      unconfirmed: this.#unconfirmed,
    };
  }

  /** Says that a user's numbers were compared, or were not after all. */
  setCompared(userId: string, compared: boolean): void {
    const member = this.#members.find((one) => one.user === userId && !one.own);
    if (member === undefined)
      throw new RtcError("INVALID_PARAMETER", "nobody else of this name is in the group");
    if (compared) this.#compared.set(userId, member.fingerprint);
    else this.#compared.delete(userId);
    this.#tellVerification();
  }

  handle(event: GroupEvent): void {
    switch (event.kind) {
      case "state":
        this.#state = event.state;
        this.#emit("group-state-changed", { state: event.state });
        return;
      case "epoch":
        this.#code = event.verificationCode;
        this.#confirmed.clear();
        this.#split.clear();
        this.#emit("epoch-changed", { epoch: event.epoch, verificationCode: this.#code });
        this.#tellVerification();
        return;
      case "roster":
        this.#onRoster(event);
        return;
      case "confirmed":
        this.#confirmed.add(event.user);
        this.#tellVerification();
        return;
      case "split":
        this.#split.add(event.user);
        this.#emit("group-warning", { kind: "split", userId: event.user });
        return;
      case "unconfirmed":
        this.#unconfirmed = event.users;
        this.#emit("group-warning", { kind: "unconfirmed", userIds: event.users });
        return;
      case "removed":
        this.#onRemoved(event);
        return;
      case "certificate-invalid":
        this.#emit("group-warning", {
          kind: "certificate-invalid",
          reason: event.why,
          ...(event.user === undefined ? {} : { userId: event.user }),
        });
        return;
      case "refused":
        this.#onRefused(event);
    }
  }

  #onRoster(event: Extract<GroupEvent, { kind: "roster" }>): void {
    this.#members = event.members;
    const present = new Set(event.members.map(({ user }) => user));
    this.#unconfirmed = this.#unconfirmed.filter((userId) => present.has(userId));
    this.#emit("roster-changed", {
      joined: event.joined.map((member) => this.#member(member)),
      left: event.left.map((member) => this.#member(member)),
      ...(event.by === undefined ? {} : { by: event.by }),
      members: this.members,
    });
  }

  #onRemoved({ by }: Extract<GroupEvent, { kind: "removed" }>): void {
    this.#code = "";
    this.#members = [];
    this.#confirmed.clear();
    this.#split.clear();
    this.#emit("group-warning", { kind: "removed", ...(by === undefined ? {} : { by }) });
    this.#tellVerification();
  }

  #onRefused({ what: subject, why: reason }: Extract<GroupEvent, { kind: "refused" }>): void {
    switch (subject) {
      case "key-package":
        this.#emit("group-warning", { kind: "identity-refused", reason });
        return;
      case "own":
        this.#emit("group-warning", { kind: "failed", reason });
        return;
      case "commit":
      case "welcome":
      case "group":
        this.#emit("group-warning", { kind: "message-refused", subject, reason });
    }
  }

  #tellVerification(): void {
    this.#emit("verification-changed", { verificationCode: this.#code, members: this.members });
  }

  #member({ user, leafIndex, fingerprint, own, expires }: RosterMember): GroupMember {
    return {
      userId: user,
      leafIndex,
      fingerprint,
      self: own,
      ...(expires === undefined ? {} : { certifiedUntil: new Date(expires * 1000) }),
      compared: this.#compared.get(user) === fingerprint,
      confirmed: own || this.#confirmed.has(user),
    };
  }
}
