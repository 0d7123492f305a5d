// Bring the page to life: code folds away, and some exhibits can be moved.

for (const code of document.querySelectorAll("details.code")) code.open = false;
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));

for (const place of document.querySelectorAll(".live")) {
  const data = JSON.parse(place.querySelector("script").textContent);
  PICTURES.get(place.dataset.kind)(place, data);
  place.hidden = false;
  place.closest(".exhibit").classList.add("is-live");
}
