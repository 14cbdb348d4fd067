/* A copy button on each snippet; without scripts the text is still selectable. */
"use strict";

for (const snippet of document.querySelectorAll(".snippet")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(snippet.querySelector("pre").textContent);
      button.textContent = "Copied";
    } catch {
      // The clipboard needs a secure context (https or localhost): select the text otherwise.
      getSelection().selectAllChildren(snippet.querySelector("pre"));
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  snippet.append(button);
}
