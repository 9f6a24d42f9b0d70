/* A page that is opened from a disk may not start a worker, so that the search would find nothing.
   There the worker's script runs in a hidden frame instead, with the same messages. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const own = this.frame.contentWindow
      const load = (source) => new Promise((done, failed) => {
        const script = own.document.createElement("script")
        Object.assign(script, { src: source, onload: done, onerror: failed })
        own.document.body.append(script)
      })
      own.postMessage = (data) => setTimeout(() => this.dispatchEvent(new MessageEvent("message", { data })))
      own.importScripts = (...sources) => sources.reduce((before, each) => before.then(() => load(each)), Promise.resolve())
      this.ready = load(url)
    }
    postMessage(data) {
      const own = this.frame.contentWindow
      this.ready.then(() => own.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) })))
    }
    terminate() {
      this.frame.remove()
    }
  }
}
