/** Windows of one browser tell each other which image they have open. */

export class Presence {
  /**
   * @param {string} folder
   * @param {(image: string) => void} met Another window has the image open that this one has.
   */
  constructor(folder, met) {
    this.channel = new BroadcastChannel(`fractura-${folder}`);
    /** @type {string | null} */
    this.image = null;
    this.channel.addEventListener("message", ({ data }) => {
      if (data.image !== this.image || this.image === null) return;
      if (data.kind === "open") this.channel.postMessage({ kind: "here", image: this.image });
      met(data.image);
    });
  }

  /** @param {string} image */
  open(image) {
    this.image = image;
    this.channel.postMessage({ kind: "open", image });
  }
}
