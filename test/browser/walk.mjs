// What journeys are made of. Each prints one line of JSON; a console error, an
// uncaught exception or a page that overflows fails the journey in which it
// happens.
import { chromium } from "playwright-core";
import { flags } from "./flags.mjs";
import { createRequire } from "node:module";
import { readFileSync, mkdirSync } from "node:fs";
import { execFileSync } from "node:child_process";

export const { BASE, OUT, DEMO_PASSWORD } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(OUT, { recursive: true });

export const browser = await chromium.launch(flags);

const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 360, height: 740 }, wide: { width: 3840, height: 2160 } };

// A Walk is one browser of one person. What is wrong is collected.
export class Walk {
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

	async login(email, base = BASE) {
		await this.page.goto(base + "/login");
		await this.page.getByLabel("E-mail address").or(this.page.getByLabel("E-Mail-Adresse")).fill(email);
		await this.page.getByLabel(/^(Password|Passwort)$/).fill(DEMO_PASSWORD);
		await this.page.locator("main").getByRole("button", { name: /^(Log in|Anmelden)$/ }).click();
		await this.page.waitForURL(/\/o\//);
	}

	async logout() {
		await this.page.getByRole("banner").getByRole("button", { name: /^(Log out|Abmelden)$/ }).click();
		await this.page.waitForURL(/\/login/);
	}

	is(what, condition) { if (!condition) this.wrong.push(what); }

	// look keeps a screenshot and checks that nothing overflows, the window at its
	// side or the page below its footer.
	async look(name) {
		await this.page.screenshot({ path: `${OUT}/${this.name.replaceAll(" ", "-")}-${name}.png`, fullPage: true });
		const over = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
		this.is(`${name} is ${over} px wider than the window`, over <= 0);
		const under = await this.page.evaluate(() => {
			const footer = document.querySelector("body > footer");
			return footer ? Math.floor(document.documentElement.scrollHeight - scrollY - footer.getBoundingClientRect().bottom) : 0;
		});
		this.is(`${name} goes on ${under} px below its footer`, under <= 0);
	}

	// accessible holds the page against axe-core's rules.
	async accessible(name) {
		const rules = await this.context.newCDPSession(this.page);
		await rules.send("Page.setBypassCSP", { enabled: true });
		await this.page.reload();
		await this.axe(name);
		await rules.detach();
	}

	// axe does so with the page as it is, in a context with bypassCSP.
	async axe(name) {
		await this.page.evaluate(axe);
		const { violations } = await this.page.evaluate(() => globalThis.axe.run());
		for (const v of violations) this.wrong.push(`${name}: ${v.id}: ${v.help}: ${v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 3).join(" ")}`);
	}

	async end() { await this.context.close(); }
}

export async function journey(name, options, steps) {
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

// souk runs the command line and returns what it prints.
export const souk = (...args) => execFileSync("souk", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
