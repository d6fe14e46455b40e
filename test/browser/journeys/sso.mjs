// Single sign-on against a real provider: an owner connects the organization to it,
// a colleague comes in by it.
import { BASE, journey } from "../walk.mjs";
import { startCompany } from "../company.mjs";

const company = await startCompany();
const main = (w) => w.page.locator("main");

await journey("an owner connects the organization to its provider", {}, async (w) => {
	w.expected.push("status of 4");
	await w.login("owner@acme.example");
	await w.page.getByRole("link", { name: "Single sign-on" }).click();
	await main(w).getByText("Not set up").waitFor();
	await w.look("empty");
	await w.page.getByLabel("Issuer").fill(company.issuer + "/");
	await w.page.getByLabel("Client ID").fill(company.clientID);
	await w.page.getByLabel("Client secret").fill(company.clientSecret);
	await w.page.getByLabel("Group 1", { exact: true }).fill("developers");
	await w.page.getByLabel("Role of group 1").selectOption("editor");
	await w.page.getByRole("button", { name: "Save", exact: true }).click();
	await w.page.getByText("Single sign-on is saved.").waitFor();
	await w.page.getByRole("button", { name: "Test the connection" }).click();
	await w.page.getByText("It names itself differently").waitFor();
	await w.page.getByLabel("Issuer").fill(company.issuer);
	await w.page.getByLabel("Client secret").fill(company.clientSecret);
	await w.page.getByRole("button", { name: "Save", exact: true }).click();
	await w.page.getByText("Single sign-on is saved.").waitFor();
	await w.page.getByLabel("Domain", { exact: true }).fill("colleagues.example");
	await w.page.getByRole("button", { name: "Add the domain" }).click();
	await w.page.getByText("Not proven yet").waitFor();
	await w.look("domain");
	await w.page.getByRole("button", { name: /^Check now/ }).click();
	await w.page.getByText("There is no TXT record").waitFor();
	await w.page.getByRole("button", { name: /^Take it as proven/ }).click();
	await w.page.getByText("Bound (simulated)").waitFor();
	await w.page.getByRole("button", { name: "Test the connection" }).click();
	await w.page.getByText("The provider answers, and can be used.").waitFor();
	w.is("the client secret is on the page", !(await w.page.content()).includes(company.clientSecret));
	await w.go("/o/acme/sso");
	await w.accessible("/o/acme/sso");
	await w.look("connected");
});

await company.knows("ann", { email: "ann@colleagues.example", email_verified: true, name: "Ann Field", groups: ["developers", "chess"] });

// comes signs ann in at the provider.
async function comes(w) {
	w.expected.push("Failed to load resource"); // of the provider's pages: fonts, an icon
	await w.page.getByRole("link", { name: "Continue with single sign-on" }).click();
	await w.page.getByLabel("E-mail address at work").fill("ann@colleagues.example");
	await w.page.getByRole("button", { name: "Continue" }).click();
	await w.page.waitForURL(`${company.issuer}/**`);
	await w.page.getByPlaceholder("Enter any login").fill("ann");
	await w.page.getByPlaceholder("and password").fill("any");
	await w.page.getByRole("button", { name: "Sign-in" }).click();
	await w.page.getByRole("button", { name: "Continue" }).click();
	await w.page.waitForURL(`${BASE}/**`);
}

for (const [name, options] of [["with", {}], ["without", { javaScriptEnabled: false }]]) {
	await journey(`a colleague comes by single sign-on ${name} scripts`, options, async (w) => {
		await w.go("/login?return=/o/acme/instances");
		await comes(w);
		w.is(`she wanted to the instances, and is at ${w.page.url()}`, w.page.url() === `${BASE}/o/acme/instances`);
		await w.page.getByText("ann@colleagues.example").first().waitFor();
		await w.go("/o/acme/members");
		const row = w.page.getByRole("row").filter({ hasText: "ann@colleagues.example" });
		w.is("her role is not the group's", (await row.innerText()).includes("Editor"));
		w.is("an editor sees single sign-on", await w.page.getByRole("link", { name: "Single sign-on" }).count() === 0);
		await w.look("in");
		await w.page.getByRole("button", { name: "Log out" }).click();
		await w.page.waitForURL(`${company.issuer}/**`);
		await w.page.getByRole("button", { name: "Yes, sign me out" }).click();
		await w.page.waitForURL(`${BASE}/login**`);
		await w.go("/o/acme");
		w.is("she is still in", w.page.url().includes("/login"));
	});
}

for (const scheme of ["light", "dark"]) {
	await journey(`single sign-on on a phone, ${scheme}`, { size: "phone", colorScheme: scheme }, async (w) => {
		await w.go("/sso/start");
		await w.accessible("/sso/start");
		await w.look("start");
		await w.login("owner@acme.example");
		await w.go("/o/acme/sso");
		await w.accessible("/o/acme/sso");
		await w.look("settings");
	});
}

await journey("an owner ends single sign-on", { locale: "de-CH" }, async (w) => {
	await w.login("owner@acme.example");
	await w.go("/o/acme/sso");
	await w.page.locator("summary", { hasText: "Beenden" }).click();
	await w.look("end");
	await w.page.getByRole("button", { name: /^Beenden/ }).click();
	await w.page.getByText("Single Sign-on ist beendet.").waitFor();
	await w.page.locator("summary", { hasText: "Entfernen" }).click();
	await w.page.getByRole("button", { name: /^Entfernen/ }).click();
	await w.page.getByText("Die Domain ist entfernt.").waitFor();
});

company.stop();
