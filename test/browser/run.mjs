// Walks all journeys, or only those of the files that SOUK_JOURNEYS names, with
// commas between.
import { readdirSync } from "node:fs";
import { browser, souk } from "./walk.mjs";

const only = process.env.SOUK_JOURNEYS?.split(",");
const files = readdirSync(new URL("journeys", import.meta.url)).sort();

// Something to look at.
souk("order", "postgresql", "orders", "--wait");
for (const file of files) if (!only || only.includes(file.replace(".mjs", ""))) await import(`./journeys/${file}`);
await browser.close();
