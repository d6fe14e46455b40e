// Logging in and out, languages, the keyboard.
import { BASE, DEMO_PASSWORD, journey } from "../walk.mjs";

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
