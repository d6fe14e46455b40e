// The list of instances.
import { journey, souk } from "../walk.mjs";

await journey("the list is live", {}, async (w) => {
	await w.login("owner@acme.example");
	await w.go("/o/acme/instances");
	souk("update", "orders", "--display-name", "Orders of the shop");
	await w.page.getByText("Orders of the shop").waitFor();
});
