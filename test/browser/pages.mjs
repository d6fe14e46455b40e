// Every page that people see, by who looks at it; "" is nobody. journeys/pages.mjs
// looks at each of them: add a page here, and it is held against the rules.
export const pages = {
	"": ["/", "/catalog", "/catalog/postgresql", "/login", "/signup", "/verify-email", "/password/forgot", "/password/reset", "/invitation", "/dev/mail"],
	"owner@acme.example": [
		"/o/acme",
		"/organizations/new",
		"/o/acme/instances",
	],
};
