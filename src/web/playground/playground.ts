import type { LaneLimits } from "../../protocol/messages.js";
import { byId, byIdOf, element } from "../shared/dom.js";
import { formatLimit } from "../shared/format.js";
import { Drafts } from "./drafts.js";
import { Editor } from "./editor.js";
import { examplesFor } from "./examples.js";
import { Fields } from "./fields.js";
import { FilesView } from "./files-view.js";
import { InputLine } from "./input-line.js";
import { LaneChoice } from "./lane-choice.js";
import { Link } from "./link.js";
import { Player } from "./player.js";
import { readDraft } from "./request.js";
import { Stage } from "./stage.js";

/** The page: what is typed on its one side is run, and the other side shows what comes of it. */
export class Playground {
  readonly #drafts = new Drafts(() => localStorage);
  readonly #player = new Player();
  readonly #stage = new Stage();
  readonly #fields = new Fields();
  readonly #files = new FilesView(byId("program"));
  readonly #runButton = byId("run");
  readonly #cancelButton = byId("cancel");
  readonly #examples = byIdOf("example", HTMLSelectElement);
  readonly #editor = new Editor(byId("editor"), (code) => {
    const { lane } = this.#lanes;
    if (lane !== undefined) this.#drafts.keepCode(lane.name, code);
  });
  readonly #lanes = new LaneChoice((lane) => {
    this.#open(lane);
  });
  readonly #line = new InputLine({
    line: (text) => {
      this.#player.send(`${text}\n`);
    },
    end: () => {
      this.#player.endInput();
      this.#closeLine();
    },
  });
  readonly #link = new Link({
    connected: (client) => {
      this.#lanes.offer(client.lanes, this.#drafts.lane);
      this.#showButtons();
    },
    lost: () => {
      this.#showButtons();
    },
  });

  constructor() {
    this.#runButton.addEventListener("click", () => void this.run());
    this.#cancelButton.addEventListener("click", () => {
      this.cancel();
    });
    this.#examples.addEventListener("change", () => {
      this.#showExample();
    });
    this.#showButtons();
  }

  /** Stays connected for as long as the page is open. */
  async keep(): Promise<never> {
    return this.#link.keep();
  }

  async run(): Promise<void> {
    const { client } = this.#link;
    const { lane } = this.#lanes;
    if (this.#player.isPlaying || lane === undefined) return;
    if (client === undefined) {
      this.#stage.say("no connection to the daemon yet");
      return;
    }
    this.#fields.clearProblems();
    const { values } = this.#fields;
    const reading = readDraft({ ...values, lane: lane.name, code: this.#editor.code, files: this.#files.files });
    if (!reading.ok) {
      this.#fields.showProblem(reading.field, reading.problem);
      return;
    }
    const { request } = reading;
    const playing = this.#player.play(
      client,
      { ...request, encoding: "utf8" },
      this.#stage.begin({ lane, timeoutMs: request.timeoutMs }),
    );
    if (values.isInputOpen) {
      if (values.input !== "") this.#player.send(values.input);
      this.#line.open();
    }
    this.#showButtons();
    await playing;
    this.#closeLine();
    this.#showButtons();
  }

  cancel(): void {
    if (!this.#player.isPlaying) return;
    this.#stage.cancelling();
    this.#player.cancel();
  }

  get isPlaying(): boolean {
    return this.#player.isPlaying;
  }

  #open(lane: LaneLimits): void {
    this.#drafts.keepLane(lane.name);
    const examples = examplesFor(lane.language);
    this.#editor.open(this.#drafts.codeOf(lane.name) ?? examples[0]?.code ?? "", lane.language);
    this.#fields.setDefaultTimeout(`the lane's ${formatLimit(lane.timeoutMs)}`);
    this.#examples.replaceChildren(
      element("option", { value: "" }, "Choose one"),
      ...examples.map(({ title }, index) => element("option", { value: String(index) }, title)),
    );
  }

  #showExample(): void {
    const { value } = this.#examples;
    const example = examplesFor(this.#lanes.lane?.language ?? "")[value === "" ? -1 : Number(value)];
    if (example === undefined) return;
    this.#editor.replace(example.code);
    this.#fields.fill(example);
  }

  #closeLine(): void {
    if (this.#line.close()) byId("output").focus();
  }

  /** Buttons that cannot be used stay where they are, and reachable, so that nothing jumps and no focus is lost. */
  #showButtons(): void {
    const isReady = this.#link.client !== undefined && !this.#player.isPlaying;
    this.#runButton.setAttribute("aria-disabled", String(!isReady));
    this.#cancelButton.setAttribute("aria-disabled", String(!this.#player.isPlaying));
  }
}
