// Charts of an instance's figures. The tables on the page hold the same without it.
"use strict";

const charts = document.querySelector("[data-metrics]");
if (charts) {
	const lang = document.documentElement.lang, zone = charts.dataset.zone;
	const liveButton = document.querySelector("[data-metrics-live]"), backButton = document.querySelector("[data-metrics-back]"), problem = document.querySelector("[data-metrics-problem]");
	const whole = charts.dataset.metrics;
	const colours = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5"], dashes = [[], [6, 4], [2, 3], [10, 4, 2, 4], [1, 2]];
	const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
	const plots = new Map();
	let source = whole, last = null, asking = null;

	const number = (most) => new Intl.NumberFormat(lang, { maximumFractionDigits: most });
	const bytes = (n) => {
		const units = ["B", "KiB", "MiB", "GiB", "TiB"];
		let u = 0;
		while (Math.abs(n) >= 1024 && u < units.length - 1) { n /= 1024; u++; }
		return number(n >= 100 ? 0 : 1).format(n) + " " + units[u];
	};
	const doubling = Array.from({ length: 50 }, (_, i) => 2 ** (i - 4)); // between two marks of bytes
	const units = {
		cores: (n) => number(3).format(n), bytes, bytesPerSecond: (n) => bytes(n) + "/s", count: (n) => number(1).format(n),
		perSecond: (n) => number(2).format(n) + "/s", ratio: (n) => number(1).format(n * 100) + " %", seconds: (n) => number(2).format(n) + " s",
	};
	const moment = (options) => { const f = new Intl.DateTimeFormat(lang, { timeZone: zone, ...options }); return (t) => f.format(new Date(t * 1000)); };
	const clock = moment({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }), day = moment({ day: "numeric", month: "short" }), full = moment({ dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

	const options = (panel, width, span) => ({
		width, height: 220,
		cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: "souk" } },
		scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), panel.unit === "ratio" ? 1 : (high > 0 ? high * 1.05 : 1)] } },
		axes: [
			{ stroke: of("--quiet"), grid: { stroke: of("--line"), width: 1 }, ticks: { stroke: of("--line") }, space: 64, values: (_, at) => at.map(span > 2 * 86400 ? day : clock) },
			{ stroke: of("--quiet"), grid: { stroke: of("--line"), width: 1 }, ticks: { stroke: of("--line") }, size: 74, ...(panel.unit.startsWith("bytes") ? { incrs: doubling } : {}), values: (_, at) => at.map(units[panel.unit]) },
		],
		series: [
			{ label: "", value: (_, t) => t == null ? "–" : full(t) },
			...panel.series.map((s, i) => ({ label: s.legend, stroke: of(colours[i % colours.length]), dash: dashes[i % dashes.length], width: 1.75, points: { show: false }, value: (_, n) => n == null ? "–" : units[panel.unit](n) })),
		],
		hooks: {
			setSelect: [(u) => {
				if (u.select.width < 8) return;
				const from = Math.floor(u.posToVal(u.select.left, "x")), to = Math.ceil(u.posToVal(u.select.left + u.select.width, "x"));
				u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
				const url = new URL(whole, location.href);
				url.search = new URLSearchParams({ from, to: Math.max(to, from + 60) });
				source = url.href;
				backButton.hidden = false;
				live(false);
				load();
			}],
		},
	});

	const draw = (data, anew) => {
		last = data;
		const start = Date.parse(data.start) / 1000, count = Math.max(...data.panels.map((p) => p.series[0]?.values.length ?? 0));
		const moments = Array.from({ length: count }, (_, i) => start + i * data.stepSeconds);
		for (const place of charts.querySelectorAll("[data-chart]")) {
			const panel = data.panels[place.dataset.chart], shape = panel.series.map((s) => s.legend).join("\n");
			const lines = [moments, ...panel.series.map((s) => s.values)];
			const before = plots.get(place);
			if (before && before.shape === shape && before.span === count * data.stepSeconds && !anew) { before.plot.setData(lines); continue; }
			before?.plot.destroy();
			plots.set(place, { shape, span: count * data.stepSeconds, plot: new uPlot(options(panel, place.clientWidth, count * data.stepSeconds), lines, place) });
		}
	};

	const load = async () => {
		asking?.abort();
		const own = asking = new AbortController();
		try {
			const answer = await fetch(source, { signal: own.signal, headers: { Accept: "application/json" } });
			if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("application/json")) throw new Error();
			draw(await answer.json(), false);
			problem.hidden = true;
		} catch {
			if (!own.signal.aborted) problem.hidden = false;
		}
	};

	const live = (on) => liveButton.setAttribute("aria-pressed", String(on));
	const isLive = () => liveButton.getAttribute("aria-pressed") === "true";
	const back = () => { source = whole; backButton.hidden = true; };
	liveButton.addEventListener("click", () => { live(!isLive()); if (isLive()) { back(); load(); } });
	backButton.addEventListener("click", () => { back(); load(); });
	setInterval(() => { if (isLive() && !document.hidden) load(); }, 15_000);
	document.addEventListener("visibilitychange", () => { if (isLive() && !document.hidden) load(); });
	addEventListener("pagehide", () => asking?.abort());

	let width = charts.clientWidth;
	new ResizeObserver(() => {
		if (charts.clientWidth === width) return;
		width = charts.clientWidth;
		for (const [place, p] of plots) p.plot.setSize({ width: place.clientWidth, height: 220 });
	}).observe(charts);
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (last) draw(last, true); });
	load();
}
