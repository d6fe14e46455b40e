// One instance, from its order to its deletion and back, as a person with a
// mouse does it; and what goes wrong on the way.
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Line } from "../line.mjs";
import { BASE, journey, souk } from "../walk.mjs";

const at = (name) => `/o/acme/p/default/instances/${name}`;
const enough = { timeout: 60_000 };

// status is the instance's, as its page shows it.
const status = (w, text) => w.page.locator(".head .phase", { hasText: new RegExp(`^${text}$`) });
const ready = (w) => status(w, "Ready").waitFor(enough);
const button = (w, name) => w.page.locator("main").getByRole("button", { name, exact: true });
const tab = (w, name) => w.page.getByRole("navigation", { name: "Pages of this instance" }).getByRole("link", { name }).click();

// order fills the order form in and sends it.
async function order(w, name) {
	await w.go("/o/acme");
	await w.page.locator("main").getByRole("link", { name: "Order a service" }).first().click();
	await w.page.getByRole("link", { name: "Order PostgreSQL" }).click();
	await w.page.getByLabel("Name", { exact: true }).fill(name);
	await button(w, "Order").click();
	await w.page.waitForURL(`**${at(name)}**`);
}

// credentials are what the connect box shows, once it is asked to.
async function credentials(w) {
	await button(w, "Show the password").click();
	await w.page.getByText("You can see the password.").waitFor();
	const way = async (label) => {
		await w.page.locator(".switch > label", { hasText: label }).click();
		return w.page.locator(".switch > .panel:visible code").textContent();
	};
	const folder = mkdtempSync(join(tmpdir(), "souk-connect-"));
	const [file] = await Promise.all([w.page.waitForEvent("download"), w.page.getByRole("link", { name: /^Download / }).click()]);
	await file.saveAs(join(folder, file.suggestedFilename()));
	return { folder, url: await way("URL"), environment: await way("Environment"), psql: await way("psql") };
}

// shell runs a command line as the person would, and returns what it prints.
const shell = (folder, script) => execFileSync("bash", ["-euc", script], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
const query = (c, sql) => shell(c.folder, `${c.environment}\npsql -XAtqc "${sql}"`);

await journey("order, connect, resize, delete and undelete, by clicks", {}, async (w) => {
	await w.login("owner@acme.example");
	await w.go("/catalog");
	await w.page.locator("main").getByRole("link", { name: "PostgreSQL" }).first().click();
	await order(w, "clicked");
	await ready(w);

	const c = await credentials(w);
	w.is("the environment does not connect", query(c, "create table kept (n int); insert into kept values (7); select n from kept") === "7");
	w.is("the URL does not connect", shell(c.folder, `psql -XAtqc 'select n from kept' '${c.url}'`) === "7");
	w.is("the line for psql does not connect", shell(c.folder, `${c.environment}\n${c.psql} -XAtqc 'select n from kept'`) === "7");
	await w.look("connected");
	await w.page.reload();
	w.is("the password is shown without being asked for", !(await w.page.content()).includes(c.url));
	await w.go("/o/acme/audit?object=clicked&action=credential.reveal");
	w.is("the reveal is not recorded", await w.page.locator("tbody tr").count() === 1);
	await w.go(at("clicked"));

	await tab(w, "Settings");
	await w.page.locator(".choice", { hasText: "medium" }).click();
	await w.page.getByLabel("Storage in GiB").fill("20");
	const change = w.page.locator("#change");
	await change.locator("li", { hasText: "Storage in GiB" }).waitFor();
	w.is("what the change costs is not shown", /CHF \d+\.\d\d/.test(await change.textContent()));
	await w.look("resize");
	await button(w, "Make this change").click();
	await w.page.getByText("The change is accepted").waitFor();
	await w.page.locator("aside dd", { hasText: /^medium\s*$/ }).waitFor(enough);
	await ready(w);
	w.is("the log-in did not survive the resize", query(c, "select n from kept") === "7");

	await tab(w, "Settings");
	await button(w, "Take the protection off").click();
	await w.page.getByLabel("Type clicked to confirm").fill("clicked");
	await button(w, "Delete").click();
	await status(w, "Deleted").waitFor(enough);
	w.is("until when it can be brought back is not said", await w.page.getByText(/It can be brought back with its data until \d{4}-\d\d-\d\d/).count() > 0);
	await w.look("deleted");
	let gone = false;
	try { query(c, "select 1"); } catch { gone = true; }
	w.is("a deleted instance answers", gone);

	await button(w, "Bring it back").click();
	await ready(w);
	w.is("the data or the log-in did not come back", query(c, "select n from kept") === "7");
	await w.look("back");
});

await journey("ordering, connecting and changing without JavaScript", { javaScriptEnabled: false }, async (w) => {
	const until = async (text) => {
		for (let n = 0; n < 60 && await status(w, text).count() === 0; n++) {
			await w.page.waitForTimeout(500);
			await w.page.reload();
		}
		w.is(`it is not ${text}`, await status(w, text).count() === 1);
	};
	await w.login("owner@acme.example");
	await order(w, "plain");
	await w.go(at("plain"));
	await until("Ready");
	const c = await credentials(w);
	w.is("the environment does not connect", query(c, "select 1") === "1");
	await w.look("connected");
	await tab(w, "Settings");
	await w.page.getByLabel("Display name").fill("Plain");
	await button(w, "Show what it changes").click();
	await w.look("change");
	await button(w, "Make this change").click();
	await w.page.getByText("Plain", { exact: true }).waitFor();
	await w.go("/o/acme/instances");
	await w.page.getByLabel("Mark plain").check();
	await button(w, "Suspend").click();
	await button(w, "Suspend it").click();
	await w.go(at("plain"));
	await until("Suspended");
});

await journey("HTML in every text field is shown as text", {}, async (w) => {
	w.expected.push("422", "status of 4");
	const evil = `"><script>alert(1)</script><img src=x onerror="alert(2)">`;
	w.page.on("dialog", (d) => { w.wrong.push(`a script ran: ${d.message()}`); d.dismiss(); });
	const harmless = async (where) => {
		await w.page.waitForLoadState("load");
		w.is(`${where}: it became a part of the page`, await w.page.locator("img[src=x]").count() === 0);
		w.is(`${where}: it is not shown as it was typed`, (await w.page.content()).includes("&lt;script&gt;alert(1)") || await w.page.locator("input, textarea").evaluateAll((all, text) => all.some((e) => e.value.includes(text)), evil));
	};
	// Every text field of a form, one form after the other, as the page has them.
	const everyField = async (path, form, send) => {
		await w.go(path);
		for (const d of await w.page.locator(`${form} details`).all()) await d.evaluate((e) => { e.open = true; });
		for (const field of await w.page.locator(`${form} :is(input:not([type=hidden], [type=radio], [type=checkbox]), textarea)`).all()) {
			await field.evaluate((e) => e.removeAttribute("maxlength"));
			await field.fill(evil);
		}
		await w.page.locator(form).getByRole("button", { name: send, exact: true }).first().click();
		await harmless(path);
	};
	await w.login("owner@acme.example");
	await everyField("/o/acme/order/postgresql", "#order", "Order");
	await everyField("/o/acme/instances", "form.filters", "Show");
	await everyField(`${at("orders")}/logs`, "form.filters", "Show");
	await everyField(`${at("orders")}/bindings`, "section:has(#new-binding) form", "Create");
	await w.go(`${at("orders")}/settings`);
	for (const label of ["Display name", "Networks that may connect", "Storage in GiB"]) await w.page.getByLabel(label).fill(evil);
	await w.page.locator("#change .problem, #order-storage-problem:not(:empty)").first().waitFor();
	await harmless("settings");
	await w.go(`${at("orders")}/settings`);
	await w.page.getByLabel("Display name").fill(evil);
	await button(w, "Make this change").click();
	for (const path of [at("orders"), "/o/acme/instances", "/o/acme/instances/bulk?project=default&action=suspend&name=orders"]) {
		await w.go(path);
		await harmless(path);
	}
	souk("update", "orders", "--display-name", "");
});

await journey("an order that is sent twice is one", {}, async (w) => {
	w.expected.push("422");
	await w.login("owner@acme.example");
	await w.go("/o/acme/order/postgresql");
	await w.page.getByLabel("Name", { exact: true }).fill("once");
	await button(w, "Order").dblclick();
	await w.page.waitForURL(`**${at("once")}**`);
	await w.page.goBack();
	await w.page.getByLabel("Name", { exact: true }).fill("once");
	await button(w, "Order").click();
	await w.page.getByRole("alert").getByText("is taken").waitFor();
	// Without the script that holds the second one back.
	await w.go("/o/acme/order/postgresql");
	await w.page.getByLabel("Name", { exact: true }).fill("twice");
	const [one, two] = await w.page.evaluate(async () => {
		const form = document.getElementById("order"), send = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
		return (await Promise.all([send(), send()])).map((r) => r.url);
	});
	w.is(`they lead to ${one} and ${two}`, one === two && one.includes(at("twice")));
	const listed = souk("get", "instances", "-o", "name").split("\n");
	for (const name of ["once", "twice"]) w.is(`${name} is not there once`, listed.filter((line) => line.endsWith(`/${name}`) || line === name).length === 1);
});

await journey("the stream cut and resumed", {}, async (w) => {
	w.expected.push("ERR_", "Failed to fetch");
	const line = await Line.to(BASE);
	await w.login("owner@acme.example", line.url);
	await w.page.goto(line.url + at("orders"));
	await ready(w);
	line.cut();
	souk("update", "orders", "--display-name", "Changed meanwhile");
	w.is("it was not cut", await w.page.getByText("Changed meanwhile", { exact: true }).count() === 0);
	line.mend();
	await w.page.getByText("Changed meanwhile", { exact: true }).waitFor();
	souk("update", "orders", "--display-name", "Changed afterwards");
	await w.page.getByText("Changed afterwards", { exact: true }).waitFor();
	line.close();
});

await journey("a change before the stream begins", {}, async (w) => {
	await w.login("owner@acme.example");
	await w.page.route("**/stream*", (route) => {
		souk("update", "orders", "--display-name", "Changed before the stream");
		return route.continue();
	}, { times: 1 });
	await w.go(at("orders"));
	await w.page.getByText("Changed before the stream", { exact: true }).waitFor();
});

await journey("a backup can be restored from as soon as it is taken", {}, async (w) => {
	await w.login("owner@acme.example");
	await w.go(`${at("orders")}/backups`);
	const taken = (n) => w.page.locator("#backups .phase", { hasText: "Completed" }).nth(n - 1).waitFor(enough);
	const before = await w.page.locator("#backups .phase", { hasText: "Completed" }).count();
	await button(w, "Back up now").click();
	await w.page.getByText("A backup is asked for").waitFor();
	await taken(before + 1);
	const name = w.page.getByLabel("Name of the new instance");
	await name.waitFor();
	await name.fill("typed");
	souk("--context", "acme", "backup", "orders", "--wait");
	await taken(before + 2);
	w.is("what was typed is gone", await name.inputValue() === "typed");
	await w.look("taken");
});

await journey("two tabs that change one instance", {}, async (w) => {
	w.expected.push("412");
	await w.login("owner@acme.example");
	await w.go(`${at("orders")}/settings`);
	const other = await w.context.newPage();
	await other.goto(`${BASE}${at("orders")}/settings`);
	await w.page.getByLabel("Display name").fill("From the first tab");
	await w.page.locator("#change li").waitFor();
	const more = String(Number(await other.getByLabel("Storage in GiB").inputValue()) + 2);
	await other.getByLabel("Storage in GiB").fill(more);
	await other.getByRole("button", { name: "Make this change" }).click();
	await other.getByText("The change is accepted").waitFor();
	await button(w, "Make this change").click();
	const told = w.page.getByRole("alert");
	await told.getByText("Somebody has changed this instance since you opened this page.").waitFor();
	w.is("it is not said what changed", (await told.textContent()).includes("Storage in GiB"));
	w.is("what was typed is gone", await w.page.getByLabel("Display name").inputValue() === "From the first tab");
	w.is("the other's change would be taken back", await w.page.getByLabel("Storage in GiB").inputValue() === more);
	await w.look("told");
	await button(w, "Make this change").click();
	await w.page.getByText("From the first tab", { exact: true }).waitFor();
	await ready(w);
});

await journey("the log goes on as it is written", {}, async (w) => {
	await w.login("owner@acme.example");
	await w.go(`${at("orders")}/logs`);
	await w.page.locator("#log", { hasText: "ready to accept connections" }).waitFor();
	const env = souk("credentials", "orders", "-o", "shell");
	try { shell(tmpdir(), `${env}\npsql -XAtqc 'select no_such_column_anywhere'`); } catch { /* as it should */ }
	await w.page.locator("#log", { hasText: "no_such_column_anywhere" }).waitFor();
	await w.look("log");
	await w.page.getByLabel("Lines that contain").fill("NO_SUCH_COLUMN");
	await button(w, "Show").click();
	await w.page.locator("#log", { hasText: "no_such_column_anywhere" }).waitFor();
	w.is("the search shows other lines too", !(await w.page.locator("#log").textContent()).includes("ready to accept"));
});
