// Every page that people see, by who looks at it; "" is nobody. journeys/pages.mjs
// looks at each of them: add a page here, and it is held against the rules.
export const pages = {
	"": ["/", "/catalog", "/catalog/postgresql", "/login"],
	"owner@acme.example": [
		"/o/acme",
		"/o/acme/instances",
	],
};
