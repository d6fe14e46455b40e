// One's own account: the second factor, sessions, and logging the command line in.
import { createHmac } from "node:crypto";
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BASE, DEMO_PASSWORD, journey } from "../walk.mjs";

// code is what an authenticator app shows (RFC 6238), so many half minutes from
// now. A code is taken once, and one that is half a minute off is taken: three in
// a row need no waiting.
function code(secret, later = 0) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
	const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
	const step = Buffer.alloc(8);
	step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
	const hash = createHmac("sha1", key).update(step).digest();
	return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

const button = (w, name) => w.page.locator("main").getByRole("button", { name });

async function setUp(w) {
	await w.go("/account/second-factor");
	await button(w, "Set up").click();
	return w.page.locator("[data-copy]").getAttribute("data-copy");
}

async function password(w, email) {
	await w.page.getByLabel("E-mail address").fill(email);
	await w.page.getByLabel("Password", { exact: true }).fill(DEMO_PASSWORD);
	await button(w, "Log in").click();
}

// prove sends a part of the page about the second factor.
async function prove(w, part, with_, what) {
	const region = w.page.getByRole("region", { name: part, exact: true });
	await region.getByLabel("Present password").fill(DEMO_PASSWORD);
	await region.getByLabel("Code, or a recovery code").fill(with_);
	await region.getByRole("button", { name: what }).click();
}

const recoveryCodes = (w) => w.page.locator(".codes code").allTextContents();

async function turnOff(w, with_) {
	await prove(w, "Turn off", with_, "Turn the second factor off");
	await w.page.getByText("The second factor is off.").waitFor();
}

for (const colorScheme of ["light", "dark"]) {
	await journey(`a second factor, ${colorScheme}`, { colorScheme, bypassCSP: true }, async (w) => {
		w.expected.push("status of 422");
		await w.login("viewer@acme.example");
		const secret = await setUp(w);
		await w.page.getByLabel("Code", { exact: true }).fill("000000");
		await button(w, "Turn it on").click();
		await w.page.getByText("This is not the code").waitFor();
		w.is("another secret after a wrong code", await w.page.locator("[data-copy]").getAttribute("data-copy") === secret);
		await w.page.getByText("type the secret").click();
		await w.look("set-up");
		await w.axe("set-up");
		await w.page.getByLabel("Code", { exact: true }).fill(code(secret, -1));
		await button(w, "Turn it on").click();
		await w.page.getByRole("heading", { name: "Recovery codes" }).waitFor();
		let recovery = await recoveryCodes(w);
		w.is(`there are ${recovery.length} recovery codes`, recovery.length === 10);
		await w.look("codes");
		await w.axe("codes");
		await button(w, "Copy all").click();
		w.is("the codes are not on the clipboard", (await w.page.evaluate(() => navigator.clipboard.readText())).includes(recovery[9]));
		const [file] = await Promise.all([w.page.waitForEvent("download"), w.page.getByRole("link", { name: "Download" }).click()]);
		w.is("the file has another name", file.suggestedFilename() === "souk-recovery-codes.txt");
		await w.page.getByRole("link", { name: "I have kept them" }).click();
		await w.page.getByText("10 recovery codes are left.").waitFor();
		await w.look("on");
		await w.axe("on");

		await prove(w, "New recovery codes", "000000", "Make new recovery codes");
		await w.page.getByText("This code is wrong").waitFor();
		const [old] = recovery;
		await prove(w, "New recovery codes", old, "Make new recovery codes");
		await w.page.getByText("These are your new recovery codes.").waitFor();
		recovery = await recoveryCodes(w);
		w.is("the new recovery codes are the old ones, or too few", recovery.length === 10 && !recovery.includes(old));
		await w.axe("new-codes");
		await w.page.getByRole("link", { name: "I have kept them" }).click();
		await w.page.getByText("10 recovery codes are left.").waitFor();

		await w.logout();
		await w.go("/login?return=/account/sessions");
		await password(w, "viewer@acme.example");
		await w.page.waitForURL(/\/login\/code/);
		await w.look("second-step");
		await w.axe("second-step");
		await w.page.getByLabel("Code", { exact: true }).fill("000000");
		await button(w, "Log in").click();
		await w.page.getByText("The code is wrong").waitFor();
		await w.page.getByLabel("Code", { exact: true }).fill(code(secret));
		await button(w, "Log in").click();
		await w.page.waitForURL(`${BASE}/account/sessions`);

		await w.logout();
		await w.go("/login");
		await password(w, "viewer@acme.example");
		await w.page.getByRole("link", { name: "Use a recovery code" }).click();
		await w.axe("recovery");
		await w.page.getByLabel("Recovery code").fill(recovery[0]);
		await button(w, "Log in").click();
		await w.page.waitForURL(`${BASE}/o/acme`);
		await w.go("/account/second-factor");
		await turnOff(w, recovery[1]);
	});
}

await journey("a second factor, without JavaScript", { javaScriptEnabled: false }, async (w) => {
	await w.login("viewer@acme.example");
	const secret = await setUp(w);
	await w.page.getByLabel("Code", { exact: true }).fill(code(secret, -1));
	await button(w, "Turn it on").click();
	const recovery = await recoveryCodes(w);
	await w.logout();
	await password(w, "viewer@acme.example");
	await w.page.getByLabel("Code", { exact: true }).fill(code(secret));
	await button(w, "Log in").click();
	await w.page.waitForURL(`${BASE}/o/acme`);
	await w.go("/account/second-factor");
	await turnOff(w, recovery[0]);
});

// Browsers tie passkeys to a name, so this is at localhost.
await journey("a passkey", { bypassCSP: true }, async (w) => {
	const site = BASE.replace("127.0.0.1", "localhost");
	const device = await w.context.newCDPSession(w.page);
	await device.send("WebAuthn.enable");
	await device.send("WebAuthn.addVirtualAuthenticator", { options: { protocol: "ctap2", transport: "internal", hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
	await w.page.goto(site + "/login?return=/account/second-factor");
	await password(w, "viewer@acme.example");
	await button(w, "Set up").click();
	const secret = await w.page.locator("[data-copy]").getAttribute("data-copy");
	await w.page.getByLabel("Code", { exact: true }).fill(code(secret, -1));
	await button(w, "Turn it on").click();
	const recovery = await recoveryCodes(w);
	await w.page.getByRole("link", { name: "I have kept them" }).click();
	await button(w, "Add a passkey").click();
	await w.page.getByLabel("Name").fill("laptop");
	await w.page.getByLabel("Present password").fill(DEMO_PASSWORD);
	await w.look("add");
	await w.axe("add");
	await button(w, "Add a passkey").click();
	await w.page.getByText("The passkey is added.").waitFor();
	await w.look("added");
	await w.axe("added");

	await w.logout();
	await password(w, "viewer@acme.example");
	await w.page.waitForURL(/\/login\/code/);
	await w.look("second-step");
	await w.axe("second-step");
	await button(w, "Use a passkey").click();
	await w.page.waitForURL(`${site}/o/acme`);
	await w.page.goto(site + "/account/second-factor");
	await turnOff(w, recovery[0]);
});

// commandLine is the program with a configuration of its own.
function commandLine() {
	const env = { ...process.env, SOUK_CONFIG: join(mkdtempSync(join(tmpdir(), "souk-")), "cli.yaml") };
	return {
		whoami: () => execFileSync("souk", ["whoami"], { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }),
		// login begins to log in, and returns where to approve that and how it ends.
		login() {
			const child = spawn("souk", ["login", "--server", BASE], { env, stdio: ["ignore", "ignore", "pipe"] });
			const ended = new Promise((done) => child.on("exit", done));
			const address = new Promise((done, fail) => {
				let told = "";
				child.stderr.on("data", (text) => {
					told += text;
					const url = /http\S+\/device\?code=\S+/.exec(told);
					if (url) done(url[0]);
				});
				ended.then(() => fail(new Error(`souk login ended: ${told}`)));
			});
			return { address, ended };
		},
	};
}

for (const [name, options] of [["in a browser", { colorScheme: "dark" }], ["without JavaScript", { javaScriptEnabled: false }]]) {
	await journey(`the command line is logged in ${name}`, options, async (w) => {
		const souk = commandLine(), login = souk.login();
		await w.page.goto(await login.address);
		await password(w, "editor@acme.example");
		await w.page.getByRole("heading", { name: "A device asks to be logged in" }).waitFor();
		await w.page.getByText("souk CLI on").waitFor();
		await w.look("asks");
		if (options.javaScriptEnabled !== false) await w.accessible("asks");
		await button(w, "Log it in").click();
		await w.page.getByText("The device is being logged in").waitFor();
		w.is("souk login fails", await login.ended === 0);
		w.is("the command line is somebody else", souk.whoami().includes("editor@acme.example"));

		await w.go("/account/sessions");
		const row = w.page.getByRole("row", { name: "Souk command line" });
		await w.look("sessions");
		await row.getByText("End", { exact: false }).first().click();
		await row.getByRole("button", { name: "End" }).click();
		await w.page.getByText("The session has ended.").waitFor();
		let refused = false;
		try { souk.whoami(); } catch { refused = true; }
		w.is("the command line is still logged in", refused);
	});
}

await journey("the command line is refused", {}, async (w) => {
	await w.login("editor@acme.example");
	const login = commandLine().login();
	await w.page.goto(await login.address);
	await button(w, "Refuse").click();
	await w.page.getByText("The device is not logged in.").waitFor();
	w.is("souk login succeeds", await login.ended === 1);
});

await journey("a profile in another language", {}, async (w) => {
	await w.login("viewer@acme.example");
	await w.go("/account/profile");
	await w.page.getByLabel("Time zone").fill("Asia/Tokyo");
	await w.page.getByLabel("Language").first().selectOption("de");
	await button(w, "Keep profile").click();
	await w.page.getByText("Profil übernommen.").waitFor();
	w.is("the page's language is not de", await w.page.getAttribute("html", "lang") === "de");
	await w.page.locator("#locale").selectOption("en");
	await button(w, "Profil übernehmen").click();
	await w.page.getByText("Profile kept.").waitFor();
});
