// The list of instances.
import { journey, souk } from "../walk.mjs";

await journey("the list is live", {}, async (w) => {
	await w.login("owner@acme.example");
	await w.go("/o/acme/instances");
	souk("update", "orders", "--display-name", "Orders of the shop");
	await w.page.getByText("Orders of the shop").waitFor();
});

await journey("many at once", {}, async (w) => {
	for (const name of ["many-1", "many-2"]) souk("order", "postgresql", name, "--wait");
	await w.login("owner@acme.example");
	await w.go("/o/acme/instances?q=many");
	const button = (name) => w.page.locator("main").getByRole("button", { name, exact: true });
	w.is("there is something to do with nothing", await button("Suspend").isDisabled());
	await w.page.getByLabel("Mark many-2").check();
	souk("update", "many-1", "--display-name", "Arrived meanwhile");
	await w.page.getByText("Arrived meanwhile").waitFor();
	w.is("the mark is gone after the list was renewed", await w.page.getByLabel("Mark many-2").isChecked() && await button("Suspend").isEnabled());
	await w.page.getByLabel("Mark all on this page").check();
	await w.look("marked");
	await button("Suspend").click();
	await w.page.getByRole("heading", { level: 1, name: "Suspend these 2 instances?" }).waitFor();
	await w.look("asked");
	await button("Suspend all 2").click();
	await w.page.getByText("Suspending them is accepted").waitFor();
	w.is(`the list is another: ${w.page.url()}`, w.page.url().includes("q=many"));
	await w.page.locator("tbody .phase", { hasText: "Suspended" }).nth(1).waitFor();
	await w.page.getByLabel("Mark all on this page").check();
	await button("Resume").click();
	await button("Resume all 2").click();
	await w.page.locator("tbody .phase", { hasText: "Ready" }).nth(1).waitFor({ timeout: 60_000 });
});
