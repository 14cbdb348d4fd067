/* The form of a rate limit or a budget shows the field of the chosen scope only; without scripts all fields are visible. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const scope = document.querySelector("select#id_scope");
  if (!scope) return;
  const show = () => {
    for (const name of ["project", "principal", "key"]) {
      const row = document.querySelector(`.form-row.field-${name}`);
      if (row) row.hidden = scope.value !== name;
    }
  };
  scope.addEventListener("change", show);
  show();
});
