// Browsers refuse workers to pages that are opened from disk, and the search runs in one. From
// disk, this stands in for it: the same script, in a frame that nobody sees. Nothing is fetched
// from elsewhere.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(script) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.title = "search";
      this.ready = new Promise((done) => {
        this.frame.onload = () => {
          const inside = this.frame.contentWindow;
          // What the script posts goes to the page, not to its own window.
          inside.postMessage = (data) =>
            this.dispatchEvent(new MessageEvent("message", { data }));
          const code = inside.document.createElement("script");
          code.src = new URL(script, location.href);
          code.onload = () => done(inside);
          inside.document.body.append(code);
        };
      });
      document.documentElement.append(this.frame);
    }

    postMessage(data) {
      this.ready.then((inside) =>
        inside.dispatchEvent(new inside.MessageEvent("message", { data })),
      );
    }

    terminate() {
      this.frame.remove();
    }
  };
}
