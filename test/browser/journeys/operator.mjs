// What the operator's staff do: find what runs, see why something does not, and
// look as a customer does, who reads of it.
import { execFileSync } from "node:child_process";
import { BASE, journey, souk } from "../walk.mjs";

const operator = "owner@operator.example";

await journey("the operator finds an instance", {}, async (w) => {
	await w.login(operator);
	await w.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Operations" }).click();
	await w.page.getByRole("heading", { level: 1, name: "Inventory" }).waitFor();
	await w.page.getByLabel("Name contains").fill("order");
	await w.page.getByLabel("Organization").fill("acme");
	await w.page.getByRole("button", { name: "Show" }).click();
	await w.page.waitForURL(/organization=acme/);
	await w.look("found");
	const table = await w.context.request.get(BASE + await w.page.getByRole("link", { name: "Export as CSV" }).getAttribute("href"));
	w.is("the table does not have the instance", (await table.text()).split("\r\n")[1]?.startsWith("acme,default,orders,"));
	await w.page.getByRole("link", { name: "orders", exact: true }).click();
	await w.page.getByRole("heading", { level: 1, name: "orders" }).waitFor();
	await w.page.getByRole("heading", { name: "Timeline" }).waitFor();
	w.is("there is a password", (await w.page.locator("main").textContent()).includes("assword") === false);
	await w.look("instance");
	await w.accessible("an instance of the inventory");
});

await journey("the operator sees why an instance is stuck", {}, async (w) => {
	execFileSync("kill", ["-STOP", process.env.AGENT]); // it carries nothing out
	try {
		souk("order", "postgresql", "waiting");
		souk("dev", "clock", "advance", "3m", "--context", "operator");
		await w.login(operator);
		await w.go("/operator/stuck");
		const row = w.page.getByRole("row", { name: /waiting/ });
		await row.getByText(/It takes longer than it should|Its zone cannot be reached/).waitFor();
		await row.getByText("The zone's provider has to act.").waitFor();
		await w.look("stuck");
		await w.accessible("what is stuck");
		await row.getByRole("link", { name: "waiting" }).click();
		await w.page.getByText(/^Stuck since/).waitFor();
		await w.look("why");
	} finally {
		execFileSync("kill", ["-CONT", process.env.AGENT]);
	}
});

await journey("the operator looks as a customer does, who reads of it", { colorScheme: "dark" }, async (w) => {
	await w.login(operator);
	await w.go("/operator/organizations");
	await w.page.getByRole("link", { name: "acme", exact: true }).click();
	await w.page.getByLabel("Reason").fill("Ticket 4711: an order that does not end");
	await w.page.getByRole("button", { name: "Look", exact: true }).click();
	await w.page.waitForURL(`${BASE}/o/acme`);
	await w.page.getByText("You look as acme does").waitFor();
	await w.look("looking");
	await w.accessible("looking as an organization");
	await w.go("/o/acme/p/default/instances/orders");
	w.is("a change is offered", await w.page.getByRole("button", { name: /delete|show the password/i }).count() === 0);
	w.expected.push("status of 403");
	const refused = await w.page.evaluate(() => fetch("/o/acme/projects", { method: "POST", body: new URLSearchParams({ name: "smuggled" }) }).then((r) => r.status));
	w.is(`a change is answered with ${refused}`, refused === 403);
	await w.page.getByRole("button", { name: "Stop looking" }).click();
	await w.page.waitForURL(/\/operator\/organizations\/acme/);
	await w.go("/operator/instances");
	w.is("the banner stays", await w.page.getByText("You look as acme does").count() === 0);
	await w.logout();
	await w.login("owner@acme.example");
	await w.go("/o/acme/audit");
	for (const action of ["view.start", "view.end"]) {
		const row = w.page.getByRole("row", { name: new RegExp(action.replace(".", "\\.")) }).first();
		await row.getByRole("link", { name: operator }).waitFor();
	}
	const start = w.page.getByRole("row", { name: /view\.start/ }).first();
	await start.locator("summary").click();
	await start.getByText("Ticket 4711: an order that does not end").waitFor();
	await w.look("audit");
});

await journey("what it costs, without JavaScript", { javaScriptEnabled: false }, async (w) => {
	await w.go("/pricing");
	await w.page.getByLabel("Hours this month").fill("100");
	await w.page.getByRole("button", { name: "Add another" }).click();
	await w.page.getByRole("heading", { name: /^2\. / }).waitFor();
	w.is("the URL does not have it", w.page.url().includes("hours=100"));
	await w.page.getByRole("button", { name: "Remove 2" }).click();
	await w.page.getByText("For 100 hours").waitFor();
	await w.look("prices");
});
