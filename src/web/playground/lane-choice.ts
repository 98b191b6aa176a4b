import type { LaneLimits } from "../../protocol/messages.js";
import { byId, element, setText } from "../shared/dom.js";
import { describeLane } from "./ending.js";

/** Which lane the program is for. */
export class LaneChoice {
  readonly #fieldset = byId("lanes");
  readonly #facts = byId("lane-facts");
  readonly #chosen: (lane: LaneLimits) => void;
  #lanes: readonly LaneLimits[] = [];
  #lane: LaneLimits | undefined;

  constructor(chosen: (lane: LaneLimits) => void) {
    this.#chosen = chosen;
  }

  /** Undefined until the daemon has said which lanes there are. */
  get lane(): LaneLimits | undefined {
    return this.#lane;
  }

  /** Shows the lanes that the daemon has, which may be others after each connection. */
  offer(lanes: readonly LaneLimits[], preferred: string | undefined): void {
    const wanted = this.#lane?.name ?? preferred;
    const isSame = JSON.stringify(lanes) === JSON.stringify(this.#lanes);
    if (isSame && this.#lane !== undefined) return;
    this.#lanes = lanes;
    const lane = lanes.find(({ name }) => name === wanted) ?? lanes[0];
    this.#fieldset.querySelectorAll("label").forEach((label) => {
      label.remove();
    });
    this.#fieldset.append(...lanes.map((one) => this.#radioOf(one, one === lane)));
    if (lane !== undefined) this.#choose(lane);
  }

  #radioOf(lane: LaneLimits, isChecked: boolean): HTMLElement {
    const radio = element("input", { type: "radio", name: "lane", value: lane.name });
    radio.checked = isChecked;
    radio.addEventListener("change", () => {
      this.#choose(lane);
    });
    return element("label", { class: "lane" }, radio, element("span", {}, lane.name));
  }

  #choose(lane: LaneLimits): void {
    this.#lane = lane;
    setText(this.#facts, describeLane(lane));
    this.#chosen(lane);
  }
}
