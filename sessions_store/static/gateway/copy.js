/* A copy button on each snippet. Without scripts the text can still be selected. */
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
      // Plain http on another host than localhost has no clipboard: select the text instead.
      getSelection().selectAllChildren(snippet.querySelector("pre"));
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  snippet.append(button);
}
