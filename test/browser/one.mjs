// Looks at the page of one instance, whose owner is logged in: its phase, and
// words that have to be there. test/e2e uses it.
import { Walk, browser } from "./walk.mjs";

const [name, phase, words] = process.argv.slice(2);
const w = await Walk.begin(`${name} ${phase}`);
await w.login("owner@acme.example");
await w.go(`/o/acme/p/default/instances/${name}`);
await w.page.locator(".head .phase", { hasText: new RegExp(`^${phase}$`) }).waitFor();
if (words) await w.page.locator("main").getByText(words).first().waitFor();
await w.look("page");
await w.end();
await browser.close();
if (w.wrong.length > 0) {
	console.error(w.wrong.join("\n"));
	process.exit(1);
}
