// An OpenID Connect provider of a company, for the journeys and the conformance
// suite: oidc-provider, with the people that it is told of. Prints one line of JSON
// with its issuer, and runs until its standard input ends.
//
//	PUT /people/NAME  {"email": …, "email_verified": …, "groups": […]}
//
// NAME is what the person logs in with; any password is right.
import http from "node:http";
import Provider from "oidc-provider";

const people = new Map();
const [redirect, signedOut] = process.argv.slice(2);
const server = http.createServer((request, response) => handle(request, response));
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
	clients: [{ client_id: "souk", client_secret: "company-client-secret", redirect_uris: [redirect], post_logout_redirect_uris: [signedOut] }],
	claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
	scopes: ["openid", "email", "profile", "groups"],
	pkce: { required: () => true },
	cookies: { keys: ["of a test"] },
	findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
});
const serve = provider.callback();

async function handle(request, response) {
	const person = /^\/people\/([a-z-]+)$/.exec(request.url);
	if (request.method !== "PUT" || !person) return serve(request, response);
	let text = "";
	for await (const part of request) text += part;
	people.set(person[1], JSON.parse(text));
	response.writeHead(204).end();
}

console.log(JSON.stringify({ issuer, clientID: "souk", clientSecret: "company-client-secret" }));
process.stdin.resume().on("end", () => process.exit());
