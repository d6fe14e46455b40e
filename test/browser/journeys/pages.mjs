// What holds on every page: axe finds nothing, light and dark; nothing overflows
// from 360 px to 3840; the HTML is valid; in German as well.
import { HtmlValidate } from "html-validate";
import { BASE, journey, souk } from "../walk.mjs";
import { pages } from "../pages.mjs";

const validator = new HtmlValidate({ extends: ["html-validate:standard"], elements: ["html5"] });

const { result } = JSON.parse(souk("--context", "operator", "conformance", "run", "--service", "redis", "--zone", "local", "--capability", "logs", "-o", "json"));
const backup = JSON.parse(souk("--context", "acme", "backup", "orders", "--wait", "-o", "json"));
souk("--context", "acme", "budgets", "set", "everything", "--amount", "500");
const [line] = JSON.parse(souk("--context", "acme", "invoices", "--draft", "-o", "json")).lines;

async function each(w, look) {
	for (const [who, paths] of Object.entries(pages)) {
		if (who) await w.login(who);
		for (const path of paths) await look(path.replace("{result}", result.id).replace("{backup}", backup.id).replace("{line}", line.key), path.replaceAll(/\W/g, "_"));
		if (who) await w.logout();
	}
}

for (const scheme of ["light", "dark"]) {
	await journey(`every page is accessible, ${scheme}`, { colorScheme: scheme }, (w) => each(w, async (path, name) => {
		await w.go(path);
		await w.look(name);
		await w.accessible(name);
	}));
}

await journey("every page on a phone", { size: "phone", colorScheme: "dark" }, (w) => each(w, async (path, name) => {
	await w.go(path);
	await w.look(name);
}));

await journey("every page on a wide screen, in German", { size: "wide", locale: "de-CH" }, (w) => each(w, async (path, name) => {
	await w.go(path);
	await w.look(name);
	w.is(`${path} is not in German`, await w.page.getAttribute("html", "lang") === "de");
}));

await journey("every page is valid HTML", {}, (w) => each(w, async (path) => {
	const answer = await w.context.request.get(BASE + path);
	w.is(`${path} answers ${answer.status()}`, answer.ok());
	const { results } = await validator.validateString(await answer.text());
	for (const m of results.flatMap((r) => r.messages)) w.wrong.push(`${path}:${m.line}: ${m.message} (${m.ruleId})`);
}));
