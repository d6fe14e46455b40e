// What makes the pages livelier. Everything works without it.
"use strict";

// Copy buttons.
document.addEventListener("click", async (event) => {
	const button = event.target.closest("[data-copy]");
	if (!button) return;
	const before = button.textContent;
	await navigator.clipboard.writeText(button.dataset.copy);
	button.textContent = button.dataset.copied;
	setTimeout(() => { button.textContent = before; }, 1500);
});

document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });

// Controls that apply at once.
document.addEventListener("change", (event) => {
	if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// Passkeys: the browser's answer is sent with the form.
if (window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
	for (const e of document.querySelectorAll("[data-passkey-offer]")) e.hidden = false;
	for (const form of document.querySelectorAll("[data-passkey]")) {
		form.addEventListener("submit", async (event) => {
			event.preventDefault();
			event.stopPropagation();
			const options = JSON.parse(form.dataset.options);
			try {
				const answer = form.dataset.passkey === "create"
					? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
					: await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
				form.elements.credential.value = JSON.stringify(answer.toJSON());
				form.submit();
			} catch {
				form.querySelector("[data-passkey-problem]").textContent = form.dataset.refused;
			}
		});
	}
}

// A form is sent once.
document.addEventListener("submit", (event) => {
	const form = event.target;
	if (form.method !== "post" || form.hasAttribute("hx-post")) return;
	if (form.dataset.sent) { event.preventDefault(); return; }
	form.dataset.sent = "yes";
	form.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => { for (const f of document.forms) { delete f.dataset.sent; f.removeAttribute("aria-busy"); } });

// A name for addresses follows the one for people until somebody types it.
for (const name of document.querySelectorAll("[data-name-of]")) {
	const source = document.getElementById(name.dataset.nameOf), plain = { ä: "ae", ö: "oe", ü: "ue", ß: "ss" };
	let typed = name.value !== "";
	name.addEventListener("input", () => { typed = name.value !== ""; });
	source.addEventListener("input", () => {
		if (typed) return;
		name.value = source.value.toLowerCase().replace(/[äöüß]/g, (c) => plain[c]).normalize("NFD").replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^[0-9-]+/, "").slice(0, 40).replace(/-$/, "");
	});
}

// Nothing is asked for any more by a page that one is leaving.
const asked = new Set();
let left = -Infinity;
addEventListener("beforeunload", () => { left = performance.now(); for (const request of asked) request.abort(); });
document.addEventListener("htmx:before:request", (event) => { performance.now() - left < 2000 ? event.preventDefault() : asked.add(event.detail.ctx.request); });
document.addEventListener("htmx:finally:request", (event) => asked.delete(event.detail.ctx.request));

// What is wrong with a form is read first.
document.querySelector("[data-focus]")?.focus();

// One stream a page, closed while the page is hidden. What changed is fetched
// again, as the part of the page that carries data-live; and forms beside it, which
// carry data-live-beside, while nobody is at them.
const live = document.querySelector("[data-live]");
if (live) {
	let stream = null, due = null;
	const touched = (field) => field.options
		? field.selectedIndex !== Math.max(0, [...field.options].findIndex((o) => o.defaultSelected))
		: field.value !== field.defaultValue;
	const beside = () => {
		const part = document.querySelector("[data-live-beside]");
		const busy = !part || part.contains(document.activeElement) || [...part.querySelectorAll("input, select")].some(touched);
		return busy ? undefined : `#${part.id}:outerMorph`;
	};
	const refresh = () => {
		due ??= setTimeout(() => {
			due = null;
			htmx.ajax("GET", live.dataset.at ?? location.pathname + location.search, { target: "[data-live]", select: "[data-live]", swap: "outerMorph", selectOOB: beside() });
		}, 50);
	};
	const open = () => {
		if (stream || document.hidden) return;
		const own = stream = new EventSource(live.dataset.live);
		stream.addEventListener("error", () => { // the browser tries again by itself, but not after a refusal
			if (own.readyState === EventSource.CLOSED && stream === own) { stream = null; setTimeout(() => { open(); refresh(); }, 10_000); }
		});
		stream.addEventListener("change", refresh);
		stream.addEventListener("open", refresh); // what changed since the page was made, or while the stream was cut
	};
	const close = () => { stream?.close(); stream = null; };
	document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else { open(); refresh(); } });
	addEventListener("pagehide", close);
	open();
}

// The palette.
const palette = document.getElementById("palette");
if (palette) {
	const input = palette.querySelector("input"), items = [...palette.querySelectorAll("li")];
	let chosen = 0;
	const shown = () => items.filter((i) => !i.hidden);
	const mark = () => {
		const list = shown();
		chosen = Math.max(0, Math.min(chosen, list.length - 1));
		for (const i of items) i.classList.toggle("chosen", i === list[chosen]);
		list[chosen]?.scrollIntoView({ block: "nearest" });
	};
	const open = () => { input.value = ""; for (const i of items) i.hidden = false; chosen = 0; palette.showModal(); mark(); };
	document.querySelector("[data-palette]")?.addEventListener("click", open);
	addEventListener("keydown", (event) => {
		if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); palette.open ? palette.close() : open(); }
	});
	input.addEventListener("input", () => {
		const words = input.value.toLowerCase().split(/\s+/);
		for (const i of items) i.hidden = !words.every((w) => i.textContent.toLowerCase().includes(w));
		chosen = 0;
		mark();
	});
	input.addEventListener("keydown", (event) => {
		if (event.key === "ArrowDown") { chosen++; mark(); event.preventDefault(); }
		if (event.key === "ArrowUp") { chosen--; mark(); event.preventDefault(); }
		if (event.key === "Enter") shown()[chosen]?.querySelector("a").click();
	});
	palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
}

// A log that goes on. Each stream begins with the latest lines.
const log = document.querySelector("[data-log]");
if (log) {
	const most = 2000, button = document.querySelector("[data-follow]");
	let stream = null, lines = [], due = false;
	const draw = () => {
		due = false;
		const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
		log.textContent = lines.join("\n");
		if (atEnd) log.scrollTop = log.scrollHeight;
	};
	const soon = () => { if (!due) { due = true; requestAnimationFrame(draw); } };
	const close = () => { stream?.close(); stream = null; };
	const open = () => {
		if (stream || document.hidden || button.getAttribute("aria-pressed") !== "true") return;
		stream = new EventSource(log.dataset.log);
		stream.addEventListener("begin", () => { lines = []; });
		stream.addEventListener("message", (event) => { lines.push(event.data); if (lines.length > most) lines.splice(0, lines.length - most); soon(); });
	};
	button.addEventListener("click", () => {
		const on = button.getAttribute("aria-pressed") !== "true";
		button.setAttribute("aria-pressed", String(on));
		on ? open() : close();
	});
	document.addEventListener("visibilitychange", () => { document.hidden ? close() : open(); });
	addEventListener("pagehide", close);
	log.scrollTop = log.scrollHeight;
	open();
}

// Instances that are marked in the list.
const bulk = () => {
	const bar = document.querySelector("[data-bulk]"), all = document.querySelector("[data-bulk-all]");
	if (!bar) return;
	const boxes = [...document.querySelectorAll("input[form=bulk]")], marked = boxes.filter((b) => b.checked).length;
	bar.querySelector("[data-bulk-count]").textContent = marked;
	for (const b of bar.querySelectorAll("button")) b.disabled = marked === 0;
	all.checked = marked > 0 && marked === boxes.length;
	all.indeterminate = marked > 0 && marked < boxes.length;
};
document.addEventListener("change", (event) => {
	if (event.target.matches("[data-bulk-all]")) for (const b of document.querySelectorAll("input[form=bulk]")) b.checked = event.target.checked;
	bulk();
});
document.addEventListener("htmx:after:swap", bulk);
addEventListener("pageshow", bulk);
