/** Windows of one browser tell each other which film they have open. */

export class Presence {
  /**
   * @param {string} folder
   * @param {(film: string) => void} met Another window has the film open that this one has.
   */
  constructor(folder, met) {
    this.channel = new BroadcastChannel(`fractura-${folder}`);
    /** @type {string | null} */
    this.film = null;
    this.channel.addEventListener("message", ({ data }) => {
      if (data.film !== this.film || this.film === null) return;
      if (data.kind === "open") this.channel.postMessage({ kind: "here", film: this.film });
      met(data.film);
    });
  }

  /** @param {string} film */
  open(film) {
    this.film = film;
    this.channel.postMessage({ kind: "open", film });
  }
}
