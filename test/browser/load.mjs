// Tells how pages load that a browser sees for the first time: the arguments are
// their paths. The benchmark of the portal starts it.
import { chromium } from "playwright-core";
import { flags } from "./flags.mjs";

const { BASE, SESSION } = process.env;
const browser = await chromium.launch(flags);
const middle = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];

// observe runs in the page, before anything of it.
const observe = () => {
	const seen = (globalThis.seen = { lcp: 0, cls: 0 });
	new PerformanceObserver((l) => { for (const e of l.getEntries()) seen.lcp = e.startTime; }).observe({ type: "largest-contentful-paint", buffered: true });
	new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) seen.cls += e.value; }).observe({ type: "layout-shift", buffered: true });
};

async function look(path) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
	await context.addCookies([{ name: "souk", value: SESSION, url: BASE, httpOnly: true, sameSite: "Lax" }]);
	await context.addInitScript(observe);
	const page = await context.newPage();
	const wire = await context.newCDPSession(page);
	await wire.send("Network.enable");
	let bytes = 0, requests = 0;
	wire.on("Network.loadingFinished", (e) => { bytes += e.encodedDataLength; });
	wire.on("Network.requestWillBeSent", (e) => { if (!e.request.url.startsWith("data:")) requests++; });
	await page.goto(BASE + path, { waitUntil: "load" });
	// What is painted is told after the next frames.
	const seen = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(globalThis.seen), 0)))));
	await context.close();
	return { bytes, requests, ...seen };
}

const loads = [];
for (const path of process.argv.slice(2)) {
	const looks = [];
	for (let i = 0; i < 5; i++) looks.push(await look(path));
	loads.push({ Path: path, Bytes: middle(looks.map((l) => l.bytes)), Requests: middle(looks.map((l) => l.requests)), LCP: middle(looks.map((l) => l.lcp)), CLS: Math.max(...looks.map((l) => l.cls)) });
}
console.log(JSON.stringify(loads));
await browser.close();
