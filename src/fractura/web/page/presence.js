/** Lets the windows of one browser know which image the others have open. */

export class Presence {
  /**
   * @param {string} folder
   * @param {(image: string) => void} met Called when another window has the same image open.
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
