import { browser } from "./walk.mjs";
await import(`./journeys/${process.env.ONE}.mjs`);
await browser.close();
