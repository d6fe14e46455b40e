// From nobody to a running database, and from an invitation to a member, with
// what the mails say.
import { BASE, journey } from "../walk.mjs";

const PASSWORD = "correct horse battery staple";
let owner; // who signed up

// arrived returns once souk dev has caught so many mails to the address.
async function arrived(w, to, subject, many) {
	for (const end = Date.now() + 15_000; Date.now() < end; await w.page.waitForTimeout(200)) {
		const { items } = await (await w.context.request.get(`${BASE}/api/v1/dev/mail`)).json();
		if (items.filter((m) => m.to === to && m.subject.includes(subject)).length >= many) return;
	}
	throw new Error(`fewer than ${many} mails "${subject}" to ${to}`);
}

// mail opens the newest of so many mails to the address, and follows its link.
async function mail(w, to, subject, link, many = 1) {
	await arrived(w, to, subject, many);
	await w.go("/dev/mail");
	await w.page.getByRole("row").filter({ hasText: to }).filter({ hasText: subject }).first().getByRole("link").click();
	await w.page.getByRole("heading", { level: 1, name: subject }).waitFor();
	await w.look(`mail ${subject}`);
	await w.accessible(`mail ${subject}`);
	await w.page.frameLocator("iframe").getByRole("link", { name: link }).click();
}

// held looks at the page, and holds it against the rules in light and dark.
async function held(w, name) {
	for (const colorScheme of ["light", "dark"]) {
		await w.page.emulateMedia({ colorScheme });
		await w.look(`${name} ${colorScheme}`);
		await w.accessible(`${name} ${colorScheme}`);
	}
	await w.page.emulateMedia({ colorScheme: "light" });
}

await journey("from nobody to a running database", {}, async (w) => {
	w.expected.push("422", "status of 4", "Failed to fetch"); // a refused form, and a price that is asked for when one orders
	owner = `ann.${Date.now()}@example.org`;
	await w.go("/");
	await w.page.getByRole("banner").getByRole("link", { name: "Sign up" }).click();
	await held(w, "sign-up");
	await w.page.getByLabel("E-mail address").fill(owner);
	await w.page.getByLabel("Password").fill(PASSWORD);
	await w.page.getByLabel("Organization").fill("Acme");
	w.is("the short name does not follow", await w.page.getByLabel("Short name").inputValue() === "acme");
	await w.page.getByRole("main").getByRole("button", { name: "Sign up" }).click();
	await w.page.getByText("is taken").first().waitFor();
	w.is("the address that was typed is gone", await w.page.getByLabel("E-mail address").inputValue() === owner);
	await w.look("sign-up refused");
	const name = `anns-${Date.now()}`;
	await w.page.getByLabel("Organization").fill("Ann's Bäckerei");
	await w.page.getByLabel("Short name").fill(name);
	await w.page.getByLabel("Password").fill(PASSWORD);
	await w.page.getByRole("main").getByRole("button", { name: "Sign up" }).click();
	await w.page.waitForURL(/\/signup\/sent/);
	await held(w, "sent");
	await w.page.getByRole("button", { name: "Send the mail again" }).click();
	await w.page.getByRole("status").waitFor();
	w.is("the address of a page names the person", !w.page.url().includes("ann"));

	await w.go("/login");
	await w.page.getByLabel("E-mail address").fill(owner);
	await w.page.getByLabel("Password").fill(PASSWORD);
	await w.page.getByRole("main").getByRole("button", { name: "Log in" }).click();
	await w.page.waitForURL(/\/signup\/sent/); // nobody gets in before

	await mail(w, owner, "Confirm your e-mail address", "Confirm the address", 2); // the first one is replaced
	await w.page.waitForURL(`${BASE}/verify-email`);
	await held(w, "confirm");
	await w.page.getByRole("button", { name: "Confirm and log in" }).click();
	await w.page.waitForURL(new RegExp(`/o/${name}`));
	await w.page.getByText("Welcome!").waitFor();
	await held(w, "welcome");

	await w.page.getByRole("main").getByRole("link", { name: /^Order/ }).first().click();
	await w.page.getByRole("link", { name: "Order PostgreSQL" }).click();
	await w.page.getByLabel("Name", { exact: true }).fill("first");
	await w.page.getByRole("main").getByRole("button", { name: "Order", exact: true }).click();
	await w.page.waitForURL(/instances\/first/);
	await w.page.getByRole("main").getByText("Ready", { exact: true }).first().waitFor({ timeout: 90_000 });
	await w.look("ready");
});

await journey("invite and join", {}, async (w) => {
	const colleague = `bob.${Date.now()}@example.org`;
	await w.login("owner@acme.example");
	await w.go("/o/acme/members");
	await w.page.getByLabel("E-mail address").fill(colleague);
	await w.page.getByRole("radio", { name: /Editor/ }).check();
	await w.page.getByRole("button", { name: "Send the invitation" }).click();
	await w.page.getByText("on its way").waitFor();
	await held(w, "members");
	await w.page.getByRole("row").filter({ hasText: colleague }).getByRole("button", { name: "Send again" }).click();
	await w.page.getByText("on its way again").waitFor();

	// With the owner's account it is refused, and says why.
	await mail(w, colleague, "You are invited to acme", "See the invitation", 2);
	await w.page.waitForURL(`${BASE}/invitation`);
	await w.page.getByText(`This invitation is for ${colleague}`).waitFor();
	await held(w, "another's");
	await w.page.getByRole("main").getByRole("button", { name: "Log out" }).click();
	await w.page.waitForURL(`${BASE}/invitation`);
	await held(w, "invitation");
	await w.page.getByLabel("Password").fill(PASSWORD);
	await w.page.getByRole("button", { name: "Join" }).click();
	await w.page.waitForURL(/\/o\/acme/);
	await w.page.getByText("You are a member now").waitFor();
	await w.go("/o/acme/members");
	w.is("the colleague is no editor", await w.page.getByRole("row").filter({ hasText: colleague }).getByText("Editor").isVisible());

	// The link again: it says that it has been used.
	w.expected.push("status of 4");
	await mail(w, colleague, "You are invited to acme", "See the invitation", 2);
	await w.page.getByText("has been redeemed").waitFor();
	await held(w, "redeemed");
});

await journey("a forgotten password, without JavaScript", { javaScriptEnabled: false }, async (w) => {
	await w.go("/login");
	await w.page.getByRole("link", { name: "Forgot the password?" }).click();
	await w.page.getByLabel("E-mail address").fill(owner);
	await w.page.getByRole("button", { name: "Send a link" }).click();
	await w.page.waitForURL(/\/password\/sent/);
	await w.look("sent");
	await arrived(w, owner, "new password", 1);
	await w.go("/dev/mail");
	await w.page.getByRole("row").filter({ hasText: owner }).filter({ hasText: "new password" }).first().getByRole("link").click();
	await w.page.getByRole("link", { name: /token=/ }).click();
	await w.page.waitForURL(`${BASE}/password/reset`);
	await w.look("reset");
	await w.page.getByLabel("Password").fill("another horse battery");
	await w.page.getByRole("button", { name: "Set the password" }).click();
	await w.page.getByText("The new password is set").waitFor();
	await w.page.getByLabel("E-mail address").fill(owner);
	await w.page.getByLabel("Password").fill("another horse battery");
	await w.page.getByRole("main").getByRole("button", { name: "Log in" }).click();
	await w.page.waitForURL(/\/o\//);
});
