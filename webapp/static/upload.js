// Shows how far an upload is. Without this script the same form is sent by the browser itself.

"use strict";

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function send(form) {
  const shown = form.querySelector(".upload-progress");
  const bar = shown.querySelector("progress");
  const words = shown.querySelector("output");
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();

  function stop(sentence) {
    button.disabled = false;
    bar.hidden = true;
    words.textContent = sentence;
  }

  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = event.loaded / event.total;
    words.textContent = `${size(event.loaded)} of ${size(event.total)} sent`;
  });
  request.addEventListener("load", () => {
    // A scan was made: its page is where the answer redirected to. Anything else is a page that says what is wrong.
    if (request.status === 200 && request.responseURL !== form.action) {
      location.assign(request.responseURL);
      return;
    }
    const answer = new DOMParser().parseFromString(request.responseText, "text/html").querySelector("main");
    document.querySelector("main").replaceWith(answer);
    scrollTo(0, 0);
  });
  request.addEventListener("error", () => stop("The upload broke off. Press the button to send it again."));
  shown.hidden = bar.hidden = false;
  button.disabled = true;
  request.open("POST", form.action);
  request.send(new FormData(form));
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form.upload")) return;
  event.preventDefault();
  send(event.target);
});
// Back on this page, the form must be fit to be sent again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
