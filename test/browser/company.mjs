// The company's provider, started for a journey.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { BASE } from "./walk.mjs";

export async function startCompany() {
	const child = spawn(process.execPath, [fileURLToPath(new URL("provider.mjs", import.meta.url)), `${BASE}/sso/callback`, `${BASE}/login`], { stdio: ["pipe", "pipe", "ignore"] });
	const [line] = await new Promise((ready) => createInterface(child.stdout).once("line", (text) => ready([text])));
	const company = JSON.parse(line);
	return {
		...company,
		// knows tells the provider of a person.
		knows: (name, claims) => fetch(`${company.issuer}/people/${name}`, { method: "PUT", body: JSON.stringify(claims) }),
		stop: () => child.stdin.end(),
	};
}
