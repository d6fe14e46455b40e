// The journeys. Each prints one line of JSON; a console error, an uncaught
// exception or a page that overflows fails the journey in which it happens.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import { execFileSync } from "node:child_process";

const { BASE, OUT, DEMO_PASSWORD } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(OUT, { recursive: true });

const browser = await chromium.launch({
	executablePath: "/usr/bin/chromium",
	args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 } };

// A Walk is one browser of one person. What is wrong is collected.
class Walk {
	constructor(name, page, context) { Object.assign(this, { name, page, context, wrong: [], expected: [] }); }

	static async begin(name, { size = "desktop", ...options } = {}) {
		const context = await browser.newContext({ viewport: sizes[size], bypassCSP: false, ...options });
		await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: BASE });
		const page = await context.newPage();
		page.setDefaultTimeout(15_000);
		const walk = new Walk(name, page, context);
		page.on("pageerror", (e) => walk.wrong.push(`exception: ${e.message}`));
		page.on("console", (m) => {
			if (m.type() === "error" && !walk.expected.some((e) => m.text().includes(e))) walk.wrong.push(`console: ${m.text()}`);
		});
		return walk;
	}

	async go(path) { await this.page.goto(BASE + path); }

	async login(email) {
		await this.go("/login");
		await this.page.getByLabel("E-mail address").or(this.page.getByLabel("E-Mail-Adresse")).fill(email);
		await this.page.getByLabel(/^(Password|Passwort)$/).fill(DEMO_PASSWORD);
		await this.page.locator("main").getByRole("button", { name: /^(Log in|Anmelden)$/ }).click();
		await this.page.waitForURL(/\/o\//);
	}

	is(what, condition) { if (!condition) this.wrong.push(what); }

	// look keeps a screenshot and checks that nothing overflows.
	async look(name) {
		await this.page.screenshot({ path: `${OUT}/${this.name.replaceAll(" ", "-")}-${name}.png`, fullPage: true });
		const over = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		this.is(`${name} is ${over} px wider than the window`, over <= 0);
	}

	// accessible holds the page against axe-core's rules.
	async accessible(name) {
		const rules = await this.context.newCDPSession(this.page);
		await rules.send("Page.setBypassCSP", { enabled: true });
		await this.page.reload();
		await this.page.evaluate(axe);
		const { violations } = await this.page.evaluate(() => globalThis.axe.run());
		for (const v of violations) this.wrong.push(`${name}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(" ")}`);
		await rules.detach();
	}

	async end() { await this.context.close(); }
}

async function journey(name, options, steps) {
	const walk = await Walk.begin(name, options);
	try {
		await steps(walk);
	} catch (e) {
		walk.wrong.push(String(e.stack ?? e).slice(0, 1500));
		await walk.page.screenshot({ path: `${OUT}/${name.replaceAll(" ", "-")}-failed.png`, fullPage: true }).catch(() => {});
	}
	await walk.end();
	console.log(JSON.stringify({ Test: name, OK: walk.wrong.length === 0, Detail: walk.wrong.join("\n") }));
}

const souk = (...args) => execFileSync("souk", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

// Something to look at.
souk("order", "postgresql", "orders", "--wait");

const publicPages = ["/", "/catalog", "/catalog/postgresql", "/login"];
const acmePages = ["/o/acme", "/o/acme/instances"];

for (const scheme of ["light", "dark"]) {
	await journey(`every page is accessible, ${scheme}`, { colorScheme: scheme }, async (w) => {
		for (const path of publicPages) { await w.go(path); await w.accessible(path); }
		await w.login("owner@acme.example");
		for (const path of acmePages) { await w.go(path); await w.accessible(path); }
	});
}

await journey("on a phone", { size: "phone", colorScheme: "dark" }, async (w) => {
	await w.login("owner@acme.example");
	for (const path of [...publicPages.slice(0, 3), ...acmePages]) { await w.go(path); await w.look(path.replaceAll("/", "_")); }
});

await journey("on a wide screen", {}, async (w) => {
	await w.page.setViewportSize({ width: 3840, height: 2160 });
	await w.login("owner@acme.example");
	for (const path of [...publicPages.slice(0, 3), ...acmePages]) { await w.go(path); await w.look(path.replaceAll("/", "_")); }
});

await journey("in German", { locale: "de-CH" }, async (w) => {
	await w.login("owner@acme.example");
	await w.page.getByRole("link", { name: "Instanzen" }).click();
	await w.page.getByRole("heading", { level: 1, name: "Instanzen" }).waitFor();
	w.is("the page's language is not de", await w.page.getAttribute("html", "lang") === "de");
	await w.look("list");
	await w.page.getByLabel("Sprache").selectOption("en");
	await w.page.getByRole("heading", { level: 1, name: "Instances" }).waitFor();
});

await journey("log-in leads to ourselves only, and ends", {}, async (w) => {
	w.expected.push("422", "status of 4");
	await w.go("/login?return=https://evil.example/");
	await w.page.getByLabel("E-mail address").fill("owner@acme.example");
	await w.page.getByLabel("Password").fill("wrong");
	await w.page.locator("main").getByRole("button", { name: "Log in" }).click();
	await w.page.getByRole("alert").waitFor();
	w.is("the address that was typed is gone", await w.page.getByLabel("E-mail address").inputValue() === "owner@acme.example");
	await w.page.getByLabel("Password").fill(DEMO_PASSWORD);
	await w.page.locator("main").getByRole("button", { name: "Log in" }).click();
	await w.page.waitForURL(`${BASE}/o/acme`);
	const [stolen] = await w.context.cookies();
	w.is("scripts can read the session", stolen.httpOnly && stolen.sameSite === "Lax");
	await w.page.getByRole("button", { name: "Log out" }).click();
	await w.page.waitForURL(/\/login/);
	await w.context.addCookies([stolen]);
	await w.go("/o/acme");
	w.is("a cookie that was copied outlives the log-out", w.page.url().includes("/login"));
});

await journey("by keyboard through the palette", {}, async (w) => {
	await w.login("owner@acme.example");
	await w.page.keyboard.press("Control+k");
	await w.page.keyboard.type("instances");
	await w.page.keyboard.press("Enter");
	await w.page.waitForURL(/\/instances/);
	await w.page.keyboard.press("Tab");
	w.is("the first stop is not the skip link", await w.page.evaluate(() => document.activeElement.className === "skip"));
});

await journey("the list is live", {}, async (w) => {
	await w.login("owner@acme.example");
	await w.go("/o/acme/instances");
	souk("update", "orders", "--display-name", "Orders of the shop");
	await w.page.getByText("Orders of the shop").waitFor();
});

await browser.close();
